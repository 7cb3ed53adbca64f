/* A heap with the worst on top. The bytes of an entry are its packed keys and what it was added with; the entry that takes
** the place of another takes its memory, too. */
#include "scan/best.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "scan/packed.h"

struct entry {
  struct value first; /* key, a number where it looks like one; its text lies in the bytes */
  uint64_t number;    /* in the order of adding */
  size_t keys;        /* bytes of them */
  struct buf bytes;
};

struct entries {
  struct entry *p;
  size_t n, room;
};

struct best {
  struct sorter_spec spec;
  size_t most;
  uint64_t number;
  struct entries heap, odd; /* odd: kept in any case */
};

static int no_memory(struct why *why) {
  errno = ENOMEM;
  return why_set(why, "cannot hold the best records:");
}

/* {=== order === */

static struct value simple(const struct value *v) {
  int64_t whole = value_whole(v);
  return whole < 0 ? *v : value_integer(whole);
}

static bool is_odd(const struct value *v) {
  return v->kind == VALUE_RAW || (v->kind == VALUE_NUMBER && v->number != v->number);
}

/* the keys of a new entry, the first one made simple, against those of one that is kept */
static int compare_keys(const struct best *b, const struct value *first, const struct value *const *keys,
                        const struct entry *e) {
  int order = value_sort_order(first, &e->first, b->spec.descending[0]);
  if (order != 0 || b->spec.keys == 1) return order;
  struct packed from = packed_of(e->bytes.p, e->keys);
  packed_get_value(&from);
  for (unsigned i = 1; i < b->spec.keys && order == 0; i++) {
    struct value other = packed_get_value(&from);
    order = value_sort_order(keys[i], &other, b->spec.descending[i]);
  }
  return order;
}

static int compare(const struct best *b, const struct entry *x, const struct entry *y) {
  int order = value_sort_order(&x->first, &y->first, b->spec.descending[0]);
  if (order == 0 && b->spec.keys > 1) {
    struct packed px = packed_of(x->bytes.p, x->keys), py = packed_of(y->bytes.p, y->keys);
    packed_get_value(&px);
    packed_get_value(&py);
    for (unsigned i = 1; i < b->spec.keys && order == 0; i++) {
      struct value vx = packed_get_value(&px), vy = packed_get_value(&py);
      order = value_sort_order(&vx, &vy, b->spec.descending[i]);
    }
  }
  return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* the worst of those below goes up where it is worse than the moving one */
static void sift_down(const struct best *b, size_t i) {
  struct entry *heap = b->heap.p, moving = heap[i];
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= b->heap.n) break;
    if (child + 1 < b->heap.n && compare(b, &heap[child + 1], &heap[child]) > 0) child++;
    if (compare(b, &moving, &heap[child]) >= 0) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = moving;
}

bool best_wants(const struct best *b, const struct value *const *keys) {
  if (b->heap.n < b->most) return true;
  for (unsigned i = 0; i < b->spec.keys; i++)
    if (is_odd(keys[i])) return true;
  struct value first = simple(keys[0]);
  return b->most && compare_keys(b, &first, keys, &b->heap.p[0]) < 0;
}

/* ===} {=== entries === */

/* one more, empty; NULL when memory is out */
static struct entry *append(struct entries *all) {
  if (all->n == all->room) {
    size_t room = all->room ? all->room * 2 : 16;
    struct entry *p = realloc(all->p, room * sizeof *p);
    if (!p) return NULL;
    for (size_t i = all->room; i < room; i++) buf_heap(&p[i].bytes);
    all->p = p;
    all->room = room;
  }
  struct entry *e = &all->p[all->n++];
  e->bytes.n = 0;
  return e;
}

static int fill(struct best *b, struct entry *e, const struct value *const *keys, const void *bytes, size_t n) {
  e->bytes.n = 0;
  for (unsigned i = 0; i < b->spec.keys; i++)
    if (packed_put_value(&e->bytes, *keys[i]) != 0) return -1;
  e->keys = e->bytes.n;
  if (buf_add(&e->bytes, bytes, n) != 0) return -1;
  struct packed from = packed_of(e->bytes.p, e->keys);
  struct value first = packed_get_value(&from);
  e->first = simple(&first);
  e->number = b->number++;
  return 0;
}

static int add_odd(struct best *b, const struct value *const *keys, const void *bytes, size_t n, struct why *why) {
  struct entry *e = append(&b->odd);
  return !e || fill(b, e, keys, bytes, n) != 0 ? no_memory(why) : 0;
}

int best_add(struct best *b, const struct value *const *keys, const void *bytes, size_t n, struct why *why) {
  for (unsigned i = 0; i < b->spec.keys; i++)
    if (is_odd(keys[i])) return add_odd(b, keys, bytes, n, why);
  if (b->heap.n == b->most) {
    if (fill(b, &b->heap.p[0], keys, bytes, n) != 0) return no_memory(why);
    sift_down(b, 0);
    return 0;
  }
  struct entry *e = append(&b->heap);
  if (!e || fill(b, e, keys, bytes, n) != 0) return no_memory(why);
  if (b->heap.n == b->most) /* the heap is made when it is full: nothing asks for the worst before */
    for (size_t i = b->heap.n / 2; i-- > 0;) sift_down(b, i);
  return 0;
}

/* ===} {=== all of them === */

static void free_entries(struct entries *all) {
  for (size_t i = 0; i < all->room; i++) buf_free(&all->p[i].bytes);
  free(all->p);
  *all = (struct entries){0};
}

struct best *best_new(const struct sorter_spec *spec, size_t most, struct why *why) {
  if (spec->keys < 1 || spec->keys > SORTER_KEYS_MOST)
    return why_set(why, "sorting by %u keys: 1 to %d are possible", spec->keys, SORTER_KEYS_MOST), NULL;
  struct best *b = calloc(1, sizeof *b);
  if (!b) return no_memory(why), NULL;
  b->spec = *spec;
  b->most = most;
  return b;
}

void best_free(struct best *b) {
  if (!b) return;
  free_entries(&b->heap);
  free_entries(&b->odd);
  free(b);
}

void best_clear(struct best *b) {
  for (size_t i = 0; i < b->heap.room; i++)
    if (b->heap.p[i].bytes.cap > PIECES_KEPT) buf_free(&b->heap.p[i].bytes); /* one line was huge */
  b->heap.n = 0;
  b->number = 0;
  free_entries(&b->odd);
}

/* the odd ones to the others, with their memory */
static int put_together(struct best *b, struct why *why) {
  for (size_t i = 0; i < b->odd.n; i++) {
    struct entry *e = append(&b->heap), odd = b->odd.p[i];
    if (!e) return no_memory(why);
    b->odd.p[i].bytes = e->bytes;
    *e = odd;
  }
  free_entries(&b->odd);
  return 0;
}

static int by_number(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  return (x->number > y->number) - (x->number < y->number);
}

int64_t best_end(struct best *b, struct why *why) {
  if (put_together(b, why) != 0) return -1;
  if (b->heap.n) qsort(b->heap.p, b->heap.n, sizeof *b->heap.p, by_number);
  return (int64_t)b->heap.n;
}

struct text best_at(const struct best *b, size_t i, struct value keys[SORTER_KEYS_MOST]) {
  const struct entry *e = &b->heap.p[i];
  struct packed from = packed_of(e->bytes.p, e->keys);
  for (unsigned k = 0; k < b->spec.keys; k++) keys[k] = packed_get_value(&from);
  return (struct text){(const char *)e->bytes.p + e->keys, e->bytes.n - e->keys};
}

/* ===} */
