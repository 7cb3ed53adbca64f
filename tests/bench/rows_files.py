"""Files: the main job, as a person would run it, against the tools a person would use instead."""
import os, subprocess, tempfile
from bench import HERE, PAPY, alternate, end, output, row, wall

PATTERN = r'\brs[0-9]+\b'
EXAMPLE = os.path.join(HERE, '../../examples/snp_count.lua')
UNITS = {'K': 10, 'M': 20, 'G': 30}
size = os.environ.get('SIZE') or '1G'
size = int(size[:-1]) << UNITS[size[-1]] if size[-1] in UNITS else int(size)

with tempfile.NamedTemporaryFile(prefix='papy-bench-', suffix='.vcf') as sample:
    subprocess.run([os.environ['SAMPLE'], str(size)], stdout=sample, check=True)
    os.fsync(sample.fileno())  # else the disk is still busy with it while we measure
    ours, rg = (PAPY, EXAMPLE, sample.name, '2'), ('rg', '-c', PATTERN, sample.name)
    expected = output(*rg).strip()
    if output(*ours).split()[0] != expected: raise SystemExit('bench: rg counts %s lines' % expected)
    t = alternate(papy=lambda: wall(*ours), rg=lambda: wall(*rg),
                  grep=lambda: wall('grep', '-cP', PATTERN, sample.name))
    row('lines with %s in %d MiB' % (PATTERN, size >> 20), t['papy'] / t['rg'], 'the time of rg -c', most=0.25,
        detail='%.3f s, rg %.3f s' % (t['papy'], t['rg']))
    row('', t['papy'] / t['grep'], 'the time of grep -cP', detail='%.3f s' % t['grep'])
end()
