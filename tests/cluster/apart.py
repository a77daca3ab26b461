"""Hosts that share no file system: rows come by message, and what is missing on one of them is told before anything runs."""
from cluster_test import *


def rows_come_by_message():
    os.mkdir("out")
    with Cluster(3, private=["out"]) as cluster:
        hosts = cluster.hostfile(slots=2)
        words = [kernel("slow"), "ms=2", "--repeat", 600, "--block", 4]
        cluster.run(RANKINE, "run", *words, "--hostfile", hosts, "-n", 6, "-o", "out/run.h5", "-q")
        cluster.run("cp", "out/run.h5", "run.h5")
        cluster.run("test", "!", "-e", "out/run.h5", node="node2")
    command("verify", "run.h5")
    run(*words, n=2, out="one.h5")
    assert digest("run.h5") == digest("one.h5")


def lost_hosts_cost_nothing_committed():
    """Also where all rows go by message."""
    os.mkdir("out")
    with Cluster(3, private=["out"]) as cluster:
        words = [kernel("slow"), "ms=10", "--repeat", 3000, "--block", 4]

        def done():
            said = cluster.run(RANKINE, "info", "--json", "out/run.h5", expect=None).stdout
            return json.loads(said).get("done", 0) if said else 0
        process = cluster.start(RANKINE, "run", *words, "--hostfile", cluster.hostfile(slots=2), "-n", 6, "-o",
                                "out/run.h5")
        wait_until("tasks are done", lambda: done() > 0)
        cluster.control("poweroff", "node3")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and "node3 is lost" in err, (process.returncode, out, err)
        cluster.run("cp", "out/run.h5", "run.h5")
    command("verify", "run.h5")
    run(*words, n=16, out="one.h5")
    assert digest("run.h5") == digest("one.h5")


def missing(cluster, *words, what):
    """Nothing is run, and the host that lacks it is named."""
    said = cluster.run(RANKINE, "run", *words, "--hostfile", cluster.hostfile(slots=1), "-n", 3, "-o", "run.h5",
                       expect=None)
    assert said.returncode not in (0, 75) and not os.path.exists("run.h5"), said
    assert "node2" in said.stderr and what in said.stderr and said.stderr.count("\n") <= 2, said.stderr


def a_kernel_that_one_host_lacks_is_told():
    os.mkdir("own")
    with Cluster(3, private=["own"]) as cluster:
        for node in ("node1", "node3"):
            cluster.run("cp", kernel("slow"), "own/slow.so", node=node)
        missing(cluster, "./own/slow.so", "--repeat", 10, what="slow.so")


def an_input_that_one_host_lacks_is_told():
    os.mkdir("own")
    with Cluster(3, private=["own"]) as cluster:
        for node in ("node1", "node3"):
            cluster.run("cp", RELIEF.partition(":")[0], "own/relief.nc", node=node)
        missing(cluster, "stats", "input=own/relief.nc:/ROSE", what="relief.nc")


main([rows_come_by_message, lost_hosts_cost_nothing_committed, a_kernel_that_one_host_lacks_is_told,
      an_input_that_one_host_lacks_is_told])
