/* splitters: what the fuzzer does not say: patterns, formats tried in order, parts of fields, mistakes, kernels. */
#include "scan/splitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scan/capture.h"
#include "scan/csv.h"
#include "scan/either.h"
#include "scan/layout.h"
#include "scan/logfmt.h"
#include "scan/marks.h"
#include "scan/separated.h"

enum { SLOTS = 4 };

static struct arena arena;
static struct value field[SLOTS];
static struct text names[SLOTS];

static struct slots slots_of(bool trial, const char *a, const char *b, const char *c) {
  const char *const all[] = {a, b, c};
  struct slots slots = {names, 0, trial};
  for (; slots.n < 3 && all[slots.n]; slots.n++) names[slots.n] = text_of(all[slots.n]);
  return slots;
}

static int split(struct splitter *s, const char *text) {
  struct why why;
  struct record r = {text, strlen(text), field, &arena};
  return s->ops->split(s->self, &r, &why);
}

static void claim_field(int i, const char *expected) {
  if (!expected) {
    assert_int_equal(field[i].kind, VALUE_NONE);
    return;
  }
  assert_int_equal(field[i].kind, VALUE_TEXT);
  if (!text_is((struct text){field[i].text, field[i].length}, expected, strlen(expected)))
    fail_msg("slot %d is %.*s, not %s", i, (int)field[i].length, field[i].text, expected);
}

static void end(struct splitter *s) {
  s->ops->free(s->self);
  arena_free(&arena);
}

static void test_groups_of_a_pattern_are_fields(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, "code", "1", "x");
  assert_int_equal(capture_make(&s, text_of("(\\w+) (?<code>\\d+)(?<x>!)?"), 0, &slots, &why), 0);
  assert_int_equal(split(&s, "status 200"), 1);
  claim_field(0, "200");
  claim_field(1, "status");
  claim_field(2, NULL);
  assert_int_equal(split(&s, "status"), 0);
  struct record r = {"go 7!", 5, NULL, &arena};
  struct value v;
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("x"), &v, &why), 1);
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("0"), &v, &why), 1);
  assert_int_equal(v.length, 5);
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("9"), &v, &why), 0);
  assert_true(s.ops->knows(s.self, text_of("code")) && !s.ops->knows(s.self, text_of("codes")));
  end(&s);
}

static void test_spans_found_in_a_block_become_fields(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, "n", NULL, NULL);
  const char *text = "a=1\nb=22\n";
  assert_int_equal(capture_make(&s, text_of("b=(?<n>\\d+)"), 0, &slots, &why), 0);
  struct regex *re = capture_regex(&s);
  assert_int_equal(regex_search(re, text, strlen(text), 0, REGEX_LINES, &why), 1);
  capture_fields(&s, text, field);
  claim_field(0, "22");
  end(&s);
  assert_int_equal(logfmt_make(&s, &slots, &why), 0);
  assert_null(capture_regex(&s));
  end(&s);
}

static void test_a_pattern_that_takes_too_long_is_an_error(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  char text[4000];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 2] = 'b';
  text[sizeof text - 1] = 0;
  struct slots slots = slots_of(false, NULL, NULL, NULL);
  assert_int_equal(capture_make(&s, text_of("^(a+)+$"), 0, &slots, &why), 0);
  assert_int_equal(split(&s, text), -1);
  end(&s);
}

static void test_formats_are_tried_in_order(void **state) {
  (void)state;
  struct splitter of[2], s;
  struct why why;
  struct slots slots = slots_of(true, "tag", "pid", "message");
  assert_int_equal(layout_make(&of[0], text_of("${tag:word}[$pid]: $message"), &slots, &why), 0);
  assert_int_equal(layout_make(&of[1], text_of("${tag:word}: $message"), &slots, &why), 0);
  slots.trial = false;
  assert_int_equal(either_make(&s, of, 2, &slots, &why), 0);
  assert_int_equal(split(&s, "cron[7]: run"), 1);
  claim_field(1, "7");
  assert_int_equal(split(&s, "kernel: [1] x[2]: y"), 1);
  claim_field(0, "kernel");
  claim_field(1, NULL);
  claim_field(2, "[1] x[2]: y");
  assert_int_equal(split(&s, "nothing"), 0);
  struct record r = {"cron[7]: run", 12, NULL, &arena};
  struct value v;
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("pid"), &v, &why), 1);
  end(&s);
}

static void test_a_field_that_no_format_has_is_refused(void **state) {
  (void)state;
  struct splitter of[2], s;
  struct why why;
  struct slots slots = slots_of(true, "tga", NULL, NULL);
  assert_int_equal(layout_make(&of[0], text_of("$tag:$x"), &slots, &why), 0);
  assert_int_equal(separated_make(&of[1], text_of(","), NULL, 0, &slots, &why), 0);
  slots.trial = false;
  assert_int_equal(either_make(&s, of, 2, &slots, &why), -1);
  assert_string_equal(why.text, "no field 'tga' (nearest: 'tag')");
}

static int collect(void *ctx, struct text name, const struct value *v) {
  char *to = ctx;
  sprintf(to + strlen(to), "%.*s=%.*s ", (int)name.n, name.p, (int)v->length, v->text);
  return 0;
}

static void test_fields_may_have_fields(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, "url", "request", "status");
  const char *layout = "\"${request|$method ${url|$path?$query} $protocol}\" $status";
  assert_int_equal(layout_make(&s, text_of(layout), &slots, &why), 0);
  assert_int_equal(split(&s, "\"GET /a?b HTTP/1.1\" 200"), 1);
  claim_field(0, "/a?b");
  claim_field(1, "GET /a?b HTTP/1.1");
  claim_field(2, "200");
  assert_int_equal(split(&s, "\"\\x16\" 400"), 1); /* what does not fit inside is missing, the rest is there */
  claim_field(0, NULL);
  claim_field(1, "\\x16");
  claim_field(2, "400");
  assert_int_equal(split(&s, "\"GET /a\" 200"), 1); /* also when it would do for what is wanted */
  claim_field(0, NULL);
  claim_field(2, "200");
  char seen[200] = "";
  struct record r = {"\"GET /a HTTP/1.1\" 200", 21, NULL, &arena};
  assert_int_equal(s.ops->each(s.self, &r, collect, seen, &why), 1);
  assert_string_equal(seen, "request=GET /a HTTP/1.1 method=GET url=/a protocol=HTTP/1.1 status=200 ");
  struct value v;
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("protocol"), &v, &why), 1);
  assert_int_equal(s.ops->lookup(s.self, &r, text_of("path"), &v, &why), 0);
  struct text name;
  assert_int_equal(s.ops->name(s.self, 3, &name), 1);
  assert_true(text_is(name, "path", 4));
  assert_int_equal(s.ops->name(s.self, 7, &name), 0);
  end(&s);
}

static void test_the_rest_of_a_record_is_not_asked_for(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, "a", NULL, NULL);
  assert_int_equal(layout_make(&s, text_of("$a;$b;$c"), &slots, &why), 0);
  assert_int_equal(split(&s, "1;no more"), 1);
  claim_field(0, "1");
  end(&s);
  slots = slots_of(true, "a", NULL, NULL);
  assert_int_equal(layout_make(&s, text_of("$a;$b;$c"), &slots, &why), 0);
  assert_int_equal(split(&s, "1;no more"), 0);
  end(&s);
}

static void claim_layout_error(const char *layout, int position, const char *part) {
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, NULL, NULL, NULL);
  char start[40];
  int n = snprintf(start, sizeof start, "layout, position %d: ", position);
  assert_int_equal(layout_make(&s, text_of(layout), &slots, &why), -1);
  if (strncmp(why.text, start, (size_t)n) != 0 || !strstr(why.text, part)) fail_msg("%s: said '%s'", layout, why.text);
}

static void test_layouts_are_checked(void **state) {
  (void)state;
  claim_layout_error("", 1, "no field");
  claim_layout_error("text", 1, "no field");
  claim_layout_error("$a$b", 1, "nothing stands between");
  claim_layout_error("$a $a", 4, "second field");
  claim_layout_error("$a ${b|$c $a}", 11, "second field");
  claim_layout_error("$a $", 4, "without a name");
  claim_layout_error("$a ${b", 4, "without its }");
  claim_layout_error("${a:x} ", 5, "'word' or a number");
  claim_layout_error("${a:0} ", 5, "'word' or a number");
  claim_layout_error("${a|$b", 1, "without its }");
  claim_layout_error("${a|b}", 1, "no field");
}

static void test_slots_are_checked(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct text columns[] = {text_of("id"), text_of("name")};
  struct slots slots = slots_of(false, "nmae", NULL, NULL);
  assert_int_equal(csv_make(&s, ',', columns, 2, &slots, &why), -1);
  assert_string_equal(why.text, "no field 'nmae' (nearest: 'name')");
  assert_int_equal(csv_make(&s, '"', columns, 2, &slots, &why), -1);
  assert_int_equal(separated_make(&s, text_of(","), NULL, 0, &slots, &why), -1);
  assert_string_equal(why.text, "no field 'nmae'");
  assert_int_equal(capture_make(&s, text_of("(?<name>x)"), 0, &slots, &why), -1);
  assert_int_equal(capture_make(&s, text_of("("), 0, &slots, &why), -1);
}

/* more kinds of separators than there are marks */
static void test_layouts_with_many_separators(void **state) {
  (void)state;
  struct splitter s;
  struct why why;
  struct slots slots = slots_of(false, "a", "j", "k");
  assert_int_equal(layout_make(&s, text_of("$a!$b@$c#$d%$e^$f&$g*$h($i)$j-\"$k\""), &slots, &why), 0);
  assert_int_equal(split(&s, "1!2@3#4%5^6&7*8(9)10-\"1\\\"1\""), 1);
  claim_field(0, "1");
  claim_field(1, "10");
  claim_field(2, "1\\\"1");
  end(&s);
}

static void test_kernels_agree(void **state) {
  (void)state;
  marks_kernel kernel;
  char window[MARKS_WINDOW];
  const char kinds[] = {' ', '"', '\0', '\xff', 'x', 'y', '\n', 'z', '\\'};
  enum { KINDS = sizeof kinds };
  for (int round = 0; round < 2000; round++) {
    uint64_t expected[KINDS] = {0};
    for (int i = 0; i < MARKS_WINDOW; i++) {
      window[i] = " \"\0\xffxyz-\n"[rand() % 9];
      for (int k = 0; k < KINDS; k++) expected[k] |= (uint64_t)(window[i] == kinds[k]) << i;
    }
    size_t n = (size_t)(round % (KINDS + 1)); /* kernels have a way of their own for each small number */
    for (size_t i = 0; (kernel = marks_kernel_at(i)) != NULL; i++) {
      uint64_t at[KINDS];
      kernel(window, kinds, n, at);
      assert_memory_equal(at, expected, n * sizeof *at);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_groups_of_a_pattern_are_fields),
      cmocka_unit_test(test_spans_found_in_a_block_become_fields),
      cmocka_unit_test(test_a_pattern_that_takes_too_long_is_an_error),
      cmocka_unit_test(test_formats_are_tried_in_order),
      cmocka_unit_test(test_a_field_that_no_format_has_is_refused),
      cmocka_unit_test(test_fields_may_have_fields),
      cmocka_unit_test(test_the_rest_of_a_record_is_not_asked_for),
      cmocka_unit_test(test_layouts_are_checked),
      cmocka_unit_test(test_slots_are_checked),
      cmocka_unit_test(test_layouts_with_many_separators),
      cmocka_unit_test(test_kernels_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
