/* The k best are a heap with the worst on top: most groups are worse than that one and cost one comparison. */
#include "scan/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS_MOST (TALLY_KEYS_MOST + TALLY_COLUMNS_MOST)

struct ranked {
  struct tally_row row;
  struct value value; /* of the first column sorted by */
};

struct ranking {
  struct tally_order by[ORDERS_MOST];
  unsigned orders;
  size_t k;
  struct ranked *heap;
  size_t n, room, next;
  struct tally *held; /* copies of groups of a tally that has spilled */
};

static struct value value_of(const struct tally_row *row, unsigned column) {
  struct value v;
  unsigned keys = tally_spec(row->tally)->keys;
  if (column < keys) tally_key(row, column, &v);
  else tally_result(row, column - keys, &v);
  return v;
}

static int compare(const struct ranking *r, const struct ranked *a, const struct ranked *b) {
  int order = r->orders ? value_sort_order(&a->value, &b->value, r->by[0].descending) : 0;
  for (unsigned i = 1; i < r->orders && order == 0; i++) {
    struct value x = value_of(&a->row, r->by[i].column), y = value_of(&b->row, r->by[i].column);
    order = value_sort_order(&x, &y, r->by[i].descending);
  }
  return order ? order : tally_order_keys(&a->row, &b->row);
}

static void sift_down(const struct ranking *r, size_t i, size_t n) {
  struct ranked moving = r->heap[i];
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && compare(r, &r->heap[child + 1], &r->heap[child]) > 0) child++;
    if (compare(r, &moving, &r->heap[child]) >= 0) break;
    r->heap[i] = r->heap[child];
    i = child;
  }
  r->heap[i] = moving;
}

static int append(struct ranking *r, const struct ranked *e) {
  if (r->n == r->room) {
    size_t room = r->room ? r->room * 2 : 16;
    struct ranked *heap = realloc(r->heap, room * sizeof *heap);
    if (!heap) return -1;
    r->heap = heap;
    r->room = room;
  }
  r->heap[r->n++] = *e;
  if (r->n == r->k)
    for (size_t i = r->n / 2; i-- > 0;) sift_down(r, i, r->n);
  return 0;
}

static int offer(struct ranking *r, const struct tally_row *row) {
  struct ranked e = {.row = *row};
  if (r->orders) e.value = value_of(row, r->by[0].column);
  if (r->n < r->k) return append(r, &e);
  if (r->k == 0 || compare(r, &e, &r->heap[0]) > 0) return 0;
  r->heap[0] = e;
  sift_down(r, 0, r->n);
  return 0;
}

static int no_memory(struct why *why) {
  errno = ENOMEM;
  return why_set(why, "cannot sort groups:");
}

static int rank(struct ranking *r, const struct tally *part, struct why *why) {
  struct tally_row row = {0};
  r->n = 0;
  while (tally_each(part, &row))
    if (offer(r, &row) != 0) return no_memory(why);
  return 0;
}

/* a tally of the k best groups of the partition and of those held so far, which takes the place of those */
static int hold(struct ranking *r, const struct tally *part, struct why *why) {
  struct tally_spec spec = *tally_spec(part);
  struct tally_row row = {0};
  spec.memory = 0;
  struct tally *held = tally_new(&spec, why);
  int rc = held ? rank(r, part, why) : -1;
  while (rc == 0 && r->held && tally_each(r->held, &row))
    if (offer(r, &row) != 0) rc = no_memory(why);
  for (size_t i = 0; i < r->n && rc == 0; i++) rc = tally_take(held, &r->heap[i].row, why);
  if (rc != 0) return tally_free(held), -1;
  tally_free(r->held);
  r->held = held;
  return 0;
}

/* A spilled tally: the values in the heap belong to partitions that go, hence the copies. */
static int rank_parts(struct ranking *r, struct tally *t, struct why *why) {
  struct tally *part;
  struct tally_reader *reader = tally_read(t, why);
  int rc = reader ? 1 : -1;
  while (rc > 0 && (rc = tally_part(reader, &part, why)) > 0)
    if (hold(r, part, why) != 0) rc = -1;
  tally_read_end(reader);
  if (rc < 0 || !r->held) return r->n = 0, rc;
  return rank(r, r->held, why);
}

/* from a heap to an array in order, the worst taken off the top to the end; of all groups when there are less than k,
** the heap is yet to be made */
static void put_in_order(struct ranking *r) {
  if (r->n < r->k)
    for (size_t i = r->n / 2; i-- > 0;) sift_down(r, i, r->n);
  for (size_t n = r->n; n > 1;) {
    struct ranked worst = r->heap[0];
    r->heap[0] = r->heap[--n];
    r->heap[n] = worst;
    sift_down(r, 0, n);
  }
}

static int check(const struct tally *t, const struct tally_order *by, unsigned n, struct why *why) {
  const struct tally_spec *spec = tally_spec(t);
  if (n > ORDERS_MOST) return why_set(why, "sorting by more than %d columns", ORDERS_MOST);
  for (unsigned i = 0; i < n; i++) {
    if (by[i].column >= spec->keys + spec->columns) return why_set(why, "no column %u to sort by", by[i].column + 1);
    if (by[i].column >= spec->keys && aggregate_is_list(spec->column[by[i].column - spec->keys].kind))
      return why_set(why, "a list has no order to sort by");
  }
  return 0;
}

struct ranking *ranking_of(struct tally *t, const struct tally_order *by, unsigned n, size_t k, struct why *why) {
  if (check(t, by, n, why) != 0) return NULL;
  struct ranking *r = calloc(1, sizeof *r);
  if (!r) return no_memory(why), NULL;
  if (n) memcpy(r->by, by, n * sizeof *by);
  r->orders = n;
  r->k = k;
  if ((tally_spilled(t) ? rank_parts(r, t, why) : rank(r, t, why)) != 0) return ranking_free(r), NULL;
  put_in_order(r);
  return r;
}

int ranking_next(struct ranking *r, struct tally_row *row) {
  if (r->next == r->n) return 0;
  *row = r->heap[r->next++].row;
  return 1;
}

void ranking_free(struct ranking *r) {
  if (!r) return;
  tally_free(r->held);
  free(r->heap);
  free(r);
}
