/* A pool's life: made, a member of the loop, stopped. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "runtime/books.h"
#include "runtime/losses.h"

/* ---- what the loop asks ---- */

static struct pool *pool_of(struct member *m) { return (struct pool *)m; }

static bool moved(struct member *m) {
  struct pool *p = pool_of(m);
  return atomic_load(&p->window->moved) != p->seen;
}

/* a pipe is watched by poll only */
static bool core_free(struct member *m) {
  struct pool *p = pool_of(m);
  return !p->pipe && atomic_load_explicit(&p->window->awake, memory_order_relaxed) < cpus_usable();
}

static void nudge(struct member *m, bool sleeping) {
  struct pool *p = pool_of(m);
  uint64_t waiting = p->pipe ? 0 : window_backlog(p->window);
  if (!sleeping && waiting > 1) waiting = 1;
  while (waiting-- && window_wake(p->window)) continue;
}

static void sleeping(struct member *m, bool yes) { atomic_store(&pool_of(m)->window->host_asleep, yes); }

static int fds(struct member *m, struct pollfd *f, int room) {
  struct pool *p = pool_of(m);
  int n = crew_fds(p->crew, f, room);
  return n + p->channel->ops->fds(p->channel, n < room ? f + n : NULL, n < room ? room - n : 0);
}

static int64_t deadline(struct member *m) { return losses_deadline(pool_of(m)); }

static void polled(struct member *m) { pool_of(m)->look_at = 0; }

static void pass_signal(struct member *m, int sig) { crew_signal(pool_of(m)->crew, sig); }

/* ---- life ---- */

static bool allocate(struct pool *p, const struct pool_options *o) {
  p->task = calloc(o->tasks, sizeof *p->task);
  p->entry = calloc(p->cells, sizeof *p->entry);
  p->mark = calloc(p->cells, sizeof *p->mark);
  p->free = calloc(p->cells, sizeof *p->free);
  p->weave.ended = calloc(o->tasks, sizeof(bool));
  uint64_t steps = 0;
  for (uint32_t t = 0; t < o->tasks; t++) steps += o->task[t].steps + 1;
  p->failed_at = calloc(steps + 1, sizeof *p->failed_at);
  return p->failed_at && p->task && p->entry && p->mark && p->free && p->weave.ended;
}

static void release_memory(struct pool *p) {
  if (p->craft.forget) p->craft.forget(p->craft.ctx);
  if (p->channel) p->channel->ops->destroy(p->channel);
  window_delete(p->window);
  free(p->weave.ended);
  free(p->free);
  free(p->mark);
  free(p->entry);
  free(p->task);
  free(p->failed_at);
  free(p);
}

static void set_up(struct pool *p, const struct pool_options *o) {
  uint64_t *failed_at = p->failed_at;
  weave_start(&p->weave, o->tasks, o->stride, p->weave.ended);
  for (uint32_t t = 0; t < o->tasks; t++) {
    p->task[t].options = o->task[t];
    p->task[t].failed_at = failed_at;
    failed_at += o->task[t].steps + 1;
    int64_t limit = o->task[t].limit;
    if (limit && (!p->limited || limit < p->limited)) p->limited = limit;
    order_start(&p->task[t].order, o->ordered, p->entry);
  }
  while (p->free_n < p->cells) {
    p->free[p->free_n] = p->cells - 1 - p->free_n;
    p->free_n++;
  }
}

/* when the last one has left */
static void forget_pool(void *pool) {
  struct pool *p = pool;
  for (uint32_t c = 0; c < p->cells; c++) books_drop(p, cell_of(p, (int)c));
  release_memory(p);
}

struct pool *pool_start(const struct pool_options *o, struct loop *loop, struct heap *heap, const struct craft *craft) {
  struct pool *p = calloc(1, sizeof *p);
  if (!p) {
    if (craft->forget) craft->forget(craft->ctx);
    return NULL;
  }
  p->craft = *craft;
  p->member = (struct member){NULL, moved, core_free, nudge, sleeping, fds, deadline, polled, pass_signal};
  p->loop = loop;
  p->heap = heap;
  p->tasks = o->tasks;
  p->workers = o->workers;
  p->buffer = o->buffer;
  p->batch = o->batch;
  p->ordered = o->ordered;
  p->pipe = o->pipe;
  p->threads = o->threads;
  p->open = -1;
  p->refill_at = FOREVER;
  p->cells = o->buffer + 3 * o->workers + 1; /* the buffer, what is computed though skipped, what given-up threads hold */
  uint32_t started;
  if (allocate(p, o) &&
      (p->window = window_new(p->cells, o->workers, heap, !o->ordered, loop_wake_fd(loop))) &&
      (p->channel = o->pipe ? channel_pipe(p->window) : channel_window(p->window)) &&
      (p->crew = crew_new(p->channel, o->workers, o->threads, craft, forget_pool, p))) {
    set_up(p, o);
    if (crew_start(p->crew, &started) == 0) {
      loop_join(loop, &p->member);
      return p;
    }
  }
  int why = errno;
  if (p->crew && !crew_dismiss(p->crew, true, 0)) p = NULL;
  if (p) release_memory(p);
  errno = why;
  return NULL;
}

bool pool_stop(struct pool *p, bool kill_now, int64_t until) {
  loop_leave(p->loop, &p->member);
  if (!crew_dismiss(p->crew, kill_now, until)) return false;
  forget_pool(p);
  return true;
}
