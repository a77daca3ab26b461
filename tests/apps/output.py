"""What the ranks of one host print: whose line it is, one copy of a common line, nothing lost, errors before the summary."""
import json
import os
import re
import select
import signal
import sys
import time
from collections import defaultdict

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
from rankine_test import *

PRINTS, RANKS, LINES, LONG = kernel("prints"), 4, 20000, 300000


def prints(what, *words, n=RANKS, **more):
    return command("run", PRINTS, f"what={what}", "--repeat", 12 * n, "--block", 1, "-n", n, "-o", "out.h5", "--force",
                   *words, **more)


def ranks_in(label):
    """ "all 4 ranks", "ranks 0-1, 3" or "rank 2" """
    if label.startswith("all"):
        return range(RANKS)
    found = []
    for part in label.split(" ", 1)[1].split(", "):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def by_rank(text):
    found = defaultdict(list)
    for line in text.splitlines():
        match = re.fullmatch(r"(all \d+ ranks|ranks? [\d, -]+): (.*)", line)
        assert match, f"no label: {line[:100]!r}"
        for rank in ranks_in(match[1]):
            found[rank].append(match[2])
    return found


def a_common_line_is_said_once():
    """If all say it within a fifth of a second, which a busy machine may not manage each time."""
    assert any(common_lines() < 2 * RANKS for _ in range(10))


def common_lines():
    result = prints("common", "--quiet")
    err = by_rank(result.stderr)
    assert sorted(err) == list(range(RANKS)) and len(set(map(tuple, err.values()))) == 1, result.stderr
    assert err[0] == ["a table is read", "and understood"], result.stderr
    assert set(map(tuple, by_rank(result.stdout).values())) == {("on stdout",)}, result.stdout
    return len(result.stderr.splitlines())


def nothing_is_lost_and_each_rank_keeps_its_order():
    result = prints("many", "--quiet")
    for text, expected in ((result.stderr, range(0, LINES, 2)), (result.stdout, range(1, LINES, 2))):
        found = by_rank(text)
        assert sorted(found) == list(range(RANKS))
        for rank, lines in found.items():
            assert lines == [str(i) for i in expected], f"rank {rank}: {len(lines)} lines"


def long_lines_and_pieces_and_any_bytes_survive():
    text = prints("long", "--quiet").stderr
    for rank in range(RANKS):
        assert "".join(by_rank(text)[rank]).count(chr(ord("a") + rank)) == LONG, f"rank {rank}"
    pieces = prints("pieces", "--quiet").stderr
    for rank, said in by_rank(pieces).items():
        assert "".join(said) == "a piece, and the rest", pieces
    raw = subprocess.run([RANKINE, "run", PRINTS, "what=bytes", "--repeat", "24", "--block", "1", "-n", "2", "-o",
                          "out.h5", "--force", "--quiet"], stderr=subprocess.PIPE, timeout=60, check=True).stderr
    head, tail = bytes(range(11)), bytes(range(11, 256))
    for rank in (b"rank 0: ", b"rank 1: "):
        assert rank + head in raw or b"all 2 ranks: " + head in raw, raw
        assert rank + tail in raw or b"all 2 ranks: " + tail in raw, raw


def one_rank_prints_as_it_is():
    result = prints("common", "--quiet", n=1)
    assert result.stderr == "a table is read\nand understood\n" and result.stdout == "on stdout\n", result
    with open("hosts", "w") as file:
        file.write("localhost slots=1\n")
    result = prints("common", "--quiet", "--hostfile", "hosts", n=1)
    assert result.stderr == "a table is read\nand understood\n" and result.stdout.replace("\r", "") == "on stdout\n"


def json_stays_json():
    result = prints("many", "--json")
    assert json.loads(result.stdout)["exit_code"] == 0
    assert len([line for line in result.stderr.splitlines() if re.search(r": \d+$", line)]) >= LINES


def errors_come_before_the_summary():
    result = subprocess.run([RANKINE, "run", kernel("flaky"), "--repeat", "40", "--block", "1", "-n", "3", "-o", "out.h5",
                             "--force"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert result.returncode == FAILED_TASKS, result
    failed = result.stdout.index("tasks failed:")
    assert failed < result.stdout.index("flaky: complete"), result.stdout
    assert not re.search(r"rank 0: ", result.stdout), result.stdout


def a_crash_says_where():
    result = prints("crash", expect=RESUMABLE)
    said = [line for line in result.stderr.splitlines() if "segmentation fault" in line]
    assert len(said) == 1 and said[0].startswith("rankine: task ") and " on rank 1 (" in said[0], result.stderr
    assert result.stderr.splitlines()[-1].startswith("rankine: the run ended before it was complete"), result.stderr


def what_a_task_prints_is_no_word_of_the_run():
    """Nor has what it starts the secret that would make it one."""
    for n in (1, 2):
        result = prints("forge", "--fail-fast", n=n)
        assert "prints: complete" in result.stdout, result
        assert "\x01exit 0 0" in result.stderr and "\x01closing" in result.stderr, result
    run("command", "cmd=! env | grep ^RANKINE_SECRET=", "sh=yes", "--repeat", 2, n=2, out="env.h5")
    with open("hosts", "w") as file:
        file.write("localhost slots=1\n")
    result = prints("forge", "--hostfile", "hosts", n=1)
    assert "\x01exit 0 0" in result.stderr and "prints: complete" in result.stdout, result


def full_pipe(what, blocking):
    """A run that has filled a pipe, its process and the pipe's end to read from."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, blocking)
    process = subprocess.Popen([RANKINE, "run", PRINTS, f"what={what}", "--repeat", "24", "--block", "1", "-n", "2", "-o",
                                "out.h5", "--force", "--quiet"], stdout=write_end, stderr=subprocess.DEVNULL)
    wait_until("a full pipe", lambda: not select.select([], [write_end], [], 0)[1])
    os.close(write_end)
    time.sleep(1)
    return process, read_end


def a_run_whose_output_nobody_reads_is_stopped():
    """Then nothing but what it says in the end is left to be read."""
    for pause in (0.5, 2):
        process, read_end = full_pipe("flood", True)
        try:
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            wait_until("the end of the ranks", lambda: not descendants(process.pid), 20)
            os.close(read_end)
            assert process.wait(20) != COMPLETE
        finally:
            kill_all(process)


def a_pipe_that_does_not_block_gets_all():
    process, read_end = full_pipe("many", False)
    with open(read_end) as file:
        found = by_rank(file.read().replace("all 2 ranks", "ranks 0-1"))
    assert process.wait(30) == COMPLETE
    assert all(found[rank] == [str(i) for i in range(1, LINES, 2)] for rank in range(2)), list(map(len, found.values()))


main([a_common_line_is_said_once, nothing_is_lost_and_each_rank_keeps_its_order,
      long_lines_and_pieces_and_any_bytes_survive, one_rank_prints_as_it_is, json_stays_json,
      errors_come_before_the_summary, a_crash_says_where, what_a_task_prints_is_no_word_of_the_run,
      a_run_whose_output_nobody_reads_is_stopped, a_pipe_that_does_not_block_gets_all])
