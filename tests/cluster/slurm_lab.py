"""A private Slurm for tests (slurm-lab.sh): started, asked, and ended whatever happens.

A test that needs it is skipped (SKIP_RETURN_CODE 77, with a sentence that says why) where Slurm is not installed or the
test is not root. All waiting has a bound; the whole script has one, too, so that ctest never has to kill it and leave
daemons behind."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SCRIPT = os.path.join(os.environ["RANKINE_SOURCE"], "tests/cluster/slurm-lab.sh")
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "unshare"]
SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def need():
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        skip(f"there is no Slurm on this machine (Debian: slurm-wlm munge libpmix-dev); not found: {' '.join(missing)}")
    if os.geteuid() != 0:
        skip("a private Slurm is started by root only")


def out_of_time(*_):
    raise TimeoutError("the test's time is over")


class Slurm:
    """with Slurm(nodes=3) as slurm: ..."""

    def __init__(self, nodes=3, lines=(), bound=150):
        self.nodes, self.lines, self.bound = nodes, lines, bound

    def __enter__(self):
        need()
        for number in (signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, out_of_time)
        signal.alarm(self.bound)
        self.directory = tempfile.mkdtemp(prefix="rk-slurm.", dir="/tmp")
        more = [word for line in self.lines for word in ("-o", line)]
        try:
            self.script("start", "-n", str(self.nodes), *more, self.directory)
            self.enter_environment()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        signal.alarm(0)
        subprocess.run([SCRIPT, "stop", self.directory], stdin=subprocess.DEVNULL, timeout=60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def script(self, *words):
        return subprocess.run([SCRIPT, *words], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, timeout=120,
                              check=True).stdout

    def enter_environment(self):
        text = self.script("env", self.directory) + "env -0"
        out = subprocess.run(["bash", "-c", text], stdout=subprocess.PIPE, check=True).stdout.decode()
        os.environ.update(entry.split("=", 1) for entry in out.split("\0") if "=" in entry)

    def crash(self, node):
        self.script("crash", self.directory, node)

    def boot(self, node):
        self.script("boot", self.directory, node)

    # ---- jobs ----

    def ask(self, *words, check=True):
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == 0 or not check, f"{words}: {result.returncode}\n{result.stdout}"
        return result.stdout.strip()

    def state(self, job):
        return self.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")

    def restarts(self, job):
        words = self.ask("scontrol", "show", "job", job).split()
        return int(next(word for word in words if word.startswith("Restarts=")).split("=")[1])

    def wait(self, job, *states, seconds=60):
        end = time.monotonic() + seconds
        while self.state(job) not in states:
            assert time.monotonic() < end, f"job {job}: {self.state(job)}, not {states} within {seconds} s"
            time.sleep(0.1)

    def release(self, job, minutes=10):
        """A requeued job waits two minutes by itself. Before it has waited two seconds, slurmd refuses it."""
        self.wait(job, "PENDING")
        time.sleep(2)
        self.ask("scontrol", "update", f"jobid={job}", f"TimeLimit={minutes}", "StartTime=now")

    def warn(self, job):
        """What Slurm does SECONDS before the time limit for --signal=B:USR1@SECONDS."""
        self.ask("scancel", "--batch", "--signal=USR1", job)
