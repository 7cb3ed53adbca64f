/* total: sums that do not depend on the order of their numbers.
**
** Integers are summed in 128 bits, which 2^64 of them cannot exceed. Other numbers are summed in two doubles, the
** second of which holds what rounding took from the first (Knuth's TwoSum), so that sums of the same numbers, split and
** merged differently, round to the same double but for one in billions. */
#ifndef PAPY_SCAN_TOTAL_H
#define PAPY_SCAN_TOTAL_H

#include <math.h>
#include <stdint.h>

#include "scan/packed.h"

struct total {
  uint64_t low; /* of the sum of integers, in two's complement */
  int64_t high;
  double sum, rest; /* of the numbers that are no integers */
  uint64_t count;   /* of numbers, integers among them */
};

static inline __int128 total_integers(const struct total *t) {
  return (__int128)((unsigned __int128)(uint64_t)t->high << 64 | t->low);
}

static inline void total_set_integers(struct total *t, __int128 sum) {
  t->low = (uint64_t)sum;
  t->high = (int64_t)(sum >> 64);
}

static inline void total_add_double(struct total *t, double v) {
  double sum = t->sum + v, part = sum - t->sum;
  t->rest += (t->sum - (sum - part)) + (v - part);
  t->sum = sum;
}

static inline void total_add_integer(struct total *t, int64_t i) {
  t->high += (i >> 63) + __builtin_add_overflow(t->low, (uint64_t)i, &t->low);
  t->count++;
}

static inline void total_add(struct total *t, const struct value *number) {
  if (number->kind == VALUE_INTEGER) {
    total_add_integer(t, number->integer);
  } else {
    total_add_double(t, number->number);
    t->count++;
  }
}

/* a whole number when only integers were added and it fits, else a double */
static inline struct value total_sum(const struct total *t) {
  __int128 whole = total_integers(t);
  if (t->sum == 0 && t->rest == 0 && whole == (int64_t)whole) return value_integer((int64_t)whole);
  if (!isfinite(t->sum) || !isfinite(t->rest)) return value_number(t->sum);
  struct total all = *t;
  double most = (double)whole;
  total_add_double(&all, most);
  total_add_double(&all, (double)(whole - (__int128)most));
  return value_number(all.sum + all.rest);
}

static inline int total_write(const struct total *t, struct buf *out) {
  int fractions = t->sum != 0 || t->rest != 0, wide = t->high != (int64_t)t->low >> 63;
  if (packed_put(out, t->count << 2 | (unsigned)wide << 1 | (unsigned)fractions) != 0) return -1;
  if (packed_put_signed(out, (int64_t)t->low) != 0 || (wide && packed_put_signed(out, t->high) != 0)) return -1;
  return fractions && (packed_put_double(out, t->sum) != 0 || packed_put_double(out, t->rest) != 0) ? -1 : 0;
}

static inline void total_merge(struct total *t, struct packed *from) {
  uint64_t head = packed_get(from);
  int64_t low = packed_get_signed(from), high = head & 2 ? packed_get_signed(from) : low >> 63;
  t->count += head >> 2;
  total_set_integers(t, total_integers(t) + (__int128)((unsigned __int128)(uint64_t)high << 64 | (uint64_t)low));
  if (!(head & 1)) return;
  total_add_double(t, packed_get_double(from));
  total_add_double(t, packed_get_double(from));
}

/* moments: count, mean and the sum of squared distances from it, by Welford's recurrence and Chan's way to merge */
struct moments {
  uint64_t count;
  double mean, squares;
};

static inline void moments_add(struct moments *m, double v) {
  double from = v - m->mean;
  m->count++;
  m->mean += from / (double)m->count;
  m->squares += from * (v - m->mean);
}

/* of a sample; NONE for less than two values */
static inline struct value moments_deviation(const struct moments *m) {
  return m->count < 2 ? value_none() : value_number(sqrt(m->squares / (double)(m->count - 1)));
}

static inline int moments_write(const struct moments *m, struct buf *out) {
  if (packed_put(out, m->count) != 0) return -1;
  return m->count && (packed_put_double(out, m->mean) != 0 || packed_put_double(out, m->squares) != 0) ? -1 : 0;
}

static inline void moments_merge(struct moments *m, struct packed *from) {
  struct moments o = {.count = packed_get(from)};
  if (o.count == 0) return;
  o.mean = packed_get_double(from);
  o.squares = packed_get_double(from);
  double all = (double)m->count + (double)o.count, apart = o.mean - m->mean;
  m->mean += apart * (double)o.count / all;
  m->squares += o.squares + apart * apart * ((double)m->count * (double)o.count / all);
  m->count += o.count;
}

#endif
