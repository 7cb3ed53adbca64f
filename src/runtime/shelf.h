/* shelf: the results of one task on their way out, for any number of readers.
**
** With one reader results come straight from the window (pool_due). Else, and when they are put aside, they leave the window
** for pages here, where each reader has its own place; so the window is never held up by a reader that does not read, and
** only as much is kept as the readers are apart (by pages: a page goes when the last of them has left it).
**
** A page holds frames as they were in the window; after a fault frame its request, which shows the item, stands as a frame of
** its own. */
#ifndef PAPY_RUNTIME_SHELF_H
#define PAPY_RUNTIME_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/pool.h"

struct page;

struct shelf_reader {
  struct page *page; /* NULL: it has read everything that is here; the next is the window's */
  uint32_t item;     /* of the page */
  size_t at;
  bool open;
};

struct shelf {
  struct pool *pool;
  uint32_t task;
  struct shelf_reader *reader;
  uint32_t readers, open;
  struct page *first, *last;
};

/* with one reader, number 0; false: no memory */
bool shelf_start(struct shelf *s, struct pool *p, uint32_t task, uint32_t readers);
void shelf_end(struct shelf *s);
/* One reader more, who begins with the next result that nobody has read; its number, or -1 without memory. */
int shelf_reader(struct shelf *s);
/* It reads no more. When nobody does, what is put aside is thrown away. */
void shelf_close(struct shelf *s, uint32_t reader);
/* take every result that is due out of the window; how many that were */
uint32_t shelf_aside(struct shelf *s);

/* as pool_due, pool_due_request, pool_took, pool_due_run, pool_took_run, pool_finished, pool_waiting, for one reader */
bool shelf_due(struct shelf *s, uint32_t reader, struct frame *result, uint64_t *index);
bool shelf_request(struct shelf *s, uint32_t reader, struct frame *request);
void shelf_took(struct shelf *s, uint32_t reader, bool failed);
uint32_t shelf_due_run(struct shelf *s, uint32_t reader, uint32_t most, struct run *run, uint64_t *index);
void shelf_took_run(struct shelf *s, uint32_t reader, const struct run *run);
bool shelf_finished(const struct shelf *s, uint32_t reader);
bool shelf_waiting(struct shelf *s, uint32_t reader);

#endif
