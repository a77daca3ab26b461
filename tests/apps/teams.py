"""Tasks that are MPI programs: teams of ranks, the same bits, failures of any member."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
from rankine_test import *

MADE_UP = {"RANKINE_NODE_RANKS": "3"}


def heat_has_the_same_bits_on_any_number_of_ranks():
    words = ["heat", "alpha=0.5:2:0.25", "cells=32"]
    run(*words, "ranks=1", n=1, out="one.h5")
    for ranks, n, env in ((4, 4, None), (4, 8, None), (2, 5, None), (3, 3, None), (4, 6, MADE_UP), (3, 7, MADE_UP)):
        run(*words, f"ranks={ranks}", n=n, out="team.h5", env=env, timeout=120)
        assert digest("team.h5") == digest("one.h5"), (ranks, n, env)
        with h5py.File("team.h5") as file, h5py.File("one.h5") as one:
            assert (file["middle"][...] == one["middle"][...]).all()


def heat_agrees_with_the_exact_solution():
    errors = []
    for cells in (16, 32, 64):
        run("heat", f"cells={cells}", "ranks=2", n=2)
        with h5py.File("out.h5") as file:
            errors.append(float(file["error"][()].max()))
    assert errors[-1] < 2e-4 and all(3.5 < a / b < 4.5 for a, b in zip(errors, errors[1:])), errors  # second order


def only_the_first_rank_of_a_team_counts():
    run(kernel("team"), "ranks=3", "--repeat", 50, n=7, out="team.h5", timeout=120)
    with h5py.File("team.h5") as file:
        assert [int(v) for v in file["sum"]] == [30 * i + 3 for i in range(50)]
        assert list(file["given"]) == list(range(50)) and file["reduced/given_sum"][()] == sum(range(50))


def a_member_that_fails_fails_the_task():
    for bad_rank in (0, 1, 2):
        run(kernel("team"), "ranks=3", "bad_task=7", f"bad_rank={bad_rank}", "--repeat", 20, n=3, expect=FAILED_TASKS)
        failures = summary("info", "out.h5", expect=None)["failures"]
        assert [(f["task"], f["code"]) for f in failures] == [(7, 17)], failures
        assert failures[0]["message"] == f"rank {bad_rank} of the team has failed", failures
    found = summary("run", kernel("team"), "ranks=3", "bad_task=7", "bad_rank=2", "needs=2", "--retries", 1, "--repeat",
                    20, "-n", 3, "-o", "out.h5", "--force")
    assert found["failed"] == 0 and found["retried"] == 1, found


def a_member_that_crashes_is_named():
    for bad_rank in (0, 1, 3):
        error = command("run", kernel("team"), "ranks=4", "bad_task=7", f"bad_rank={bad_rank}", "crash=yes", "--repeat", 20,
                        "-n", 4, "-o", "out.h5", "--force", "-q", expect=RESUMABLE).stderr
        assert f"task 7 of kernel 'team' on rank {bad_rank}" in error and "abort (signal 6)" in error, error
        assert "rankine resume out.h5 -n 4\n" in error, error  # --isolate is not for teams
        found = summary("info", "out.h5")
        assert found["state"] == "killed" and found["crash"]["task"] == 7, found


def too_few_ranks_and_what_does_not_go_together_is_refused():
    for words, said in ((["ranks=4", "-n", 3], "-n 4"), (["ranks=0", "-n", 2], "whole number"),
                        (["ranks=2", "-n", 2, "--isolate"], "--isolate")):
        error = command("run", kernel("team"), *words, "--repeat", 5, "-o", "refused.h5", expect=2).stderr
        lines = [line for line in error.splitlines() if "they share" not in line]
        assert len(lines) == 1 and said in lines[0] and not os.path.exists("refused.h5"), error


def without_n_there_are_whole_teams():
    assert summary("run", "heat", "ranks=3", "cells=8", "--dry-run")["ranks"] % 3 == 0
    assert summary("run", "heat", "ranks=3", "cells=8", "-o", "out.h5", "--force")["ranks"] % 3 == 0


def a_killed_run_is_resumed_by_other_teams():
    words = ["heat", "alpha=1:2:0.02", "cells=64", "ranks=2"]
    run(*words, n=4, out="whole.h5", timeout=120)
    process = start("run", *words, "-n", 2, "-o", "killed.h5", "-q")
    wait_until("some tasks are done", lambda: done_of("killed.h5") > 3)
    kill_all(process)
    command("resume", "killed.h5", "-n", 5, "-q", timeout=120)
    assert digest("killed.h5") == digest("whole.h5")


if __name__ == "__main__":
    main([heat_has_the_same_bits_on_any_number_of_ranks, heat_agrees_with_the_exact_solution,
          only_the_first_rank_of_a_team_counts, a_member_that_fails_fails_the_task,
          a_member_that_crashes_is_named,
          too_few_ranks_and_what_does_not_go_together_is_refused, without_n_there_are_whole_teams,
          a_killed_run_is_resumed_by_other_teams])
