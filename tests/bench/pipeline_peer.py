"""The peer of pipeline.lua's diamond: generators and two pools of one process each; prints seconds."""
import itertools, time
from multiprocessing import get_context


def double(x): return x * 2
def half(x): return x // 2


if __name__ == '__main__':
    fork = get_context('fork')
    with fork.Pool(1) as left, fork.Pool(1) as right:
        left.map(double, range(10)), right.map(half, range(10))
        began = time.perf_counter()
        a, b = itertools.tee(x + 1 for x in range(100000))
        n = sum(1 for _ in (x + y for x, y in zip(left.imap(double, a), right.imap(half, b))))
        print(time.perf_counter() - began)
    assert n == 100000
