"""Long chains of futures, many at once, large arguments and results, deep stacks."""
import os
import re
import resource

from library_test import everywhere, run, scenario

HUGE_BYTES = int(os.environ.get("RANKINE_HUGE_BYTES", 300 << 20))


def a_value_passes_through_a_thousand_dependent_futures():
    for n, nodes in everywhere():
        said = run("limits", "chain", 1000, n=n, nodes=nodes).stdout
        assert said.startswith("value 1000 after 1000 links"), said
        if n > 2:
            assert int(re.search(r"(\d+) moves", said).group(1)) >= 2, said


def a_hundred_thousand_futures_take_little_memory():
    for n in (1, 2, 3):
        said = run("limits", "outstanding", 100000, n=n, timeout=120).stdout
        count, total, mib = re.match(r"(\d+) futures, sum (-\d+), ([\d.]+) MiB", said).groups()
        assert int(total) == -(100000 * 99999 // 2), said
        assert float(mib) < 100, said


def a_large_argument_and_a_large_result_arrive():
    for n, nodes in ((1, 1), (2, 1), (2, 2)):
        said = run("limits", "huge", HUGE_BYTES, n=n, nodes=nodes, timeout=280).stdout
        assert said == f"{HUGE_BYTES} bytes of {HUGE_BYTES} came back, 0 of them wrong\n", said


def a_function_has_the_stack_that_the_user_allows():
    """Also where that is no limit at all: threads then get 2 MiB from the C library unless they ask for more."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    for limit, depth in ((16 << 20, 14), (resource.RLIM_INFINITY, 60)):
        if hard != resource.RLIM_INFINITY and not 0 <= limit <= hard:
            print(f"not tried: a limit of {limit}, as {hard} is the most that is allowed here")
            continue
        resource.setrlimit(resource.RLIMIT_STACK, (limit, hard))
        for n in (1, 2):
            assert run("limits", "deep", depth, n=n).stdout == f"{depth} MiB deep\n"


scenario(globals())
