/* payload: frames come out as they went in, and every block is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "shm/heap.h"
#include "shm/payload.h"

static struct heap *heap;
static struct payload run, other;
static ref loose;

static int begin(void **state) {
  (void)state;
  alarm(20);
  heap = heap_new();
  payload_init(&run);
  payload_init(&other);
  loose = 0;
  return heap ? 0 : -1;
}

/* whatever a test did, nothing is left when it has cleared up */
static int end(void **state) {
  (void)state;
  payload_clear(heap, &run);
  payload_clear(heap, &other);
  uint64_t held = heap_held(heap);
  heap_delete(heap);
  if (held) print_error("%llu bytes are still held\n", (unsigned long long)held);
  return held ? -1 : 0;
}

static uint8_t letter(size_t n, size_t i) {
  return (uint8_t)(n * 31 + i * 7);
}

/* n bytes that depend on n, written in pieces */
static void encode(struct writer *w, size_t n, size_t piece) {
  uint8_t bytes[64];
  for (size_t i = 0; i < n;) {
    size_t k = 0;
    while (k < piece && k < sizeof bytes && i < n) bytes[k++] = letter(n, i++);
    assert_int_equal(buf_add(&w->bytes, bytes, k), 0);
  }
}

static void write_frame(struct payload *p, size_t n, unsigned kind) {
  struct writer w;
  assert_int_equal(frame_begin(&w, heap, p, &loose), 0);
  encode(&w, n, 1 + n % 64);
  frame_commit(&w, kind);
  assert_int_equal(loose, 0);
}

static void is_frame(const struct frame *f, size_t n, unsigned kind) {
  assert_int_equal(f->kind & ~(unsigned)FRAME_OUT, kind);
  assert_int_equal(f->len, n);
  assert_int_equal(f->block != 0, (f->kind & FRAME_OUT) != 0);
  for (size_t i = 0; i < n; i++)
    if (f->body[i] != letter(n, i)) fail_msg("byte %zu of %zu differs", i, n);
}

static struct frame frame_at(struct payload *p, unsigned number) {
  struct frame f = {0};
  size_t at = 0;
  for (unsigned i = 0; i <= number; i++, at += f.size) assert_true(frame_read(heap, p, at, &f));
  return f;
}

static void test_an_empty_run_has_no_frames(void **state) {
  (void)state;
  struct frame f;
  assert_false(frame_read(heap, &run, 0, &f));
  assert_int_equal(payload_count(heap, &run), 0);
}

static void test_small_frames_sit_in_the_cell_itself(void **state) {
  (void)state;
  write_frame(&run, 9, 0);
  assert_int_equal(run.block, 0);
  assert_int_equal(heap_held(heap), 0);
  struct frame f = frame_at(&run, 0);
  is_frame(&f, 9, 0);
  assert_int_equal(f.size, 24);
}

static void test_frames_of_every_length_come_out_as_they_went_in(void **state) {
  (void)state;
  for (size_t n = 0; n < 3 * FRAME_INLINE + 200; n += n < 100 ? 1 : n / 5) {
    write_frame(&run, n, n % 2 ? FRAME_ERROR : 0);
    struct frame f = frame_at(&run, 0);
    is_frame(&f, n, n % 2 ? FRAME_ERROR : 0);
    assert_int_equal(f.size % 8, 0);
    assert_int_equal(payload_count(heap, &run), 1);
    payload_clear(heap, &run);
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_a_run_grows_from_the_cell_into_blocks_and_keeps_its_frames(void **state) {
  (void)state;
  enum { N = 3000 };
  for (size_t n = 0; n < N; n++) {
    write_frame(&run, n % 301, 0);
    if (n == 0) assert_int_equal(run.block, 0);
  }
  assert_true(run.block != 0);
  assert_int_equal(payload_count(heap, &run), N);
  struct frame f;
  size_t at = 0;
  for (size_t n = 0; n < N; n++, at += f.size) {
    assert_true(frame_read(heap, &run, at, &f));
    is_frame(&f, n % 301, 0);
  }
  assert_int_equal(at, run.n);
  assert_false(frame_read(heap, &run, at, &f));
  payload_clear(heap, &run);
  assert_int_equal(heap_held(heap), 0);
}

static void test_large_frames_have_a_block_of_their_own(void **state) {
  (void)state;
  size_t n = FRAME_INLINE + 1;
  write_frame(&run, 3, 0);
  write_frame(&run, n, FRAME_ERROR);
  write_frame(&run, 100 * n, 0);
  struct frame f = frame_at(&run, 1);
  assert_int_equal(f.kind, FRAME_ERROR | FRAME_OUT);
  assert_int_equal(f.size, 16);
  is_frame(&f, n, FRAME_ERROR);
  f = frame_at(&run, 2);
  assert_true(f.kind & FRAME_OUT);
  is_frame(&f, 100 * n, 0);
  f = frame_at(&run, 0);
  is_frame(&f, 3, 0);
}

static void test_the_kind_follows_from_the_length_alone(void **state) {
  (void)state;
  for (size_t piece = 1; piece <= 64; piece *= 4) {
    struct writer w;
    assert_int_equal(frame_begin(&w, heap, &run, &loose), 0);
    encode(&w, FRAME_INLINE / 2, piece);
    frame_commit(&w, 0);
    struct frame f = frame_at(&run, 0);
    assert_int_equal(f.kind, 0);
    payload_clear(heap, &run);
  }
}

static const struct fault fault = {.cause = FAULT_TIMEOUT, .status = -9, .attempts = 3, .worker = 77};

static void test_faults_carry_their_cause(void **state) {
  (void)state;
  write_frame(&run, 20, 0);
  assert_int_equal(payload_fault(heap, &run, &fault, 0), 0);
  write_frame(&run, 21, 0);
  struct frame f = frame_at(&run, 1);
  assert_int_equal(f.kind, FRAME_FAULT | FRAME_ERROR);
  assert_memory_equal(f.body, &fault, sizeof fault);
  f = frame_at(&run, 2);
  is_frame(&f, 21, 0);
}

/* a list of a small, a large, an erroneous part and a fault */
static void write_list(struct payload *p) {
  assert_int_equal(payload_list(heap, p, 4), 0);
  write_frame(p, 5, 0);
  write_frame(p, 3 * FRAME_INLINE, 0);
  write_frame(p, 0, FRAME_ERROR);
  assert_int_equal(payload_fault(heap, p, &fault, 0), 0);
}

static void is_list(const struct frame *list) {
  struct frame part;
  size_t at = 0;
  assert_int_equal(list->kind, FRAME_LIST);
  assert_int_equal(list->len, 4);
  assert_true(frame_part(heap, list, &at, &part));
  is_frame(&part, 5, 0);
  assert_true(frame_part(heap, list, &at, &part));
  is_frame(&part, 3 * FRAME_INLINE, 0);
  assert_true(frame_part(heap, list, &at, &part));
  is_frame(&part, 0, FRAME_ERROR);
  assert_true(frame_part(heap, list, &at, &part));
  assert_memory_equal(part.body, &fault, sizeof fault);
  assert_false(frame_part(heap, list, &at, &part));
}

static void test_a_list_is_one_frame_with_its_parts(void **state) {
  (void)state;
  write_frame(&run, 1, 0);
  write_list(&run);
  assert_int_equal(payload_list(heap, &run, 0), 0);
  write_frame(&run, 2, 0);
  assert_int_equal(payload_count(heap, &run), 4);
  struct frame f = frame_at(&run, 1);
  is_list(&f);
  f = frame_at(&run, 2);
  assert_int_equal(f.len, 0);
  f = frame_at(&run, 3);
  is_frame(&f, 2, 0);
}

static void test_a_relayed_frame_outlives_its_origin(void **state) {
  (void)state;
  write_frame(&run, 7, FRAME_ERROR);
  write_frame(&run, 5 * FRAME_INLINE, 0);
  write_list(&run);
  assert_int_equal(payload_fault(heap, &run, &fault, 0), 0);
  uint64_t before = heap_held(heap);
  struct frame f;
  for (unsigned i = 0; i < 4; i++) {
    f = frame_at(&run, i);
    assert_int_equal(payload_relay(heap, &other, &f), 0);
  }
  assert_true(heap_held(heap) - before <
              5 * FRAME_INLINE + heap_size(heap, other.block) + 16); /* large bodies are not copied */
  payload_clear(heap, &run);
  f = frame_at(&other, 0);
  is_frame(&f, 7, FRAME_ERROR);
  f = frame_at(&other, 1);
  is_frame(&f, 5 * FRAME_INLINE, 0);
  f = frame_at(&other, 2);
  is_list(&f);
  f = frame_at(&other, 3);
  assert_memory_equal(f.body, &fault, sizeof fault);
  payload_clear(heap, &other);
  assert_int_equal(heap_held(heap), 0);
}

static void test_a_cut_gives_back_what_lay_behind_it(void **state) {
  (void)state;
  write_frame(&run, 3 * FRAME_INLINE, 0);
  uint64_t n = run.n, held = heap_held(heap);
  write_frame(&run, 4 * FRAME_INLINE, 0);
  write_list(&run);
  payload_cut(heap, &run, n);
  assert_true(heap_held(heap) <=
              held + heap_size(heap, run.block) + 16); /* the run itself may have moved into a block */
  assert_int_equal(payload_count(heap, &run), 1);
  struct frame f = frame_at(&run, 0);
  is_frame(&f, 3 * FRAME_INLINE, 0);
  payload_cut(heap, &run, 1000000);
  assert_int_equal(payload_count(heap, &run), 1);
}

static void test_a_list_broken_off_gives_back_the_parts_it_has(void **state) {
  (void)state;
  write_frame(&run, 1, 0);
  uint64_t n = run.n;
  assert_int_equal(payload_list(heap, &run, 3), 0);
  write_frame(&run, 3 * FRAME_INLINE, 0);
  write_frame(&run, 4 * FRAME_INLINE, 0);
  assert_int_equal(payload_count(heap, &run), 1); /* it is no frame */
  payload_cut(heap, &run, n);
  assert_int_equal(heap_held(heap), run.block ? heap_size(heap, run.block) + 16 : 0);
  assert_int_equal(payload_list(heap, &other, 2), 0);
  write_frame(&other, 5 * FRAME_INLINE, 0);
}

static void test_moving_hands_everything_over(void **state) {
  (void)state;
  for (int large = 0; large < 2; large++) {
    write_frame(&run, large ? 2 * FRAME_INLINE : 3, 0);
    write_frame(&run, 4, 0);
    payload_move(&other, &run);
    assert_int_equal(payload_count(heap, &run), 0);
    struct frame f = frame_at(&other, 1);
    is_frame(&f, 4, 0);
    write_frame(&run, 5, 0);
    payload_clear(heap, &other);
    payload_clear(heap, &run);
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_a_cancelled_frame_never_was(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 10, FRAME_INLINE, 9 * FRAME_INLINE};
  for (size_t i = 0; i < 4; i++) {
    struct writer w;
    write_frame(&run, 11, 0);
    assert_int_equal(frame_begin(&w, heap, &run, &loose), 0);
    encode(&w, lengths[i], 64);
    frame_cancel(&w);
    assert_int_equal(loose, 0);
    assert_int_equal(payload_count(heap, &run), 1);
    write_frame(&run, 12, 0);
    struct frame f = frame_at(&run, 0);
    is_frame(&f, 11, 0);
    f = frame_at(&run, 1);
    is_frame(&f, 12, 0);
    payload_clear(heap, &run);
    assert_int_equal(heap_held(heap), 0);
  }
}

static void test_an_abandoned_frame_is_forgotten_by_the_next(void **state) {
  (void)state;
  struct writer w;
  write_frame(&run, 6, 0);
  assert_int_equal(frame_begin(&w, heap, &run, &loose), 0);
  encode(&w, 6 * FRAME_INLINE, 64);
  assert_true(loose != 0); /* and here its writer raised an error */
  write_frame(&run, 8, FRAME_ERROR);
  assert_int_equal(payload_count(heap, &run), 2);
  struct frame f = frame_at(&run, 1);
  is_frame(&f, 8, FRAME_ERROR);
}

static void test_a_dead_writers_block_is_rescued_once(void **state) {
  (void)state;
  struct writer w;
  assert_int_equal(frame_begin(&w, heap, &run, &loose), 0);
  encode(&w, 3 * FRAME_INLINE, 64);
  payload_rescue(heap, &run, &loose); /* dead before the commit */
  assert_int_equal(loose, 0);
  assert_true(heap_held(heap) < 3 * FRAME_INLINE);

  write_frame(&run, 2, 0);
  write_frame(&run, 3 * FRAME_INLINE, 0);
  struct frame f = frame_at(&run, 1);
  loose = f.block; /* dead right after it */
  payload_rescue(heap, &run, &loose);
  assert_int_equal(loose, 0);
  f = frame_at(&run, 1);
  is_frame(&f, 3 * FRAME_INLINE, 0);
  payload_rescue(heap, &run, &loose); /* nothing to rescue */
}

/* {====== bytes that are no frames ====== */

static void put(struct payload *p, uint64_t len, unsigned kind) {
  uint64_t header = len << 12 | kind;
  memcpy(p->in + p->n, &header, 8);
  p->n += 8;
}

static void refused(void) {
  struct frame f;
  assert_false(frame_read(heap, &run, 0, &f));
  assert_int_equal(payload_count(heap, &run), 0);
  payload_init(&run); /* nothing of it is anybody's */
}

static void test_headers_that_promise_too_much_are_refused(void **state) {
  (void)state;
  static const uint64_t lengths[] = {9, 100, 1 << 20, 1ULL << 40, (1ULL << 52) - 1, (1ULL << 52) - 8};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    put(&run, lengths[i], 0); /* bytes */
    run.n += 8;
    refused();
    put(&run, lengths[i], FRAME_LIST); /* parts */
    put(&run, 0, 0);
    refused();
  }
  put(&run, 5, FRAME_OUT); /* its ref is missing */
  refused();
  put(&run, 0, FRAME_FAULT | FRAME_ERROR);
  put(&run, 0, 0);
  refused();
  for (uint64_t n = 1; n < 8; n++) { /* half a header */
    put(&run, 0, 0);
    run.n = n;
    refused();
  }
}

static void test_kinds_nobody_writes_are_refused(void **state) {
  (void)state;
  for (unsigned kind = 0; kind < 16; kind++) {
    bool sound = kind == 0 || kind == FRAME_ERROR || kind == FRAME_OUT || kind == (FRAME_OUT | FRAME_ERROR) ||
                 kind == FRAME_LIST || kind == (FRAME_FAULT | FRAME_ERROR);
    struct frame f;
    memset(run.in, 0, sizeof run.in);
    put(&run, 0, kind);
    if (kind != FRAME_LIST) run.n += 16;
    assert_int_equal(frame_read(heap, &run, 0, &f), sound);
    payload_init(&run);
  }
}

static void test_lists_in_lists_are_refused(void **state) {
  (void)state;
  put(&run, 1, FRAME_LIST);
  put(&run, 0, FRAME_LIST);
  refused();
}

static void test_random_bytes_are_read_within_their_bounds(void **state) {
  (void)state;
  srand(20240601);
  for (int round = 0; round < 200000; round++) {
    struct frame f, part;
    run.n = (uint64_t)rand() % (sizeof run.in + 1);
    for (size_t i = 0; i < run.n; i++) run.in[i] = (uint8_t)(rand() % 4 ? rand() % 24 : rand());
    for (size_t i = 0; i < run.n; i += 8) run.in[i] &= ~FRAME_OUT; /* refs are taken at their word */
    for (size_t i = 1; i + 1 < run.n && rand() % 8; i += 8) memset(run.in + i, 0, 7 < run.n - i ? 7 : run.n - i);
    for (size_t at = 0; frame_read(heap, &run, at, &f); at += f.size) {
      assert_true(f.size >= 8 && at + f.size <= run.n);
      if (!(f.kind & (FRAME_LIST | FRAME_OUT | FRAME_FAULT))) assert_true(f.body + f.len <= run.in + run.n);
      for (size_t k = 0; f.kind & FRAME_LIST && frame_part(heap, &f, &k, &part);) assert_true(k <= f.size - 8);
    }
  }
  payload_init(&run);
}

/* ====== } */

/* {====== no memory ====== */

enum { MOST = 4096 };
static ref taken[MOST];
static int taken_n;

/* take all there is but the blocks that were free before */
static void use_up(void) {
  for (size_t size = RESERVE_BYTES / 64; size; size /= 2)
    while (taken_n < MOST && (taken[taken_n] = heap_take(heap, size)) != 0) taken_n++;
  assert_true(taken_n < MOST);
}

static void give_back(void) {
  while (taken_n) heap_drop(heap, taken[--taken_n]);
}

static void test_without_memory_a_frame_fails_and_the_run_stays_as_it_was(void **state) {
  (void)state;
  struct writer w;
  write_frame(&run, 10, 0);
  use_up();
  assert_int_equal(frame_begin(&w, heap, &run, &loose), CELL_INLINE < 40 ? -1 : 0);
  if (CELL_INLINE >= 40) {
    int r = 0;
    for (int i = 0; i < 100 && r == 0; i++) r = buf_add(&w.bytes, "0123456789", 10);
    assert_int_equal(r, -1);
    frame_cancel(&w);
  }
  struct frame f = frame_at(&run, 0);
  is_frame(&f, 10, 0);
  while (payload_fault(heap, &run, &fault, 0) == 0) assert_true(run.n <= CELL_INLINE);
  give_back();
  f = frame_at(&run, 0);
  is_frame(&f, 10, 0);
}

static void test_without_memory_a_relayed_list_leaves_nothing(void **state) {
  (void)state;
  write_list(&run);
  struct frame list = frame_at(&run, 0);
  uint64_t held = heap_held(heap);
  for (unsigned filled = 0; filled < 4; filled++) { /* the list breaks off at another part each time */
    for (unsigned i = 0; i < filled; i++) write_frame(&other, 3, 0);
    uint64_t n = other.n, before = heap_held(heap);
    use_up();
    int r = payload_relay(heap, &other, &list);
    give_back();
    if (r != 0) {
      assert_int_equal(other.n, n);
      assert_int_equal(heap_held(heap), before);
    }
    payload_clear(heap, &other);
    assert_int_equal(heap_held(heap), held);
  }
  is_list(&list);
}

/* ====== } */

#define claim(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      claim(test_an_empty_run_has_no_frames),
      claim(test_small_frames_sit_in_the_cell_itself),
      claim(test_frames_of_every_length_come_out_as_they_went_in),
      claim(test_a_run_grows_from_the_cell_into_blocks_and_keeps_its_frames),
      claim(test_large_frames_have_a_block_of_their_own),
      claim(test_the_kind_follows_from_the_length_alone),
      claim(test_faults_carry_their_cause),
      claim(test_a_list_is_one_frame_with_its_parts),
      claim(test_a_relayed_frame_outlives_its_origin),
      claim(test_a_cut_gives_back_what_lay_behind_it),
      claim(test_a_list_broken_off_gives_back_the_parts_it_has),
      claim(test_moving_hands_everything_over),
      claim(test_a_cancelled_frame_never_was),
      claim(test_an_abandoned_frame_is_forgotten_by_the_next),
      claim(test_a_dead_writers_block_is_rescued_once),
      claim(test_headers_that_promise_too_much_are_refused),
      claim(test_kinds_nobody_writes_are_refused),
      claim(test_lists_in_lists_are_refused),
      claim(test_random_bytes_are_read_within_their_bounds),
      claim(test_without_memory_a_frame_fails_and_the_run_stays_as_it_was),
      claim(test_without_memory_a_relayed_list_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
