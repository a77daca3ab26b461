"""The kernel `coprocess`: a long-lived worker per rank, and what it may do wrong."""
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

PYTHON = os.environ["PYTHON"]
README = os.path.join(SOURCE, "apps/coprocess/README.md")


def worker(body, head="", name="worker.py"):
    """A worker whose loop has `task` and `x`; a word for worker=."""
    with open(name, "w") as file:
        file.write("import base64, json, mmap, os, signal, sys, time\n" + head + "\nfor line in sys.stdin:\n"
                   "    task = json.loads(line)\n    x = task['params'].get('x')\n    def say(**fields): print(json.dumps(fields), flush=True)\n"
                   + "".join(f"    {line}\n" for line in body.splitlines()))
    return f"worker={PYTHON} {name}"


def values(path, name="y"):
    with h5py.File(path) as file:
        return file[name][...].tolist()


def failures(path):
    return {failure["task"]: failure for failure in summary("info", path)["failures"]}


def the_worker_of_the_documentation_works():
    text = open(README).read()
    with open("worker.py", "w") as file:
        file.write(re.search(r"```python\n(.*?)```", text, re.S)[1])
    assert len(open("worker.py").readlines()) <= 15
    words = re.search(r"rankine run (coprocess .*)", text)[1]
    import shlex
    words = [word.replace("python3", PYTHON) for word in shlex.split(words)]
    command("run", *words[:words.index("-o")], "-n", 2, "-q", "-o", "logs.h5", expect=FAILED_TASKS)
    y = values("logs.h5")
    assert numpy.isnan(y[0]) and abs(y[20] - numpy.log(10)) < 1e-15 and values("logs.h5", "steps")[1:] == list(range(1, 21))
    assert failures("logs.h5")[0] == {**failures("logs.h5")[0], "code": 3, "message": "x = 0: math domain error"} or \
        "x = 0" in failures("logs.h5")[0]["message"] and failures("logs.h5")[0]["code"] == 3
    error = command("run", "coprocess", "worker=true", "-n", 1, expect=2).stderr
    assert "outputs" in error and error.count("\n") == 1, error
    error = command("run", "coprocess", "outputs=y:f64", "x=1", "-n", 1, expect=2).stderr
    assert "worker" in error and error.count("\n") == 1, error
    assert "worker" in command("kernels", "coprocess").stdout


def one_worker_per_rank_answers_all_tasks():
    code = worker("count += 1\nsay(y=x * x, pid=os.getpid(), nth=count, rank=int(os.environ['RANKINE_RANK']))", "count = 0")
    for n in (1, 2, 3):
        run("coprocess", code, "outputs=y:i64", "x=1:1000", n=n, out=f"n{n}.h5")
    assert values("n1.h5") == [x * x for x in range(1, 1001)]
    assert digest("n1.h5") == digest("n2.h5") == digest("n3.h5")
    run("coprocess", code, "outputs=y:i64,pid:i64,nth:i64", "x=1:1000", n=2, out="w.h5")
    pids, nth = values("w.h5", "pid"), values("w.h5", "nth")
    assert len(set(pids)) == 2 and sorted(nth)[-1] + sum(pid != pids[nth.index(max(nth))] for pid in pids) == 1000
    command("resume", "w.h5", "-q")
    command("verify", "w.h5")


def every_value_arrives_as_it_is():
    strings = ["plain", "a b", "it's", 'say "hi"', "back\\slash", "line\nbreak", "grüße 日本 🎈", "", "\x01\x7f", "x" * 300_000]
    with open("t.csv", "w", newline="") as file:
        file.write("s,i,f\n" + "".join('"' + s.replace('"', '""') + f'",{i},{i + 0.5}\n' for i, s in enumerate(strings)))
    code = worker("p = task['params']\ns = p['s'].encode('utf-8', 'surrogateescape')\n"
                  "say(n=len(s), sum=sum(s), gi=p['i'], gf=p['f'], types=all((type(p['i']) is int, type(p['f']) is float)), seed=task['seed'])")
    run("coprocess", code, "outputs=n:i64,sum:i64,gi:i64,gf:f64,types:bool,seed:u64", "--table", "t.csv", n=2, out="v.h5")
    assert values("v.h5", "n") == [len(s.encode()) for s in strings] and values("v.h5", "sum") == [sum(s.encode()) for s in strings]
    assert values("v.h5", "gi") == list(range(len(strings))) and values("v.h5", "gf") == [i + 0.5 for i in range(len(strings))]
    assert all(values("v.h5", "types")) and len(set(values("v.h5", "seed"))) == len(strings)
    with open("bytes.txt", "wb") as file:
        file.write(b"a\xffb\nok\n\xed\xa0\x80\n\xc0\xaf\n")
    run("coprocess", worker("s = task['params']['s'].encode('utf-8', 'surrogateescape')\nsay(n=len(s), sum=sum(s))"),
        "outputs=n:i64,sum:i64", "s=@bytes.txt", out="b.h5")
    assert values("b.h5", "n") == [3, 2, 3, 2] and values("b.h5", "sum")[0] == 97 + 255 + 98


def arrays_come_as_lists_as_base64_and_by_shared_memory():
    code = worker("if 'shared' in task:\n    first = task['shared']\n    with open(first['path'], 'r+b') as file:\n"
                  "        rows = mmap.mmap(file.fileno(), first['bytes'])\n"
                  "y = numpy.arange(n) * float(x)\ngrid = numpy.full((2, 3), x, '<i4')\n"
                  "if x % 3 == 0: say(y=y.tolist(), grid=grid.tolist())\n"
                  "elif x % 3 == 1: say(y={'base64': base64.b64encode(y.tobytes()).decode()}, grid=grid.ravel().tolist())\n"
                  "else:\n    rows[first['offsets']['y']:][:0]\n    rows[first['offsets']['y']:first['offsets']['y'] + y.nbytes] = y.tobytes()\n"
                  "    rows[first['offsets']['grid']:first['offsets']['grid'] + 24] = grid.tobytes()\n"
                  "    say(y={'shared': True}, grid={'shared': True})\n", "import numpy\nn = 10000")
    words = ["coprocess", code, "outputs=y:f64[size],grid:i32[2,3]", "size=10000", "x=0:29"]
    for n in (1, 2):
        run(*words, n=n, out=f"a{n}.h5")
    assert digest("a1.h5") == digest("a2.h5")
    with h5py.File("a1.h5") as file:
        for x in range(30):
            assert (file["y"][x] == numpy.arange(10000) * float(x)).all() and (file["grid"][x] == x).all()
    bad = worker("say(y=[[1, 2], [3]][x] if x < 2 else {'base64': ['AAA', '!!!!', 'AAAAAAAA8D8=', 'AAAAAAAA8D8AAAAAAAA='][x - 2]})")
    run("coprocess", bad, "outputs=y:f64[2]", "x=0:4", out="bad.h5", expect=FAILED_TASKS)
    told = failures("bad.h5")
    assert sorted(told) == [1, 2, 3, 4] and "2 values" in told[1]["message"] and "base64 of 16 bytes" in told[2]["message"]


def a_worker_that_dies_costs_its_task_only():
    code = worker("if x == 5: os.kill(os.getpid(), signal.SIGSEGV)\nif x == 9: sys.exit(4)\nif x == 12: os._exit(0)\n"
                  "if x == 15: say(error='no luck', code=42); continue\nif x == 16: say(error='no code'); continue\n"
                  "if x == 18: os.write(1, b'debug\\n{\"y\": 18}\\n'); continue\nif x == 21: print('NaN', flush=True); continue\nsay(y=x)")
    for n in (1, 2):
        run("coprocess", code, "outputs=y:i64", "x=0:29", n=n, out=f"d{n}.h5", expect=FAILED_TASKS)
        told = failures(f"d{n}.h5")
        assert sorted(told) == [5, 9, 12, 15, 16, 18, 21], told
        assert "ended by signal 11 while it had this task" in told[5]["message"] and told[5]["code"] == 70
        assert "exit code 4" in told[9]["message"] and "exit code 0" in told[12]["message"]
        assert told[15]["message"] == "no luck" and told[15]["code"] == 42 and told[16]["code"] == 1
        assert "more than one line" in told[18]["message"] and "no JSON object (NaN" in told[21]["message"], told
        good = [x for x in range(30) if x not in told]
        assert [values(f"d{n}.h5")[x] for x in good] == good
    assert digest("d1.h5") == digest("d2.h5")
    late = worker("say(y=x, task=task['task'])\nif x == 3:\n    say(y=1000, task=task['task'])\ntime.sleep(0.01)")  # must not be the answer to the next task
    run("coprocess", late, "outputs=y:i64", "x=0:9", n=1, out="late.h5", expect=FAILED_TASKS)
    assert len(failures("late.h5")) == 1 and 1000 not in values("late.h5")


def a_worker_that_takes_too_long_is_killed_and_started_again():
    code = worker("if x == 3: time.sleep(60)\nsay(y=x)")
    begin = time.monotonic()
    run("coprocess", code, "outputs=y:i64", "x=0:7", "--task-timeout", "5s", n=1, expect=FAILED_TASKS)
    assert time.monotonic() - begin < 20
    late = failures("out.h5")
    assert list(late) == [3] and late[3]["code"] == 124 and "--task-timeout 5 s" in late[3]["message"], late


def a_worker_that_is_none_is_told_once():
    for bad, says in ((f"{PYTHON} absent.py", "exit code 2 at once, and read no task; last on its stderr: "),
                      ("sh -c 'echo Because >&2; exit 5'", "exit code 5 at once, and read no task; last on its stderr: Because"),
                      ("echo Welcome to R", "'Welcome to R', which is no JSON object"), ("yes", "more than one line"),
                      ("true", "exit code 0 at once"), ("cat /dev/zero", "no end of line")):
        begin = time.monotonic()
        run("coprocess", f"worker={bad}", "outputs=y:f64", "x=1:300", n=1, out="bad.h5", expect=FAILED_TASKS)
        told = {failure["message"] for failure in failures("bad.h5").values()}
        assert len(told) == 1 and says in told.pop() and time.monotonic() - begin < 20, (bad, told)
        assert "300 alike with code 70" in command("info", "bad.h5").stdout


def a_slip_of_the_pen_is_refused_before_anything_is_made():
    for words, *says in ((["worker=no-such-worker", "outputs=y:f64"], "worker: 'no-such-worker'", "on PATH"),
                         (["worker=./absent", "outputs=y:f64"], "worker: './absent'", "no such program"),
                         (["worker=cat", "output=y:f64"], "outputs=", "did you mean outputs=?"),
                         (["worker=cat", "output=y:f64,z:f64"], "did you mean outputs=?"),
                         (["wroker=cat", "outputs=y:f64"], "did you mean worker=?"),
                         (["worker=cat {x}", "outputs=y:f64"], "worker: '{x}'", "line of JSON"),
                         (["worker=cat --seed={seed}", "outputs=y:f64"], "worker: '{seed}'", "line of JSON")):
        error = command("run", "coprocess", *words, "x=1", "-n", 1, "-o", "none.h5", expect=2).stderr
        assert error.count("\n") == 1 and all(said in error for said in says) and not os.path.exists("none.h5"), error
    code = worker("say(y=x)").removeprefix("worker=")
    run("coprocess", f"worker={code} {{z}} {{{{x}}}} {{", "outputs=y:f64", "x=1,2", "output=a", out="fine.h5")  # braces are letters
    assert values("fine.h5") == [1, 2]


def the_last_words_of_a_worker_are_told_and_all_of_them_passed_on():
    code = worker("say_it = lambda text: (sys.stderr.write(text), sys.stderr.flush())\n"
                  "if x == 3: say_it('first\\nValueError: three\\n\\n'); os.kill(os.getpid(), signal.SIGKILL)\n"
                  "if x == 5: raise KeyError('five')\nif x == 7: sys.exit(3)\n"
                  "if x == 8: say_it('w' * 1000); os._exit(1)\nif x == 9: say_it('e' * 300000)\nsay(y=x)\nif x > 9: say_it('E' * 100000)")
    for n in (1, 2):
        error = run("coprocess", code, "outputs=y:i64", "x=0:11", n=n, out="w.h5", expect=FAILED_TASKS).stderr
        told = {task: failure["message"] for task, failure in failures("w.h5").items()}
        assert sorted(told) == [3, 5, 7, 8], told
        assert told[3].endswith("(another is started for the next); last on its stderr: ValueError: three") and "by signal 9 while" in told[3], told
        assert told[5].endswith("stderr: KeyError: 'five'") and "exit code 1 while" in told[5], told
        assert told[7].endswith("for the next)"), told
        assert "wwwwwwwwww" in told[8] and error.count("ValueError: three") == 1, told
        for letter, least in (("w", 1000), ("e", 300_000), ("E", 200_000)):
            assert error.count(letter) >= least, (letter, error.count(letter))
    with open("closed.py", "w") as file:
        file.write("import os, sys\nos.close(2)\nfor line in sys.stdin: print('{\"y\": 1}', flush=True)\n")
    run("coprocess", f"worker={PYTHON} closed.py", "outputs=y:i64", "x=1:100", out="c.h5")
    assert values("c.h5") == [1] * 100


def workers_end_with_the_run_and_with_the_rank():
    mark = f"worker{os.getpid()}.py"
    code = worker("say(y=1)\n", "import atexit\natexit.register(lambda: open('ended', 'a').write('x'))", name=mark)
    run("coprocess", code, "outputs=y:i64", "x=1:100", n=2, out="e.h5")
    assert open("ended").read() == "xx"
    deaf = worker("say(y=1)\nwhile x == 100: time.sleep(1)", name=mark)
    begin = time.monotonic()
    run("coprocess", deaf, "outputs=y:i64", "x=1:100", n=1, out="e.h5")
    assert 1.5 < time.monotonic() - begin < 15
    stuck = worker("open(f'stuck{os.getpid()}', 'w')\ntime.sleep(600)", name=mark)
    process = start("run", "coprocess", stuck, "outputs=y:i64", "x=1:100", "-n", 2, "-o", "k.h5")
    wait_until("two workers are at work", lambda: len([name for name in os.listdir(".") if name.startswith("stuck")]) == 2)
    pids = [int(name[5:]) for name in os.listdir(".") if name.startswith("stuck")]
    kill_all(process)
    process.communicate()
    wait_until("the workers are gone", lambda: not any(is_alive(pid) for pid in pids), 10)
    run("pi", "--repeat", 10, n=2)  # a launcher sweeps up what a killed one has left


def threads_and_retries_do_what_they_say():
    code = worker("if x % 10 == 3 and task['attempt'] == 1: say(error='once', code=5)\nelse: say(y=x * x)")
    words = ["coprocess", code, "outputs=y:i64", "x=1:500"]
    for more in (["--threads", 3], []):
        run(*words, *more, "--retries", 1, n=2, out="r.h5")
        assert values("r.h5") == [x * x for x in range(1, 501)], more
    run(*words, n=2, out="r.h5", expect=FAILED_TASKS)
    assert len(failures("r.h5")) == 50


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
