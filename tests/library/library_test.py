"""What the scenarios of the library's programs share: starting one on some ranks, of one node or of several made-up ones."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import bounded

PROGRAMS = os.environ["RANKINE_LIBRARY_PROGRAMS"]
MPIRUN = os.environ.get("MPIRUN", "mpirun")
RANKS = (1, 2, 3, 5, 8)


def program(name):
    return os.path.join(PROGRAMS, name)


def words(name, *args, n=1, options=()):
    front = [MPIRUN, *options, "-n", str(n)] if n > 1 or options else []
    return [*front, program(name), *map(str, args)]


def run(name, *args, n=1, nodes=1, expect=0, timeout=60, options=(), env=None, stdin=None):
    """Run a program on n ranks, spread over that many made-up nodes. Fails unless the exit code is `expect`."""
    more = {"RANKINE_NODE_RANKS": str(-(-n // nodes))} if nodes > 1 else {}
    result = bounded(words(name, *args, n=n, options=options), timeout, {**os.environ, **more, **(env or {})}, stdin)
    if expect is not None:
        assert result.returncode == expect, (f"{name} {args} on {n} ranks, {nodes} nodes: exit {result.returncode}, "
                                             f"not {expect}\n{result.stdout}\n{result.stderr}")
    return result


def left_of(mark):
    """Processes that have the mark in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark.encode() in file.read():
                    found.append(pid)
        except OSError:  # it has ended, or is another's
            pass
    return found


def everywhere():
    """(ranks, nodes) that a program has to work on."""
    return [(n, 1) for n in RANKS] + [(3, 3), (5, 3), (8, 3)]


def scenario(functions):
    """Run the function that the command line names."""
    functions[sys.argv[1]]()
