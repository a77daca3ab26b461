"""What a task knows of where it runs: rank, thread, cores, GPU."""
import json
import os
import shlex
import shutil
import subprocess
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


def a_hostfile_says_how_many_ranks():
    """And what it says wrong is told before anything is made."""
    def with_hosts(text, *words, command_name="run", expect=COMPLETE):
        with open("hosts", "w") as file:
            file.write(text)
        job = [kernel("where"), "--repeat", 9, "-o", "hosts.h5", "--force"] if command_name == "run" else []
        return command(command_name, *job, "--hostfile", "hosts", "--json", *words, expect=expect)

    assert json.loads(with_hosts("localhost slots=3\n").stdout)["ranks"] == 3
    assert json.loads(with_hosts("localhost slots=3\n", "-n", 2).stdout)["ranks"] == 2
    os.remove("hosts.h5")
    for command_name in "run", "doctor":
        for slip in "slot=3", "slots:3":
            for words in [], ["-n", 2]:
                said = with_hosts(f"# mine\nlocalhost {slip}\n", *words, command_name=command_name, expect=2).stderr
                assert f"--hostfile hosts:2: '{slip}' is no setting of host localhost" in said, said
    for text in "localhost slots=60000\n", "localhost slots=59999\n127.0.0.1\n":
        said = with_hosts(text, expect=2).stderr
        assert "ranks would be started on this machine" in said, said
    said = with_hosts("localhost\n", expect=2).stderr
    assert "host localhost has no slots=" in said, said
    said = with_hosts("127.0.0.1 slots=2\nlocalhost slots=3\n", expect=2).stderr
    assert "hosts:2: host localhost stands there before" in said, said
    said = with_hosts("localhost slots=3\r\n", expect=2).stderr
    assert "hosts:1: the line ends with a carriage return" in said, said
    assert json.loads(with_hosts("127.0.0.1 slots=2\nlocalhost\n").stdout)["ranks"] == 3
    os.remove("hosts.h5")
    for path in "/dev/zero", "/":
        said = command("run", kernel("where"), "--repeat", 9, "-o", "hosts.h5", "--hostfile", path, expect=2).stderr
        assert f"--hostfile {path}: " in said, said
    assert not os.path.exists("hosts.h5")


def what_is_to_be_pasted_is_quoted():
    """ssh hands its words to a second shell: a program's name is quoted for both."""
    os.mkdir("my lab")
    program = os.path.join(os.path.realpath("my lab"), "rankine")
    shutil.copy(RANKINE, program)
    with open("hosts", "w") as file:
        file.write("nobody.invalid slots=1\n")
    env = {**os.environ, "OMPI_MCA_plm_rsh_agent": "/bin/false"}
    said = subprocess.run([program, "doctor", "--json", "--hostfile", "hosts"], env=env, capture_output=True, text=True,
                          timeout=60).stdout
    remedy = json.loads(said)["findings"][0]["remedy"]
    typed = shlex.split(remedy.split("without a question: ")[1])
    assert typed[:2] == ["ssh", "nobody.invalid"] and len(typed) == 3, remedy
    assert shlex.split(typed[2]) == [program, "--version"], remedy


if __name__ == "__main__":
    main([ranks_and_threads_are_told, gpus_are_dealt_to_the_ranks_of_a_node, cores_of_a_task_are_told_and_set,
          a_crowd_is_noticed_once, a_hostfile_says_how_many_ranks, what_is_to_be_pasted_is_quoted])
