/* weave: the order of submission is a matter of stride and lengths, and of nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "runtime/weave.h"

enum { MOST = 8 };

static int begin(void **state) {
  (void)state;
  alarm(20);
  return 0;
}

/* The whole weave of inputs with these lengths, one letter per item: task 0 is a, task 1 is b. An input is found to have
** ended by pulling from it once more, as it is in life. */
static const char *woven(uint32_t stride, uint32_t tasks, const int *length) {
  static char out[256];
  bool ended[MOST];
  int pulled[MOST] = {0};
  size_t n = 0;
  struct weave w;
  weave_start(&w, tasks, stride, ended);
  for (int t; (t = weave_turn(&w)) >= 0;) {
    assert_int_equal(weave_turn(&w), t);
    assert_true(n + 1 < sizeof out);
    if (pulled[t] == length[t]) {
      weave_ended(&w, (uint32_t)t);
      continue;
    }
    pulled[t]++;
    out[n++] = (char)('a' + t);
    weave_pulled(&w);
  }
  out[n] = 0;
  return out;
}

#define WOVEN(stride, ...) woven(stride, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void test_one_task_is_submitted_in_its_own_order(void **state) {
  (void)state;
  assert_string_equal(WOVEN(1, 4), "aaaa");
  assert_string_equal(WOVEN(3, 4), "aaaa");
  assert_string_equal(WOVEN(100, 4), "aaaa");
}

static void test_tasks_take_turns_stride_by_stride(void **state) {
  (void)state;
  assert_string_equal(WOVEN(1, 3, 3, 3), "abcabcabc");
  assert_string_equal(WOVEN(2, 4, 4), "aabbaabb");
  assert_string_equal(WOVEN(3, 6, 6, 6), "aaabbbcccaaabbbccc");
}

static void test_an_ended_task_is_passed_over(void **state) {
  (void)state;
  assert_string_equal(WOVEN(1, 1, 3, 2), "abcbcb");
  assert_string_equal(WOVEN(2, 2, 6, 4), "aabbccbbccbb");
}

static void test_an_end_in_the_middle_of_a_stride_ends_the_stride(void **state) {
  (void)state;
  assert_string_equal(WOVEN(2, 3, 4), "aabbabb");
  assert_string_equal(WOVEN(3, 4, 2, 7), "aaabbcccacccc");
  assert_string_equal(WOVEN(4, 1, 1, 1), "abc");
}

static void test_an_end_at_the_end_of_a_stride_costs_the_others_nothing(void **state) {
  (void)state;
  assert_string_equal(WOVEN(2, 2, 4), "aabbbb");
  assert_string_equal(WOVEN(2, 4, 2), "aabbaa");
}

static void test_empty_inputs_are_never_submitted(void **state) {
  (void)state;
  assert_string_equal(WOVEN(2, 0), "");
  assert_string_equal(WOVEN(2, 0, 0, 0), "");
  assert_string_equal(WOVEN(2, 0, 3, 0), "bbb");
  assert_string_equal(WOVEN(2, 3, 0, 3), "aaccac");
}

static void test_a_task_may_end_out_of_turn(void **state) {
  (void)state;
  bool ended[3];
  struct weave w;
  weave_start(&w, 3, 2, ended);
  assert_int_equal(weave_turn(&w), 0);
  weave_pulled(&w);
  weave_ended(&w, 1);
  assert_int_equal(weave_turn(&w), 0);
  weave_pulled(&w);
  assert_int_equal(weave_turn(&w), 2);
  weave_ended(&w, 2);
  weave_ended(&w, 2); /* saying it twice changes nothing */
  assert_int_equal(weave_turn(&w), 0);
  weave_ended(&w, 0);
  assert_int_equal(weave_turn(&w), -1);
  assert_int_equal(weave_turn(&w), -1);
}

static void test_starting_again_forgets_what_had_ended(void **state) {
  (void)state;
  bool ended[2];
  struct weave w;
  memset(ended, 1, sizeof ended);
  for (int round = 0; round < 2; round++) {
    weave_start(&w, 2, 1, ended);
    assert_int_equal(weave_turn(&w), 0);
    weave_ended(&w, 0);
    assert_int_equal(weave_turn(&w), 1);
    weave_ended(&w, 1);
    assert_int_equal(weave_turn(&w), -1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_one_task_is_submitted_in_its_own_order, begin),
      cmocka_unit_test_setup(test_tasks_take_turns_stride_by_stride, begin),
      cmocka_unit_test_setup(test_an_ended_task_is_passed_over, begin),
      cmocka_unit_test_setup(test_an_end_in_the_middle_of_a_stride_ends_the_stride, begin),
      cmocka_unit_test_setup(test_an_end_at_the_end_of_a_stride_costs_the_others_nothing, begin),
      cmocka_unit_test_setup(test_empty_inputs_are_never_submitted, begin),
      cmocka_unit_test_setup(test_a_task_may_end_out_of_turn, begin),
      cmocka_unit_test_setup(test_starting_again_forgets_what_had_ended, begin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
