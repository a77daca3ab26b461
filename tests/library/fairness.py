"""Who wants a lock gets it, though another asks for it again as soon as it has let go."""
from library_test import run, scenario

SECONDS = 2


def race(n, nodes=1):
    times = [int(line) for line in run("race", SECONDS, n=n, nodes=nodes).stdout.split()]
    assert len(times) == n, times
    ratio = max(times) / max(1, min(times))
    print(f"{n} ranks, {nodes} nodes: {times}, at most {ratio:.2f} times as often as another")
    return ratio


def a_lock_goes_round_on_a_node():
    """Mostly below 1.5; a rank that the system lets wait for its turn does not ask meanwhile."""
    for n in (2, 4):
        ratio = race(n)
        assert ratio < 20, ratio


def a_lock_is_had_by_other_nodes_too():
    """Its home asks in less time than a letter takes: about 20; 6000 if it did not look at letters between its calls."""
    for n in (2, 4):
        ratio = race(n, nodes=n)
        assert ratio < 400, ratio


scenario(globals())
