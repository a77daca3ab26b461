"""Ranks of one host that die while the others go on. RANKINE_DEATHS repeats each at so many random moments."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import *

REPEATS = int(os.environ.get("RANKINE_DEATHS", "4"))
SEED = int(os.environ.get("RANKINE_DEATHS_SEED", str(time.time_ns() // 1000 % 10**9)))
DICE = random.Random(SEED)
RANKS = 4
SURVIVES = mpirun_version() < 5  # later ones end the job, which can be resumed
SLOW = [kernel("slow"), "ms=5", "--repeat", 800, "--block", 2]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def rank_of(pid):
    try:
        with open(f"/proc/{pid}/environ") as file:
            return int(dict(word.split("=", 1) for word in file.read().split("\0") if "=" in word)["OMPI_COMM_WORLD_RANK"])
    except (OSError, KeyError):
        return -1


def ranks_of(launcher):
    """Pids, that of rank 0 first; those that are still starting come before."""
    mpirun = [pid for pid in children(launcher) if name_of(pid) in ("mpirun", "prterun")]
    return sorted(children(mpirun[0]), key=rank_of) if mpirun else []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_of(process, seconds=40):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_all(process)
        raise AssertionError(f"it did not end in {seconds} s") from None
    return process.returncode, err


def fresh(*words):
    for name in ("out.h5", "out.h5.logs"):
        subprocess.run(["rm", "-rf", name], check=True)
    return start("run", *words, "-n", RANKS, "-o", "out.h5", "-q")


def trials(words, strike, codes=(0,), whole=0):
    """strike: gives the pids of the ranks it killed; none if the run was over by then, as on a slow machine: another is
    begun. whole: the exit code of a run that nothing happens to."""
    print("seed", SEED)
    run(*words, n=2, out="whole.h5", expect=whole)
    struck, tries = 0, 0
    while struck < REPEATS:
        tries += 1
        assert tries <= 10 * REPEATS, f"{tries - 1} runs, and {struck} of them struck before they were over"
        process = fresh(*words)
        killed = strike(process)
        code, err = end_of(process)
        print("exit code", code, "killed", killed, flush=True)
        assert code in codes or (code == 75 and not SURVIVES), (code, err)
        if code == 75:
            command("resume", "out.h5", "-n", 2, "-q", expect=whole)
        if code in (whole, 75):
            assert digest("out.h5") == digest("whole.h5"), err
            command("verify", "out.h5")
        struck += len(killed) > 0


def when_tasks_are_done(process):
    """The ranks but the first. What has no rank is starting or ending."""
    wait_until("tasks are done", lambda: done_of("out.h5") > 0 or process.poll() is not None)
    time.sleep(DICE.uniform(0, 0.2))
    return [pid for pid in ranks_of(process.pid) if rank_of(pid) > 0]


def a_rank_that_is_killed_costs_what_it_was_computing():
    def strike(process):
        pids = when_tasks_are_done(process)
        chosen = DICE.sample(pids, min(1, len(pids)))
        for pid in chosen:
            kill(pid)
        return chosen
    trials(SLOW, strike)


def all_ranks_but_the_first_may_be_killed():
    def strike(process):
        pids = when_tasks_are_done(process)
        for pid in pids:
            kill(pid)
        return pids
    trials(SLOW, strike)


def values_in_the_log_of_a_dead_rank_are_taken_from_who_committed_them():
    def strike(process):
        wait_until("there is a log", lambda: os.path.exists(f"out.h5.logs/1-{RANKS - 1}.log") or
                   process.poll() is not None)
        time.sleep(DICE.uniform(0, 0.1))
        pids = [pid for pid in ranks_of(process.pid) if rank_of(pid) == RANKS - 1]
        for pid in pids:
            kill(pid)
        return pids
    trials([kernel("emit"), "most=20", "bytes=2000000", "us=3000", "--repeat", 80, "--block", 1], strike, codes=(FAILED_TASKS,),
           whole=FAILED_TASKS)


def a_death_while_ranks_start_ends_the_run():
    """Before the first task all are needed. It ends without a file, or can be resumed, or it was too late."""
    def strike(process):
        wait_until("ranks are started", lambda: len(ranks_of(process.pid)) == RANKS or process.poll() is not None)
        time.sleep(DICE.uniform(0, 0.4))
        pids = ranks_of(process.pid)[-1:]
        for pid in pids:
            kill(pid)
        return pids or [-1]  # too late counts
    trials(SLOW, strike, codes=(0, 1, 75))


def a_rank_may_die_with_its_workers():
    def strike(process):
        pids = when_tasks_are_done(process)
        chosen = DICE.sample(pids, min(1, len(pids)))
        for pid in chosen:
            for one in DICE.sample([pid, *descendants(pid)[1:]], 2) + [pid]:
                kill(one)
                time.sleep(DICE.uniform(0, 0.05))
        return chosen
    trials([*SLOW, "--isolate"], strike, codes=(0, 3))


main([a_rank_that_is_killed_costs_what_it_was_computing, all_ranks_but_the_first_may_be_killed,
      values_in_the_log_of_a_dead_rank_are_taken_from_who_committed_them, a_death_while_ranks_start_ends_the_run,
      a_rank_may_die_with_its_workers])
