"""What the groups of rows share: run papy and its peers by turns, and print a row of the ratios of their medians.

A row is one line: what was measured, the ratio to the peer of the same run, the target, ok or MISSED. Times stand behind
it only to show what the ratio is made of."""
import os, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
PAPY = os.environ['PAPY']
ROUNDS = int(os.environ.get('ROUNDS', 5))
missed = 0


def output(*command):
    """what the command prints; a .lua of this directory runs in papy, a .py in python3"""
    runner = {'.lua': [PAPY], '.py': [sys.executable, '-B']}.get(os.path.splitext(command[0])[1])
    if runner: command = runner + [os.path.join(HERE, command[0])] + list(command[1:])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode: sys.exit('bench: exit status %d of %s' % (done.returncode, ' '.join(command)))
    return done.stdout


def number(*command):
    """the number the command prints: seconds by its own clock, begun when its pool is warm"""
    return float(output(*command))


def wall(*command):
    """seconds from the start of the process to its end"""
    began = time.perf_counter()
    output(*command)
    return time.perf_counter() - began


def alternate(rounds=None, **works):
    """medians of several rounds, in each of which every work has its turn; the works are functions that return a number"""
    taken = {name: [] for name in works}
    for _ in range(rounds or ROUNDS):
        for name, work in works.items(): taken[name].append(work())
    return {name: statistics.median(numbers) for name, numbers in taken.items()}


def row(what, ratio, of, least=None, most=None, detail=''):
    """Without a target a row is there to be compared with the one above it."""
    global missed
    shown = ('%.2fx' if ratio < 100 else '%.0fx') % ratio
    target, good = '', True
    if least is not None: target, good = 'at least %gx' % least, ratio >= least
    if most is not None: target, good = 'at most %gx' % most, ratio <= most
    missed += not good
    verdict = '' if not target else 'ok' if good else 'MISSED'
    print(('%-50s %7s %-31s %-15s %-7s %s' % (what, shown, of, target, verdict, detail)).rstrip(), flush=True)


def end():
    sys.exit(1 if missed else 0)
