"""Seconds of what Python's multiprocessing does for the same: "name seconds" a line."""
import multiprocessing
import time


def nothing(x):
    return None


def timed(work, times):
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) / times


def stream(queue, back, times):
    for _ in range(times):
        queue.get()
    back.put(0)


def queue_stream(times):
    queue, back = multiprocessing.Queue(), multiprocessing.Queue()
    process = multiprocessing.Process(target=stream, args=(queue, back, times))
    process.start()
    begin = time.perf_counter()
    for i in range(times):
        queue.put(i)
    back.get()
    seconds = (time.perf_counter() - begin) / times
    process.join()
    return seconds


if __name__ == "__main__":
    with multiprocessing.Pool(1) as pool:
        items = list(range(500000))
        pool.map(nothing, items[:1000])
        print("map", timed(lambda: pool.map(nothing, items), len(items)))
        print("apply", timed(lambda: [pool.apply(nothing, (1,)) for _ in range(5000)], 5000))
    print("queue_stream", queue_stream(30000))
    lock = multiprocessing.Lock()

    def locks():
        for _ in range(200000):
            lock.acquire()
            lock.release()
    print("lock_alone", timed(locks, 200000))
