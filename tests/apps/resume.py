"""Killed, stopped, resumed: nothing lost, nothing twice, the same bits."""
import os
import random
import re
import shutil
import signal
import sys
import subprocess
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
from rankine_test import *

TASKS = 400
WORDS = [kernel("slow"), "ms=15", "--repeat", TASKS]


def undisturbed():
    run(*WORDS, n=4, out="whole.h5")
    return digest("whole.h5")


def kill_everything_then_resume_with_other_ranks():
    want = undisturbed()
    process = start("run", *WORDS, "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 30)
    kill_all(process)
    with h5py.File("out.h5") as f:
        assert (f["task_status"][:] == 1).sum() >= 30
    before = done_of("out.h5")
    assert 30 < before < TASKS and "no damage" in command("verify", "out.h5").stdout
    assert "complete" in command("digest", "out.h5", expect=RESUMABLE).stderr
    assert summary("resume", "out.h5", "-n", 3)["tasks_here"] == TASKS - before
    assert [session["tasks"] for session in summary("info", "out.h5")["sessions"]] == [before, TASKS - before]
    assert re.search(rf"2 on 1 +{before} .*killed\n", command("info", "out.h5").stdout)
    assert digest("out.h5") == want
    with h5py.File("out.h5") as f:
        assert not f["rankine/records"][1].any(), "a committed block was computed again"


def a_storm_of_kills_loses_nothing():
    want, seed = undisturbed(), int(os.environ.get("RANKINE_STORM_SEED", "1"))
    random.seed(seed)
    print("seed", seed)
    words, kills = ["run", *WORDS, "-o", "out.h5"], 0
    while True:
        process = start(*words, "-n", random.randint(1, 4), "-q", "--schedule",
                        random.choice(["static", "dynamic", "guided", "factoring", "adaptive"]))
        try:
            delay = random.uniform(0, 1.2)
            process.wait(timeout=delay if kills < 30 else 60)  # where starting takes long, hardly any task is done in between
            assert process.returncode == 0, process.communicate()
            break
        except subprocess.TimeoutExpired:
            pass
        victims = [process.pid, *descendants(process.pid)]
        if random.random() < 0.5:
            kill_all(process)
        else:
            os.kill(random.choice(victims), signal.SIGKILL)
            process.wait(timeout=30)
            wait_until("the ranks are gone", lambda: not any(is_alive(pid) for pid in victims))
        kills += 1
        if os.path.exists("out.h5"):
            with h5py.File("out.h5") as f:
                assert f["number"].shape == (TASKS,)
            assert "no damage" in command("verify", "out.h5").stdout
            words = ["resume", "out.h5"]
            if done_of("out.h5") == TASKS:
                command("resume", "out.h5", "-n", 2, "-q")
                break
    print(kills, "kills")
    assert digest("out.h5") == want
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def stop_and_resume(signals, mpirun):
    tasks = 2 * TASKS  # seconds, for the signal to come in time
    run(kernel("slow"), "ms=0", "--repeat", tasks, n=4, out="whole.h5")
    want = digest("whole.h5")
    words = [kernel("slow"), "ms=15", "--repeat", tasks, "-o", "out.h5"]
    process = start("run", *words, mpirun=3) if mpirun else start("run", *words, "-n", 3)
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 30)
    begin = time.monotonic()
    os.kill(process.pid, signals)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - begin < 5, "it took too long to stop"
    assert mpirun or process.returncode == RESUMABLE, (process.returncode, out, err)
    # mpirun of Open MPI 5, interrupted, throws away what its ranks still print; then the file has to say it.
    if not mpirun or mpirun_version() < 5:
        assert "rankine resume" in out + err, (out, err)
    info = command("info", "out.h5").stdout
    assert "rankine resume" in info and "stopped" in info.splitlines()[0], info
    assert done_of("out.h5") < tasks
    command("resume", "out.h5", "-n", 2, "-q")
    assert digest("out.h5") == want


def interrupt_ends_clean_and_resumable():
    stop_and_resume(signal.SIGINT, False)


def terminate_ends_clean_and_resumable():
    stop_and_resume(signal.SIGTERM, False)


def usr1_ends_clean_and_resumable():
    stop_and_resume(signal.SIGUSR1, False)


def a_signal_after_usr1_is_the_first():
    for n in (1, 2):
        process = start("run", kernel("slow"), "ms=1000", "--repeat", 50, "--block", 1, "-n", n, "-o", f"out{n}.h5")
        wait_until("tasks are done", lambda: done_of(f"out{n}.h5") > 0)
        os.kill(process.pid, signal.SIGUSR1)  # what a batch system sends before its time limit
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGTERM)  # and at the limit
        out, err = process.communicate(timeout=20)
        assert process.returncode == RESUMABLE and "slow: stopped, " in out and "at once" not in err, (out, err)


def interrupt_under_plain_mpirun_ends_clean_and_resumable():
    stop_and_resume(signal.SIGINT, True)


NOTHING = "rankine: stopped before anything was begun: there is nothing to resume\n"


def a_stop_before_the_beginning_is_no_fault():
    for i in range(16):
        process = start("run", *WORDS, "-n", 2, "-o", "out.h5", "-q")
        wait_until("mpirun is started", lambda: descendants(process.pid))  # until then nobody listens
        time.sleep(0.005 * i)
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == RESUMABLE, (i, process.returncode, out, err)
        assert err == ("" if os.path.exists("out.h5") else NOTHING), (i, err)
        if os.path.exists("out.h5"):
            os.remove("out.h5")


def a_rank_that_a_stop_ends_while_it_starts_is_no_fault():
    os.mkdir("bin")  # as Open MPI's does when the signal for the ranks finds one that does not listen yet
    with open("bin/mpirun", "w") as f:
        f.write("#!/bin/sh\ntrap 'echo mpirun noticed that process rank 1 exited on signal 10. >&2; exit 138' USR1\n"
                "touch here\nwhile :; do sleep 0.05; done\n")
    os.chmod("bin/mpirun", 0o755)
    process = start("run", *WORDS, "-n", 2, "-o", "out.h5", "-q", env={"PATH": os.path.abspath("bin") + ":" + os.environ["PATH"]})
    wait_until("mpirun is started", lambda: os.path.exists("here"))
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (RESUMABLE, "", NOTHING), (process.returncode, out, err)


def say_again(*words):
    said = command("resume", "out.h5", "--time-limit", "0.3s", *words, expect=RESUMABLE).stderr
    assert said.count("rankine: as in the run:") == ("as in the run" in said) and said.count("\n") <= 1, said
    return said.partition("as in the run: ")[2].partition(";")[0]


def a_resume_goes_by_the_policy_of_the_run():
    words = [kernel("slow"), "ms=100", "--repeat", 200, "--block", 1, "--time-limit", "0.3s"]
    policy = "--isolate --task-timeout 5s --task-memory 1G --retries 2 --max-failures 3%"
    command("run", *words, *policy.split(), "-n", 2, "-o", "out.h5", expect=RESUMABLE)
    for n in (1, 2):
        assert say_again("-n", n) == policy
        assert say_again("-n", n, "--task-timeout", "4s", "--retries", 0) == "--isolate --task-memory 1G --max-failures 3%"
        assert say_again("-n", n, "--task-timeout", "none", "--fail-fast") == "--isolate --task-memory 1G --retries 2"
        assert say_again("-n", n, "--no-isolate", "--max-failures", "none") == "--retries 2"
        assert say_again("-n", n, "--quiet") == ""
    result = under_mpirun(2, "resume", "out.h5", "--time-limit", "0.3s")
    assert f"as in the run: {policy};" in result.stderr and result.stderr.count("as in the run") == 1, result
    run(kernel("slow"), "--repeat", 3, "--fail-fast")
    assert "as in" not in command("resume", "out.h5").stderr  # nothing is left to do


def the_policy_of_the_run_is_kept_to():
    """Tasks that crash, fail and loop, in sessions that were not told anything."""
    for n in (1, 2):
        command("run", kernel("evil"), "every=20", "only=segfault", "--repeat", 100, "--block", 1, "--isolate", "--time-limit",
                "0.001s", "-n", n, "-o", "out.h5", "--force", expect=RESUMABLE)
        command("resume", "out.h5", "-n", n, expect=FAILED_TASKS)
        assert summary("info", "out.h5", expect=None)["failed"] == 5
        command("run", kernel("flaky"), "--repeat", 100, "--block", 1, "--max-failures", 2, "--time-limit", "0.001s", "-n", n,
                "-o", "out.h5", "--force", expect=RESUMABLE)
        assert "too many failures" in command("resume", "out.h5", "-n", n, expect=RESUMABLE).stdout
        command("resume", "out.h5", "-n", n, "--max-failures", "none", expect=FAILED_TASKS)


def the_machine_is_named_and_not_taken_over():
    words = [kernel("emit"), "us=10000", "--repeat", 2000, "--block", 1, "--time-limit", "2s", "-o", "my out.h5"]
    go_on = "rankine resume 'my out.h5' -n 1 --threads 2 --cores-per-task 1\n"
    said = command("run", *words, "-n", 1, "--threads", 2, "--cores-per-task", 1, expect=RESUMABLE).stdout
    assert said.endswith("  go on       " + go_on), said
    assert "  go on       " + go_on in command("info", "my out.h5").stdout
    assert "1 rank of 2 threads on" in said, said
    said = command("resume", "my out.h5", "-n", 2, "--time-limit", "2s", expect=RESUMABLE)
    assert "  2 ranks on" in said.stdout and "as in the run" not in said.stderr, said


def second_signal(first, second, n, *more):
    for name in ("out.h5", "journal"):
        if os.path.exists(name):
            os.remove(name)
    process = start("run", kernel("journal"), "ms=40000", "log=" + os.path.abspath("journal"), "--repeat", 8, "--block", 1,
                    "-n", n, "-o", "out.h5", *more)
    wait_until("all ranks are in a task", lambda: os.path.exists("journal") and open("journal").read().count("\n") == n)
    os.kill(process.pid, first)
    line = process.stderr.readline()
    assert f"stopping: waiting for {n} task" in line and "again to stop at once" in line, line
    begin = time.monotonic()
    os.kill(process.pid, second)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - begin < 5 and process.returncode == RESUMABLE, (process.returncode, out, err)
    assert out == "" and re.fullmatch(rf"rankine: .*rankine resume out.h5 -n {n}\n", err), (out, err)
    assert "no damage" in command("verify", "out.h5").stdout and done_of("out.h5") == 0


def a_second_signal_stops_at_once():
    for n in (1, 2):
        second_signal(signal.SIGINT, signal.SIGINT, n)
        second_signal(signal.SIGTERM, signal.SIGINT, n, "--isolate")
        second_signal(signal.SIGINT, signal.SIGTERM, n)


def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def two_signals_at_once_are_one():
    for n in (1, 2):
        process = start("run", kernel("slow"), "ms=1000", "--repeat", 50, "--block", 1, "-n", n, "-o", f"out{n}.h5")
        wait_until("tasks are done", lambda: done_of(f"out{n}.h5") > 0)
        os.kill(process.pid, signal.SIGSTOP)  # until both are there
        wait_until("it is stopped", lambda: is_stopped(process.pid))
        os.kill(process.pid, signal.SIGTERM)
        os.kill(process.pid, signal.SIGINT)  # as `timeout` and batch systems do, to the process and to its group
        os.kill(process.pid, signal.SIGCONT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == RESUMABLE and "slow: stopped, " in out and "at once" not in err, (out, err)


def resume_refuses_another_kernel():
    process = start("run", *WORDS, "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 10)
    kill_all(process)
    error = command("resume", "out.h5", "-n", 2, "--kernel", kernel("flaky"), expect=None)
    assert error.returncode not in (0, RESUMABLE) and error.stderr.count("\n") == 1, error
    assert "slow" in error.stderr


def a_task_that_ends_its_process_ends_the_run_resumable():
    words = [kernel("rude"), "--repeat", 40, "--block", 1]
    for how, n, limit in (("exit", 1, 10), ("exit", 2, 20), ("close", 1, 30)):
        begin = time.monotonic()
        ended = run(*words, f"how={how}", n=n, expect=None)
        assert ended.returncode == RESUMABLE and "rankine resume" in ended.stderr, (how, n, ended)
        assert time.monotonic() - begin < limit
        assert "no damage" in command("verify", "out.h5").stdout


def resume_of_a_complete_file_does_nothing():
    run("ep", n=2)
    before = os.stat("out.h5").st_mtime_ns
    assert summary("resume", "out.h5", "-n", 2)["tasks_here"] == 0
    said = command("resume", "out.h5", "-n", 2).stdout
    assert "nothing was left to compute" in said and "\n  ranks " not in said and "0 B" not in said, said
    assert digest("out.h5") and before == os.stat("out.h5").st_mtime_ns


def damage_is_found():
    run(kernel("rows"), "--repeat", 300, n=2)
    with h5py.File("out.h5") as f:
        places = [f[name].id.get_offset() + 100 for name in ("wave", "ints", "single", "task_status")]
        places += [f["rankine/records"].id.get_offset() + 20, f["rankine/records"].id.get_offset() + 64 * 7]
        places += [f["rankine/partials"].id.get_offset() + 8, f["reduced/wave_mean"].id.get_offset()]
    for place in places:
        with open("out.h5", "r+b") as f:
            f.seek(place)
            byte = f.read(1)[0]
            f.seek(place)
            f.write(bytes([byte ^ 0x10]))
        assert command("verify", "out.h5", expect=4).stdout.strip(), place
        if "records" in command("digest", "out.h5", expect=None).stderr:
            command("digest", "out.h5", expect=4)
        with open("out.h5", "r+b") as f:
            f.seek(place)
            f.write(bytes([byte]))
    command("verify", "out.h5")


def reductions_are_held_against_the_partials():
    run(kernel("rows"), "--repeat", 300, "--block", 4, n=2)
    want = digest("out.h5")
    with h5py.File("out.h5") as f:
        mean, partials = f["reduced/wave_mean"].id.get_offset(), f["rankine/partials"].id.get_offset()
        each = f["rankine/partials"].shape[2]
    whole = summary("verify", "out.h5")
    assert whole["reductions_ok"] and whole["reductions_folded"] and whole["reductions_wrong"] == [], whole
    flip("out.h5", mean)
    said = command("verify", "out.h5", expect=4).stdout
    assert "0 of 75 committed blocks" in said and "  reduction wave_mean: not what the partials" in said, said
    assert said.count("reduction ") == 1, said
    flip("out.h5", partials + 5 * each)
    said = command("verify", "out.h5", expect=4).stdout  # both are found; which result is wrong, a damaged partial hides
    assert "  block 5: tasks 20 to 23\n" in said and "  the reductions do not match their checksum\n" in said, said
    assert "could not be folded again: " in said and "partial of block 5 is damaged" in said, said
    both = summary("verify", "out.h5", expect=4)
    assert both["first_damaged"] == [5] and not both["reductions_ok"] and not both["reductions_folded"], both
    flip("out.h5", mean)
    said = command("verify", "out.h5", expect=4).stdout
    assert "  block 5: " in said and "checksum" not in said, said
    flip("out.h5", mean)
    command("resume", "out.h5", "--repair", "-q")
    assert summary("verify", "out.h5")["reductions_folded"] and digest("out.h5") == want


def without_its_kernel_reductions_have_their_checksum_alone():
    shutil.copy(kernel("rows"), "gone.so")
    run("./gone.so", "--repeat", 300, n=2)
    os.remove("gone.so")
    said = command("verify", "out.h5").stdout
    assert "no damage" in said and "could not be folded again: " in said and "gone.so" in said, said
    assert summary("verify", "out.h5")["reductions_folded"] is False
    with h5py.File("out.h5") as f:
        flip("out.h5", f["reduced/wave_mean"].id.get_offset())
    assert "the reductions do not match their checksum" in command("verify", "out.h5", expect=4).stdout


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
