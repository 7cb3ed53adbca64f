/* sketch: quantiles of any number of values, in memory that depends on their range only.
**
** Up to SKETCH_EXACT values are kept one by one. More are counted in buckets: the bits of a double in front of its 46th
** are the number of its bucket, so there are 64 of equal width from each power of two to the next, and finding one is a
** shift. The answer is the middle of a bucket, off by at most 1/128 of the value (0.79 %); between the least and the
** largest value, which are kept exactly; and for integers below 128, one to a bucket, exact. Numbers below 1e-307 count
** as zero. Merging adds counts: the sketch of all values is the same, however they were split. */
#ifndef PAPY_SCAN_SKETCH_H
#define PAPY_SCAN_SKETCH_H

#include "scan/aggregate.h"
#include "scan/slabs.h"
#include "scan/packed.h"

struct sketch; /* in slabs; NULL is the sketch of no values */

/* number: an integer or a number (one that is not finite is left out). 0, or -1 with errno */
int sketch_add(struct sketch **s, const struct value *number, struct slabs *b);
int sketch_write(const struct sketch *s, struct buf *out);
/* add what sketch_write wrote. 0, or -1 with errno; bytes that make no sense spoil the reader */
int sketch_merge(struct sketch **s, struct packed *from, struct slabs *b);

/* the value that a fraction q (0 to 1) of the values do not exceed; NONE for no values */
struct value sketch_quantile(struct sketch *s, double q);

/* Counts from one power of two to the next, as entries appended to out (an array of struct entry). 0, or -1 with errno */
int sketch_histogram(const struct sketch *s, struct buf *out);

#endif
