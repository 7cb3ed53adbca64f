/* buf: a growing run of bytes.
**
** Invariants: `n <= cap`; bytes 0..n-1 of `p` are valid; `p` may move on any call that can grow.
** The memory belongs to whoever provides `grow`: buf_heap's grow is realloc; the runtime's buffers grow into
** payload blocks of the shared reservation, so that an encoder writes where the reader will read.
** Nothing here aborts: growth that fails returns -1 with errno set, and the buffer stays as it was. */
#ifndef PAPY_BASE_BUF_H
#define PAPY_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
  uint8_t *p;
  size_t n, cap;
  int (*grow)(struct buf *b, size_t need);  /* make cap >= need keeping the first n bytes; 0, or -1 with errno */
  void *owner;                              /* for grow's own use */
};

/* an empty buffer on the C heap; free it with buf_free */
void buf_heap(struct buf *b);
/* free a buffer made by buf_heap; it is empty and usable afterwards */
void buf_free(struct buf *b);
/* make room for `more` further bytes beyond n */
int buf_more(struct buf *b, size_t more);
/* append; 0 or -1 with errno */
static inline int buf_add(struct buf *b, const void *s, size_t len) {
  if (b->cap - b->n < len && buf_more(b, len) != 0) return -1;
  if (len) memcpy(b->p + b->n, s, len);
  b->n += len;
  return 0;
}
static inline int buf_byte(struct buf *b, uint8_t c) {
  if (b->n == b->cap && buf_more(b, 1) != 0) return -1;
  b->p[b->n++] = c;
  return 0;
}

#endif
