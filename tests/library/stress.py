"""All that the library has, at random, for RANKINE_STRESS_SECONDS (15) from RANKINE_STRESS_SEED (the time): see
programs/stress/stress.h."""
import os
import random
import signal
import subprocess
import threading
import time

from library_test import run, scenario, words

SECONDS = float(os.environ.get("RANKINE_STRESS_SECONDS", "15"))
SEED = int(os.environ.get("RANKINE_STRESS_SEED", time.time_ns() // 1000 % 10**9))
BOUND = SECONDS + 120  # the program's own alarm comes before


def stress(n, nodes, *more):
    result = run("stress", SECONDS, SEED, "--isolate", *more, n=n, nodes=nodes, timeout=BOUND)
    print(result.stdout, end="")


def a_rank_alone_loses_nothing():
    stress(1, 1)


def ranks_of_one_node_lose_nothing():
    stress(8, 1)


def ranks_of_three_nodes_lose_nothing():
    stress(8, 3)


def lines_until(process, last, said):
    for line in process.stdout:
        said.append(line)
        if line.strip() == last:
            return
    raise AssertionError("it ended before it began:\n" + "".join(said))


def kill_some(pids, dice, end):
    """At random moments, all of them in the end or not; some stand still for a while before."""
    while pids and time.monotonic() < end:
        time.sleep(dice.uniform(0, 2 * SECONDS / 6))
        victim = pids.pop(dice.randrange(len(pids)))
        print("kill", victim, flush=True)
        try:
            if dice.random() < 0.3:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(dice.uniform(0, 1))
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:  # the program has ended on its own: it will have said why
            return


def apart(n, nodes):
    """Nodes that are made up talk over TCP, as real ones do. In the queues of Open MPI's shared memory a writer first
    takes the tail and then links itself to it (vader_fifo_write of btl_vader_fifo.h): who is killed in between cuts
    the reader off from everybody."""
    return {"RANKINE_NODE_RANKS": str(-(-n // nodes)), "OMPI_MCA_btl": "self,tcp", "OMPI_MCA_btl_tcp_if_include": "lo"}


def stress_and_kill(n, nodes):
    """All ranks but the first few die at random. Root comes to its end, and what the dead never touched is complete."""
    said, dice = [], random.Random(SEED)
    immortal = dice.randint(1, n - 2)
    more = apart(n, nodes) if nodes > 1 else {}
    process = subprocess.Popen(words("stress", SECONDS, SEED, "--isolate", "--immortal", immortal, "--pids", n=n,
                                     options=["--enable-recovery"]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, env={**os.environ, **more})
    bound = threading.Timer(BOUND, process.kill)
    bound.start()
    try:
        lines_until(process, "running", said)
        pids = [int(line.split()[2]) for line in said if line.startswith("pid ")]
        assert len(pids) == n, said
        kill_some(pids[immortal:], dice, time.monotonic() + SECONDS)
        said += process.stdout
        process.wait()
    finally:
        bound.cancel()
        process.kill()
        process.wait()
        print("".join(said), end="")
    assert any(line.startswith("stress: ") and line.endswith(" 0 failures\n") for line in said)
    assert not any("does not come back" in line for line in said)


def ranks_of_one_node_are_killed():
    stress_and_kill(8, 1)


def ranks_of_three_nodes_are_killed():
    stress_and_kill(8, 3)


scenario(globals())
