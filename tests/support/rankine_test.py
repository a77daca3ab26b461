"""What the test scripts share: running the command, and reading what it left."""
import json
import os
import signal
import subprocess
import sys
import time

RANKINE = os.environ["RANKINE"]
SOURCE = os.environ["RANKINE_SOURCE"]
MPIRUN = os.environ.get("MPIRUN", "mpirun")
RELIEF = os.path.join(SOURCE, "apps/stats/etopo60.nc") + ":/ROSE"
COMPLETE, FAILED_TASKS, RESUMABLE = 0, 3, 75
APP_JOBS = {  # of a second or so, each with a digest that must be the same wherever it runs
    "pi": ["pi", "--repeat", 5000, "points=10"],
    "ep": ["ep"],
    "stats": ["stats", "input=" + RELIEF],
    "mandelbrot": ["mandelbrot", "width=60", "height=45", "max_iter=200"],
    "lorenz": ["lorenz", "rho=20:30:1", "sigma=8,10,12", "steps=300"],
}


def kernel(name):
    return os.path.join(os.environ["RANKINE_TEST_KERNELS"], name + ".so")


def command(*words, expect=COMPLETE, timeout=60, env=None, stdin=None):
    """Run `rankine words`; the result has .stdout and .stderr. Fails unless the exit code is `expect`."""
    result = subprocess.run([RANKINE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            timeout=timeout, env={**os.environ, **(env or {})}, stdin=stdin or subprocess.DEVNULL)
    if expect is not None:
        assert result.returncode == expect, (f"rankine {' '.join(map(str, words))}: exit {result.returncode}, "
                                             f"not {expect}\n{result.stdout}\n{result.stderr}")
    return result


def run(name, *words, n=1, out="out.h5", expect=COMPLETE, **more):
    return command("run", name, *words, "-n", n, "-o", out, "--force", "--quiet", expect=expect, **more)


def digest(path):
    return command("digest", path).stdout.split()[0]


def flip(path, place, bit=1):
    """Change a bit of a file's byte."""
    with open(path, "r+b") as f:
        f.seek(place)
        byte = f.read(1)[0]
        f.seek(place)
        f.write(bytes([byte ^ bit]))


def summary(*words, **more):
    return json.loads(command(*words, "--json", **more).stdout)


def under_mpirun(n, *words, env=None, timeout=60):
    return subprocess.run([MPIRUN, "-n", str(n), RANKINE, *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, env={**os.environ, **(env or {})},
                          stdin=subprocess.DEVNULL)


def bounded(front, timeout, env=None, stdin=None):
    """A process and what it printed. After `timeout` seconds it ends with all its processes: mpirun is asked first."""
    process = subprocess.Popen(front, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
                               stdin=stdin or subprocess.DEVNULL, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        out, err = process.communicate()
        raise AssertionError(f"{front}: not done in {timeout} s\n{out}\n{err}") from None
    return subprocess.CompletedProcess(front, process.returncode, out, err)


def start(*words, mpirun=0, env=None):
    """A run in the background, in a session of its own, so that all of it can be killed."""
    front = [MPIRUN, "-n", str(mpirun)] if mpirun else []
    return subprocess.Popen([*front, RANKINE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, start_new_session=True, stdin=subprocess.DEVNULL,
                            env={**os.environ, **(env or {})})


def done_of(path):
    """Tasks in the file so far; 0 while there is no file."""
    if not os.path.exists(path):
        return 0
    return summary("info", path, expect=None)["done"]


def mpirun_version():
    words = subprocess.run([MPIRUN, "--version"], stdout=subprocess.PIPE, text=True).stdout.split()
    return int(next(word for word in words if word[0].isdigit())[0])


def wait_until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.02)


def descendants(pid):
    """All processes below pid, by /proc."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        todo += children.get(todo.pop(), [])
        found = list(dict.fromkeys(found + todo))
    return found


def kill_all(process):
    """SIGKILL to the launcher, mpirun and every rank."""
    pids = [process.pid, *descendants(process.pid)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    wait_until("the killed processes are gone", lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main(scenarios):
    """Run the scenario that the command line names."""
    table = {function.__name__: function for function in scenarios}
    name = sys.argv[1]
    table[name]()
    print(f"{name}: passed")
