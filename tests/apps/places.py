"""What a task knows of where it runs: rank, thread, cores, GPU."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
from rankine_test import *

TWO_GPUS = {"HWLOC_XMLFILE": os.path.join(SOURCE, "tests/support/two_gpus.xml")}


def places(*words, **more):
    run(kernel("where"), "--repeat", 60, "--schedule", "static", "--block", 1, *words, **more)
    with h5py.File("out.h5") as file:
        names = ["rank", "node_rank", "thread", "gpu", "cuda", "cores", "listed", "omp"]
        return [dict(zip(names, map(int, row))) for row in zip(*(file[name][...] for name in names))]


def ranks_and_threads_are_told():
    found = places(n=3)
    assert {p["rank"] for p in found} == {0, 1, 2} and all(p["rank"] == p["node_rank"] for p in found)
    found = places("--threads", 3, n=2)
    assert {(p["rank"], p["thread"]) for p in found} == {(r, t) for r in (0, 1) for t in (0, 1, 2)}
    found = places(n=4, env={"RANKINE_NODE_RANKS": "2"})
    assert {(p["rank"], p["node_rank"]) for p in found} == {(0, 0), (1, 1), (2, 0), (3, 1)}


def gpus_are_dealt_to_the_ranks_of_a_node():
    assert {p["gpu"] for p in places(n=2, env={"HWLOC_XMLFILE": ""})} == {-1}
    for more in ([], ["--isolate"]):
        found = places(*more, n=3, env=TWO_GPUS)
        assert {(p["rank"], p["gpu"], p["cuda"]) for p in found} == {(0, 0, 0), (1, 1, 1), (2, 0, 0)}, found
    found = places(n=2, env={**TWO_GPUS, "CUDA_VISIBLE_DEVICES": "7"})  # somebody knows better
    assert {p["cuda"] for p in found} == {7}


def cores_of_a_task_are_told_and_set():
    cores = os.cpu_count()
    found = places(f"--cores-per-task", 2, n=1)
    assert {(p["cores"], p["omp"]) for p in found} == {(2, 2)} and all(p["listed"] for p in found)
    found = places(f"--cores-per-task", 2, n=2, env={"OMP_NUM_THREADS": "5"})
    assert {(p["cores"], p["omp"]) for p in found} == {(2, 5)}
    plan = summary("run", kernel("where"), "--cores-per-task", cores, "--dry-run", "-o", "new.h5")
    assert plan["ranks"] == 1
    plan = summary("run", kernel("where"), "--threads", 2, "--dry-run", "-o", "new.h5")
    assert plan["ranks"] == max(1, plan["cores"] // 2)


def a_crowd_is_noticed_once():
    error = command("run", "pi", "--repeat", 10, "--cores-per-task", 1000, "-n", 2, "-o", "out.h5", "--force").stderr
    assert error.count("\n") == 1 and "they share" in error, error
    assert not command("run", "pi", "--repeat", 10, "-n", 1, "-o", "out.h5", "--force").stderr
    error = command("run", "pi", "-n", 100000, "-o", "new.h5", expect=2).stderr
    assert error.count("\n") == 1 and "-n 100000" in error and not os.path.exists("new.h5"), error


if __name__ == "__main__":
    main([ranks_and_threads_are_told, gpus_are_dealt_to_the_ranks_of_a_node, cores_of_a_task_are_told_and_set,
          a_crowd_is_noticed_once])
