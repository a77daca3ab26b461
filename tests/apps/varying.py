"""Outputs of varying length: any number of values per task, in logs while the run goes on, folded at its end."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

TASKS = 3000
WORDS = [kernel("emit"), "--repeat", TASKS]
SMALL = int(os.environ.get("RANKINE_VARYING_RECORDS", "1000000"))  # ten millions in the long form
LARGE = int(os.environ.get("RANKINE_VARYING_BYTES", str(3 << 20)))  # 5 GiB in the long form


def run_emit(*words, n=1, out="out.h5", **more):
    return run(*(words or WORDS), n=n, out=out, expect=FAILED_TASKS, **more)


def check_values(path="out.h5"):
    """Counts, places and sums must fit together, and with what the kernel summed itself."""
    with h5py.File(path) as f:
        count, start, times = f["times_count"][:].ravel(), f["times_start"][:].ravel(), f["times"][:]
        names, total, state = f["names"][:], f["total"][:].ravel(), f["task_status"][:].ravel()
        assert f["times_count"].attrs["sample_dimension"] == b"times_item"
        assert len(times) == count.sum() and len(names) == f["names_count"][:].sum()
    assert (start == numpy.concatenate([[0], numpy.cumsum(count)[:-1]])).all()
    assert (count[state == 2] == 0).all() and (count[state == 1] > 0).any()
    for task in range(0, len(count), 7):
        if state[task] == 1:
            assert abs(times[start[task]:start[task] + count[task]].sum() - total[task]) < 1e-9
    assert set(names) <= set(b"abcdefghijklmnopqrstuvwxyz")


def values_are_in_task_order_and_readable():
    import xarray
    run_emit(n=2)
    check_values()
    assert not os.path.exists("out.h5.logs")
    with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
        assert d["times"].dims == ("times_item",) and d["times"].attrs["units"] == "s"
        assert d["times_count"].dims == ("replicate",)
    for words in (["ncdump", "-h", "out.h5"], ["h5dump", "-H", "out.h5"]):
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    assert "no damage" in command("verify", "out.h5").stdout
    assert "times" in command("kernels", kernel("emit")).stdout
    with h5py.File("out.h5") as f:
        assert summary("info", "out.h5")["outputs"][0]["values"] == len(f["times"])


def the_digest_is_the_same_everywhere():
    run_emit(out="whole.h5")
    want = digest("whole.h5")
    for n, *words in ((1, "--block", 1), (2, "--block", 64), (3, "--schedule", "static"), (7, "--block", 2),
                      (3, "--schedule", "dynamic", "--block", 16)):
        run_emit(*WORDS, *words, n=n)
        assert digest("out.h5") == want, (n, words)
        check_values()


def nothing_emitted_is_a_data_set_of_length_0():
    import xarray
    run_emit(*WORDS, "most=0", n=2)
    with h5py.File("out.h5") as f:
        assert f["times"].shape == (0,) and f["names"].shape == (0,)
    with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
        assert d.sizes["times_item"] == 0
    command("verify", "out.h5")


def killed_and_resumed_it_has_the_same_values():
    words = [*WORDS, "us=600", "--block", 2]
    run_emit(*words, n=2, out="whole.h5")
    logs, seen = interrupted(words=[*words, "--sync", "0.1"], look=lambda: (
        glob.glob("out.h5.logs/*"), summary("info", "out.h5", expect=None)["outputs"][0]["values"]))
    assert logs and seen > 0 and "no damage" in command("verify", "out.h5").stdout
    for n in (3, 1):
        process = start("resume", "out.h5", "-n", n, "-q")
        time.sleep(0.7)
        kill_all(process)
        assert "no damage" in command("verify", "out.h5").stdout
    command("resume", "out.h5", "-n", 2, "-q", expect=FAILED_TASKS)
    assert digest("out.h5") == digest("whole.h5") and not os.path.exists("out.h5.logs")
    check_values()
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def a_kill_while_folding_leaves_a_file_that_resumes():
    words = [*WORDS, "most=600", "--block", 4]
    run_emit(*words, n=2, out="whole.h5")
    want = digest("whole.h5")
    for moment in range(6):
        killed_while_folding(words, 0.1 * moment)
        with h5py.File("out.h5") as f:
            assert f["total"].shape == (TASKS,)
        assert "no damage" in command("verify", "out.h5").stdout
        command("resume", "out.h5", "-n", 2, "-q", expect=FAILED_TASKS)
        assert digest("out.h5") == want
        assert not os.path.exists("out.h5.logs") and not os.path.exists(".out.h5.tmp")
        check_values()
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def killed_while_folding(words, after):
    """Folding takes some 0.03 s: a slow disk makes it half a second, so that it is seen. If it was not, another run."""
    slow = {"LD_PRELOAD": kernel("disk"), "DISK_FILE": os.path.abspath(".out.h5.tmp"), "DISK_DELAY": "300",
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    for _ in range(10):
        for name in ("out.h5", ".out.h5.tmp"):
            if os.path.exists(name):
                os.remove(name)
        shutil.rmtree("out.h5.logs", ignore_errors=True)
        process = start("run", *words, "-n", 2, "-o", "out.h5", "-q", env=slow)
        # The run file was made under the same name: by the time that there are logs, this one is the fold's.
        wait_until("the end has begun", lambda: process.poll() is not None or (
            os.path.exists("out.h5.logs") and os.path.exists(".out.h5.tmp")))
        seen = process.poll() is None
        time.sleep(after)
        kill_all(process)
        if seen:
            return
    raise AssertionError("ten runs were over before their end was seen")


def damage_is_found_and_repaired():
    words = [*WORDS, "us=400", "--block", 1]
    run_emit(*words, n=2, out="whole.h5")
    interrupted(words=words)
    log = os.path.join("out.h5.logs", max(os.listdir("out.h5.logs"),
                                          key=lambda name: os.path.getsize("out.h5.logs/" + name)))
    for place in (20, 70, os.path.getsize(log) // 2):
        flip(log, place, 4)
        assert command("verify", "out.h5", expect=4).stdout, place
        flip(log, place, 4)
    command("verify", "out.h5")
    flip(log, os.path.getsize(log) // 2, 4)
    command("resume", "out.h5", "-n", 2, "-q", "--repair", expect=FAILED_TASKS)
    assert digest("out.h5") == digest("whole.h5")
    with h5py.File("out.h5") as f:  # and in the folded file
        place = f["times"].id.get_offset() + 8 * 1000 + 1
    flip("out.h5", place, 4)
    assert "damaged: 1 of" in command("verify", "out.h5", expect=4).stdout
    command("resume", "out.h5", "-n", 2, "-q", "--repair", expect=FAILED_TASKS)
    assert digest("out.h5") == digest("whole.h5") and "no damage" in command("verify", "out.h5").stdout
    check_values()


def parts_and_extensions_take_values_along():
    words = [*WORDS, "--block", 16]
    run_emit(*words, n=2, out="whole.h5")
    for i in (1, 2):
        run_emit(*words, "--part", f"{i}/2", n=i, out=f"part{i}.h5")
    command("merge", "part1.h5", "part2.h5", "-o", "joined.h5", "-q", expect=FAILED_TASKS)
    assert digest("joined.h5") == digest("whole.h5") and not os.path.exists("joined.h5.logs")
    check_values("joined.h5")
    run_emit(kernel("emit"), "--repeat", 1600, "--block", 16, out="old.h5")
    run_emit(*words, "--reuse", "old.h5", n=2)
    assert digest("out.h5") == digest("whole.h5")
    check_values()


def damaged_places_are_found_and_repaired():
    for words in (["most=40", 4], ["most=0", 1]):
        run_emit(*WORDS, words[0], "--block", words[1], n=2)
        want = digest("out.h5")
        for task in (1, 5, 0, TASKS - 1):  # the first two emit nothing
            with h5py.File("out.h5") as f:
                place = f["times_start"].id.get_offset() + 8 * task
            flip("out.h5", place, 4)
            assert "damaged: " in command("verify", "out.h5", expect=4).stdout
            command("resume", "out.h5", "-n", 2, "-q", "--repair", expect=FAILED_TASKS)
            assert "no damage" in command("verify", "out.h5").stdout and digest("out.h5") == want
            with h5py.File("out.h5") as f:
                count, start = f["times_count"][:].ravel(), f["times_start"][:].ravel()
            assert (start == numpy.cumsum(count) - count).all(), (words, task)


def folding_keeps_permissions_and_owner():
    for mode in (0o600, 0o640, 0o666):
        interrupted()
        os.chmod("out.h5", mode)
        if os.geteuid() == 0:
            os.chown("out.h5", 12345, 23456)
        with open("victim", "w") as f:
            f.write("mine")
        os.symlink("victim", ".out.h5.tmp")
        command("resume", "out.h5", "-n", 2, "-q", expect=FAILED_TASKS)
        about = os.stat("out.h5")
        assert about.st_mode & 0o7777 == mode, oct(about.st_mode)
        assert os.geteuid() != 0 or (about.st_uid, about.st_gid) == (12345, 23456)
        assert open("victim").read() == "mine" and not os.path.lexists(".out.h5.tmp")
        check_values()
        os.remove("out.h5")


def what_cannot_be_gathered_is_told_before_there_is_a_file():
    apart = {"RANKINE_NODE_RANKS": "1"}
    words = ["run", *WORDS, "-n", 2, "-o", "out.h5"]
    refused = command(*words, "--gather", expect=2, env=apart)
    assert refused.stderr.count("\n") == 1 and "--gather" in refused.stderr and "'times'" in refused.stderr, refused
    assert not os.listdir("."), os.listdir(".")
    command(*words, "-q", expect=FAILED_TASKS, env=apart)  # they share the disk
    check_values()
    interrupted()
    before = summary("info", "out.h5", expect=None)
    refused = command("resume", "out.h5", "-n", 2, "--gather", expect=2, env=apart)
    assert refused.stderr.count("\n") == 1 and "--gather" in refused.stderr, refused
    assert summary("info", "out.h5", expect=None)["sessions"] == before["sessions"]
    command("resume", "out.h5", "-n", 2, "--gather", "-q", expect=FAILED_TASKS)  # one node: nothing is gathered
    check_values()


def interrupted(name="out.h5", words=(*WORDS, "us=600", "--block", 2), look=lambda: None):
    """A run with logs beside it, and what `look` saw while it went on. On a slow machine a run may be over before it is
    killed: then another is begun."""
    for _ in range(10):
        process = start("run", *words, "-n", 2, "-o", name, "-q", "--force")
        wait_until("some tasks are committed", lambda: 300 < done_of(name) < TASKS or process.poll() is not None)
        seen = look()
        kill_all(process)
        if 300 < done_of(name) < TASKS:
            return seen
    raise AssertionError("ten runs were over before they were killed")


def what_lies_among_the_logs_is_not_waited_for():
    interrupted()
    for make in (lambda: os.mkfifo("out.h5.logs/9-9.log"), lambda: os.symlink("/dev/zero", "out.h5.logs/9-9.log"),
                 lambda: os.mkdir("out.h5.logs/9-9.log")):
        make()
        for words in (["verify", "out.h5"], ["resume", "out.h5", "-n", 2, "-q"]):
            refused = command(*words, expect=2, timeout=20)
            assert "9-9.log" in refused.stderr and "remove it" in refused.stderr, refused.stderr
        os.rmdir("out.h5.logs/9-9.log") if os.path.isdir("out.h5.logs/9-9.log") else os.remove("out.h5.logs/9-9.log")
    command("resume", "out.h5", "-n", 2, "-q", expect=FAILED_TASKS)
    check_values()


def only_logs_are_removed_from_the_directory():
    interrupted()
    others = {"01-0.log", "1-0.log~", "1-0.logs", "7-1.log.txt", " 1-0.log", "+1-0.log", "notes"}
    for name in others:
        with open("out.h5.logs/" + name, "w") as f:
            f.write("mine")
    command("resume", "out.h5", "-n", 2, "-q", expect=FAILED_TASKS)
    assert set(os.listdir("out.h5.logs")) == others
    before = os.stat("out.h5").st_mtime_ns
    assert summary("resume", "out.h5", "-n", 2, expect=FAILED_TASKS)["tasks_here"] == 0
    assert os.stat("out.h5").st_mtime_ns == before, "what is not ours had the file folded again"
    check_values()


def a_linked_directory_of_logs_is_refused():
    os.mkdir("elsewhere")
    with open("elsewhere/1-0.log", "w") as f:
        f.write("mine")
    os.symlink("elsewhere", "out.h5.logs")
    refused = command("run", *WORDS, "-n", 2, "-o", "out.h5", "-q", expect=None)
    assert refused.returncode == 2 and "out.h5.logs" in refused.stderr and "remove it" in refused.stderr, refused
    assert os.listdir("elsewhere") == ["1-0.log"] and open("elsewhere/1-0.log").read() == "mine"
    os.remove("out.h5.logs")
    command("run", *WORDS, "-n", 2, "-o", "out.h5", "-q", "--force", expect=FAILED_TASKS)
    check_values()


def long_names_have_logs_too():
    for length in (250, 251, 255):
        name = "n" * (length - 3) + ".h5"
        interrupted(name)
        command("resume", name, "-n", 2, "-q", expect=FAILED_TASKS)
        check_values(name)
        left = [entry for entry in os.listdir(".") if entry != name]
        assert not left, left
        os.remove(name)


def many_small_records_take_seconds():
    begin = time.monotonic()
    got = summary("run", kernel("emit"), "most=4", "--repeat", SMALL, "-n", 2, "-o", "out.h5", expect=FAILED_TASKS)
    took = time.monotonic() - begin
    values = summary("info", "out.h5")["outputs"][0]["values"]
    print(f"{SMALL} tasks, {values} values: {took:.2f} s in all, {got['seconds']:.2f} s computing, "
          f"{got['end_seconds']:.2f} s at the end, {got['peak_bytes'] >> 20} MiB at most")
    assert values > SMALL and took < 5 + 8e-6 * SMALL
    check_values()


def a_record_larger_than_memory_would_like():
    got = summary("run", kernel("emit"), "most=1", f"bytes={LARGE}", "--repeat", 2, "-n", 1, "-o", "out.h5", timeout=580)
    print(f"2 x {LARGE} bytes: {got['seconds']:.1f} s computing, {got['end_seconds']:.1f} s at the end, "
          f"{got['peak_bytes'] >> 20} MiB at most")
    assert got["peak_bytes"] < 80 << 20
    with h5py.File("out.h5") as f:
        assert list(f["names_count"]) == [LARGE, LARGE] and f["names"].shape == (2 * LARGE,)
        at = LARGE // 8 * 8 - 8
        want = at * 0x9e3779b97f4a7c15 % 2**64
        assert int.from_bytes(f["names"][LARGE + at:LARGE + at + 8].tobytes(), "little") == want
    command("verify", "out.h5", timeout=300)


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
