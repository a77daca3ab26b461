"""Bad input: one clear line that names the value and what to do, an exit code, and no half-made file."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy as np
from rankine_test import *

BAD = 2  # exit code


def make_inputs():
    run("ep", n=1, out="ep.h5")
    run(kernel("slow"), "ms=0", "--repeat", 4, out="slow.h5")
    run("pi", "--repeat", 2, "--part", "1/2", out="part.h5")
    with open("ep.h5", "rb") as f:
        whole = f.read()
    for size in (0, 7, 100, 5000, len(whole) - 1000):
        with open(f"cut{size if size < 10000 else 'end'}.h5", "wb") as f:
            f.write(whole[:size])
    with open("text.h5", "w") as f:
        f.write("this is no HDF5\n")
    with h5py.File("in.h5", "w") as f:
        f["a"] = np.arange(6.0)
    with h5py.File("foreign.h5", "w") as f:
        f["a"] = np.arange(6.0)
        f["names"] = ["x", "y"]
        f["scalar"] = 3.0
        f.create_group("group")
        f.create_dataset("empty", (0, 3))
    files = {"empty.txt": "", "words.txt": "1\nx\n", "empty.csv": "", "column.csv": "rho,nothing\n1,2\n",
             "value.csv": "rho,sigma\n1,x\n", "ragged.csv": "rho,sigma\n1\n", "kernel.so": "int main;\n", "my.c": "int x;\n", "my.f90": "end\n"}
    for name, text in files.items():
        with open(name, "w") as f:
            f.write(text)
    os.mkdir("folder")
    os.mkfifo("pipe")


def table():
    lorenz, out = ["run", "lorenz"], ["-o", "new.h5"]
    rows = [
        ("unknown command", ["fly"], "fly"),
        ("unknown option", ["run", "ep", "--shedule", "static", *out], "shedule.*schedule"),
        ("option without its value", ["run", "ep", "-o"], "-o"),
        ("no kernel", ["run", *out], "[Kk]ernel|KERNEL"),
        ("unknown kernel", ["run", "lorentz", *out], "lorentz.*lorenz"),
        ("kernel file that is not there", ["run", "./none.so", *out], "none.so"),
        ("kernel that is text", ["run", "./kernel.so", *out], "kernel.so"),
        ("kernel that is a directory", ["run", "./folder", *out], "folder.*directory"),
        ("object without a kernel", ["run", kernel("no_kernel"), *out], "no_kernel.so.*RK_KERNEL"),
        ("kernel with another ABI", ["run", kernel("bad_abi"), *out], "bad_abi.so.*interface"),
        ("unknown parameter", [*lorenz, "rh=3", *out], "'rh'.*rho"),
        ("word that is no setting", [*lorenz, "28", *out], "28"),
        ("value that is no number", [*lorenz, "rho=abc", *out], "rho.*abc"),
        ("parameter given twice", [*lorenz, "rho=1", "rho=2", *out], "rho.*twice"),
        ("unit of a range", [*lorenz, "dt=0.1kg:0.2kg:0.1kg", *out], "dt.*kg"),
        ("step 0", [*lorenz, "rho=20:30:0", *out], "rho.*step.*0"),
        ("step with the wrong sign", [*lorenz, "rho=20:30:-1", *out], "rho"),
        ("empty range", [*lorenz, "rho=30:20:1", *out], "rho"),
        ("range of NaN", [*lorenz, "rho=nan:3:1", *out], "rho.*nan"),
        ("NaN", [*lorenz, "rho=nan", *out], "rho.*nan"),
        ("list with a hole", [*lorenz, "rho=1,,2", *out], "rho"),
        ("points that are none", [*lorenz, "rho=0..1/0", *out], "rho.*0"),
        ("number too large", ["run", kernel("echo"), "u8=300", *out], "u8.*300.*255"),
        ("negative number", ["run", kernel("echo"), "u64=-1", *out], "u64.*-1"),
        ("unknown choice", ["run", "ep", "class=Z", *out], "class.*Z.*S"),
        ("no boolean", ["run", kernel("echo"), "flag=perhaps", *out], "flag.*perhaps"),
        ("sweep of a fixed parameter", ["run", "mandelbrot", "width=1,2", *out], "width"),
        ("plan refused", ["run", "mandelbrot", "width=0", *out], "width|image"),
        ("input left out", ["run", "stats", *out], "input"),
        ("input without a data set", ["run", "stats", "input=foreign.h5", *out], "foreign.h5"),
        ("input that is not there", ["run", "stats", "input=none.h5:/a", *out], "none.h5"),
        ("input that is no HDF5", ["run", "stats", "input=text.h5:/a", *out], "text.h5.*HDF5"),
        ("data set that is not there", ["run", "stats", "input=foreign.h5:/b", *out], "/b"),
        ("data set that is a group", ["run", "stats", "input=foreign.h5:/group", *out], "group"),
        ("data set of text", ["run", "stats", "input=foreign.h5:/names", *out], "names"),
        ("data set without rows", ["run", "stats", "input=foreign.h5:/scalar", *out], "scalar"),
        ("data set of size 0", ["run", "stats", "input=foreign.h5:/empty", *out], "empty"),
        ("histogram upside down", ["run", "stats", "input=" + RELIEF, "lo=5", "hi=1", *out], "lo.*5|5.*1"),
        ("histogram without bins", ["run", "stats", "input=" + RELIEF, "bins=0", *out], "bins"),
        ("list file that is not there", [*lorenz, "rho=@none.txt", *out], "none.txt"),
        ("list file without values", [*lorenz, "rho=@empty.txt", *out], "empty.txt"),
        ("list file with a word", [*lorenz, "rho=@words.txt", *out], "words.txt.*x|x.*words.txt"),
        ("table that is not there", [*lorenz, "--table", "none.csv", *out], "none.csv"),
        ("table without lines", [*lorenz, "--table", "empty.csv", *out], "empty.csv"),
        ("table with an unknown column", [*lorenz, "--table", "column.csv", *out], "nothing"),
        ("table with a word", [*lorenz, "--table", "value.csv", *out], "value.csv.*x|x.*value.csv"),
        ("table with a short line", [*lorenz, "--table", "ragged.csv", *out], "ragged.csv"),
        ("zip of unequal lengths", [*lorenz, "rho=1,2", "sigma=1,2,3", "--zip", "rho,sigma", *out], "rho.*sigma"),
        ("zip of an unknown name", [*lorenz, "rho=1,2", "--zip", "rho,x", *out], "'x'"),
        ("repeat 0", [*lorenz, "--repeat", 0, *out], "repeat.*0"),
        ("repeat that is a word", [*lorenz, "--repeat", "many", *out], "many"),
        ("too many tasks", ["run", "pi", "points=1:10000000000:1", "--repeat", 10**12, *out], "task"),
        ("block of 48", ["run", "ep", "--block", 48, *out], "48.*power of two"),
        ("block of 0", ["run", "ep", "--block", 0, *out], "0"),
        ("unknown schedule", ["run", "ep", "--schedule", "greedy", *out], "greedy.*guided"),
        ("no ranks", ["run", "ep", "-n", 0, *out], "0"),
        ("ranks that are a word", ["run", "ep", "-n", "x", *out], "x"),
        ("seed that is a word", ["run", "ep", "--seed", "x", *out], "x"),
        ("output exists", ["run", "ep", "-o", "ep.h5"], "ep.h5 exists.*--force"),
        ("output directory missing", ["run", "ep", "-o", "none/new.h5"], "none.*-o"),
        ("output that is a directory", ["run", "ep", "-o", "folder"], "folder.*directory"),
        ("output below a file", ["run", "ep", "-o", "text.h5/new.h5"], "text.h5"),
        ("resume of nothing", ["resume", "none.h5"], "none.h5"),
        ("resume of text", ["resume", "text.h5"], "text.h5.*not"),
        ("values from a pipe", ["run", "lorenz", "rho=@pipe", *out], "pipe.*not a regular file"),
        ("values from a device", ["run", "lorenz", "rho=@/dev/zero", *out], "/dev/zero.*not a regular file"),
        ("values from a directory", ["run", "lorenz", "rho=@.", *out], "'.' is not a regular file"),
        ("table from a pipe", ["run", "lorenz", "--table", "pipe", *out], "pipe.*not a regular file"),
        ("input from a pipe", ["run", "stats", "input=pipe:/a", *out], "pipe.*no file"),
        ("info of a pipe", ["info", "pipe"], "pipe.*not a regular file"),
        ("--force on a source file", ["run", "ep", "-o", "words.txt", "--force"], "words.txt is not an HDF5.*remove it"),
        ("--force on a pipe", ["run", "ep", "-o", "pipe", "--force"], "pipe is not a regular file"),
        ("--force on the input", ["run", "stats", "input=in.h5:/a", "-o", "in.h5", "--force"], "in.h5.*output itself"),
        ("merge into a source file", ["merge", "part.h5", "-o", "words.txt", "--force"], "words.txt is not an HDF5"),
        ("the output as --reuse", ["run", "ep", "--reuse", "ep.h5", "-o", "ep.h5", "--force"], "output itself"),
        ("control characters", ["run", "lorenz", "rho=1\n\x1b[31m2", *out], r"rho.*\?\?\[31m2"),
        ("two tables", ["run", "lorenz", "--table", "value.csv", "--table", "ragged.csv", *out], "ragged.csv.*value.csv"),
        ("part beyond the parts", ["run", "pi", "--part", "3/2", *out], "--part 3/2.*I/N"),
        ("more parts than blocks", ["run", "pi", "--repeat", "2", "--part", "1/5", *out], "--part 1/5.*2 blocks"),
        ("words that other programs take", ["run", "ep", "-out", "new.h5"], "'-out'.*--output FILE, or -o FILE"),
        ("retry", ["run", "ep", "--retry", 3, *out], "--retries N.*--retry-failed"),
        ("limit for failures", ["run", "ep", "--max-failures", "x", *out], "--max-failures x.*5%"),
        ("a source as the kernel", ["run", "./my.c", *out], r"my.c.* is a kernel's source.*cc .*-shared.* ./my.c -o ./my.so"),
        ("a source to describe", ["kernels", "my.f90"], r"my.f90.*gfortran.* my.f90 -o ./my.so"),
        ("tasks from nothing", ["run", "command", "--tasks-from", "-", *out], "no values in standard input"),
        ("tasks to check from nothing", ["check", "command", "--tasks-from", "-"], "no values in standard input"),
        ("tasks from a device", ["run", "command", "--tasks-from", "/dev/null", *out], "no values in /dev/null"),
        ("time limit", ["run", "pi", "--time-limit", "soon", *out], "--time-limit soon.*90s"),
        ("time that is over", ["run", "pi", "--until", "2020-01-01T00:00", *out], "--until 2020.*over"),
        ("merge of no part", ["merge", "text.h5", *out], "text.h5.*not an HDF5 file"),
        ("resume of foreign HDF5", ["resume", "foreign.h5"], "foreign.h5.*Rankine"),
        ("resume of another kernel", ["resume", "slow.h5", "--kernel", kernel("flaky")], "slow"),
    ]
    rows += [(f"{verb} of {name}", [verb, name], re.escape(name)) for verb in ("resume", "verify", "digest", "info")
             for name in ("cut0.h5", "cut7.h5", "cut100.h5", "cut5000.h5", "cutend.h5")]
    return rows


def complaint(text):
    return [line for line in text.splitlines() if line.startswith("rankine: ")]


def check(name, result, pattern, before):
    lines = complaint(result.stderr)
    if result.returncode in (0, 75) or result.returncode < 0 or result.returncode > 125:
        return f"exit {result.returncode}"
    if len(lines) != 1 or not re.search(pattern, lines[0]):
        return f"it does not match {pattern!r}: {result.stderr!r}"
    if set(os.listdir(".")) != before:
        return f"it leaves {set(os.listdir('.')) - before}"
    return None


def each_is_told_in_one_line():
    make_inputs()
    before, troubles = set(os.listdir(".")), []
    for name, words, pattern in table():
        result = command(*words, *([] if "-n" in words or words[0] not in ("run", "resume") else ["-n", 2]), expect=None)
        trouble = check(name, result, pattern, before)
        if trouble is None and (len(result.stderr.splitlines()) != 1 or result.stdout):
            trouble = f"more than one line: {result.stderr!r} {result.stdout!r}"
        print(f"{name}: {result.stderr.strip()}")
        if trouble:
            troubles.append(f"{name}: {trouble}")
    assert not troubles, "\n" + "\n".join(troubles)


def each_is_told_once_by_all_ranks():
    make_inputs()
    before, troubles = set(os.listdir(".")), []
    for name, words, pattern in table()[5::6]:
        if words[0] not in ("run", "resume") or "-n" in words:
            continue
        trouble = check(name, under_mpirun(3, *words), pattern, before)
        if trouble:
            troubles.append(f"{name}: {trouble}")
    assert not troubles, "\n" + "\n".join(troubles)


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
