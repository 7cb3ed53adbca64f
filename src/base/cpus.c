#include "base/cpus.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static int by_affinity(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

/* the quota in processors, rounded up; 0 when there is none */
static int quota(double limit, double period) {
  return limit > 0 && period > 0 ? (int)((limit + period - 1) / period) : 0;
}

static int read_number(const char *path, double *x) {
  FILE *f = fopen(path, "re");
  int ok = f && fscanf(f, "%lf", x) == 1;
  if (f) fclose(f);
  return ok;
}

static int by_cgroup(void) {
  double limit = 0, period = 0;
  FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re"); /* version 2: "max 100000" or "150000 100000" */
  if (f) {
    int n = fscanf(f, "%lf %lf", &limit, &period);
    fclose(f);
    return n == 2 ? quota(limit, period) : 0;
  }
  if (read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &limit) &&
      read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period))
    return quota(limit, period);
  return 0;
}

int cpus_usable(void) {
  static _Atomic int known;
  int n = atomic_load_explicit(&known, memory_order_relaxed);
  if (n) return n;
  int most = by_cgroup();
  n = by_affinity();
  if (most > 0 && most < n) n = most;
  if (n < 1) n = 1;
  atomic_store(&known, n);
  return n;
}
