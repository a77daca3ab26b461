"""What the tests on virtual hosts share: the hosts, and running things on them.

    with Cluster(4) as cluster:
        cluster.run(RANKINE, "run", "pi", "--hostfile", cluster.hostfile(slots=2), "-n", 8)
        cluster.cut("node3")

A cluster has a name of its own, so that tests may run side by side. It goes away when the block is left, and also when
the test is killed: a guard outside of the test's processes waits for the end of a pipe that only the test holds.
Where the machine allows no such hosts, the test is skipped, and says why."""
import itertools
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import *
from rankine_test import bounded

SCRIPT = os.path.join(SOURCE, "tests/cluster/netns-cluster.sh")
EXAMPLES = os.path.join(os.environ["RANKINE_BUILD"], "examples")
SKIPPED = 77  # SKIP_RETURN_CODE of ctest
TURN = itertools.count()


class Cluster:
    def __init__(self, nodes, slots=1, private=()):
        """`slots` of each node, for mpirun without a hostfile; directories `private` are empty and its own in each."""
        self.nodes = [f"node{i + 1}" for i in range(nodes)]
        self.environment = {**os.environ, "NETNS_CLUSTER": f"rk{os.getpid()}_{next(TURN)}", "NETNS_SLOTS": str(slots),
                            "NETNS_PRIVATE": " ".join(map(os.path.abspath, private))}

    def __enter__(self):
        why = self.control("why-not", expect=None)
        if why.returncode != 0:
            print(f"skipped: no virtual hosts on this machine: {why.stdout.strip()}")
            sys.exit(SKIPPED)
        read, self.held = os.pipe()
        subprocess.run(["setsid", "--fork", SCRIPT, "guard"], stdin=read, env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read)
        try:
            self.control("up", len(self.nodes))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.control("down")
        os.close(self.held)

    def control(self, *words, expect=0):
        """netns-cluster.sh: latency, rate, cut, heal, part, join, freeze, thaw, poweroff, boot, pids, ... see its head."""
        result = bounded([SCRIPT, *map(str, words)], 60, self.environment)
        assert expect is None or result.returncode == expect, f"{words}: {result.stdout}{result.stderr}"
        return result

    def hostfile(self, slots=1, nodes=None, path="hosts"):
        """Write one in this directory; `slots` for all, or a dict."""
        with open(path, "w") as file:
            for node in nodes or self.nodes:
                file.write(f"{node} slots={slots[node] if isinstance(slots, dict) else slots}\n")
        return os.path.abspath(path)

    def words(self, words, node):
        return [SCRIPT, "exec", node, *map(str, words)]

    def settings(self, env):
        """As for any test; a setting of None is taken away."""
        both = {**self.environment, **(env or {})}
        return {name: value for name, value in both.items() if value is not None}

    def run(self, *words, node="node1", expect=0, timeout=60, env=None):
        """Run a command in a node; the result has .stdout and .stderr. Fails unless the exit code is `expect`."""
        result = bounded(self.words(words, node), timeout, self.settings(env))
        if expect is not None:
            assert result.returncode == expect, (f"{' '.join(map(str, words))}: exit {result.returncode}, not {expect}\n"
                                                 f"{result.stdout}\n{result.stderr}")
        return result

    def start(self, *words, node="node1", env=None):
        """A command in a node, in the background; all of it ends with the cluster."""
        return subprocess.Popen(self.words(words, node), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, stdin=subprocess.DEVNULL, env=self.settings(env))


def ends_on(number, _):
    """So that `with` is left."""
    sys.exit(128 + number)


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, ends_on)
