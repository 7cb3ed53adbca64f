/* record: one record on its way through the steps of a flow, and the arena for what has to be decoded of it.
**
** The record borrows its text from the block it lies in; `field` points to as many values as the plan has slots, and
** belongs to the loop that runs the plan. Splitters fill in wanted slots and borrow from the text; only text that must be
** decoded (a doubled quote, an escape) is written to the arena, which the loop resets before each record.
** An arena belongs to one thread. What it gives stays where it is until the reset. */
#ifndef PAPY_SCAN_RECORD_H
#define PAPY_SCAN_RECORD_H

#include <stddef.h>

#include "scan/value.h"

struct arena {
  struct arena_block *block; /* the one in use; it links to the full ones */
  char *free, *end;          /* what is left of it */
};

struct record {
  const char *text;
  size_t length;       /* without the newline, or carriage return and newline, that ends it */
  struct value *field; /* one per slot of the plan */
  struct arena *arena;
};

/* an empty arena is all zero; arena_free makes it so again */
void arena_free(struct arena *a);
/* take back all that was given; a steady user never allocates again */
void arena_reset_used(struct arena *a);
static inline void arena_reset(struct arena *a) {
  if (a->block) arena_reset_used(a);
}
/* n bytes, aligned for any value; NULL with errno when memory is out */
void *arena_take(struct arena *a, size_t n);

#endif
