"""Lock, RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier."""
import time

from stage import joined, mp, play, start, told, until


def lock():
    one = mp.Lock()
    told("release", one.release, word="refused")
    told("acquire", one.acquire)
    told("acquire again", one.acquire, False)
    told("acquire again", one.acquire, True, 0.05)
    joined(start(one.release))
    told("acquire", one.acquire, False)
    told("release", one.release)


def rlock():
    one = mp.RLock()
    told("release", one.release)
    for _ in range(3):
        told("acquire", one.acquire)
    joined(start(one.release))
    for _ in range(3):
        joined(start(one.acquire, False))
        told("release", one.release)
    told("release", one.release)


def semaphore():
    one, bounded = mp.Semaphore(1), mp.BoundedSemaphore(2)
    told("acquire", one.acquire)
    told("acquire", one.acquire, False)
    told("acquire", one.acquire, True, 0.05)
    for _ in range(3):
        told("release", one.release)
    print("value:", one.get_value())
    told("release a bounded one", bounded.release)
    told("acquire", bounded.acquire)
    told("release", bounded.release)
    told("release", bounded.release)


def sleep_and_wake(one, asleep, awake):
    with one:
        asleep.value += 1
        one.wait()
        awake.value += 1


def notify():
    one, asleep, awake = mp.Condition(), mp.Value("q", 0), mp.Value("q", 0)
    processes = [start(sleep_and_wake, one, asleep, awake) for _ in range(4)]
    until(lambda: asleep.value, 4)
    with one:
        one.notify(2)
    until(lambda: awake.value, 2)
    time.sleep(0.1)
    print("awake:", awake.value)
    with one:
        one.notify_all()
    joined(*processes)
    print("awake:", awake.value)


def condition():
    one, count = mp.Condition(), [2]

    def count_to_three():
        count[0] += 1
        return count[0] >= 3
    told("wait without the lock", one.wait, 0.05)
    told("notify without the lock", one.notify)
    told("acquire", one.acquire)
    told("wait", one.wait, 0.05)
    told("wait_for", one.wait_for, lambda: False, 0.05)
    told("wait_for", one.wait_for, count_to_three, 0.05)
    print("looked until:", count[0])
    told("release", one.release)
    told("release", one.release)


def event():
    one = mp.Event()
    process = start(one.wait)
    print("is_set:", one.is_set())
    told("wait", one.wait, 0.05)
    told("set", one.set)
    joined(process)
    told("wait", one.wait, 0.05)
    print("is_set:", one.is_set())
    one.clear()
    told("wait", one.wait, 0)


def meet(one, indices):
    index = one.wait()
    with indices.get_lock():
        indices.value += index


def barrier():
    indices, acted = mp.Value("q", 0), mp.Value("q", 0)

    def act():
        acted.value += 1
    one = mp.Barrier(3, act)
    print("parties:", one.parties)
    processes = [start(meet, one, indices) for _ in range(2)]
    until(lambda: one.n_waiting, 2)
    told("wait", meet, one, indices)
    joined(*processes)
    print("sum of the indices:", indices.value)
    print("actions:", acted.value)


def broken_barrier():
    one, indices = mp.Barrier(4), mp.Value("q", 0)

    def start_two():
        processes = [start(meet, one, indices) for _ in range(2)]
        until(lambda: one.n_waiting, 2)
        return processes
    processes = start_two()
    told("wait", one.wait, 0.05)
    joined(*processes)
    print("broken:", one.broken)
    told("wait", one.wait)
    told("reset", one.reset)
    print("broken:", one.broken)
    processes = start_two()
    told("abort", one.abort)
    joined(*processes)
    print("broken:", one.broken)
    told("reset", one.reset)
    processes = start_two()
    told("reset while two wait", one.reset)
    joined(*processes)
    print("broken:", one.broken)


SCENARIOS = {"lock": lock, "rlock": rlock, "semaphore": semaphore, "notify": notify, "condition": condition,
             "event": event, "barrier": barrier, "broken_barrier": broken_barrier}

if __name__ == "__main__":
    play(SCENARIOS)
