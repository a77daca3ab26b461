"""The examples in apps/ that everyone knows: right on any number of ranks, on one node and on three."""
import os
import re

from library_test import MPIRUN, bounded, everywhere, scenario

EXAMPLES = os.path.join(os.environ["RANKINE_BUILD"], "examples")
LONG = "RANKINE_COUNTS" in os.environ  # that many counts, everywhere
COUNTS = int(os.environ.get("RANKINE_COUNTS", "1000000"))
FEW = COUNTS if LONG else 2000  # where each count takes a message, or ranks share cores
PATIENCE = 3000 if LONG else 120


def play(name, *args, n, nodes):
    """What it prints."""
    front = [MPIRUN, "-n", str(n)] if n > 1 else []
    more = {"RANKINE_NODE_RANKS": str(-(-n // nodes))} if nodes > 1 else {}
    result = bounded([*front, os.path.join(EXAMPLES, name), *map(str, args)], PATIENCE, {**os.environ, **more})
    assert result.returncode == 0, f"{name} {args} on {n} ranks, {nodes} nodes: {result.stdout}\n{result.stderr}"
    return result.stdout


def count(n, nodes, counts, *args):
    """How many counts are lost."""
    said = play("counter", counts, *args, n=n, nodes=nodes)
    found = re.fullmatch(r"(\d+) counts by (\d+) processes on (\d+) ranks: (\d+), (\d+) lost\n", said)
    assert found, said
    total, processes, ranks, reached, lost = map(int, found.groups())
    assert (total, processes, ranks) == (counts, max(n, 2), n) and reached + lost == total, said
    return lost


def counter_is_exact():
    for n, nodes in everywhere():
        counts = COUNTS if n <= 2 and nodes == 1 else FEW
        assert count(n, nodes, counts) == 0, (n, nodes)


def counter_without_lock_is_visibly_wrong():
    """Two ranks on one core race only when one is interrupted: more counts, until some are lost."""
    for n, nodes in everywhere():
        if n == 1:
            continue
        counts = FEW
        while count(n, nodes, counts, "--no-lock") == 0:
            counts *= 10
            assert counts <= 100 * max(FEW, COUNTS), (n, nodes)


def squares_add_up():
    for n, nodes in everywhere():
        for items in (1, 1000):
            total = sum(i * i for i in range(items))
            assert play("squares", items, n=n, nodes=nodes) == (
                f"map: the squares of 0 ... {items - 1} add up to {total}\n"
                "starmap: 2^3 = 8, 3^2 = 9, 10^0 = 1, 2^10 = 1024\n"
                f"imap_unordered: they add up to {total}\n"), (n, nodes)


def conveyor_loses_no_parcel():
    for n, nodes in everywhere():
        each = 2000
        assert play("conveyor", each, n=n, nodes=nodes) == (
            f"{3 * each} parcels of 3 producers, numbers add up to {3 * each * (each - 1) // 2}, 0 out of order\n")


def phases_are_kept_apart():
    for n, nodes in everywhere():
        assert play("phases", 100, n=n, nodes=nodes) == (
            f"100 phases of {max(n, 3)} processes, 0 places read too early or too late\n"), (n, nodes)


scenario(globals())
