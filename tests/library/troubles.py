"""What goes wrong from outside or by mistake, and what a program says of it and leaves."""
import os
import signal
import subprocess
import time

from library_test import left_of, run, scenario, words

PLACE = "/dev/shm"
SAYING_HOW_IT_ENDS = ("sh", "-c", '"$0" "$@"; echo "it exits with $?" >&2')


def objects_of(user=os.geteuid()):
    """Names of the library's shared memory."""
    found = set()
    for name in os.listdir(PLACE) if os.path.isdir(PLACE) else ():
        try:
            if name.startswith("rankine-") and os.stat(os.path.join(PLACE, name)).st_uid == user:
                found.add(name)
        except FileNotFoundError:  # another test's
            pass
    return found


def locks(names):
    return {name for name in names if name.endswith(".lock")}


def wait_until(condition, what, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def children(pid):
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()


def kill(pid):
    try:
        os.kill(int(pid), signal.SIGKILL)
    except ProcessLookupError:
        pass  # mpirun ends the others when one is gone


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def is_rank_0(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return b"OMPI_COMM_WORLD_RANK=0" in file.read().split(b"\0")


class Playing:
    """A program in a scene, in a session of its own, that has said that it is ready. It is ended with all its own."""

    def __init__(self, scene, n=1, options=(), env=None, through=()):
        self.before = objects_of()
        line = words("troubles", scene, n=n, options=options)
        self.process = subprocess.Popen([*line[:-2], *through, *line[-2:]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True, env={**os.environ, **(env or {})})

    def __enter__(self):
        line = self.process.stdout.readline()
        assert line == "ready\n", (line, self.process.communicate())
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for end in (self.process.stdin, self.process.stdout, self.process.stderr):
            end.close()

    def objects(self):
        """Of this program: told by its lock, which other tests of the same time do not have."""
        return {name for name in objects_of() - self.before if name.split(".")[0].split("-")[1] in self.names}

    def learn_names(self):
        """Which jobs are its own: those whose lock one of its ranks has open."""
        self.names = set()
        for pid in (self.process.pid, *map(int, children(self.process.pid))):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    path = os.readlink(f"/proc/{pid}/fd/{fd}")
                except FileNotFoundError:
                    continue
                if path.endswith(".lock") and "/rankine-" in path:
                    self.names.add(path.rsplit("-", 1)[1].split(".")[0])
        assert len(self.names) == 1, self.names
        assert len(self.objects()) > 2, self.objects()


def a_program_that_is_killed_leaves_nothing():
    """Ctrl-C, which the whole group of the terminal gets, and SIGKILL of the ranks."""
    for n in (1, 3):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            mark = f"{os.getpid()}.{n}.{number}"
            with Playing("objects", n=n, env={"RANKINE_TEST_MARK": mark}) as playing:
                playing.learn_names()
                if number == signal.SIGKILL and n > 1:
                    for rank in children(playing.process.pid):
                        kill(rank)
                else:
                    os.killpg(playing.process.pid, number)
                playing.process.wait(30)
                wait_until(lambda: not playing.objects(), f"{n} ranks, {number}: {playing.objects()} is left")
                wait_until(lambda: not left_of(f"RANKINE_TEST_MARK={mark}"), f"{n} ranks, {number}: processes are left")


def what_a_machine_that_failed_has_left_goes_with_the_next_start():
    """The helper is killed too, as a batch system kills."""
    with Playing("objects") as playing:
        playing.learn_names()
        helpers = children(playing.process.pid)
        for pid in (*helpers, playing.process.pid):
            kill(pid)
        playing.process.wait(30)
        wait_until(lambda: not any(is_alive(pid) for pid in helpers), "the helper, which has the lock open, is there yet")
        assert locks(playing.objects()), playing.objects()
        run("about")
        assert not playing.objects(), playing.objects()


def the_death_of_rank_0_is_told_once_and_no_success():
    """Under --enable-recovery the others live on: there is nothing for them to do. mpirun itself then exits with 0, always."""
    for n in (2, 4):
        with Playing("objects", n=n, options=["--enable-recovery"], through=SAYING_HOW_IT_ENDS) as playing:
            first = next(pid for pid in children(playing.process.pid) if is_rank_0(pid))
            kill(children(first)[0])
            out, err = playing.process.communicate(timeout=60)
            assert err.count("rank 0, which ran root, has died") == 1, (out, err)
            assert err.count("it exits with 1\n") == n - 1, (out, err)


def a_root_that_says_nothing_is_explained():
    err = run("troubles", "silent", expect=1).stderr
    assert err.endswith("troubles: root returned 42, which is no rk_status\n"), err


def a_root_that_waits_for_its_processes_says_so():
    for n in (1, 2):
        lines = run("troubles", "lingering", n=n, expect=1).stderr.split("\n")
        told = [line for line in lines if "root has ended; still waiting for processes" in line]
        assert len(told) == 1 and "that rank 0 has started" in told[0], lines
        assert any(line.endswith("no flour") for line in lines), lines


def a_process_that_fails_says_so():
    for n in (1, 2):
        err = run("troubles", "unasked", n=n).stderr
        lines = [line for line in err.split("\n") if line.startswith("rankine:")]
        assert sorted(lines) == [f"rankine: process 'Process-2' on rank {n - 1} failed: 'Process-2' was ended by signal 6 "
                                 "(Aborted)", f"rankine: process 'baker' on rank {n - 1} failed: no bread"], err


def what_ends_a_rank_is_said():
    for n in (1, 2):
        for scene, why in (("crashing", "signal 6 (Aborted)"), ("leaving", "it called exit, "),
                           ("overflowing", "signal 11 (Segmentation fault): stack overflow")):
            result = run("troubles", scene, n=n, expect=None)
            assert result.returncode != 0
            said = [line for line in result.stderr.split("\n") if line.startswith(f"rankine: rank {n - 1} on ")]
            assert len(said) == 1 and "/troubles(+0x" in said[0] and why in said[0], (result.returncode, result.stderr)


def a_root_that_ends_its_thread_has_failed():
    for n in (1, 2):
        err = run("troubles", "root_ends", n=n, expect=1).stderr
        assert "troubles: the function ended its thread" in err, err


def a_callback_that_ends_its_thread_ends_its_rank():
    """Nobody could mend what the call is in that runs it."""
    for n in (1, 2):
        for scene in ("callback_ends", "inner", "everyone"):
            result = run("troubles", scene, n=n, expect=None)
            assert result.returncode != 0
            said = [line for line in result.stderr.split("\n") if "it ended its thread" in line]
            assert said and all(line.startswith("rankine: rank ") for line in said), (scene, result.stderr)


def what_isolated_workers_print_is_not_lost():
    for n in (1, 2):
        out = run("troubles", "printing", n=n).stdout
        assert sorted(out.split("\n")) == ["", "item 0", "item 1", "item 2", "item 3"], out


def what_others_use_stays():
    with Playing("objects") as playing:
        playing.learn_names()
        there = playing.objects()
        run("about", n=2)
        assert playing.objects() == there
        out, err = playing.process.communicate("\n", timeout=30)
        assert playing.process.returncode == 0, (out, err)
        assert not playing.objects(), playing.objects()


scenario(globals())
