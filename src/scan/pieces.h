/* pieces: walk through a byte range of a file in runs of whole lines.
**
** Each piece ends with a newline, except the last when the range does not; a piece is about READ_PIECE bytes, longer
** only when one line is. Who expects to stop soon sets `step`: pieces then begin with so many bytes and grow. The bytes
** stand in the buffer given and stay valid until the next call. */
#ifndef PAPY_SCAN_PIECES_H
#define PAPY_SCAN_PIECES_H

#include <stdint.h>

#include "base/buf.h"
#include "scan/file.h"

struct pieces {
  struct file *file; /* borrowed: the caller holds it */
  uint64_t at, end;  /* not read yet */
  struct buf *buf;   /* borrowed: buf->n bytes read, the first `given` of them handed out */
  size_t given;
  uint64_t step; /* how much is read next; doubles up to READ_PIECE */
};

/* bytes first to last, both inclusive; buf's content is overwritten */
void pieces_start(struct pieces *s, struct file *file, uint64_t first, uint64_t last, struct buf *buf);
/* The last n bytes of the piece are not done with: the next piece begins with them. */
void pieces_keep(struct pieces *s, size_t n);
/* The range ends with byte `last` only. Little of that is needed, most likely. */
void pieces_extend(struct pieces *s, uint64_t last);
/* 1 with the next piece, 0 at the end, -1 with *why */
int pieces_next(struct pieces *s, const char **p, size_t *n, struct why *why);

#endif
