/* cpus: how many processors this process may use. */
#ifndef PAPY_BASE_CPUS_H
#define PAPY_BASE_CPUS_H

/* min(affinity, quota of cgroup v1 and v2), at least 1; looked up once per process image */
int cpus_usable(void);

#endif
