"""Compressed files: lines counted in one, and in two at a time, against zgrep."""
import os, subprocess, tempfile
from bench import HERE, PAPY, alternate, end, output, row, wall

MIB = 256
PATTERN = r'rs[0-9]+'

with tempfile.NamedTemporaryFile(prefix='papy-bench-', suffix='.gz') as packed:
    sample = subprocess.Popen([os.path.join(os.environ['BUILD'], 'sample'), str(MIB << 20)], stdout=subprocess.PIPE)
    subprocess.run(['gzip', '-1c'], stdin=sample.stdout, stdout=packed, check=True)
    sample.wait()
    one = (PAPY, os.path.join(HERE, 'count_open.lua'), PATTERN, packed.name)
    zgrep = ('zgrep', '-cE', PATTERN, packed.name)
    if output(*one) != output(*zgrep): raise SystemExit('bench: papy and zgrep count differently')
    t = alternate(one=lambda: wall(*one), two=lambda: wall(*one, packed.name), zgrep=lambda: wall(*zgrep))
    row('lines with %s in %d MiB of gzip' % (PATTERN, MIB), t['one'] / t['zgrep'], 'the time of zgrep -cE', most=1,
        detail='%.3f s, zgrep %.3f s' % (t['one'], t['zgrep']))
    row('two such files', 2 * t['one'] / t['two'], 'the speed of one', detail='%.3f s' % t['two'])
end()
