/* pool: items go in, each comes out once at its place: as its double, or as the fault that befell it. Without Lua: the
** craft of these workers doubles a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "shm/map.h"

enum { TASKS = 4, MOST = 4096 };

/* {====== the craft ====== */

struct hand {
  struct channel *channel;
  uint32_t n;
  bool thread;
  atomic_bool interrupted;
};

/* what a tasklet does with its number before it is doubled; how long its result is (at least 8 bytes) */
static void (*work)(struct hand *h, int64_t v);
static size_t (*length)(int64_t v);

/* shared by all workers: which numbers have been seen, how often */
static _Atomic uint32_t *seen;

static void *begin_work(void *ctx, struct channel *c, uint32_t n, bool thread) {
  (void)ctx;
  struct hand *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->channel = c;
  h->n = n;
  h->thread = thread;
  return h;
}

static void *refuse_work(void *ctx, struct channel *c, uint32_t n, bool thread) {
  (void)ctx, (void)c, (void)n, (void)thread;
  return NULL;
}

static int write_number(struct buf *b, int64_t v, size_t n) {
  static const uint8_t filler[64] = "filler filler filler filler filler filler filler filler filler";
  if (buf_add(b, &v, sizeof v) != 0) return -1;
  for (size_t left = n > 8 ? n - 8 : 0, k; left; left -= k) {
    k = left < sizeof filler ? left : sizeof filler;
    if (buf_add(b, filler, k) != 0) return -1;
  }
  return 0;
}

static int64_t number(const struct frame *f) {
  int64_t v;
  memcpy(&v, f->body, sizeof v);
  return v;
}

/* a list is worth the sum of its parts */
static int64_t value_of(struct heap *heap, const struct frame *f) {
  struct frame part;
  int64_t sum = 0;
  if (!(f->kind & FRAME_LIST)) return number(f);
  for (size_t at = 0; frame_part(heap, f, &at, &part);) sum += number(&part);
  return sum;
}

static bool write_result(struct hand *h, struct cell *cell, int64_t v) {
  struct window *window = h->channel->window;
  uint32_t c = (uint32_t)(cell - window->cell);
  struct writer w;
  if (h->thread && !window_write(window, h->n, c)) return false;
  bool good = frame_begin(&w, window->heap, &cell->result, &cell->loose) == 0 &&
              write_number(&w.bytes, v, length ? length(v / 2) : 8) == 0;
  if (good) frame_commit(&w, 0);
  if (h->thread) window_written(window, h->n, c);
  return good;
}

static void apply(void *self, struct cell *cell) {
  struct hand *h = self;
  struct heap *heap = h->channel->window->heap;
  struct frame f;
  size_t at = 0;
  uint32_t item = payload_count(heap, &cell->result) + cell->elsewhere;
  for (uint32_t i = 0; i < cell->count && frame_read(heap, &cell->request, at, &f); i++, at += f.size) {
    if (i < item) continue;
    int64_t v = value_of(heap, &f);
    if (work) work(h, v);
    if (!write_result(h, cell, 2 * v)) return;
    if (i + 1 == cell->count) break;
    h->channel->ops->progress(h->channel, h->n, (uint32_t)(cell - h->channel->window->cell));
    atomic_store(&cell->since, clock_ns());
  }
}

static void end_work(void *self) {
  free(self);
}
static void interrupt(void *self) {
  atomic_store(&((struct hand *)self)->interrupted, true);
}

static const struct craft doubling = {NULL, begin_work, apply, end_work, interrupt, NULL};
static const struct craft refusing = {NULL, refuse_work, apply, end_work, interrupt, NULL};

/* ====== } */

/* {====== driving a pool ====== */

struct result {
  uint64_t index;
  bool failed;
  int64_t value;
  size_t length;
  struct fault fault;
};

static struct heap *heap;
static struct loop *loop;
static struct pool *pool;
static struct pool_options options;
static struct task_options task_options[TASKS];
static int64_t last[TASKS], next[TASKS]; /* the inputs: 1 ... last */
static struct result result[TASKS][MOST];
static int results[TASKS];

enum how { SHM, PIPE, THREADS, HOWS };

static int slow; /* under a sanitizer time limits are longer */

static int begin(void **state) {
  (void)state;
  slow = getenv("PAPY_TEST_SLOW") ? atoi(getenv("PAPY_TEST_SLOW")) : 1;
  alarm(60);
  heap = heap_new();
  loop = loop_new();
  seen = map_shared(MOST * sizeof *seen);
  work = NULL;
  length = NULL;
  pool = NULL;
  memset(task_options, 0, sizeof task_options);
  options = (struct pool_options){
      .workers = 2, .tasks = 1, .stride = 4, .buffer = 8, .batch = 1, .ordered = true, .task = task_options};
  return heap && loop && seen ? 0 : -1;
}

/* no test leaves a child, and none that ended well a block */
static int end(void **state) {
  (void)state;
  bool left = pool != NULL;
  if (pool) pool_stop(pool, true, 0);
  uint64_t held = heap_held(heap);
  loop_free(loop);
  heap_delete(heap);
  map_free(seen, MOST * sizeof *seen);
  if (!left && held) print_error("%llu bytes are still held\n", (unsigned long long)held);
  if (waitpid(-1, NULL, WNOHANG) != -1) print_error("a child is left\n"), held = 1;
  return held && !left ? -1 : 0;
}

static void start(enum how how) {
  options.pipe = how == PIPE;
  options.threads = how == THREADS;
  memset(results, 0, sizeof results);
  for (int t = 0; t < TASKS; t++) next[t] = 1;
  memset(seen, 0, MOST * sizeof *seen);
  pool = pool_start(&options, loop, heap, &doubling);
  assert_non_null(pool);
}

static void stop(void) {
  pool_stop(pool, false, clock_after(10));
  pool = NULL;
  assert_int_equal(heap_held(heap), 0);
}

/* submit what there is room for */
static void feed(void) {
  for (int t; (t = pool_turn(pool)) >= 0 && pool_room(pool);) {
    struct writer w;
    if (next[t] > last[t]) {
      pool_ended(pool, (uint32_t)t);
    } else if (pool_overtaken(pool, (uint32_t)t)) {
      next[t]++;
    } else {
      assert_int_equal(pool_begin(pool, (uint32_t)t, &w), 0);
      assert_int_equal(write_number(&w.bytes, next[t]++, 8), 0);
      pool_commit(pool, (uint32_t)t, &w, 0);
    }
  }
  pool_flush(pool);
}

static bool take(uint32_t t) {
  struct frame f;
  struct result *r = &result[t][results[t]];
  if (!pool_due(pool, t, &f, &r->index)) return false;
  assert_true(results[t] < MOST);
  r->failed = f.kind & FRAME_FAULT;
  r->length = f.len;
  if (r->failed) memcpy(&r->fault, f.body, sizeof r->fault);
  else r->value = number(&f);
  pool_took(pool, t, r->failed);
  results[t]++;
  return true;
}

static void turn(void) {
  feed();
  if (loop_wait(loop, clock_after(20)) == LOOP_TIME) fail_msg("nothing moves any more");
  pool_collect(pool);
}

/* the next result of task t */
static struct result *next_of(uint32_t t) {
  for (feed(); !take(t); turn())
    if (pool_finished(pool, t)) return NULL;
  return &result[t][results[t] - 1];
}

/* everything, the tasks in turn */
static void drain(void) {
  for (bool more = true; more;) {
    more = false;
    for (uint32_t t = 0; t < options.tasks; t++) more = next_of(t) || more;
  }
}

static void is_value(const struct result *r, int64_t v) {
  assert_non_null(r);
  assert_int_equal(r->index, v);
  if (r->failed)
    fail_msg("item %d failed, cause %u, status %d (pipe %d, threads %d, batch %u)", (int)v, r->fault.cause,
             r->fault.status, options.pipe, options.threads, options.batch);
  assert_int_equal(r->value, 2 * v);
}

static void is_fault(const struct result *r, int64_t v, uint32_t cause) {
  assert_non_null(r);
  assert_int_equal(r->index, v);
  if (!r->failed)
    fail_msg("item %d came through (pipe %d, threads %d, batch %u)", (int)v, options.pipe, options.threads,
             options.batch);
  assert_int_equal(r->fault.cause, cause);
}

/* all results of task t are there, in order, faults exactly where `fails` says */
static void all_in_order(uint32_t t, bool (*fails)(int64_t v), uint32_t cause) {
  assert_int_equal(results[t], last[t]);
  for (int64_t v = 1; v <= last[t]; v++)
    if (fails && fails(v)) is_fault(&result[t][v - 1], v, cause);
    else is_value(&result[t][v - 1], v);
}

#define each_way(how, from, to) for (enum how how = from; how <= to; how++)
static const uint32_t batches[] = {1, 5, 0};
#define each_batch(how, from, to) \
  each_way(how, from, to) for (int b_ = 0; b_ < 3 && (options.batch = batches[b_], true); b_++)

/* ====== } */

static void test_results_come_in_order(void **state) {
  (void)state;
  last[0] = 300;
  each_batch(how, SHM, THREADS) {
    for (uint32_t buffer = 1; buffer <= 64; buffer *= 8) {
      options.buffer = buffer;
      options.stride = buffer / 2 + 1;
      start(how);
      drain();
      all_in_order(0, NULL, 0);
      stop();
    }
  }
}

static void test_several_tasks_each_come_in_order(void **state) {
  (void)state;
  options.tasks = 3;
  options.workers = 3;
  options.stride = 2;
  options.buffer = 6;
  last[0] = 100, last[1] = 0, last[2] = 37;
  each_batch(how, SHM, THREADS) {
    start(how);
    drain();
    for (uint32_t t = 0; t < 3; t++) all_in_order(t, NULL, 0);
    stop();
  }
}

static void work_a_while(struct hand *h, int64_t v) {
  (void)h;
  if (v % 3 == 0) usleep(500);
}

static void test_unordered_results_come_each_once(void **state) {
  (void)state;
  static bool got[MOST];
  options.ordered = false;
  options.tasks = 2;
  options.buffer = 16;
  work = work_a_while;
  last[0] = 200, last[1] = 50;
  each_batch(how, SHM, THREADS) {
    start(how);
    drain();
    for (uint32_t t = 0; t < 2; t++) {
      memset(got, 0, sizeof got);
      assert_int_equal(results[t], last[t]);
      for (int i = 0; i < results[t]; i++) {
        int64_t v = (int64_t)result[t][i].index;
        assert_true(v >= 1 && v <= last[t] && !got[v]);
        got[v] = true;
        is_value(&result[t][i], v);
      }
    }
    stop();
  }
}

static size_t many_lengths(int64_t v) {
  return 8 + (size_t)(v * v * 37 % 50000);
}

static void test_results_of_any_length_come_whole(void **state) {
  (void)state;
  length = many_lengths;
  last[0] = 120;
  options.buffer = 20;
  each_batch(how, SHM, THREADS) {
    start(how);
    drain();
    all_in_order(0, NULL, 0);
    for (int i = 0; i < 120; i++) assert_int_equal(result[0][i].length, many_lengths(i + 1));
    stop();
  }
}

static void test_no_more_items_are_under_way_than_the_buffer_permits(void **state) {
  (void)state;
  struct pool_stats s;
  options.buffer = 6;
  last[0] = 50;
  each_batch(how, SHM, THREADS) {
    start(how);
    while (next[0] <= 6) feed();
    for (int i = 0; i < 5; i++) {
      feed();
      pool_collect(pool);
    }
    pool_stats(pool, -1, &s);
    assert_int_equal(s.submitted, 6);
    assert_int_equal(s.in_flight, 6);
    is_value(next_of(0), 1);
    feed();
    pool_stats(pool, 0, &s);
    assert_int_equal(s.submitted, 7);
    drain();
    all_in_order(0, NULL, 0);
    pool_stats(pool, 0, &s);
    assert_int_equal(s.delivered, 50);
    assert_int_equal(s.done, 50);
    assert_int_equal(s.failed, 0);
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.alive, 2);
    stop();
  }
}

/* {====== deaths ====== */

static bool third_of_ten(int64_t v) {
  return v % 10 == 3;
}

static void die_on_threes(struct hand *h, int64_t v) {
  (void)h;
  if (third_of_ten(v)) kill(getpid(), SIGKILL);
}

static void test_a_death_costs_exactly_its_item(void **state) {
  (void)state;
  work = die_on_threes;
  options.buffer = 20;
  options.stride = 20;
  last[0] = 60;
  each_batch(how, SHM, PIPE) {
    struct pool_stats s;
    start(how);
    drain();
    all_in_order(0, third_of_ten, FAULT_DIED);
    for (int64_t v = 3; v <= 60; v += 10) {
      struct fault *f = &result[0][v - 1].fault;
      assert_true(WIFSIGNALED(f->status) && WTERMSIG(f->status) == SIGKILL);
      assert_int_equal(f->attempts, 1);
      assert_true(f->worker == 1 || f->worker == 2);
    }
    pool_stats(pool, -1, &s);
    assert_int_equal(s.deaths, 6);
    assert_int_equal(s.failed, 6);
    assert_int_equal(s.retried, 0);
    stop();
  }
}

static bool always(int64_t v) {
  (void)v;
  return true;
}

static void leave(struct hand *h, int64_t v) {
  (void)h;
  _exit((int)v);
}

static void test_a_pool_whose_every_item_kills_still_ends(void **state) {
  (void)state;
  work = leave;
  last[0] = 25;
  each_batch(how, SHM, PIPE) {
    start(how);
    drain();
    all_in_order(0, always, FAULT_DIED);
    for (int i = 0; i < 25; i++) {
      assert_true(WIFEXITED(result[0][i].fault.status));
      assert_int_equal(WEXITSTATUS(result[0][i].fault.status), i + 1);
    }
    stop();
  }
}

static void die_at_first(struct hand *h, int64_t v) {
  (void)h;
  if (atomic_fetch_add(&seen[v], 1) == 0) kill(getpid(), SIGKILL);
}

static void test_every_item_has_its_own_retries(void **state) {
  (void)state;
  work = die_at_first;
  task_options[0].retries = 1;
  last[0] = 30;
  options.buffer = 15;
  options.stride = 15;
  each_batch(how, SHM, PIPE) {
    struct pool_stats s;
    start(how);
    drain();
    all_in_order(0, NULL, 0);
    for (int v = 1; v <= 30; v++) assert_int_equal(seen[v], 2);
    pool_stats(pool, -1, &s);
    assert_int_equal(s.retried, 30);
    stop();
  }
}

static void die_and_count(struct hand *h, int64_t v) {
  atomic_fetch_add(&seen[v], 1);
  die_on_threes(h, v);
}

static void test_retries_come_to_an_end(void **state) {
  (void)state;
  work = die_and_count;
  task_options[0].retries = 3;
  last[0] = 20;
  each_batch(how, SHM, PIPE) {
    start(how);
    drain();
    all_in_order(0, third_of_ten, FAULT_DIED);
    for (int v = 1; v <= 20; v++) assert_int_equal(seen[v], third_of_ten(v) ? 4 : 1);
    assert_int_equal(result[0][2].fault.attempts, 4);
    stop();
  }
}

static void test_large_results_survive_deaths_in_their_batch(void **state) {
  (void)state;
  work = die_on_threes;
  length = many_lengths;
  options.buffer = 20;
  options.stride = 20;
  last[0] = 40;
  each_batch(how, SHM, PIPE) {
    start(how);
    drain();
    all_in_order(0, third_of_ten, FAULT_DIED);
    for (int i = 0; i < 40; i++)
      if (!result[0][i].failed) assert_int_equal(result[0][i].length, many_lengths(i + 1));
    stop();
  }
}

static void test_unordered_pools_survive_deaths(void **state) {
  (void)state;
  work = die_on_threes;
  options.ordered = false;
  options.buffer = 20;
  last[0] = 60;
  each_batch(how, SHM, PIPE) {
    static bool got[MOST];
    memset(got, 0, sizeof got);
    start(how);
    drain();
    assert_int_equal(results[0], 60);
    for (int i = 0; i < 60; i++) {
      int64_t v = (int64_t)result[0][i].index;
      assert_true(!got[v]);
      got[v] = true;
      if (third_of_ten(v)) is_fault(&result[0][i], v, FAULT_DIED);
      else is_value(&result[0][i], v);
    }
    stop();
  }
}

static void test_workers_that_cannot_begin_leave_faults_and_no_hang(void **state) {
  (void)state;
  last[0] = 10;
  each_way(how, SHM, THREADS) {
    options.pipe = how == PIPE;
    options.threads = how == THREADS;
    memset(results, 0, sizeof results);
    next[0] = 1;
    pool = pool_start(&options, loop, heap, &refusing);
    assert_non_null(pool);
    drain();
    all_in_order(0, always, FAULT_NO_WORKER);
    stop();
  }
}

static void die_on_three(struct hand *h, int64_t v) {
  if (v == 3) die_on_threes(h, v);
}

/* A worker dies and, for want of a descriptor, cannot be replaced for a while: its pipes can be made, but not the fork's
** descriptor. What it would have got goes to the other one. */
static void test_a_worker_that_cannot_be_replaced_gets_no_items(void **state) {
  (void)state;
  work = die_on_three;
  last[0] = 200;
  options.buffer = 4;
  options.stride = 4;
  for (int spare = 0; spare < 3; spare++) {
    each_way(how, SHM, PIPE) {
      struct rlimit before, few;
      start(how);
      for (int v = 1; v <= 2; v++) is_value(next_of(0), v);
      int filler[32]; /* leave no gap below the last descriptor */
      for (int i = 0; i < 32; i++) filler[i] = dup(0);
      getrlimit(RLIMIT_NOFILE, &before);
      few = before;
      few.rlim_cur = (rlim_t)(filler[31] + 1 + spare);
      assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
      is_fault(next_of(0), 3, FAULT_DIED);
      struct result *r = NULL;
      for (int v = 4; v <= 12; v++) assert_non_null(r = next_of(0));
      setrlimit(RLIMIT_NOFILE, &before);
      for (int i = 0; i < 32; i++) close(filler[i]);
      drain();
      assert_int_equal(results[0], 200);
      for (int v = 1; v <= 200; v++) {
        r = &result[0][v - 1];
        assert_int_equal(r->index, v);
        assert_int_equal(r->failed, v == 3);
      }
      stop();
    }
  }
}

/* ====== } */

/* {====== time limits ====== */

static void hang_on_threes(struct hand *h, int64_t v) {
  int64_t late = clock_after(20);
  while (third_of_ten(v) && !atomic_load(&h->interrupted) && clock_ns() < late) usleep(200);
  if (clock_ns() >= late) abort();
}

static void test_a_tasklet_over_its_time_is_given_up(void **state) {
  (void)state;
  work = hang_on_threes;
  task_options[0].limit = 150000000 * slow;
  options.buffer = 10;
  options.stride = 10;
  last[0] = 15;
  each_batch(how, SHM, THREADS) {
    start(how);
    drain();
    all_in_order(0, third_of_ten, FAULT_TIMEOUT);
    stop();
  }
}

static void test_only_the_limited_task_is_limited(void **state) {
  (void)state;
  work = work_a_while;
  options.tasks = 2;
  task_options[0].limit = 10000000;
  last[0] = 0, last[1] = 1;
  each_way(how, SHM, THREADS) {
    start(how);
    drain();
    all_in_order(1, NULL, 0);
    stop();
  }
}

static atomic_bool released;

static void be_stuck(struct hand *h, int64_t v) {
  (void)h;
  if (v <= 12)
    while (!atomic_load(&released)) usleep(200);
}

/* threads that neither come back nor can be killed hold their cells; no other item is lost, no cell is taken twice */
static void test_threads_that_never_return_cost_only_their_items(void **state) {
  (void)state;
  work = be_stuck;
  options.workers = 3;
  options.buffer = 4;
  options.stride = 4;
  task_options[0].limit = 30000000;
  last[0] = 40;
  atomic_store(&released, false);
  start(THREADS);
  /* 3 x 3 + 1 spare cells: after so many the others have to wait until one comes back */
  for (int v = 1; v <= 9; v++) is_fault(next_of(0), v, FAULT_TIMEOUT);
  atomic_store(&released, true);
  for (int v = 10; v <= 12; v++) assert_non_null(next_of(0));
  for (int v = 13; v <= 40; v++) is_value(next_of(0), v);
  assert_null(next_of(0));
  stop();
}

/* ====== } */

/* {====== skips ====== */

static void test_a_skipped_item_never_comes(void **state) {
  (void)state;
  last[0] = 30;
  each_batch(how, SHM, THREADS) {
    start(how);
    pool_skip(pool, 0); /* ahead of everything: 1 and 2 */
    pool_skip(pool, 0);
    is_value(next_of(0), 3);
    feed();
    pool_skip(pool, 0); /* in flight, perhaps finished: 4 */
    is_value(next_of(0), 5);
    while (pool_busy(pool)) {
      loop_wait(loop, clock_after(20));
      pool_collect(pool);
    }
    is_value(next_of(0), 6);
    pool_skip(pool, 0); /* 7, in the middle of a batch if there are batches */
    is_value(next_of(0), 8);
    drain();
    struct pool_stats s;
    pool_stats(pool, 0, &s);
    assert_int_equal(s.skipped, 4);
    assert_int_equal(s.delivered, 26);
    assert_int_equal(results[0], 26);
    is_value(&result[0][25], 30);
    assert_true(pool_finished(pool, 0));
    stop();
  }
}

static void sleep_on_threes(struct hand *h, int64_t v) {
  (void)h;
  if (third_of_ten(v)) usleep(20000);
}

static void test_skipped_items_in_computation_do_not_stop_the_others(void **state) {
  (void)state;
  work = sleep_on_threes;
  last[0] = 100;
  options.buffer = 3;
  options.stride = 3;
  each_batch(how, SHM, THREADS) {
    int64_t expected = 1;
    start(how);
    for (; expected <= 100; expected++) {
      if (third_of_ten(expected)) {
        feed();
        pool_skip(pool, 0);
      } else {
        is_value(next_of(0), expected);
      }
    }
    assert_null(next_of(0));
    stop();
  }
}

static void test_more_skips_than_items_end_the_stream(void **state) {
  (void)state;
  last[0] = 5;
  each_batch(how, SHM, THREADS) {
    start(how);
    for (int i = 0; i < 9; i++) pool_skip(pool, 0);
    assert_null(next_of(0));
    stop();
  }
}

static void test_a_skip_and_a_death_meet(void **state) {
  (void)state;
  work = die_on_threes;
  last[0] = 50;
  options.buffer = 10;
  options.stride = 10;
  each_batch(how, SHM, PIPE) {
    start(how);
    for (int64_t v = 1; v <= 50; v++) {
      if (third_of_ten(v) && v % 20 == 3) {
        feed();
        if (v % 40 == 3) usleep(3000); /* let it die first */
        pool_skip(pool, 0);
        continue;
      }
      if (third_of_ten(v)) is_fault(next_of(0), v, FAULT_DIED);
      else is_value(next_of(0), v);
    }
    assert_null(next_of(0));
    stop();
  }
}

/* ====== } */

/* {====== chains ====== */

static size_t large(int64_t v) {
  return v % 2 ? 8 : 3 * FRAME_INLINE;
}

/* the turn of the last task: its items are the results of the `sources` before it, by reference. False: they are to come */
static bool relay(uint32_t sources) {
  uint32_t to = options.tasks - 1;
  struct frame part[TASKS];
  uint64_t index;
  bool ended = false, all = true;
  for (uint32_t t = 0; t < sources; t++) {
    ended = ended || pool_finished(pool, t);
    all = all && pool_due(pool, t, &part[t], &index);
  }
  if (ended) pool_ended(pool, to);
  else if (all) assert_int_equal(pool_relay(pool, to, part, sources, sources > 1), 0);
  for (uint32_t t = 0; t < sources && all && !ended; t++) pool_took(pool, t, false);
  return ended || all;
}

static void run_chain(uint32_t sources) {
  uint32_t to = options.tasks - 1;
  while (!pool_finished(pool, to)) {
    bool moved = take(to);
    for (int t; (t = pool_turn(pool)) >= 0 && pool_room(pool); moved = true) {
      struct writer w;
      if ((uint32_t)t == to && !relay(sources)) break;
      if ((uint32_t)t == to) continue;
      if (next[t] > last[t]) {
        pool_ended(pool, (uint32_t)t);
        continue;
      }
      assert_int_equal(pool_begin(pool, (uint32_t)t, &w), 0);
      assert_int_equal(write_number(&w.bytes, next[t]++, 8), 0);
      pool_commit(pool, (uint32_t)t, &w, 0);
    }
    pool_flush(pool);
    if (moved) continue;
    if (loop_wait(loop, clock_after(20)) == LOOP_TIME) fail_msg("nothing moves any more");
    pool_collect(pool);
  }
}

static void test_chained_results_go_on_by_reference(void **state) {
  (void)state;
  length = large;
  options.tasks = 2;
  last[0] = 100;
  each_batch(how, SHM, THREADS) {
    start(how);
    run_chain(1);
    assert_int_equal(results[1], 100);
    for (int i = 0; i < 100; i++) assert_int_equal(result[1][i].value, 4 * (i + 1));
    stop();
  }
}

static void test_joined_results_go_on_as_one_item(void **state) {
  (void)state;
  length = large;
  options.tasks = 3;
  options.buffer = 12;
  last[0] = 60, last[1] = 50;
  each_batch(how, SHM, THREADS) {
    start(how);
    run_chain(2);
    assert_int_equal(results[2], 50);
    for (int i = 0; i < 50; i++) assert_int_equal(result[2][i].value, 8 * (i + 1));
    stop();
  }
}

/* ====== } */

/* {====== stopping ====== */

static void sleep_long(struct hand *h, int64_t v) {
  (void)v;
  for (int i = 0; i < 20000 && !atomic_load(&h->interrupted); i++) usleep(1000);
}

static void test_stop_lets_what_was_submitted_finish(void **state) {
  (void)state;
  work = die_and_count;
  last[0] = 2;
  each_way(how, SHM, THREADS) {
    start(how);
    feed();
    pool_stop(pool, false, clock_after(10));
    pool = NULL;
    if (how != PIPE) assert_true(seen[1] && seen[2]); /* pipes are closed at once; what is in them is still computed */
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_stop_with_kill_is_at_once(void **state) {
  (void)state;
  work = sleep_long;
  options.buffer = 20;
  last[0] = 100;
  each_batch(how, SHM, THREADS) {
    start(how);
    feed();
    usleep(20000);
    int64_t began = clock_ns();
    pool_stop(pool, true, FOREVER);
    pool = NULL;
    assert_true(clock_ns() - began < 5 * NS_PER_S);
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_stop_kills_who_has_not_left_by_the_deadline(void **state) {
  (void)state;
  work = sleep_long;
  last[0] = 4;
  each_way(how, SHM, THREADS) {
    start(how);
    feed();
    int64_t began = clock_ns();
    pool_stop(pool, false, clock_after(0.05));
    pool = NULL;
    assert_true(clock_ns() - began < 5 * NS_PER_S);
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_stop_with_kill_at_any_moment_leaves_the_books_right(void **state) {
  (void)state;
  unsigned seed = 5;
  length = many_lengths;
  options.buffer = 40;
  options.stride = 40;
  options.batch = 8;
  last[0] = 100000;
  for (int round = 0; round < 150; round++) {
    start(round % 2 ? PIPE : SHM);
    feed();
    usleep(rand_r(&seed) % 3000);
    pool_collect(pool);
    while (results[0] < 20 && take(0)) continue;
    pool_stop(pool, true, 0);
    pool = NULL;
  }
  /* who is killed while it takes or drops a block keeps that one; nothing else is lost */
  assert_true(heap_held(heap) < 150 * 2 * 2 * 65536);
  heap_delete(heap);
  heap = heap_new();
  assert_non_null(heap);
}

static void test_an_idle_pool_stops_at_once(void **state) {
  (void)state;
  options.workers = 8;
  last[0] = 0;
  each_way(how, SHM, THREADS) {
    start(how);
    int64_t began = clock_ns();
    stop();
    assert_true(clock_ns() - began < 5 * NS_PER_S);
  }
}

/* ====== } */

#define claim(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      claim(test_results_come_in_order),
      claim(test_several_tasks_each_come_in_order),
      claim(test_unordered_results_come_each_once),
      claim(test_results_of_any_length_come_whole),
      claim(test_no_more_items_are_under_way_than_the_buffer_permits),
      claim(test_a_death_costs_exactly_its_item),
      claim(test_a_pool_whose_every_item_kills_still_ends),
      claim(test_every_item_has_its_own_retries),
      claim(test_retries_come_to_an_end),
      claim(test_large_results_survive_deaths_in_their_batch),
      claim(test_unordered_pools_survive_deaths),
      claim(test_workers_that_cannot_begin_leave_faults_and_no_hang),
      claim(test_a_worker_that_cannot_be_replaced_gets_no_items),
      claim(test_a_tasklet_over_its_time_is_given_up),
      claim(test_only_the_limited_task_is_limited),
      claim(test_threads_that_never_return_cost_only_their_items),
      claim(test_a_skipped_item_never_comes),
      claim(test_skipped_items_in_computation_do_not_stop_the_others),
      claim(test_more_skips_than_items_end_the_stream),
      claim(test_a_skip_and_a_death_meet),
      claim(test_chained_results_go_on_by_reference),
      claim(test_joined_results_go_on_as_one_item),
      claim(test_stop_lets_what_was_submitted_finish),
      claim(test_stop_with_kill_is_at_once),
      claim(test_stop_kills_who_has_not_left_by_the_deadline),
      claim(test_stop_with_kill_at_any_moment_leaves_the_books_right),
      claim(test_an_idle_pool_stops_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
