/* sign: consecutive bytes, each out of a set, that every match of a pattern shows; and how signs of a pattern come from
** those of its parts.
**
** A sign may be loose, so that it also holds where there is no match, but it holds wherever there is one. What stands
** before and behind it counts, too; there the two ends of a line are the newline '\n', which never stands within. */
#ifndef PAPY_SCAN_SIGN_H
#define PAPY_SCAN_SIGN_H

#include <stdbool.h>

#include "base/limits.h"
#include "scan/byteset.h"

struct sign {
  unsigned n;
  struct byteset before, after, at[SIGN_MOST];
};

/* a part of a pattern */
struct part {
  struct sign head, tail;  /* a match of the part begins with head and ends with tail */
  struct sign best;        /* and has this somewhere, the rarest sign known */
  bool whole;              /* head, tail and best are the same and all there is */
  bool exact;              /* and the other way round: where the sign holds, there the part matches */
  bool runs;               /* exact but for more bytes of one set, as many as there are, that follow */
  struct byteset run, end; /* that set, and what stands behind it */
};

/* matches the empty string anywhere */
struct part part_empty(void);
/* matches what nobody knows */
struct part part_unknown(void);
/* matches one byte of the set */
struct part part_byte(const struct byteset *set);

/* *a becomes: a, then b */
void part_then(struct part *a, const struct part *b);
/* *a becomes: a or b */
void part_or(struct part *a, const struct part *b);
enum repeat { REPEAT_FIXED, REPEAT_MORE, REPEAT_MOST }; /* so often; or more often; or as often as it goes */
/* *a becomes: a repeated, at least `least` times */
void part_repeat(struct part *a, unsigned least, enum repeat how);

/* How rare in common text are bytes of the set, and the sign: the logarithm (base 2) of how many places it takes until
** one is met. */
double byteset_rarity(const struct byteset *set);
double sign_rarity(const struct sign *sign);

#endif
