/* frequent: the most frequent of any number of different values, with their counts.
**
** Up to a limit E of different values (FREQUENT_EXACT, or 32 times as many as are wanted) all are counted: exact. When
** there are more, the E / 2 that may be the most frequent stay, and the count of the best that went is the `cut`:
** whoever comes later may have been there before, at most that often, so it starts with it, as its `over`. A count is
** therefore never too low, and too high by `over` at most, which is not more than 2 / E of all values; a value with
** more than that share is always there. (Of the levels a count passes while the cut rises, each belongs to one value
** seen: hence the bound. It is that of the space saving algorithm, without its heap.) Merging adds both counts and
** cuts, and so does the bound. */
#ifndef PAPY_SCAN_FREQUENT_H
#define PAPY_SCAN_FREQUENT_H

#include "scan/aggregate.h"
#include "scan/slabs.h"
#include "scan/packed.h"

struct frequent; /* in slabs; NULL: nothing yet */

/* wanted: how many. `scratch` is the caller's, for keys. 0, or -1 with errno */
int frequent_add(struct frequent **f, const struct value *v, uint64_t wanted, struct buf *scratch, struct slabs *b);
int frequent_write(const struct frequent *f, struct buf *out);
/* add what frequent_write wrote. 0, or -1 with errno; bytes that make no sense spoil the reader */
int frequent_merge(struct frequent **f, struct packed *from, uint64_t wanted, struct slabs *b);
/* append the `wanted` most frequent values to out (an array of struct entry), ties in their order; texts are borrowed */
int frequent_list(const struct frequent *f, uint64_t wanted, struct buf *out);

#endif
