"""The run file under adverse conditions: full disks, damage, two runs at once, failed tasks, time limits."""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

TASKS = 300


def disk(room=None, reserve=True):
    """Environment in which out.h5 lies on a disk that has `room` bytes left."""
    env = {"LD_PRELOAD": os.path.join(os.environ["RANKINE_TEST_KERNELS"], "disk.so"),
           "DISK_FILE": os.path.abspath("out.h5"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    if room is not None:
        with open("room", "wb") as f:
            f.write(struct.pack("<Q", room))
        env["DISK_ROOM"] = os.path.abspath("room")
    if not reserve:
        env["DISK_NO_RESERVE"] = "1"
    return env


def journal_words(*more, ms=1):
    return [kernel("journal"), f"ms={ms}", "log=" + os.path.abspath("journal"), "broken=" + os.path.abspath("broken"),
            "--repeat", TASKS, *(more or ["--block", 1])]


def journal():
    with open("journal") as lines:
        return [int(line) for line in lines]


def a_disk_that_fills_up_stops_the_run_and_loses_nothing():
    words = [kernel("rows"), "--repeat", 20000]
    run(*words, n=2, out="whole.h5")
    size = os.path.getsize("whole.h5")
    for room in (0, 100, 70000, size // 10, size // 3):
        stopped = run(*words, n=2, expect=None, env=disk(room=room, reserve=False))
        assert stopped.returncode == RESUMABLE, stopped
        assert stopped.stderr.count("\n") == 1 and "the disk is full" in stopped.stderr, stopped.stderr
        assert "rankine resume" in stopped.stderr
        assert "no damage" in command("verify", "out.h5").stdout
        done = done_of("out.h5")
        again = summary("resume", "out.h5", "-n", 3)
        assert again["done"] == 20000 and again["tasks_here"] == 20000 - done
        assert digest("out.h5") == digest("whole.h5")


def a_disk_that_is_too_small_is_told_before_the_first_task():
    # A limit on the size of files stands in for a small disk: the same call fails, for the same reason.
    limited = subprocess.run(["sh", "-c", 'ulimit -f 40000; exec "$0" "$@"', RANKINE, "run", kernel("rows"), "-n", "2",
                              "--repeat", "1000000", "-o", "out.h5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=60)
    assert limited.returncode == 1, limited
    assert limited.stderr.count("\n") == 1 and "the run file needs" in limited.stderr and "MiB" in limited.stderr, limited.stderr
    assert [name for name in os.listdir(".") if "h5" in name] == [], os.listdir(".")


def space_is_reserved_at_the_start():
    run(kernel("rows"), "--repeat", 20000, n=2)
    about = os.stat("out.h5")
    assert about.st_blocks * 512 >= about.st_size, about


def a_file_that_vanishes_ends_the_run():
    process = start("run", *journal_words(ms=100), "-n", 2, "-o", "out.h5", "-q", "--sync", "0.2")  # 15 s, if it went on
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 10)
    os.remove("out.h5")
    begin = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and "out.h5 is gone" in err and time.monotonic() - begin < 3, (process.returncode, err)
    assert not [name for name in os.listdir(".") if "h5" in name], os.listdir(".")


def two_runs_on_one_file_exclude_each_other():
    first = start("run", *journal_words(ms=60), "-n", 2, "-o", "out.h5", "-q")  # longer than what is refused meanwhile
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 10)
    for words in (["resume", "out.h5"], ["run", *journal_words(), "-o", "out.h5", "--force"]):
        second = command(*words, "-n", 2, expect=None)
        assert second.returncode == 2, second
        assert second.stderr.count("\n") == 1 and "in use by the run of process" in second.stderr and "launcher was killed" in second.stderr, second.stderr
        assert os.uname().nodename in second.stderr
    with h5py.File("out.h5") as f:  # readers are not shut out
        assert f["number"].shape == (TASKS,)
    kill_all(first)
    assert summary("resume", "out.h5", "-n", 4)["done"] == TASKS  # the lock of the dead is no lock
    assert not [name for name in os.listdir(".") if name.endswith((".lock", ".tmp"))], os.listdir(".")


def two_names_of_one_file_are_one_file():
    os.mkdir("elsewhere")
    for change in ("link", "move"):
        first = start("run", *journal_words(ms=60), "-n", 2, "-o", "out.h5", "-q")
        wait_until("some tasks are committed", lambda: done_of("out.h5") > 10)
        os.link("out.h5", "elsewhere/other.h5") if change == "link" else os.rename("out.h5", "elsewhere/other.h5")
        begun = journal()
        for words in (["resume", "elsewhere/other.h5", "-n", 2], ["resume", "elsewhere/other.h5", "-n", 1],
                      ["run", *journal_words(), "-o", "elsewhere/other.h5", "--force"]):
            second = command(*words, expect=None)
            assert second.returncode == 2 and second.stderr.count("\n") == 1, second
            holder = second.stderr.split("run of process ")[1].split()[0]
            assert int(holder) in descendants(first.pid), second.stderr
            assert "on host " + os.uname().nodename in second.stderr, second.stderr
        with h5py.File("elsewhere/other.h5") as f:  # readers are not shut out
            assert f["number"].shape == (TASKS,)
        assert len(set(journal())) == len(journal()) >= len(begun)
        kill_all(first)
        assert summary("resume", "elsewhere/other.h5", "-n", 4)["done"] == TASKS
        for name in ("elsewhere/other.h5", "out.h5", "journal"):
            if os.path.exists(name):
                os.remove(name)
    assert not os.listdir("elsewhere")
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def failed_tasks_are_retried_and_no_others():
    run(*journal_words(), n=2, out="whole.h5")
    open("broken", "w").close()
    os.remove("journal")
    run(*journal_words(), n=2, expect=FAILED_TASKS)
    failed = summary("info", "out.h5")["failures"]
    assert [f["task"] for f in failed] == list(range(3, TASKS, 5)) and failed[0]["attempts"] == 1
    os.remove("journal")
    again = summary("resume", "out.h5", "-n", 2, "--retry-failed", expect=FAILED_TASKS)  # they fail once more
    assert again["blocks_retried"] == TASKS // 5 and sorted(journal()) == list(range(3, TASKS, 5))
    assert summary("info", "out.h5")["failures"][0]["attempts"] == 2
    os.remove("broken")
    os.remove("journal")
    command("resume", "out.h5", "-n", 3, "-q", expect=FAILED_TASKS)  # nothing is retried unless told to
    assert not os.path.exists("journal")
    command("resume", "out.h5", "-n", 3, "-q", "--retry-failed")
    assert sorted(journal()) == list(range(3, TASKS, 5))
    assert digest("out.h5") == digest("whole.h5") and summary("info", "out.h5")["failures"] == []


def retry_in_blocks_of_many_tasks_gives_the_same_bits():
    run(*journal_words("--block", 16), n=2, out="whole.h5")
    open("broken", "w").close()
    run(*journal_words("--block", 16), n=2, expect=FAILED_TASKS)
    os.remove("broken")
    process = start("resume", "out.h5", "-n", 2, "-q", "--retry-failed")
    wait_until("some are done", lambda: 0 < done_of("out.h5") < TASKS or process.poll() is not None)
    kill_all(process)
    assert "no damage" in command("verify", "out.h5").stdout
    command("resume", "out.h5", "-n", 2, "-q")
    assert digest("out.h5") == digest("whole.h5")


def damage_is_repaired_and_nothing_else_is_computed():
    run(*journal_words(), n=2)
    want = digest("out.h5")
    with h5py.File("out.h5") as f:
        wave, number = f["wave"].id.get_offset(), f["number"].id.get_offset()
    for place in (wave + 17 * 512 + 5, number + 8 * 40):
        flip("out.h5", place)
    found = command("verify", "out.h5", expect=4).stdout
    assert "2 of 300" in found and "rankine resume out.h5 --repair" in found, found
    os.remove("journal")
    repaired = summary("resume", "out.h5", "-n", 2, "--repair")
    assert repaired["blocks_damaged"] == 2 and sorted(journal()) == [17, 40]
    command("verify", "out.h5")
    assert digest("out.h5") == want


def opened_for_writing_it_is_mended():
    run(*journal_words(), n=2, out="whole.h5")
    want = digest("whole.h5")
    changes = [("nothing", []), ("an attribute", []), ("a value", [17]), ("a data set", []), ("a reduction", []),
               ("a state", [40])]
    for mode in ("r+", "a"):
        for what, damaged in changes:
            shutil.copy("whole.h5", "out.h5")
            with h5py.File("out.h5", mode) as f:
                if what == "an attribute":
                    f["wave"].attrs["note"] = "mine " * 100
                elif what == "a value":
                    f["wave"][17, 5] += 1
                elif what == "a data set":
                    f["mine"] = numpy.arange(10000.0)
                elif what == "a reduction":
                    f["reduced/number_sum"][...] = 1
                elif what == "a state":
                    f["task_status"][40] = 2
            for words in (["info"], ["verify"], ["digest"], ["resume", "-n", 2]):
                said = command(words[0], "out.h5", *words[1:], expect=4).stderr
                assert "lost its seal" in said and "h5py" in said and "rankine resume" in said, said
                assert said.count("\n") == 1 and "--repair" in said, said
            os.remove("journal")
            open("journal", "w").close()
            mended = summary("resume", "out.h5", "-n", 2, "--repair")
            assert journal() == damaged and mended["blocks_damaged"] == len(damaged), (what, mended)
            assert "no damage" in command("verify", "out.h5").stdout and digest("out.h5") == want
            with h5py.File("out.h5") as f:
                assert what != "an attribute" or f["wave"].attrs["note"].startswith("mine")
                assert what != "a data set" or f["mine"].shape == (10000,)
    with h5py.File("out.h5", "r+") as f:  # what is gone cannot be mended
        del f["wave"]
    before = os.stat("out.h5").st_mtime_ns
    assert "'wave'" in command("resume", "out.h5", "-n", 2, "--repair", expect=2).stderr
    assert os.stat("out.h5").st_mtime_ns == before
    with h5py.File("other.h5", "w") as f:
        f["x"] = 1
    for words in (["info"], ["resume", "--repair", "-n", 1]):
        assert "not a Rankine run file" in command(words[0], "other.h5", *words[1:], expect=2).stderr


def an_unfinished_run_opened_for_writing_is_mended():
    run(*journal_words(ms=20), n=2, out="whole.h5")
    process = start("run", *journal_words(ms=20), "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 20)
    kill_all(process)
    done = done_of("out.h5")
    h5py.File("out.h5", "r+").close()
    assert summary("resume", "out.h5", "-n", 3, "--repair")["tasks_here"] == TASKS - done
    assert digest("out.h5") == digest("whole.h5")
    run(kernel("emit"), "--repeat", 500, "--block", 4, n=2, out="emit.h5", expect=FAILED_TASKS)
    want = digest("emit.h5")
    with h5py.File("emit.h5", "r+") as f:
        f["times"][100] = 7
        f["times_start"][1] += 1
    mended = summary("resume", "emit.h5", "-n", 2, "--repair", expect=FAILED_TASKS)
    assert mended["blocks_damaged"] == 2 and digest("emit.h5") == want, mended
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def lost_failures_are_noticed_and_computed_again():
    open("broken", "w").close()
    for words in ([kernel("flaky"), "every=7", "--repeat", 100, "--block", 4], journal_words()):
        run(*words, n=2, expect=FAILED_TASKS)
        want, failures = digest("out.h5"), summary("info", "out.h5")["failures"]
        with h5py.File("out.h5") as f:
            table = f["rankine/failures"].id.get_offset()
            entries = numpy.flatnonzero(f["rankine/failures"][:, :8].any(axis=1))
        assert len(entries) == len(failures)
        for i in entries[::5]:
            flip("out.h5", table + 256 * int(i) + 100, 4)
            assert "damaged: 1 of" in command("verify", "out.h5", expect=4).stdout
            repaired = summary("resume", "out.h5", "-n", 2, "--repair", expect=None)
            assert repaired["blocks_damaged"] == 1, repaired
            assert "no damage" in command("verify", "out.h5").stdout and digest("out.h5") == want
            again = summary("info", "out.h5")["failures"]
            assert [(f["task"], f["code"]) for f in again] == [(f["task"], f["code"]) for f in failures]
    run(kernel("flaky"), "every=4", "--repeat", 40000, "--block", 64, n=2, expect=FAILED_TASKS)  # more than fit
    assert "no damage" in command("verify", "out.h5").stdout
    for i in (1, 2):
        run(kernel("flaky"), "every=4", "--repeat", 40000, "--block", 64, "--part", f"{i}/2", n=i, out=f"{i}.h5", expect=None)
    command("merge", "1.h5", "2.h5", "-o", "joined.h5", expect=FAILED_TASKS)
    assert "no damage" in command("verify", "joined.h5").stdout and digest("joined.h5") == digest("out.h5")


def rows_of_failed_tasks_hold_the_fill_value():
    run(kernel("flaky"), "--repeat", 100, "--block", 4, n=2, expect=FAILED_TASKS)
    want = digest("out.h5")
    for name in ("value", "square"):  # one has a fill value, the other is 0
        with h5py.File("out.h5") as f:
            place = f[name].id.get_offset() + 8 * 10
        flip("out.h5", place)
        assert "damaged: 1 of" in command("verify", "out.h5", expect=4).stdout
        assert summary("resume", "out.h5", "-n", 2, "--repair", expect=FAILED_TASKS)["blocks_damaged"] == 1
        assert "no damage" in command("verify", "out.h5").stdout and digest("out.h5") == want
        with h5py.File("out.h5") as f:
            assert numpy.isnan(f["value"][10]) and f["square"][10] == 0


def failures_that_are_written_meanwhile_are_no_damage():
    open("broken", "w").close()
    process = start("run", *journal_words(ms=10), "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 10)
    while process.poll() is None:
        assert "no damage" in command("verify", "out.h5").stdout
    process.communicate()


def a_changed_name_or_structure_is_found():
    run("lorenz", "rho=20,25,28", "steps=50", out="whole.h5")
    with h5py.File("whole.h5") as f:
        rows = [(f[name].id.get_offset(), f[name].id.get_storage_size()) for name in ("lyapunov", "x_max", "task_status")]
        rows += [(f["rankine/" + name].id.get_offset(), f["rankine/" + name].id.get_storage_size())
                 for name in ("records", "partials", "failures", "sessions", "hosts", "marks", "finish")]
        rows += [(d.id.get_offset(), d.id.get_storage_size()) for d in f["reduced"].values()]
    with open("whole.h5", "rb") as f:
        whole = bytearray(f.read())
    places = [at for at in range(0, len(whole), 11) if not any(a <= at < a + size for a, size in rows) and whole[at]]
    for at in places[::max(1, len(places) // 60)]:
        damaged = bytearray(whole)
        damaged[at] ^= 2
        with open("out.h5", "wb") as f:
            f.write(damaged)
        code = command("verify", "out.h5", expect=None).returncode
        assert code in (2, 4), (at, code)  # 2: it does not open at all
        assert command("resume", "out.h5", "-n", 1, expect=None).returncode in (1, 2, 4), at
    assert len(places) > 60


def a_time_limit_stops_before_it_is_over():
    for option in ("--time-limit", "--until"):
        begin = time.monotonic()
        value = "3s" if option == "--time-limit" else f"@{int(time.time()) + 6}"
        stopped = command("run", *journal_words(ms=300), "-n", 2, "-o", "out.h5", "--force", option, value,
                          expect=RESUMABLE)
        assert time.monotonic() - begin < 8 and "stopped at its time limit" in stopped.stdout, stopped
        assert 2 <= done_of("out.h5") < TASKS
    os.remove("journal")  # a task that does not fit is not begun: in 2.5 s no third one of a second
    stopped = command("run", *journal_words(ms=1000), "-n", 2, "-o", "out.h5", "--force", "--time-limit", "2.5s",
                      expect=RESUMABLE)
    assert 0 < len(journal()) == done_of("out.h5") <= 4, journal()


def rows_by_message_are_the_same_rows():
    words = [kernel("rows"), "--repeat", 20000]
    run(*words, n=2, out="whole.h5")
    want = digest("whole.h5")
    for n, ranks in ((2, 1), (3, 1), (5, 2)):
        env = {"RANKINE_NODE_RANKS": str(ranks)}
        got = summary("run", *words, "-n", n, "-o", "out.h5", "--force", "--gather", env=env)
        assert got["gathered"] and got["digest"] == want, got
        assert "no damage" in command("verify", "out.h5").stdout
    run(*journal_words(), n=2, out="whole.h5")
    os.remove("out.h5")
    process = start("run", *journal_words(ms=30), "-n", 3, "-o", "out.h5", "--gather", "-q",
                    env={"RANKINE_NODE_RANKS": "1"})
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 30)
    kill_all(process)
    before = done_of("out.h5")
    os.remove("journal")
    command("resume", "out.h5", "-n", 3, "--gather", "-q", env={"RANKINE_NODE_RANKS": "1"})
    assert len(journal()) == TASKS - before and digest("out.h5") == digest("whole.h5")
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def a_slow_disk_slows_the_run_and_does_not_fill_memory():
    words = [kernel("wide"), "--repeat", 20000, "-n", 3, "-o", "out.h5", "--force", "--gather"]  # 80 MiB
    for delay in ("0", "20000"):
        env = {**disk(), "DISK_DELAY": delay, "RANKINE_NODE_RANKS": "1"}
        got = summary("run", *words, env=env)
        assert got["gathered"] and got["peak_bytes"] < 60 << 20, got
    assert got["seconds"] > 1, got
    stopped = command("run", *words, "-q", env={**disk(room=30 << 20, reserve=False), "RANKINE_NODE_RANKS": "1"},
                      expect=RESUMABLE)
    assert stopped.stderr.count("\n") == 1 and "the disk is full" in stopped.stderr, stopped.stderr
    command("resume", "out.h5", "-n", 2, "-q")
    run(kernel("wide"), "--repeat", 20000, out="whole.h5")
    assert digest("out.h5") == digest("whole.h5")


def a_reader_opens_a_running_file_a_thousand_times():
    tasks = 3000
    process = start("run", kernel("journal"), "ms=8", "--repeat", tasks, "-n", 2, "-o", "out.h5", "-q")
    wait_until("the file is there", lambda: os.path.exists("out.h5"))
    done, committed, running = 0, 0, 0
    want = numpy.sin(numpy.arange(tasks * 64.0)).reshape(tasks, 64)
    for _ in range(1000):
        running += process.poll() is None
        with h5py.File("out.h5", "r") as f:  # state before rows
            records, state = f["rankine/records"][:], f["task_status"][:]
            number, wave = f["number"][:], f["wave"][:]
        rows = numpy.flatnonzero(state == 1)
        assert (number[rows] == rows + 1).all() and numpy.allclose(wave[rows], want[rows], rtol=0, atol=1e-9)
        count = int(((records[:, :, 1] & 0xffffffff) > 0).any(axis=0).sum())
        assert len(rows) >= done and count >= committed, "the count of what is done went down"
        done, committed = len(rows), count
    assert running > 500, f"the run was over after {running} of 1000 looks"
    kill_all(process)
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def a_file_without_a_table_of_hosts_goes_on():
    """As earlier builds made them."""
    process = start("run", kernel("slow"), "ms=5", "--repeat", 1200, "-n", 2, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 0)
    kill_all(process)
    with h5py.File("out.h5", "r+") as f:
        del f["rankine/hosts"]
    command("resume", "out.h5", "--repair", "-n", 2, "-q")  # seals it anew
    assert "no damage" in command("verify", "out.h5").stdout
    run(kernel("slow"), "ms=0", "--repeat", 1200, out="whole.h5")
    assert digest("out.h5") == digest("whole.h5")
    sessions = summary("info", "out.h5")["sessions"]
    assert [(one["ranks_lost"], one["hosts_lost"]) for one in sessions] == 2 * [(0, [])], sessions
    run(kernel("flaky"), "--repeat", 20, expect=FAILED_TASKS)
    assert all(one["host"] for one in summary("info", "out.h5")["failures"])
    with h5py.File("out.h5", "r+") as f:
        del f["rankine/hosts"]
    command("resume", "out.h5", "--repair", "-q", expect=FAILED_TASKS)
    assert [one["host"] for one in summary("info", "out.h5")["failures"]] == 3 * [None]


def damage_to_the_tables_of_sessions_and_hosts_is_found_and_mended():
    run(kernel("null"), "--repeat", 100, n=2)
    want = digest("out.h5")
    for table, bit in (("sessions", 30), ("hosts", 50)):
        with h5py.File("out.h5") as f:
            at = f["rankine/" + table].id.get_offset() + bit
        flip("out.h5", at)
        told = command("verify", "out.h5", expect=4).stdout
        assert "1 of their entries" in told and "damaged: 0 of 100 committed blocks" in told, told
        assert summary("verify", "out.h5", expect=4)["entries_damaged"] == 1
        command("resume", "out.h5", "--repair", "-q")
        assert "no damage" in command("verify", "out.h5").stdout and digest("out.h5") == want


def resuming_does_not_take_longer_with_more_tasks():
    took, peak = {}, {}
    for tasks in (10**7, 5 * 10**9):
        process = start("run", "pi", "points=8", "--repeat", tasks, "-n", 2, "-o", "out.h5", "-q", "--force")
        wait_until("some tasks are committed", lambda: done_of("out.h5") > 0)
        kill_all(process)
        after = summary("resume", "out.h5", "-n", 2, "--time-limit", "1s", expect=None)
        took[tasks], peak[tasks] = after["setup_seconds"], after["peak_bytes"]
    print(took, peak)
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it
    assert took[5 * 10**9] < took[10**7] + 1 and peak[5 * 10**9] < peak[10**7] + (32 << 20), (took, peak)


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
