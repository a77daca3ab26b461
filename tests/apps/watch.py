"""rankine watch: a run seen from outside, by its file alone."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import *

TASKS = 200


def slow(ms):
    """Seconds, even if what looks at it begins late."""
    return [kernel("slow"), f"ms={ms}", "--repeat", TASKS]


def begin_watch(*words):
    return subprocess.Popen([RANKINE, "watch", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, stdin=subprocess.DEVNULL)


def lines_of(watch, expect):
    out, err = watch.communicate(timeout=60)
    assert watch.returncode == expect, (watch.returncode, out, err)
    return [json.loads(line) for line in out.splitlines()]


def a_running_run_is_followed_to_its_end():
    watch = begin_watch("out.h5", "--json", "--interval", 0.1)  # before there is a file
    run(*slow(40), "--block", 2, n=2)
    lines = lines_of(watch, COMPLETE)
    counts = [line["done"] for line in lines if "done" in line]
    assert counts == sorted(counts) and counts[-1] == TASKS, counts
    assert len(set(counts)) > 5, f"the run was seen in steps only: {counts}"
    assert all(line["status"] == "running" and line["exit_code"] is None for line in lines[:-1])
    assert (lines[-1]["status"], lines[-1]["exit_code"], lines[-1]["state"]) == ("ok", 0, "complete")
    assert lines[-1]["session"]["ranks"] == 2 and lines[-1]["blocks_done"] == TASKS // 2
    assert sum(rank["tasks"] for rank in lines[-1]["ranks"]) == TASKS
    middle = [line for line in lines if line["state"] == "running" and 50 < line["done"] < 150]
    assert any(line["eta_seconds"] > 0 and len(line["ranks"]) == 2 for line in middle), middle
    assert command("watch", "out.h5").stdout.count("complete") == 1


def a_watched_run_does_not_change():
    run("pi", "--repeat", 100)
    before = open("out.h5", "rb").read()
    os.chmod("out.h5", 0o444)
    command("watch", "out.h5", "--json")
    assert open("out.h5", "rb").read() == before


def failed_tasks_are_shown_and_give_their_exit_code():
    run(kernel("flaky"), "--repeat", 100, n=2, expect=FAILED_TASKS)
    (line,) = lines_of(begin_watch("out.h5", "--json"), FAILED_TASKS)
    assert line["status"] == "tasks_failed" and line["failed"] == 14
    assert line["last_failures"][0]["code"] == 42 and "task 94 is" in line["last_failures"][0]["message"]
    text = command("watch", "out.h5", expect=FAILED_TASKS).stdout
    assert "complete" in text and "14 failed" in text
    info = command("info", "out.h5").stdout
    assert re.search(r"14 alike with code 42, tasks 3, 10, 17, 24, 31, ...; the first, at replicate=3:\n +task 3 is one of those that fail", info), info
    assert len(summary("info", "out.h5")["failures"]) == 14


def a_stopped_and_a_killed_run_are_told_apart():
    for number, state in ((signal.SIGINT, "stopped"), (signal.SIGKILL, "killed")):
        process = start("run", *slow(60), "-n", 2, "-o", "out.h5", "-q", "--force")
        wait_until("some tasks are committed", lambda: done_of("out.h5") > 20)
        watch = begin_watch("out.h5", "--json", "--interval", 0.2)
        assert json.loads(watch.stdout.readline())["state"] == "running"
        if number == signal.SIGKILL:
            kill_all(process)
        else:
            os.kill(process.pid, number)
            process.communicate(timeout=30)
        last = lines_of(watch, RESUMABLE)[-1]
        assert last["state"] == state and last["exit_code"] == RESUMABLE, last
        assert 20 < last["done"] == done_of("out.h5") < TASKS
        assert state in command("info", "out.h5").stdout.splitlines()[0]
        os.remove("out.h5")
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it


def a_replaced_file_is_followed():
    process = start("run", *slow(60), "-n", 1, "-o", "out.h5", "-q")
    wait_until("some tasks are committed", lambda: done_of("out.h5") > 20)
    watch = begin_watch("out.h5", "--json", "--interval", 0.1)
    first = json.loads(watch.stdout.readline())
    run(kernel("null"), "--repeat", 50, out="other.h5")
    os.replace("other.h5", "out.h5")
    lines = lines_of(watch, COMPLETE)
    assert (first["kernel"], lines[-1]["kernel"], lines[-1]["done"]) == ("slow", "null", 50)
    kill_all(process)


def what_cannot_be_watched_is_told():
    with open("text.h5", "w") as f:
        f.write("nothing of ours")
    assert "not an HDF5 file" in command("watch", "text.h5", expect=2).stderr
    assert "no-such-directory" in command("watch", "no-such-directory/out.h5", expect=2).stderr
    error = command("watch", "text.h5", "--json", expect=2).stdout
    assert error.count("\n") == 1 and json.loads(error)["error"]["name"]
    assert "0.1 to 86400" in command("watch", "out.h5", "--interval", "0", expect=2).stderr
    run("pi", "--repeat", 10)
    watch = begin_watch("late.h5", "--interval", 0.1)
    assert "waiting" in watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    assert watch.wait(timeout=10) == 0


class Screen:
    """A watch in a pseudo-terminal, and what a person would see."""

    def __init__(self, columns, rows, *words):
        self.columns, self.rows, self.bytes = columns, rows, b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(RANKINE, [RANKINE, "watch", *map(str, words)])

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:
                return False
            if not chunk:
                return False
            self.bytes += chunk
        return True

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.bytes.decode():
            assert time.monotonic() < end and (self.read(0.2) or text in self.bytes.decode()), self.bytes

    def exit_code(self):
        while self.read(30):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def frames(self):
        return self.bytes.decode().split("\x1b[?1049l")[0].split("\x1b[H")[1:]


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def check_screen(screen):
    text = screen.bytes.decode()
    assert text.index("\x1b[?1049h") < text.index("\x1b[H") and "\x1b[2J" not in text
    assert text.index("\x1b[?25l") < text.rindex("\x1b[?25h") and text.index("\x1b[?7l") < text.rindex("\x1b[?7h")
    for frame in screen.frames():
        lines = plain(frame).split("\r\n")
        assert len(lines) <= screen.rows, frame
        assert all(len(line) <= screen.columns for line in lines), frame


def the_screen_is_redrawn_in_place_and_given_back():
    for columns, rows in ((80, 24), (120, 40), (50, 24), (20, 5)):
        process = start("run", *slow(30), "-n", 2, "-o", "out.h5", "-q", "--force")
        wait_until("the file is there", lambda: done_of("out.h5") > 0)
        screen = Screen(columns, rows, "out.h5", "--interval", 0.2)
        assert screen.exit_code() == COMPLETE
        check_screen(screen)
        assert len(screen.frames()) > 3, (columns, screen.bytes)
        left = plain(screen.bytes.decode().split("\x1b[?1049l")[1])
        assert "complete" in left and (columns < 50 or "200 of 200 tasks" in left and "rankine info out.h5" in left)
        process.communicate(timeout=30)
        os.remove("out.h5")


def q_and_signals_leave_the_screen():
    for leave in (lambda s: os.write(s.fd, b"q"), lambda s: os.write(s.fd, b"\x03"),
                  lambda s: os.kill(s.pid, signal.SIGTERM)):
        screen = Screen(80, 24, "never.h5")
        screen.wait_for("waiting")
        leave(screen)
        assert screen.exit_code() == 0
        check_screen(screen)


def a_changed_window_is_redrawn():
    screen = Screen(80, 24, "never.h5", "--interval", 60)
    screen.wait_for("\x1b[J")  # the whole first frame
    assert "q leaves" in screen.bytes.decode()
    screen.bytes = b""
    fcntl.ioctl(screen.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
    screen.wait_for("\x1b[J", 5)
    assert all(len(line) <= 30 for line in plain(screen.frames()[0]).split("\r\n"))
    os.write(screen.fd, b"q")
    assert screen.exit_code() == 0


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
