/* window: every ticket is claimed once, and no death of a worker hides a cell. Items are the cells' `first`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hostile.h"
#include "shm/map.h"
#include "shm/window.h"

enum { WORKERS = 4, CELLS = 16, ITEMS = 20000 };

/* what workers tell: who computed what, in the order they came to it */
static struct notes {
  _Atomic uint32_t n;
  _Atomic uint32_t computed[ITEMS + CELLS + 1];
  struct {
    uint32_t worker;
    uint64_t item;
  } note[4 * ITEMS];
} * notes;

static struct heap *heap;
static struct window *window;
static int wake_fd;
static pid_t worker[WORKERS];

static int begin(void **state) {
  (void)state;
  alarm(60);
  heap = heap_new();
  notes = map_shared(sizeof *notes);
  wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  memset(worker, 0, sizeof worker);
  return heap && notes && wake_fd >= 0 ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  for (int n = 0; n < WORKERS; n++)
    if (worker[n]) {
      kill(worker[n], SIGKILL);
      waitpid(worker[n], NULL, 0);
    }
  close(wake_fd);
  window_delete(window);
  map_free(notes, sizeof *notes);
  heap_delete(heap);
  return 0;
}

static void make_window(uint32_t cells, uint32_t workers, bool unordered) {
  window = window_new(cells, workers, heap, unordered, wake_fd);
  assert_non_null(window);
}

static void submit(uint32_t cell, uint64_t item) {
  window->cell[cell].first = item;
  window->cell[cell].count = 1;
  window_submit(window, cell);
}

/* {====== workers ====== */

static void note(uint32_t n, uint64_t item) {
  uint32_t at = atomic_fetch_add(&notes->n, 1);
  if (at >= sizeof notes->note / sizeof *notes->note) _exit(9);
  notes->note[at].worker = n;
  notes->note[at].item = item;
  atomic_fetch_add(&notes->computed[item], 1);
}

static uint64_t compute(uint32_t n, int c) {
  struct cell *cell = &window->cell[c];
  uint64_t item = cell->first;
  if (cell_state(cell) != CELL_TAKEN || cell_owner(cell) != n) _exit(3);
  note(n, item);
  if (!window_complete(window, n, (uint32_t)c)) _exit(4);
  return item;
}

static void compute_all(uint32_t n) {
  for (int c; (c = window_take(window, n)) >= 0;) compute(n, c);
}

/* the same, where items are submitted once and in order */
static void compute_in_order(uint32_t n) {
  uint64_t before = 0, item;
  for (int c; (c = window_take(window, n)) >= 0; before = item)
    if ((item = compute(n, c)) <= before) _exit(5);
}

/* takes a cell and keeps it */
static void take_one(uint32_t n) {
  window_take(window, n);
  pause();
}

static void start(uint32_t n, void (*life)(uint32_t n)) {
  pid_t host = getpid();
  worker[n] = fork();
  assert_true(worker[n] >= 0);
  if (worker[n]) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != host) _exit(1);
  hostile_arm();
  life(n);
  _exit(0);
}

static int ends_with(uint32_t n) {
  int status;
  assert_int_equal(waitpid(worker[n], &status, 0), worker[n]);
  worker[n] = 0;
  return status;
}

static bool killed(uint32_t n) {
  int status;
  kill(worker[n], SIGKILL);
  status = ends_with(n);
  return WIFSIGNALED(status);
}

#define until(condition)                                              \
  do {                                                                \
    int64_t late = clock_after(20);                                   \
    while (!(condition)) {                                            \
      if (clock_ns() > late) fail_msg("never comes: %s", #condition); \
      usleep(100);                                                    \
    }                                                                 \
  } while (0)

/* ====== } */

/* {====== host ====== */

/* sleep as the loop does, until a worker has moved */
static void wait_for_move(uint32_t seen) {
  struct pollfd f = {.fd = wake_fd, .events = POLLIN};
  uint64_t count;
  while (window_backlog(window) && window_wake(window)) continue;
  atomic_store(&window->host_asleep, 1);
  if (atomic_load(&window->moved) == seen) assert_int_equal(poll(&f, 1, 20000), 1);
  atomic_store(&window->host_asleep, 0);
  if (read(wake_fd, &count, sizeof count) < 0) { /* nobody had to write */
  }
}

/* all items pass through the window; each is found done once */
static void pass_all(uint64_t items) {
  uint64_t next = 1, found = 0;
  bool busy[CELLS] = {0};
  while (found < items) {
    uint32_t seen = atomic_load(&window->moved);
    for (uint32_t c = 0; c < window->cells; c++) {
      if (busy[c] && cell_state(&window->cell[c]) == CELL_DONE) {
        busy[c] = false;
        found++;
      }
      if (busy[c] || next > items) continue;
      busy[c] = true;
      submit(c, next++);
    }
    if (found < items) wait_for_move(seen);
  }
}

static void all_leave(uint32_t workers) {
  window_close(window);
  for (uint32_t n = 0; n < workers; n++) assert_int_equal(ends_with(n), 0);
}

/* ====== } */

static void test_each_item_is_claimed_once(void **state) {
  (void)state;
  make_window(CELLS, WORKERS, false);
  for (uint32_t n = 0; n < WORKERS; n++) start(n, compute_in_order);
  pass_all(ITEMS);
  all_leave(WORKERS);
  assert_int_equal(atomic_load(&notes->n), ITEMS);
  for (int i = 1; i <= ITEMS; i++) assert_int_equal(notes->computed[i], 1);
  assert_int_equal(window_backlog(window), 0);
}

static void test_a_window_of_one_cell_and_one_worker_works(void **state) {
  (void)state;
  make_window(1, 1, false);
  start(0, compute_all);
  pass_all(500);
  all_leave(1);
  assert_int_equal(atomic_load(&notes->n), 500);
}

static void test_claims_come_in_the_order_of_submission(void **state) {
  (void)state;
  static const uint32_t order[] = {5, 2, 7, 0, 6, 1, 4, 3};
  make_window(8, 1, false);
  for (uint64_t i = 0; i < 8; i++) submit(order[i], i + 1);
  assert_int_equal(window_backlog(window), 8);
  for (uint64_t i = 0; i < 8; i++) {
    assert_int_equal(window_take(window, 0), order[i]);
    assert_int_equal(window->cell[order[i]].first, i + 1);
    assert_true(window_complete(window, 0, order[i]));
  }
}

static void test_cells_carry_their_stamps(void **state) {
  (void)state;
  make_window(2, 1, false);
  int64_t before = clock_ns();
  submit(1, 1);
  struct cell *c = &window->cell[1];
  assert_int_equal(window_take(window, 0), 1);
  assert_int_equal(cell_state(c), CELL_TAKEN);
  assert_int_equal(atomic_load(&window->slot[0].cell), 2);
  assert_true(atomic_load(&window->slot[0].started) >= before);
  uint32_t moved = atomic_load(&window->moved);
  assert_true(window_complete(window, 0, 1));
  assert_int_equal(cell_state(c), CELL_DONE);
  assert_int_equal(atomic_load(&window->slot[0].cell), 0);
  assert_int_equal(atomic_load(&window->moved), moved + 1);
  assert_true(before <= c->taken && c->taken <= c->done && c->done <= clock_ns());
  assert_true(atomic_load(&c->since) == c->taken);
  assert_true(window->slot[0].working == c->done - c->taken);
}

static void test_a_withdrawn_cell_is_nobodys(void **state) {
  (void)state;
  make_window(4, 1, false);
  for (uint32_t c = 0; c < 4; c++) submit(c, c + 1);
  assert_true(window_withdraw(window, 1));
  assert_int_equal(cell_state(&window->cell[1]), CELL_FREE);
  assert_false(window_withdraw(window, 1));
  assert_true(window_withdraw(window, 3));
  assert_int_equal(window_take(window, 0), 0);
  assert_false(window_withdraw(window, 0)); /* too late */
  submit(1, 9);                             /* again, with a new ticket: the old place in the queue is void */
  assert_int_equal(window_take(window, 0), 2);
  assert_int_equal(window_take(window, 0), 1);
  assert_int_equal(window_backlog(window), 0);
}

static void test_withdrawn_entries_never_fill_the_queue(void **state) {
  (void)state;
  make_window(5, 1, false);
  submit(0, 1);
  submit(1, 2);
  for (int i = 0; i < 1000; i++) { /* nobody steps over them meanwhile */
    submit(2, 99);
    assert_true(window_withdraw(window, 2));
    assert_true(window_backlog(window) <= 16);
  }
  submit(3, 3);
  for (int i = 0; i < 1000; i++) {
    submit(4, 99);
    assert_true(window_withdraw(window, 4));
  }
  submit(2, 4);
  static const int expected[] = {0, 1, 3, 2};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(window_take(window, 0), expected[i]);
    assert_int_equal(window->cell[expected[i]].first, i + 1);
    assert_true(window_complete(window, 0, (uint32_t)expected[i]));
  }
  assert_int_equal(window_backlog(window), 0);
}

/* what is withdrawn is not computed, what is not is: while workers claim as fast as they can */
static void test_withdrawing_races_with_claims_and_one_wins(void **state) {
  (void)state;
  make_window(CELLS, WORKERS, false);
  for (uint32_t n = 0; n < WORKERS; n++) start(n, compute_all);
  static bool withdrawn[ITEMS + 1];
  uint64_t next = 1;
  bool busy[CELLS] = {0};
  unsigned seed = 3, count = 0;
  while (next <= ITEMS) {
    for (uint32_t c = 0; c < CELLS && next <= ITEMS; c++) {
      if (busy[c] && rand_r(&seed) % 2 && window_withdraw(window, c)) {
        withdrawn[window->cell[c].first] = true;
        busy[c] = false;
        count++;
      }
      if (busy[c] && cell_state(&window->cell[c]) == CELL_DONE) busy[c] = false;
      if (!busy[c]) submit(c, next++), busy[c] = true;
    }
    if (rand_r(&seed) % 16 == 0) window_wake(window);
  }
  all_leave(WORKERS);
  for (int i = 1; i <= ITEMS; i++) assert_int_equal(notes->computed[i], !withdrawn[i]);
  assert_true(count > 0);
}

static bool all_asleep(uint32_t workers) {
  for (uint32_t n = 0; n < workers; n++)
    if (!atomic_load(&window->slot[n].asleep)) return false;
  return true;
}

static void test_idle_workers_sleep_and_closing_wakes_them(void **state) {
  (void)state;
  make_window(CELLS, WORKERS, false);
  for (uint32_t n = 0; n < WORKERS; n++) start(n, compute_all);
  until(all_asleep(WORKERS));
  assert_int_equal(atomic_load(&window->awake), 0);
  int64_t began = clock_ns();
  all_leave(WORKERS);
  assert_true(clock_ns() - began < 5 * NS_PER_S);
}

static void test_each_wake_wakes_one_sleeper(void **state) {
  (void)state;
  make_window(CELLS, WORKERS, false);
  assert_false(window_wake(window));
  for (uint32_t n = 0; n < WORKERS; n++) start(n, compute_all);
  until(all_asleep(WORKERS));
  for (int i = 1; i <= 50; i++) {
    submit(0, (uint64_t)i);
    assert_true(window_wake(window));
    until(cell_state(&window->cell[0]) == CELL_DONE);
    until(all_asleep(WORKERS));
  }
  for (int i = 0; i < 50; i++) assert_int_equal(notes->note[i].worker, 0); /* the lowest, the others sleep on */
  all_leave(WORKERS);
}

static void test_closing_lets_waiting_cells_be_computed(void **state) {
  (void)state;
  make_window(CELLS, 2, false);
  for (uint32_t c = 0; c < CELLS; c++) submit(c, c + 1);
  window_close(window);
  for (uint32_t n = 0; n < 2; n++) start(n, compute_all);
  for (uint32_t n = 0; n < 2; n++) assert_int_equal(ends_with(n), 0);
  assert_int_equal(atomic_load(&notes->n), CELLS);
  assert_int_equal(window_take(window, 0), -1);
}

/* {====== deaths ====== */

static void test_the_cell_of_a_dead_worker_is_found_and_computed_by_another(void **state) {
  (void)state;
  make_window(4, 2, false);
  submit(2, 1);
  start(1, take_one);
  until(atomic_load(&window->slot[1].cell) == 3);
  assert_true(killed(1));
  assert_int_equal(window_reclaim(window, 1), 2);
  assert_int_equal(atomic_load(&window->awake), 0);
  submit(2, 1);
  start(0, compute_all);
  until(cell_state(&window->cell[2]) == CELL_DONE);
  window_close(window);
  assert_int_equal(ends_with(0), 0);
}

static void test_a_worker_that_held_nothing_gives_nothing_back(void **state) {
  (void)state;
  make_window(4, 2, false);
  start(0, compute_all);
  until(atomic_load(&window->slot[0].asleep));
  assert_true(killed(0));
  assert_int_equal(window_reclaim(window, 0), -1);
  assert_int_equal(window_reclaim(window, 1), -1); /* has never been */
  assert_int_equal(atomic_load(&window->awake), 0);
  submit(0, 1);
  assert_false(window_wake(window));
  start(0, compute_all);
  until(cell_state(&window->cell[0]) == CELL_DONE);
  until(atomic_load(&window->slot[0].asleep));
  assert_int_equal(atomic_load(&window->awake), 0);
}

/* dies between its claim and writing its slot */
static void die_after_claim(uint32_t n) {
  window_take(window, n);
  atomic_store(&window->slot[n].cell, 0);
  raise(SIGKILL);
}

static void test_a_claim_is_found_without_the_slot(void **state) {
  (void)state;
  make_window(4, 2, false);
  submit(3, 1);
  start(1, die_after_claim);
  assert_int_equal(WTERMSIG(ends_with(1)), SIGKILL);
  assert_int_equal(cell_state(&window->cell[3]), CELL_TAKEN);
  assert_int_equal(window_reclaim(window, 0), -1); /* it is not this one's */
  assert_int_equal(window_reclaim(window, 1), 3);
}

/* dies right after DONE, before it says so anywhere */
static void die_after_done(uint32_t n) {
  int c = window_take(window, n);
  window_complete(window, n, (uint32_t)c);
  if (window->unordered) atomic_store(&window->done[0], 0);
  atomic_fetch_sub(&window->moved, 1);
  atomic_store(&window->slot[n].cell, (uint32_t)c + 1);
  raise(SIGKILL);
}

static void test_a_result_that_was_done_survives_its_worker(void **state) {
  (void)state;
  for (int unordered = 0; unordered < 2; unordered++) {
    make_window(4, 1, unordered);
    submit(3, 1);
    start(0, die_after_done);
    assert_int_equal(WTERMSIG(ends_with(0)), SIGKILL);
    uint32_t moved = atomic_load(&window->moved), scan = 0;
    assert_int_equal(window_reclaim(window, 0), -1);
    assert_int_equal(cell_state(&window->cell[3]), CELL_DONE);
    assert_int_not_equal(atomic_load(&window->moved), moved);
    if (unordered) {
      assert_int_equal(window_done(window, &scan), 3);
      assert_int_equal(window_done(window, &scan), -1);
    }
    window_delete(window);
  }
  window = NULL;
}

static void test_a_cell_used_again_is_not_taken_from_its_new_owner(void **state) {
  (void)state;
  make_window(4, 2, false);
  submit(1, 1);
  start(0, die_after_done);
  assert_int_equal(WTERMSIG(ends_with(0)), SIGKILL);
  submit(1, 2); /* the host was quicker with the result than with the death */
  assert_int_equal(window_take(window, 1), 1);
  assert_int_equal(window_reclaim(window, 0), -1);
  assert_int_equal(cell_state(&window->cell[1]), CELL_TAKEN);
  assert_int_equal(cell_owner(&window->cell[1]), 1);
  assert_true(window_complete(window, 1, 1));
}

/* Workers die at any moment, thousands of times if time allows; what they held is submitted again. Every item is found
** done once. In the hostile build they die at a chosen change of state, else whenever the signal comes. */
static void under_fire(bool unordered, int64_t deadline) {
  unsigned seed = 11, deaths = 0, after = 1;
  uint64_t next = 1, found = 0;
  bool busy[CELLS] = {0};
  uint32_t scan = 0;
  char at[16];
  make_window(CELLS, WORKERS, unordered);
  for (bool more = true; more || next > found + 1;) {
    more = clock_ns() < deadline && next < ITEMS;
    for (uint32_t n = 0; n < WORKERS; n++) {
      if (!worker[n]) {
        snprintf(at, sizeof at, "%u", after++ % 60 + 1);
        setenv("PAPY_DIE_AT", at, 1);
        start(n, compute_all);
      }
      if (more && rand_r(&seed) % 32 == 0) kill(worker[n], SIGKILL);
      int status;
      if (waitpid(worker[n], &status, WNOHANG) != worker[n]) continue;
      assert_true(WIFSIGNALED(status));
      worker[n] = 0;
      deaths++;
      int held = window_reclaim(window, n);
      if (held >= 0) window_submit(window, (uint32_t)held);
    }
    if (unordered)
      for (int c; (c = window_done(window, &scan)) >= 0;)
        if (busy[c] && cell_state(&window->cell[c]) == CELL_DONE) busy[c] = false, found++;
    for (uint32_t c = 0; c < CELLS; c++) {
      if (!unordered && busy[c] && cell_state(&window->cell[c]) == CELL_DONE) busy[c] = false, found++;
      if (busy[c] || !more) continue;
      busy[c] = true;
      submit(c, next++);
    }
    while (window_backlog(window) && window_wake(window)) continue;
    usleep(50);
    if (clock_ns() > deadline + 20 * NS_PER_S) fail_msg("%d cells never finish", (int)(next - 1 - found));
  }
  unsetenv("PAPY_DIE_AT");
  assert_int_equal(found, next - 1);
  assert_true(deaths > 0);
  for (uint64_t i = 1; i < next; i++) assert_true(notes->computed[i] > 0);
}

static void test_killed_workers_lose_no_cell(void **state) {
  (void)state;
  under_fire(false, clock_after(2));
}

static void test_killed_workers_lose_no_cell_of_an_unordered_pool(void **state) {
  (void)state;
  under_fire(true, clock_after(2));
}

/* ====== } */

static void test_a_disowned_cell_cannot_be_completed(void **state) {
  (void)state;
  make_window(2, 1, true);
  submit(0, 1);
  submit(1, 2);
  assert_int_equal(window_take(window, 0), 0);
  uint32_t moved = atomic_load(&window->moved), scan = 0;
  assert_true(window_disown(window, 0));
  assert_int_equal(cell_state(&window->cell[0]), CELL_TAKEN);
  assert_false(window_complete(window, 0, 0));
  assert_int_equal(cell_state(&window->cell[0]), CELL_TAKEN);
  assert_int_equal(atomic_load(&window->moved), moved);
  window_finish(window, 0);
  assert_int_equal(cell_state(&window->cell[0]), CELL_DONE);
  assert_int_equal(window_done(window, &scan), 0);
  assert_false(window_disown(window, 0)); /* done */
  assert_false(window_disown(window, 1)); /* not begun */
}

static void test_a_thread_is_not_given_up_while_it_writes(void **state) {
  (void)state;
  make_window(2, 2, false);
  submit(0, 1);
  assert_int_equal(window_take(window, 1), 0);
  assert_false(window_write(window, 0, 0)); /* not its cell */
  assert_true(window_write(window, 1, 0));
  assert_false(window_disown(window, 0));
  window_written(window, 1, 0);
  assert_int_equal(cell_state(&window->cell[0]), CELL_TAKEN);
  assert_true(window_disown(window, 0));
  assert_false(window_write(window, 1, 0));
  window_written(window, 1, 0); /* as if it had */
  assert_int_equal(cell_state(&window->cell[0]), CELL_TAKEN);
  assert_false(window_complete(window, 1, 0));
}

static void test_unordered_windows_tell_each_finished_cell_once(void **state) {
  (void)state;
  enum { MANY = 200 };
  static const int order[] = {63, 64, 0, 199, 127, 128, 1};
  uint32_t scan = 0;
  bool told[MANY] = {0};
  make_window(MANY, 1, true);
  assert_int_equal(window_done(window, &scan), -1);
  for (uint32_t c = 0; c < MANY; c++) submit(c, c + 1);
  for (int i = 0; i < MANY; i++) assert_int_equal(window_take(window, 0), i);
  for (int i = 0; i < 7; i++) assert_true(window_complete(window, 0, (uint32_t)order[i]));
  for (int i = 0, c; i < 7; i++) {
    c = window_done(window, &scan);
    assert_true(c >= 0 && !told[c]);
    told[c] = true;
  }
  for (int i = 0; i < 7; i++) assert_true(told[order[i]]);
  assert_int_equal(window_done(window, &scan), -1);
  assert_true(window_complete(window, 0, 2));
  assert_int_equal(window_done(window, &scan), 2);
  assert_int_equal(window_done(window, &scan), -1);
}

#define claim(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      claim(test_each_item_is_claimed_once),
      claim(test_a_window_of_one_cell_and_one_worker_works),
      claim(test_claims_come_in_the_order_of_submission),
      claim(test_cells_carry_their_stamps),
      claim(test_a_withdrawn_cell_is_nobodys),
      claim(test_withdrawn_entries_never_fill_the_queue),
      claim(test_withdrawing_races_with_claims_and_one_wins),
      claim(test_idle_workers_sleep_and_closing_wakes_them),
      claim(test_each_wake_wakes_one_sleeper),
      claim(test_closing_lets_waiting_cells_be_computed),
      claim(test_the_cell_of_a_dead_worker_is_found_and_computed_by_another),
      claim(test_a_worker_that_held_nothing_gives_nothing_back),
      claim(test_a_claim_is_found_without_the_slot),
      claim(test_a_result_that_was_done_survives_its_worker),
      claim(test_a_cell_used_again_is_not_taken_from_its_new_owner),
      claim(test_killed_workers_lose_no_cell),
      claim(test_killed_workers_lose_no_cell_of_an_unordered_pool),
      claim(test_a_disowned_cell_cannot_be_completed),
      claim(test_a_thread_is_not_given_up_while_it_writes),
      claim(test_unordered_windows_tell_each_finished_cell_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
