/* chunks: cut a file into byte ranges that end at newlines.
**
** From `at`, a window of `size` bytes grows by `size` until it contains a newline; the chunk ends at the last newline
** in it. A window that reaches the end of the file is the last chunk, with or without a newline there. So
** chunks follow one another without a gap, every one starts at the start of a line, and a file without any newline is
** one chunk. The size of the file is the one at the start: what is appended later is not seen, and a
** file that shrinks meanwhile is an error.
** Only blocks around the ends of windows are read, and each byte of a line longer than `size` once. */
#ifndef PAPY_SCAN_CHUNKS_H
#define PAPY_SCAN_CHUNKS_H

#include <stdint.h>

#include "base/limits.h"
#include "scan/file.h"

struct chunks {
  struct file *file; /* borrowed: the caller holds it */
  uint64_t at, end;  /* next chunk's first byte; the file's size at the start */
  uint64_t size;
  uint64_t block, have; /* offset of the block in `near`, bytes in it (0: none) */
  uint8_t near[CHUNK_BLOCK];
};

/* size in bytes; 0: a 64th of the file, within bounds. -1 with *why when the file cannot be read. */
int chunks_start(struct chunks *c, struct file *file, uint64_t size, struct why *why);
/* The next chunk, offsets from 0, both inclusive. 1; 0 at the end; -1 with *why, after which it is at its end. */
int chunks_next(struct chunks *c, uint64_t *first, uint64_t *last, struct why *why);

#endif
