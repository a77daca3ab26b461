"""What dies while a run goes on over four hosts, and what becomes of the run: it completes with the right digest, or it
ends and can be resumed, in bounded time.

RANKINE_DEATHS=20 repeats each at so many random moments (RANKINE_DEATHS_SEED), and prints a line for each."""
import random
import re
import signal
import threading

from cluster_test import *

REPEATS = int(os.environ.get("RANKINE_DEATHS", "1"))
SEED = int(os.environ.get("RANKINE_DEATHS_SEED", str(time.time_ns() // 1000 % 10**9)))
TASKS, MS, BOUND = 5000, 10, 30
JOB = [kernel("slow"), f"ms={MS}", "--repeat", TASKS, "--block", 4]
SLOTS = 2


def ranks_of(cluster, node):
    """{rank: pid} of a node's ranks."""
    found = {}
    for pid in map(int, cluster.control("pids", node, expect=None).stdout.split()):  # 1: none
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


def pids_of(cluster, node, name):
    found = []
    for pid in map(int, cluster.control("pids", node).stdout.split()):
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == name:
                    found.append(pid)
        except OSError:
            pass
    assert found, f"no {name} on {node}"
    return found


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


def check_losses(said):
    """What the run said it had lost is in the file, host by host. said: None of a run that could not say it."""
    session = summary("info", "out.h5")["sessions"][0]
    lost = {host["host"]: host["ranks_lost"] for host in session["hosts_lost"]}
    assert sum(lost.values()) == session["ranks_lost"] and all(0 < n <= SLOTS for n in lost.values()), session
    if said is not None:
        told = re.search(r"^  lost +(\d+) rank", said, re.MULTILINE)
        assert session["ranks_lost"] == (int(told[1]) if told else 0), (session, said)


def trial(event, completes, dice, latest):
    """One run, and what happens to it in its first part, up to `latest` of the whole. completes: the exit code is 0, else
    75 and a resume completes it."""
    if os.path.exists("out.h5"):
        os.remove("out.h5")
    with Cluster(4) as cluster:
        process = cluster.start(RANKINE, "run", *JOB, "--hostfile", cluster.hostfile(slots=SLOTS), "-n", 4 * SLOTS, "-o",
                                "out.h5", "--force")
        wait_until("tasks are done", lambda: done_of("out.h5") > 0)
        time.sleep(dice.uniform(0, latest * TASKS * MS / 1000 / (4 * SLOTS)))
        before = done_of("out.h5")
        event(cluster, dice)
        seconds, out, err = wait_for_end(process, cluster)
        code = process.returncode
        print(f"{event.__name__:24} at {before:5} of {TASKS}: exit code {code} after {seconds:5.1f} s", flush=True)
        left = (TASKS - before) * MS / 1000 / (4 * SLOTS - SLOTS)
        assert code == (0 if completes else 75), f"exit code {code}\n{out}\n{err}"
        assert seconds < BOUND + left, f"{seconds} s\n{out}\n{err}"
    check_losses(out if completes else None)
    if not completes:
        command("verify", "out.h5", expect=None)
        command("resume", "out.h5", "-n", 7, "-q")
    assert digest("out.h5") == expected_digest()
    command("verify", "out.h5")
    return err


def trials(event, completes, says="", latest=0.6):
    print("seed", SEED)
    dice = random.Random(f"{SEED} {event.__name__}")
    expected_digest()
    for _ in range(REPEATS):
        err = trial(event, completes, dice, latest)
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
    os.kill(pids_of(cluster, others(dice), "orted")[0], signal.SIGKILL)


def a_host_loses_power(cluster, dice):
    cluster.control("poweroff", others(dice))


def a_line_is_cut_for_5_s(cluster, dice):
    node = others(dice)
    cluster.control("cut", node)
    time.sleep(5)
    cluster.control("heal", node)  # the others have not done all by then
    assert done_of("out.h5") < TASKS


def a_line_is_cut(cluster, dice):
    cluster.control("cut", others(dice))


def a_host_freezes(cluster, dice):
    cluster.control("freeze", others(dice))


def rank_0_is_killed(cluster, _):
    os.kill(ranks_of(cluster, "node1")[0], signal.SIGKILL)


def mpirun_is_killed(cluster, _):
    os.kill(pids_of(cluster, "node1", "mpirun")[0], signal.SIGKILL)


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
    host, = summary("info", "out.h5")["sessions"][0]["hosts_lost"]
    assert host["host"] in ("node2", "node3", "node4") and host["ranks"] == host["ranks_lost"] == SLOTS, host
    assert f"2 of 2 on {host['host']}\n" in command("info", "out.h5").stdout


def a_daemon():
    trials(a_daemon_is_killed, True)


def power():
    trials(a_host_loses_power, True, "is lost")


def a_short_cut():
    trials(a_line_is_cut_for_5_s, True, latest=0.3)


def a_cut():
    trials(a_line_is_cut, True, "is lost")


def a_freeze():
    trials(a_host_freezes, True, "is lost")


def rank_0():
    trials(rank_0_is_killed, False)


def mpirun():
    trials(mpirun_is_killed, False)
    a_killed_mpirun_leaves_nothing_on_its_host()


def a_killed_mpirun_leaves_nothing_on_its_host():
    with Cluster(2) as cluster:
        def left():
            return cluster.run("sh", "-c", "ls -A $TMPDIR").stdout.split()
        process = cluster.start(RANKINE, "run", *JOB, "--hostfile", cluster.hostfile(), "-n", 2, "-o", "left.h5")
        wait_until("tasks are done", lambda: done_of("left.h5") > 0)
        assert any(name.startswith("ompi.") for name in left()), left()
        mpirun_is_killed(cluster, None)
        wait_for_end(process, cluster)
        assert not left(), left()


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def are_gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") and state_of(pid) not in "ZX" for pid in pids)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def a_thawed_host_writes_nothing():
    """Its ranks were stopped, the run was ended and resumed elsewhere, and gave other results: those stay."""
    with Cluster(4) as cluster:
        process = cluster.start(RANKINE, "run", kernel("drift"), "--repeat", TASKS, "--block", 4, "--hostfile",
                                cluster.hostfile(slots=SLOTS), "-n", 4 * SLOTS, "-o", "drift.h5", "--force")
        wait_until("tasks are done", lambda: done_of("drift.h5") > TASKS // 10)
        ranks = ranks_of(cluster, "node3").values()
        cluster.control("freeze", "node3")
        rest = [pid for node in (1, 2, 4) for pid in ranks_of(cluster, f"node{node}").values()]
        began = time.monotonic()
        launcher = [pid for pid in pids_of(cluster, "node1", "rankine") if pid not in rest]
        signal_all([*launcher, *pids_of(cluster, "node1", "mpirun")], signal.SIGKILL)
        process.wait(BOUND)
        wait_until("the other hosts have ended", lambda: are_gone(rest), BOUND)
        command("resume", "drift.h5", "-n", 3, "-q")
        before = digest("drift.h5")
        time.sleep(max(0, 10 - (time.monotonic() - began)))
        assert not are_gone(ranks), "the stopped ranks have ended before they were let go"
        cluster.control("thaw", "node3")
        wait_until("the thawed ranks have ended", lambda: are_gone(ranks), BOUND)
        assert digest("drift.h5") == before
        command("verify", "drift.h5")


def a_typed_mpirun():
    """Without recovery, with rank 0 on another host: mpirun stays for ever, but who is lost is said, and the ranks end."""
    job, seconds = [kernel("slow"), f"ms={MS}", "--repeat", 3000, "--block", 4], BOUND + 3000 * MS / 1000
    with Cluster(3) as cluster:
        hosts = cluster.hostfile(nodes=["node2", "node3"])
        for lost in "node2", "node3":
            with open("said", "w") as said:
                process = subprocess.Popen(cluster.words(["mpirun", "--hostfile", hosts, "-n", 2, RANKINE, "run", *job, "-o",
                                                          "typed.h5", "--force"], "node1"), stdout=said, stderr=said,
                                           stdin=subprocess.DEVNULL, env=cluster.environment, start_new_session=True)
            wait_until("tasks are done", lambda: done_of("typed.h5") > 0)
            cluster.control("cut", lost)
            expected = "rank 0 on node2 is not heard of any more: the ranks on node3 end" if lost == "node2" else \
                "mpirun may wait for the lost ranks for ever"
            wait_until(f"it is said that {lost} is lost", lambda: expected in open("said").read(), seconds)
            # rank 0, if it is there, computes on by itself
            wait_until("the ranks have ended", lambda: not [1 for node in ("node2", "node3") for _ in ranks_of(cluster, node)],
                       seconds)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            cluster.control("heal", lost)
            os.remove("typed.h5")


main([a_thawed_host_writes_nothing, a_typed_mpirun, a_slow_host, a_worker, both_of_a_host, a_daemon, power, a_short_cut,
      a_cut, a_freeze, rank_0, mpirun])
