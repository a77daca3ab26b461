"""Everything that Rankine brings, on four hosts: the same as on one."""
import re

from cluster_test import *

JOBS = {
    "pi": ["pi", "--repeat", 5000, "points=10"],
    "ep": ["ep"],
    "stats": ["stats", "input=" + RELIEF],
    "mandelbrot": ["mandelbrot", "width=60", "height=45", "max_iter=200"],
    "lorenz": ["lorenz", "rho=20:30:1", "sigma=8,10,12", "steps=300"],
    "heat": ["heat", "alpha=0.5:2:0.25", "cells=32", "ranks=2"],
    "ising": ["ising", "temperature=1:3:0.5", "size=8", "sweeps=64", "--repeat", 3],
    "henon": ["henon", "y=-0.2:0.3:0.05", "steps=500"],
    "command": ["command", "cmd=expr {x} '*' 7", "x=1:40"],
    "coprocess": ["coprocess", "worker=" + os.environ["PYTHON"] + " worker.py", "outputs=y:i64", "x=1:200"],
}
WORKER = """import json, sys
for line in sys.stdin:
    x = json.loads(line)["params"]["x"]
    print(json.dumps({"y": x * x}), flush=True)
"""


def there(name):
    return os.path.exists(os.path.join(os.environ["RANKINE_BUILD"], "kernels", name + ".so"))


def every_app_has_the_digest_of_one_host():
    with open("worker.py", "w") as file:
        file.write(WORKER)
    with Cluster(4) as cluster:
        hosts = cluster.hostfile(slots=2)
        for name, words in JOBS.items():
            if not there(name):
                continue
            run(*words, n=2, out="one.h5")
            for n in (4, 7):
                cluster.run(RANKINE, "run", *words, "--hostfile", hosts, "-n", n, "-o", "four.h5", "--force", "-q")
                assert digest("four.h5") == digest("one.h5"), (name, n)
            command("verify", "four.h5")


def example(cluster, name, *words):
    return cluster.run("mpirun", "-n", 4, os.path.join(EXAMPLES, name), *words, timeout=120).stdout


def every_example_of_the_library_works():
    with Cluster(4) as cluster:
        said = example(cluster, "counter", 2000)
        assert re.fullmatch(r"2000 counts by 4 processes on 4 ranks: 2000, 0 lost\n", said), said
        said = example(cluster, "squares", 1000)
        total = sum(i * i for i in range(1000))
        assert said == (f"map: the squares of 0 ... 999 add up to {total}\n"
                        "starmap: 2^3 = 8, 3^2 = 9, 10^0 = 1, 2^10 = 1024\n"
                        f"imap_unordered: they add up to {total}\n"), said
        said = example(cluster, "conveyor", 2000)
        assert said == f"6000 parcels of 3 producers, numbers add up to {3 * 2000 * 1999 // 2}, 0 out of order\n", said
        said = example(cluster, "phases", 100)
        assert said == "100 phases of 4 processes, 0 places read too early or too late\n", said


def the_hosts_are_hosts():
    """Four names, nobody's shared memory seen by another, and what is cut does not answer."""
    os.mkdir("own")
    with Cluster(4, private=["own"]) as cluster:
        assert [cluster.run("hostname", node=node).stdout.strip() for node in cluster.nodes] == cluster.nodes
        cluster.run("sh", "-c", "echo here >own/file; echo here >/dev/shm/file")
        cluster.run("sh", "-c", "test ! -e own/file && test ! -e /dev/shm/file", node="node2")
        asks = ["bash", "-c", "exec 3<>/dev/tcp/node3/9"]  # nobody listens: refused at once, if the host is there
        refused = lambda node: "refused" in cluster.run("timeout", 1, *asks, node=node, expect=None).stderr
        assert refused("node1") and refused("node2")
        cluster.control("part", "node2", "node3")
        assert refused("node1") and not refused("node2")
        cluster.control("join", "node2", "node3")
        assert refused("node2")
        cluster.control("cut", "node3")
        assert not refused("node1")
        cluster.control("heal", "node3")
        assert refused("node1")
        cluster.control("latency", 100)
        start = time.monotonic()
        assert refused("node1") and time.monotonic() - start > 0.2


def a_launcher_on_another_host_hears_the_end():
    """As on a login node, which none of the ranks is on."""
    with Cluster(3) as cluster:
        hosts = cluster.hostfile(slots=1, nodes=["node1", "node2"])
        words = ["--repeat", 40, "--hostfile", hosts, "-n", 2, "-o", "out.h5", "--force"]
        said = cluster.run(RANKINE, "run", "pi", *words, node="node3")
        assert "complete, 40 tasks" in said.stdout and said.stderr == "", said
        said = cluster.run(RANKINE, "run", kernel("flaky"), *words, node="node3", expect=FAILED_TASKS)
        assert "6 of 40 tasks failed" in said.stderr and "\x01" not in said.stderr, said


def a_killed_test_leaves_no_hosts():
    """Not even killed so that it can't clean up."""
    code = "import os, signal\nfrom cluster_test import *\nwith Cluster(2):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=os.path.dirname(SCRIPT))
    with Cluster(1):
        child.wait()
    wait_until("its hosts are gone", lambda: not any(entry.startswith(f"netns-cluster-rk{child.pid}_")
                                                    for entry in os.listdir("/run")))


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
