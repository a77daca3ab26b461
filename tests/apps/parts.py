"""Parts of a run that are joined, and runs that are extended: one digest, nothing computed twice."""
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
from rankine_test import *

LOG = "log=" + os.path.abspath("journal")


def journal():
    with open("journal") as lines:
        return sorted(int(line) for line in lines)


def parts_of_a_run_are_joined():
    for words in ([kernel("journal"), "ms=0", LOG, "--repeat", 101, "--block", 2], ["lorenz", "rho=20:30:1", "steps=200"],
                  [kernel("flaky"), "--repeat", 50, "--block", 1], ["pi", "--repeat", 100000]):
        expect = FAILED_TASKS if "flaky" in str(words[0]) else COMPLETE
        run(*words, n=2, out="whole.h5", expect=expect)
        if os.path.exists("journal"):
            os.remove("journal")
        names = []
        for i in range(1, 4):
            run(*words, "--part", f"{i}/3", n=i, out=f"part{i}.h5", expect=None)
            names.append(f"part{i}.h5")
            assert "merge" in command("digest", names[-1], expect=RESUMABLE).stderr
            assert f"part {i} of 3" in command("info", names[-1]).stdout
        joined = command("merge", *names, "-o", "joined.h5", "--force", expect=expect)
        assert "complete" in joined.stdout
        assert digest("joined.h5") == digest("whole.h5") and "no damage" in command("verify", "joined.h5").stdout
        if "journal" in str(words[0]):
            assert journal() == list(range(101))
        if expect == FAILED_TASKS:
            told, want = (summary("info", name)["failures"] for name in ("joined.h5", "whole.h5"))
            assert [one.pop("host") for one in told] == [None] * len(told)  # that stays in the parts
            assert all([one.pop("host") for one in want])
            assert told == want


def a_missing_or_stopped_part_is_resumed_after_joining():
    words = [kernel("journal"), "ms=5", LOG, "--repeat", 200, "--block", 1]
    run(*words, n=2, out="whole.h5")
    os.remove("journal")
    run(*words, "--part", "1/2", n=2, out="one.h5")
    command("run", *words, "--part", "2/2", "-n", 2, "-o", "two.h5", "-q", "--time-limit", "0.15s", expect=RESUMABLE)
    joined = command("merge", "one.h5", "two.h5", "-o", "joined.h5", expect=RESUMABLE)
    assert "rankine resume joined.h5" in joined.stdout, joined.stdout
    shutil.copy("two.h5", "two_copy.h5")
    command("resume", "joined.h5", "-n", 2, "-q")
    assert digest("joined.h5") == digest("whole.h5") and journal() == list(range(200))
    assert summary("resume", "two_copy.h5", "-n", 2)["done"] == 100  # the rest of its part, and no more


def left_over():
    return set(os.listdir("."))


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def a_part_is_not_overwritten_by_the_whole():
    words = ["pi", "--repeat", 1000, "--block", 8]
    for i in (1, 2):
        run(*words, "--part", f"{i}/2", out=f"{i}.h5")
    os.link("2.h5", "link.h5")
    os.symlink("1.h5", "symbolic.h5")
    before = [contents(f"{i}.h5") for i in (1, 2)]
    for output in ("1.h5", "2.h5", "link.h5", "./2.h5", "symbolic.h5"):
        error = command("merge", "1.h5", "2.h5", "-o", output, "--force", expect=2).stderr
        assert error.count("\n") == 1 and "one of the parts" in error and "-o" in error, error
        assert [contents(f"{i}.h5") for i in (1, 2)] == before, output
    error = command("merge", "1.h5", "2.h5", "-o", "link.h5", expect=2).stderr
    command("merge", "1.h5", "2.h5", "-o", "joined.h5")
    assert "exists" in command("merge", "1.h5", "2.h5", "-o", "joined.h5", expect=2).stderr
    command("merge", "1.h5", "2.h5", "-o", "joined.h5", "--force")
    run(*words, out="whole.h5")
    assert digest("joined.h5") == digest("whole.h5")


def a_merge_that_is_not_whole_keeps_its_logs():
    words = [kernel("emit"), "--repeat", 300, "--block", 4]
    run(*words, out="whole.h5", expect=FAILED_TASKS)
    for i in (1, 2, 3):
        run(*words, "--part", f"{i}/3", out=f"{i}.h5", expect=None)
    for name in ("joined.h5", "n" * 252 + ".h5"):
        command("merge", "3.h5", "1.h5", "-o", name, expect=RESUMABLE)
        logs = [entry for entry in left_over() if entry.endswith(".logs") and os.path.exists(f"{entry}/0-0.log")]
        assert "no damage" in command("verify", name).stdout
        assert not [entry for entry in left_over() if ".tmp" in entry], left_over()
        error = command("merge", "3.h5", "1.h5", "-o", name, "--force", expect=2).stderr
        assert ".logs" in error and "not finished" in error and error.count("\n") == 1, error
        command("resume", name, "-n", 2, "-q", expect=FAILED_TASKS)
        assert digest(name) == digest("whole.h5") and not any(map(os.path.exists, logs))


def traced(*words, files, expect):
    """Run with writes and syncs of the files written down: (kind, offset, number of the file, bytes), in order."""
    env = {"LD_PRELOAD": os.path.join(os.environ["RANKINE_TEST_KERNELS"], "disk.so"), "DISK_TRACE": os.path.abspath("trace"),
           "DISK_FILE": ":".join(map(os.path.abspath, files)), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    command(*words, env=env, expect=expect)
    data, at, events = contents("trace"), 0, []
    while at < len(data):
        kind, offset, size, number = struct.unpack_from("<4Q", data, at)
        events.append((kind, offset, number, data[at + 32:at + 32 + size]))
        at += 32 + size
    os.remove("trace")
    return events


def is_session(event):
    """A write of an entry with its check: no other has that length, and the host's name."""
    kind, _, number, what = event
    return (kind, number, len(what)) == (1, 1, 144) and what[60:60 + 64].rstrip(b"\0") == os.uname().nodename.encode()[:63]


def what_is_copied_is_synced_before_a_session_vouches_for_it():
    words = [kernel("emit"), "--repeat", 300, "--block", 4]
    for i in (1, 2, 3):
        run(*words, "--part", f"{i}/3", out=f"{i}.h5", expect=None)
    run(*words[:1], "--repeat", 200, "--block", 4, out="old.h5", expect=FAILED_TASKS)
    for copying, file, log, code in (
            (["merge", "1.h5", "3.h5", "-o", "out.h5"], ".out.h5.tmp", ".out.h5.tmp.logs/0-0.log", RESUMABLE),
            (["run", *words, "--reuse", "old.h5", "-o", "out.h5", "-n", 1, "--force"], "out.h5", "out.h5.logs/0-0.log",
             FAILED_TASKS)):
        shutil.rmtree("out.h5.logs", ignore_errors=True)
        events = traced(*copying, files=[file, log], expect=code)
        entry = next(i for i, event in enumerate(events) if is_session(event))
        for number in (1, 2):
            written = max(i for i in range(entry) if events[i][0] == 1 and events[i][2] == number)
            between = [event[:3] for event in events[written:entry]]
            assert (2, 0, number) in between and (3, 0, number) in between, (copying, number)


def a_part_takes_only_its_own_blocks_over():
    words = ["pi", "--repeat", 2000, "--block", 64]
    run(*words, out="whole.h5")
    run("pi", "--repeat", 1000, "--block", 64, out="old.h5")
    for i in (1, 2):
        got = summary("run", *words, "--part", f"{i}/2", "--reuse", "old.h5", "-n", 2, "-o", f"{i}.h5")
        assert got["done"] == got["tasks"] == (1024 if i == 1 else 976), got
        assert got["tasks_here"] == (64 if i == 1 else 976), got  # 15 whole blocks of the first half were there
    command("merge", "1.h5", "2.h5", "-o", "joined.h5")
    assert digest("joined.h5") == digest("whole.h5")


def parts_of_different_runs_are_refused():
    run("lorenz", "rho=1,2,3,4", "steps=10", "--part", "1/2", out="a.h5")
    run("lorenz", "rho=1,2,3,5", "steps=10", "--part", "2/2", out="b.h5")
    run("lorenz", "rho=1,2,3,4", "steps=10", "--part", "2/2", "--seed", 5, out="c.h5")
    for other in ("b.h5", "c.h5"):
        error = command("merge", "a.h5", other, "-o", "joined.h5", expect=2).stderr
        assert error.count("\n") == 1 and other in error and not os.path.exists("joined.h5"), error


def what_is_no_part_and_what_is_given_twice_is_told():
    run("pi", "--repeat", 100, "--part", "1/2", out="a.h5")
    run("pi", "--repeat", 100, out="whole.h5")
    run("lorenz", "rho=1,2", "steps=10", "--part", "1/2", out="other.h5")
    os.link("a.h5", "b.h5")
    for words, says in ((["a.h5", "a.h5"], "a.h5 is given twice:"), (["a.h5", "b.h5"], "b.h5 is given twice, also as a.h5"),
                        (["a.h5", "whole.h5"], "whole.h5 is no part"), (["whole.h5", "a.h5"], "whole.h5 is no part"),
                        (["a.h5", "other.h5"], "its kernel is 'lorenz', not 'pi'")):
        error = command("merge", *words, "-o", "joined.h5", expect=2).stderr
        assert error.count("\n") == 1 and says in error and not os.path.exists("joined.h5"), error


def parts_that_disagree_are_refused():
    words = [kernel("journal"), "ms=0", "--repeat", 20, "--part", "1/2", "--block", 1]
    run(*words, out="a.h5")
    open("broken", "w").close()  # the same run, and other results
    run(*words, out="b.h5", expect=FAILED_TASKS)
    error = command("merge", "a.h5", "b.h5", "-o", "joined.h5", expect=None)
    assert error.returncode == 2 and "other results for block 3" in error.stderr, error
    assert left_over() == {"a.h5", "b.h5", "broken"}, left_over()
    run("pi", "--repeat", 100, out="joined.h5")
    before = contents("joined.h5")
    command("merge", "a.h5", "b.h5", "-o", "joined.h5", "--force", expect=2)
    assert contents("joined.h5") == before, "a merge that failed took the old output"
    os.remove("joined.h5")
    assert left_over() == {"a.h5", "b.h5", "broken"}, left_over()
    run(*words[:-2], "--block", 2, out="c.h5", expect=FAILED_TASKS)
    error = command("merge", "a.h5", "c.h5", "-o", "joined.h5", expect=2)
    assert "blocks" in error.stderr and not os.path.exists("joined.h5"), error


def extended_with(first, then, new_tasks):
    """`first` words, then `then`: the digest is that of `then` alone, and only new_tasks are computed."""
    run(*then, n=2, out="whole.h5")
    run(*first, n=2, out="old.h5")
    if os.path.exists("journal"):
        os.remove("journal")
    for n in (1, 3):
        before = len(journal()) if os.path.exists("journal") else 0
        run(*then, "--reuse", "old.h5", n=n, out="new.h5")
        assert digest("new.h5") == digest("whole.h5"), then
        assert "no damage" in command("verify", "new.h5").stdout
        if new_tasks is not None:
            assert len(journal()) - before == new_tasks, (len(journal()), new_tasks)


def a_finished_sweep_is_extended_without_computing_anything_twice():
    base = [kernel("sums"), LOG]
    extended_with([*base, "--repeat", 40], [*base, "--repeat", 100], 60)
    extended_with([*base, "a=1,2,3", "--repeat", 5], [*base, "a=1,2,3", "--repeat", 9], 12)
    extended_with([*base, "a=1:3:0.5", "b=5,6"], [*base, "a=1:3:0.5", "b=5,6,7,8"], 10)
    extended_with([*base, "a=1,2", "b=5,6,7"], [*base, "a=1,2,9", "b=5,6,7"], 3)
    extended_with([*base, "a=1,2", "b=5,6,7", "--block", 4], [*base, "a=1,2,9", "b=5,6,7,8,9", "--block", 2], 9)
    extended_with(["lorenz", "rho=20,25", "steps=100"], ["lorenz", "rho=20,25,28", "steps=100"], None)
    extended_with(["pi", "--repeat", 1000, "--block", 8], ["pi", "--repeat", 3000, "--block", 8], None)


def an_extension_takes_nothing_that_failed_or_is_damaged():
    base = [kernel("journal"), "ms=0", LOG, "--block", 1]
    run(*base, "--repeat", 30, n=1, out="whole.h5")
    run(*base, "--repeat", 20, n=1, out="old.h5")
    with h5py.File("old.h5") as f:
        place = f["wave"].id.get_offset() + 512 * 7
    with open("old.h5", "r+b") as f:
        f.seek(place)
        f.write(b"?")
    os.remove("journal")
    run(*base, "--repeat", 30, "--reuse", "old.h5", n=2, out="new.h5")
    assert journal() == [7, *range(20, 30)] and digest("new.h5") == digest("whole.h5")


def what_cannot_be_extended_is_told():
    run(kernel("sums"), "a=1,2,3", "b=4,5", out="old.h5")
    for words, says in ((["a=1,2,4", "b=4,5"], "value 3 of 3"), (["a=1,2,3", "b=4,5", "c=9"], "other parameters"),
                        (["a=1,2,3", "b=5,4"], "value 1 of 2"), (["a=1,2,3"], "other parameters"),
                        (["a=1,2,3", "b=4,5", "--seed", 3], "seed"), (["b=4,5", "a=1,2,3"], "axis 1 was 'a'")):
        error = command("run", kernel("sums"), *words, "--reuse", "old.h5", "-o", "new.h5", expect=2).stderr
        assert error.count("\n") == 1 and says in error and "--reuse old.h5" in error, error
    run("pi", "points=1,2", "--repeat", 10, out="old.h5")
    error = command("run", "pi", "points=1,2", "--repeat", 20, "--reuse", "old.h5", "-o", "new.h5", expect=None)
    assert error.returncode != 0 and "first axis" in error.stderr and not os.path.exists("new.h5"), error


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
