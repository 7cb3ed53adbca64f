"""Pipelines: what a chain of pipers costs beside the same work in one tasklet, and forks and joins beside Python's."""
import os
from bench import alternate, end, number, row


def ours(case): return lambda: number('pipeline.lua', case)


N = 100000
# The same four functions by hand are those of the pipers, which take inboxes; nested plain functions are beside it for comparison.
t = alternate(chain=ours('chain'), fused=ours('fused'), plain=ours('by_hand'), by_hand=ours('by_hand_boxed'))


def chain_row(what, mine, most):
    row(what, t[mine] / t['by_hand'], 'the same four functions by hand', most=most,
        detail='%.0f k items/s, by hand %.0f k/s' % (N / t[mine] / 1e3, N / t['by_hand'] / 1e3))
    row('', t[mine] / t['plain'], 'four plain functions by hand', detail='%.0f k/s' % (N / t['plain'] / 1e3))


chain_row('chain of 4 trivial pipers on one pool, not fused', 'chain', 4)
chain_row('the same, fused', 'fused', 1.3)

copy = os.path.join(os.environ['BUILD'], 'copy')
t = alternate(papy=ours('strings'), copy=lambda: number(copy))
row('1 MB strings from one pool to another', t['papy'] / t['copy'], 'the time of one memcpy through shm', most=4,
    detail='%.2f GB/s, memcpy %.2f GB/s' % (1000 * 2**20 / t['papy'] / 1e9, 1000 * 2**20 / t['copy'] / 1e9))

t = alternate(papy=ours('diamond'), python=lambda: number('pipeline_peer.py'))
row('diamond: fork, two stages, join', t['python'] / t['papy'], 'the rate of generators and two Pools', least=10,
    detail='%.0f k items/s, python %.0f k/s' % (N / t['papy'] / 1e3, N / t['python'] / 1e3))
end()
