"""What the ranks of several hosts print, and what is said when a host cannot take part."""
import json
import re

from cluster_test import *

LINES = 20000


def lines_say_rank_and_host():
    with Cluster(3) as cluster:
        words = ["--repeat", 60, "--block", 1, "--hostfile", cluster.hostfile(slots=2), "-n", 6, "-o", "out.h5", "--force", "-q"]
        result = cluster.run(RANKINE, "run", kernel("prints"), "what=many", *words)
        for text, odd in ((result.stderr, 0), (result.stdout, 1)):
            seen = {rank: [] for rank in range(6)}
            for line in text.splitlines():
                match = re.fullmatch(r"(all 6 ranks|ranks? ([\d, -]+)( on (node\d))?): (\d+)", line)
                assert match, line
                ranks = list(range(6)) if not match[2] else [
                    rank for part in match[2].split(", ")
                    for rank in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)]
                nodes = {f"node{rank // 2 + 1}" for rank in ranks}
                assert {match[4]} == (nodes if len(nodes) == 1 else {None}), line
                for rank in ranks:
                    seen[rank].append(int(match[5]))
            assert all(lines == list(range(odd, LINES, 2)) for lines in seen.values()), \
                {rank: len(lines) for rank, lines in seen.items()}
        result = cluster.run(RANKINE, "run", kernel("prints"), "what=crash", *words, expect=75)
        assert "'prints' on rank 1 (node1): segmentation fault" in result.stderr, result.stderr
        assert "unexpectedly disconnected" not in result.stderr, result.stderr


def a_result_from_another_host_has_no_label():
    with Cluster(3) as cluster:
        hosts = cluster.hostfile(nodes=["node2", "node3"])
        words = [kernel("prints"), "--repeat", 20, "--block", 1, "--hostfile", hosts, "-n", 2, "--force"]
        text = cluster.run(RANKINE, "run", *words, "-o", "out.h5", timeout=90)
        assert "\nprints: complete, 20 tasks" in "\n" + text.stdout.replace("\r", ""), text.stdout
        said = json.loads(cluster.run(RANKINE, "run", *words, "-o", "json.h5", "--json", timeout=90).stdout)
        assert said["exit_code"] == 0, said


def start(cluster, seconds, expect=1):
    """A run that cannot begin; what it says in the end, and that it ends in time."""
    began = time.monotonic()
    result = cluster.run(RANKINE, "run", kernel("slow"), "--repeat", 8, "--hostfile", cluster.hostfile(slots=2), "-n", 6,
                         "-o", "never.h5", expect=expect)
    took = time.monotonic() - began
    assert took < seconds, f"{took} s: {result.stderr}"
    assert not os.path.exists("never.h5") and "ORTE" not in result.stderr, result.stderr
    return result.stderr.splitlines()[-1]


def a_host_that_lacks_rankine_or_has_another_is_named():
    with open("old", "w") as old:
        old.write("#!/bin/sh\necho rankine 0.0.1\n")
    os.chmod("old", 0o755)
    with Cluster(3) as cluster:
        cluster.run("mount", "--bind", "/dev/null", RANKINE, node="node2")
        said = start(cluster, 20)
        assert f"node1 cannot start {RANKINE} on node2: " in said and "install the same" in said, said
        cluster.run("umount", RANKINE, node="node2")
        cluster.run("mount", "--bind", os.path.abspath("old"), RANKINE, node="node3")
        said = start(cluster, 20)
        assert "node3 has another version of Rankine: rankine 0.0.1" in said and "install the same" in said, said


def a_host_that_cannot_be_reached_is_named():
    with Cluster(3) as cluster:
        cluster.control("cut", "node2")  # refused at once
        said = start(cluster, 15)
        assert "on node2: " in said and "No route to host" in said, said
        cluster.control("heal", "node2")
        cluster.control("part", "node1", "node3")  # without a word
        said = start(cluster, 27)
        assert "node1 does not reach node3" in said and "ssh node3 true" in said, said


def what_a_lost_host_leaves_is_told_at_the_end():
    """Of a kernel that is not deterministic: whether anything is left is not known before."""
    with Cluster(2) as cluster:
        process = cluster.start(RANKINE, "run", kernel("prints"), "ms=100", "--repeat", 120, "--block", 1, "--hostfile",
                                cluster.hostfile(slots=2), "-n", 4, "-o", "out.h5")
        wait_until("tasks are done", lambda: done_of("out.h5") > 4)
        cluster.control("cut", "node2")
        out, err = process.communicate(timeout=90)
    assert "rankine: host node2 is lost (it may still be at work" in err and "left to" not in err, err
    fate = {0: "was computed by others", RESUMABLE: "is left to rankine resume"}[process.returncode]
    assert re.search(r"lost +2 ranks; what they had not finished " + fate, out), out
    assert "Forwarding" not in err, err


def what_mpirun_says_of_other_troubles_is_passed_on():
    settings = {name: None for name in os.environ if "oversubscribe" in name or "OVERSUBSCRIBE" in name}
    settings["PRTE_MCA_rmaps_default_mapping_policy"] = None
    with Cluster(2) as cluster:
        result = cluster.run(RANKINE, "run", kernel("slow"), "--repeat", 8, "--hostfile", cluster.hostfile(slots=1), "-n", 6,
                             "-o", "never.h5", expect=None, env=settings)
        assert result.returncode == 1 and "not enough slots" in result.stderr, result.stderr


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
