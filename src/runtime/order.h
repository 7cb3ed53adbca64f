/* order: in which order a task's results come out. Cells go in as they are submitted, finish in any order, and come out
** item by item: in order of submission, or (unordered) cell by cell as they finished. Also keeps count of skipped items.
**
** Works on cell numbers only; the links of all tasks of a pool share one array of entries, indexed by cell. */
#ifndef PAPY_RUNTIME_ORDER_H
#define PAPY_RUNTIME_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct entry {
  int32_t next, prev;
  uint32_t count;  /* items in the cell */
  uint32_t cursor; /* items already out: delivered or skipped */
  bool done;
};

struct chain {
  int32_t first, last;
};

struct order {
  bool ordered;
  struct entry *e;
  struct chain flying; /* submitted, in that order; when ordered, finished ones stay here too */
  struct chain ready;  /* unordered: finished, in the order they finished */
  uint64_t submitted;  /* items put in so far */
  uint64_t out;        /* items delivered or skipped, future ones included */
  uint64_t ahead;      /* skipped items that have not been submitted yet */
};

void order_start(struct order *o, bool ordered, struct entry *entries);
/* one more item: in a new cell, or (more) at the end of the cell that was submitted last */
void order_submit(struct order *o, int cell);
void order_more(struct order *o, int cell);
/* an item whose skip came before it: true, and the item is to be thrown away */
bool order_overtaken(struct order *o);
void order_done(struct order *o, int cell);
/* the cell whose item at `cursor` is the next to come out, if it is finished; -1 otherwise */
static inline int order_due(const struct order *o) {
  if (!o->ordered) return o->ready.first;
  int c = o->flying.first;
  return c >= 0 && o->e[c].done ? c : -1;
}
/* that item is out; true: it was the last of its cell, which is now forgotten here */
bool order_took(struct order *o, int cell);
/* another cell takes the place of one that is flying */
void order_replace(struct order *o, int cell, int by);
/* give up the lowest item not yet out. Returns its cell (*last as in order_took), or -1 when it is still to come. */
int order_skip(struct order *o, bool *last);
/* the oldest cell that has not finished, or -1 */
int order_waiting(const struct order *o);

#endif
