"""rankine doctor: what is wrong with the hosts is found, named, and waited for only so long."""
import json

from cluster_test import *

LIBRARY = os.path.realpath(os.path.join(os.environ["RANKINE_BUILD"], "lib/librankine.so"))


def doctor(cluster, *words, expect=0, seconds=60, **more):
    """What it found: {severity: [what, ...]}, and all that it says."""
    start = time.monotonic()
    result = cluster.run(RANKINE, "doctor", *words, "--json", expect=expect, timeout=seconds, **more)
    said = json.loads(result.stdout)
    assert said["exit_code"] == expect, said
    found = {}
    for finding in said["findings"]:
        assert finding["remedy"], finding
        found.setdefault(finding["severity"], []).append(finding["what"])
    said["seconds"] = time.monotonic() - start
    return found, said


def in_namespace(cluster, node, *words):
    """In the mounts of a node alone."""
    cluster.run("sh", "-c", " ".join(words), node=node)


def healthy_hosts_are_told_so():
    with Cluster(4) as cluster:
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(slots=2))
        assert not found, found
        assert [node["host"] for node in said["nodes"]] == cluster.nodes and said["ranks"] == 8
        assert all(node["output"]["shared"] and node["output"]["writable"] for node in said["nodes"])
        for node in said["nodes"][1:]:
            link = node["from_first"]
            assert 0 < link["latency_seconds"] < 1 and link["bytes_per_second"] > 0, link
            assert abs(link["clock_seconds"]) <= link["clock_error_seconds"] + 1e-3, link
        assert {(pair["from"], pair["to"]) for pair in said["pairs"]} | \
               {(pair["to"], pair["from"]) for pair in said["pairs"]} == \
               {(a, b) for a in cluster.nodes[1:] for b in cluster.nodes[1:] if a != b}
        text = cluster.run(RANKINE, "doctor", "--hostfile", "hosts").stdout
        assert text.endswith("Nothing is wrong.\n"), text
        assert all(len(line) <= 80 or line.startswith("Output directory: ") for line in text.splitlines()), text
        assert not [name for name in os.listdir(".") if "doctor" in name], os.listdir(".")


def a_user_may_type_mpirun_himself():
    with Cluster(3) as cluster:
        text = cluster.run("mpirun", "-n", 3, RANKINE, "doctor").stdout
        assert text.startswith("3 nodes, 3 ranks") and "Nothing is wrong" in text, text
        error = cluster.run("mpirun", "-n", 3, RANKINE, "doctor", "--hostfile", "x", expect=None)
        assert error.returncode != 0 and error.stderr.count("give it to mpirun instead") == 1, error.stderr


def mpiruns_own_hostfile_leaves_nothing_behind():
    """No --hostfile: it is mpirun's default one that names the hosts, and each has a TMPDIR of its own."""
    with Cluster(2) as cluster:
        assert cluster.run(RANKINE, "doctor", "-n", 2).stdout.startswith("2 nodes, 2 ranks")
        cluster.run(RANKINE, "run", "pi", "--repeat", 10, "-n", 2, "-o", "out.h5")
        assert summary("info", "out.h5")["sessions"][0]["nodes"] == 2
        for node in cluster.nodes:
            assert cluster.run("sh", "-c", "ls -A $TMPDIR /dev/shm | grep rankine", node=node, expect=1).stdout == ""


def latency_is_measured():
    with Cluster(2) as cluster:
        cluster.control("latency", 10)
        found, said = doctor(cluster, "--hostfile", cluster.hostfile())
        assert 0.010 <= said["nodes"][1]["from_first"]["latency_seconds"] < 0.1, said


def another_build_is_found():
    with Cluster(3) as cluster:
        hosts = cluster.hostfile()
        with open(LIBRARY, "rb") as library, open("other.so", "wb") as other:
            other.write(library.read() + b"another build")
        in_namespace(cluster, "node2", "mount", "--bind", os.path.abspath("other.so"), LIBRARY)
        found, said = doctor(cluster, "--hostfile", hosts, expect=1)
        assert list(found) == ["error"] and len(found["error"]) == 1, found
        assert "node2 has another build" in found["error"][0] and "node1" in found["error"][0], found


def ranks_on_the_same_core_are_found():
    with Cluster(2) as cluster:
        pair = ["sh", "-c", f"test $(hostname) = node2 && exec taskset -c 0 {RANKINE} doctor; exec {RANKINE} doctor"]
        result = cluster.run("mpirun", "--hostfile", cluster.hostfile(slots=2), "-n", 4, *pair, expect=1)
        found = [line for line in result.stdout.splitlines() if line.startswith(("error", "warning"))]
        crowded = "warning: node2: ranks 2 and 3 are bound to the same core (0)"
        assert crowded in found and not [line for line in found if "node1" in line], result.stdout


def too_few_slots_are_found():
    with Cluster(2) as cluster:
        settings = {name: None for name in os.environ if "oversubscribe" in name or "OVERSUBSCRIBE" in name}
        settings["PRTE_MCA_rmaps_default_mapping_policy"] = None
        hosts = cluster.hostfile(slots=1)
        found, said = doctor(cluster, "--hostfile", hosts, "-n", 3, expect=1, env=settings)
        assert len(found["error"]) == 1 and "has 2 slots, too few for -n 3" in found["error"][0], found
        assert said["ranks"] == 2, "the rest is looked at all the same"


def a_cut_between_two_hosts_is_found():
    """Both reach the first, but not each other."""
    with Cluster(4) as cluster:
        cluster.control("part", "node2", "node4")
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(), expect=1)
        assert found == {"error": ["node2 and node4 do not reach each other, though both reach node1"]} or \
            found == {"error": ["node4 and node2 do not reach each other, though both reach node1"]}, found
        assert said["seconds"] < 40, said["seconds"]


def a_host_that_cannot_be_reached_is_found():
    with Cluster(3) as cluster:
        hosts = cluster.hostfile()
        cluster.control("cut", "node2")  # refused at once
        found, said = doctor(cluster, "--hostfile", hosts, expect=1)
        assert len(found["error"]) == 1 and "node1" in found["error"][0] and "node2" in found["error"][0], found
        assert [node["host"] for node in said["nodes"]] == ["node1", "node3"]
        cluster.control("heal", "node2")
        cluster.control("part", "node1", "node3")  # without a word
        found, said = doctor(cluster, "--hostfile", hosts, expect=1)
        assert len(found["error"]) == 1 and "node1 does not reach node3" in found["error"][0], found
        assert said["seconds"] < 50, said["seconds"]
        cluster.control("part", "node1", "node2")
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(nodes=["node2", "node3"]), expect=1)
        assert len(found["error"]) == 2 and "nodes" not in said, found


def a_directory_that_cannot_be_written_is_found():
    os.mkdir("out")
    out = os.path.abspath("out")
    with Cluster(3) as cluster:
        in_namespace(cluster, "node3", f"mount --bind {out} {out} && mount -o remount,bind,ro {out}")
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(), "-o", "out/new.h5", expect=1)
        assert list(found) == ["warning"] and len(found["warning"]) == 1, found
        assert found["warning"][0] == f"node3 cannot write to {out}: Read-only file system", found
        found, said = doctor(cluster, "--hostfile", "hosts", "-o", "out", node="node3", expect=1)
        assert said["directory"] == out, said


def directories_of_their_own_are_told():
    """Which is no fault: results go by message."""
    os.mkdir("own")
    with Cluster(2, private=["own"]) as cluster:
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(), "-o", "own")
        assert list(found) == ["note"] and "node2 has a " in found["note"][0], found
        assert [node["output"]["shared"] for node in said["nodes"]] == [True, False], said


def a_program_that_is_not_there_is_found():
    with Cluster(2) as cluster:
        in_namespace(cluster, "node2", "mount", "--bind", "/dev/null", RANKINE)
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(), expect=1)
        assert len(found["error"]) == 1 and f"node1 cannot start {RANKINE} on node2: " in found["error"][0], found


def another_version_is_found():
    """Also one that has no doctor."""
    with open("old", "w") as old:
        old.write("#!/bin/sh\necho rankine 0.0.1\n")
    os.chmod("old", 0o755)
    with Cluster(2) as cluster:
        in_namespace(cluster, "node2", "mount", "--bind", os.path.abspath("old"), RANKINE)
        found, said = doctor(cluster, "--hostfile", cluster.hostfile(), expect=1)
        assert len(found["error"]) == 1 and "node2 has another version of Rankine: rankine 0.0.1" in found["error"][0], found


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
