/* A sketch is a list until it is full, then two sides of buckets, positive and negative, and a count of zeros. A side
** is one run of counts, from a multiple of 64 to another, that grows to where values come. Both forms are functions of
** the values alone (the list but for its order), so merging in any order gives the same. */
#include "scan/sketch.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"

#define SHIFT 46             /* bits of a double behind the number of its bucket */
#define OCTAVE 64            /* buckets from a power of two to the next */
#define BUCKETS_FIRST OCTAVE /* below are numbers counted as zero, behind the end what is not finite */
#define BUCKETS_END (2047 * OCTAVE)

struct side {
  uint64_t *counts;
  uint32_t first, n; /* buckets first to first + n - 1 are counted */
};

struct sketch {
  uint64_t count;
  double least, most;
  uint32_t listed;    /* values in the list; LISTED_NOT: they are in buckets */
  uint16_t room;      /* of the list */
  uint16_t fractions; /* was any value no integer? */
  uint64_t zeros;     /* from here on: the list, if there is one */
  struct side positive, negative;
};

#define LISTED_NOT UINT32_MAX

static double *list_of(const struct sketch *s) {
  return (double *)((uint8_t *)s + offsetof(struct sketch, zeros));
}

static size_t size_of(unsigned room) {
  size_t list = offsetof(struct sketch, zeros) + room * sizeof(double);
  return list < sizeof(struct sketch) ? sizeof(struct sketch) : list;
}

static unsigned room_of(size_t bytes) {
  size_t room = (bytes - offsetof(struct sketch, zeros)) / sizeof(double);
  return room < SKETCH_EXACT ? (unsigned)room : SKETCH_EXACT;
}

static uint32_t bucket_of(double positive) {
  uint64_t bits;
  memcpy(&bits, &positive, sizeof bits);
  return (uint32_t)(bits >> SHIFT);
}

static double lower_end(uint32_t bucket) {
  uint64_t bits = (uint64_t)bucket << SHIFT;
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* {=== counting === */

/* a side that reaches from bucket `first` to `last` at least */
static int reach(struct side *s, uint32_t first, uint32_t last, struct slabs *b) {
  uint32_t from = first & ~(uint32_t)(OCTAVE - 1), to = (last | (OCTAVE - 1)) + 1;
  if (s->n && s->first < from) from = s->first;
  if (s->n && s->first + s->n > to) to = s->first + s->n;
  uint64_t *counts = slabs_take(b, (to - from) * sizeof *counts);
  if (!counts) return -1;
  memset(counts, 0, (to - from) * sizeof *counts);
  if (s->n) {
    memcpy(counts + (s->first - from), s->counts, s->n * sizeof *counts);
    slabs_give(b, s->counts, s->n * sizeof *counts);
  }
  *s = (struct side){counts, from, to - from};
  return 0;
}

static int count_in(struct side *s, uint32_t bucket, uint64_t times, struct slabs *b) {
  if (bucket - s->first >= s->n && reach(s, bucket, bucket, b) != 0) return -1;
  s->counts[bucket - s->first] += times;
  return 0;
}

static int count(struct sketch *s, double v, struct slabs *b) {
  if (v >= DBL_MIN) return count_in(&s->positive, bucket_of(v), 1, b);
  if (v <= -DBL_MIN) return count_in(&s->negative, bucket_of(-v), 1, b);
  s->zeros++;
  return 0;
}

/* from the list to buckets */
static int spread(struct sketch *s, struct slabs *b) {
  double list[SKETCH_EXACT];
  uint32_t n = s->listed;
  memcpy(list, list_of(s), n * sizeof *list);
  s->listed = LISTED_NOT;
  s->zeros = 0;
  s->positive = s->negative = (struct side){0};
  for (uint32_t i = 0; i < n; i++)
    if (count(s, list[i], b) != 0) return -1;
  return 0;
}

/* ===} {=== adding === */

static int start(struct sketch **s, struct slabs *b) {
  size_t size = slabs_room(size_of(1));
  struct sketch *fresh = slabs_take(b, size);
  if (!fresh) return -1;
  *fresh = (struct sketch){.least = INFINITY, .most = -INFINITY, .room = (uint16_t)room_of(size)};
  *s = fresh;
  return 0;
}

static int list_value(struct sketch **at, double v, struct slabs *b) {
  struct sketch *s = *at;
  if (s->listed == s->room) {
    size_t size = size_of(s->room), larger = slabs_room(size_of(s->room + 1));
    s = slabs_grow(b, s, size, larger);
    if (!s) return -1;
    *at = s;
    s->room = (uint16_t)room_of(larger);
  }
  list_of(s)[s->listed++] = v;
  return 0;
}

static int add(struct sketch **at, double v, struct slabs *b) {
  struct sketch *s = *at;
  if (s->listed == SKETCH_EXACT && spread(s, b) != 0) return -1;
  return s->listed == LISTED_NOT ? count(s, v, b) : list_value(at, v, b);
}

int sketch_add(struct sketch **at, const struct value *number, struct slabs *b) {
  double v = value_double(number);
  if (!isfinite(v)) return 0;
  if (!*at && start(at, b) != 0) return -1;
  if (add(at, v, b) != 0) return -1;
  struct sketch *s = *at;
  s->count++;
  if (v < s->least) s->least = v;
  if (v > s->most) s->most = v;
  if (number->kind != VALUE_INTEGER) s->fractions = 1;
  return 0;
}

/* ===} {=== bytes ===
**
** count (0: nothing follows), least, most, fractions | listed << 1, then the list as it is; or zeros and both sides:
** the number of buckets that are not empty, then for each how many to go on from the one before, and its count. */

static int write_side(const struct side *s, struct buf *out) {
  uint64_t used = 0;
  for (uint32_t i = 0; i < s->n; i++) used += s->counts[i] != 0;
  if (packed_put(out, used) != 0) return -1;
  for (uint32_t i = 0, before = 0; i < s->n; i++)
    if (s->counts[i] != 0) {
      if (packed_put(out, s->first + i - before) != 0 || packed_put(out, s->counts[i]) != 0) return -1;
      before = s->first + i;
    }
  return 0;
}

int sketch_write(const struct sketch *s, struct buf *out) {
  if (!s || s->count == 0) return packed_put(out, 0);
  int listed = s->listed != LISTED_NOT;
  if (packed_put(out, s->count) != 0 || packed_put_double(out, s->least) != 0 || packed_put_double(out, s->most) != 0)
    return -1;
  if (packed_put(out, (unsigned)s->fractions | (unsigned)listed << 1) != 0) return -1;
  if (listed) return buf_add(out, list_of(s), s->listed * sizeof(double));
  if (packed_put(out, s->zeros) != 0) return -1;
  return write_side(&s->positive, out) != 0 ? -1 : write_side(&s->negative, out);
}

static int merge_list(struct sketch **at, uint64_t n, struct packed *from, struct slabs *b) {
  if (n == 0 || n > SKETCH_EXACT || packed_left(from) < n * sizeof(double)) return packed_spoil(from), 0;
  for (uint64_t i = 0; i < n; i++) {
    double v = packed_get_double(from);
    if (!isfinite(v)) return packed_spoil(from), 0;
    if (add(at, v, b) != 0) return -1;
  }
  return 0;
}

/* returns the counts added in *sum */
static int merge_side(struct side *s, struct packed *from, uint64_t *sum, struct slabs *b) {
  uint64_t used = packed_get(from), bucket = 0;
  while (used-- > 0 && !from->bad) {
    uint64_t step = packed_get(from), times = packed_get(from);
    bucket += step;
    if (from->bad || step >= BUCKETS_END || bucket < BUCKETS_FIRST || bucket >= BUCKETS_END)
      return packed_spoil(from), 0;
    if (count_in(s, (uint32_t)bucket, times, b) != 0) return -1;
    *sum += times;
  }
  return 0;
}

static int merge_buckets(struct sketch *s, uint64_t n, struct packed *from, struct slabs *b) {
  if (s->listed != LISTED_NOT && spread(s, b) != 0) return -1;
  uint64_t sum = packed_get(from);
  s->zeros += sum;
  if (merge_side(&s->positive, from, &sum, b) != 0 || merge_side(&s->negative, from, &sum, b) != 0) return -1;
  if (sum != n) packed_spoil(from);
  return 0;
}

int sketch_merge(struct sketch **at, struct packed *from, struct slabs *b) {
  uint64_t n = packed_get(from);
  if (n == 0) return 0;
  double least = packed_get_double(from), most = packed_get_double(from);
  uint64_t how = packed_get(from);
  if (from->bad || how > 3 || !(isfinite(least) && isfinite(most) && least <= most)) return packed_spoil(from), 0;
  if (!*at && start(at, b) != 0) return -1;
  if ((how & 2 ? merge_list(at, n, from, b) : merge_buckets(*at, n, from, b)) != 0) return -1;
  struct sketch *s = *at;
  s->count += n;
  if (least < s->least) s->least = least;
  if (most > s->most) s->most = most;
  if (how & 1) s->fractions = 1;
  return 0;
}

/* ===} {=== answers === */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* the middle of a bucket of positive numbers; of integers one, and when there is only one, that */
static double middle(uint32_t bucket, int fractions) {
  double lower = lower_end(bucket), half = (lower_end(bucket + 1) - lower) / 2;
  return fractions ? lower + half : half < 1 ? ceil(lower) : lower + floor(half);
}

/* rank from 0 */
static double ranked(const struct sketch *s, uint64_t rank) {
  for (uint32_t i = s->negative.n; i-- > 0;) {
    if (rank < s->negative.counts[i]) return -middle(s->negative.first + i, s->fractions);
    rank -= s->negative.counts[i];
  }
  if (rank < s->zeros) return 0;
  rank -= s->zeros;
  for (uint32_t i = 0; i < s->positive.n; i++) {
    if (rank < s->positive.counts[i]) return middle(s->positive.first + i, s->fractions);
    rank -= s->positive.counts[i];
  }
  return s->most;
}

struct value sketch_quantile(struct sketch *s, double q) {
  if (!s || s->count == 0) return value_none();
  double wanted = ceil(q * (double)s->count);
  uint64_t rank = wanted < 1 ? 0 : wanted >= (double)s->count ? s->count - 1 : (uint64_t)wanted - 1;
  double v;
  if (rank == 0) {
    v = s->least;
  } else if (rank == s->count - 1) {
    v = s->most;
  } else if (s->listed != LISTED_NOT) {
    qsort(list_of(s), s->listed, sizeof(double), by_size);
    v = list_of(s)[rank];
  } else {
    v = ranked(s, rank);
    if (v < s->least) v = s->least;
    if (v > s->most) v = s->most;
  }
  return s->fractions ? value_number(v) : packed_normal(value_number(v));
}

static int put_entry(struct buf *out, double from, double to, uint64_t times) {
  struct entry e = {packed_normal(value_number(from)), packed_normal(value_number(to)), times, 0};
  return times ? buf_add(out, &e, sizeof e) : 0;
}

static uint64_t octave(const struct side *s, uint32_t at) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < OCTAVE; i++) sum += s->counts[at + i];
  return sum;
}

int sketch_histogram(const struct sketch *s, struct buf *out) {
  if (!s) return 0;
  struct slabs b = {0};
  struct sketch all = *s;
  int rc = 0;
  if (s->listed != LISTED_NOT) { /* count a copy */
    all.listed = LISTED_NOT;
    all.zeros = 0;
    all.positive = all.negative = (struct side){0};
    for (uint32_t i = 0; i < s->listed && rc == 0; i++) rc = count(&all, list_of(s)[i], &b);
  }
  for (uint32_t i = all.negative.n; i > 0 && rc == 0; i -= OCTAVE) {
    uint32_t at = all.negative.first + i - OCTAVE;
    rc = put_entry(out, -lower_end(at + OCTAVE), -lower_end(at), octave(&all.negative, i - OCTAVE));
  }
  if (rc == 0) rc = put_entry(out, 0, 0, all.zeros);
  for (uint32_t i = 0; i < all.positive.n && rc == 0; i += OCTAVE) {
    uint32_t at = all.positive.first + i;
    rc = put_entry(out, lower_end(at), lower_end(at + OCTAVE), octave(&all.positive, i));
  }
  slabs_free(&b);
  return rc;
}

/* ===} */
