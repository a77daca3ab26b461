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
SLOW = [kernel("slow"), "ms=5", "--repeat", 400, "--block", 2]


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


def ranks_of(launcher):
    """Pids in the order in which mpirun started them."""
    mpirun = [pid for pid in children(launcher) if name_of(pid) == "mpirun"]
    return sorted(children(mpirun[0])) if mpirun else []


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
    """whole: the exit code of a run that nothing happens to."""
    print("seed", SEED)
    run(*words, n=2, out="whole.h5", expect=whole)
    for _ in range(REPEATS):
        process = fresh(*words)
        strike(process)
        code, err = end_of(process)
        print("exit code", code, flush=True)
        assert code in codes, (code, err)
        if code == 75:
            command("resume", "out.h5", "-n", 2, "-q", expect=whole)
        if code in (whole, 75):
            assert digest("out.h5") == digest("whole.h5"), err
            command("verify", "out.h5")


def when_tasks_are_done(process):
    wait_until("tasks are done", lambda: done_of("out.h5") > 0)
    time.sleep(DICE.uniform(0, 0.2))
    return ranks_of(process.pid)


def a_rank_that_is_killed_costs_what_it_was_computing():
    def strike(process):
        kill(DICE.choice(when_tasks_are_done(process)[1:]))
    trials(SLOW, strike)


def all_ranks_but_the_first_may_be_killed():
    def strike(process):
        for pid in when_tasks_are_done(process)[1:]:
            kill(pid)
    trials(SLOW, strike)


def values_in_the_log_of_a_dead_rank_are_taken_from_who_committed_them():
    def strike(process):
        wait_until("there is a log", lambda: os.path.exists(f"out.h5.logs/1-{RANKS - 1}.log"))
        time.sleep(DICE.uniform(0, 0.1))
        for pid in ranks_of(process.pid)[-1:]:
            kill(pid)
    trials([kernel("emit"), "most=20", "bytes=2000000", "us=3000", "--repeat", 80, "--block", 1], strike, codes=(FAILED_TASKS,),
           whole=FAILED_TASKS)


def a_death_while_ranks_start_ends_the_run():
    """Before the first task all are needed. It ends without a file, or can be resumed, or it was too late."""
    def strike(process):
        wait_until("ranks are started", lambda: len(ranks_of(process.pid)) == RANKS or process.poll() is not None)
        time.sleep(DICE.uniform(0, 0.4))
        for pid in ranks_of(process.pid)[-1:]:
            kill(pid)
    trials(SLOW, strike, codes=(0, 1, 75))


def a_rank_may_die_with_its_workers():
    def strike(process):
        for pid in DICE.sample(when_tasks_are_done(process)[1:], 1):
            for one in DICE.sample([pid, *descendants(pid)[1:]], 2) + [pid]:
                kill(one)
    trials([*SLOW, "--isolate"], strike, codes=(0, 3))


main([a_rank_that_is_killed_costs_what_it_was_computing, all_ranks_but_the_first_may_be_killed,
      values_in_the_log_of_a_dead_rank_are_taken_from_who_committed_them, a_death_while_ranks_start_ends_the_run,
      a_rank_may_die_with_its_workers])
