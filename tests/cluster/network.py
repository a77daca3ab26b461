"""What the lines between hosts cost."""
import h5py
import numpy

from cluster_test import *

LONG = bool(os.environ.get("RANKINE_CLUSTER_LONG"))


def seconds(cluster, *words, n=4, **more):
    said = cluster.run(RANKINE, "run", *words, "--hostfile", cluster.hostfile(slots=1), "-n", n, "-o", "out.h5", "--force",
                       "--json", **more).stdout
    return json.loads(said)["seconds"]


def a_millisecond_of_latency_costs_little():
    """Of a run of tasks that sleep 5 ms the efficiency stays above 90 % of that without latency. Medians of 3."""
    words = [kernel("slow"), "ms=5", "--repeat", 4000 if LONG else 1600]
    with Cluster(4) as cluster:
        times = {}
        for latency in ("off", 1):
            cluster.control("latency", latency)
            times[latency] = sorted(seconds(cluster, *words) for _ in range(3))[1]
    print(f"without latency {times['off']:.3f} s, with 1 ms {times[1]:.3f} s: {times['off'] / times[1]:.3f}")
    assert times["off"] / times[1] > 0.9, times


def records(path):
    """(owner, start, duration) of the committed blocks, in s."""
    with h5py.File(path, "r") as file:
        both = file["rankine/records"][:]
    generation = both[:, :, 1] & 0xffffffff
    one = numpy.where((generation[1] > generation[0])[:, None], both[1], both[0])
    return one[:, 1] >> 32, one[:, 3] * 1e-9, one[:, 4] * 1e-9


def a_busy_rank_0_answers_in_time():
    """It is in one long task, while the others need blocks all the time: they have them within 5 ms."""
    first = 20 if LONG else 6
    tasks = 3 * first * 250  # they are done with 200 a second: if nothing else were left, they would compute that one too
    words = [kernel("slow"), "ms=5", f"first={first * 1000}", "--repeat", tasks, "--block", 1, "--schedule", "dynamic"]
    with Cluster(4) as cluster:
        seconds(cluster, *words, timeout=first + 60)
    owner, start, duration = records("out.h5")
    busy = numpy.argmax(numpy.where(owner == 0, duration, 0))
    assert duration[busy] >= first, "rank 0 was busy with one task"
    gaps = []
    for rank in (1, 2, 3):
        mine = (owner == rank) & (start > start[busy]) & (start < start[busy] + duration[busy])
        order = numpy.argsort(start[mine])
        begin, end = start[mine][order], (start + duration)[mine][order]
        gaps.append(begin[1:] - end[:-1])
    gaps = numpy.concatenate(gaps) * 1e3
    print(f"{len(gaps)} blocks: between two of them {numpy.median(gaps):.3f} ms in the median, at most "
          f"{numpy.quantile(gaps, 0.99):.3f} ms for 99 %, {gaps.max():.1f} ms for all")
    assert numpy.quantile(gaps, 0.99) < 5


main([a_millisecond_of_latency_costs_little, a_busy_rank_0_answers_in_time])
