/* What is lost when a worker dies, and how nothing is.
**
** A dead worker leaves at most one cell, with result frames for the tasklets it got through. Those stay. The tasklet after
** them is tried again or gets a fault frame in its place, and the rest goes to the workers again, so that every tasklet has
** exactly one frame in the end. A worker over its time limit is killed and is then a death like any other; a thread cannot be
** killed: its cell is taken from it, as a zombie, and what it had to do moves to another one. */
#include "runtime/losses.h"

#include "base/clock.h"
#include "runtime/books.h"

/* the time limit of what worker n computes, FOREVER when there is none */
static int64_t limit_of(struct pool *p, uint32_t n) {
  int c = (int)atomic_load(&p->window->slot[n].cell) -
          1; /* perhaps of a cell it has finished and another has taken since */
  if (c < 0 || cell_state(cell_of(p, c)) != CELL_TAKEN || cell_owner(cell_of(p, c)) != n) return FOREVER;
  int64_t limit = p->task[cell_of(p, c)->task].options.limit;
  return limit ? atomic_load(&cell_of(p, c)->since) + limit : FOREVER;
}

int64_t losses_deadline(struct pool *p) {
  int64_t first = crew_alive(p->crew) < p->workers ? p->refill_at : FOREVER;
  if (!p->limited || p->free_n == 0)
    return first; /* without a free cell no thread can be given up: see enforce_limits */
  for (uint32_t n = 0; n < p->workers; n++) {
    int64_t d = crew_condemned(p->crew, n) ? FOREVER : limit_of(p, n); /* its death wakes the loop by itself */
    if (d < first) first = d;
  }
  /* a cell that is claimed just now, or while the host sleeps, cannot be over its limit before this */
  int64_t soonest = p->pipe || !pool_busy(p) ? FOREVER : clock_ns() + p->limited;
  return soonest < first ? soonest : first;
}

/* the cell's unfinished tasklets go to the workers again, after the result frames it has */
static void resubmit(struct pool *p, int c) {
  cell_of(p, c)->submitted = clock_ns();
  p->channel->ops->submit(p->channel, (uint32_t)c);
  if (!p->pipe) window_wake(p->window);
}

/* the tasklet after the committed ones is lost: try it again, or let the fault stand in its place */
static void settle(struct pool *p, int c, const struct fault *why, uint32_t step, bool final) {
  struct cell *cell = cell_of(p, c);
  struct fault f = *why;
  payload_rescue(p->heap, &cell->result, &cell->loose);
  uint32_t through = payload_count(p->heap, &cell->result);
  if (p->mark[c].zombie ||
      through == cell->count) { /* nobody waits for it (the next collect frees it), or nothing is lost */
    window_finish(p->window, (uint32_t)c);
    return;
  }
  if (p->mark[c].tried != through) cell->attempts = 0; /* those were of an earlier tasklet */
  p->mark[c].tried = through;
  f.attempts = ++cell->attempts;
  if (!final && f.attempts <= p->task[cell->task].options.retries) {
    p->retried++;
    resubmit(p, c);
    return;
  }
  cell->attempts = 0;
  bool written;
  do written = payload_fault(p->heap, &cell->result, &f, step) == 0;
  while (written && final && payload_count(p->heap, &cell->result) < cell->count);
  if (written && payload_count(p->heap, &cell->result) < cell->count) resubmit(p, c);
  else window_finish(p->window, (uint32_t)c); /* without memory for 24 bytes the rest is read as lost */
}

/* a given-up thread may still write into its cell: what is left of the work moves to another one */
static int move_away(struct pool *p, int c) {
  struct cell *from = cell_of(p, c);
  struct frame f;
  int fresh = (int)p->free[--p->free_n];
  struct cell *to = cell_of(p, fresh);
  to->task = from->task;
  to->count = from->count;
  to->first = from->first;
  to->attempts = from->attempts;
  to->submitted = from->submitted;
  to->taken = from->taken;
  atomic_store(&to->since, atomic_load(&from->since));
  for (size_t at = 0; frame_read(p->heap, &from->request, at, &f); at += f.size)
    payload_relay(p->heap, &to->request, &f);
  for (size_t at = 0; frame_read(p->heap, &from->result, at, &f); at += f.size) payload_relay(p->heap, &to->result, &f);
  p->mark[fresh] = p->mark[c];
  order_replace(&p->task[from->task].order, c, fresh);
  become_zombie(p, c);
  return fresh;
}

static void bury(struct pool *p, const struct loss *loss) {
  int c = loss->cell;
  if (c < 0) return;
  if (loss->givenup && p->mark[c].zombie) return;
  if (loss->givenup) c = move_away(p, c);
  struct cell *cell = cell_of(p, c);
  cell->done = clock_ns();
  if (loss->overtime && loss->when - atomic_load(&cell->since) < p->task[cell->task].options.limit &&
      !p->mark[c].zombie) {
    resubmit(p, c); /* the tasklet that was too slow had just ended, and this one is innocent */
    return;
  }
  struct fault f = {
      .cause = loss->overtime ? FAULT_TIMEOUT : FAULT_DIED, .status = loss->status, .worker = loss->worker + 1};
  settle(p, c, &f, atomic_load_explicit(&p->window->slot[loss->worker].step, memory_order_relaxed), false);
}

/* whoever computes beyond its task's limit is killed; its death is then found like any other */
static void enforce_limits(struct pool *p) {
  int64_t now = clock_ns();
  uint32_t spare = p->free_n; /* a thread that is given up keeps its cell; what it had to do moves to another */
  for (uint32_t n = 0; n < p->workers && spare; n++)
    if (limit_of(p, n) <= now) {
      crew_overtime(p->crew, n);
      spare--;
    }
}

/* nobody works and nobody can be started: what waits will never be computed */
static void give_up(struct pool *p) {
  struct fault f = {.cause = FAULT_NO_WORKER, .status = crew_errno(p->crew)};
  for (uint32_t c = 0; c < p->cells; c++)
    if (cell_state(cell_of(p, (int)c)) == CELL_READY && p->channel->ops->withdraw(p->channel, c))
      settle(p, (int)c, &f, 0, true);
}

/* Asking for every worker costs a system call each, ten times what a short tasklet costs; so it is done when poll has seen
** something, and now and then in case the host never comes to poll because the others keep it busy. */
static void count_losses(struct pool *p) {
  struct loss loss;
  bool any = false;
  int64_t now = clock_ns();
  if (!p->threads && now < p->look_at && now < p->refill_at) return;
  p->look_at = now + LOOK_NS;
  while (crew_lost(p->crew, &loss)) {
    bury(p, &loss);
    any = true;
  }
  if (!any && (crew_alive(p->crew) == p->workers || now < p->refill_at)) return;
  crew_refill(p->crew);
  p->refill_at = crew_alive(p->crew) < p->workers ? clock_ns() + REFILL_NS : FOREVER;
  if (crew_hopeless(p->crew)) give_up(p);
}

void losses_collect(struct pool *p) {
  if (p->limited) enforce_limits(p);
  count_losses(p);
}
