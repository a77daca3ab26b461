"""Process."""
import multiprocessing
import os
import sys

from stage import make_gates, mp, play, told, wait_at_gate


def exit_code(process):
    code = process.exitcode
    print("exitcode:", code if not code else "a signal" if code < 0 else "a failure")


def process_life():
    gate, = make_gates(1)
    process = mp.Process(target=wait_at_gate, args=(0, 2))
    process.start()
    process.join(0.05)
    print("is_alive:", process.is_alive())
    exit_code(process)
    print("active_children:", len(mp.active_children()))
    told("close", process.close, word="refused")
    gate.gate.set()
    told("join", process.join)
    told("join", process.join)
    print("is_alive:", process.is_alive())
    exit_code(process)
    print("active_children:", len(mp.active_children()))
    print("daemon:", process.daemon)
    told("close", process.close)
    told("join after close", process.join, word="closed")


def process_ends():
    gate, = make_gates(1)
    failing = mp.Process(target=sys.exit, args=("not today",))
    failing.start()
    failing.join()
    exit_code(failing)
    stopped = mp.Process(target=wait_at_gate, args=(0, 2))
    stopped.start()
    gate.begun.wait()
    stopped.terminate()
    stopped.join()
    exit_code(stopped)


def tell_names(out):
    out.put(f"{mp.current_process().name} of {mp.parent_process().name}")


def process_names():
    out = mp.SimpleQueue()
    process = mp.Process(target=tell_names, args=(out,), name="worker")
    process.start()
    print(out.get())
    process.join()


def compute_for_ever(begun):
    begun.set()
    while True:
        pass


def isolated():
    begun = mp.Event()
    for end in (mp.Process.terminate, mp.Process.kill):
        begun.clear()
        process = mp.Process(target=compute_for_ever, args=(begun,))
        process.start()
        begun.wait()
        end(process)
        process.join()
        print(f"{end.__name__}:", process.exitcode)
    for name, target in (("exit", lambda: sys.exit(7)), ("abort", os.abort)):
        process = mp.Process(target=target)
        process.start()
        process.join()
        print(f"{name}:", process.exitcode)


def cores():
    print("cpu_count:", multiprocessing.cpu_count())
    print("sched_getaffinity:", len(os.sched_getaffinity(0)))
    print("as many on each node:", True)


SCENARIOS = {"life": process_life, "ends": process_ends, "names": process_names, "isolated": isolated, "cores": cores}

if __name__ == "__main__":
    play(SCENARIOS)
