"""Starting and doing nothing."""
import os, time
from bench import PAPY, alternate, end, output, row


def start(program):
    """many starts in a row, without a shell between; standard input and output do not matter"""
    def work():
        began = time.perf_counter()
        for _ in range(20):
            if os.waitpid(os.posix_spawnp(program, [program, '-e', ''], os.environ), 0)[1]: raise SystemExit('bench: ' + program)
        return (time.perf_counter() - began) / 20
    return work


t = alternate(rounds=21, papy=start(PAPY), lua=start('lua5.4'))
row("papy -e ''", t['papy'] / t['lua'], "the time of lua5.4 -e ''", most=3,
    detail='%.2f ms, lua5.4 %.2f ms' % (t['papy'] * 1e3, t['lua'] * 1e3))

cpu, waited = map(float, output('idle.lua').split())
row('CPU time of an idle pool with 8 workers', cpu / waited, 'the time that passed', most=0.02 / 5,
    detail='%.2f s in %.1f s' % (cpu, waited))
end()
