"""What dispatch costs, beside what others take for the same: ratios of things measured in turn in one run.

Prints a table; only `programs` holds what it measures to aims, for a quiet machine. Run it by
`cmake --build build --target bench`, or as a test with few rounds.
"""
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import *

ROUNDS = int(os.environ.get("RANKINE_BENCH_ROUNDS", "5"))
PROGRAMS = os.environ["RANKINE_BENCH_PROGRAMS"]
# MPI at its best, as two ranks have two cores: tests, which crowd, leave ranks unbound and have MPI yield.
os.environ.update({"OMPI_MCA_mpi_yield_when_idle": "0", "OMPI_MCA_hwloc_base_binding_policy": "core",
                   "PRTE_MCA_hwloc_default_binding_policy": "core"})


def rankine_ns(tasks, *words):
    got = summary("run", kernel("null"), "--repeat", tasks, *words, "-n", 2, "-o", "bench.h5", "--force")
    return got["seconds"] * 1e9 / tasks


def openmp_ns(tasks):
    return float(subprocess.run([os.path.join(PROGRAMS, "openmp_empty"), str(tasks), "2"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout)


def rankine_ep():
    return summary("run", "ep", "class=A", "-n", 2, "-o", "bench.h5", "--force")["seconds"]


def plain_ep():
    return float(subprocess.run([MPIRUN, "-n", "2", os.path.join(PROGRAMS, "ep_mpi"), "28"], check=True,
                                stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL).stdout)


def row(what, unit, ours, theirs, other):
    a, b = [], []
    for _ in range(ROUNDS):
        a.append(ours())
        b.append(theirs())
    ratio = statistics.median(x / y for x, y in zip(a, b))
    print(f"{what:44} {statistics.median(a):9.3f} {unit}   {other} {statistics.median(b):9.3f} {unit}   "
          f"ratio {ratio:6.3f}", flush=True)
    return ratio


def bench():
    print(f"2 ranks, wall time, medians of {ROUNDS} pairs")
    row("empty task, default blocks, 10^8 tasks", "ns", lambda: rankine_ns(10**8), lambda: openmp_ns(10**8),
        "OpenMP dynamic,1")
    row("empty task, a block each, 10^6 tasks", "ns", lambda: rankine_ns(10**6, "--block", 1),
        lambda: openmp_ns(10**6), "OpenMP dynamic,1")
    row("the same with --isolate", "ns", lambda: rankine_ns(10**6, "--block", 1, "--isolate"),
        lambda: rankine_ns(10**6, "--block", 1), "without")
    row("NAS EP class A", "s", rankine_ep, plain_ep, "plain MPI, static")


def raw_seconds(size, piece):
    return float(subprocess.run([os.path.join(PROGRAMS, "raw_writes"), "raw", str(size), str(piece), "2"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout)


def rows_seconds(tasks, n, sync="0"):
    if os.path.exists("bench.h5"):
        os.remove("bench.h5")
    return summary("run", kernel("wide"), f"n={n}", "--repeat", tasks, "-n", 2, "-o", "bench.h5", "--sync", sync)["seconds"]


def rows():
    """Rows against pwrite of as many bytes by as many processes; nothing is synced within the clock, unless it says so."""
    size = 1 << 30
    print(f"2 ranks, 1 GiB of rows, medians of {ROUNDS} pairs")
    for n in (512, 1):
        tasks, what = size // (8 * n), f"{8 * n} bytes a task"
        for piece, name in ((1 << 20, "pwrite of 1 MiB"), (max(8 * n, 512), f"pwrite of {max(8 * n, 512)} bytes")):
            row(what, "s", lambda: rows_seconds(tasks, n), lambda: raw_seconds(size, piece), name)
    for sync in ("5s", "1s"):
        row(f"4096 bytes a task, --sync {sync}", "s", lambda: rows_seconds(size // 4096, 512, sync),
            lambda: rows_seconds(size // 4096, 512), "--sync 0")


def command_seconds(tasks):
    return summary("run", "command", "cmd=/bin/true", "--repeat", tasks, "-n", 2, "-o", "bench.h5", "--force")["seconds"]


def bare_seconds(tasks):
    return float(subprocess.run([os.path.join(PROGRAMS, "bare_spawn"), str(tasks), "2"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout)


def parallel_seconds(tasks):
    begin = time.monotonic()
    subprocess.run(["parallel", "-j2", "/bin/true", "{#}"], check=True, input="x\n" * tasks, text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def worker_seconds(tasks, n):
    with open("worker.py", "w") as file:
        file.write("import json, sys\nfor line in sys.stdin:\n    x = json.loads(line)['params']['x']\n"
                   "    print(json.dumps({'y': x * x}), flush=True)\n")
    return summary("run", "coprocess", f"worker={os.environ['PYTHON']} worker.py", "outputs=y:i64", f"x=1:{tasks}", "-n", n,
                   "-o", "bench.h5", "--force")["seconds"]


def alone_seconds(tasks):
    """The same worker, driven by a loop that does nothing else."""
    with subprocess.Popen([os.environ["PYTHON"], "worker.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        begin = time.monotonic()
        for x in range(tasks):
            worker.stdin.write(b'{"task": %d, "seed": 1, "params": {"x": %d}}\n' % (x, x))
            worker.stdin.flush()
            worker.stdout.readline()
        seconds = time.monotonic() - begin
        worker.stdin.close()
    return seconds


def measured(*words, env=None):
    """What a program prints: {name: seconds}; a single number is named ""."""
    out = subprocess.run([*words], check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                         env={**os.environ, **(env or {})}).stdout
    return {"".join(line.split()[:-1]): float(line.split()[-1]) for line in out.splitlines()}


def calls():
    """The library's calls against MPI, pthreads, Python's multiprocessing and mpi4py.futures, each in turn."""
    here = os.path.dirname(os.path.abspath(__file__))
    apart = {"RANKINE_NODE_RANKS": "1"}
    got = []
    for _ in range(ROUNDS):
        one = {("ours", name): seconds for name, seconds in
               measured(MPIRUN, "-n", "2", os.path.join(PROGRAMS, "calls")).items()}
        for name in ("apply", "lock_contended", "queue_round"):
            one["apart", name] = measured(MPIRUN, "-n", "2", os.path.join(PROGRAMS, "calls"), name, env=apart)[name]
        one["mpi", "apply"] = measured(MPIRUN, "-n", "2", os.path.join(PROGRAMS, "ping_pong"))[""]
        one.update({("pthread", name): seconds for name, seconds in
                    measured(os.path.join(PROGRAMS, "shared_mutex")).items()})
        one.update({("python", name): seconds for name, seconds in
                    measured(sys.executable, os.path.join(here, "python_pool.py")).items()})
        one["mpi4py", "apply"] = measured(MPIRUN, "-n", "2", sys.executable, "-m", "mpi4py.futures",
                                          os.path.join(here, "mpi4py_apply.py"))[""]
        got.append(one)

    def ratio(what, ours, theirs, aim=""):
        a, b = ([one[key] for one in got] for key in (ours, theirs))
        middle = statistics.median(x / y for x, y in zip(a, b))
        times = f"{1 / middle:8.1f} times faster" if middle < 1 else f"{middle:8.2f} times its time"
        print(f"{what:44} {statistics.median(a) * 1e9:11.1f} ns   {' '.join(theirs):24} "
              f"{statistics.median(b) * 1e9:11.1f} ns {times}   {aim}")

    print(f"2 ranks of one node (apart: of two), medians of {ROUNDS} rounds")
    ratio("apply there and back", ("ours", "apply"), ("mpi", "apply"), "aim: within 2 times")
    ratio("apply there and back", ("ours", "apply"), ("mpi4py", "apply"), "aim: 50 times faster")
    ratio("apply there and back", ("ours", "apply"), ("python", "apply"))
    ratio("apply there and back, apart", ("apart", "apply"), ("mpi", "apply"))
    ratio("map of empty tasks, each", ("ours", "map"), ("python", "map"), "aim: 20 times faster")
    ratio("queue, a stream of 8 bytes", ("ours", "queue_stream"), ("python", "queue_stream"))
    ratio("queue, there and back", ("ours", "queue_round"), ("mpi", "apply"))
    ratio("queue, there and back, apart", ("apart", "queue_round"), ("mpi", "apply"))
    ratio("lock, alone", ("ours", "lock_alone"), ("pthread", "lock_alone"))
    ratio("lock, alone", ("ours", "lock_alone"), ("python", "lock_alone"))
    ratio("lock, wanted by both", ("ours", "lock_contended"), ("pthread", "lock_contended"))
    ratio("lock, wanted by both, apart", ("apart", "lock_contended"), ("pthread", "lock_contended"))
    ratio("array of doubles, read, each", ("ours", "array_read"), ("ours", "memory_read"))


def programs():
    """Programs as tasks against nothing but starting them, and against GNU parallel; workers by themselves."""
    print(f"2 ranks, programs as tasks, medians of {ROUNDS} pairs; below a ratio of 1 ours takes less time")
    bare = row("command, /bin/true, 4000 tasks", "s", lambda: command_seconds(4000), lambda: bare_seconds(4000), "posix_spawn")
    row("command, /bin/true, 1000 tasks", "s", lambda: command_seconds(1000), lambda: parallel_seconds(1000),
        "GNU parallel -j2")
    row("coprocess, a Python worker, 20000 tasks, 1 rank", "s", lambda: worker_seconds(20000, 1),
        lambda: alone_seconds(20000), "the worker alone")
    each = {n: statistics.median(worker_seconds(100000, n) for _ in range(ROUNDS)) * n / 100000 * 1e6 for n in (1, 2)}
    for n, us in each.items():
        print(f"coprocess, a Python worker, {n} rank{'s' * (n > 1)}: {us:.1f} us a task and rank", flush=True)
    assert 1 / bare >= 0.85, f"command: {1 / bare:.2f} of the rate of posix_spawn, 0.85 is the aim: is the machine quiet?"
    assert each[2] < 30, f"coprocess: {each[2]:.1f} us a task, 30 is the aim: is the machine quiet?"


main([bench, rows, programs, calls])
