/* heap: blocks are whole, nobody else's, and found again, whoever dies in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "shm/heap.h"
#include "shm/map.h"

static struct heap *heap;

static int begin(void **state) {
  (void)state;
  alarm(60);
  heap = heap_new();
  return heap ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  heap_delete(heap);
  return 0;
}

static void test_blocks_are_large_enough_aligned_and_apart(void **state) {
  (void)state;
  enum { N = 2000 };
  static ref block[N];
  for (size_t i = 0; i < N; i++) {
    size_t n = i * i / 7;
    block[i] = heap_take(heap, n);
    assert_true(block[i] != 0);
    assert_true(heap_size(heap, block[i]) >= n);
    assert_int_equal(block[i] % 16, 0);
    assert_int_equal((uintptr_t)heap_at(heap, block[i]) % 16, 0);
    memset(heap_at(heap, block[i]), (int)i, n);
  }
  for (size_t i = 0; i < N; i++) {
    uint8_t *p = heap_at(heap, block[i]);
    for (size_t k = 0; k < i * i / 7; k += 13) assert_int_equal(p[k], (uint8_t)i);
    heap_drop(heap, block[i]);
  }
  assert_int_equal(heap_held(heap), 0);
}

static void test_a_block_wastes_at_most_a_quarter_of_its_size(void **state) {
  (void)state;
  for (size_t n = HEAP_SMALLEST; n < (64 << 20); n += n / 3 + 1) {
    ref r = heap_take(heap, n);
    assert_true(r != 0);
    assert_true(heap_size(heap, r) + 16 <= (n + 16) + (n + 16) / 4 + 1);
    heap_drop(heap, r);
  }
}

static void test_a_dropped_block_is_taken_again_by_its_class(void **state) {
  (void)state;
  ref a = heap_take(heap, 1000), b = heap_take(heap, 1000), c = heap_take(heap, 5000);
  assert_true(a != b && b != c && a != c);
  heap_drop(heap, a);
  heap_drop(heap, c);
  assert_int_equal(heap_take(heap, 5000), c);
  assert_int_equal(heap_take(heap, 990), a);
  heap_drop(heap, b);
  heap_drop(heap, a);
  assert_int_equal(heap_take(heap, 1000), a); /* the last one first: its pages are warm */
  assert_int_equal(heap_take(heap, 1000), b);
}

static void test_a_long_life_of_one_block_needs_no_more_room(void **state) {
  (void)state;
  ref first = heap_take(heap, 3000);
  heap_drop(heap, first);
  for (int i = 0; i < 100000; i++) {
    ref r = heap_take(heap, 3000);
    assert_int_equal(r, first);
    heap_drop(heap, r);
  }
}

static void test_the_last_hold_gives_the_block_back(void **state) {
  (void)state;
  ref a = heap_take(heap, 300);
  uint64_t held = heap_held(heap);
  assert_true(held >= 300);
  heap_hold(heap, a);
  heap_hold(heap, a);
  heap_drop(heap, a);
  heap_drop(heap, a);
  assert_int_equal(heap_held(heap), held);
  ref b = heap_take(heap, 300);
  assert_true(b != a);
  heap_drop(heap, a);
  heap_drop(heap, b);
  assert_int_equal(heap_held(heap), 0);
  ref c = heap_take(heap, 300), d = heap_take(heap, 300);
  assert_true((c == a && d == b) || (c == b && d == a));
}

static void test_nothing_can_be_held_and_dropped(void **state) {
  (void)state;
  heap_hold(heap, 0);
  heap_drop(heap, 0);
  assert_int_equal(heap_held(heap), 0);
}

static void test_a_heap_that_is_used_up_says_so_and_serves_on(void **state) {
  (void)state;
  enum { MOST = 4096 };
  static ref block[MOST];
  int n = 0;
  for (size_t size = RESERVE_BYTES / 64; size; size /= 2) { /* address space only: nothing is written into them */
    errno = 0;
    while (n < MOST && (block[n] = heap_take(heap, size)) != 0) n++;
    assert_true(n > 0 && n < MOST);
    assert_int_equal(errno, ENOMEM);
  }
  assert_int_equal(heap_take(heap, 1), 0);
  size_t size = heap_size(heap, block[n - 1]);
  heap_drop(heap, block[n - 1]);
  assert_int_equal(heap_take(heap, size), block[n - 1]);
  while (n) heap_drop(heap, block[--n]);
  assert_int_equal(heap_held(heap), 0);
}

static void test_sizes_beyond_all_reason_are_refused(void **state) {
  (void)state;
  static const size_t wrong[] = {SIZE_MAX, SIZE_MAX - 8, SIZE_MAX - 16, SIZE_MAX / 2, (size_t)1 << 63, (size_t)1 << 45};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    errno = 0;
    assert_int_equal(heap_take(heap, wrong[i]), 0);
    assert_int_equal(errno, ENOMEM);
  }
  assert_int_equal(heap_held(heap), 0);
  ref r = heap_take(heap, 1);
  assert_true(r != 0);
  heap_drop(heap, r);
}

/* pages of a block that stand in memory */
static size_t resident(ref r, size_t n) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
  uintptr_t a = ((uintptr_t)heap_at(heap, r) + page - 1) & ~(page - 1),
            z = ((uintptr_t)heap_at(heap, r) + n) & ~(page - 1);
  unsigned char *map = malloc((z - a) / page);
  assert_non_null(map);
  assert_int_equal(mincore((void *)a, z - a, map), 0);
  for (size_t i = 0; i < (z - a) / page; i++) count += map[i] & 1;
  free(map);
  return count;
}

static void test_big_free_blocks_keep_their_pages_up_to_the_warm_limit(void **state) {
  (void)state;
  const size_t n = (WARM_BYTES < (8 << 20) ? WARM_BYTES : 8 << 20) - 16, pages = n / (size_t)sysconf(_SC_PAGESIZE) - 1;
  ref block[64];
  int most = (int)(WARM_BYTES / n) + 3, warm = 0;
  assert_true(most < 64);
  for (int i = 0; i < most; i++) {
    block[i] = heap_take(heap, n);
    assert_true(block[i] != 0);
    memset(heap_at(heap, block[i]), 1, n);
    assert_true(resident(block[i], n) >= pages);
  }
  for (int i = 0; i < most; i++) heap_drop(heap, block[i]);
  for (int i = 0; i < most; i++) warm += resident(block[i], n) > 0;
  assert_true(warm > 0 && warm < most);
  assert_true((uint64_t)warm * n <= WARM_BYTES);
  for (int i = 0; i < most; i++) { /* and cold ones are as good as new */
    ref r = heap_take(heap, n);
    memset(heap_at(heap, r), 2, n);
    assert_true(resident(r, n) >= pages);
  }
  for (int i = 0; i < most; i++) heap_drop(heap, block[i]);
  assert_int_equal(heap_held(heap), 0);
}

/* {====== many processes ====== */

/* what a block of mine looks like from end to end */
static void fill(ref r, size_t n, uint64_t mark) {
  uint64_t *p = heap_at(heap, r);
  for (size_t i = 0; i < n / 8; i += 1 + i / 8) p[i] = mark + i;
  p[n / 8 - 1] = ~mark;
}

static int is_filled(ref r, size_t n, uint64_t mark) {
  uint64_t *p = heap_at(heap, r);
  if (p[n / 8 - 1] != ~mark) return 0;
  for (size_t i = 0; i < n / 8 - 1; i += 1 + i / 8)
    if (p[i] != mark + i) return 0;
  return 1;
}

/* takes and drops, a few blocks at a time, and looks whether anybody wrote into them */
static int take_and_drop(unsigned seed, int64_t until) {
  enum { N = 12 };
  struct {
    ref r;
    size_t n;
    uint64_t mark;
  } mine[N] = {{0}};
  uint64_t count = (uint64_t)seed << 40;
  for (int i = 0; i % 64 || clock_ns() < until; i++) {
    int k = (int)(rand_r(&seed) % N);
    if (mine[k].r) {
      if (!is_filled(mine[k].r, mine[k].n, mine[k].mark)) return 1;
      heap_drop(heap, mine[k].r);
      mine[k].r = 0;
      continue;
    }
    mine[k].n = 16 + (rand_r(&seed) % 4 ? rand_r(&seed) % 512 : rand_r(&seed) % 20000) / 8 * 8;
    mine[k].mark = count += 1 << 20;
    if (!(mine[k].r = heap_take(heap, mine[k].n))) return 2;
    fill(mine[k].r, mine[k].n, mine[k].mark);
  }
  for (int k = 0; k < N; k++)
    if (mine[k].r) {
      if (!is_filled(mine[k].r, mine[k].n, mine[k].mark)) return 3;
      heap_drop(heap, mine[k].r);
    }
  return 0;
}

static pid_t start(unsigned seed, int64_t until) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(take_and_drop(seed, until));
  }
  return pid;
}

static int ends_with(pid_t pid) {
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void test_many_processes_take_and_drop_and_nothing_is_lost(void **state) {
  (void)state;
  enum { N = 6 };
  pid_t pid[N];
  int64_t until = clock_after(1.5);
  for (unsigned i = 0; i < N; i++) pid[i] = start(i + 1, until);
  for (int i = 0; i < N; i++) assert_int_equal(ends_with(pid[i]), 0);
  assert_int_equal(heap_held(heap), 0);
}

static void test_a_process_may_drop_what_another_took(void **state) {
  (void)state;
  enum { N = 20000, RING = 64 };
  struct passing {
    _Atomic ref slot[RING];
  } *ring = map_shared(sizeof *ring);
  assert_non_null(ring);
  pid_t pid = fork();
  if (pid == 0) {
    for (uint64_t i = 0; i < N; i++) {
      while (atomic_load(&ring->slot[i % RING])) usleep(10);
      size_t n = 64 + i * 37 % 3000 / 8 * 8;
      ref r = heap_take(heap, n);
      if (!r) _exit(1);
      fill(r, n, i << 20);
      atomic_store(&ring->slot[i % RING], r);
    }
    _exit(0);
  }
  for (uint64_t i = 0; i < N; i++) {
    ref r;
    while (!(r = atomic_load(&ring->slot[i % RING]))) usleep(10);
    assert_true(is_filled(r, 64 + i * 37 % 3000 / 8 * 8, i << 20));
    heap_drop(heap, r);
    atomic_store(&ring->slot[i % RING], 0);
  }
  assert_int_equal(ends_with(pid), 0);
  assert_int_equal(heap_held(heap), 0);
  map_free(ring, sizeof *ring);
}

static void test_killed_processes_leave_the_heap_whole(void **state) {
  (void)state;
  int64_t until = clock_after(2);
  pid_t witness = start(99, until);
  unsigned seed = 7;
  for (int round = 0; round < 60 && clock_ns() < until; round++) {
    pid_t a = start(1000u + (unsigned)round, FOREVER), b = start(2000u + (unsigned)round, FOREVER);
    usleep(rand_r(&seed) % 20000);
    kill(a, SIGKILL);
    kill(b, SIGKILL);
    ends_with(a);
    ends_with(b);
  }
  assert_int_equal(ends_with(witness), 0);
  /* a dead process keeps what it held, nothing else; whoever comes after works as ever */
  uint64_t kept = heap_held(heap);
  assert_true(kept < 120 * 13 * 25100);
  pid_t after = start(5, clock_after(0.2));
  assert_int_equal(ends_with(after), 0);
  assert_int_equal(heap_held(heap), kept);
}

/* ====== } */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_blocks_are_large_enough_aligned_and_apart, begin, end),
      cmocka_unit_test_setup_teardown(test_a_block_wastes_at_most_a_quarter_of_its_size, begin, end),
      cmocka_unit_test_setup_teardown(test_a_dropped_block_is_taken_again_by_its_class, begin, end),
      cmocka_unit_test_setup_teardown(test_a_long_life_of_one_block_needs_no_more_room, begin, end),
      cmocka_unit_test_setup_teardown(test_the_last_hold_gives_the_block_back, begin, end),
      cmocka_unit_test_setup_teardown(test_nothing_can_be_held_and_dropped, begin, end),
      cmocka_unit_test_setup_teardown(test_a_heap_that_is_used_up_says_so_and_serves_on, begin, end),
      cmocka_unit_test_setup_teardown(test_sizes_beyond_all_reason_are_refused, begin, end),
      cmocka_unit_test_setup_teardown(test_big_free_blocks_keep_their_pages_up_to_the_warm_limit, begin, end),
      cmocka_unit_test_setup_teardown(test_many_processes_take_and_drop_and_nothing_is_lost, begin, end),
      cmocka_unit_test_setup_teardown(test_a_process_may_drop_what_another_took, begin, end),
      cmocka_unit_test_setup_teardown(test_killed_processes_leave_the_heap_whole, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
