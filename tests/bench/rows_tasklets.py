"""Tasklets: what handing over costs, small items and large ones, against the pools of Python's multiprocessing."""
from bench import alternate, end, number, row


def ours(case): return lambda: number('pool.lua', case)
def peer(case): return lambda: number('pool_peer.py', case)


N = 200000
t = alternate(one=ours('one'), auto=ours('auto'), imap=peer('imap'), map=peer('map'))
row('x*x, batch = 1', t['imap'] / t['one'], 'the rate of imap(chunksize=1)', least=10,
    detail='%.0f k/s, imap %.0f k/s' % (N / t['one'] / 1e3, N / t['imap'] / 1e3))
row('x*x, stride = 1024, batch = "auto"', t['imap'] / t['auto'], 'the rate of imap(chunksize=1)', least=25,
    detail='%.0f k/s' % (N / t['auto'] / 1e3))
row('', t['map'] / t['auto'], 'the rate of Pool.map', least=0.4, detail='map %.0f k/s' % (N / t['map'] / 1e3))

t = alternate(papy=ours('strings'), imap=peer('strings'))
row('1 MB strings there and back', t['imap'] / t['papy'], 'the rate of imap(chunksize=1)', least=8,
    detail='%.2f GB/s, imap %.2f GB/s' % tuple(200 * 2**20 / t[k] / 1e9 for k in ('papy', 'imap')))

t = alternate(nested=ours('nested'), fused=ours('fused'), nested_same=ours('nested_same'), fused_same=ours('fused_same'))
row('two nested tasks, 1 MB strings: upper, reverse', t['nested'] / t['fused'], 'the time of both in one task', most=1.5,
    detail='%.3f s, %.3f s' % (t['nested'], t['fused']))
row('  the same, functions that return x', t['nested_same'] / t['fused_same'], 'the time of both in one task',
    detail='%.3f s, %.3f s' % (t['nested_same'], t['fused_same']))
end()
