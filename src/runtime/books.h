/* books: what the host knows of a pool. life.c begins and ends it, pool.c keeps it, losses.c settles what dead workers leave;
** nobody else includes this.
**
** A cell is in exactly one of these places:
**   free      on the stack p->free
**   open      p->open: filled item by item, not yet handed over (batches)
**   flying    with the channel, and in its task's order
**   out       done, in its task's order until its last item is out
**   zombie    skipped while a worker computes it: waits to be freed only */
#ifndef PAPY_RUNTIME_BOOKS_H
#define PAPY_RUNTIME_BOOKS_H

#include "runtime/loop.h"
#include "runtime/order.h"
#include "runtime/pool.h"
#include "runtime/weave.h"

struct task {
  struct order order;
  struct task_options options;
  int64_t estimate; /* nanoseconds one tasklet computes, averaged; 0: not known */
  uint64_t done, failed, delivered, skipped;
  uint64_t *failed_at; /* of those, by the step that failed */
};

/* what the host alone knows of a cell */
struct mark {
  uint32_t read;  /* result frames passed, */
  size_t at;      /* and where the next one starts */
  uint32_t tried; /* which tasklet the cell's attempts are of: results there were when it died */
  bool zombie;
};

struct pool {
  struct member member; /* first: the loop knows us by it */
  struct loop *loop;
  struct heap *heap;
  struct window *window;
  struct channel *channel;
  struct crew *crew;
  struct craft craft;
  struct weave weave;
  struct task *task;
  uint64_t *failed_at; /* all tasks' */
  struct entry *entry;
  struct mark *mark;
  uint32_t *free;
  uint32_t free_n, cells, zombies, tasks, workers;
  uint32_t buffer, in_flight, batch;
  uint32_t seen; /* of window->moved */
  int open;      /* the cell being filled, or -1, */
  uint32_t full; /* and how many items it takes */
  uint32_t scan;
  bool ordered, pipe, threads;
  int64_t limited; /* the shortest time limit of its tasks, 0: none has one */
  int turn_open;   /* pulls under way, one inside the other */
  uint64_t retried;
  int64_t look_at;   /* when to look for dead workers again, though poll has told of none */
  int64_t refill_at; /* when to try again to start missing workers */
};

static inline struct cell *cell_of(struct pool *p, int c) {
  return &p->window->cell[c];
}

/* what lies in a cell */
static inline void books_drop(struct pool *p, struct cell *c) {
  payload_rescue(p->heap, &c->result, &c->loose); /* its worker may have been killed anywhere */
  payload_clear(p->heap, &c->request);
  payload_clear(p->heap, &c->result);
}

static inline void become_zombie(struct pool *p, int c) {
  p->mark[c].zombie = true;
  p->zombies++;
}

#endif
