/* simd: find the place where several bytes, at fixed distances from it, are each in a set; 64 places at a time.
**
** The widest vectors that the processor has are chosen at run time. All variants may report more places than there are,
** never fewer: who asks looks closer. */
#ifndef PAPY_SCAN_SIMD_H
#define PAPY_SCAN_SIMD_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/byteset.h"

#define PROBES_MOST 4

/* one of the bytes looked at: at p[at], is it in the set? Two ways to ask: `first` to `first + span` covers the set, and
** is the set itself when `range`; else a byte is in it when rows[low half] and columns[high half] have a bit in
** common, of eight. */
struct probe {
  int at;
  bool range;
  uint8_t first, span;
  uint8_t rows[16], columns[16];
};

/* made by probes_add from {0} */
struct probes {
  int n, tables;
  struct probe probe[PROBES_MOST]; /* first those that are no range */
};

/* one more, while n < PROBES_MOST */
void probes_add(struct probes *probes, int at, const struct byteset *set);

/* The first p in [from, to) where all probes (at least one) hold; `to` when there is none. p[at] must be readable for
** every p in the range and every probe; nothing else is read. */
typedef const uint8_t *(*simd_search)(const struct probes *probes, const uint8_t *from, const uint8_t *to);

/* the best for this processor */
simd_search simd_best(void);
/* the i-th that this processor can do, from 0, the best first, with its name; NULL behind the last, which is plain C */
simd_search simd_variant(unsigned i, const char **name);

#endif
