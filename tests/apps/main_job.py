"""The main job, end to end: figures that others published, the same bits everywhere, files that others read."""
import json
import os
import re
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy as np
from rankine_test import *

POLICIES = ["static", "dynamic", "guided", "factoring", "adaptive"]


def reductions(path):
    return {name: field["value"] for name, field in summary("info", path)["reductions"].items()}


def close(a, b, relative):
    assert abs(a - b) <= relative * abs(b), f"{a!r} is not {b!r} within {relative}"


def ep(size, sx, sy, within):
    digests = set()
    for n in (1, 2, 3, 5):
        run("ep", "class=" + size, n=n, timeout=240)
        digests.add(digest("out.h5"))
    got = reductions("out.h5")
    close(got["sx_sum"], sx, within)
    close(got["sy_sum"], sy, within)
    assert len(digests) == 1, digests
    return got


def ep_class_s_gives_the_published_sums():
    got = ep("S", -3.247834652034740e3, -6.958407078382297e3, 1e-12)
    assert got["pairs_sum"] == 13176389
    assert got["counts_sum"] == [6140517, 5865300, 1100361, 68546, 1648, 17, 0, 0, 0, 0]


def ep_class_w_gives_the_published_sums():
    ep("W", -2.863319731645753e3, -6.320053679109499e3, 1e-12)


def ep_class_a_gives_the_published_sums():
    ep("A", -4.295875165629892e3, -1.580732573678431e4, 1e-11)


def check_stats(data, reference, n):
    run("stats", "input=" + data, n=n)
    got = reductions("out.h5")
    assert got["all_count"] == reference["count"]
    assert float(got["all_sum"]).hex() == float.fromhex(reference["sum_hex"]).hex()
    assert (got["all_min"], got["all_max"]) == (reference["min"], reference["max"])
    assert (got["all_argmin"], got["all_argmax"]) == (reference["argmin_flat"], reference["argmax_flat"])
    close(got["all_mean"], reference["mean"], 4e-16)
    close(got["all_variance"], reference["var_population"], 4e-16)
    with h5py.File("out.h5") as f:
        for row, name in ((0, "row0"), (-1, "row_last")):
            assert f["count"][row] == reference[name]["count"]
            assert f["sum"][row] == reference[name]["sum"]
        assert f["count"].shape == (reference["shape"][0],)


def stats_of_earths_relief_match_python():
    reference = {"count": 64800, "sum_hex": "-0x1.d4ac36a6c5c92p+26", "mean": -1895.983620460214,
                 "var_population": 6964900.003944952, "min": -7473.22216796875, "max": 5731.14599609375,
                 "argmin_flat": 48371, "argmax_flat": 42546, "shape": [180, 360],
                 "row0": {"count": 360, "sum": 1015586.8984375}, "row_last": {"count": 360, "sum": -1429735.8891601562}}
    for n in (1, 2, 3, 5):
        check_stats(RELIEF, reference, n)


def stats_leave_missing_values_out():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(40, 70)).astype("f4")
    values[rng.random(values.shape) < 0.2] = -99.9
    values[7] = -99.9
    with h5py.File("in.h5", "w") as f:
        d = f.create_dataset("wind", data=values, chunks=(3, 70), compression="gzip", shuffle=True)
        d.attrs["missing_value"] = np.float32(-99.9)
    there = values != np.float32(-99.9)
    run("stats", "input=in.h5:/wind", "lo=-1", "hi=1", "bins=4", n=2)
    got = reductions("out.h5")
    import math
    assert got["all_count"] == there.sum()
    assert got["all_sum"] == math.fsum(values[there].astype("f8"))
    assert got["histogram"] == np.histogram(values[there].astype("f8"), bins=[-1, -0.5, 0, 0.5, 1])[0].tolist()
    assert got["histogram_below"] == int((values[there] < -1).sum())
    with h5py.File("out.h5") as f:
        assert f["count"][7] == 0 and np.isnan(f["mean"][7]) and f["argmin"][7] == 2**64 - 1
        assert f["argmax"][0] == np.where(there[0], values[0], -np.inf).argmax()


def same_digest_everywhere(name, words):
    want = None
    for n in (1, 2, 3, 4, 7):
        run(*words, n=n)
        got = digest("out.h5")
        want = want or got
        assert got == want, f"{name} at {n} ranks: {got}, not {want}"
    for policy in POLICIES:
        for block in (1, 4, 64):
            run(*words, "--schedule", policy, "--block", block, n=3)
            assert digest("out.h5") == want, f"{name} with {policy}, blocks of {block}"
    for ranks in (1, 2):
        run(*words, n=3, env={"RANKINE_NODE_RANKS": str(ranks)})
        assert digest("out.h5") == want, f"{name} over nodes of {ranks} ranks"
    assert "no damage" in command("verify", "out.h5").stdout


def digest_of_pi_is_the_same_everywhere():
    same_digest_everywhere("pi", APP_JOBS["pi"])


def digest_of_ep_is_the_same_everywhere():
    same_digest_everywhere("ep", APP_JOBS["ep"])


def digest_of_stats_is_the_same_everywhere():
    same_digest_everywhere("stats", APP_JOBS["stats"])


def digest_of_mandelbrot_is_the_same_everywhere():
    same_digest_everywhere("mandelbrot", APP_JOBS["mandelbrot"])


def digest_of_lorenz_is_the_same_everywhere():
    same_digest_everywhere("lorenz", APP_JOBS["lorenz"])


def digest_of_rows_is_the_same_everywhere():
    same_digest_everywhere("rows", [kernel("rows"), "--repeat", 333])


def order_dependent_merges_follow_the_tree():
    want = None
    for n in (1, 3):
        for block in (1, 2, 8, 128, 1024):
            run(kernel("chain"), "--repeat", 777, "--block", block, n=n, expect=FAILED_TASKS)
            want = want or digest("out.h5")
            assert digest("out.h5") == want, f"blocks of {block} at {n} ranks"


def digest_tells_runs_apart():
    seen = set()
    for words in (["pi", "--repeat", 100], ["pi", "--repeat", 100, "--seed", 2], ["pi", "--repeat", 101],
                  [kernel("echo"), "f64=1,2"], [kernel("echo"), "f64=2,1"], [kernel("rows"), "n=2"], [kernel("rows"), "n=3"]):
        run(*words)
        seen.add(digest("out.h5"))
    assert len(seen) == 7


def tasks_are_named_by_their_coordinates():
    said = command("run", "lorenz", "rho=20:30:1", "sigma=8,10", "steps=300", "-n", 2, "-o", "out.h5").stdout
    best = json.loads(command("info", "out.h5", "--json").stdout)["reductions"]["lyapunov_argmax"]["value"]
    where = f"lyapunov_argmax  {best} .*task at rho={20 + best // 2} sigma={(8, 10)[best % 2]}\n"
    assert re.search(where, said) and re.search(where, command("info", "out.h5").stdout), said
    run(kernel("flaky"), "--repeat", 50, out="out.h5", expect=FAILED_TASKS)
    assert "; the first, at replicate=3:\n              task 3 is one" in command("info", "out.h5").stdout


def the_command_is_recorded_as_it_was_typed():
    for words in (["-n", 2, "pi", "--repeat", 10, "-o", "a.h5"], ["pi", "--repeat=10", "-n1", "-o", "b.h5"]):
        command("run", *words, "-q")
        recorded = summary("info", words[-1])["recorded"]["command_line"]
        assert recorded == " ".join(map(str, [RANKINE, "run", *words, "-q"])), recorded


def the_recorded_command_can_be_pasted():
    say = "cmd=printf '%s|' {text} \"it's\""
    text = "text=a $HOME; b's\n\t\\ #,é"
    command("run", "command", say, text, "--repeat", 2, "-n", 1, "-o", "my out.h5", "-q")
    recorded = summary("info", "my out.h5")["recorded"]["command_line"]
    shown = re.search("^  command +(.*)$", command("info", "my out.h5").stdout, re.M)[1]
    assert recorded == shown and "\n" not in shown, recorded
    before = digest("my out.h5")
    os.remove("my out.h5")
    subprocess.run(["bash", "-c", shown], check=True, timeout=60, stdin=subprocess.DEVNULL)
    assert digest("my out.h5") == before


def a_dry_run_says_where_a_range_ends():
    for words, note in (("rho=20:30:0.3", "note        rho ends at 29.9: its step does not lead to 30\n"),
                        ("steps=1:10:4", "note        steps ends at 9: its step does not lead to 10\n"),
                        ("rho=20:30:0.1", None), ("sigma=1,2", None)):
        said = command("run", "lorenz", words, "--dry-run", "-o", "new.h5").stdout
        assert note in said if note else "note " not in said, said


def failed_tasks_are_data():
    want = None
    for n, block in ((1, 1), (2, 16), (3, 128)):
        run(kernel("flaky"), "--repeat", 500, "--block", block, n=n, expect=FAILED_TASKS)
        want = want or digest("out.h5")
        assert digest("out.h5") == want
    good = [i for i in range(500) if i % 7 != 3]
    got = reductions("out.h5")
    assert got["given_sum"] == got["value_sum"] == sum(good) and got["square_max"] == max(good) ** 2
    with h5py.File("out.h5") as f:
        status = f["task_status"][:]
        assert [i for i in range(500) if status[i] == 1] == good and (status == 2).sum() == 500 - len(good)
        assert np.isnan(f["value"][3]) and f["value"][4] == 4
    info = summary("info", "out.h5")
    assert info["failed"] == 71 and "task 3 is one of those that fail" in json.dumps(info)
    assert "no damage" in command("verify", "out.h5").stdout


def batches_fail_task_by_task():
    run(kernel("vector"), "x=0:99:1", n=2, expect=FAILED_TASKS)
    good = [x for x in range(100) if x % 11 != 5]
    got = reductions("out.h5")
    assert got["x_sum"] == sum(good) and got["area"] == sum(x * x for x in good)


def parameters_of_every_type_arrive():
    run(kernel("echo"), "i8=-128,127", "text=a,bcd", "colour=red,blue", "flag=yes", "f32=0.1")
    with h5py.File("out.h5") as f:
        assert f["out_i8"].shape == (2, 2, 2)
        assert f["out_i8"][:, 0, 0].tolist() == [-128, 127]
        assert f["out_length"][0, :, 0].tolist() == [1, 3]
        assert f["out_colour"][0, 0].tolist() == [0, 2]
        assert f["out_u64"][0, 0, 0] == 2**64 - 1 and f["out_i64"][0, 0, 0] == -(2**63)
        assert f["out_f32"][0, 0, 0] == np.float32(0.1) and f["out_f64"][0, 0, 0] == 0.1
        assert f["out_flag"][0, 0, 0] == 1
        assert [t.decode() for t in f["text"][:]] == ["a", "bcd"]


def spaces_of_every_kind_have_the_right_tasks():
    with open("values.txt", "w") as f:
        f.write("# sides\n1\n2.5\n4\n")
    with open("table.csv", "w") as f:
        f.write("f64,i8\n0.5,1\n1.5,2\n2.5,3\n")
    run(kernel("echo"), "f64=@values.txt", "f32=0..1/3")
    with h5py.File("out.h5") as f:
        assert f["out_f64"][:, 0].tolist() == [1, 2.5, 4] and f["out_f32"][0].tolist() == [0, 0.5, 1]
    run(kernel("echo"), "f64=1,2,3", "i8=4,5,6", "--zip", "f64,i8", "--repeat", 2)
    with h5py.File("out.h5") as f:
        assert f["out_i8"].shape == (3, 2) and f["out_i8"][:, 1].tolist() == [4, 5, 6]
    run(kernel("echo"), "--table", "table.csv")
    with h5py.File("out.h5") as f:
        assert f["out_f64"][:].tolist() == [0.5, 1.5, 2.5] and f["out_i8"][:].tolist() == [1, 2, 3]


def other_readers_open_the_file():
    import xarray
    run("lorenz", "rho=20:30:0.5", "sigma=8,10,12", "steps=200", n=2)
    with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
        assert d.lyapunov.dims == ("rho", "sigma") and d.lyapunov.shape == (21, 3)
        assert d.rho.values.tolist() == [20 + i / 2 for i in range(21)] and d.sigma.values.tolist() == [8, 10, 12]
        assert d.lyapunov.attrs["units"] == "1/s" and d.rho.attrs["units"] == "1"
        assert not np.isnan(d.lyapunov.values).any()
    header = subprocess.run(["ncdump", "-h", "out.h5"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "double lyapunov(rho, sigma)" in header and 'lyapunov:units = "1/s"' in header
    subprocess.run(["h5dump", "-H", "out.h5"], check=True, stdout=subprocess.DEVNULL)
    run("stats", "input=" + RELIEF, n=2)
    subprocess.run(["ncdump", "-h", "out.h5"], check=True, stdout=subprocess.DEVNULL)
    run(kernel("rows"), "--repeat", 4)
    with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
        assert d.wave.dims == ("replicate", "n")
        assert "replicate" not in d.variables and "n" not in d.variables  # dimensions, without values that mean nothing
    header = subprocess.run(["ncdump", "-h", "out.h5"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "replicate = 4" in header and "replicate(replicate)" not in header


def reductions_are_a_group_with_named_dimensions():
    import xarray
    for words, dims in ((["ep"], {"counts_sum": ("counts_dim0",)}),
                        (["stats", "input=" + RELIEF], {"histogram": ("histogram_item",),
                                                        "histogram_edges": ("histogram_edges_item",)})):
        run(*words, n=2)
        with xarray.open_dataset("out.h5", group="reduced", engine="h5netcdf") as d:
            assert {name: d[name].dims for name in dims} == dims
            assert set(d.variables) == set(summary("info", "out.h5")["reductions"])
        header = subprocess.run(["ncdump", "-h", "out.h5"], check=True, stdout=subprocess.PIPE, text=True).stdout
        assert "phony" not in header[header.index("group: reduced"):header.index("group: rankine")]
        assert "no damage" in command("verify", "out.h5").stdout


def the_python_of_the_readme_runs():
    readme = open(os.path.join(SOURCE, "README.md")).read()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.S)
    run("lorenz", "rho=20:30:0.5", "sigma=8,10,12", "steps=300", n=2, out="lorenz.h5")
    best = reductions("lorenz.h5")["lyapunov_max"]
    said = [subprocess.run([sys.executable, "-c", block], check=True, stdout=subprocess.PIPE, text=True).stdout
            for block in blocks]
    with h5py.File("lorenz.h5") as f:
        assert said == [f"{f['lyapunov'][16, 1]}\n", f"{best} {best} {8 / 3}\n"], said


def integers_of_failed_tasks_are_masked_by_their_status():
    import xarray
    run(kernel("flaky"), "--repeat", 50, expect=FAILED_TASKS)
    with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
        integers = [name for name in d if d[name].dtype.kind in "iu" and name != "task_status"]
        masked = d.where(d["task_status"] == 1)
        assert integers and all(int(masked[name].isnull().sum()) == 7 for name in integers)
        failed = d["task_status"].values == 2
        assert all((d[name].values[failed] == 0).all() for name in integers)


def parameters_that_are_not_swept_are_scalars():
    import xarray
    run(kernel("echo"), "u8=7", "text=ä b", "colour=blue", "flag=yes", "f64=1,2", out="out.h5")
    with h5py.File("out.h5") as f:
        group = f["rankine/parameters"]
        values = {name: group[name][()] for name in group}
        assert group["f32"].attrs["units"] == b"m" and group["f32"].attrs["long_name"] == b"single"
    assert values == {"i8": -3, "u8": 7, "i32": -70000, "u64": 2**64 - 1, "i64": -2**63, "f32": 0.5, "flag": 1,
                      "text": "ä b".encode(), "colour": b"blue"}, values
    with xarray.open_dataset("out.h5", group="rankine/parameters", engine="h5netcdf") as d:
        assert d["u8"].item() == 7 and d["colour"].item() in ("blue", b"blue")
    run("stats", "input=" + RELIEF, "bins=5", out="out.h5")
    with h5py.File("out.h5") as f:
        assert f["rankine/parameters/input"][()].decode() == RELIEF and f["rankine/parameters/bins"][()] == 5


def the_file_is_readable_while_it_is_written():
    import xarray
    process = start("run", kernel("slow"), "ms=20", "--repeat", 500, "-n", 2, "-o", "out.h5", "-q")
    wait_until("the file is there", lambda: os.path.exists("out.h5"))
    seen, reads = -1, 0
    while process.poll() is None:
        with h5py.File("out.h5", "r") as f:
            status, number = f["task_status"][:], f["number"][:]
        rows = np.nonzero(status == 1)[0]
        assert (number[rows] == rows + 1).all() and len(rows) >= seen
        seen, reads = len(rows), reads + 1
        with xarray.open_dataset("out.h5", engine="h5netcdf") as d:
            assert d.number.shape == (500,)
    assert process.returncode == 0 and reads > 5, (process.returncode, reads, process.communicate())


def plain_mpirun_and_the_launcher_agree():
    result = under_mpirun(3, "run", "ep", "-o", "a.h5", "--json")
    assert result.returncode == 0, result
    assert json.loads(result.stdout)["ranks"] == 3
    run("ep", n=3)
    assert digest("a.h5") == digest("out.h5")


def json_of_every_command_parses():
    assert summary("run", "ep", "-n", 2, "-o", "a.h5")["complete"]
    assert summary("resume", "a.h5", "-n", 2)["complete"]
    assert summary("info", "a.h5")["done"] == 256
    assert summary("verify", "a.h5") and summary("digest", "a.h5") and summary("kernels") and summary("kernels", "ep")
    assert summary("check", "lorenz", "rho=20:30:1", "steps=50") and summary("run", "ep", "--dry-run", "-o", "b.h5")
    assert not os.path.exists("b.h5")
    error = json.loads(command("run", "nothing", "--json", expect=2).stdout)["error"]
    assert "nothing" in error["message"]


def check_compares_the_bits():
    for words in APP_JOBS.values():
        assert "the same bits" in command("check", *[w for w in words]).stdout


def check_lets_a_kernel_keep_its_threads():
    if not os.path.exists(kernel("parallel")):
        return print("no OpenMP here")
    for _ in range(15):
        assert "the same bits" in command("check", kernel("parallel"), "--repeat", 100).stdout
    run(kernel("parallel"), "--repeat", 100, n=2)
    assert reductions("out.h5")["all"] == 499500 * sum(range(100))


def kernels_say_on_what_their_tasks_run():
    for name, ranks, threads in (("pi", None, True), ("heat", "ranks", False), (kernel("journal"), None, False)):
        described, shown = summary("kernels", name), command("kernels", name).stdout
        assert (described["ranks"], described["thread_safe"]) == (ranks, threads), described
        assert ("parameter 'ranks'" in shown) == bool(ranks) and ("--threads T may be used" in shown) == threads, shown


def a_trillion_tasks_start_at_once():
    begin = time.monotonic()
    process = start("run", "pi", "--repeat", 10**12, "-n", 2, "-o", "out.h5", "--json")
    wait_until("the file is there", lambda: os.path.exists("out.h5"), 10)
    assert time.monotonic() - begin < 5
    assert os.path.getsize("out.h5") < 12 << 20
    time.sleep(1)
    peaks = []
    for pid in descendants(process.pid):
        with open(f"/proc/{pid}/status") as f:
            text = f.read()
        if "Name:\trankine" in text:
            peaks.append(int(text.split("VmHWM:")[1].split()[0]))
    assert peaks and max(peaks) < 130 * 1024, peaks
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == RESUMABLE, (process.returncode, out, err)
    assert time.monotonic() - begin < 3 and json.loads(out)["exit_code"] == RESUMABLE, (out, err)
    assert summary("info", "out.h5")["tasks"] == 10**12


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
