"""The peers of pool.lua: pool_peer.py imap|map|strings prints seconds, from a warm pool of two to the last result."""
import sys, time
from multiprocessing import get_context


def square(x): return x * x
def same(x): return x


if __name__ == '__main__':
    case = sys.argv[1]
    with get_context('fork').Pool(2) as pool:
        pool.map(square, range(10))
        began = time.perf_counter()
        if case == 'map': n = len(pool.map(square, range(200000)))
        elif case == 'imap': n = sum(1 for _ in pool.imap(square, range(200000), chunksize=1))
        else: n = sum(1 for _ in pool.imap(same, [bytes(1 << 20)] * 200, chunksize=1))
        print(time.perf_counter() - began)
    assert n in (200000, 200)
