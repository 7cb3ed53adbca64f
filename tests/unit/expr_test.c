/* expr: what is true, what things are worth, and what is said about mistakes. */
#include "scan/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scan/nearest.h"

static const char *const names[] = {"status", "bytes", "url",  "user",      "ratio", "ok",
                                    "gone",   "empty", "void", "http.code", "in",    "1"};
enum { NAMES = sizeof names / sizeof *names };

static struct value fields[NAMES];
static struct arena arena;

static int slot_of(void *ctx, struct text name, struct why *why) {
  (void)ctx;
  struct nearest near = nearest_to(name);
  for (int i = 0; i < NAMES; i++) {
    if (text_is(name, names[i], strlen(names[i]))) return i;
    nearest_try(&near, text_of(names[i]));
  }
  return nearest_why(&near, "field", why);
}

static struct value text(const char *s) {
  return value_of_text(s, strlen(s));
}

static int set_fields(void **state) {
  (void)state;
  struct value v[NAMES] = {text("503"),        text("-"),          text("/api/Users?id=7"),
                           text("o'brien"),    value_number(0.25), value_boolean(1),
                           value_none(),       text(""),           value_null(),
                           value_integer(418), text("x"),          text("first")};
  memcpy(fields, v, sizeof v);
  return 0;
}

static struct expr *compiled(const char *source) {
  struct why why;
  struct expr_names n = {slot_of, NULL};
  struct expr *e = expr_new(text_of(source), &n, &why);
  if (!e) fail_msg("%s", why.text);
  return e;
}

static int truth(const char *source) {
  struct why why;
  struct expr *e = compiled(source);
  struct record r = {"", 0, fields, &arena};
  int rc = expr_test(e, &r, &why);
  expr_free(e);
  arena_reset(&arena);
  return rc;
}

static void claim_true(const char *source) {
  if (truth(source) != 1) fail_msg("not true: %s", source);
}
static void claim_false(const char *source) {
  if (truth(source) != 0) fail_msg("not false: %s", source);
}

static void claim_worth(const char *source, const char *expected) {
  struct why why;
  struct expr *e = compiled(source);
  struct record r = {"", 0, fields, &arena};
  struct value v;
  char scratch[VALUE_SCRATCH];
  assert_int_equal(expr_value(e, &r, &v, &why), 0);
  struct text t = value_text(&v, scratch);
  if (!text_is(t, expected, strlen(expected))) fail_msg("%s is %.*s, not %s", source, (int)t.n, t.p, expected);
  expr_free(e);
  arena_reset(&arena);
}

static void claim_error(const char *source, int position, const char *part) {
  struct why why;
  struct expr_names n = {slot_of, NULL};
  struct expr *e = expr_new(text_of(source), &n, &why);
  if (e) fail_msg("accepted: %s", source);
  char start[64];
  int length = snprintf(start, sizeof start, "expression, position %d: ", position);
  if (strncmp(why.text, start, (size_t)length) != 0 || !strstr(why.text, part))
    fail_msg("%s: said '%s'", source, why.text);
}

static void test_comparisons_are_numeric_when_both_sides_are(void **state) {
  (void)state;
  claim_true("status >= 500");
  claim_true("status = 503.0");
  claim_true("status < '1000'");
  claim_false("status < '1000x'");
  claim_true("ratio = 0.25 and ratio == .25 and ratio <= 25e-2");
  claim_true("http.code <> 200");
  claim_true("user != \"o'briex\"");
  claim_true("url > '/api'");
  claim_true("ok = true and ok = 'true' and ok");
  claim_true("`in` = 'x' and $1 = 'first'");
}

static void test_missing_values_compare_with_nothing(void **state) {
  (void)state;
  claim_false("bytes > 0 or bytes <= 0");
  claim_true("bytes = '-' and bytes != 0");
  claim_true("empty = ''");
  claim_false("empty < 1 or empty >= 1");
  claim_false("gone = 1 or gone != 1 or gone = '' or void != 1");
  claim_true("not gone = 1");
  claim_true("gone is null and void is missing and empty IS NULL and bytes is missing");
  claim_true("status is not null and not (status is null)");
  claim_false("gone or void or empty or bytes");
  claim_false("gone in (1, 2) or gone contains '' or gone ~ '.*'");
}

static void test_texts(void **state) {
  (void)state;
  claim_true("url ~ '^/api' and url !~ '^/static'");
  claim_true("url ~ 'users'i and url !~ 'users'");
  claim_true("user ~ 'o\\'b' and url ~ '\\?id=\\d+$'");
  claim_true("url contains 'Users' and url starts '/api' and url ends '7'");
  claim_false("url contains 'users' or url ends '/api/Users?id=70000000'");
  claim_true("url not contains 'x' and not url starts 'api' and status ends 3");
  claim_true("user = 'o\\'brien' and 'a\\nb' = \"a\\nb\" and 'a\\\\' ends '\\\\'");
  claim_true("lower(url) = '/api/users?id=7' and upper('aZ_1\xc3\xa9') = 'AZ_1\xc3\xa9'");
  claim_true("len(user) = 7 and len(empty) = 0 and len(ratio) = 4");
}

static void test_lists(void **state) {
  (void)state;
  claim_true("status in (500, 502, 503)");
  claim_false("status in ('500', '5030', 'x')");
  claim_true("status not in (200) and user in ('x', \"o'brien\") and status in (bytes, status)");
  claim_true("status IN (503.0)");
}

static void test_precedence(void **state) {
  (void)state;
  claim_true("true or true and false");
  claim_false("(true or true) and false");
  claim_true("not false and true");
  claim_false("not (false or true)");
  claim_true("not not true");
  claim_true("1 + 2 * 3 = 7 and (1 + 2) * 3 = 9");
  claim_true("10 - 2 - 3 = 5 and 2 - -3 = 5 and --2 = 2");
  claim_true("1 + 1 = 2 and 'a' != 'b'");
}

static void test_arithmetic(void **state) {
  (void)state;
  claim_worth("status * 2", "1006");
  claim_worth("7 / 2", "3.5");
  claim_worth("6 / 2", "3.0");
  claim_worth("7 % 3", "1");
  claim_worth("-7 % 3", "2");
  claim_worth("7 % -3", "-2");
  claim_worth("-7.5 % 2", "0.5");
  claim_worth("1 / 0", "null");
  claim_worth("1 % 0", "null");
  claim_worth("1.5 % 0", "null");
  claim_worth("url + 1", "null");
  claim_worth("gone + 1", "null");
  claim_worth("bytes * 8", "null");
  claim_worth("9223372036854775807 + 1", "9.223372036854776e+18");
  claim_worth("9223372036854775806 + 1", "9223372036854775807");
  claim_worth("-9223372036854775807 - 1", "-9223372036854775808");
  claim_worth("(-9223372036854775807 - 1) % -1", "0");
  claim_worth("1e308 * 10", "null");
  claim_worth("number(' 12 ')", "12");
  claim_worth("number(url)", "null");
  claim_worth("number(true)", "1");
  claim_worth("status > 1", "true");
  claim_worth("url", "/api/Users?id=7");
  claim_worth("gone", "");
}

static void test_conditions_that_are_values(void **state) {
  (void)state;
  claim_true("status and 1 and '0.5' and 'false' and -1");
  claim_false("0 or '0' or 0.0 or '' or false or null");
}

static void test_errors_name_the_place(void **state) {
  (void)state;
  claim_error("status >= ", 11, "expected a value, but it ends here");
  claim_error("", 1, "nothing is asked");
  claim_error("stats >= 500", 1, "no field 'stats' (nearest: 'status')");
  claim_error("status >= 500 adn url = 1", 15, "expected and, or, or the end, not adn");
  claim_error("status = and", 10, "expected a value, not and");
  claim_error("(status = 1", 12, "expected a )");
  claim_error("1 < 2 < 3", 7, "do not chain");
  claim_error("url ~ '('", 7, "");
  claim_error("url ~ 5", 7, "expected a regex in quotes");
  claim_error("url ~ 'a'q", 10, "q");
  claim_error("a && b", 1, "no field 'a'");
  claim_error("ok && ok", 4, "write 'and' for &&");
  claim_error("ok || ok", 4, "write 'or' for ||");
  claim_error("!ok", 1, "write 'not' for !");
  claim_error("url = 'abc", 7, "without the one that ends the text");
  claim_error("`url", 1, "without the one that ends the name");
  claim_error("$ = 1", 1, "a $ without a number");
  claim_error("12ms = 1", 1, "no number: 12ms");
  claim_error("status = null", 8, "is null");
  claim_error("status in 5", 11, "expected a ( and a list of values");
  claim_error("status in (5", 13, "expected a comma or a )");
  claim_error("status is 5", 11, "expected null, missing or not null");
  claim_error("status not 5", 12, "expected in, contains, starts or ends");
  claim_error("length(url)", 1, "there is no length");
  claim_error("ok; ok", 3, "what is this: ;");
  char deep[1000];
  memset(deep, '(', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  claim_error(deep, 201, "nested too deeply");
}

static void test_long_chains_end_in_an_error_not_in_a_crash(void **state) {
  (void)state;
  size_t n = 0;
  char *source = malloc(40 * 100000);
  for (int i = 0; i < 100000; i++) n += (size_t)sprintf(source + n, "%sstatus = %d", i ? " or " : "", i);
  struct why why;
  struct expr_names names = {slot_of, NULL};
  assert_null(expr_new((struct text){source, n}, &names, &why));
  n = (size_t)sprintf(source, "status in (0");
  for (int i = 1; i < 100000; i++) n += (size_t)sprintf(source + n, ", %d", i);
  sprintf(source + n, ")");
  claim_true(source);
  free(source);
}

static void test_a_pattern_that_takes_too_long_is_an_error(void **state) {
  (void)state;
  static char aaa[4000];
  memset(aaa, 'a', sizeof aaa - 2);
  aaa[sizeof aaa - 2] = 'b';
  fields[3] = text(aaa);
  assert_int_equal(truth("user ~ '^(a+)+$'"), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_comparisons_are_numeric_when_both_sides_are),
      cmocka_unit_test(test_missing_values_compare_with_nothing),
      cmocka_unit_test(test_texts),
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_precedence),
      cmocka_unit_test(test_arithmetic),
      cmocka_unit_test(test_conditions_that_are_values),
      cmocka_unit_test(test_errors_name_the_place),
      cmocka_unit_test(test_long_chains_end_in_an_error_not_in_a_crash),
      cmocka_unit_test(test_a_pattern_that_takes_too_long_is_an_error),
  };
  int rc = cmocka_run_group_tests(tests, set_fields, NULL);
  arena_free(&arena);
  return rc;
}
