"""Memory: that of the host does not grow with the input, that of the workers stays shared with the host."""
from bench import end, output, row

few, many = map(int, output('memory.lua', 'flat').split())
row("parent's memory after 10^6 items", many / few, 'what it was after 10^4', most=1.1,
    detail='peaks of %.1f and %.1f MB' % (many / 1e3, few / 1e3))

for batch in ('1', 'auto'):
    table, worst = map(int, output('memory.lua', 'dirty', batch).split())
    row('private dirty memory of a worker, batch = %s' % batch, worst / table, 'the table made before the fork', most=0.05,
        detail='%.1f MB of %.0f MB, after 10^6 tasklets' % (worst / 1e3, table / 1e3))
end()
