#include "scan/frequent.h"

#include <stdlib.h>

#include "base/limits.h"
#include "scan/keyform.h"

struct frequent {
  struct groups values;
  uint64_t cut; /* what has gone was there at most so often */
};

/* the body of a row */
struct times {
  uint64_t count, over; /* count includes over */
};

static struct times *times_of(const struct group *r) {
  return (struct times *)r->body;
}

static uint64_t exact(uint64_t wanted) {
  return wanted > FREQUENT_EXACT / 32 ? wanted * 32 : FREQUENT_EXACT;
}

static int start(struct frequent **at, struct slabs *b) {
  struct frequent *f = slabs_take(b, sizeof *f);
  if (!f) return -1;
  f->cut = 0;
  uint64_t seed = (uint64_t)(uintptr_t)f * 0x9e3779b97f4a7c15u;
  if (groups_start(&f->values, sizeof(struct times), GROUPS_START, seed, b) != 0) return -1;
  *at = f;
  return 0;
}

/* {=== the cut === */

static int falling(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x < y) - (x > y);
}

/* the count below which values go, so that at most `most` stay */
static int find_cut(const struct frequent *f, size_t most, uint64_t *cut) {
  size_t n = 0;
  uint64_t *counts = malloc(f->values.count * sizeof *counts);
  if (!counts) return -1;
  for (struct group *r = NULL; (r = groups_next(&f->values, r));) counts[n++] = times_of(r)->count;
  qsort(counts, n, sizeof *counts, falling);
  *cut = counts[most];
  free(counts);
  return 0;
}

/* Keep what has more than the cut. Equals of the cut go together, whichever came first: so the result is one of the
** values alone. */
static int cut_down(struct frequent *f, uint64_t wanted, struct slabs *b) {
  uint64_t cut;
  struct groups kept;
  if (find_cut(f, exact(wanted) / 2, &cut) != 0) return -1;
  if (groups_start(&kept, sizeof(struct times), GROUPS_START, f->values.seed, b) != 0) return -1;
  for (struct group *r = NULL; (r = groups_next(&f->values, r));) {
    if (times_of(r)->count <= cut) continue;
    struct key key = {group_key(&f->values, r), r->length, r->shape};
    struct group *copy = groups_add(&kept, key, r->hash);
    if (!copy) return groups_end(&kept), -1;
    *times_of(copy) = *times_of(r);
  }
  groups_end(&f->values);
  f->values = kept;
  f->cut = cut;
  return 0;
}

/* ===} */

/* count a value; `over` of its count may be of others */
static int add(struct frequent *f, struct key key, struct times more, uint64_t wanted, struct slabs *b) {
  size_t before = f->values.count;
  struct group *r = groups_at(&f->values, key);
  if (!r) return -1;
  struct times *t = times_of(r);
  if (f->values.count > before) *t = (struct times){f->cut, f->cut};
  t->count += more.count;
  t->over += more.over;
  return f->values.count > exact(wanted) ? cut_down(f, wanted, b) : 0;
}

int frequent_add(struct frequent **f, const struct value *v, uint64_t wanted, struct buf *scratch, struct slabs *b) {
  struct key key;
  if (keyform_make(&v, 1, scratch, &key) != 0 || (!*f && start(f, b) != 0)) return -1;
  return add(*f, key, (struct times){1, 0}, wanted, b);
}

/* {=== bytes: number of values + 1 (0: nothing), cut, then key, count, over === */

int frequent_write(const struct frequent *f, struct buf *out) {
  if (!f) return packed_put(out, 0);
  if (packed_put(out, f->values.count + 1) != 0 || packed_put(out, f->cut) != 0) return -1;
  for (struct group *r = NULL; (r = groups_next(&f->values, r));) {
    if (keyform_write(&f->values, r, out) != 0) return -1;
    if (packed_put(out, times_of(r)->count) != 0 || packed_put(out, times_of(r)->over) != 0) return -1;
  }
  return 0;
}

/* What only one of two has may have been in the other as often as its cut: those of f get the other's here, those of
** the other get f's where they come in. */
static void lift(struct frequent *f, uint64_t by) {
  for (struct group *r = NULL; by && (r = groups_next(&f->values, r));) {
    times_of(r)->count += by;
    times_of(r)->over += by;
  }
}

/* what both have does not get the other's cut: take back what lift gave */
static int add_other(struct frequent *f, struct key key, struct times t, uint64_t other_cut) {
  size_t before = f->values.count;
  struct group *r = groups_at(&f->values, key);
  if (!r) return -1;
  int known = f->values.count == before;
  uint64_t by = known ? -other_cut : f->cut;
  times_of(r)->count += t.count + by;
  times_of(r)->over += t.over + by;
  return 0;
}

int frequent_merge(struct frequent **at, struct packed *from, uint64_t wanted, struct slabs *b) {
  uint64_t n = packed_get(from);
  if (n == 0) return 0;
  uint64_t cut = packed_get(from);
  if (n - 1 > packed_left(from) / 3) return packed_spoil(from), 0;
  if (!*at && start(at, b) != 0) return -1;
  struct frequent *f = *at;
  lift(f, cut);
  for (n--; n > 0; n--) {
    struct key key = keyform_read(from);
    struct times t = {.count = packed_get(from)};
    t.over = packed_get(from);
    if (from->bad || !keyform_good(key, 1)) return packed_spoil(from), 0;
    if (add_other(f, key, t, cut) != 0) return -1;
  }
  f->cut += cut;
  return f->values.count > exact(wanted) ? cut_down(f, wanted, b) : 0;
}

/* ===} */

static int by_count(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  int order = value_order(&x->value, &y->value);
  if (order != 0) return order;
  return (x->value.kind > y->value.kind) - (x->value.kind < y->value.kind);
}

int frequent_list(const struct frequent *f, uint64_t wanted, struct buf *out) {
  size_t start_at = out->n;
  if (!f) return 0;
  for (struct group *r = NULL; (r = groups_next(&f->values, r));) {
    struct entry e = {.value = keyform_value(&f->values, r, 0), .count = times_of(r)->count, .over = times_of(r)->over};
    if (buf_add(out, &e, sizeof e) != 0) return -1;
  }
  if (f->values.count) qsort(out->p + start_at, f->values.count, sizeof(struct entry), by_count);
  if (f->values.count > wanted) out->n = start_at + wanted * sizeof(struct entry);
  return 0;
}
