/* chunks: the boundaries are found without reading what lies between them.
**
** The last newline of a window is looked for backwards from the window's end; only when there is none does a search
** forward tell how far the window has to grow. Both go block by block through one small aligned buffer, so that
** chunks smaller than a block cost no system call each, and a line of a gigabyte is read once, not once per `size`. */
#include "scan/chunks.h"

#include <string.h>

static uint64_t usual_size(uint64_t bytes) {
  uint64_t share = bytes / CHUNK_SHARE;
  return share < CHUNK_LEAST ? CHUNK_LEAST : share > CHUNK_MOST ? CHUNK_MOST : share;
}

int chunks_start(struct chunks *c, struct file *file, uint64_t size, struct why *why) {
  int64_t end = file_size(file, why);
  if (end < 0) return -1;
  c->file = file;
  c->at = c->have = c->block = 0;
  c->end = (uint64_t)end;
  c->size = size ? size : usual_size(c->end);
  return 0;
}

/* the aligned block that holds the byte at `at` */
static int look(struct chunks *c, uint64_t at, struct why *why) {
  uint64_t block = at - at % CHUNK_BLOCK, left = c->end - block;
  if (c->have && c->block == block) return 0;
  c->have = 0;
  uint64_t n = left < CHUNK_BLOCK ? left : CHUNK_BLOCK;
  if (file_read(c->file, block, c->near, n, why) != 0) return -1;
  c->block = block;
  c->have = n;
  return 0;
}

/* the last newline in [from, to) */
static int find_last(struct chunks *c, uint64_t from, uint64_t to, uint64_t *at, struct why *why) {
  while (to > from) {
    if (look(c, to - 1, why) != 0) return -1;
    uint64_t low = from > c->block ? from : c->block;
    const uint8_t *nl = memrchr(c->near + (low - c->block), '\n', to - low);
    if (nl) {
      *at = c->block + (uint64_t)(nl - c->near);
      return 1;
    }
    to = low;
  }
  return 0;
}

/* the first newline in [from, to) */
static int find_first(struct chunks *c, uint64_t from, uint64_t to, uint64_t *at, struct why *why) {
  while (from < to) {
    if (look(c, from, why) != 0) return -1;
    uint64_t high = to < c->block + c->have ? to : c->block + c->have;
    const uint8_t *nl = memchr(c->near + (from - c->block), '\n', high - from);
    if (nl) {
      *at = c->block + (uint64_t)(nl - c->near);
      return 1;
    }
    from = high;
  }
  return 0;
}

/* where the window ends when it has grown by `size` until it holds the byte at nl */
static uint64_t grown(const struct chunks *c, uint64_t nl) {
  uint64_t windows = (nl - c->at) / c->size + 1;
  return windows > (c->end - c->at) / c->size ? c->end : c->at + windows * c->size;
}

static int cut(struct chunks *c, uint64_t *last, struct why *why) {
  *last = c->end - 1;
  if (c->size >= c->end - c->at) return 1;
  uint64_t window = c->at + c->size, nl;
  int found = find_last(c, c->at, window, last, why);
  if (found != 0) return found;
  found = find_first(c, window, c->end, &nl, why);
  if (found < 0) return -1;
  *last = c->end - 1;
  if (found == 0 || (window = grown(c, nl)) == c->end) return 1;
  return find_last(c, nl, window, last, why);
}

int chunks_next(struct chunks *c, uint64_t *first, uint64_t *last, struct why *why) {
  if (c->at >= c->end) return 0;
  *first = c->at;
  int found = cut(c, last, why);
  c->at = found > 0 ? *last + 1 : c->end;
  return found;
}
