"""The installed interfaces for C++ and Fortran: they compile alone, and what their documentation shows works."""
import json
import os
import re
import shutil
import subprocess

import h5py

source, prefix, libdir = os.environ["RANKINE_SOURCE"], os.environ["PREFIX"], os.environ["LIBDIR"]
include = os.path.join(prefix, "include", "rankine")
environment = dict(os.environ)
environment["PATH"] = os.path.join(prefix, "bin") + ":" + environment["PATH"]
environment["PKG_CONFIG_PATH"] = os.path.join(prefix, libdir, "pkgconfig")
environment.pop("RANKINE_KERNEL_PATH", None)


def sh(lines):
    done = subprocess.run(["sh", "-euc", lines], env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, lines + "\n" + done.stdout + done.stderr
    return done.stdout


def example(header, comment, first):
    """The example in a header's first comment."""
    text = open(os.path.join(include, header)).read()
    lines = [line[len(comment):].rstrip() for line in text.splitlines() if re.match(re.escape(comment), line)]
    start = next(i for i, line in enumerate(lines) if line.strip() == first)
    indent = len(lines[start]) - len(lines[start].lstrip())
    return [line[indent:] for line in lines[start:] if line.startswith(" " * indent) or not line]


def check_area(path):
    with h5py.File(path) as f:
        assert f["y"][...].tolist() == [[3, 4], [6, 8]] and f["reduced/y_max"][()] == 8


# Headers alone, and all of kernel.hpp in use, as strictly as compilers go.
compilers = [name for name in ("g++", "clang++") if shutil.which(name)] or ["c++"]
for header in ("kernel.h", "kernel.hpp", "command.h"):
    open("alone.cpp", "w").write(f"#include <rankine/{header}>\n")
    for compiler in compilers:
        for standard in (11, 14, 17, 20):
            sh(f"{compiler} -std=c++{standard} -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only "
               f"-I '{prefix}/include' alone.cpp '{source}/tests/support/kernels/tongue.cpp'")
sh(f"gfortran -std=f2008 -Wall -Wextra -Werror -c '{include}/kernel.f90' -o module.o")

# The examples of the headers, by CMake and by hand.
cpp = example("kernel.hpp", " *", "#include <rankine/kernel.hpp>")
end = next(i for i, line in enumerate(cpp) if line.startswith("RK_KERNEL_CPP"))
open("example.cpp", "w").write("\n".join(cpp[:end + 1]) + "\n")
fortran = example("kernel.f90", "!", "module k_mine")
end = fortran.index("end module")
open("example.f90", "w").write("\n".join(fortran[:end + 1]) + "\n")
for file in os.listdir(os.path.join(source, "tests/install/languages")):
    shutil.copy(os.path.join(source, "tests/install/languages", file), ".")
sh(f"\"$CMAKE\" -S . -B build -DCMAKE_PREFIX_PATH='{prefix}' && \"$CMAKE\" --build build")
for kernel in ("build/by_cpp.so", "build/by_fortran.so"):
    sh(f"rankine run ./{kernel} a=1,2 b=3,4 -n 2 -o out.h5 --force --quiet")
    check_area("out.h5")
sh("build/linked run mine a=1,2 b=3,4 -n 2 -o out.h5 --force --quiet")
check_area("out.h5")

# The lines of the README files of the kernels in these languages.
for app, file, words in (("ising", "ising.cpp", "size=4 sweeps=64"), ("henon", "henon.f90", "steps=100")):
    readme = open(os.path.join(source, "apps", app, "README.md")).read()
    shutil.copy(os.path.join(source, "apps", app, file), ".")
    sh(re.search(r"```sh\n(.*?)```", readme, re.S).group(1))
    sh(f"rankine run ./{app}.so {words} -n 1 -o {app}.h5 --quiet")

# `rankine new` names what is installed with it, and the lines of its help do the same.
help_text = sh("rankine new --help")
build_lines = {"c": r"  (cc .*\n.*)\n", "c++": r"  (c\+\+ .*\n.*)\n", "fortran": r"  (gfortran .*\n.*\n.*)\n"}
for language, line in build_lines.items():
    new = json.loads(sh(f"rankine new ball --lang {language} --json"))
    assert os.path.realpath(os.path.join(prefix, "include")) in new["build"], new
    sh(re.search(line, help_text).group(1).replace("NAME", "ball"))
    os.remove("ball.so")
    sh("; ".join((new["build"], new["describe"], new["run"])))
    os.remove("ball.h5")
