/* The shelf: several readers of one task's results, apart and together; what is put aside; what is thrown away. */
#include "runtime/shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runtime/loop.h"

enum { ITEMS = 300 };

/* ---- a pool whose worker doubles numbers; every 7th it does not live through ---- */

static bool deadly;

struct hand {
  struct channel *channel;
};

static void *begin_work(void *ctx, struct channel *c, uint32_t n, bool thread) {
  (void)ctx, (void)n, (void)thread;
  struct hand *h = malloc(sizeof *h);
  if (h) h->channel = c;
  return h;
}

static void apply(void *self, struct cell *cell) {
  struct hand *h = self;
  struct heap *heap = h->channel->window->heap;
  struct frame f;
  struct writer w;
  size_t at = 0;
  uint32_t item = payload_count(heap, &cell->result) + cell->elsewhere;
  for (uint32_t i = 0; i < cell->count && frame_read(heap, &cell->request, at, &f); i++, at += f.size) {
    int64_t v;
    if (i < item) continue;
    memcpy(&v, f.body, sizeof v);
    if (deadly && v % 7 == 0) _Exit(3);
    v *= 2;
    if (frame_begin(&w, heap, &cell->result, &cell->loose) != 0 || buf_add(&w.bytes, &v, sizeof v) != 0) return;
    frame_commit(&w, v % 10 == 0 ? frame_error((unsigned)(v % 3)) : 0);
    h->channel->ops->progress(h->channel, 0, (uint32_t)(cell - h->channel->window->cell));
  }
}

static void end_work(void *self) {
  free(self);
}
static void interrupt(void *self) {
  (void)self;
}

static struct heap *heap;
static struct loop *loop;
static struct pool *pool;
static struct shelf shelf;
static int64_t fed;

static void start(uint32_t readers, uint32_t batch) {
  static const struct task_options task = {.steps = 2};
  static const struct craft craft = {NULL, begin_work, apply, end_work, interrupt, NULL};
  struct pool_options o = {
      .workers = 1, .tasks = 1, .stride = 8, .buffer = 8, .batch = batch, .ordered = true, .task = &task};
  pool = pool_start(&o, loop, heap, &craft);
  assert_non_null(pool);
  assert_true(shelf_start(&shelf, pool, 0, readers));
  fed = 0;
}

static void feed(void) {
  while (pool_turn(pool) >= 0 && pool_room(pool)) {
    struct writer w;
    if (++fed > ITEMS) {
      pool_ended(pool, 0);
      break;
    }
    assert_int_equal(pool_begin(pool, 0, &w), 0);
    assert_int_equal(buf_add(&w.bytes, &fed, sizeof fed), 0);
    pool_commit(pool, 0, &w, 0);
  }
  pool_flush(pool);
}

static int set_up(void **state) {
  (void)state;
  heap = heap_new();
  loop = loop_new();
  deadly = false;
  return heap && loop ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  shelf_end(&shelf);
  pool_stop(pool, true, 0);
  uint64_t held = heap_held(heap);
  loop_free(loop);
  heap_delete(heap);
  return held ? -1 : 0;
}

/* the next result for a reader, 0 at its end, -1 for a lost one (whose request is `item`) */
static int64_t next(uint32_t reader, uint64_t *index) {
  struct frame f, request;
  int64_t v = -1;
  for (;;) {
    feed();
    pool_collect(pool);
    if (shelf_due(&shelf, reader, &f, index)) break;
    if (shelf_finished(&shelf, reader)) return 0;
    assert_true(loop_wait(loop, clock_after(20)) != LOOP_TIME);
  }
  if (f.kind & FRAME_FAULT) {
    assert_true(shelf_request(&shelf, reader, &request));
    int64_t item;
    memcpy(&item, request.body, sizeof item);
    assert_int_equal(item, *index);
  } else {
    memcpy(&v, f.body, sizeof v);
  }
  shelf_took(&shelf, reader, f.kind & FRAME_ERROR);
  return v;
}

static void read_some(uint32_t reader, uint64_t first, uint64_t n) {
  for (uint64_t i = first; i < first + n; i++) {
    uint64_t index;
    int64_t v = next(reader, &index), want = deadly && i % 7 == 0 ? -1 : 2 * (int64_t)i;
    assert_int_equal(v, want);
    assert_int_equal(index, i);
  }
}

static void ends(uint32_t reader) {
  uint64_t index;
  assert_int_equal(next(reader, &index), 0);
  assert_int_equal(next(reader, &index), 0);
}

/* ---- claims ---- */

static void test_each_reader_gets_everything_in_any_order_of_reading(void **state) {
  (void)state;
  deadly = true;
  start(3, 3);
  read_some(0, 1, ITEMS); /* one after the other */
  ends(0);
  read_some(2, 1, 10);
  for (uint64_t i = 0; i < 10; i++) read_some(1, 1 + i * 5, 5), read_some(2, 11 + i * 7, 7);
  read_some(1, 51, ITEMS - 50);
  read_some(2, 81, ITEMS - 80);
  ends(1);
  ends(2);
}

static void test_only_as_much_is_kept_as_readers_are_apart(void **state) {
  (void)state;
  start(2, 1);
  for (uint64_t i = 1; i <= ITEMS; i++) {
    read_some(0, i, 1);
    read_some(1, i, 1);
    assert_null(shelf.first);
  }
}

static void test_a_closed_reader_holds_up_nobody(void **state) {
  (void)state;
  start(2, 2);
  read_some(0, 1, 100);
  assert_non_null(shelf.first);
  shelf_close(&shelf, 1);
  assert_null(shelf.first);
  assert_true(shelf_finished(&shelf, 1));
  read_some(0, 101, ITEMS - 100);
  ends(0);
}

static void test_a_new_reader_begins_with_what_nobody_has_read(void **state) {
  (void)state;
  start(2, 2);
  read_some(0, 1, 20);
  read_some(1, 1, 10);
  assert_int_equal(shelf_reader(&shelf), 2);
  read_some(2, 21, ITEMS - 20);
  read_some(1, 11, ITEMS - 10);
  read_some(0, 21, ITEMS - 20);
}

static void test_what_is_put_aside_makes_room_and_is_not_lost(void **state) {
  (void)state;
  start(1, 1);
  for (uint32_t aside = 0; aside < 100;) { /* many times what the window has room for */
    feed();
    assert_true(loop_wait(loop, clock_after(20)) != LOOP_TIME);
    pool_collect(pool);
    aside += shelf_aside(&shelf);
  }
  read_some(0, 1, ITEMS);
  ends(0);
}

static void test_without_readers_it_is_thrown_away(void **state) {
  (void)state;
  start(1, 1);
  shelf_close(&shelf, 0);
  while (!pool_finished(pool, 0)) {
    feed();
    pool_collect(pool);
    uint32_t thrown = shelf_aside(&shelf);
    assert_null(shelf.first);
    if (!thrown && !pool_finished(pool, 0)) assert_true(loop_wait(loop, clock_after(20)) != LOOP_TIME);
  }
}

static void test_runs_are_what_lies_together(void **state) {
  (void)state;
  for (uint32_t readers = 1; readers <= 2; readers++) {
    start(readers, 4);
    uint64_t got = 0, index, longest = 0;
    while (got < ITEMS) {
      struct run run;
      feed();
      pool_collect(pool);
      uint32_t n = shelf_due_run(&shelf, 0, 3, &run, &index);
      if (!n) {
        assert_true(loop_wait(loop, clock_after(20)) != LOOP_TIME);
        continue;
      }
      assert_true(n <= 3);
      assert_int_equal(index, got + 1);
      size_t at = run.at;
      uint32_t failed = 0;
      for (uint32_t i = 0; i < n; i++) {
        struct frame f;
        int64_t v;
        assert_true(frame_read(heap, run.of, at, &f));
        memcpy(&v, f.body, sizeof v);
        assert_int_equal(v, 2 * (int64_t)(++got));
        failed += f.kind & FRAME_ERROR;
        at += f.size;
      }
      assert_int_equal(at, run.end);
      assert_int_equal(failed, run.failed);
      shelf_took_run(&shelf, 0, &run);
      if (n > longest) longest = n;
    }
    assert_true(longest > 1);
    uint64_t at[3] = {0};
    for (int64_t v = 2; v <= 2 * ITEMS; v += 2)
      if (v % 10 == 0) at[v % 3]++;
    assert_int_equal(pool_failed(pool, 0, 0), at[0]);
    assert_int_equal(pool_failed(pool, 0, 1), at[0] + at[1]);
    assert_int_equal(pool_failed(pool, 0, 2), at[0] + at[1] + at[2]);
    if (readers == 1) {
      shelf_end(&shelf);
      pool_stop(pool, true, 0);
    }
  }
}

#define claim(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest claims[] = {
      claim(test_each_reader_gets_everything_in_any_order_of_reading),
      claim(test_only_as_much_is_kept_as_readers_are_apart),
      claim(test_a_closed_reader_holds_up_nobody),
      claim(test_a_new_reader_begins_with_what_nobody_has_read),
      claim(test_what_is_put_aside_makes_room_and_is_not_lost),
      claim(test_without_readers_it_is_thrown_away),
      claim(test_runs_are_what_lies_together),
  };
  return cmocka_run_group_tests(claims, NULL, NULL);
}
