/* slabs: memory for the states of groups, taken in powers of two and given back all at once.
**
** Small blocks are cut from runs and have no header; a freed one goes to the list of its size. Large ones are the C
** library's, so that they can grow where they are. slabs_reset takes everything back and keeps one run, so that a
** worker that makes the same table for each of its items does not go to the system for it. */
#ifndef PAPY_SCAN_SLABS_H
#define PAPY_SCAN_SLABS_H

#include <stddef.h>
#include <stdint.h>

struct slabs {
  struct slabs_run *runs;  /* the first is being cut */
  struct slabs_run *large; /* one block each */
  size_t cut;              /* bytes of the first run in use */
  void *freed[64];         /* by the power of two */
  size_t bytes;            /* in use, as sizes of blocks */
};

/* all zero is an empty one; slabs_free makes it so again */
void slabs_free(struct slabs *b);
void slabs_reset(struct slabs *b);

/* what a block for n bytes has room for: a power of two, at least 16 */
size_t slabs_room(size_t n);
/* At least n bytes, aligned for anything, not cleared. NULL with errno when memory is out. */
void *slabs_take(struct slabs *b, size_t n);
/* n as it was asked for, or any number with the same slabs_room */
void slabs_give(struct slabs *b, void *p, size_t n);
/* A block for `more` bytes with the n bytes of p, which is given back (NULL with n 0: none); p stays when this fails */
void *slabs_grow(struct slabs *b, void *p, size_t n, size_t more);

#endif
