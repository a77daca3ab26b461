"""Everything that Rankine brings, on four hosts: the same as on one."""
import json
import re

import h5py

from cluster_test import *

JOBS = {
    **APP_JOBS,
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


def info_says_on_which_host_a_task_failed():
    """As the records of the blocks have it: rank 0 is on node1, rank 1 on node2."""
    with Cluster(2) as cluster:
        cluster.run(RANKINE, "run", kernel("flaky"), "--repeat", 40, "--block", 2, "--schedule", "static", "--hostfile",
                    cluster.hostfile(), "-n", 2, "-o", "out.h5", expect=FAILED_TASKS)
    with h5py.File("out.h5") as file:
        owners = [int(word) >> 32 for word in file["rankine/records"][0, :, 1]]
    failures = summary("info", "out.h5")["failures"]
    assert [one["host"] for one in failures] == [f"node{owners[one['task'] // 2] + 1}" for one in failures], failures
    assert {one["host"] for one in failures} == {"node1", "node2"}
    run(kernel("flaky"), "--repeat", 6, expect=FAILED_TASKS)  # of one host it goes without saying
    assert " on " not in next(line for line in command("info", "out.h5").stdout.splitlines() if line.startswith("  failed"))


def a_run_that_died_on_another_host_is_not_said_to_go_on():
    """Nobody can see that from outside; a node that lives writes to the file, even in the middle of a long task."""
    with Cluster(2) as cluster:

        def seen(*words, node="node2", expect=0):
            return cluster.run(RANKINE, "status", *words, node=node, expect=expect)
        died = cluster.start(RANKINE, "run", kernel("slow"), "ms=50", "--repeat", 4000, "-n", 2, "-o", "died.h5")
        lives = cluster.start(RANKINE, "run", kernel("slow"), "ms=120000", "--repeat", 2, "-n", 1, "-o", "lives.h5")
        wait_until("both have begun", lambda: done_of("died.h5") > 20 and os.path.exists("lives.h5"))
        assert re.search(r"^died.h5: running, .*\n  rate .*; left: about ", seen("died.h5").stdout)
        died_at = time.monotonic()
        kill_all(died)
        said = seen("died.h5", node="node1").stdout
        assert said.startswith("died.h5: killed, ") and "  rate " not in said, said
        row, = json.loads(seen("died.h5", "--json", node="node1").stdout)["runs"]
        assert row["tasks_per_second"] is row["eta_seconds"] is row["seconds_unheard"] is None, row
        wait_until("nothing was heard of it for long", lambda: not seen("died.h5").stdout.startswith("died.h5: running"), 45)
        assert time.monotonic() - died_at > 25
        said = seen("died.h5", "lives.h5").stdout
        assert re.search(r"^died\.h5: not heard of for [34]\d(\.\d)? s, \d+ of 4000 tasks \(\d+ %\)\n"
                         r"  rank 0 +was process \d+ on host node1: is it there\?\n  job ", said), said
        assert "\nlives.h5: running, 0 of 2 tasks" in said and said.endswith("next        the run goes on\n"), said
        row, = json.loads(seen("died.h5", "--json").stdout)["runs"]
        assert row["state"] == "unknown" and 25 < row["seconds_unheard"] < 60 and row["eta_seconds"] is None, row
        said = cluster.run(RANKINE, "info", "died.h5", node="node2").stdout
        assert said.startswith("died.h5: not heard of for ") and "  rate " not in said and "  left " not in said, said
        kill_all(lives)


def a_killed_test_leaves_no_hosts():
    """Not even killed so that it can't clean up."""
    code = "import os, signal\nfrom cluster_test import *\nwith Cluster(2):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=os.path.dirname(SCRIPT))
    with Cluster(1):
        child.wait()
    wait_until("its hosts are gone", lambda: not any(entry.startswith(f"netns-cluster-rk{child.pid}_")
                                                    for entry in os.listdir("/run")))


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
