/* distinct: how many different values.
**
** Up to a limit the 64-bit hashes of the values are kept in a set: exact, but for two values with one hash (for 2048
** values one chance in 10^13). Beyond, it is a HyperLogLog of 2^14 registers, 16 KiB, read by Ertl's estimator:
** standard error 0.81 %, without bias for any number. The hash has no seed: what two machines or two days counted can
** be merged. Both forms are functions of the set of hashes: merging in any order gives the same. */
#ifndef PAPY_SCAN_DISTINCT_H
#define PAPY_SCAN_DISTINCT_H

#include "scan/slabs.h"
#include "scan/packed.h"

struct distinct; /* in slabs; NULL: nothing yet */

/* limit: how many are counted exactly. 0, or -1 with errno */
int distinct_add(struct distinct **d, const struct value *v, uint64_t limit, struct slabs *b);
int distinct_write(const struct distinct *d, struct buf *out);
/* add what distinct_write wrote. 0, or -1 with errno; bytes that make no sense spoil the reader */
int distinct_merge(struct distinct **d, struct packed *from, uint64_t limit, struct slabs *b);
uint64_t distinct_count(const struct distinct *d);

#endif
