"""rankine submit and rankine status, on a private Slurm of three nodes.

RANKINE_CLUSTER_LONG=1: time limits are those of Slurm, which looks at them every 30 s; else the signal that it sends
before them is sent by hand."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rankine_test import *
from slurm_lab import Slurm

LONG = os.environ.get("RANKINE_CLUSTER_LONG") == "1"
THREE = ["-N", "3", "--ntasks-per-node=2", "-t", "10", "--output=log"]
HOSTILE = ["cmd=printf %s {text}", "text=it's a \"b\"\n$HOME `c` \\d #e"]


def slow(tasks, ms, out="out.h5"):
    return ["run", kernel("slow"), f"ms={ms}", "--repeat", tasks, "-o", out]


def expected(tasks):
    """slow's digest depends on how many tasks there are, and not on how slow they are."""
    run(kernel("slow"), "ms=0", "--repeat", tasks, out="expected.h5")
    return digest("expected.h5")


def submit(*words, options=THREE):
    return json.loads(command("submit", "--json", *options, "--", *words).stdout)["job"]


def note(path="out.h5.job"):
    with open(path) as f:
        return f.read().split()[1]


def log(path="log"):
    with open(path) as f:
        return f.read()


def status(*files, **more):
    return summary("status", *files, **more)["runs"]


def wait_for_tasks(count, path="out.h5"):
    wait_until(f"{count} tasks are done", lambda: done_of(path) >= count, seconds=60)


# ---- without Slurm ----

def text_of(*words, expect=COMPLETE):
    return command("submit", "--dry-run", *words, expect=expect).stdout


def is_valid(script, name="script.sh"):
    with open(name, "w") as f:
        f.write(script)
    assert subprocess.run(["bash", "-n", name]).returncode == 0
    if subprocess.run(["which", "shellcheck"], stdout=subprocess.DEVNULL).returncode == 0:
        checked = subprocess.run(["shellcheck", name], stdout=subprocess.PIPE, text=True)
        assert checked.returncode == 0, checked.stdout


def the_script_is_what_a_person_would_have_written():
    script = text_of("-N3", "-n", "12", "--mem", "2G", "-t", "2:00:00", "-p", "long", "--account=me", "--exclusive", "--qos=low",
                     "--until-done=7", "--", *slow(10, 1), "--cores-per-task", 2, "--retries", 3, "-q")
    head = script.split("\n\n")[0].splitlines()
    assert head == ["#!/bin/bash", "#SBATCH --nodes=3", "#SBATCH --ntasks=12", "#SBATCH --mem=2G", "#SBATCH --time=2:00:00",
                    "#SBATCH --partition=long", "#SBATCH --account=me", "#SBATCH --exclusive", "#SBATCH --qos=low",
                    f"#SBATCH --chdir={os.getcwd()}", "#SBATCH --job-name=out", "#SBATCH --signal=B:USR1@120",
                    "#SBATCH --open-mode=append", "#SBATCH --requeue"], head
    assert '    exec "$rankine" resume "$file" --cores-per-task=2 --quiet\n' in script
    assert f'    exec "$rankine" run {kernel("slow")} ms=1 --repeat 10 -o out.h5 --cores-per-task 2 --retries 3 -q\n' in script
    assert "restarts=7 " in script and 'scontrol requeue "$SLURM_JOB_ID"' in script
    assert len(script.splitlines()) < 100 and not os.path.exists("out.h5.sbatch")
    is_valid(script)
    plain = text_of("--srun", "-c", 4, "-t", "5", "--signal=B:USR1@45", "-J", "two words", "--", *slow(10, 1))
    assert 'srun --mpi=pmix --cpus-per-task="$SLURM_CPUS_PER_TASK"' in plain and "scontrol requeue" not in plain
    assert '#SBATCH --job-name="two words"\n' in plain and plain.count("#SBATCH --signal=") == 1 and "@45\n" in plain
    is_valid(plain)
    run(kernel("slow"), "ms=0", "--repeat", 10, out="it's.h5")
    resume = text_of("--", "resume", "it's.h5", "--retry-failed", "-n", 4)
    assert '    exec "$rankine" resume "$file" --ranks=4 --retry-failed\n' in resume and "    exec \"$rankine\" run" not in resume
    is_valid(resume)
    is_valid(text_of("--", "run", "command", *HOSTILE, "-o", "a\n'b\".h5"))


def what_a_job_cannot_do_is_told_before_it_waits():
    def refused(*words):
        message = command("submit", "--dry-run", *words, expect=2).stderr
        assert message.count("\n") == 1, message
        return message

    good = ["--", *slow(10, 1)]
    assert "'run ...' or 'resume FILE' is expected" in refused("--", "info", "out.h5")
    assert "behind '--': rankine submit" in refused("-N3", *slow(10, 1))
    assert "has no parameter 'mss'" in refused("--", "run", kernel("slow"), "mss=1")
    assert "No such file" in refused("--", "resume", "nothing.h5")
    assert "--force" in refused(*good, "--force")
    assert "Slurm chooses the hosts" in refused(*good, "--hostfile", "hosts")
    assert "submit --ntasks=4" in refused("--srun", *good, "-n", 4)
    assert "can be read only once" in refused("--", "run", "command", "--tasks-from", "-")
    assert "rankine merge" in refused("--array=1-4", *good)
    assert "rankine merge" in refused("-a", "1-4", *good)
    assert "--signal=B:USR1@SECONDS" in refused("--signal=TERM@20", *good)
    assert "control character" in refused("--comment=a\nb", *good)
    assert "needs a value" in refused("-N", *good)
    assert "an option of sbatch is expected" in refused("3", *good)
    run(kernel("slow"), "ms=0", "--repeat", 10)
    assert "out.h5 exists" in refused(*good)
    empty = {"PATH": "/nowhere"}
    assert "there is no Slurm here" in command("submit", "--", *slow(10, 1, "new.h5"), expect=2, env=empty).stderr
    assert "name a run file" in command("status", expect=2, env=empty).stderr
    assert "nothing: the run is complete" in command("status", "out.h5", env=empty).stdout
    with open("out.h5.job", "w") as f:
        f.write("job 7 restarts 0\n")
    assert "7; there is no Slurm here to ask" in command("status", "out.h5", env=empty).stdout
    assert summary("status", "out.h5", env=empty)["slurm"] is False


def a_run_begins_nothing_that_its_job_has_no_time_for():
    end = int(time.time()) + 14  # 10 s of it are left for the job's own end
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": str(end)}
    result = command(*slow(100, 1000), "-n", 1, "--block", 1, expect=RESUMABLE, env=job)
    assert time.time() < end - 9.5 and "stopped at its time limit" in result.stdout and "job         7 of Slurm" in result.stdout
    assert 1 <= done_of("out.h5") <= 4


def a_file_that_cannot_be_read_hides_no_other():
    none = {"PATH": "/nowhere"}
    run(kernel("slow"), "ms=0", "--repeat", 10)
    with open("text.h5", "w") as f:
        f.write("nothing of ours")
    said = command("status", "missing.h5", "out.h5", "text.h5", expect=2, env=none)
    assert said.stdout.startswith("out.h5: complete, 10 of 10 tasks") and said.stdout.count("\n") == 3, said.stdout
    errors = said.stderr.splitlines()
    assert len(errors) == 2 and "run file 'missing.h5': No such file" in errors[0] and "text.h5 is not" in errors[1], errors
    answer = json.loads(command("status", "missing.h5", "out.h5", "--json", expect=2, env=none).stdout)
    assert (answer["status"], answer["exit_code"], answer["slurm"]) == ("usage", 2, False), answer
    missing, there = answer["runs"]
    assert missing["error"]["name"] == "ENOENT" and missing["file"] == "missing.h5", missing
    assert there["state"] == "complete" and "error" not in there


def what_never_began_is_begun_by_its_script():
    none = {"PATH": "/nowhere"}
    with open("a b.h5.job", "w") as f:
        f.write("job 7 restarts 0\n")
    assert "next        no job begins it; by hand: rankine submit [SBATCH OPTIONS] -- run ...\n" in command(
        "status", "a b.h5", env=none).stdout
    with open("a b.h5.sbatch", "w"):
        pass
    said = command("status", "a b.h5", env=none).stdout
    assert said.startswith("a b.h5: not begun\n") and "no job begins it; by hand: sbatch 'a b.h5.sbatch'\n" in said, said


def an_answer_that_slurm_does_not_give_hides_no_file():
    os.mkdir("bin")
    with open("bin/squeue", "w") as f:
        f.write('#!/bin/sh\n[ "$1" = --version ] && exit\necho asked >>asked\necho "squeue: error: no controller" >&2\nexit 1\n')
    os.chmod("bin/squeue", 0o755)
    run(kernel("slow"), "ms=0", "--repeat", 10)
    os.symlink("out.h5", "other.h5")
    for name in ("out.h5", "other.h5"):
        with open(name + ".job", "w") as f:
            f.write("job 7 restarts 0\n")
    path = {"PATH": os.path.abspath("bin") + ":" + os.environ["PATH"]}
    said = command("status", "out.h5", "other.h5", expect=1, env=path).stdout
    assert said.count(": complete, 10 of 10 tasks") == 2 and said.count("no answer from Slurm: squeue: squeue: error") == 2, said
    with open("asked") as f:
        assert f.read() == "asked\n"
    assert status("out.h5", expect=1, env=path)[0]["job"]["error"]["name"] == "EIO"


# ---- with Slurm ----

def mpirun_and_srun_give_the_same_digest():
    want = expected(300)
    with Slurm() as slurm:
        jobs = [submit(*slow(300, 5)), submit(*slow(300, 5, "s' p.h5"), options=["--srun", *THREE])]
        text = submit("run", "command", *HOSTILE, "--repeat", 6, "-o", "text.h5")
        end = submit("run", "command", "cmd=printenv SLURM_JOB_END_TIME", "--repeat", 24, "-o", "end.h5")
        for job in (*jobs, text, end):  # complete: every rank knew when the job ends
            slurm.wait(job, "COMPLETED")
        said = log()
        assert digest("out.h5") == want and digest("s' p.h5") == want
        assert said.count("6 ranks on 3 nodes") == 4, said
        for job in jobs:
            assert f"job         {job} of Slurm" in said
        run("command", *HOSTILE, "--repeat", 6, out="plain.h5")
        assert digest("text.h5") == digest("plain.h5")
        assert "nothing: the run is complete" in command("status", "out.h5").stdout


def a_run_that_needs_three_time_limits_finishes_by_itself():
    tasks, ms = (2400, 200) if LONG else (900, 50)  # more than two times 30 s, or two times 60 tasks
    want = expected(tasks)
    with Slurm(bound=280) as slurm:
        job = submit(*slow(tasks, ms), options=["--until-done", "--signal=B:USR1@60", *THREE])
        for limit in range(2):
            slurm.wait(job, "RUNNING")
            before = done_of("out.h5")
            wait_for_tasks(before + 60)
            if LONG:
                slurm.ask("scontrol", "update", f"jobid={job}", "EndTime=now+55")
            else:
                slurm.warn(job)
            slurm.wait(job, "PENDING")
            assert done_of("out.h5") < tasks
            sessions = summary("info", "out.h5")["sessions"]
            assert sessions[limit]["outcome"] == "stopped", sessions  # drained, not killed
            assert "goes on with the file" in command("status", "out.h5").stdout
            slurm.release(job)
        slurm.wait(job, "COMPLETED")
        assert slurm.restarts(job) == 2 and digest("out.h5") == want
        assert len(summary("info", "out.h5")["sessions"]) == 3 and "restart 2" in log()


def srun_drains_and_is_requeued():
    want = expected(300)
    with Slurm() as slurm:
        job = submit(*slow(300, 50), options=["--until-done", "--srun", *THREE])
        wait_for_tasks(30)
        slurm.warn(job)
        slurm.wait(job, "PENDING")
        assert summary("info", "out.h5")["sessions"][0]["outcome"] == "stopped" and done_of("out.h5") < 300
        slurm.release(job)
        slurm.wait(job, "COMPLETED")
        assert digest("out.h5") == want


def where_requeue_is_not_allowed_a_new_job_goes_on():
    want = expected(300)
    with Slurm() as slurm:
        first = submit(*slow(300, 50), options=["--until-done=1", "--no-requeue", *THREE])
        wait_for_tasks(30)
        slurm.warn(first)
        wait_until("there is a new job", lambda: note() != first)
        second = note()
        assert [row["job"]["id"] for row in status()] == [second]
        slurm.wait(first, "FAILED")
        wait_for_tasks(done_of("out.h5") + 30)
        slurm.warn(second)  # once is all that was asked for
        slurm.wait(second, "FAILED")
        assert "not done after 1 restarts" in log() and note() == second
        third = submit("resume", "out.h5")
        slurm.wait(third, "COMPLETED")
        assert digest("out.h5") == want


def scancel_leaves_a_file_that_can_be_resumed():
    want = expected(300)
    with Slurm() as slurm:
        job = submit(*slow(300, 50), options=["--until-done", *THREE])
        wait_for_tasks(30)
        message = command("submit", *THREE, "--", "resume", "out.h5", expect=2).stderr
        assert f"is the file of job {job}, which is RUNNING" in message
        slurm.ask("scancel", job)
        slurm.wait(job, "CANCELLED")
        assert 30 <= done_of("out.h5") < 300 and "no damage" in command("verify", "out.h5").stdout
        assert slurm.ask("squeue", "-h") == ""
        row, = status("out.h5")
        assert row["state"] in ("stopped", "killed") and row["job"]["state"] == "CANCELLED", row
        assert row["next"].endswith("rankine submit -- resume out.h5")
        command("resume", "out.h5", "-n", 2, "-q")
        assert digest("out.h5") == want


def what_slurm_takes_and_gives_back_goes_on_by_itself():
    """scontrol requeue, and preemption by a job of a better partition."""
    want = expected(400)
    with Slurm(lines=["PreemptType=preempt/partition_prio", "PreemptMode=REQUEUE",
                      "PartitionName=urgent Nodes=ALL PriorityTier=9 PreemptMode=off"]) as slurm:
        job = submit(*slow(400, 50))
        wait_for_tasks(30)
        slurm.ask("scontrol", "requeue", job)
        slurm.release(job)
        slurm.wait(job, "RUNNING")
        wait_for_tasks(done_of("out.h5") + 30)
        urgent = slurm.ask("sbatch", "--parsable", "-N3", "--exclusive", "-p", "urgent", "--wrap", "sleep 1")
        slurm.wait(urgent, "COMPLETED")
        slurm.release(job)
        slurm.wait(job, "COMPLETED")
        assert slurm.restarts(job) == 2 and digest("out.h5") == want


def a_node_that_is_lost_is_replaced():
    want = expected(300)
    with Slurm(nodes=4, lines=["SlurmdTimeout=5", "KillWait=2"]) as slurm:
        job = submit(*slow(300, 50))
        wait_for_tasks(30)
        slurm.crash("n3")
        slurm.wait(job, "PENDING", "COMPLETED")
        if slurm.state(job) == "PENDING":  # else its ranks were done without it
            assert done_of("out.h5") < 300
            slurm.release(job)
        slurm.wait(job, "COMPLETED")
        assert digest("out.h5") == want and "no damage" in command("verify", "out.h5").stdout


ARRAY = """#!/bin/bash
#SBATCH --array=1-3
#SBATCH --output=%s-%%a.log
exec %s run %s ms=5 --repeat 300 -n 1 %s
"""


def tasks_of_an_array_share_a_run_by_parts_and_not_by_a_file():
    want = expected(300)
    with Slurm(nodes=2) as slurm:
        jobs = []
        for name, words in (("parts", '--part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" -o "$SLURM_ARRAY_TASK_ID.h5"'),
                            ("one", "-o one.h5")):
            with open(name + ".sh", "w") as f:
                f.write(ARRAY % (name, RANKINE, kernel("slow"), words))
            jobs.append(slurm.ask("sbatch", "--parsable", name + ".sh"))
        for job in jobs:
            wait_until("the array is over", lambda: slurm.ask("squeue", "-h", "-j", job, check=False).find("RUNNING") < 0
                       and set(slurm.state(job).split()) <= {"COMPLETED", "FAILED"})
        command("merge", "1.h5", "2.h5", "3.h5", "-o", "merged.h5", "-q")
        assert digest("merged.h5") == want and digest("one.h5") == want
        logs = [log(f"one-{i}.log") for i in (1, 2, 3)]
        assert sum("complete, 300 tasks" in text for text in logs) == 1, logs
        assert sum("--part $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" in text for text in logs) == 2, logs


def status_shows_the_file_and_the_job_side_by_side():
    with Slurm(nodes=2) as slurm:
        job = submit(*slow(600, 50), options=["-N2", "-t", "10", "--hold", "--output=log"])
        row, = status()
        assert (row["file"], row["state"]) == (os.path.realpath("out.h5"), "not begun"), row
        assert row["job"]["state"] == "PENDING" and row["job"]["reason"] == "JobHeldUser", row
        text = command("status", "out.h5").stdout
        assert text.startswith("out.h5: not begun\n") and f"(JobHeldUser): it is held; scontrol release {job} lets it go" in text
        slurm.ask("scontrol", "release", job)
        wait_for_tasks(100)
        row, = status("out.h5")
        assert row["state"] == "running" and row["done"] >= 100 and row["job"]["id"] == job and row["eta_seconds"] > 0
        assert row["job"]["state"] == "RUNNING" and row["job"]["node_list"] == "n[1-2]" and 0 < row["job"]["seconds_left"] < 600
        text = command("status").stdout
        assert re.search(r"^out\.h5: running, \d+ of 600 tasks \(\d+ %\)\n  rate +\d+.*; left: about ", text), text
        assert re.search(rf"job +{job}, RUNNING on n\[1-2\] \(nodes: 2\), time left: 9:\d\d\n", text), text
        assert re.search(r"next +the run is done at about \d\d:\d\d at this rate\n", text), text
        slurm.ask("scontrol", "update", f"jobid={job}", "TimeLimit=1")
        command("status", "out.h5")
        slurm.wait(job, "COMPLETED")
        assert status() == [] and "no job of yours" in command("status").stdout


def submit_says_where_the_log_goes_and_a_refused_one_leaves_nothing():
    with Slurm(nodes=1) as slurm:
        said = command("submit", "-t", "1", "--", *slow(10, 1)).stdout
        job = re.match(r"job (\d+): slow, 10 tasks\n", said)[1]
        assert f"\n  log         slurm-{job}.out\n" in said, said
        slurm.wait(job, "COMPLETED")
        assert "complete, 10 tasks" in log(f"slurm-{job}.out")
        os.mkdir("logs")
        answer = json.loads(command("submit", "--json", "-t", "1", "-J", "two words", "--output=logs/%x-%j", "--",
                                    *slow(10, 1, "named.h5")).stdout)
        slurm.wait(answer["job"], "COMPLETED")
        assert answer["log"] == os.path.abspath(f"logs/two words-{answer['job']}"), answer
        assert "complete, 10 tasks" in log(answer["log"])
        before = sorted(os.listdir())
        said = command("submit", "-p", "nowhere", "--", *slow(10, 1, "new.h5"), expect=2).stderr
        assert re.fullmatch(r"rankine: Slurm does not take the job: sbatch: error: .*\n", said), said
        assert sorted(os.listdir()) == before, "a script that was not taken"
        os.remove("named.h5")
        script = log("named.h5.sbatch")
        command("submit", "-p", "nowhere", "--", *slow(11, 1, "named.h5"), expect=2)
        assert log("named.h5.sbatch") == script and "named.h5" not in os.listdir(), "that of the job before is kept"
        again = submit(*slow(12, 1, "named.h5"), options=["-t", "1"])
        assert "--repeat 12" in log("named.h5.sbatch") and "named.h5.sbatch.before" not in os.listdir()
        slurm.wait(again, "COMPLETED")


def a_job_that_never_starts_is_told_so():
    with Slurm(nodes=1, lines=["PartitionName=short Nodes=ALL MaxTime=1"]) as slurm:
        failed = slurm.ask("sbatch", "--parsable", "-t", "1", "--wrap", "exit 1")
        slurm.wait(failed, "FAILED")
        jobs = {"time.h5": (["-p", "short", "-t", "10"], "PartitionTimeLimit", "submit it anew with a shorter --time"),
                "after.h5": ([f"--dependency=afterok:{failed}", "-t", "1"], "DependencyNeverSatisfied",
                             "without that --dependency")}
        for file, (options, reason, how) in jobs.items():
            job = submit(*slow(10, 1, file), options=options)
            wait_until("Slurm has looked at it", lambda: status(file)[0]["job"]["reason"] == reason)
            said = command("status", file).stdout
            assert f"as things are it does not start ({reason}): " in said and f"scancel {job} and " in said and how in said, said
            assert status(file)[0]["job"]["obstacle"]
            slurm.ask("scancel", job)
        assert "no job begins it; by hand: sbatch time.h5.sbatch\n" in command("status", "time.h5").stdout
        job = slurm.ask("sbatch", "--parsable", "-p", "main", "-t", "5", "time.h5.sbatch")
        slurm.wait(job, "COMPLETED")
        assert note("time.h5.job") == job and status("time.h5")[0]["state"] == "complete"


main([the_script_is_what_a_person_would_have_written, what_a_job_cannot_do_is_told_before_it_waits,
      a_run_begins_nothing_that_its_job_has_no_time_for, mpirun_and_srun_give_the_same_digest,
      a_run_that_needs_three_time_limits_finishes_by_itself, srun_drains_and_is_requeued,
      where_requeue_is_not_allowed_a_new_job_goes_on, scancel_leaves_a_file_that_can_be_resumed,
      what_slurm_takes_and_gives_back_goes_on_by_itself, a_node_that_is_lost_is_replaced,
      a_file_that_cannot_be_read_hides_no_other, what_never_began_is_begun_by_its_script,
      an_answer_that_slurm_does_not_give_hides_no_file, a_job_that_never_starts_is_told_so,
      submit_says_where_the_log_goes_and_a_refused_one_leaves_nothing,
      tasks_of_an_array_share_a_run_by_parts_and_not_by_a_file, status_shows_the_file_and_the_job_side_by_side])
