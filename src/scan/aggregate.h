/* aggregate: what can be said of the values of a group.
**
** A column is one answer (p99); the state behind it (a sketch) may serve several. States lie in the group's row, merge in
** any order, and give the same answer whichever way the values were split:
**
**   count                 records, or values of its argument
**   sum, mean, stddev     sums of integers are exact; a sum that exceeds 64 bits, or has a fraction in it, is a double. stddev is
**                         that of a sample (n - 1), by the numerically stable way of Welford and Chan
**   min, max              of numbers; of texts, by bytes, in a group without any number
**   quantile              the value that a fraction `number` of the values do not exceed (nearest rank): exact up to SKETCH_EXACT
**                         values, then within 1 % of the value (scan/sketch.h)
**   distinct              how many different values: exact up to `limit` (default DISTINCT_EXACT), then within 0.8 % (standard
**                         error; scan/distinct.h)
**   top                   the `limit` most frequent values with their counts: exact up to FREQUENT_EXACT different values, then
**                         each entry says how much too high its count may be (scan/frequent.h)
**   first, last           by work item, then record
**   histogram             counts in buckets of width `number`, doubled until at most HISTOGRAM_MOST are not empty; without a
**                         width from the sketch, at powers of two */
#ifndef PAPY_SCAN_AGGREGATE_H
#define PAPY_SCAN_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

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

/* "count", "sum", ...; -1 when there is none of that name */
int aggregate_named(const char *name);
const char *aggregate_name(enum aggregate kind);
/* top and histogram */
int aggregate_is_list(enum aggregate kind);

#endif
