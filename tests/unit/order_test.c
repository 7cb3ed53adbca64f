/* order: every item comes out once, at its place, or is skipped once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/order.h"

enum { CELLS = 64 };

static struct entry entries[CELLS];
static struct order order;

static int begin(void **state) {
  (void)state;
  alarm(20);
  memset(entries, 0xaa, sizeof entries); /* nothing is expected of the entries */
  return 0;
}

static void start(bool ordered) {
  order_start(&order, ordered, entries);
}

static void submit(int first, int last) {
  for (int c = first; c <= last; c++) order_submit(&order, c);
}

/* the whole cell comes out */
static void comes_out(int cell) {
  assert_int_equal(order_due(&order), cell);
  assert_true(order_took(&order, cell));
}

static void test_nothing_is_due_before_anything_finished(void **state) {
  (void)state;
  for (int ordered = 0; ordered < 2; ordered++) {
    start(ordered);
    assert_int_equal(order_due(&order), -1);
    assert_int_equal(order_waiting(&order), -1);
    submit(3, 5);
    assert_int_equal(order_due(&order), -1);
    assert_int_equal(order_waiting(&order), 3);
    assert_int_equal(order.submitted, 3);
    assert_int_equal(order.out, 0);
  }
}

static void test_ordered_results_come_as_they_were_submitted(void **state) {
  (void)state;
  start(true);
  submit(0, 3);
  order_done(&order, 2);
  order_done(&order, 1);
  assert_int_equal(order_due(&order), -1);
  assert_int_equal(order_waiting(&order), 0);
  order_done(&order, 0);
  assert_int_equal(order_waiting(&order), 3);
  for (int c = 0; c < 3; c++) comes_out(c);
  assert_int_equal(order_due(&order), -1);
  order_done(&order, 3);
  comes_out(3);
  assert_int_equal(order.out, 4);
}

static void test_unordered_results_come_as_they_finish(void **state) {
  (void)state;
  start(false);
  submit(0, 4);
  order_done(&order, 3);
  order_done(&order, 0);
  comes_out(3);
  order_done(&order, 4);
  comes_out(0);
  comes_out(4);
  assert_int_equal(order_due(&order), -1);
  assert_int_equal(order_waiting(&order), 1);
  order_done(&order, 2);
  order_done(&order, 1);
  comes_out(2);
  comes_out(1);
  assert_int_equal(order.out, 5);
}

static void test_a_batch_comes_out_item_by_item(void **state) {
  (void)state;
  for (int ordered = 0; ordered < 2; ordered++) {
    start(ordered);
    order_submit(&order, 7);
    order_more(&order, 7);
    order_more(&order, 7);
    order_submit(&order, 8);
    assert_int_equal(order.submitted, 4);
    order_done(&order, 7);
    order_done(&order, 8);
    for (uint32_t i = 0; i < 3; i++) {
      assert_int_equal(order_due(&order), 7);
      assert_int_equal(entries[7].cursor, i);
      assert_int_equal(order_took(&order, 7), i == 2);
    }
    comes_out(8);
  }
}

static void test_cells_are_used_again(void **state) {
  (void)state;
  for (int ordered = 0; ordered < 2; ordered++) {
    start(ordered);
    for (int round = 0; round < 10; round++) {
      submit(0, 2);
      order_done(&order, 0);
      order_done(&order, 1);
      comes_out(0);
      order_submit(&order, 0);
      order_done(&order, 2);
      comes_out(1);
      comes_out(2);
      order_done(&order, 0);
      comes_out(0);
    }
    assert_int_equal(order.submitted, 40);
    assert_int_equal(order.out, 40);
  }
}

static void test_tasks_share_the_entries_and_nothing_else(void **state) {
  (void)state;
  struct order a, b;
  order_start(&a, true, entries);
  order_start(&b, true, entries);
  order_submit(&a, 0);
  order_submit(&b, 1);
  order_submit(&a, 2);
  order_submit(&b, 3);
  for (int c = 0; c < 4; c++) order_done(c % 2 ? &b : &a, c);
  assert_int_equal(order_due(&b), 1);
  assert_true(order_took(&b, 1));
  assert_int_equal(order_due(&b), 3);
  assert_int_equal(order_due(&a), 0);
  assert_true(order_took(&a, 0));
  assert_int_equal(order_due(&a), 2);
}

static void test_a_skip_gives_up_the_lowest_item(void **state) {
  (void)state;
  bool last = false;
  start(true);
  submit(0, 2);
  order_done(&order, 1);
  assert_int_equal(order_skip(&order, &last), 0);
  assert_true(last);
  comes_out(1);
  assert_int_equal(order_skip(&order, &last), 2);
  assert_true(last);
  assert_int_equal(order.out, 3);
  assert_int_equal(order.submitted, 3);
  assert_int_equal(order_waiting(&order), -1);
}

static void test_an_unordered_skip_gives_up_the_oldest_unfinished_item(void **state) {
  (void)state;
  bool last = false;
  start(false);
  submit(0, 2);
  order_done(&order, 0);
  assert_int_equal(order_skip(&order, &last), 1);
  assert_true(last);
  comes_out(0);
  order_done(&order, 2);
  comes_out(2);
  assert_int_equal(order.out, 3);
}

static void test_a_skip_in_a_batch_takes_one_item(void **state) {
  (void)state;
  bool last = true;
  start(true);
  order_submit(&order, 5);
  order_more(&order, 5);
  order_more(&order, 5);
  assert_int_equal(order_skip(&order, &last), 5);
  assert_false(last);
  assert_int_equal(entries[5].cursor, 1);
  order_done(&order, 5);
  assert_int_equal(order_due(&order), 5);
  assert_false(order_took(&order, 5));
  assert_int_equal(order_skip(&order, &last), 5);
  assert_true(last);
  assert_int_equal(order_due(&order), -1);
  assert_int_equal(order.out, 3);
}

static void test_a_skip_ahead_of_submission_overtakes_the_item(void **state) {
  (void)state;
  bool last = false;
  start(true);
  assert_int_equal(order_skip(&order, &last), -1);
  assert_int_equal(order_skip(&order, &last), -1);
  assert_int_equal(order.out, 2);
  assert_true(order_overtaken(&order));
  assert_true(order_overtaken(&order));
  assert_false(order_overtaken(&order));
  assert_int_equal(order.submitted, 2);
  order_submit(&order, 0);
  order_done(&order, 0);
  comes_out(0);
  assert_int_equal(order.out, order.submitted);
}

static void test_a_replacement_takes_the_place_with_all_that_is_out(void **state) {
  (void)state;
  for (int at = 0; at < 3; at++) { /* first, middle, last */
    bool last;
    start(true);
    for (int c = 0; c < 3; c++) {
      order_submit(&order, c);
      order_more(&order, c);
    }
    if (at == 0) order_skip(&order, &last);
    order_replace(&order, at, 9);
    for (int c = 2; c >= 0; c--) order_done(&order, c == at ? 9 : c);
    for (int c = 0; c < 3; c++) {
      int cell = c == at ? 9 : c;
      assert_int_equal(order_due(&order), cell);
      if (entries[cell].cursor == 0) assert_false(order_took(&order, cell));
      assert_true(order_took(&order, cell));
    }
    assert_int_equal(order_due(&order), -1);
    assert_int_equal(order.out, 6);
  }
  start(true); /* the only one */
  order_submit(&order, 4);
  order_replace(&order, 4, 6);
  submit(5, 5);
  order_done(&order, 5);
  order_done(&order, 6);
  comes_out(6);
  comes_out(5);
}

/* what `order` promises, kept the slow way: a list of cells with the items still inside */
static void test_random_lives_agree_with_a_list(void **state) {
  (void)state;
  srand(20240601);
  for (int round = 0; round < 400; round++) {
    struct item {
      int cell, left, done, finish;
    } list[CELLS];
    int n = 0, finished = 0;
    uint64_t out = 0, submitted = 0;
    bool used[CELLS] = {0}, ordered = round % 2;
    start(ordered);
    for (int step = 0; step < 400; step++) {
      int what = rand() % 5, c = rand() % CELLS, at = n ? rand() % n : 0;
      if (what == 0 && !used[c]) {
        order_submit(&order, c);
        list[n++] = (struct item){c, 1, 0, 0};
        used[c] = true;
        submitted++;
        if (rand() % 2) {
          order_more(&order, c);
          list[n - 1].left++;
          submitted++;
        }
      } else if (what == 1 && n && !list[at].done) {
        order_done(&order, list[at].cell);
        list[at].done = 1;
        list[at].finish = finished++;
      } else if (what >= 2) {
        int due = -1, waiting = -1;
        for (int i = n - 1; i >= 0; i--) {
          if (!list[i].done) waiting = i;
          if (ordered && i == 0 && list[0].done) due = 0;
          if (!ordered && list[i].done && (due < 0 || list[i].finish < list[due].finish)) due = i;
        }
        assert_int_equal(order_due(&order), due < 0 ? -1 : list[due].cell);
        assert_int_equal(order_waiting(&order), waiting < 0 ? -1 : list[waiting].cell);
        bool last = false;
        int gone = due;
        if (due >= 0) {
          last = order_took(&order, list[due].cell);
        } else if (what == 4 && n) {
          gone = ordered ? 0 : waiting;
          assert_int_equal(order_skip(&order, &last), list[gone].cell);
        }
        if (gone < 0) continue;
        out++;
        assert_int_equal(last, --list[gone].left == 0);
        if (!last) continue;
        used[list[gone].cell] = false;
        memmove(&list[gone], &list[gone + 1], (size_t)(--n - gone) * sizeof list[0]);
      }
      assert_int_equal(order.out, out);
      assert_int_equal(order.submitted, submitted);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_nothing_is_due_before_anything_finished, begin),
      cmocka_unit_test_setup(test_ordered_results_come_as_they_were_submitted, begin),
      cmocka_unit_test_setup(test_unordered_results_come_as_they_finish, begin),
      cmocka_unit_test_setup(test_a_batch_comes_out_item_by_item, begin),
      cmocka_unit_test_setup(test_cells_are_used_again, begin),
      cmocka_unit_test_setup(test_tasks_share_the_entries_and_nothing_else, begin),
      cmocka_unit_test_setup(test_a_skip_gives_up_the_lowest_item, begin),
      cmocka_unit_test_setup(test_an_unordered_skip_gives_up_the_oldest_unfinished_item, begin),
      cmocka_unit_test_setup(test_a_skip_in_a_batch_takes_one_item, begin),
      cmocka_unit_test_setup(test_a_skip_ahead_of_submission_overtakes_the_item, begin),
      cmocka_unit_test_setup(test_a_replacement_takes_the_place_with_all_that_is_out, begin),
      cmocka_unit_test_setup(test_random_lives_agree_with_a_list, begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
