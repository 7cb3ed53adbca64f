"""Flows: answers from a large warm log, against what a person would type instead. Peers: mawk, sort, jq, miller, zgrep."""
import os, subprocess, tempfile
from bench import HERE, PAPY, alternate, end, output, row, wall

UNITS = {'K': 10, 'M': 20, 'G': 30}
size = os.environ.get('SIZE') or '1G'
size = int(size[:-1]) << UNITS[size[-1]] if size[-1] in UNITS else int(size)
MIB = size >> 20
FLOW = os.path.join(HERE, 'flow.lua')


def made(*how, suffix='.log'):
    """a log of `size` bytes"""
    sample = tempfile.NamedTemporaryFile(prefix='papy-bench-', suffix=suffix)
    subprocess.run([os.path.join(os.environ['BUILD'], 'access'), str(size)] + list(how), stdout=sample, check=True)
    os.fsync(sample.fileno())  # else the disk is still busy with it while we measure
    return sample


def flow(what, path, workers=2): return (PAPY, FLOW, what, path, str(workers))


def shell(command, path): return ('sh', '-c', command.replace('FILE', path))


def rows_of(text): return sorted(tuple(map(float_or_text, line.split())) for line in text.splitlines())


def float_or_text(word):
    try: return float(word)
    except ValueError: return word


def compare(title, ours, peer, name, most, same=True):
    """the time of a flow against that of a command, which must give the same rows"""
    if same:
        mine, theirs = rows_of(output(*ours)), rows_of(output(*peer))
        if mine != theirs: raise SystemExit('bench: %s: papy %s, %s %s' % (title, mine[:3], name, theirs[:3]))
    t = alternate(papy=lambda: wall(*ours), peer=lambda: wall(*peer))
    row('%s, %d MiB' % (title, MIB), t['papy'] / t['peer'], 'the time of ' + name, most=most,
        detail='%.3f s, %s %.3f s' % (t['papy'], name, t['peer']))


def peak(*command):
    """the most memory, in MiB, of any of its processes"""
    script = 'import resource,subprocess,sys; subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,check=True); ' \
             'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'
    return int(subprocess.run(['python3', '-c', script] + list(command), stdout=subprocess.PIPE, check=True).stdout) / 1024


STATUS = "mawk '{n[$9]++; b[$9]+=$10} END {for (s in n) printf \"%s %d %.0f\\n\", s, n[s], b[s]}' FILE"
with made() as log:
    status = shell(STATUS, log.name)
    compare('requests, bytes by status: match', flow('match', log.name), status, 'mawk', 0.25)
    compare('requests, bytes by status: fields', flow('fields', log.name), status, 'mawk', 0.10)
    compare('top 10 URLs', flow('urls', log.name),
            shell("mawk '{n[$7]++} END {for (u in n) print u, n[u]}' FILE | sort -k2,2rn -k1,1 | head", log.name), 'mawk, sort', 0.15)
    compare('the 20 largest answers', flow('largest', log.name),
            shell("mawk '{print $10, $7}' FILE | sort -s -k1,1nr | head -20", log.name), 'mawk, sort', 0.08)
    compare('bytes by status, a Lua function a record', flow('lua', log.name),
            shell("mawk '$9 != \"304\" {b[$9]+=$10} END {for (s in b) printf \"%s %.0f\\n\", s, b[s]}' FILE", log.name), 'mawk', 0.30)
    compare('p50, p99 of latency by status', flow('quantiles', log.name), shell(
        "mawk '{print $9, $NF}' FILE | sort -k1,1 -k2,2n | mawk '{if ($1 != s) {out(); s = $1; n = 0} v[++n] = $2} END {out()} "
        "function out() {if (n) print s, v[int((n + 1) / 2)], v[int(n * 0.99 + 0.99)]}'", log.name), 'mawk, sort', 0.15, same=False)
    t = alternate(two=lambda: wall(*flow('fields', log.name)), one=lambda: wall(*flow('fields', log.name, 1)))
    row('two workers', t['one'] / t['two'], 'the speed of one', least=1.8, detail='%.3f s, %.3f s' % (t['two'], t['one']))
    most = peak(*flow('urls', log.name))
    row('memory of the largest process', most / 64, '64 MiB', most=1, detail='%.1f MiB' % most)
    packed = log.name + '.gz'
    subprocess.run('gzip -1 -c %s > %s' % (log.name, packed), shell=True, check=True)
    try: compare('.gz: lines with 503', flow('count', packed), ('zgrep', '-c', '503', packed), 'zgrep -c', 1)
    finally: os.remove(packed)

with made('json', suffix='.json') as log:
    ours = flow('json', log.name)
    compare('JSON, two of eleven fields', ours, shell(
        "jq -r 'select(.status >= 500) | .service' FILE | sort | uniq -c | mawk '{print $2, $1}'", log.name), 'jq', 0.05)
    compare('the same', ours, shell("mlr --ijsonl --onidx filter '$status >= 500' then count-distinct -f service FILE", log.name), 'mlr', 0.2)
end()
