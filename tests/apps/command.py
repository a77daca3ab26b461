"""The kernel `command`: a program for each task, whatever the program is and whatever happens to it."""
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

PYTHON = os.environ["PYTHON"]
HOSTILE = ["a b", "it's", '"double"', "; rm -rf x", "$(touch hurt)", "`touch hurt`", "line\nbreak", "\n", "tab\there",
           "grüße 日本", "--help", "-", "*", "$HOME", "\\", "\\n", "{x}", "}", "a'b\"c`d$e\\f", "", " ", "%s%n", "x" * 100_000,
           "&& false", "#", "~"]


def program(name, text):
    """A Python program in this directory; a word for cmd."""
    with open(name, "w") as file:
        file.write(text)
    return f"{PYTHON} {name}"


def table(path, /, **columns):
    with open(path, "w", newline="") as file:
        file.write(",".join(columns) + "\n")
        for values in zip(*columns.values()):
            file.write(",".join('"' + str(value).replace('"', '""') + '"' for value in values) + "\n")
    return path


def left_in(directory):
    """What MPI keeps in TMPDIR for itself is not ours."""
    return sorted(name for name in os.listdir(directory) if not re.match("ompi|openmpi|prte|pmix", name))


def texts(path, name="stdout"):
    """What each task wrote, in the order of the tasks."""
    with h5py.File(path) as file:
        start, count = file[f"{name}_start"][...].ravel(), file[f"{name}_count"][...].ravel()
        values = file[name][...].tobytes()
    return [values[a:a + n] for a, n in zip(start.tolist(), count.tolist())]


def rows(path, *names):
    with h5py.File(path) as file:
        return [file[name][...].ravel().tolist() for name in names]


def lines(path):
    return [text.decode().rstrip("\n") for text in texts(path)]


def failures(path):
    return {failure["task"]: failure for failure in summary("info", path)["failures"]}


def refusal(*words, run_words=("-o", "none.h5")):
    error = command("run", *words, *run_words, "-n", 1, expect=2).stderr
    assert error.count("\n") == 1 and not os.path.exists("none.h5"), error
    return error


def running(mark):
    """Processes with this word in their command line."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as words:
                    if mark.encode() in words.read() and is_alive(entry):
                        found.append(int(entry))
            except OSError:
                pass
    return found


# ---- makers ----

def a_kernel_is_made_of_what_is_given():
    assert "outputs that are twice" in command("kernels", kernel("maker")).stdout
    run(kernel("maker"), "a=1,2,3,4", "b=0.5", "label=x,y", n=2, out="made.h5")
    with h5py.File("made.h5") as file:
        assert file["out0"][...].tolist() == [2, 4, 6, 8] and file["out1"][...].tolist() == [1, 1, 1, 1]
    assert "label" in command("info", "made.h5").stdout and "x,y" in command("info", "made.h5").stdout
    table("points.csv", a=[1, 2], c=["0.5", "x"])
    assert "x" in refusal(kernel("maker"), "--table", "points.csv")
    for word, says in (("refused=3", "refused is 3"), ("refused=1,2", "refused is several"), ("nameless=1", "not a name"),
                       ("silent=1", "does not say why"), ("2x=1", "'2x'"), ("row=1", "Rankine uses this name"),
                       ("out0=1", "used twice")):
        result = command("run", kernel("maker"), word, "-n", 1, "-o", "none.h5", expect=None)
        assert result.returncode in (1, 2) and says in result.stderr, result.stderr
    assert "given twice" in refusal(kernel("maker"), "a=1", "a=2")


def made_kernels_are_resumed_joined_extended_and_checked():
    cmd = "cmd=echo {alpha} {name} {seed}"
    words = ["command", cmd, "alpha=0:1:0.1", "name=a,b"]
    for n in (1, 2, 3):
        run(*words, n=n, out=f"n{n}.h5")
    whole = digest("n1.h5")
    assert whole == digest("n2.h5") == digest("n3.h5")
    parts = []
    for i in (1, 2):
        run(*words, "--part", f"{i}/2", n=i, out=f"part{i}.h5", expect=None)
        parts.append(f"part{i}.h5")
    command("merge", *parts, "-o", "joined.h5")
    assert digest("joined.h5") == whole and texts("joined.h5") == texts("n1.h5")
    run("command", cmd, "--table", table("t.csv", alpha=[0.5, 1], name=["a", "b"]), out="table.h5")
    assert [line.split()[:2] for line in lines("table.h5")] == [["0.5", "a"], ["1", "b"]]
    run("command", cmd, "alpha=1,2", "name=a,b", "--zip", "alpha,name", n=2, out="zip.h5")
    assert [line.split()[:2] for line in lines("zip.h5")] == [["1", "a"], ["2", "b"]]
    run("command", "cmd=echo {x}", "x=1,2,3", out="old.h5")
    run("command", "cmd=echo {x}", "x=1,2,3,4", out="more.h5")
    run("command", "cmd=echo {x}", "x=1,2,3,4", "--reuse", "old.h5", out="new.h5", n=2)
    assert digest("new.h5") == digest("more.h5") and lines("new.h5") == ["1", "2", "3", "4"]
    error = command("run", "command", "cmd=echo {x} again", "x=1,2,3,4", "--reuse", "old.h5", "-o", "no.h5", expect=2).stderr
    assert "--reuse old.h5" in error, error
    command("check", "command", "cmd=echo {x}", "x=1:6")
    assert "no damage" in command("verify", "joined.h5").stdout
    run("command", "cmd=echo {x}", "x=1:6", "capture=0", out="old.h5")
    run("command", "cmd=sh -c 'exit 9' {x}", "x=1:6", "capture=0", out="bad.h5", expect=FAILED_TASKS)
    with h5py.File("old.h5") as file:
        assert "stdout" not in file and file["stdout_bytes"][...].tolist() == [2] * 6
    assert "alpha" in command("info", "n1.h5").stdout and summary("info", "n1.h5")["space"].count("given") == 3


# ---- what comes out ----

def codes_streams_and_costs_are_recorded():
    code = program("p.py", "import os, sys, time\nx = int(sys.argv[1])\nprint('out', x)\nprint('some\\nbad thing', x, file=sys.stderr)\n"
                           "sys.stdout.flush()\nsys.stderr.flush()\n"
                           "if x == 3: time.sleep(0.3)\nif x == 4:\n    b = bytearray(200 << 20)\n    b[::4096] = b[::4096]\n"
                           "if x == 5: os.kill(os.getpid(), 11)\nif x == 6: os.kill(os.getpid(), 9)\nsys.exit(x if x < 3 else 0)\n")
    run("command", f"cmd={code} {{x}}", "x=0:6", n=2, out="c.h5", expect=FAILED_TASKS)
    exits, signals, wall, cpu, rss, out, err = rows("c.h5", "exit_code", "signal", "wall_seconds", "cpu_seconds",
                                                    "max_rss_bytes", "stdout_bytes", "stderr_bytes")
    assert exits == [0, 1, 2, 0, 0, -1, -1] and signals == [0, 0, 0, 0, 0, 11, 9]
    assert texts("c.h5") == [f"out {x}\n".encode() for x in range(7)] and out == [6] * 7
    assert texts("c.h5", "stderr") == [f"some\nbad thing {x}\n".encode() for x in range(7)] and err == [17] * 7
    assert 0.3 <= wall[3] < 5 and 0.005 < cpu[0] < 5 and rss[4] > 200 << 20 > 100 << 20 > rss[0] > 1 << 20
    told = failures("c.h5")
    assert sorted(told) == [1, 2, 5, 6] and told[2]["message"] == "exit code 2: bad thing 2" and told[2]["code"] == 2
    assert "signal 11 (segmentation fault)" in told[5]["message"] and told[5]["code"] == 139
    assert "signal 9" in told[6]["message"] and "bad thing 6" in told[6]["message"]
    assert "no damage" in command("verify", "c.h5").stdout
    run("command", "cmd=/bin/true", out="true.h5")
    assert rows("true.h5", "max_rss_bytes")[0][0] < 8 << 20  # not the rank's own memory
    run("command", "cmd={program} 1", "program=no-such-program-here,./p.py", out="none.h5", expect=FAILED_TASKS)
    told = failures("none.h5")
    assert "no such program" in told[0]["message"] and "may not be executed" in told[1]["message"], told
    assert rows("none.h5", "exit_code") == [[127, 126]]


def the_digest_is_of_what_the_programs_say():
    code = program("p.py", "import os, sys, time\nx = int(sys.argv[1])\nprint(x * x)\nprint(os.getpid(), file=sys.stderr)\n"
                           "time.sleep(0.01 * (x % 3))\nsys.exit(x % 4 == 3)\n")
    digests = set()
    for n in (1, 2, 3):
        run("command", f"cmd={code} {{x}}", "x=0:20", n=n, out=f"d{n}.h5", expect=FAILED_TASKS)
        digests.add(digest(f"d{n}.h5"))
    assert len(digests) == 1
    shutil.copy("d1.h5", "retried.h5")
    command("resume", "retried.h5", "--retry-failed", "-n", 2, "-q", expect=FAILED_TASKS)
    assert {digest("retried.h5")} == digests and texts("retried.h5") == texts("d1.h5")
    run("command", f"cmd={code} {{x}}", "x=0:21", n=1, out="other.h5", expect=FAILED_TASKS)
    assert digest("other.h5") not in digests


def long_output_is_cut_and_its_size_kept():
    code = program("p.py", "import sys\nn = int(sys.argv[1])\nfor i in range(n):\n    sys.stdout.write('o' * 1000)\n"
                           "    sys.stderr.write('e' * 1000)\nsys.stdout.write('end')\n")
    run("command", f"cmd={code} {{n}}", "n=0,1,64,66,30000", n=2, out="long.h5")
    out, err = rows("long.h5", "stdout_bytes", "stderr_bytes")
    assert out == [1000 * n + 3 for n in (0, 1, 64, 66, 30000)] and err == [1000 * n for n in (0, 1, 64, 66, 30000)]
    assert [len(text) for text in texts("long.h5")] == [3, 1003, 64003, 65536, 65536]
    assert texts("long.h5")[4] == b"o" * 65536 and set(texts("long.h5", "stderr")[4]) == {ord("e")}
    run("command", f"cmd={code} {{n}}", "n=3", "capture=100", out="short.h5")
    assert texts("short.h5") == [b"o" * 100]
    run("command", f"cmd={code} {{n}}", "n=30000", "capture=20M", out="big.h5")
    assert len(texts("big.h5")[0]) == 20 << 20
    for bad in ("capture=many", "capture=-1", "capture=1T", "capture=", "capture=1e3", "capture=99999999999G"):
        assert "bytes are expected" in refusal("command", "cmd=true", bad)


def results_are_taken_from_json():
    code = program("p.py", "import json, sys\nx = int(sys.argv[1])\nprint('{not json} {\"energy\": 0}')\n"
                           "good = {'energy': x / 8, 'steps': x, 'done': x > 2, 'grid': [[x, 1], [2, 3], [4, 5]], 'text': 'a}b{'}\n"
                           "if x == 1: del good['steps']\nif x == 2: good['steps'] = 'many'\nif x == 3: good['grid'] = [1]\n"
                           "if x == 4: good['energy'] = None\nif x == 5: good = {}\nif x == 6: sys.exit(7)\nif x == 7: good['energy'] = '-inf'\n"
                           "if x == 8: good['steps'] = 1 << 40\nif x == 9: good['grid'] = {'base64': 'AAAAAAAA8D8='}\n"
                           "if x == 10: good['done'] = 1\n"
                           "print('result:', json.dumps(good, indent=1 if x % 2 else None), 'bye')\n")
    outputs = "outputs=energy:f64,steps:i32,done:bool,grid:f64[3,2]"
    run("command", f"cmd={code} {{x}}", "x=0:10", outputs, n=2, out="j.h5", expect=FAILED_TASKS)
    told = {task: failure["message"] for task, failure in failures("j.h5").items()}
    assert sorted(told) == [1, 2, 3, 5, 6, 8, 9, 10], told
    assert told[1] == "output 'steps' is missing: the JSON object has the fields energy, done, grid, text", told[1]
    assert told[2] == "output 'steps': i32 expected, got the string \"many\"", told[2]
    assert told[3] == "output 'grid': a list of 6 values of f64 expected, got a list of 1 value", told[3]
    assert told[5] == "output 'energy' is missing: the JSON object has no field" and told[6] == "exit code 7", told
    assert told[8] == "output 'steps': i32 expected, got 1099511627776", told[8]
    assert "base64 of 48 bytes expected (6 values of f64: 64 letters), got 12 letters" in told[9], told[9]
    assert told[10] == "output 'done': bool expected, got 1", told[10]
    with h5py.File("j.h5") as file:
        energy, steps, grid, done = file["energy"][...], file["steps"][...], file["grid"][...], file["done"][...]
        assert file["exit_code"][...].tolist()[5:7] == [0, 7]
    assert energy[0] == 0 and numpy.isnan(energy[4]) and energy[7] == -numpy.inf and steps[[0, 4, 7]].tolist() == [0, 4, 7]
    assert grid[7].tolist() == [[7, 1], [2, 3], [4, 5]] and done[[0, 4]].tolist() == [0, 1]
    run("command", "cmd=echo nothing", "outputs=y:f64", out="n.h5", expect=FAILED_TASKS)
    assert "no JSON object" in failures("n.h5")[0]["message"]
    long = program("long.py", "import sys\nfor i in range(300000): sys.stdout.write('{\"y\": 1} noise { \\n')\nprint('{\"y\": 42}')\n")
    run("command", f"cmd={long}", "outputs=y:f64", out="n.h5")
    assert rows("n.h5", "y") == [[42]]
    run("command", "cmd=echo '{{\"y\": [1, 2, 3, 4]}}'", "n=4", "outputs=y:u8[n]", out="n.h5")
    assert rows("n.h5", "y") == [[1, 2, 3, 4]]
    shapes = [[1, "a"], [[1, 2], 3], {"y": 1, "z": 2}, 1.5, "x" * 100, None, {"base64": "!" * 24}, {"y" * 200: 1}]
    code = program("s.py", f"import json, sys\nprint(json.dumps({{'y': {shapes!r}[int(sys.argv[1])]}}))\n")
    run("command", f"cmd={code} {{i}}", "i=0:7", "outputs=y:f64[2]", out="s.h5", expect=FAILED_TASKS)
    told = [failure["message"].replace("output 'y': a list of 2 values of f64 expected", "") for failure in failures("s.h5").values()]
    either = ' (or {"base64": ...}), got '
    assert told[:6] == [', got the string "a" as value 2', ", got a list of 3 values", either + "an object with the fields y, z",
                        either + "1.5", either + 'the string "' + "x" * 59 + "...", either + "null"], told
    assert "got what is no base64 in 24 letters" in told[6] and told[7] == either + "an object with the fields ...", told
    for bad in ("y", "y:", "y:f65", ":f64", "y:f64,", "y:f64[", "y:f64[]", "y:f64]", "y:f64[2]z", "y:f64[1,2,3,4,5]", "2y:f64",
                "y:f64,y:f64", "exit_code:i32", "y:string"):
        refusal("command", "cmd=true", f"outputs={bad}")


# ---- what goes in ----

SHOW = "import os, sys\nfor word in sys.argv[1:]:\n    print(word.encode('utf-8', 'surrogateescape').hex() or '-')\n" \
       "print('env', os.environb[b'RANKINE_PARAM_x'].hex() or '-')\n"


def hostile_values_are_passed_on_exactly():
    show = program("show.py", SHOW)
    hexes = [value.encode().hex() or "-" for value in HOSTILE]
    table("hostile.csv", x=HOSTILE)
    run("command", f"cmd={show} {{x}} pre{{x}}post", "--table", "hostile.csv", "capture=2M", n=2, out="h.h5", timeout=120)
    for text, value, hexed in zip(lines("h.h5"), HOSTILE, hexes):
        assert text.split("\n") == [hexed, f"pre{value}post".encode().hex(), f"env {hexed}"], value[:80]
    shell = f"cmd={show} {{x}} pre{{x}}post \"in {{x}} double\" 'in {{x}} single' \"$(printf '%s.' {{x}})\" | cat"
    run("command", shell, "sh=yes", "--table", "hostile.csv", "capture=2M", n=2, out="s.h5", timeout=120)
    for text, value, hexed in zip(lines("s.h5"), HOSTILE, hexes):
        said = [part.encode().hex() for part in (f"pre{value}post", f"in {value} double", f"in {value} single", f"{value}.")]
        assert text.split("\n") == [hexed, *said, f"env {hexed}"], value[:80]
    assert not os.path.exists("hurt") and os.path.exists("show.py")
    table("long.csv", x=["y" * 200_000])
    run("command", f"cmd={show} {{x}}", "--table", "long.csv", out="l.h5", expect=FAILED_TASKS)
    assert "too long" in failures("l.h5")[0]["message"]


def words_are_split_before_values_are_put_in():
    show = program("show.py", "import sys\nprint(sys.argv[1:])\n")
    for cmd, x, words in (("a  b\tc", "1", ["a", "b", "c"]), ("'a b' \"c d\" e\\ f", "1", ["a b", "c d", "e f"]),
                          ("'' \"\" a''b", "1", ["", "", "ab"]), ("\"a\\\"b\\\\c\\d\"", "1", ["a\"b\\c\\d"]),
                          ("'a\\b'", "1", ["a\\b"]), ("{x}{x} '{x} y'", "1 2", ["1 21 2", "1 2 y"]),
                          ("{{x}} }}{{", "1", ["{x}", "}{"]), ("-x={x}", "007", ["-x=007"]), ("{x}", "", [""]),
                          ("a\nb", "1", ["a", "b"]), ("$HOME * ; | `x`", "1", ["$HOME", "*", ";", "|", "`x`"])):
        run("command", f"cmd={show} {cmd}", f"x={x}", out="w.h5")
        assert lines("w.h5") == [repr(words)], (cmd, lines("w.h5"))
    run("command", "cmd=echo {i} {f} {s}", "i=1:3", "f=0.1,2.5", "s=1.0", n=2, out="w.h5")
    assert lines("w.h5") == [f"{i} {f} 1.0" for i in (1, 2, 3) for f in ("0.1", "2.5")]
    run("command", "cmd=echo {seed} {task}", "seed=7", "task=x", out="w.h5")
    assert lines("w.h5") == ["7 x"]
    error = refusal("command", "cmd=echo {alhpa}", "alpha=1", "beta=2")
    assert all(word in error for word in ("'{alhpa}'", "{alpha}", "{beta}", "{task}", "{seed}", "{rank}", "{tmpdir}")), error
    for bad, says in (("echo {", "'{'"), ("echo }", "'}'"), ("echo {a b}", "'{a'"), ("echo 'a", "not closed"),
                      ("", "needs a command line"), ("   ", "needs a command line"), ("echo {cmd}", "'{cmd}'")):
        assert says in refusal("command", f"cmd={bad}", "x=1"), bad
    with open("two.txt", "w") as file:
        file.write("a\nb\n")
    assert "one value for the whole run" in refusal("command", "cmd=@two.txt")
    with open("one.txt", "w") as file:
        file.write("echo a, b\n")
    run("command", "cmd=@one.txt", out="w.h5")
    assert lines("w.h5") == ["a, b"]
    assert "needs the parameter 'cmd'" in refusal("command")


def braces_say_where_and_what_was_meant():
    for cmd, *says in (("echo {x", "'{x' at letter 6", "not close", "{name}", "{{"), ("awk '{print $1}'", "'{print' at letter 6"),
                       ("echo a}", "'}' at letter 7", "not open", "}}"), ("echo {a b}", "'{a' at letter 6"),
                       ("echo {alpah}", "'{alpah}'", "did you mean {alpha}?"), ("echo {sed}", "did you mean {seed}?"),
                       ("echo {y}", "'{y}' is no placeholder; there are {alpha}")):
        error = refusal("command", f"cmd={cmd}", "alpha=1", "x=1")
        assert all(said in error for said in says), (cmd, error)
    assert "did you mean" not in refusal("command", "cmd=echo {completely}", "alpha=1")


def misspelt_settings_are_not_taken_for_parameters():
    for word, meant in (("output=y:f64", "outputs"), ("output=y:f64,z:i32", "outputs"), ("ouputs=y:f64", "outputs"), ("shel=yes", "sh"),
                        ("shell=yes", "sh"), ("kep=yes", "keep"), ("keeep=off", "keep"), ("captur=1M", "capture"), ("stdinn=f", "stdin"),
                        ("input=f.txt", "stdin")):
        name = word.split("=")[0]
        error = refusal("command", "cmd=echo {x}", "x=1", word)
        assert f"no {{{name}}}" in error and f"did you mean the setting {meant}=?" in error, error
        run("command", f"cmd=echo {{x}} {{{name}}}", "x=1", word, out="fine.h5")  # what cmd names is a parameter
    assert "did you mean cmd=?" in refusal("command", "cmmd=echo {x}", "x=1")
    table("t.csv", x=[1, 2], output=["a", "b"])
    assert "did you mean the setting outputs=?" in refusal("command", "cmd=echo {x}", "--table", "t.csv")
    run("command", "cmd=true", "temp=300", "seeds=5", "s=1", "h=2", "q=no", out="fine.h5")  # no values for what they are like


def a_parameter_that_nothing_uses_is_told_once():
    heard = "rankine: cmd has no {a}, {alhpa}: the program finds them in its environment only, as RANKINE_PARAM_alhpa\n"
    words = ["cmd=echo {x}", "x=1,2", "a=1", "alhpa=0:1:0.5", "-o", "w.h5", "--force"]
    for n in (1, 2):
        assert command("run", "command", *words, "-n", n).stderr.count(heard) == 1
    got = subprocess.run([MPIRUN, "-n", "2", RANKINE, "run", "command", *words], capture_output=True, text=True, timeout=60)
    assert got.returncode == 0 and got.stderr.count(heard) == 1, got.stderr
    assert "cmd has" not in command("resume", "w.h5").stderr + command("info", "w.h5").stderr
    assert command("run", "command", *words, "-n", 1, "-q").stderr == ""
    many = [f"a_parameter_of_{i}=1" for i in range(20)]
    assert "{a_parameter_of_0}, " in (error := command("run", "command", "cmd=true", *many, "-n", 1, "-o", "m.h5").stderr) and ", ...:" in error
    open("in1", "w").close()
    for used in (["cmd=echo {x}", "x=1"], ["cmd=sh -c 'echo $RANKINE_PARAM_x'", "x=1"], ["cmd=cat", "stdin=in{x}", "x=1"],
                 ["cmd=echo '{{\"y\": [1, 2]}}'", "x=2", "outputs=y:u8[x]"], ["cmd=echo {x} | cat", "x=1", "sh=yes"]):
        assert command("run", "command", *used, "-n", 1, "-o", "u.h5", "--force").stderr == "", used


def a_program_that_is_not_there_is_refused_before_anything_is_made():
    with open("here", "w") as file:
        file.write("#!/bin/sh\necho here\n")
    os.mkdir("folder")
    for cmd, *says in (("no-such-program {x}", "'no-such-program'", "on PATH", "sh=yes"), ("./absent {x}", "'./absent'", "no such program"),
                       ("./here {x}", "may not be executed", "chmod +x"), ("./folder {x}", "is a directory"),
                       ("'' {x}", "no such program"), ("cd /tmp {x}", "need sh=yes")):
        error = refusal("command", f"cmd={cmd}", "x=1")
        assert all(said in error for said in says), (cmd, error)
        assert not os.path.exists("none.h5")
    os.chmod("here", 0o755)
    assert "did you mean ./here?" in refusal("command", "cmd=here {x}", "x=1")
    run("command", "cmd=./here {x}", "x=1", out="p.h5")
    run("command", "cmd=here {x}", "x=1", out="p.h5", env={"PATH": os.environ["PATH"] + ":" + os.getcwd()})
    assert lines("p.h5") == ["here"]
    run("command", "cmd=cd /; pwd {x}", "x=", "sh=yes", out="p.h5")
    error = subprocess.run([MPIRUN, "-n", "2", RANKINE, "run", "command", "cmd=no-such-program", "-o", "none.h5"], capture_output=True,
                           text=True, timeout=60)
    assert error.stderr.count("'no-such-program'") == 1 and not os.path.exists("none.h5"), error.stderr
    run("command", "cmd=./here {x}", "x=1,2", out="old.h5")
    os.remove("here")
    assert "./here" in command("info", "old.h5").stdout  # what is read needs no program


def what_only_a_shell_understands_is_hinted_at():
    for cmd, word in (("echo a | cat", "|"), ("echo a || true", "||"), ("echo a && true", "&&"), ("echo a; true", "a;"), ("echo a ; true", ";"),
                      ("echo a &", "&"), ("echo a > f", ">"), ("echo a >f", ">f"), ("echo a 2>&1", "2>&1"), ("cat < f", "<"),
                      ("echo a >>f", ">>f"), ("echo *.txt", "*.txt"), ("echo $HOME", "$HOME"), ("echo \"$HOME\"", "\"$HOME\""),
                      ("echo $(date)", "$(date)"), ("echo '|' \\* $A", "$A")):
        error = command("run", "command", f"cmd={cmd}", "-n", 1, "-o", "h.h5", "--force", expect=None).stderr
        assert error.startswith(f"rankine: cmd: no shell runs it, so the program is given {word} as it stands: sh=yes"), (cmd, error)
        assert "no shell" not in command("run", "command", f"cmd={cmd}", "sh=yes", "-n", 1, "-o", "h.h5", "--force", expect=None).stderr
    for cmd in ("echo '|' \">\" \\; '*' \\* '$HOME' \\$HOME", "echo a|b a&b x>y $1 $ -> 5>= ~", "echo 'it is; so' \"a && b\""):
        assert command("run", "command", f"cmd={cmd}", "-n", 1, "-o", "h.h5", "--force").stderr == "", cmd


def names_that_clash_are_both_named():
    for words, *says in ((["outputs=exit_code:i32"], "outputs: 'exit_code'", "records an output of that name itself"),
                         (["outputs=y:f64,x:i64"], "outputs: 'x'", "a parameter has that name"),
                         (["outputs=keep:bool"], "outputs: 'keep'", "a setting"), (["outputs=y:f64,y:i32"], "outputs: 'y'", "another output"),
                         (["outputs=row:f64"], "output 'row'", "take another"), (["signal=3"], "parameter 'signal'", "something else")):
        error = refusal("command", "cmd=echo {x}", "x=1", *words)
        assert all(said in error for said in says), error
    assert "a parameter has that name" in refusal("coprocess", "worker=true", "outputs=x:f64", "x=1")
    run("command", "cmd=echo '{{\"stdout\": 7}}'", "outputs=stdout:i32", "capture=0", out="free.h5")
    assert rows("free.h5", "stdout") == [[7]]


def random_seeds_belong_to_tasks():
    run("command", "cmd=echo {seed} {task}", "x=1,2", "--repeat", 50, n=2, out="a.h5")
    run("command", "cmd=sh -c 'echo $RANKINE_SEED $RANKINE_TASK'", "x=1,2", "--repeat", 50, n=3, out="b.h5")
    assert lines("a.h5") == lines("b.h5") and [int(line.split()[1]) for line in lines("a.h5")] == list(range(100))
    seeds = [int(line.split()[0]) for line in lines("a.h5")]
    assert len(set(seeds)) == 100 and all(0 <= seed < 1 << 63 for seed in seeds) and max(seeds) > 1 << 60
    run("command", "cmd=echo {seed} {task}", "x=1,2", "--repeat", 50, "--seed", 5, out="c.h5")
    assert lines("c.h5") != lines("a.h5")


def nothing_of_the_ranks_is_passed_on():
    look = program("look.py", "import os, signal\nprint('ENV', *sorted(os.environ))\nprint('FDS', *sorted(os.listdir('/proc/self/fd')))\n"
                              "for line in open('/proc/self/status'):\n    if line[:3] in ('Sig', 'Shd'): print(line.strip())\n"
                              "print('IN', os.readlink('/proc/self/fd/0'), os.getpgrp() == os.getpid())\n")
    more = {"PMI_RANK_X": "1", "SLURM_PMIX_X": "1", "PRTE_X": "1", "PMI2_X": "1", "MINE": "1", "RANKINE_X": "1"}
    table("t.csv", x=["1", "2"])
    got = subprocess.run([MPIRUN, "-n", "2", RANKINE, "run", "command", f"cmd={look}", "--table", "t.csv", "-o", "e.h5"],
                         env={**os.environ, **more}, capture_output=True, text=True, timeout=60)
    assert got.returncode == 0, got.stderr
    for text in lines("e.h5"):
        said = dict(line.replace(":\t", " ").split(" ", 1) for line in text.split("\n"))
        names = said["ENV"].split()
        assert not [name for name in names if re.match("OMPI|PMI|PRTE|ORTE|SLURM_PMI|OPAL|HFI_NO|IPATH_NO|PSM2_DEVICES", name)], names
        assert [name for name in names if name.startswith("RANKINE_")] == ["RANKINE_PARAM_x", "RANKINE_RANK", "RANKINE_SEED",
                                                                          "RANKINE_TASK"] and "MINE" in names and "PATH" in names
        assert said["FDS"] == "0 1 2 3"  # 3: of listing them
        own = 1 << 12 | 1 << 24 | 3 << 31  # two that Python ignores itself, and two that glibc's posix_spawn does
        assert int(said["SigBlk"], 16) == 0 and int(said["SigIgn"], 16) & ~own == 0, said
        assert said["IN"] == "/dev/null True"


def standard_input_comes_from_a_file():
    for x in (1, 2):
        with open(f"in put{x}.txt", "w") as file:
            file.write(f"content {x}\n" * 50000)
    run("command", "cmd=wc -l", "stdin=in put{x}.txt", "x=1,2", n=2, out="i.h5")
    assert lines("i.h5") == ["50000", "50000"]
    run("command", "cmd=cat", "stdin=in put{x}.txt", "x=2,3", "capture=10", out="i.h5", expect=FAILED_TASKS)
    assert texts("i.h5") == [b"content 2\n", b""] and "stdin=in put3.txt: no such file" in failures("i.h5")[1]["message"]


def programs_may_be_mpi_programs():
    size = program("size.py", "from mpi4py import MPI\nw = MPI.COMM_WORLD\nprint(w.allreduce(1), flush=True) if w.rank == 0 else w.allreduce(1)\n")
    run("command", f"cmd={size} {{x}}", "x=1,2", n=2, out="m.h5", timeout=120)
    assert lines("m.h5") == ["1", "1"]
    mpirun = f"{MPIRUN} --allow-run-as-root --oversubscribe -n 2"
    run("command", f"cmd={mpirun} {size}", "x=1,2", n=2, out="m.h5", timeout=120)
    assert lines("m.h5") == ["2", "2"]
    run("command", f"cmd={mpirun} /bin/echo {{x}}", "x=7", n=1, out="m.h5", timeout=120)
    assert lines("m.h5") == ["7\n7"]


# ---- directories ----

def a_directory_for_each_task():
    os.mkdir("base")
    os.mkdir("precious")
    with open("precious/file", "w") as file:
        file.write("x")
    os.chmod("precious/file", 0o444)
    mess = program("mess.py", "import os, sys\nd = sys.argv[1]\nassert os.environ['RANKINE_TMPDIR'] == d and not os.listdir(d)\n"
                              "os.makedirs(d + '/deep/er')\nos.symlink(os.path.abspath('precious'), d + '/deep/link')\n"
                              "os.symlink('/nowhere', d + '/dangling')\nopen(d + '/deep/er/file', 'w').write('x')\n"
                              "os.chmod(d + '/deep/er', 0)\nos.chmod(d, 0o500)\nprint(d)\nsys.exit(sys.argv[2] == '1')\n")
    env = {"TMPDIR": os.path.abspath("base")}
    run("command", f"cmd={mess} {{tmpdir}} {{x}}", "x=0,2,1", n=2, out="t.h5", expect=FAILED_TASKS, env=env)
    places = lines("t.h5")
    assert len(set(places)) == 3 and all(place.startswith(env["TMPDIR"] + f"/rankine-task-{i}-") for i, place in enumerate(places))
    assert os.listdir("base") == [] and os.listdir("precious") == ["file"]
    assert stat.S_IMODE(os.stat("precious/file").st_mode) == 0o444
    run("command", "cmd=sh -c 'echo kept >$RANKINE_TMPDIR/file'", "x=1,2", "keep=yes", n=2, out="t.h5", env=env)
    kept = left_in("base")
    assert len(kept) == 2 and all(os.listdir(f"base/{name}") == ["file"] for name in kept)
    run("command", "cmd=sh -c 'echo ${{RANKINE_TMPDIR-none}}' {x}", "x=1", out="t.h5", env=env)
    assert os.path.dirname(lines("t.h5")[0]) == env["TMPDIR"]  # it is named in the command
    run("command", "cmd=env", "x=1", out="t.h5", env=env)
    assert "RANKINE_TMPDIR" not in lines("t.h5")[0] and left_in("base") == kept
    os.mkdir("gone")
    run("command", "cmd=sh -c 'mv gone away' {tmpdir}", "--repeat", 2, out="t.h5", expect=FAILED_TASKS,
        env={"TMPDIR": os.path.abspath("gone")})
    assert list(failures("t.h5")) == [1] and "set TMPDIR" in failures("t.h5")[1]["message"]


# ---- ends ----

def children_left_behind_are_killed_and_hold_nothing_up():
    mark = f"7654.{os.getpid()}"
    begin = time.monotonic()
    run("command", f"cmd=sh -c 'sleep {mark} & echo {{x}}'", "x=1:4", n=2, out="k.h5")
    assert lines("k.h5") == ["1", "2", "3", "4"] and time.monotonic() - begin < 20
    wait_until("the children are gone", lambda: not running(mark), 5)
    away = program("away.py", f"import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    os.execlp('sleep', 'sleep', '{mark}')\n"
                              "print('parent')\n")
    run("command", f"cmd={away}", out="k.h5", timeout=30)
    assert lines("k.h5") == ["parent"]
    for pid in running(mark):  # one that left its group cannot be known: it is this test's to end
        os.kill(pid, signal.SIGKILL)


def a_program_that_takes_too_long_is_killed():
    begin = time.monotonic()
    run("command", "cmd=sleep {s} & sleep {s}", "sh=yes", "s=0.05,60,0.1", "--task-timeout", "1s", "--jobs-per-rank", 2,
        out="late.h5", expect=FAILED_TASKS)
    assert time.monotonic() - begin < 20
    late = failures("late.h5")
    assert list(late) == [1] and late[1]["code"] == 124 and "--task-timeout 1 s" in late[1]["message"], late
    for words in (["--isolate"], ["--task-memory", "1G"]):
        assert "processes of its own" in refusal("command", "cmd=true", *words)


def a_program_ends_with_its_rank():
    mark = f"8765.{os.getpid()}"
    process = start("run", "command", f"cmd=sh -c 'sleep {mark}; true' {{x}}", "x=1:4", "-n", 2, "-o", "d.h5")
    wait_until("both ranks run a program", lambda: len(running(f"sleep\0{mark}")) == 2)
    ranks = [pid for pid in descendants(process.pid) if b"rankine\0run" in open(f"/proc/{pid}/cmdline", "rb").read()
             and open(f"/proc/{pid}/comm").read().strip() != "rk-scribe"]
    for pid in ranks:
        os.kill(pid, signal.SIGKILL)
    wait_until("the programs are gone", lambda: not running(mark), 10)
    kill_all(process)
    process.communicate()
    single = start("run", "command", f"cmd=sh -c 'sleep {mark}; true'", "-n", 1, "-o", "one.h5")
    wait_until("the program runs", lambda: len(running(f"sleep\0{mark}")) == 1)
    os.kill(single.pid, signal.SIGKILL)
    single.communicate()
    wait_until("the program is gone", lambda: not running(mark), 10)
    run("pi", "--repeat", 10, n=2, out="sweep.h5")  # a launcher sweeps up what a killed one has left


def an_interrupted_run_finishes_its_programs_and_is_resumed():
    slow = program("slow.py", "import sys, time\nopen('begun' + sys.argv[1], 'w')\ntime.sleep(0.15)\nprint(int(sys.argv[1]) ** 2)\n")
    words = ["command", f"cmd={slow} {{x}}", "x=1:20"]
    run(*words, n=2, out="whole.h5")
    for x in range(1, 21):
        os.remove(f"begun{x}")
    process = start("run", *words, "-n", 2, "-o", "cut.h5", "-q")
    wait_until("some tasks are done", lambda: done_of("cut.h5") >= 4)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == RESUMABLE
    begun, done = sum(os.path.exists(f"begun{x}") for x in range(1, 21)), done_of("cut.h5")
    assert 4 <= done < 20 and begun == done  # what had begun was finished and counts
    command("resume", "cut.h5", "-n", 3, "-q")
    assert digest("cut.h5") == digest("whole.h5") and texts("cut.h5") == texts("whole.h5")
    assert rows("cut.h5", "exit_code") == [[0] * 20]


def a_helper_that_is_killed_costs_its_task_only():
    code = program("p.py", "import os, signal, sys, time\nif sys.argv[1] == '3':\n    os.kill(os.getppid(), signal.SIGKILL)\n"
                           "    time.sleep(0.2)\nprint(sys.argv[1])\n")
    run("command", f"cmd={code} {{x}}", "x=1:6", n=1, out="k.h5", expect=FAILED_TASKS)
    assert list(failures("k.h5")) == [2] and "rankine-spawn was killed" in failures("k.h5")[2]["message"]
    assert [line for line in lines("k.h5") if line] == ["1", "2", "4", "5", "6"]


def ten_thousand_tasks_make_one_file():
    os.mkdir("here")
    os.chdir("here")
    command("run", "command", "cmd=/bin/echo {x}", "x=1:10000", "-n", 2, "-q", "-o", "many.h5", timeout=200)
    assert os.listdir(".") == ["many.h5"]
    assert lines("many.h5") == [str(x) for x in range(1, 10001)]


# ---- with the options of a run ----

def threads_and_retries_do_what_they_say():
    words = ["command", "cmd=sh -c 'echo $RANKINE_TASK {seed}'", "--repeat", 60]
    run(*words, n=1, out="one.h5")
    for more in (["--threads", 3], ["--jobs-per-rank", 8], ["--retries", 2]):
        run(*words, *more, n=2, out="other.h5")
        assert digest("other.h5") == digest("one.h5") and lines("other.h5") == lines("one.h5"), more
    begin = time.monotonic()
    run("command", "cmd=sleep 0.5", "--repeat", 32, "--jobs-per-rank", 16, n=2, out="sleep.h5")
    assert time.monotonic() - begin < 8
    flaky = program("flaky.py", "import os, sys\np = 'tried' + sys.argv[1]\nagain = os.path.exists(p)\nopen(p, 'w')\n"
                                "print(again)\nsys.exit(0 if again else 3)\n")
    run("command", f"cmd={flaky} {{x}}", "x=1,2", "--retries", 1, n=2, out="flaky.h5")
    assert lines("flaky.h5") == ["True", "True"] and rows("flaky.h5", "exit_code") == [[0, 0]]


# ---- --tasks-from ----

def lines_of_a_file_are_programs_for_a_shell():
    jobs = "# a comment\n\necho one; echo two >&2\n  echo $((6 * 7)) | tr 4 5\nfalse\n#echo no\necho 'a  b' {x} \"$RANKINE_TASK\" $RANKINE_PARAM_line\n"
    with open("jobs.txt", "w") as file:
        file.write(jobs)
    expected = [b"one\n", b"52\n", b"", b"a  b {x} 3 echo a b {x} \"$RANKINE_TASK\" $RANKINE_PARAM_line\n".replace(b"echo a b", b"echo 'a b'")]
    for n in (1, 2):
        run("command", "--tasks-from", "jobs.txt", n=n, out=f"f{n}.h5", expect=FAILED_TASKS)
        assert texts(f"f{n}.h5") == expected, texts(f"f{n}.h5")
        assert texts(f"f{n}.h5", "stderr")[0] == b"two\n" and list(failures(f"f{n}.h5")) == [2]
    with h5py.File("f1.h5") as file:
        assert [line.decode() for line in file["line"][...]][2] == "false"
    one = digest("f1.h5")
    assert one == digest("f2.h5")
    env = {"TMPDIR": os.path.abspath(".")}
    before = left_in(".")
    for n in (1, 2):
        for words in (["--tasks-from", "-"], ["--tasks-from=-"], ["--tasks-from", "/dev/stdin"]):
            with open("jobs.txt") as file:
                run("command", *words, n=n, out="f1.h5", expect=FAILED_TASKS, stdin=file, env=env)
            assert digest("f1.h5") == one and texts("f1.h5") == expected
            read, write = os.pipe()
            os.write(write, jobs.encode())
            os.close(write)
            run("command", *words, n=n, out="f1.h5", expect=FAILED_TASKS, stdin=read, env=env)
            os.close(read)
            assert digest("f1.h5") == one and left_in(".") == before
    got = subprocess.run([MPIRUN, "-n", "2", RANKINE, "run", "command", "--tasks-from", "-", "-o", "f2.h5", "--force"],
                         input=jobs, capture_output=True, text=True, timeout=60, env={**os.environ, **env})
    assert got.returncode == FAILED_TASKS and digest("f2.h5") == one and left_in(".") == before, got.stderr
    os.remove("jobs.txt")
    command("resume", "f2.h5", "--retry-failed", "-n", 1, "-q", expect=FAILED_TASKS)
    assert digest("f2.h5") == one
    with open("jobs.txt", "w") as file:
        file.write("echo same\n" * 3)
    run("command", "--tasks-from", "jobs.txt", n=2, out="g.h5")
    assert lines("g.h5") == ["same"] * 3
    with open("jobs.txt", "w") as file:
        file.write("a b\n; c\n")
    run("command", "cmd=/bin/echo {line} end", "--tasks-from", "jobs.txt", n=2, out="g.h5")
    assert lines("g.h5") == ["a b end", "; c end"]
    with open("jobs.txt", "w") as file:
        file.write("test -d \"$RANKINE_TMPDIR\" && echo yes\n")
    run("command", "--tasks-from", "jobs.txt", n=1, out="g.h5")
    assert lines("g.h5") == ["yes"]
    open("empty.txt", "w").write("# nothing\n\n")
    for words, says in ((["command", "--tasks-from", "absent.txt"], "absent.txt"), (["command", "--tasks-from", "empty.txt"], "empty.txt"),
                        (["command", "--tasks-from", "a", "--tasks-from", "b"], "one is all"), (["command", "--tasks-from", "."], "'.'"),
                        (["--tasks-from", "jobs.txt"], "rankine run command"), (["pi", "--tasks-from", "jobs.txt"], "no parameter 'line'"),
                        (["command", "--tasks-from", "-"], "line")):
        assert says in refusal(*words), (words, refusal(*words))


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
