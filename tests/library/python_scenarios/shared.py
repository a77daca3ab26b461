"""Value, Array, SharedMemory, ShareableList."""
from multiprocessing import shared_memory

from stage import mp, numbers, play, start, told


def add_up(one):
    for _ in range(200):
        with one.get_lock():
            one.value += 1


def value():
    one = mp.Value("q", 7)
    print("value:", one.value)
    for _ in range(2):  # there in two ways
        one.value = 0
        processes = [start(add_up, one) for _ in range(4)]
        for process in processes:
            process.join()
        print("added up:", one.value)
    told("lock one without a lock", lambda: mp.Value("q", 0, lock=False).get_lock().acquire(), word="refused")


def write_place(one):
    with one.get_lock():
        one[2] = 20


def array():
    one = mp.Array("q", [3, 1, 4, 1, 5, 9])
    print("len:", len(one))
    start(write_place, one).join()
    one[4:6] = [-1, -2]
    numbers("array", one[:])
    numbers("array[1:4]", one[1:4])
    told("array[6]", lambda: one[6])


def write_by_name(name):
    memory = shared_memory.SharedMemory(name)
    memory.buf[3:8] = b"hello"
    memory.close()


def memory():
    one = shared_memory.SharedMemory(create=True, size=4096)
    print("size:", one.size)
    told("create again", shared_memory.SharedMemory, one.name, True, 4096)
    start(write_by_name, one.name).join()
    print("buf[3:8]:", bytes(one.buf[3:8]).decode())
    print("buf[8]:", one.buf[8])
    one.close()
    told("unlink", one.unlink)
    told("attach", shared_memory.SharedMemory, one.name)


def shareable_list():
    items = shared_memory.ShareableList(["abc", 12, 3.5, True, 1])

    def put(index, item):
        items[index] = item
    print("len:", len(items))
    print("count(1):", items.count(1))
    print("count(3.5):", items.count(3.5))
    print("count('abc'):", items.count("abc"))
    print("index(1):", items.index(1))
    told("index of what is not there", items.index, "nope", word="not found")
    told("list[1] = 13", put, 1, 13)
    told("list[0] = 'wxyz'", put, 0, "wxyz")
    print("list[0]:", items[0])
    told("list[0] = what is too long", put, 0, "a text that is longer")
    told("list[5]", lambda: items[5])
    items.shm.close()
    items.shm.unlink()


SCENARIOS = {"value": value, "array": array, "memory": memory, "shareable_list": shareable_list}

if __name__ == "__main__":
    play(SCENARIOS)
