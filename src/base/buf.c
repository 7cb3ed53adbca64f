#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

static int heap_grow(struct buf *b, size_t need) {
  size_t cap = b->cap ? b->cap : BUF_START;
  while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
  uint8_t *p = realloc(b->p, cap);
  if (!p) return -1;
  b->p = p;
  b->cap = cap;
  return 0;
}

void buf_heap(struct buf *b) { *b = (struct buf){.grow = heap_grow}; }

void buf_free(struct buf *b) {
  free(b->p);
  buf_heap(b);
}

int buf_more(struct buf *b, size_t more) {
  if (more > SIZE_MAX - b->n) {
    errno = ENOMEM;
    return -1;
  }
  return b->n + more <= b->cap ? 0 : b->grow(b, b->n + more);
}
