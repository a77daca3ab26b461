"""Queue, JoinableQueue, Pipe."""
from stage import mp, numbers, play, start, told


def queue_limits():
    q = mp.Queue(2)
    told("get_nowait", q.get_nowait)
    told("get", q.get, True, 0.05)
    for i in (1, 2):
        told("put", q.put, i)
    told("put_nowait", q.put_nowait, 3)
    told("put", q.put, 3, True, 0.05)
    print("full:", q.full())
    print("qsize:", q.qsize())
    for _ in range(2):
        print("get:", q.get())
    print("empty:", q.empty())
    print("full:", q.full())
    q.close()
    told("put after close", q.put, 3, word="closed")


def double_numbers(given, out):
    while True:
        x = given.get()
        if x:
            out.put(2 * x)
        given.task_done()
        if not x:
            return


def queue_order():
    given, out = mp.JoinableQueue(), mp.Queue()
    process = start(double_numbers, given, out)
    for x in (1, 2, 3, 4, 5, 6, 0):
        given.put(x)
    numbers("get", [out.get() for _ in range(6)])
    told("join", given.join)
    told("task_done once more", given.task_done)
    process.join()


def echo(end):
    while message := end.recv_bytes():
        end.send_bytes(message)
    end.close()


def echoes():
    here, there = mp.Pipe()
    process = start(echo, there)
    there.close()  # else this process has it open, too
    print("poll:", here.poll())
    here.send_bytes(b"abcdef")
    print("poll:", here.poll(None))
    print("recv_bytes:", here.recv_bytes().decode())
    here.send_bytes(b"abcdef")
    told("recv_bytes_into 4 bytes", here.recv_bytes_into, bytearray(4))
    here.send_bytes(b"")
    process.join()
    print("poll at the end:", here.poll(None))
    told("recv", here.recv_bytes)
    told("send", here.send_bytes, b"a")


def one_way():
    reader, writer = mp.Pipe(duplex=False)
    told("send at the reader", reader.send_bytes, b"a", word="refused")
    told("recv at the writer", writer.recv_bytes, word="refused")
    for _ in range(2):
        told("send", writer.send_bytes, b"a")
    writer.close()
    told("send at a closed end", writer.send_bytes, b"a", word="closed")
    for _ in range(3):
        told("recv", reader.recv_bytes)
    reader.close()
    told("recv at a closed end", reader.recv_bytes, word="closed")


SCENARIOS = {"limits": queue_limits, "order": queue_order, "echoes": echoes, "one_way": one_way}

if __name__ == "__main__":
    play(SCENARIOS)
