/* ranking: the first k groups of a tally in the order of some columns.
**
** Missing values are last either way; groups that are equal in all columns come in the order of their keys, so the
** answer does not depend on how records were split. Only the k best are ever sorted: the others are compared with the
** worst of them. Of a tally that has spilled, the best of each partition are copied, so k groups or a few times as many
** are in memory. */
#ifndef PAPY_SCAN_RANKING_H
#define PAPY_SCAN_RANKING_H

#include "scan/tally.h"

/* a column from 0, keys first, then aggregates that are no lists */
struct tally_order {
  unsigned column;
  int descending;
};

struct ranking;

/* The tally must not change while the ranking is in use, nor be read if it has spilled. NULL with *why */
struct ranking *ranking_of(struct tally *t, const struct tally_order *by, unsigned n, size_t k, struct why *why);
/* 1 with the next group, 0 behind the last */
int ranking_next(struct ranking *r, struct tally_row *row);
void ranking_free(struct ranking *r);

#endif
