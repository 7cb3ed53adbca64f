/* An arena is a chain of blocks, each at least twice as large as the one before, so the newest holds more than all
** others together. A reset keeps only the newest: records of about the same size soon fit one block, and an ordinary reset is
** one comparison and two assignments. */
#include "scan/record.h"

#include <stdlib.h>

#include "base/limits.h"

struct arena_block {
  struct arena_block *full; /* the one before */
  size_t size;
  _Alignas(struct value) char bytes[];
};

static void free_chain(struct arena_block *b) {
  while (b) {
    struct arena_block *next = b->full;
    free(b);
    b = next;
  }
}

void arena_free(struct arena *a) {
  free_chain(a->block);
  *a = (struct arena){0};
}

void arena_reset_used(struct arena *a) {
  struct arena_block *b = a->block;
  if (b->size > ARENA_KEPT) {
    arena_free(a);
    return;
  }
  free_chain(b->full);
  b->full = NULL;
  a->free = b->bytes;
}

static int add_block(struct arena *a, size_t n) {
  size_t size = a->block ? a->block->size * 2 : ARENA_START;
  if (size < n) size = n;
  struct arena_block *b = malloc(sizeof *b + size);
  if (!b) return -1;
  b->full = a->block;
  b->size = size;
  a->block = b;
  a->free = b->bytes;
  a->end = b->bytes + size;
  return 0;
}

void *arena_take(struct arena *a, size_t n) {
  size_t unit = _Alignof(struct value);
  n = n ? (n + unit - 1) / unit * unit : unit;
  if ((size_t)(a->end - a->free) < n && add_block(a, n) != 0) return NULL;
  char *p = a->free;
  a->free += n;
  return p;
}
