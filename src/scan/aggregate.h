/* aggregate: what can be said of the values of a group.
**
** A column is one answer (p99); the state behind it (a sketch) may serve several. States lie in the group's row, merge
** in any order, and give the same answer whichever way the values were split:
**
**   count             records, or values of its argument
**   sum, mean, stddev sums of integers are exact; a sum that exceeds 64 bits, or has a fraction in it, is a double.
**                     stddev is that of a sample (n - 1), by the numerically stable way of Welford and Chan
**   min, max          of numbers; of texts, by bytes, in a group without any number
**   quantile          the value that a fraction `number` of the values do not exceed (nearest rank): exact up to
**                     SKETCH_EXACT values, then within 1 % of the value (scan/sketch.h)
**   distinct          how many different values: exact up to `limit` (default DISTINCT_EXACT), then within 0.8 %
**                     (standard error; scan/distinct.h)
**   top               the `limit` most frequent values with their counts: exact up to FREQUENT_EXACT different values,
**                     then each entry says how much too high its count may be (scan/frequent.h)
**   first, last       by work item, then record
**   histogram         counts in buckets of width `number`, doubled until at most HISTOGRAM_MOST are not empty; without
**                     a width from the sketch, at powers of two */
#ifndef PAPY_SCAN_AGGREGATE_H
#define PAPY_SCAN_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/slabs.h"
#include "scan/packed.h"
#include "scan/total.h"
#include "scan/value.h"

enum aggregate {
  AGGREGATE_COUNT,
  AGGREGATE_SUM,
  AGGREGATE_MEAN,
  AGGREGATE_STDDEV,
  AGGREGATE_MIN,
  AGGREGATE_MAX,
  AGGREGATE_QUANTILE,
  AGGREGATE_DISTINCT,
  AGGREGATE_TOP,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_HISTOGRAM,
  AGGREGATES
};

#define NO_ARGUMENT UINT32_MAX /* of count: every record counts */

struct column {
  enum aggregate kind;
  uint32_t arg;   /* which of the arguments, from 0 */
  double number;  /* quantile: 0 to 1; histogram: the width, 0 for none */
  uint64_t limit; /* top: how many; distinct: how many exactly, 0 for the default */
};

/* an element of a list: a frequent value, or a bucket from value to upto */
struct entry {
  struct value value, upto;
  uint64_t count;
  uint64_t over; /* count may be too high by this */
};

/* {=== for tally.c: states in the bodies of rows === */

enum state_kind {
  STATE_RECORDS, /* every record counts */
  STATE_VALUES,  /* values that are not missing count */
  STATE_TOTAL,
  STATE_MOMENTS,
  STATE_MIN,
  STATE_MAX,
  STATE_SKETCH,
  STATE_DISTINCT,
  STATE_FREQUENT,
  STATE_FIRST,
  STATE_LAST,
  STATE_HISTOGRAM
};

struct state {
  enum state_kind kind;
  uint32_t arg;
  uint32_t offset; /* in the body */
  uint64_t limit;
  double number;
};

/* what states need besides their bytes */
struct surroundings {
  struct slabs *slabs;
  struct buf *scratch;
  uint64_t item, record;
};

/* Find the state for a column among s[0..*n-1], or put it there behind `size` bytes of body. Returns which, and the new
** size. */
unsigned states_need(struct state *s, unsigned *n, const struct column *c, size_t *size);
/* an argument as a number, read once for all states of it */
struct reading {
  uint32_t arg;
  enum value_kind kind;
  struct value number;
};

/* add a record's arguments to one state; 0, or -1 with errno */
int state_add(const struct state *s, uint8_t *at, const struct value *const *args, struct reading *r,
              const struct surroundings *with);

/* The same for all states of one body. Counts, and sums of whole numbers, are what nearly everybody asks for. */
static inline int states_add(const struct state *s, unsigned n, uint8_t *body, const struct value *const *args,
                             const struct surroundings *with) {
  struct reading r;
  r.arg = NO_ARGUMENT;
  for (const struct state *end = s + n; s < end; s++) {
    uint8_t *at = body + s->offset;
    int64_t i;
    if (s->kind == STATE_RECORDS) ++*(uint64_t *)at;
    else if (s->kind == STATE_VALUES) *(uint64_t *)at += value_is_there(args[s->arg]);
    else if (s->kind == STATE_TOTAL && (i = value_whole(args[s->arg])) >= 0) total_add_integer((struct total *)at, i);
    else if (state_add(s, at, args, &r, with) != 0) return -1;
  }
  return 0;
}

/* the states of one body; 0, or -1 with errno */
int states_write(const struct state *s, unsigned n, const uint8_t *body, struct buf *out);
/* add what states_write wrote; with->item is the item of values that are dated, unless it is UINT64_MAX */
int states_merge(const struct state *s, unsigned n, uint8_t *body, struct packed *from,
                 const struct surroundings *with);
void state_result(const struct state *s, const struct column *c, const uint8_t *body, struct value *v);
/* append to out (an array of struct entry); 0, or -1 with errno */
int state_list(const struct state *s, const struct column *c, const uint8_t *body, struct buf *out);

/* ===} */

/* "count", "sum", ...; -1 when there is none of that name */
int aggregate_named(const char *name);
const char *aggregate_name(enum aggregate kind);
/* top and histogram */
int aggregate_is_list(enum aggregate kind);

#endif
