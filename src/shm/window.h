/* window: the shared table of cells, one per permitted tasklet (or batch of them), and the queue of ready cells.
**
** A cell's life, and what each state promises:
**
**   FREE    nobody's. The host keeps free cells on a private list.
**   READY   the request is whole; the cell's ticket stands in the queue. Any worker may claim it.
**   TAKEN   worker `owner` alone writes the result part (progress, stamps, result, loose); the request is read-only.
**           If the owner dies, the host finds the cell through the owner's slot: the committed frames of the result are
**           whole and valid, the tasklet after them is the one that died, `loose` is a block nobody else knows.
**   WRITING (threads only) as TAKEN, while the owner writes a frame: the host does not give the cell up now, so that what it
**           reads of a given-up cell stands still.
**   DONE    the result is whole and the host's.
**
** Who writes, who reads, and why that is safe, field by field:
**
**   cell.state    host FREE->READY, and READY->FREE when it withdraws; worker READY->TAKEN by compare-and-swap, and
**                 TAKEN->DONE by compare-and-swap (which fails when the host gave the cell up: a thread that came back
**                 too late). It carries the ticket, so a claim through a stale queue entry fails.
**                 Store READY is release, the claim is acquire; store DONE is release, the host's load acquire: all other
**                 fields need no atomics of their own.
**   cell, first line: host, while FREE. Read by the worker that claimed it.
**   cell, result part: the owner while TAKEN (the host after DONE, or after the owner's death).
**   cell.since    the owner, at the start of each tasklet; the host reads it for task_timeout: relaxed, only compared.
**   head          host only; read by workers. Released after the ring entry and the READY state.
**   ring[]        host only. An entry is rewritten only when tail has passed it; a worker with an old tail that reads the
**                 new entry fails on the ticket.
**   tail          whoever saw the claim of ticket `tail` done (own or another's, even a dead one's) swaps it forward.
**   moved         workers add 1 after DONE; the host compares with what it saw last. Wraps.
**   host_asleep   host sets 1 before it sleeps, then looks once more; a worker that finds 1 after adding to `moved` swaps it
**                 to 0 and writes the eventfd. Sequentially consistent on both sides: one of the two sees the other.
**   done[]        one bit per cell, set by the worker between DONE and `moved` when the pool is unordered, cleared by host.
**                 A hint to look at the cell: its state decides, so a bit too many does no harm.
**   slot.asleep   the worker sets 1 before it sleeps and then looks at head once more; the host swaps it to 0 and wakes it.
**   slot.cell     the owner: cell + 1 right after the claim, 0 after `moved`. Read by the host for deadlines and after the
**                 owner's death. Between claim and this store a dead worker is found through cell.state's owner.
**   closing       host. Workers leave when it is set and the queue is empty.
**   awake         number of workers not sleeping: workers add and subtract, the host corrects it at a death. A hint for
**                 spinning only. */
#ifndef PAPY_SHM_WINDOW_H
#define PAPY_SHM_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/payload.h"

enum cell_state { CELL_FREE, CELL_READY, CELL_TAKEN, CELL_WRITING, CELL_DONE };

struct cell {
  _Atomic uint64_t state; /* ticket << 24 | owner << 8 | enum cell_state */
  uint64_t first;         /* index of the first tasklet, from 1 */
  uint32_t task;          /* number of the task, from 0 */
  uint32_t count;         /* tasklets in this cell */
  int64_t submitted;
  struct payload request;
  uint32_t remote;    /* in a worker on a pipe: the host's number of this cell, */
  uint32_t elsewhere; /* and how many of its first tasklets have their results there already */
  /* written by the owner */
  _Alignas(64) _Atomic int64_t since; /* when the tasklet being computed began */
  uint32_t attempts;                  /* earlier tries of the tasklet after the committed ones (host, while not TAKEN) */
  int64_t taken, done;
  ref loose;
  struct payload result;
};

struct slot {
  _Alignas(64) _Atomic uint32_t asleep;
  _Atomic uint32_t cell;
  _Atomic int64_t started; /* when the worker was ready for work; 0 before */
  int64_t spin; /* how long to wait with open eyes, the owner's */
  _Atomic uint32_t step; /* which of a task's composed functions it is in, from 1; 0: none yet. The owner's, read after its death */
  int64_t since, working; /* when it claimed its cell, and nanoseconds in cells so far: the owner's, anyone may peek */
};

struct window {
  uint32_t cells, workers, mask;
  bool unordered;
  int wake_fd; /* the eventfd of the host's loop */
  size_t bytes;
  struct heap *heap;
  _Alignas(64) _Atomic uint64_t head;
  _Alignas(64) _Atomic uint64_t tail;
  _Alignas(64) _Atomic uint32_t moved;
  _Atomic uint32_t host_asleep;
  _Alignas(64) _Atomic uint32_t closing;
  _Atomic int32_t awake;
  struct slot *slot;
  struct cell *cell;
  _Atomic uint32_t *ring;
  _Atomic uint64_t *done;
  uint32_t *kept; /* the host's scratch */
  _Alignas(64) uint64_t tail_seen; /* the host's: tail as it last read it, since every look costs a cache line */
};

/* one mapping for `cells` cells and `workers` workers; NULL with errno */
struct window *window_new(uint32_t cells, uint32_t workers, struct heap *heap, bool unordered, int wake_fd);
void window_delete(struct window *w);

static inline enum cell_state cell_state(const struct cell *c) {
  return atomic_load_explicit(&((struct cell *)c)->state, memory_order_acquire) & 255;
}
static inline uint32_t cell_owner(const struct cell *c) {
  return atomic_load_explicit(&((struct cell *)c)->state, memory_order_relaxed) >> 8 & 0xffff;
}

/* the host's side */

/* put a filled cell at the end of the queue */
void window_submit(struct window *w, uint32_t cell);
/* take a READY cell back; false when a worker was faster */
bool window_withdraw(struct window *w, uint32_t cell);
/* ready cells nobody has claimed yet */
static inline uint64_t window_backlog(struct window *w) {
  return atomic_load_explicit(&w->head, memory_order_relaxed) - atomic_load_explicit(&w->tail, memory_order_acquire);
}
/* wake one sleeping worker; false when none sleeps */
bool window_wake(struct window *w);
/* every worker leaves once the queue is empty */
void window_close(struct window *w);
/* what worker `n` held when it died: its cell, now owned by the host whatever its state (TAKEN or DONE), or -1.
** Also repairs what its death left behind in the slot, `awake` and `done`. Only after the worker is gone. */
int window_reclaim(struct window *w, uint32_t n);
/* forget a thread that does not come back: it can complete nothing any more. True: the cell is the host's result to
** decide, but the cell's memory stays the thread's until it leaves. */
bool window_disown(struct window *w, uint32_t cell);
/* the host itself finishes a cell it owns (after a death) */
void window_finish(struct window *w, uint32_t cell);
/* the cells that finished since the last call, one per call in no order; -1 when there is none (unordered pools) */
int window_done(struct window *w, uint32_t *scan);

/* the worker's side */

/* something other than a cell has changed (a thread has left): the host should look */
void window_poke(struct window *w);

/* the next cell for worker n, claimed; sleeps while there is none; -1 when the window closes */
int window_take(struct window *w, uint32_t n);
/* a thread is about to write a frame; false: the cell has been given up, write nothing */
bool window_write(struct window *w, uint32_t n, uint32_t cell);
void window_written(struct window *w, uint32_t n, uint32_t cell);
/* the result is whole: hand it over, wake the host if it sleeps. False: the cell had been given up. */
bool window_complete(struct window *w, uint32_t n, uint32_t cell);

#endif
