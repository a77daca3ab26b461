"""Seconds of a submit and result with mpi4py.futures: mpirun -n 2 python3 -m mpi4py.futures mpi4py_apply.py"""
import time

from mpi4py.futures import MPIPoolExecutor


def same(x):
    return x


if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        for _ in range(100):
            pool.submit(same, 1).result()
        begin = time.perf_counter()
        for _ in range(2000):
            pool.submit(same, 1).result()
        print((time.perf_counter() - begin) / 2000)
