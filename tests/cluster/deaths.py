"""What dies while a run goes on over four hosts, and what becomes of the run: it completes with the right digest, or it
ends and can be resumed, in bounded time.

RANKINE_DEATHS=20 repeats each at so many random moments (RANKINE_DEATHS_SEED), and prints a line for each."""
import random
import threading

from cluster_test import *

REPEATS = int(os.environ.get("RANKINE_DEATHS", "1"))
SEED = int(os.environ.get("RANKINE_DEATHS_SEED", str(time.time_ns() // 1000 % 10**9)))
TASKS, MS, BOUND = 3000, 10, 30
JOB = [kernel("slow"), f"ms={MS}", "--repeat", TASKS, "--block", 4]
SLOTS = 2


def ranks_of(cluster, node):
    """{rank: pid} of a node's ranks."""
    found = {}
    for pid in map(int, cluster.control("pids", node).stdout.split()):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                words = file.read().split(b"\0")
            with open(f"/proc/{pid}/comm") as file:
                name = file.read().strip()
        except OSError:
            continue
        for word in words:
            if word.startswith(b"OMPI_COMM_WORLD_RANK=") and name.startswith("rankine"):
                found[int(word.split(b"=")[1])] = pid
    return found


def named(cluster, node, name):
    for pid in map(int, cluster.control("pids", node).stdout.split()):
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == name:
                    return pid
        except OSError:
            pass
    raise AssertionError(f"no {name} on {node}")


def expected_digest():
    if not os.path.exists("alone.h5"):
        run(*JOB, n=16, out="alone.h5")
    return digest("alone.h5")


def wait_for_end(process, cluster):
    began = time.monotonic()
    try:
        out, err = process.communicate(timeout=BOUND + TASKS * MS / 1000)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end:\n{out}\n{err}") from None
    return time.monotonic() - began, out, err


def trial(event, completes, dice):
    """One run, and what happens to it. completes: the exit code is 0, else 75 and a resume completes it."""
    if os.path.exists("out.h5"):
        os.remove("out.h5")
    with Cluster(4) as cluster:
        process = cluster.start(RANKINE, "run", *JOB, "--hostfile", cluster.hostfile(slots=SLOTS), "-n", 4 * SLOTS, "-o",
                                "out.h5", "--force")
        wait_until("tasks are done", lambda: done_of("out.h5") > 0)
        time.sleep(dice.uniform(0, 0.6 * TASKS * MS / 1000 / (4 * SLOTS)))
        before = done_of("out.h5")
        event(cluster, dice)
        seconds, out, err = wait_for_end(process, cluster)
        code = process.returncode
        print(f"{event.__name__:24} at {before:5} of {TASKS}: exit code {code} after {seconds:5.1f} s", flush=True)
        left = (TASKS - before) * MS / 1000 / (4 * SLOTS - SLOTS)
        assert code == (0 if completes else 75), f"exit code {code}\n{out}\n{err}"
        assert seconds < BOUND + left, f"{seconds} s\n{out}\n{err}"
    if not completes:
        command("verify", "out.h5", expect=None)
        command("resume", "out.h5", "-n", 3, "-q")
    assert digest("out.h5") == expected_digest()
    command("verify", "out.h5")
    return err


def trials(event, completes, says=""):
    print("seed", SEED)
    dice = random.Random(f"{SEED} {event.__name__}")
    expected_digest()
    for _ in range(REPEATS):
        err = trial(event, completes, dice)
        assert says in err, err


# ---- what happens ----

def others(dice):
    return f"node{dice.randint(2, 4)}"


def a_worker_is_killed(cluster, dice):
    node = dice.choice(cluster.nodes)
    rank, pid = dice.choice([one for one in ranks_of(cluster, node).items() if one[0] != 0])
    os.kill(pid, signal.SIGKILL)


def two_of_a_host_are_killed(cluster, dice):
    for pid in ranks_of(cluster, others(dice)).values():
        os.kill(pid, signal.SIGKILL)


def a_daemon_is_killed(cluster, dice):
    os.kill(named(cluster, others(dice), "orted"), signal.SIGKILL)


def a_host_loses_power(cluster, dice):
    cluster.control("poweroff", others(dice))


def a_line_is_cut_for_5_s(cluster, dice):
    node = others(dice)
    cluster.control("cut", node)
    time.sleep(5)
    cluster.control("heal", node)


def a_line_is_cut(cluster, dice):
    cluster.control("cut", others(dice))


def a_host_freezes(cluster, dice):
    cluster.control("freeze", others(dice))


def rank_0_is_killed(cluster, _):
    os.kill(ranks_of(cluster, "node1")[0], signal.SIGKILL)


def mpirun_is_killed(cluster, _):
    os.kill(named(cluster, "node1", "mpirun"), signal.SIGKILL)


class Slowly:
    """The ranks of a host run a tenth of the time."""

    def __init__(self, pids):
        self.pids, self.ends = pids, False
        self.thread = threading.Thread(target=self.brake)

    def signal(self, number):
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def brake(self):
        while not self.ends:
            self.signal(signal.SIGSTOP)
            time.sleep(0.09)
            self.signal(signal.SIGCONT)
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()


# ---- the tests ----

def a_slow_host():
    """Ten times slower than the others: it does not hold up the end."""
    with Cluster(4) as cluster:
        process = cluster.start(RANKINE, "run", *JOB, "--hostfile", cluster.hostfile(slots=SLOTS), "-n", 4 * SLOTS, "-o",
                                "out.h5")
        wait_until("tasks are done", lambda: done_of("out.h5") > 0)
        with Slowly(list(ranks_of(cluster, "node3").values())):
            seconds, out, err = wait_for_end(process, cluster)
    ideal = TASKS * MS / 1000 / (3 * SLOTS)
    print(f"ended after {seconds:.1f} s; three hosts alone need {ideal:.1f} s")
    assert process.returncode == 0 and seconds < 2 * ideal + 4, (process.returncode, out, err)
    assert digest("out.h5") == expected_digest()


def a_worker():
    trials(a_worker_is_killed, True, "has died")


def both_of_a_host():
    trials(two_of_a_host_are_killed, True, "is lost")


def a_daemon():
    trials(a_daemon_is_killed, True)


def power():
    trials(a_host_loses_power, True, "is lost")


def a_short_cut():
    trials(a_line_is_cut_for_5_s, True)


def a_cut():
    trials(a_line_is_cut, True, "is lost")


def a_freeze():
    trials(a_host_freezes, True, "is lost")


def rank_0():
    trials(rank_0_is_killed, False)


def mpirun():
    trials(mpirun_is_killed, False)


main([a_slow_host, a_worker, both_of_a_host, a_daemon, power, a_short_cut, a_cut, a_freeze, rank_0, mpirun])
