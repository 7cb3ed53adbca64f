#include "scan/slabs.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct slabs_run {
  struct slabs_run *next, *previous; /* previous: of large ones */
  size_t size;
  alignas(16) uint8_t bytes[];
};

static unsigned power_of(size_t n) {
  return n <= 16 ? 4 : 64 - (unsigned)__builtin_clzll(n - 1);
}

size_t slabs_room(size_t n) {
  return (size_t)1 << power_of(n);
}

static void free_list(struct slabs_run *r) {
  while (r) {
    struct slabs_run *next = r->next;
    free(r);
    r = next;
  }
}

void slabs_free(struct slabs *b) {
  free_list(b->runs);
  free_list(b->large);
  *b = (struct slabs){0};
}

void slabs_reset(struct slabs *b) {
  struct slabs_run *kept = b->runs;
  if (kept) {
    free_list(kept->next);
    kept->next = NULL;
  }
  free_list(b->large);
  *b = (struct slabs){.runs = kept};
}

static void link_large(struct slabs *b, struct slabs_run *r) {
  r->previous = NULL;
  r->next = b->large;
  if (r->next) r->next->previous = r;
  b->large = r;
}

static void unlink_large(struct slabs *b, struct slabs_run *r) {
  if (r->next) r->next->previous = r->previous;
  if (r->previous) r->previous->next = r->next;
  else b->large = r->next;
}

static struct slabs_run *run_of(void *p) {
  return (struct slabs_run *)((uint8_t *)p - offsetof(struct slabs_run, bytes));
}

static int is_large(size_t size) {
  return size > BLOCKS_LARGE;
}

/* runs double, so that a small tally stays small */
static struct slabs_run *new_run(struct slabs *b, size_t least) {
  size_t size = b->runs ? b->runs->size * 2 : BLOCKS_RUN_START;
  if (size > BLOCKS_RUN_MOST) size = BLOCKS_RUN_MOST;
  if (size < least) size = least;
  struct slabs_run *r = malloc(sizeof *r + size);
  if (!r) return NULL;
  r->size = size;
  r->next = b->runs;
  b->runs = r;
  b->cut = 0;
  return r;
}

static void *take_large(struct slabs *b, size_t size) {
  if (size == 0 || size > SIZE_MAX - sizeof(struct slabs_run)) {
    errno = ENOMEM;
    return NULL;
  }
  struct slabs_run *r = malloc(sizeof *r + size);
  if (!r) return NULL;
  r->size = size;
  link_large(b, r);
  return r->bytes;
}

static void *take_small(struct slabs *b, unsigned power) {
  size_t size = (size_t)1 << power;
  void *p = b->freed[power];
  if (p) {
    memcpy(&b->freed[power], p, sizeof(void *));
    return p;
  }
  if ((!b->runs || b->runs->size - b->cut < size) && !new_run(b, size)) return NULL;
  p = b->runs->bytes + b->cut;
  b->cut += size;
  return p;
}

void *slabs_take(struct slabs *b, size_t n) {
  unsigned power = power_of(n);
  size_t size = power < 64 ? (size_t)1 << power : 0;
  void *p = size == 0 || is_large(size) ? take_large(b, size) : take_small(b, power);
  if (p) b->bytes += size;
  return p;
}

void slabs_give(struct slabs *b, void *p, size_t n) {
  unsigned power = power_of(n);
  size_t size = (size_t)1 << power;
  b->bytes -= size;
  if (is_large(size)) {
    unlink_large(b, run_of(p));
    free(run_of(p));
  } else {
    memcpy(p, &b->freed[power], sizeof(void *));
    b->freed[power] = p;
  }
}

/* realloc moves pages, not bytes, where the block has some */
static void *grow_large(struct slabs *b, void *p, size_t size, size_t larger) {
  struct slabs_run *r = run_of(p);
  unlink_large(b, r);
  struct slabs_run *moved = larger > size ? realloc(r, sizeof *r + larger) : NULL;
  link_large(b, moved ? moved : r);
  if (!moved) {
    errno = ENOMEM;
    return NULL;
  }
  moved->size = larger;
  b->bytes += larger - size;
  return moved->bytes;
}

void *slabs_grow(struct slabs *b, void *p, size_t n, size_t more) {
  if (!p) return slabs_take(b, more);
  size_t size = slabs_room(n), larger = power_of(more) < 64 ? slabs_room(more) : 0;
  if (larger == size) return p;
  if (is_large(size)) return grow_large(b, p, size, larger);
  void *q = slabs_take(b, more);
  if (!q) return NULL;
  memcpy(q, p, n < more ? n : more);
  slabs_give(b, p, n);
  return q;
}
