/* spill: groups of a tally that went to disk, in partitions by the hash of their keys.
**
** A key is in one partition only, whenever it was written; so partitions can be put together one after the other, each
** in a tally of its own, which is a 64th of the whole; if even that is too large, it spills by the next bits of the
** hash. One temporary file holds all partitions in pieces as they come; which piece belongs to which is remembered
** here. */
#ifndef PAPY_SCAN_SPILL_H
#define PAPY_SCAN_SPILL_H

#include "base/buf.h"
#include "scan/tempfile.h"

#define SPILL_BITS 6
#define SPILL_PARTS (1 << SPILL_BITS)
#define SPILL_LEVELS 8 /* levels of partitions in partitions that the bits of a hash suffice for */

struct spill_piece {
  uint64_t at;
  size_t n;
  unsigned part;
};

struct spill {
  struct tempfile file;
  struct buf pieces; /* struct spill_piece */
};

/* 0, or -1 with *why */
int spill_open(struct spill *s, const char *dir, struct why *why);
void spill_close(struct spill *s);

static inline unsigned spill_part(uint64_t hash, unsigned level) {
  return (unsigned)(hash >> (64 - SPILL_BITS - level * SPILL_BITS)) & (SPILL_PARTS - 1);
}

/* what was written since `mark` is forgotten, and its disk given back */
struct spill_mark {
  uint64_t end;
  size_t pieces;
};
struct spill_mark spill_mark(const struct spill *s);
void spill_back(struct spill *s, struct spill_mark mark);

int spill_write(struct spill *s, unsigned part, const void *p, size_t n, struct why *why);
/* Read the next piece of a partition, *at from 0, into `to`, whose content goes. 1, 0 when there is none, -1 with *why */
int spill_read(const struct spill *s, unsigned part, size_t *at, struct buf *to, struct why *why);

#endif
