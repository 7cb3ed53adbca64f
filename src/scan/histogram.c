#include "scan/histogram.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "scan/groups.h"

#define FARTHEST 0x1p62 /* buckets beyond are counted in this one */

/* a bucket's key is its number, its body the count */
struct histogram {
  struct groups buckets;
  unsigned doubled;
};

static int start(struct histogram **at, struct slabs *b) {
  struct histogram *h = slabs_take(b, sizeof *h);
  if (!h || groups_start(&h->buckets, sizeof(uint64_t), GROUPS_START, 0, b) != 0) return -1;
  h->doubled = 0;
  *at = h;
  return 0;
}

static int64_t number_of(const struct histogram *h, const struct group *r) {
  int64_t bucket;
  memcpy(&bucket, group_key(&h->buckets, r), sizeof bucket);
  return bucket;
}

static int count(struct groups *g, int64_t bucket, uint64_t times) {
  struct group *r = groups_at(g, (struct key){(const uint8_t *)&bucket, sizeof bucket, 0});
  if (!r) return -1;
  r->body[0] += times;
  return 0;
}

/* neighbours become one */
static int double_width(struct histogram *h, unsigned times, struct slabs *b) {
  struct groups wider;
  if (times == 0) return 0;
  if (groups_start(&wider, sizeof(uint64_t), GROUPS_START, 0, b) != 0) return -1;
  for (struct group *r = NULL; (r = groups_next(&h->buckets, r));)
    if (count(&wider, number_of(h, r) >> times, r->body[0]) != 0) return groups_end(&wider), -1;
  groups_end(&h->buckets);
  h->buckets = wider;
  h->doubled += times;
  return 0;
}

static int limit(struct histogram *h, struct slabs *b) {
  while (h->buckets.count > HISTOGRAM_MOST && h->doubled < 63)
    if (double_width(h, 1, b) != 0) return -1;
  return 0;
}

int histogram_add(struct histogram **at, const struct value *number, double width, struct slabs *b) {
  double bucket = floor(value_double(number) / width);
  if (isnan(bucket)) return 0;
  if (bucket > FARTHEST) bucket = FARTHEST;
  if (bucket < -FARTHEST) bucket = -FARTHEST;
  if (!*at && start(at, b) != 0) return -1;
  struct histogram *h = *at;
  return count(&h->buckets, (int64_t)bucket >> h->doubled, 1) != 0 ? -1 : limit(h, b);
}

/* {=== bytes: number of buckets + 1 (0: nothing), doubled, then number, count === */

int histogram_write(const struct histogram *h, struct buf *out) {
  if (!h) return packed_put(out, 0);
  if (packed_put(out, h->buckets.count + 1) != 0 || packed_put(out, h->doubled) != 0) return -1;
  for (struct group *r = NULL; (r = groups_next(&h->buckets, r));)
    if (packed_put_signed(out, number_of(h, r)) != 0 || packed_put(out, r->body[0]) != 0) return -1;
  return 0;
}

int histogram_merge(struct histogram **at, struct packed *from, struct slabs *b) {
  uint64_t n = packed_get(from);
  if (n == 0) return 0;
  uint64_t doubled = packed_get(from);
  if (doubled > 63 || n - 1 > packed_left(from) / 2) return packed_spoil(from), 0;
  if (!*at && start(at, b) != 0) return -1;
  struct histogram *h = *at;
  if (h->doubled < doubled && double_width(h, (unsigned)doubled - h->doubled, b) != 0) return -1;
  for (n--; n > 0 && !from->bad; n--) {
    int64_t bucket = packed_get_signed(from) >> (h->doubled - doubled);
    if (count(&h->buckets, bucket, packed_get(from)) != 0) return -1;
  }
  return limit(h, b);
}

/* ===} */

static int by_value(const void *a, const void *b) {
  return value_compare_numbers(&((const struct entry *)a)->value, &((const struct entry *)b)->value);
}

int histogram_list(const struct histogram *h, double width, struct buf *out) {
  size_t start_at = out->n;
  if (!h) return 0;
  double wide = ldexp(width, (int)h->doubled);
  for (struct group *r = NULL; (r = groups_next(&h->buckets, r));) {
    double from = (double)number_of(h, r) * wide;
    struct entry e = {.value = packed_normal(value_number(from)), .count = r->body[0]};
    e.upto = packed_normal(value_number(from + wide));
    if (buf_add(out, &e, sizeof e) != 0) return -1;
  }
  if (h->buckets.count) qsort(out->p + start_at, h->buckets.count, sizeof(struct entry), by_value);
  return 0;
}
