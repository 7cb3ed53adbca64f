"""Files: lines counted in a large warm file as a person would do it, against the tools a person would use instead."""
import os, subprocess, tempfile
from bench import HERE, PAPY, alternate, end, output, row, wall

UNITS = {'K': 10, 'M': 20, 'G': 30}
size = os.environ.get('SIZE') or '1G'
size = int(size[:-1]) << UNITS[size[-1]] if size[-1] in UNITS else int(size)


def made(maker, suffix):
    """a file of `size` bytes by one of the generators"""
    sample = tempfile.NamedTemporaryFile(prefix='papy-bench-', suffix=suffix)
    subprocess.run([os.path.join(os.environ['BUILD'], maker), str(size)], stdout=sample, check=True)
    os.fsync(sample.fileno())  # else the disk is still busy with it while we measure
    return sample


def compare(ours, peer, pattern, most, also=()):
    """`ours` counts what the peer counts; the time of `also`, a further peer, is only shown"""
    expected = output(*peer).strip()
    if output(*ours).split()[0] != expected: raise SystemExit('bench: %s counts %s lines' % (peer[0], expected))
    works = {'papy': lambda: wall(*ours), 'peer': lambda: wall(*peer)}
    if also: works['also'] = lambda: wall(*also)
    t = alternate(**works)
    row('lines with %s in %d MiB' % (pattern, size >> 20), t['papy'] / t['peer'], 'the time of ' + ' '.join(peer[:2]),
        most=most, detail='%.3f s, %s %.3f s' % (t['papy'], peer[0], t['peer']))
    if also: row('', t['papy'] / t['also'], 'the time of ' + ' '.join(also[:2]), detail='%.3f s' % t['also'])


# the main job: every 400th byte begins a match
SNP = r'\brs[0-9]+\b'
with made('sample', '.vcf') as sample:
    compare((PAPY, os.path.join(HERE, '../../examples/snp_count.lua'), sample.name, '2'), ('rg', '-c', SNP, sample.name), SNP,
            most=0.25, also=('grep', '-cP', SNP, sample.name))

with made('variants', '.txt') as sample:
    for pattern, peer, most in ((SNP, ('rg', '-c'), 0.22), ('frameshift_variant', ('rg', '-c'), 0.5),
                                (r'[A-Z][a-z]+ing\b', ('rg', '-c'), 0.5), (r'\b[ACGT]{8,}\b', ('grep', '-cP'), 0.17)):
        compare((PAPY, os.path.join(HERE, 'count.lua'), sample.name, pattern, '2'), peer + (pattern, sample.name), pattern, most)
end()
