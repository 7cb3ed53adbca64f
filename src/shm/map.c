#include "shm/map.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void *map(size_t n, int flags) {
  void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

void *map_shared(size_t n) { return map(n, 0); }

void *map_reserve(size_t want, size_t least, size_t *got) {
  struct rlimit r;
  /* under a limit of address space the reservation must leave most of it to Lua */
  if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY && r.rlim_cur / 8 < want) want = r.rlim_cur / 8;
  want &= ~(size_t)0xffff;
  for (size_t n = want; n >= least; n /= 2) {
    void *p = map(n, MAP_NORESERVE);
    if (!p) continue;
    madvise(p, n, MADV_DONTDUMP);
    *got = n;
    return p;
  }
  errno = ENOMEM;
  return NULL;
}

void map_drop(void *p, size_t n) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t a = ((uintptr_t)p + page - 1) & ~(page - 1), z = ((uintptr_t)p + n) & ~(page - 1);
  if (a < z) madvise((void *)a, z - a, MADV_REMOVE);
}

void map_free(void *p, size_t n) {
  if (p) munmap(p, n);
}
