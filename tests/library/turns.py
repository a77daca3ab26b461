"""Functions of one rank run one at a time: who gets a turn, and when."""
from library_test import run, scenario


def loops_that_poll_end_on_one_rank():
    for n, nodes in ((1, 1), (2, 1), (2, 2)):
        said = run("turns", n=n, nodes=nodes, timeout=100).stdout
        assert said == "19 loops\n", said


scenario(globals())
