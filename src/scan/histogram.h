/* histogram: counts of numbers in buckets of one width.
**
** Only buckets that are not empty take memory. When there are more than HISTOGRAM_MOST of them, two neighbours become
** one, again and again: a width too small for the values gives a coarser histogram, not a huge one. How often it was
** doubled depends on the values alone, so merging in any order gives the same. */
#ifndef PAPY_SCAN_HISTOGRAM_H
#define PAPY_SCAN_HISTOGRAM_H

#include "scan/aggregate.h"
#include "scan/slabs.h"
#include "scan/packed.h"

struct histogram; /* in slabs; NULL: nothing yet */

/* number: an integer or a number (one that is not finite is left out); width: more than 0. 0, or -1 with errno */
int histogram_add(struct histogram **h, const struct value *number, double width, struct slabs *b);
int histogram_write(const struct histogram *h, struct buf *out);
/* add what histogram_write wrote. 0, or -1 with errno; bytes that make no sense spoil the reader */
int histogram_merge(struct histogram **h, struct packed *from, struct slabs *b);
/* append the buckets that are not empty to out (an array of struct entry), in order. 0, or -1 with errno */
int histogram_list(const struct histogram *h, double width, struct buf *out);

#endif
