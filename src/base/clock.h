/* clock: monotonic nanoseconds; every deadline and time stamp of papy is one of these. */
#ifndef PAPY_BASE_CLOCK_H
#define PAPY_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000LL
#define FOREVER INT64_MAX /* a deadline that never comes */

static inline int64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* the next spin after one of `ns` that was answered, or was not */
static inline int64_t spin_next(int64_t ns, bool answered, int64_t most, int64_t least) {
  ns = answered ? ns * 2 : ns / 2;
  return ns > most ? most : ns < least ? least : ns;
}

/* the deadline `seconds` from now; FOREVER for values too large to count */
static inline int64_t clock_after(double seconds) {
  if (!(seconds < 9e8)) return FOREVER;
  return clock_ns() + (int64_t)(seconds > 0 ? seconds * 1e9 : 0);
}

#endif
