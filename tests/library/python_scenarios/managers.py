"""Manager().dict, list, Namespace."""
from stage import mp, numbers, play, start, told


def manager_dict():
    with mp.Manager() as manager:
        d = manager.dict()
        told("d['a']", lambda: d["a"])
        d["b"], d["a"], d["b"] = 2, 1, 3
        print("setdefault:", d.setdefault("b", 9))
        print("'a' in d:", "a" in d)
        for key, number in d.items():
            print(f"{key}={number}")
        told("pop", d.pop, "b")
        told("pop", d.pop, "b")
        told("del", d.__delitem__, "b")
        print("len:", len(d))
        d.clear()
        print("len:", len(d))


def manager_list():
    with mp.Manager() as manager:
        items = manager.list()
        told("pop of an empty one", items.pop)
        start(items.extend, [0, 1, 2]).join()
        items.extend([7, 8])
        items.insert(-1, 9)
        items.insert(100, 9)
        numbers("list", items)
        print("l[-2]:", items[-2])
        told("l[7]", lambda: items[7])
        print("index(9):", items.index(9))
        told("index of what is not there", items.index, "none", word="not found")
        items.pop(1)
        del items[-1]
        items[0] = 8
        numbers("list", items)


def namespace():
    with mp.Manager() as manager:
        ns = manager.Namespace()
        ns.x = 4
        print("ns.x:", ns.x)
        told("ns.y", lambda: ns.y)
        print("hasattr:", hasattr(ns, "x"))
        told("del", delattr, ns, "x")
        told("del", delattr, ns, "x")


SCENARIOS = {"dict": manager_dict, "list": manager_list, "namespace": namespace}

if __name__ == "__main__":
    play(SCENARIOS)
