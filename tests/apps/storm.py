"""Storms: random kills, and power cuts. Long forms: RANKINE_STORM_KILLS=500 RANKINE_STORM_CUTS=200, with
RANKINE_STORM_SEED for another storm."""
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["RANKINE_SOURCE"], "tests/support"))
import h5py
import numpy
from rankine_test import *

SEED = int(os.environ.get("RANKINE_STORM_SEED", "1"))
KILLS = int(os.environ.get("RANKINE_STORM_KILLS", "25"))
CUTS = int(os.environ.get("RANKINE_STORM_CUTS", "15"))
POLICIES = ["static", "dynamic", "guided", "factoring", "adaptive"]
SECTOR = 512


def journal():
    if not os.path.exists("journal"):
        return []
    with open("journal") as lines:
        return [int(line) for line in lines]


def words_of(kind):
    """A run that takes one or two seconds on two ranks; its tasks, and whether it keeps a journal."""
    log = "log=" + os.path.abspath("journal")
    return {
        "journal": ([kernel("journal"), "ms=2", log, "--repeat", 500, "--block", 1], 500, True),
        "blocks": ([kernel("journal"), "ms=1", log, "--repeat", 1000, "--block", 8], 1000, True),
        "rows": ([kernel("rows"), "--repeat", 60000], 60000, False),
        "emit": ([kernel("emit"), "us=300", "most=60", "--repeat", 4000], 4000, False),
        "pi": (["pi", "points=2000", "--repeat", 60000], 60000, False),
    }[kind]


# ---- kills ----

def states():
    """What h5py says of each task; the journal keeps its state in task_status."""
    with h5py.File("out.h5") as f:
        return f["task_status"][:].ravel() if "task_status" in f else None


def strike(process):
    """SIGKILL to one process of the run, or to all; returns when all of them are gone."""
    victims = [process.pid, *descendants(process.pid)]
    whom = random.choice(["all", "one", "one", "first"])
    if whom == "all":
        kill_all(process)
        return
    try:
        os.kill(random.choice(victims) if whom == "one" else process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        process.communicate(timeout=30)
    finally:
        wait_until("the ranks are gone", lambda: not any(is_alive(pid) for pid in victims))


def look_at_the_file(count):
    """After a kill: no file, or a valid one."""
    if not os.path.exists("out.h5"):
        return 0
    try:
        with h5py.File("out.h5") as f:
            f.visit(lambda name: None)
        subprocess.run(["h5dump", "-H", "out.h5"], stdout=subprocess.DEVNULL, check=True, timeout=60)
        command("verify", "out.h5")
    except (OSError, subprocess.CalledProcessError, AssertionError) as error:
        count["invalid files"] += 1
        print(error)
    return done_of("out.h5")


def last_code(kind):
    return FAILED_TASKS if kind == "emit" else COMPLETE


def one_storm(kind, count, kills):
    words, tasks, journals = words_of(kind)
    for name in ("out.h5", "journal"):
        if os.path.exists(name):
            os.remove(name)
    shutil.rmtree("out.h5.logs", ignore_errors=True)
    committed, begun, struck = set(), [], 0
    while True:
        resuming = os.path.exists("out.h5")
        front = ["resume", "out.h5"] if resuming else ["run", *words, "-o", "out.h5"]
        process = start(*front, "-n", random.randint(1, 4), "-q", "--schedule", random.choice(POLICIES),
                        "--sync", random.choice(["0", "0.02", "1"]))
        try:
            delay = random.choice([random.uniform(0, 0.15), random.uniform(0, 1.2)]) if struck < kills else 60
            out, err = process.communicate(timeout=delay)
            assert process.returncode == last_code(kind), (front, process.returncode, out, err)
            break
        except subprocess.TimeoutExpired:
            strike(process)
        struck += 1
        done = look_at_the_file(count)
        if journals:
            now = journal()
            again = [task for task in now[len(begun):] if task in committed]
            count["committed tasks computed again"] += len(again)
            begun = now
        if os.path.exists("out.h5"):
            state = states()
            if journals:
                lost = [task for task in committed if state[task] != 1]
                count["committed tasks lost"] += len(lost)
                committed = set(numpy.flatnonzero(state == 1)) if words[-1] == 1 else committed_blocks(state, words[-1])
            if done == tasks:
                command("resume", "out.h5", "-n", 2, "-q", expect=last_code(kind))
                break
    count["kills"] += struck
    if journals:
        ran = journal()
        assert sorted(set(ran)) == list(range(tasks))
        most = max(ran.count(task) for task in set(ran))
        assert most <= struck + 1, f"a task ran {most} times in {struck} kills"


def committed_blocks(state, block):
    """Tasks of blocks that have a record; a block's rows may be there before it counts."""
    with h5py.File("out.h5") as f:
        records = f["rankine/records"][:]
    has = (records[:, :, 1] & 0xffffffff).max(axis=0) > 0
    return {task for b in numpy.flatnonzero(has) for task in range(b * block, min((b + 1) * block, len(state)))}


def kills_lose_nothing():
    print("seed", SEED)
    random.seed(SEED)
    count = dict.fromkeys(["kills", "invalid files", "committed tasks lost", "committed tasks computed again",
                           "wrong digests", "storms"], 0)
    want = {}
    while count["kills"] < KILLS:
        kind = random.choice(["journal", "blocks", "rows", "emit", "pi"])
        if kind not in want:
            run(*words_of(kind)[0], n=3, out="whole.h5", expect=last_code(kind))
            want[kind] = digest("whole.h5")
        one_storm(kind, count, min(random.randint(2, 8), KILLS - count["kills"]))
        count["storms"] += 1
        count["wrong digests"] += digest("out.h5") != want[kind]
    print(count)
    run(kernel("null"), n=2, out="sweep.h5")  # a launcher that was killed cannot tidy up: the next one does it
    assert not any(count[name] for name in count if name not in ("kills", "storms")), count


# ---- power cuts ----

def read_trace(path):
    """(kind, offset, bytes, number of the file) in order."""
    events = []
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        kind, offset, size, number = struct.unpack_from("<4Q", data, at)
        at += 32
        events.append((kind, offset, data[at:at + size], number))
        at += size
    return events


def covered_by_syncs(events, cut, number):
    """Index below which every write to the file is on the disk at the cut: the begin of the last sync that had ended."""
    begins, covered = [], 0
    for i, (kind, _, _, of) in enumerate(events[:cut]):
        if of == number and kind == 2:
            begins.append(i)
        elif of == number and kind == 3 and begins:
            covered = max(covered, begins.pop(0))
    return covered


def put(disk, offset, data):
    if len(disk) < offset + len(data):
        disk.extend(bytes(offset + len(data) - len(disk)))
    disk[offset:offset + len(data)] = data


def synced_image(base, events, cut, number):
    disk = bytearray(base)
    for kind, offset, data, of in events[:covered_by_syncs(events, cut, number)]:
        if kind == 1 and of == number:
            put(disk, offset, data)
    return disk


def image_after(base, events, cut, number):
    """What the disk holds: all that was synced, and of every other sector the state of some moment since."""
    disk = synced_image(base, events, cut, number)
    histories = {}
    for kind, offset, data, of in events[covered_by_syncs(events, cut, number):cut]:
        if kind != 1 or of != number:
            continue
        put(disk, len(disk), bytes(max(0, offset + len(data) - len(disk))))  # a longer file; its new sectors are empty
        for sector in range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1):
            history = histories.setdefault(sector, [bytes(disk[sector * SECTOR:(sector + 1) * SECTOR])])
            now = bytearray(history[-1].ljust(SECTOR, b"\0"))
            start, end = max(offset, sector * SECTOR), min(offset + len(data), (sector + 1) * SECTOR)
            now[start - sector * SECTOR:end - sector * SECTOR] = data[start - offset:end - offset]
            history.append(bytes(now))
    for sector, history in histories.items():
        kept = random.choice([history[-1], history[0], random.choice(history)])
        room = min(SECTOR, len(disk) - sector * SECTOR)
        disk[sector * SECTOR:sector * SECTOR + room] = kept[:room].ljust(room, b"\0")
    return disk


def record_a_run(words, name):
    """A file without tasks, and all that was written to it and its logs afterwards until the end of the run."""
    command("run", *words, "-n", 1, "-o", name, "--force", "--time-limit", "0.000001s", "-q", expect=RESUMABLE)
    with open(name, "rb") as f:
        base = f.read()
    if os.path.exists("kept"):
        os.remove("kept")
    os.link(name, "kept")  # folding puts another file in its place; what is cut is the run before that
    files = ["kept", name + ".logs/2-0.log", name + ".logs/2-1.log"]
    env = {"LD_PRELOAD": os.path.join(os.environ["RANKINE_TEST_KERNELS"], "disk.so"),
           "DISK_FILE": ":".join(map(os.path.abspath, files)), "DISK_TRACE": os.path.abspath("trace")}
    if os.path.exists("trace"):
        os.remove("trace")
    command("resume", name, "-n", 2, "-q", "--sync", "0.05", env=env, expect=None)
    return base, read_trace("trace")


def lay_out(name, base, events, cut, image):
    with open(name, "wb") as f:
        f.write(image(base, events, cut, 1))
    shutil.rmtree(name + ".logs", ignore_errors=True)
    for number in (2, 3):
        if any(of == number for _, _, _, of in events[:cut]):
            os.makedirs(name + ".logs", exist_ok=True)
            with open(f"{name}.logs/2-{number - 2}.log", "wb") as f:
                f.write(image(b"", events, cut, number))


def sound_tasks(path):
    """Tasks whose records, rows and logs were all written before the last sync of each file began."""
    found = summary("verify", path, expect=None)
    return found["done"] - found["blocks_damaged"] * summary("info", path)["block_tasks"]


def power_cuts_lose_only_what_was_not_synced():
    print("seed", SEED)
    random.seed(SEED)
    repaired = 0
    kinds = [([kernel("journal"), "ms=1", "--repeat", 800, "--block", 1], COMPLETE),
             ([kernel("journal"), "ms=1", "--repeat", 1200, "--block", 4], COMPLETE),
             ([kernel("emit"), "us=500", "--repeat", 1500, "--block", 2], FAILED_TASKS),
             (["pi", "points=3000", "--repeat", 20000], COMPLETE)]
    for words, code in kinds:
        base, events = record_a_run(words, "whole.h5")
        want = digest("whole.h5")
        syncs = sum(kind == 3 for kind, *_ in events)
        print(f"{words[0]}: {len(events)} events, {syncs} syncs")
        assert syncs >= 5
        for _ in range(max(1, CUTS // len(kinds))):
            cut = random.randint(0, len(events))
            lay_out("synced.h5", base, events, cut, synced_image)
            synced = sound_tasks("synced.h5")
            lay_out("cut.h5", base, events, cut, image_after)
            after = summary("resume", "cut.h5", "-n", random.randint(1, 3), expect=code)
            repaired += after["blocks_damaged"]
            assert after["done"] - after["tasks_here"] >= synced, f"cut {cut}: synced tasks were computed again"
            assert digest("cut.h5") == want, f"cut at event {cut} of {len(events)}"
            assert "no damage" in command("verify", "cut.h5").stdout
    print(repaired, "blocks were found to have lost rows")


main([value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"])
