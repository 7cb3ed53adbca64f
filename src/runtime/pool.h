/* pool: workers plus the window they share, from start to stop. Bytes in, bytes out; knows no Lua.
**
** The bindings drive it:
**
**   while ((t = pool_turn(p)) >= 0 and pool_room(p)):   pull an item of task t's input, then one of
**       pool_begin / encode into the writer / pool_commit   the item is submitted (perhaps with its batch)
**       pool_relay                                          the result of another task, by reference
**       pool_ended                                          the input has ended
**   pool_flush                                          hand over the batches still open
**   pool_collect                                        look what moved: results, deaths, time limits
**   pool_due -> a frame; pool_took                      the next result of a task
**
** Nothing here waits, except pool_stop. */
#ifndef PAPY_RUNTIME_POOL_H
#define PAPY_RUNTIME_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/crew.h"
#include "shm/payload.h"

struct pool;
struct loop;
struct member;

struct task_options {
  int64_t limit; /* nanoseconds one tasklet may compute, 0: no limit */
  uint32_t retries;
  uint32_t steps; /* how many functions it is composed of; failures are counted for each */
};

struct pool_options {
  uint32_t workers, tasks, stride, buffer;
  uint32_t batch; /* tasklets handed over at a time; 0: automatic */
  bool threads, ordered, pipe;
  const struct task_options *task;
};

struct pool_stats {
  uint64_t submitted, done, failed, delivered, skipped, retried, deaths;
  uint32_t in_flight, alive;
};

/* NULL with errno. The loop and the heap are borrowed; craft->ctx is the pool's until it calls craft->forget, which a failed
** start does, too (and a stopped pool with a thread that does not end, only when that has left). Does not return in a forked
** worker. */
struct pool *pool_start(const struct pool_options *o, struct loop *loop, struct heap *heap, const struct craft *craft);
/* Ends it: workers leave (by the deadline, else they are killed; at once with kill_now), everything is freed. Results
** nobody took are dropped. False: a thread does not end; everything it can see, the heap too, must stay for good. */
bool pool_stop(struct pool *p, bool kill_now, int64_t deadline);

/* the task whose turn it is, or -1: every input has ended, or a pull is open */
int pool_turn(struct pool *p);
/* while a pull is open nobody has the turn: an input may well ask for results of this pool */
void pool_open_turn(struct pool *p);
void pool_close_turn(struct pool *p);
/* may one more item be submitted? */
bool pool_room(struct pool *p);
/* Open a frame for the next item of task t; the item counts when it is committed. 0, or -1 with errno. */
int pool_begin(struct pool *p, uint32_t t, struct writer *w);
void pool_commit(struct pool *p, uint32_t t, struct writer *w, unsigned kind);
void pool_cancel(struct pool *p, uint32_t t, struct writer *w);
/* how many items of task t may follow in one go: what is left of its stride and of its batch */
uint32_t pool_most(struct pool *p, uint32_t t);
/* free places in the buffer, and how many make it worth while to go and fill them all at once */
uint32_t pool_places(const struct pool *p);
uint32_t pool_share(const struct pool *p);
/* consecutive results, as they lie in some payload */
struct run {
  struct payload *of;
  size_t at, end;
  uint32_t n, failed;
};
/* submit them all as items of task t (at most pool_most of them). 0, or -1 with errno. */
int pool_relay_run(struct pool *p, uint32_t t, const struct run *run);
/* submit a join of `parts` frames (or, with one part and list false, that frame itself); frames of any payload of the same
** heap. 0, or -1 with errno. */
int pool_relay(struct pool *p, uint32_t t, const struct frame *parts, unsigned count, bool list);
/* the item of this turn was skipped before it came: true, and it counts as submitted and out */
bool pool_overtaken(struct pool *p, uint32_t t);
void pool_ended(struct pool *p, uint32_t t);
/* hand over what is still open */
void pool_flush(struct pool *p);

/* take note of everything that finished, died or took too long since the last call; true: something did finish */
bool pool_collect(struct pool *p);
/* the frame of task t's next result and its request (for messages; kind FRAME_FAULT results want it); false: not yet */
bool pool_due(struct pool *p, uint32_t t, struct frame *result, uint64_t *index);
/* the results that are due and lie together, at most so many, none of them a fault; 0: none */
uint32_t pool_due_run(struct pool *p, uint32_t t, uint32_t most, struct run *run, uint64_t *index);
void pool_took_run(struct pool *p, uint32_t t, const struct run *run);
/* the request frame that belongs to the result that is due */
bool pool_due_request(struct pool *p, uint32_t t, struct frame *request);
/* that result has been taken; `failed` for the statistics */
void pool_took(struct pool *p, uint32_t t, bool failed);
/* give up the lowest result of task t that is not out yet */
void pool_skip(struct pool *p, uint32_t t);
/* no result of task t will come any more */
bool pool_finished(const struct pool *p, uint32_t t);
bool pool_input_ended(const struct pool *p, uint32_t t);
/* something is with the workers, or waiting for them */
bool pool_busy(struct pool *p);
/* finished results of task t that nobody took */
bool pool_waiting(struct pool *p, uint32_t t);

/* results of task t that failed in one of its first `step` functions, or came as errors */
uint64_t pool_failed(const struct pool *p, uint32_t t, uint32_t step);
void pool_stats(const struct pool *p, int32_t t, struct pool_stats *s); /* t = -1: all tasks together */
int pool_worker_pid(const struct pool *p, uint32_t n);
void pool_worker_time(const struct pool *p, uint32_t n, double *working);
struct heap *pool_heap(const struct pool *p);

#endif
