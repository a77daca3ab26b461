"""Calls with what nobody should give them, alone, on one node, and on nodes that are made up: all return, and say why."""
from library_test import run, scenario

WHERE = ((1, 1), (2, 1), (3, 3))


def play(scene, where=WHERE):
    for n, nodes in where:
        run("misuse", scene, n=n, nodes=nodes)


def times_that_have_passed_do_not_wait():
    play("past_times")


def a_task_is_refused_the_pool_it_works_for():
    play("own_pool")


def an_initializer_that_says_nothing_is_explained():
    play("initializer")


def objects_of_processes_that_are_not_there_are_refused():
    play("strangers", ((1, 1), (2, 1)))


def what_there_is_not_so_much_of_is_refused_at_once():
    play("too_much")


def what_has_to_be_given_is_not_null():
    for n in (1, 2):
        run("nulls", n=n)


scenario(globals())
