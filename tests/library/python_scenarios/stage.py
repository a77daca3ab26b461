"""What the scenarios of programs/scenarios, played in Python, share."""
import concurrent.futures as cf
import multiprocessing
import queue
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool

mp = multiprocessing.get_context("fork")  # what a scenario has made is there in its processes

WORDS = [(cf.TimeoutError, "timed out"), (multiprocessing.TimeoutError, "timed out"), (queue.Full, "full"),
         (queue.Empty, "empty"), (BrokenPipeError, "broken"), (threading.BrokenBarrierError, "broken"),
         (BrokenProcessPool, "broken"), (cf.CancelledError, "cancelled"), (StopIteration, "end"), (EOFError, "end"),
         (FileExistsError, "exists"), (FileNotFoundError, "not found"), (KeyError, "not found"),
         (AttributeError, "not found"), (multiprocessing.BufferTooShort, "too large"), (AssertionError, "refused"),
         (IndexError, "wrong"), (ValueError, "wrong")]


def told(what, function, *args, word=None):
    """How it went, in a word; exceptions of several meanings are given theirs by `word`. Returns the exception."""
    failure = None
    try:
        said = "timed out" if function(*args) is False else "ok"
    except Exception as exception:
        failure = exception
        said = word or next(word for kind, word in WORDS if isinstance(exception, kind))
    print(f"{what}: {said}")
    return failure


def numbers(what, values):
    print(f"{what}:", *values)


def until(look, wanted):
    while look() != wanted:
        time.sleep(0.001)


# ---- functions ----

class Gate:
    def __init__(self):
        self.begun, self.gate = mp.Event(), mp.Event()


GATES = []  # of the scenario, for its processes


def make_gates(count):
    GATES[:] = [Gate() for _ in range(count)]
    return GATES


def wait_at_gate(number, x, picky=False):
    GATES[number].begun.set()
    GATES[number].gate.wait()
    if picky and x % 2:
        raise ValueError(f"{x} is odd")
    return x


def square(x):
    return x * x


def square_even(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x * x


# ---- processes ----

CODES = {0: "ok", 2: "refused", 3: "timed out", 4: "broken"}


def run_to_code(function, args):
    try:
        sys.exit(3 if function(*args) is False else 0)
    except (AssertionError, ValueError):
        sys.exit(2)
    except threading.BrokenBarrierError:
        sys.exit(4)


def start(function, *args):
    process = mp.Process(target=run_to_code, args=(function, args))
    process.start()
    return process


def joined(*processes):
    for process in processes:
        process.join()
        print("a process:", CODES[process.exitcode])


def play(scenarios):
    """Those of a group, one after the other."""
    for name, scenario in scenarios.items():
        print("==", name, flush=True)
        scenario()
        sys.stdout.flush()
