"""concurrent.futures."""
import concurrent.futures as cf

from stage import GATES, make_gates, mp, numbers, play, square, square_even, told, wait_at_gate


def executor(workers, **more):
    return cf.ProcessPoolExecutor(workers, mp_context=mp, **more)


def submit_three():
    make_gates(3)
    pool = executor(3)
    return pool, [pool.submit(wait_at_gate, i, i, True) for i in range(3)]


def open_gates():
    for gate in GATES:
        gate.gate.set()


def as_completed():
    pool, futures = submit_three()
    completed = cf.as_completed(futures)
    for i in (2, 0, 1):
        GATES[i].gate.set()
        print("completed:", futures.index(next(completed)))
    told("next", next, completed)
    pool.shutdown()


def as_completed_timeout():
    pool, futures = submit_three()
    told("next", next, cf.as_completed(futures, timeout=0.05))
    open_gates()
    pool.shutdown()


def wait():
    pool, futures = submit_three()

    def tell_done(what, when, timeout=None):
        done, _ = cf.wait(futures, timeout, when)
        numbers(what, [future in done for future in futures])
    GATES[2].gate.set()
    tell_done("FIRST_COMPLETED", cf.FIRST_COMPLETED)
    tell_done("FIRST_EXCEPTION without any", cf.FIRST_EXCEPTION, 0.05)
    GATES[1].gate.set()
    tell_done("FIRST_EXCEPTION", cf.FIRST_EXCEPTION)
    tell_done("ALL_COMPLETED in no time", cf.ALL_COMPLETED, 0.05)
    GATES[0].gate.set()
    tell_done("ALL_COMPLETED", cf.ALL_COMPLETED)
    pool.shutdown()


def raise_it(exception):
    if exception is not None:
        raise exception


def future_results():
    pool, futures = submit_three()
    told("result before it is done", futures[0].result, 0.05)
    told("exception before it is done", futures[0].exception, 0)
    open_gates()
    print("result:", futures[2].result())
    told("exception", raise_it, futures[2].exception())
    print("it says:", told("exception", raise_it, futures[1].exception()))
    told("result", futures[1].result)
    pool.shutdown()


def done_callbacks():
    pool, futures = submit_three()
    futures[0].add_done_callback(lambda future: print("first callback, done:", future.done()))
    futures[0].add_done_callback(lambda future: print("second callback, done:", future.done()))
    print("added")
    open_gates()
    pool.shutdown()
    futures[0].add_done_callback(lambda future: print("a late one, done:", future.done()))
    print("at once")


def cancel():
    gate, = make_gates(1)
    pool = executor(1)
    futures = [pool.submit(wait_at_gate, 0, 4) for _ in range(6)]
    gate.begun.wait()
    print("the first one is running:", futures[0].running())
    print("the last one is running:", futures[5].running())
    print("cancel one that runs:", futures[0].cancel())
    print("cancel one that waits:", futures[5].cancel())
    print("cancelled:", futures[5].cancelled())
    print("done:", futures[5].done())
    told("its result", futures[5].result)
    pool.shutdown(wait=False, cancel_futures=True)
    told("submit after shutdown", pool.submit, square, 3, word="closed")
    told("one that shutdown cancelled", futures[4].result)
    gate.gate.set()
    told("one that ran", futures[0].result)
    print("cancel one that is done:", futures[0].cancel())
    pool.shutdown()


def fail_to_begin():
    raise OSError("no such file")


def broken_initializer():
    pool = executor(1, initializer=fail_to_begin)
    told("result", lambda: pool.submit(square, 3).result())
    told("submit", pool.submit, square, 3)


def future_map():
    pool = executor(2)
    results = pool.map(square_even, [4, 2, 3, 6])
    for _ in range(2):
        print("next:", next(results))
    print("it says:", told("next", next, results))
    pool.shutdown()


SCENARIOS = {"as_completed": as_completed, "as_completed_timeout": as_completed_timeout, "wait": wait,
             "results": future_results, "done_callbacks": done_callbacks, "cancel": cancel,
             "broken_initializer": broken_initializer, "map": future_map}

if __name__ == "__main__":
    play(SCENARIOS)
