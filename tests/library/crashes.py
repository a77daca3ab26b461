"""Pools of isolated workers: what crashes in one is that task's affair, and nothing is left of it."""
import os
import time

from library_test import left_of, run, scenario

WHERE = ((1, 1), (2, 1), (3, 1), (3, 3))


def play(scene, where=WHERE, **how):
    for n, nodes in where:
        mark = f"RANKINE_TEST_MARK={os.getpid()}.{n}.{nodes}"
        name, value = mark.split("=")
        said = run("crashes", scene, n=n, nodes=nodes, env={name: value}, timeout=100, **how).stdout
        until = time.monotonic() + 5
        while left_of(mark) and time.monotonic() < until:
            time.sleep(0.05)
        assert not left_of(mark), f"{scene} on {n} ranks leaves processes {left_of(mark)}"
        yield said


def exactly_those_that_crash_fail_and_each_says_why():
    for said in play("mixed"):
        assert said == "50 of 200 failed\n", said


def of_a_map_the_chunk_fails():
    list(play("map"))


def terminate_ends_what_runs_at_once():
    list(play("endless"))


def a_rank_that_dies_takes_its_workers_along():
    for said in play("rank_dies", ((3, 1), (3, 3)), options=["--enable-recovery"], expect=None):
        assert "2 failed, and 3 * 5 = 15\n" in said, said


def how_a_predecessor_ended_is_not_told_of_its_heir():
    for said in play("heir", ((2, 1), (3, 3)), options=["--enable-recovery"], expect=None):
        assert said.startswith("rank ") and said.endswith(" has died\n"), said


def an_initializer_that_crashes_breaks_the_pool():
    list(play("initializer"))


def so_does_one_whose_worker_keeps_dying_while_idle():
    list(play("idle", ((1, 1), (2, 1))))


def without_children_there_is_no_pool():
    list(play("full", ((1, 1), (2, 1))))


def no_more_workers_than_children():
    list(play("too_many"))


def after_some_tasks_a_new_child_goes_on():
    list(play("renewed"))


def a_result_outlives_its_worker():
    list(play("large"))


def workers_of_a_rank_run_beside_each_other():
    for said in play("beside", ((1, 1), (2, 1))):
        for name in ("first", "second"):
            os.remove(name)


scenario(globals())
