"""multiprocessing.Pool and AsyncResult."""
import time

from stage import make_gates, mp, numbers, play, square, square_even, told, wait_at_gate


def slow_at_first(x):
    if x == 0:
        time.sleep(0.1)
    return x * x


def subtract(x, y):
    return x - y


def end(pool):
    pool.close()
    pool.join()


def pool_map():
    pool = mp.Pool(2)
    numbers("map", pool.map(square, range(10), chunksize=3))
    pairs = [(7, 1), (2, 5), (9, 9)]
    numbers("starmap", pool.starmap(subtract, pairs))
    numbers("starmap_async", pool.starmap_async(subtract, pairs).get())
    print("apply:", pool.apply(square, (7,)))
    print("it says:", told("a map that fails", pool.map, square_even, [0, 2, 4, 5, 6, 8], 2))
    end(pool)


def imap():
    pool = mp.Pool(2)
    results = pool.imap(slow_at_first, range(10))
    numbers("imap", [next(results) for _ in range(10)])
    told("and then", next, results)
    results, total = pool.imap_unordered(slow_at_first, range(10)), 0
    for _ in range(10):
        total += next(results)
    told("imap_unordered", next, results)
    print("its sum:", total)
    end(pool)


def imap_failing():
    pool = mp.Pool(2)
    results, values = pool.imap(square_even, [0, 2, 3, 4]), []
    for _ in range(5):
        failure = told("next", lambda: values.append(next(results)))
        if failure is None:
            print("it is:", values[-1])
        elif isinstance(failure, ValueError):
            print("it says:", failure)
    end(pool)


def wait_at_first_gate(x):
    return wait_at_gate(0, x)


def imap_timeout():
    gate, = make_gates(1)
    pool = mp.Pool(1)
    results, values = pool.imap(wait_at_first_gate, [4]), []
    told("next", results.next, 0.05)
    gate.gate.set()
    told("next", lambda: values.append(results.next()))
    print("it is:", values[0])
    told("next", results.next)
    end(pool)


def pool_results():
    gate, = make_gates(1)
    pool = mp.Pool(2)
    result = pool.apply_async(wait_at_gate, (0, 3, True))
    told("get before it is ready", result.get, 0.05)
    result.wait(0.05)
    print("ready:", result.ready())
    told("successful before it is ready", result.successful, word="refused")
    gate.gate.set()
    result.wait()
    print("ready:", result.ready())
    print("successful:", result.successful())
    for _ in range(2):
        print("it says:", told("get", result.get))
    end(pool)


def callbacks():
    pool = mp.Pool(2)
    for x in (4, 5):
        told("get", pool.apply_async(square_even, (x,), callback=lambda y: print("callback:", y),
                                     error_callback=lambda e: print("error_callback:", e)).get)
    told("get", pool.map_async(square, range(10), 3, lambda ys: numbers("callback of the map", ys)).get)
    end(pool)


LIVES = None
LIFE = None


def begin_life():
    global LIFE
    with LIVES.get_lock():
        LIFE = LIVES.value
        LIVES.value += 1


def tell_life(_):
    return LIFE


def maxtasksperchild():
    global LIVES
    for tasks, chunksize in ((None, 1), (3, 1), (1, 4)):
        LIVES = mp.Value("q", 0)
        pool = mp.Pool(1, begin_life, maxtasksperchild=tasks)
        numbers("served by worker", pool.map(tell_life, range(10), chunksize))
        end(pool)


def initializer():
    global LIVES
    LIVES = mp.Value("q", 0)
    pool = mp.Pool(3, begin_life)
    end(pool)
    print("initialized:", LIVES.value)


def pool_ends():
    gate, = make_gates(1)
    pool = mp.Pool(2)
    told("join before close", pool.join, word="refused")
    result = pool.apply_async(wait_at_gate, (0, 4))
    pool.close()
    told("apply_async after close", pool.apply_async, square, (3,), word="closed")
    gate.gate.set()
    told("what was submitted before", result.get)
    told("join", pool.join)
    gate.gate.clear()
    pool = mp.Pool(2)
    pool.apply_async(wait_at_gate, (0, 4))
    told("terminate", pool.terminate)
    told("join", pool.join)
    told("apply after terminate", pool.apply, square, (3,), word="closed")


SCENARIOS = {"map": pool_map, "imap": imap, "imap_failing": imap_failing, "imap_timeout": imap_timeout,
             "results": pool_results, "callbacks": callbacks, "maxtasksperchild": maxtasksperchild,
             "initializer": initializer, "ends": pool_ends}

if __name__ == "__main__":
    play(SCENARIOS)
