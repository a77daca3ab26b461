"""Calls with what nobody should give them, alone, on one node, and on nodes that are made up: all return, and say why."""
from library_test import run, scenario

WHERE = ((1, 1), (2, 1), (3, 3))


def play(scene, where=WHERE, program="misuse"):
    return [run(program, scene, n=n, nodes=nodes) for n, nodes in where]


def times_that_have_passed_do_not_wait():
    play("past_times")


def a_task_is_refused_the_pool_it_works_for():
    play("own_pool")


def an_initializer_that_says_nothing_is_explained():
    play("initializer")


def objects_of_processes_that_are_not_there_are_refused():
    for n, nodes in ((1, 1), (2, 1), (2, 2), (4, 2)):
        run("strangers", n=n, nodes=nodes)


def what_there_is_not_so_much_of_is_refused_at_once():
    play("too_much")


def a_function_that_ends_its_thread_has_failed():
    play("lost_threads", program="strays")


def a_process_that_a_function_forks_may_use_nothing():
    """And what it does is not said to be the rank's."""
    for result in play("forks", program="strays"):
        assert "rankine: rank" not in result.stderr, result.stderr


def who_closes_all_descriptors_does_not_hang_the_end():
    for n, nodes in ((1, 1), (2, 1), (2, 2)):
        run("strays", "closed", n=n, nodes=nodes, expect=1)
        err = run("strays", "closed_but_stderr", n=n, nodes=nodes, expect=1).stderr
        assert "a function has closed file descriptors that are not its own: MPI can't be used any more\n" in err, err


def children_out_of_range_are_refused():
    for n in (1, 2):
        for children in (-1, 65, 2147483647, -2147483648):
            err = run("strays", "children", children, n=n, expect=1).stderr
            assert err.count(f"children = {children}: a rank may have 0 to 64") == 1, err
        for children in (0, 64):
            run("strays", "children", children, n=n)


def what_has_to_be_given_is_not_null():
    for n in (1, 2):
        run("nulls", n=n)


scenario(globals())
