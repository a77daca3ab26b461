"""Kernels in C, C++ and Fortran: what `rankine new` writes works as it says, and the language changes no bit."""
import math
import os
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy as np
from rankine_test import *

LANGUAGES = {"c": ("c", "cc"), "c++": ("cpp", "c++"), "fortran": ("f90", "gfortran")}
SPEED, G = 30.0, 9.80665


def shell(line):
    done = subprocess.run(["sh", "-euc", line], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done


def printed_lines(*words):
    """The lines to type that `rankine new` prints: build, look, run."""
    out = command("new", *words).stdout
    lines = [line.strip() for line in out.splitlines() if line.startswith("  ")]
    assert len(lines) == 3, out
    return lines


def check_flight(path):
    with h5py.File(path) as f:
        angle, drag, distance, time = (f[name][...] for name in ("angle", "drag", "range", "time"))
        assert angle.tolist() == list(range(5, 90, 5)) and drag.tolist() == [0, 0.01, 0.02]
        sine = np.sin(np.radians(angle))
        assert np.allclose(distance[:, 0], SPEED**2 * np.sin(np.radians(2 * angle)) / G, rtol=0, atol=1e-4)
        assert np.allclose(time[:, 0], 2 * SPEED * sine / G, rtol=0, atol=1e-5)
        assert (np.diff(distance, axis=1) < 0).all()  # air only slows
        assert f["reduced/farthest"][()] == distance[8, 0] and f["reduced/farthest_task"][()] == 8 * 3


def what_new_writes_works_as_it_says(lang):
    suffix, compiler = LANGUAGES[lang]
    if lang == "c":
        build, look, run_line = printed_lines("ball")
    else:
        build, look, run_line = printed_lines("ball", "--lang", lang)
    assert build.startswith(compiler + " ") and os.path.exists("ball." + suffix)
    assert shell(build + " -Wall -Wextra -Werror").stderr == ""
    assert "elevation of the throw" in shell(look).stdout
    shell(run_line)
    check_flight("ball.h5")
    first = digest("ball.h5")
    for n in (1, 3):
        shell(f"{run_line} -n {n} --force")
        assert digest("ball.h5") == first
    run("./ball.so", "speed=-1,30", out="failed.h5", expect=FAILED_TASKS)
    failures = summary("info", "failed.h5")["failures"]
    assert len(failures) == 1 and "both must be above 0" in str(failures) and "speed=-1" in str(failures), failures


def new_in_c_works_as_it_says():
    what_new_writes_works_as_it_says("c")


def new_in_cpp_works_as_it_says():
    what_new_writes_works_as_it_says("c++")


def new_in_fortran_works_as_it_says():
    what_new_writes_works_as_it_says("fortran")


def new_as_json_has_the_same_lines():
    for lang, (suffix, _) in LANGUAGES.items():
        answer = summary("new", "ball", "--lang", lang)
        os.remove("ball." + suffix)
        assert (answer["status"], answer["file"], answer["language"]) == ("ok", "ball." + suffix, lang)
        assert [answer["build"], answer["describe"], answer["run"]] == printed_lines("ball", "--lang", lang)


def new_takes_every_name_of_a_kernel():
    for name in ("int", "bool", "linux", "_x", "rankine", "run", "x" * 60):
        for lang in LANGUAGES:
            build, look, _ = printed_lines(name, "--lang", lang)
            shell(build)
            assert shell(look).stdout.startswith(name + ": "), (name, lang)


def new_refuses_with_one_line_and_writes_nothing():
    with open("there.c", "w") as f:
        f.write("mine\n")
    os.mkdir("closed")
    for words, says in ((["there"], "'there.c' exists"), (["3d"], "'3d' names no kernel"), (["a-b"], "'a-b'"), ([""], "''"),
                        (["../x"], "'../x'"), (["x" * 61], "at most 60"), ([], "name is expected"), (["a", "b"], "'b'"),
                        (["x", "--lang", "rust"], "--lang rust: c, c++ or fortran"), (["x", "--force"], "no option of"),
                        (["ä"], "names no kernel")):
        before = sorted(os.listdir("."))
        error = command("new", *words, expect=2).stderr
        assert error.count("\n") == 1 and says in error, (words, error)
        assert sorted(os.listdir(".")) == before, words
    assert open("there.c").read() == "mine\n"
    assert summary("new", "there", expect=2)["error"]["name"] == "EEXIST"


def one_kernel_has_the_same_bits_in_three_languages():
    words = ["colour=red,green", "word=a,hello", "i16=1:5:1", "flag=yes", "--repeat", 3]
    seen = set()
    for suffix in ("c", "cpp", "f90"):
        for n in (1, 3):
            run(kernel("tongue_" + suffix), *words, n=n, out=suffix + ".h5", expect=FAILED_TASKS)
            seen.add(digest(suffix + ".h5"))
        failures = str(summary("info", suffix + ".h5")["failures"])
        assert "station 2 is closed" in failures, failures
        error = command("run", kernel("tongue_" + suffix), "n=0", expect=2).stderr
        assert "n=0: at least 1" in error, error
    assert len(seen) == 1, seen
    with h5py.File("f90.h5") as f:
        assert f["other"][0, 0, 0, 0, 0] == 0 and f["letters"][0, 0, 0, 0, 0] == 2  # not yes; 1 and "a"
        assert f["reduced/largest"][1] == 240 - 30


def what_is_thrown_is_the_tasks_failure():
    run(kernel("tongue_cpp"), "word=out of range,number,wrong output,fine", out="out.h5", expect=FAILED_TASKS)
    with h5py.File("out.h5") as f:
        assert (f["task_status"][:3] != f["task_status"][3, 0]).all()
    failures = str(summary("info", "out.h5")["failures"])
    for says in ("basic_string::at", "no std::exception", "rk_emit: output number 0 is not of varying length"):
        assert says in failures, failures


# ---- the kernels that come with Rankine ----


def exact_ising(size, temperature):
    """Energy, heat capacity and absolute magnetisation per spin, over all states."""
    spins = (np.arange(2 ** (size * size))[:, None] >> np.arange(size * size)) & 1
    spins = (2 * spins - 1).reshape(-1, size, size)
    energy = -sum((spins * np.roll(spins, 1, axis)).sum((1, 2)) for axis in (1, 2))
    weight = np.exp(-(energy - energy.min()) / temperature)
    weight /= weight.sum()
    mean, square = (weight * energy).sum(), (weight * energy**2).sum()
    return np.array([mean, (square - mean**2) / temperature**2,
                     (weight * abs(spins.sum((1, 2)))).sum()]) / (size * size)


def ising_agrees_with_the_sum_over_all_states():
    run("ising", "update=metropolis,wolff", "temperature=1.5,2.27,5", "size=4", "sweeps=20000", n=2)
    with h5py.File("out.h5") as f:
        for t, temperature in enumerate(f["temperature"][...]):
            energy, capacity, magnetisation = exact_ising(4, temperature)
            for u in range(2):
                error = f["energy_error"][u, t]
                assert 0 < error < 0.01 and abs(f["energy"][u, t] - energy) < 4 * error, (u, temperature)
                assert abs(f["heat_capacity"][u, t] / capacity - 1) < 0.15
                assert abs(f["magnetisation"][u, t] - magnetisation) < 0.01


def ising_agrees_with_onsager():
    run("ising", "temperature=1.5,2,2.5,5", "size=64", "sweeps=1000", n=2)
    with h5py.File("out.h5") as f:
        infinite = f["energy_infinite"][...]
        for temperature, energy in zip(f["temperature"][...], infinite):
            assert abs(energy_by_integral(1 / temperature) - energy) < 1e-6
        z = (f["energy"][...] - infinite) / f["energy_error"][...]
        assert (abs(z) < 4).all() and (f["energy_error"][...] < 0.004).all(), z
        assert (f["magnetisation"][...][:2] > 0.9).all() and (f["magnetisation"][...][2:] < 0.15).all()
    run("ising", "sweeps=32", "size=2", "settle=0", out="critical.h5")
    with h5py.File("critical.h5") as f:
        assert abs(f["energy_infinite"][()] + math.sqrt(2)) < 1e-6
    run("ising", "temperature=0,1", "sweeps=32", "size=4", out="cold.h5", expect=FAILED_TASKS)


def energy_by_integral(beta):
    """The infinite lattice's energy from Onsager's free energy, an integral over an angle, by differences."""
    angle = (np.arange(20000) + 0.5) * math.pi / 20000

    def free(b):
        k = 1 / math.sinh(2 * b) ** 2
        root = np.sqrt(1 + k**2 - 2 * k * np.cos(2 * angle))
        return math.log(2) / 2 + np.log(math.cosh(2 * b) ** 2 + root / k).mean() / 2

    return -(free(beta + 1e-4) - free(beta - 1e-4)) / 2e-4


def henon_conserves_the_energy():
    run("henon", "energy=0.08,0.125,0.1666", "y=-0.2:0.3:0.1", "dt=0.05,0.025", "steps=4000", n=2)
    with h5py.File("out.h5") as f:
        error = f["energy_error"][...]
        assert (error < 5e-7).all()
        ratio = error[..., 0] / error[..., 1]  # dt^4
        assert ((ratio > 13) & (ratio < 19)).all(), ratio


def henon_tells_order_from_chaos():
    run("henon", "energy=0.08,0.1666", "y=-0.2,0.1", "steps=40000", n=2)
    with h5py.File("out.h5") as f:
        exponent = f["lyapunov"][...]
        assert (abs(exponent[0]) < 2e-3).all() and exponent[1, 0] > 0.05, exponent
        section = f["section_y"][...], f["section_v"][...]
        assert len(section[0]) == len(section[1]) == f["crossings"][...].sum() > 1000
        count = int(f["crossings"][0, 0])
        y, v = section[0][:count], section[1][:count]
        # u^2 of the energy is not negative where the section is crossed.
        assert (2 * 0.08 - v**2 - y**2 + 2 * y**3 / 3 > 0).all()
    run("henon", "y=0.1,0.9", "steps=10", out="outside.h5", expect=FAILED_TASKS)
    assert "no bound orbit starts there" in str(summary("info", "outside.h5")["failures"])


def digest_of_ising_and_henon_is_the_same_everywhere():
    for words in (["ising", "temperature=1:3:0.5", "size=8", "sweeps=64", "--repeat", 3],
                  ["henon", "y=-0.2:0.3:0.05", "steps=500"]):
        digests = set()
        for n in (1, 2, 3):
            run(*words, n=n)
            digests.add(digest("out.h5"))
        assert len(digests) == 1, words
        command("check", *words, "--samples", 20)


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
