"""The README's own kernel, built outside of the tree by the README's own lines, is what the README says."""

import glob
import os
import re
import subprocess

import h5py
import numpy

readme = open(os.path.join(os.environ["RANKINE_SOURCE"], "README.md")).read()
section = readme.split("## Your own kernel")[1].split("\n## ")[0]
kernel = re.search(r"```c\n(.*?)```", section, re.S).group(1)
lines = re.search(r"```sh\n(.*?)```", section, re.S).group(1)

formatted = open(os.path.join(os.environ["RANKINE_SOURCE"], "tests/install/readme_kernel.c")).read()
assert kernel == formatted, "README.md and tests/install/readme_kernel.c differ"

prefix, libdir = os.environ["PREFIX"], os.environ["LIBDIR"]
environment = dict(os.environ)
environment["PATH"] = os.path.join(prefix, "bin") + ":" + environment["PATH"]
environment["PKG_CONFIG_PATH"] = os.path.join(prefix, libdir, "pkgconfig")
environment.pop("RANKINE_KERNEL_PATH", None)

open("logistic.c", "w").write(kernel)
done = subprocess.run(["sh", "-euc", lines], env=environment, capture_output=True, text=True, timeout=50)
assert done.returncode == 0, done.stdout + done.stderr
for word in ("logistic", "growth rate", "3.7", "Lyapunov exponent per step", "most_chaotic"):
    assert word in done.stdout, f"{word!r} is not in\n{done.stdout}"

with h5py.File("logistic.h5") as run:
    assert run["lyapunov"].shape == (51, 2)
    assert numpy.allclose(run["r"], numpy.linspace(3.5, 4, 51))
    # At r = 4 the exponent is ln 2; at r = 3.5 the map has a cycle of four and the exponent is negative.
    assert abs(run["lyapunov"][50, 0] - numpy.log(2)) < 0.02
    assert run["lyapunov"][0, 0] < 0
    assert run["reduced/most_chaotic"][()] == numpy.argmax(run["lyapunov"])

# Every line that is shown for building a kernel, and pkg-config by itself, keep a*b+c as it is written.
sources = [readme, subprocess.run(["rankine", "help", "new"], env=environment, capture_output=True, text=True, check=True).stdout]
sources += [open(path).read() for path in glob.glob(os.path.join(os.environ["RANKINE_SOURCE"], "apps/*/README.md"))]
shown = [line for text in sources for line in text.splitlines() if "-shared -fPIC" in line]
assert len(shown) >= 9 and all("-O2 -ffp-contract=off" in line for line in shown), shown
new = subprocess.run(["rankine", "new", "ball"], env=environment, capture_output=True, text=True, check=True).stdout
assert "-shared -fPIC -O2 -ffp-contract=off" in new, new


def assembly(flags):
    """Of a*b+c, for a processor that could round once; None where there is no such choice."""
    line = f"cc -O2 -mfma {flags} -S -o - contracted.c"
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=50)
    return done.stdout if done.returncode == 0 else None


open("contracted.c", "w").write("double f(double a, double b, double c) { return a * b + c; }\n")
for package in ("rankine-kernel", "rankine"):
    code = assembly(f"$(pkg-config --cflags {package})")
    assert code is None or "fmadd" not in code, code
assert assembly("-ffp-contract=fast") is None or "fmadd" in assembly("-ffp-contract=fast")  # else that showed nothing
