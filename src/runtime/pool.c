/* The host's books about one pool. The window knows where every cell is; this file knows what every cell is for: which
** task's order it belongs to, how much of it is out, and how many items are between submission and delivery. Pools begin and
** end in life.c; what dead workers leave is settled in losses.c. */
#include "runtime/pool.h"

#include <errno.h>

#include "base/clock.h"
#include "runtime/books.h"
#include "runtime/losses.h"

/* ---- submission ---- */

int pool_turn(struct pool *p) {
  if (p->turn_open) return -1;
  int t = weave_turn(&p->weave);
  if (p->open >= 0 && (int)cell_of(p, p->open)->task != t) pool_flush(p); /* its stride is over */
  return t;
}

void pool_open_turn(struct pool *p) { p->turn_open++; }
void pool_close_turn(struct pool *p) { p->turn_open--; }

static void free_cell(struct pool *p, int c) {
  struct cell *cell = cell_of(p, c);
  books_drop(p, cell);
  cell->count = 0;
  atomic_store_explicit(&cell->state, CELL_FREE, memory_order_relaxed);
  p->mark[c] = (struct mark){0};
  p->free[p->free_n++] = (uint32_t)c;
}

/* how many tasklets of task t make a batch just now */
static uint32_t batch_of(const struct pool *p, const struct task *t) {
  if (p->batch) return p->batch;
  int64_t n = t->estimate ? BATCH_WORK_NS / t->estimate : 1;
  int64_t most = p->buffer / (2 * p->workers);
  if (n > BATCH_MOST) n = BATCH_MOST;
  if (n > most) n = most;
  return n > 1 ? (uint32_t)n : 1;
}

bool pool_room(struct pool *p) {
  if (p->in_flight >= p->buffer) return false;
  return p->open >= 0 || p->free_n > 0;
}

uint32_t pool_places(const struct pool *p) { return p->in_flight < p->buffer ? p->buffer - p->in_flight : 0; }

uint32_t pool_share(const struct pool *p) {
  uint32_t share = p->weave.stride < p->buffer / 4 ? p->weave.stride : p->buffer / 4;
  return share ? share : 1;
}

uint32_t pool_most(struct pool *p, uint32_t t) {
  uint32_t batch = p->open >= 0 ? p->full - cell_of(p, p->open)->count : batch_of(p, &p->task[t]);
  uint32_t turn = p->weave.task == t ? p->weave.stride - p->weave.done : 1; /* borrowed out of turn: one at a time */
  return turn < batch ? turn : batch;
}

/* the cell that is being filled; NULL with errno when there is no free one */
static struct cell *open_cell(struct pool *p, uint32_t t) {
  if (p->open >= 0) return cell_of(p, p->open);
  if (p->free_n == 0) {
    errno = EAGAIN;
    return NULL;
  }
  p->open = (int)p->free[--p->free_n];
  struct cell *c = cell_of(p, p->open);
  c->task = t;
  c->count = 0;
  c->attempts = 0;
  c->first = p->task[t].order.submitted + 1;
  p->full = batch_of(p, &p->task[t]);
  if (p->full > 1) payload_room(p->heap, &c->request, (size_t)p->full * SHORT_FRAME);
  return c;
}

int pool_begin(struct pool *p, uint32_t t, struct writer *w) {
  struct cell *c = open_cell(p, t);
  return c ? frame_begin(w, p->heap, &c->request, &c->loose) : -1;
}

/* the open cell has n items more */
static void grown(struct pool *p, uint32_t t, uint32_t n) {
  struct cell *c = cell_of(p, p->open);
  struct task *task = &p->task[t];
  for (uint32_t i = 0; i < n; i++) {
    if (c->count++ == 0)
      order_submit(&task->order, p->open);
    else
      order_more(&task->order, p->open);
    if (p->weave.task == t) weave_pulled(&p->weave); /* else it was borrowed out of turn */
  }
  p->in_flight += n;
  if (c->count >= p->full) pool_flush(p);
}

void pool_commit(struct pool *p, uint32_t t, struct writer *w, unsigned kind) {
  frame_commit(w, kind);
  grown(p, t, 1);
}

static void put_back_empty(struct pool *p) {
  int c = p->open;
  if (c < 0 || cell_of(p, c)->count) return;
  p->open = -1;
  free_cell(p, c);
}

void pool_cancel(struct pool *p, uint32_t t, struct writer *w) {
  (void)t;
  frame_cancel(w);
  put_back_empty(p);
}

int pool_relay(struct pool *p, uint32_t t, const struct frame *parts, unsigned count, bool list) {
  struct writer w;
  if (pool_begin(p, t, &w) != 0) return -1;
  struct payload *to = &cell_of(p, p->open)->request;
  uint64_t start = to->n;
  bool good = !list || payload_list(p->heap, to, count) == 0;
  for (unsigned i = 0; good && i < count; i++) good = payload_relay(p->heap, to, &parts[i]) == 0;
  if (!good) {
    payload_cut(p->heap, to, start);
    put_back_empty(p);
    return -1;
  }
  grown(p, t, 1);
  return 0;
}

int pool_relay_run(struct pool *p, uint32_t t, const struct run *run) {
  struct cell *c = open_cell(p, t);
  if (!c) return -1;
  if (payload_relay_run(p->heap, &c->request, run->of, run->at, run->end) != 0) {
    put_back_empty(p);
    return -1;
  }
  grown(p, t, run->n);
  return 0;
}

bool pool_overtaken(struct pool *p, uint32_t t) {
  if (!order_overtaken(&p->task[t].order)) return false;
  if (p->weave.task == t) weave_pulled(&p->weave);
  return true;
}

void pool_ended(struct pool *p, uint32_t t) {
  weave_ended(&p->weave, t);
  pool_flush(p);
}

/* A long tasklet, or one nobody knows yet, wakes a worker at once. Short ones are left to the workers that are awake (one
** worker does ten x*x in the time the host needs to wake another) until the host itself has to wait: see nudge. */
static void call_worker(struct pool *p, const struct task *t) {
  if (p->pipe) return;
  if (t->estimate == 0 || t->estimate > LONG_TASKLET_NS || atomic_load(&p->window->awake) <= 0) window_wake(p->window);
}

void pool_flush(struct pool *p) {
  if (p->open < 0) return;
  struct cell *c = cell_of(p, p->open);
  c->submitted = clock_ns();
  p->channel->ops->submit(p->channel, (uint32_t)p->open);
  p->open = -1;
  call_worker(p, &p->task[c->task]);
}

/* ---- what moved ---- */

static void note_done(struct pool *p, int c) {
  struct cell *cell = cell_of(p, c);
  struct task *t = &p->task[cell->task];
  int64_t each = (cell->done - cell->taken) / (cell->count ? cell->count : 1);
  if (each < 1) each = 1;
  t->estimate = t->estimate ? t->estimate + (each - t->estimate) / 8 : each;
  t->done += cell->count;
  order_done(&t->order, c);
}

static void free_zombies(struct pool *p) {
  for (uint32_t c = 0; p->zombies && c < p->cells; c++)
    if (p->mark[c].zombie && cell_state(cell_of(p, (int)c)) == CELL_DONE) {
      p->zombies--;
      free_cell(p, (int)c);
    }
}

static void note_unordered(struct pool *p) {
  for (int c; (c = window_done(p->window, &p->scan)) >= 0;)
    if (cell_state(cell_of(p, c)) == CELL_DONE && !p->mark[c].zombie && !p->entry[c].done && cell_of(p, c)->count)
      note_done(p, c);
}

bool pool_collect(struct pool *p) {
  uint32_t before = p->seen;
  p->seen = atomic_load(&p->window->moved);
  p->channel->ops->move(p->channel);
  losses_collect(p);
  for (int c; (c = crew_returned(p->crew)) >= 0;) window_finish(p->window, (uint32_t)c);
  if (!p->ordered) note_unordered(p);
  free_zombies(p);
  return p->seen != before;
}

/* ---- delivery ---- */

static int due_cell(struct pool *p, uint32_t t) {
  struct order *o = &p->task[t].order;
  int c = order_due(o);
  if (c >= 0) return c;
  if (!p->ordered) {
    if (atomic_load_explicit(&p->window->moved, memory_order_relaxed) != p->seen) note_unordered(p);
    return order_due(o);
  }
  c = o->flying.first;
  if (c < 0 || c == p->open || cell_state(cell_of(p, c)) != CELL_DONE) return -1;
  note_done(p, c);
  return c;
}

/* pass the frames of items that were skipped while the cell flew */
static void pass_skipped(struct pool *p, int c) {
  struct mark *m = &p->mark[c];
  struct frame f;
  while (m->read < p->entry[c].cursor && frame_read(p->heap, &cell_of(p, c)->result, m->at, &f)) {
    m->at += f.size;
    m->read++;
  }
}

bool pool_due(struct pool *p, uint32_t t, struct frame *result, uint64_t *index) {
  static const struct fault none = {.cause = FAULT_NO_WORKER};
  int c = due_cell(p, t);
  if (c < 0) return false;
  pass_skipped(p, c);
  *index = cell_of(p, c)->first + p->entry[c].cursor;
  if (!frame_read(p->heap, &cell_of(p, c)->result, p->mark[c].at, result)) /* a fault there was no memory for */
    *result = (struct frame){.kind = FRAME_FAULT | FRAME_ERROR, .body = (const uint8_t *)&none};
  return true;
}

bool pool_due_request(struct pool *p, uint32_t t, struct frame *request) {
  int c = due_cell(p, t);
  if (c < 0) return false;
  size_t at = 0;
  for (uint32_t i = 0; frame_read(p->heap, &cell_of(p, c)->request, at, request); i++) {
    if (i == p->entry[c].cursor) return true;
    at += request->size;
  }
  return false;
}

static void count_failure(struct task *t, uint32_t step) {
  t->failed++;
  t->failed_at[step < t->options.steps ? step : t->options.steps]++;
}

uint32_t pool_due_run(struct pool *p, uint32_t t, uint32_t most, struct run *run, uint64_t *index) {
  int c = due_cell(p, t);
  struct frame f;
  if (c < 0) return 0;
  pass_skipped(p, c);
  struct cell *cell = cell_of(p, c);
  uint32_t left = p->entry[c].count - p->entry[c].cursor;
  *index = cell->first + p->entry[c].cursor;
  *run = (struct run){.of = &cell->result, .at = p->mark[c].at, .end = p->mark[c].at};
  if (most > left) most = left;
  while (run->n < most && frame_read(p->heap, run->of, run->end, &f) && !(f.kind & FRAME_FAULT)) {
    run->end += f.size;
    run->n++;
    run->failed += f.kind & FRAME_ERROR;
  }
  return run->n;
}

void pool_took_run(struct pool *p, uint32_t t, const struct run *run) {
  struct task *task = &p->task[t];
  int c = due_cell(p, t);
  bool last = false;
  struct frame f;
  for (size_t at = run->at; run->failed && at < run->end && frame_read(p->heap, run->of, at, &f); at += f.size)
    if (f.kind & FRAME_ERROR) count_failure(task, f.step);
  p->mark[c].at = run->end;
  p->mark[c].read += run->n;
  task->delivered += run->n;
  p->in_flight -= run->n;
  for (uint32_t i = 0; i < run->n; i++) last = order_took(&task->order, c);
  if (last) free_cell(p, c);
}

void pool_took(struct pool *p, uint32_t t, bool failed) {
  struct task *task = &p->task[t];
  int c = due_cell(p, t);
  struct frame f;
  if (c < 0) return;
  struct mark *m = &p->mark[c];
  f.step = 0;
  if (frame_read(p->heap, &cell_of(p, c)->result, m->at, &f)) {
    m->at += f.size;
    m->read++;
  }
  task->delivered++;
  if (failed) count_failure(task, f.step);
  p->in_flight--;
  if (order_took(&task->order, c)) free_cell(p, c);
}

/* every item of the cell has been skipped: free it, now or when its worker is through with it */
static void orphan(struct pool *p, int c) {
  if (c == p->open) {
    p->open = -1;
    free_cell(p, c);
  } else if (cell_state(cell_of(p, c)) == CELL_DONE || p->channel->ops->withdraw(p->channel, (uint32_t)c)) {
    free_cell(p, c);
  } else {
    become_zombie(p, c);
  }
}

void pool_skip(struct pool *p, uint32_t t) {
  struct task *task = &p->task[t];
  bool last = false;
  int c = order_skip(&task->order, &last);
  task->skipped++;
  if (c < 0) return;
  p->in_flight--;
  if (last) orphan(p, c);
}

bool pool_input_ended(const struct pool *p, uint32_t t) { return p->weave.ended[t]; }

bool pool_finished(const struct pool *p, uint32_t t) {
  const struct order *o = &p->task[t].order;
  return p->weave.ended[t] && o->out >= o->submitted;
}

bool pool_busy(struct pool *p) {
  for (uint32_t t = 0; t < p->tasks; t++)
    for (int c = order_waiting(&p->task[t].order); c >= 0; c = p->entry[c].next)
      if (!p->ordered || cell_state(cell_of(p, c)) != CELL_DONE) return true; /* unordered: until it is noted */
  return p->zombies > 0 && p->free_n == 0;
}

bool pool_waiting(struct pool *p, uint32_t t) { return due_cell(p, t) >= 0; }

/* ---- seeing ---- */

/* tasklets of cells that have finished, though nobody has asked for their results yet */
static uint64_t unnoted(const struct pool *p, const struct order *o) {
  uint64_t n = 0;
  for (int c = o->flying.first; c >= 0; c = p->entry[c].next)
    if (!p->entry[c].done && cell_state(&p->window->cell[c]) == CELL_DONE) n += p->window->cell[c].count;
  return n;
}

static void add_stats(const struct pool *p, const struct task *t, struct pool_stats *s) {
  s->submitted += t->order.submitted;
  s->done += t->done + unnoted(p, &t->order);
  s->failed += t->failed;
  s->delivered += t->delivered;
  s->skipped += t->skipped;
}

void pool_stats(const struct pool *p, int32_t t, struct pool_stats *s) {
  *s = (struct pool_stats){.in_flight = p->in_flight, .alive = crew_alive(p->crew), .retried = p->retried,
                           .deaths = crew_deaths(p->crew)};
  for (uint32_t i = 0; i < p->tasks; i++)
    if (t < 0 || (uint32_t)t == i) add_stats(p, &p->task[i], s);
}

uint64_t pool_failed(const struct pool *p, uint32_t t, uint32_t step) {
  const struct task *task = &p->task[t];
  uint64_t n = 0;
  for (uint32_t s = 0; s <= step && s <= task->options.steps; s++) n += task->failed_at[s];
  return n;
}

int pool_worker_pid(const struct pool *p, uint32_t n) { return crew_pid(p->crew, n); }
void pool_worker_time(const struct pool *p, uint32_t n, double *working) {
  *working = (double)p->window->slot[n].working / 1e9;
}
struct heap *pool_heap(const struct pool *p) { return p->heap; }
