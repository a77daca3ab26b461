"""A failure is data: threads, retries, limits for failures, and tasks that end their process."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

EVIL_TASKS = int(os.environ.get("RANKINE_EVIL_TASKS", 10000))
REASONS = ["segmentation fault", "abort", r"exit\(0\)", "stack overflow", "--task-memory", "--task-timeout",
           "--task-timeout", "left processes behind", "left processes behind"]


def failures_of(path):
    return summary("info", path, expect=None)["failures"]


def threads_give_the_same_bits():
    for words in ([kernel("sums"), "--repeat", 5000], ["lorenz", "rho=20:30:0.5", "sigma=8,10", "steps=500"],
                  [kernel("emit"), "--repeat", 200], ["stats", f"input={RELIEF}"], ["ep", "class=S"]):
        run(*words, n=1, out="one.h5", expect=None)
        for n, threads, more in ((1, 4, []), (2, 3, ["--block", 2]), (2, 2, ["--schedule", "static"])):
            run(*words, "--threads", threads, *more, n=n, out="many.h5", expect=None)
            assert digest("many.h5") == digest("one.h5"), (words, n, threads)
            assert "no damage" in command("verify", "many.h5").stdout


def a_kernel_that_is_not_safe_for_threads_is_refused():
    error = command("run", kernel("journal"), "--threads", 2, "-o", "out.h5", expect=2).stderr
    assert error.count("\n") == 1 and "thread_safe" in error and not os.path.exists("out.h5"), error


def a_killed_run_of_threads_is_resumed():
    words = ["--repeat", 1200, "--block", 4]
    run(kernel("emit"), *words, "--threads", 4, n=1, out="whole.h5", expect=None)
    process = start("run", kernel("emit"), "us=20000", *words, "--threads", 3, "-n", 2, "-o", "killed.h5", "-q")
    wait_until("some tasks are done", lambda: done_of("killed.h5") > 100)
    kill_all(process)
    assert done_of("killed.h5") < 1200
    command("resume", "killed.h5", "-n", 2, "--threads", 2, "-q", expect=None)
    assert digest("killed.h5") == digest("whole.h5")


def a_retry_succeeds_and_leaves_nothing_of_the_attempts_before():
    run(kernel("recover"), "needs=1", "--repeat", 100, out="clean.h5")
    for more in (["-n", 1], ["-n", 3, "--block", 8], ["-n", 2, "--isolate"], ["-n", 1, "--threads", 3]):
        for bad in ([], ["crash=yes"]):
            if bad and "--isolate" not in more:
                continue
            result = command("run", kernel("recover"), "needs=3", *bad, "--repeat", 100, "--retries", 2, *more, "-o",
                             "out.h5", "--force", "--json")
            found = json.loads(result.stdout)
            assert found["failed"] == 0 and found["retried"] == 10, found
            assert digest("out.h5") == digest("clean.h5"), more
    shown = command("run", kernel("recover"), "--repeat", 100, "--retries", 1, "-n", 1, "-o", "out.h5", "--force")
    assert "10 succeeded at a later attempt" in shown.stdout, shown.stdout


def too_few_retries_fail_and_say_how_often_it_was_tried():
    for more in (["-n", 1], ["-n", 2, "--isolate", "crash=yes"]):
        run(kernel("recover"), "needs=5", "--repeat", 30, "--retries", 2, *more, expect=FAILED_TASKS)
        failures = failures_of("out.h5")
        assert [f["task"] for f in failures] == [1, 11, 21] and {f["attempts"] for f in failures} == {3}, failures
        with h5py.File("out.h5") as file:
            assert numpy.isnan(file["three"][11]).all() and (file["three"][12] == 12).all()
    assert command("resume", "out.h5", "--retry-failed", "--retries", 4, "--isolate", "-n", 2, "-q").returncode == 0
    assert not failures_of("out.h5")


def too_many_failures_stop_the_run_resumable():
    words = [kernel("flaky"), "every=10", "--repeat", 100000, "--block", 1]
    for limit, least in ((["--fail-fast"], 1), (["--max-failures", 5], 6), (["--max-failures", "0.01%"], 11)):
        result = command("run", *words, *limit, "-n", 2, "-o", "out.h5", "--force", expect=RESUMABLE)
        assert "stopped by too many failures" in result.stdout, result.stdout
        found = summary("info", "out.h5")
        assert least <= found["failed"] <= least + 4 and found["done"] < 100000, found  # at once, not at a tick
    assert "too many failures" in command("resume", "out.h5", "-n", 1, expect=RESUMABLE).stdout
    command("resume", "out.h5", "-n", 1, "-q", "--max-failures", "none", expect=FAILED_TASKS)
    run(*words, expect=FAILED_TASKS, out="whole.h5")
    assert digest("out.h5") == digest("whole.h5")
    run(kernel("flaky"), "--repeat", 100, "--max-failures", 50, expect=FAILED_TASKS)
    for more in ([], ["--isolate"]):  # a block is finished, so that what stopped the run is recorded
        run(kernel("flaky"), "every=4000", "--repeat", 20000, "--block", 4096, "--fail-fast", *more, n=2, expect=None)
        assert summary("info", "out.h5", expect=None)["failed"] >= 1 and failures_of("out.h5")


def tasks_that_end_their_process_cost_nothing_but_themselves():
    words = [kernel("evil"), "every=100", "--repeat", EVIL_TASKS]
    run(*words, "masked=yes", n=2, out="masked.h5", expect=FAILED_TASKS)
    result = command("run", *words, "--isolate", "--task-timeout", "1.5s", "--task-memory", "32M", "-n", 2, "-o",
                     "evil.h5", "--force", "-q", expect=FAILED_TASKS, timeout=300)
    assert len(result.stderr) < 3 << 20 and "the rest is not shown" in result.stderr
    failures = failures_of("evil.h5")
    assert [f["task"] for f in failures] == list(range(50, EVIL_TASKS, 100))
    for failure in failures:
        assert re.search(REASONS[failure["task"] // 100 % len(REASONS)], failure["message"]), failure
    assert digest("evil.h5") == digest("masked.h5")
    assert "no damage" in command("verify", "evil.h5").stdout


def blocks_of_many_tasks_lose_one_task():
    for block in (16, 64):
        words = [kernel("evil"), "every=40", "--repeat", 400, "--block", block]
        run(*words, "masked=yes", out="masked.h5", expect=FAILED_TASKS)
        run(*words, "--isolate", "--task-timeout", "2s", "--task-memory", "32M", n=2, out="evil.h5",
            expect=FAILED_TASKS)
        assert digest("evil.h5") == digest("masked.h5")
        words = [kernel("vector_evil"), "--repeat", 1000, "--block", block]
        run(*words, "masked=yes", out="masked.h5", expect=FAILED_TASKS)
        run(*words, "--isolate", n=2, out="evil.h5", expect=FAILED_TASKS)
        assert digest("evil.h5") == digest("masked.h5") and [f["task"] for f in failures_of("evil.h5")] == [77]


def crashes_cost_no_task_more_than_twice():
    words = [kernel("evil"), "every=8", "only=abort", "us=1000", "--repeat", 2048, "--block", 2048]
    run(*words, "masked=yes", out="masked.h5", expect=FAILED_TASKS)
    begin = time.monotonic()
    run(*words, "--isolate", out="evil.h5", expect=FAILED_TASKS, timeout=120)
    spent = time.monotonic() - begin
    assert spent < 40, spent  # 256 crashes: the whole block for each would be 250 s
    assert digest("evil.h5") == digest("masked.h5") and len(failures_of("evil.h5")) == 256
    assert "no damage" in command("verify", "evil.h5").stdout


def crashes_keep_reductions_that_depend_on_the_order():
    for block in (64, 512):
        words = [kernel("chain"), "--repeat", 500, "--block", block]
        run(*words, out="failed.h5", expect=FAILED_TASKS)
        run(*words, "crash=yes", "--isolate", n=2, out="crashed.h5", expect=FAILED_TASKS)
        assert digest("crashed.h5") == digest("failed.h5"), block


def a_failure_stops_quick_tasks_within_a_block():
    """The process that fails, by itself; what another computes until that block has ended depends on the machine: of the
    four million tasks at most one in a hundred."""
    for n, most in ((1, 256 + 256 * 4), (2, 40000)):
        run(kernel("flaky"), "every=1000000", "--repeat", 4000000, "--block", 256, "--isolate", "--fail-fast", n=n,
            expect=RESUMABLE)
        found = summary("info", "out.h5")
        assert found["failed"] == 1 and found["done"] <= most, found


def what_a_task_stops_goes_on_or_is_killed():
    words = [kernel("evil"), "every=100", "--repeat", 300]
    run(*words, "only=none", out="clean.h5")
    run(*words, "only=stop_helper", "--isolate", n=2, out="out.h5")
    assert digest("out.h5") == digest("clean.h5")
    run(*words, "only=stop", "--isolate", n=2, out="out.h5", expect=FAILED_TASKS)
    failures = failures_of("out.h5")
    assert [f["task"] for f in failures] == [50, 150, 250], failures
    assert all("it was stopped (signal 19)" in f["message"] for f in failures), failures


def a_task_that_kills_the_helper_ends_the_run_resumable():
    words = [kernel("evil"), "every=100", "only=kill_helper", "--repeat", 300, "--isolate", "-n", 2, "-o", "out.h5"]
    result = command("run", *words, "-q", expect=RESUMABLE, timeout=30)
    assert re.search(r"the helper for isolated tasks of rank \d was killed while task \d*50 was computed; .*rankine resume",
                     result.stderr), result.stderr


def isolation_gives_the_same_bits():
    for words in ([kernel("sums"), "--repeat", 5000], ["lorenz", "rho=20:30:0.5", "steps=500"],
                  [kernel("chain"), "--repeat", 3000], [kernel("emit"), "--repeat", 300], ["stats", f"input={RELIEF}"], ["mandelbrot", "width=60", "height=40"]):
        run(*words, n=1, out="one.h5", expect=None)
        for n, more in ((1, []), (3, ["--block", 4]), (2, ["--schedule", "static"])):
            run(*words, "--isolate", *more, n=n, out="apart.h5", expect=None)
            assert digest("apart.h5") == digest("one.h5"), (words, n, more)


def a_timeout_kills_in_time():
    best = 9.0
    for _ in range(3):  # other work on the machine delays any process
        run(kernel("evil"), "only=loop", "every=2", "--repeat", 2, "--isolate", "--task-timeout", "0.4s", out="out.h5",
            expect=FAILED_TASKS)
        took = summary("info", "out.h5", expect=None)["sessions"][-1]["seconds"]
        assert took >= 0.4, took
        best = min(best, took)
    assert best < 0.5, best


def an_isolated_run_is_interrupted_killed_and_resumed():
    words = ["--repeat", 2000, "--block", 1]  # seconds, to act in
    run(kernel("slow"), "ms=0", *words, n=2, out="whole.h5")
    process = start("run", kernel("slow"), "ms=5", *words, "--isolate", "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are done", lambda: done_of("out.h5") > 20)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == RESUMABLE
    before = done_of("out.h5")
    process = start("resume", "out.h5", "--isolate", "-n", 3, "-q")
    wait_until("more tasks are done", lambda: done_of("out.h5") > before + 20)
    kill_all(process)
    command("resume", "out.h5", "--isolate", "-n", 2, "-q")  # a launcher sweeps up what a killed one has left
    assert digest("out.h5") == digest("whole.h5")


def a_crash_without_isolation_is_told_and_resumed():
    for n in (1, 2):
        error = command("run", kernel("evil"), "only=segfault", "every=20", "--repeat", 20, "-n", n, "-o", "out.h5",
                        "--force", "-q", expect=RESUMABLE).stderr
        assert "task 10 of kernel 'evil' on rank" in error, error
        assert "segmentation fault (signal 11) at address 0x0\n  at         replicate=10\n" in error, error
        assert re.search(r"rankine resume \S*out.h5 --isolate", error) and "evil.so" in error, error
        assert len(error.splitlines()) <= 7 and "mpirun" not in error, error
    command("resume", "out.h5", "--isolate", "-n", 2, "-q", expect=FAILED_TASKS)


def run_quits(where, *words, n=1, expect=RESUMABLE, **more):
    return command("run", kernel("quits"), f"where={where}", *words, "-n", n, "-o", "out.h5", "--force", expect=expect,
                   **more)


def exit_in_a_task_is_told():
    for n in (1, 2):
        error = run_quits("exit", "-q", n=n).stderr
        assert re.search(r"task 7 of kernel 'quits' on rank \d .*: it called exit\(\)\n  at         part=7\n", error), error
        assert re.search(r"rankine resume \S*out.h5 --isolate( -n \d)?\n", error), error
    assert "before it was complete" in run_quits("_exit", "-q", n=2).stderr
    command("resume", "out.h5", "--isolate", "-n", 1, "-q", expect=FAILED_TASKS)
    assert [f["task"] for f in failures_of("out.h5")] == [7]


def the_end_of_a_thread_is_told():
    for n, threads in ((1, 1), (1, 3), (2, 2)):
        error = run_quits("pthread_exit", "--threads", threads, "--block", 1, "-q", n=n).stderr
        assert "task 7 of kernel 'quits' on rank" in error and "it called pthread_exit()" in error, error
    command("resume", "out.h5", "--isolate", "-n", 1, "-q", expect=FAILED_TASKS)


def a_kernel_that_exits_before_its_tasks_is_an_error():
    for n in (1, 2):
        result = run_quits("plan", n=n, expect=1)
        assert result.stderr.count("\n") == 1 and "called exit()" in result.stderr and not result.stdout, result.stderr
    loaded = {"QUITS_WHEN_LOADED": "1"}
    assert "called exit()" in run_quits("nowhere", env=loaded, expect=1).stderr
    for words in (["kernels", kernel("quits")], ["check", kernel("quits")]):
        assert "called exit()" in command(*words, env=loaded, expect=1).stderr
    assert not os.path.exists("out.h5")


def a_crash_leaves_a_trace_in_the_file():
    run(kernel("evil"), "only=segfault", "every=20", "--repeat", 20, "--block", 1, expect=RESUMABLE)
    found = summary("info", "out.h5")
    assert found["state"] == "killed" and found["crash"] == {
        "task": 10, "code": 139, "message": "segmentation fault (signal 11) at address 0x0"}, found
    assert found["failed"] == 0 and found["failures"] == [], found
    shown = command("info", "out.h5").stdout
    assert "crashed     task 10 at replicate=10: segmentation fault" in shown, shown
    assert re.search(r"rankine resume out.h5 --isolate -n \d\n", shown) and " crashed\n" in shown, shown
    assert "no damage" in command("verify", "out.h5", expect=None).stdout
    command("resume", "out.h5", "--isolate", "-n", 1, "-q", expect=FAILED_TASKS)
    found = summary("info", "out.h5")
    assert "crash" not in found and [f["attempts"] for f in found["failures"]] == [1], found


def crashes_of_several_ranks_are_told_once():
    words = [kernel("evil"), "only=segfault", "every=1", "--repeat", 64, "--block", 1]
    error = command("run", *words, "-n", 4, "-o", "out.h5", "--force", "-q", expect=RESUMABLE).stderr
    lines = [line for line in error.splitlines() if line and "they share" not in line]
    assert len(lines) <= 5 and sum("segmentation fault" in line for line in lines) == 1, error
    error = under_mpirun(2, "run", *words, "-o", "out.h5", "--force", "-q").stderr
    assert error.count("segmentation fault") == 1 and "out.h5 --isolate\n" in error, error


def the_end_says_what_failed():
    words = ["run", kernel("flaky"), "--repeat", 40, "-o", "out.h5", "--force"]
    for more in (["-n", 1], ["-n", 2], ["-n", 2, "--json"]):
        result = command(*words, *more, expect=FAILED_TASKS)
        assert "6 of 40 tasks failed:\n" in result.stderr and "alike" not in result.stdout, result
        assert "6 alike with code 42, tasks 3, 10, 17, 24, 31, ...; the first, at replicate=3:\n" in result.stderr
        assert "task 3 is one of those that fail\n" in result.stderr and result.stderr.count("\n") == 3, result.stderr
    assert not command(*words, "-n", 1, "-q", expect=FAILED_TASKS).stderr
    result = command(*words, "-n", 1, "--fail-fast", "--block", 1, expect=RESUMABLE)
    assert "rankine resume out.h5 --retry-failed" in result.stdout and "1 of 40 tasks failed" in result.stderr
    assert "rankine resume out.h5 --retry-failed" in command("info", "out.h5").stdout
    run(kernel("evil"), "every=10", "masked=yes", "--repeat", 30, expect=FAILED_TASKS)  # of a few, those that are alike
    assert "3 alike with code 1, tasks 5, 15, 25; the first, at replicate=5:\n" in command("info", "out.h5").stdout


def time_of_killed_tasks_counts():
    run(kernel("evil"), "only=loop", "every=4", "--repeat", 8, "--isolate", "--task-timeout", "0.3s", "--block", 1,
        expect=FAILED_TASKS)
    found = summary("info", "out.h5", expect=None)
    assert 0.58 <= found["kernel_seconds"] < 5, found  # the rank hears of a block a moment after it has begun
    assert all(0.25 <= f["seconds"] < 3 for f in found["failures"]) and len(found["failures"]) == 2, found
    assert found["sessions"][-1]["kernel_seconds"] >= 0.58 and found["times"]["block_seconds_max"] >= 0.29, found


def what_a_kernel_prints_is_not_the_result():
    for n in (1, 2):
        result = run_quits("nowhere", "prints=yes", "--json", n=n, expect=COMPLETE)
        assert json.loads(result.stdout)["done"] == 10 and result.stderr.count("task ") == 10, result
        result = run_quits("nowhere", "prints=yes", n=n, expect=COMPLETE)
        assert result.stdout.count("task ") >= 10 and "quits: complete" in result.stdout, result
    assert json.loads(command("kernels", kernel("quits"), "--json").stdout)


def a_result_that_cannot_be_written_is_an_error():
    for n in (1, 2):
        for more in ([], ["--json"]):
            with open("/dev/full", "w") as full:
                result = subprocess.run([RANKINE, "run", kernel("quits"), *more, "-n", str(n), "-o", "out.h5", "--force"],
                                        stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            assert result.returncode == 1 and "could not be written to stdout: No space" in result.stderr, (n, result)


def limits_without_isolation_are_refused():
    for words, said in ((["--task-timeout", "1s"], "--isolate"), (["--task-memory", "1G"], "--isolate"),
                        (["--isolate", "--threads", 2], "more ranks"), (["--task-memory", "1X"], "512M")):
        error = command("run", "pi", "--repeat", 10, *words, "-o", "refused.h5", expect=2).stderr
        assert error.count("\n") == 1 and said in error and not os.path.exists("refused.h5"), error


def a_fork_that_comes_back_does_no_harm():
    words = [kernel("evil"), "every=40", "--repeat", 400]
    for block in (1, 64):
        run(*words, "only=none", "--block", block, out="clean.h5")
        run(*words, "only=copy", "--block", block, "--isolate", n=2, out="out.h5", expect=None)
        assert "no damage" in command("verify", "out.h5").stdout
        assert all(f["task"] % 40 == 20 for f in failures_of("out.h5"))
        assert summary("info", "out.h5", expect=None)["failed"] or digest("out.h5") == digest("clean.h5")


def memory_of_the_rings_is_not_the_tasks():
    run(kernel("wide"), "n=8192", "--repeat", 300, "--block", 1, "--isolate", "--task-memory", "4M", n=1)
    assert summary("info", "out.h5")["failed"] == 0


if __name__ == "__main__":
    main([threads_give_the_same_bits, a_kernel_that_is_not_safe_for_threads_is_refused,
          a_killed_run_of_threads_is_resumed, a_retry_succeeds_and_leaves_nothing_of_the_attempts_before,
          too_few_retries_fail_and_say_how_often_it_was_tried, too_many_failures_stop_the_run_resumable,
          tasks_that_end_their_process_cost_nothing_but_themselves, blocks_of_many_tasks_lose_one_task,
          crashes_cost_no_task_more_than_twice, crashes_keep_reductions_that_depend_on_the_order,
          a_failure_stops_quick_tasks_within_a_block, what_a_task_stops_goes_on_or_is_killed,
          a_task_that_kills_the_helper_ends_the_run_resumable,
          isolation_gives_the_same_bits, a_timeout_kills_in_time, an_isolated_run_is_interrupted_killed_and_resumed,
          a_fork_that_comes_back_does_no_harm, memory_of_the_rings_is_not_the_tasks,
          a_crash_without_isolation_is_told_and_resumed, limits_without_isolation_are_refused, exit_in_a_task_is_told,
          the_end_of_a_thread_is_told, a_kernel_that_exits_before_its_tasks_is_an_error,
          a_crash_leaves_a_trace_in_the_file, the_end_says_what_failed, time_of_killed_tasks_counts,
          what_a_kernel_prints_is_not_the_result, a_result_that_cannot_be_written_is_an_error,
          crashes_of_several_ranks_are_told_once])
