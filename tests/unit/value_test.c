/* value: numbers from text and back, the two orders; and the arena's promises. */
#include "scan/value.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan/hash.h"
#include "scan/record.h"

static uint64_t seed = 7;
static uint64_t rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static struct value read_text(const char *s) {
  struct value v = value_of_text(s, strlen(s)), to;
  enum value_kind kind = value_numeric(&v, &to);
  assert_int_equal(kind, to.kind);
  return to;
}

static void claim_integer(const char *s, int64_t i) {
  struct value v = read_text(s);
  assert_int_equal(v.kind, VALUE_INTEGER);
  assert_int_equal(v.integer, i);
}

static void claim_number(const char *s) {
  struct value v = read_text(s);
  assert_int_equal(v.kind, VALUE_NUMBER);
  double d = strtod(s, NULL);
  assert_memory_equal(&v.number, &d, sizeof d);
}

static void test_integers_are_exact(void **state) {
  (void)state;
  claim_integer("0", 0);
  claim_integer("007", 7);
  claim_integer("-1", -1);
  claim_integer("+12", 12);
  claim_integer(" 5\t", 5);
  claim_integer("-0", 0);
  claim_integer("9223372036854775807", INT64_MAX);
  claim_integer("-9223372036854775808", INT64_MIN);
  claim_integer("000000000000000000000000000000000001", 1);
  claim_number("9223372036854775808");
  claim_number("-9223372036854775809");
  claim_number("123456789012345678901234567890");
}

/* a number of n digits at p, between other digits; sometimes with a byte that makes it none */
static void claim_digits_at(char *p, size_t n) {
  char copy[64] = "";
  for (size_t i = 0; i < n; i++) copy[i] = (char)('0' + rnd() % 10);
  if (rnd() % 4 == 0) copy[rnd() % n] = "/:p\xb0"[rnd() % 4];
  memcpy(p, copy, n);
  struct value here = value_of_text(p, n), there = value_of_text(copy, n), v;
  int whole = strspn(copy, "0123456789") == n;
  assert_int_equal(value_numeric(&here, &v), whole ? VALUE_INTEGER : VALUE_TEXT);
  if (whole) assert_int_equal(v.integer, strtoll(copy, NULL, 10));
  assert_true(hash_bytes(here.text, n, 1) == hash_bytes(there.text, n, 1));
  assert_true(hash_same((const uint8_t *)p, (const uint8_t *)copy, n));
  copy[rnd() % n] ^= 1;
  assert_false(hash_same((const uint8_t *)p, (const uint8_t *)copy, n));
  assert_true(hash_bytes(here.text, n, 1) != hash_bytes(there.text, n, 1));
}

static void test_texts_are_read_alike_wherever_they_lie(void **state) {
  (void)state;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *before = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p = before + page;
  assert_true(before != MAP_FAILED);
  assert_int_equal(mprotect(p, page, PROT_READ | PROT_WRITE), 0);
  for (size_t n = 1; n <= 18; n++)
    for (size_t at = 0; at + n <= page; at += at == 20 ? page - 60 : 1) {
      memset(p, '1', page);
      claim_digits_at(p + at, n);
    }
  munmap(before, 3 * page);
}

static void test_decimals_are_rounded_correctly(void **state) {
  (void)state;
  const char *const texts[] = {"0.1",
                               "1e23",
                               "-0.0",
                               "3.",
                               ".5",
                               "1e-400",
                               "2.2250738585072011e-308",
                               "5e-324",
                               "1E+3",
                               "1e0007",
                               "0e9999",
                               "9007199254740993",
                               "9007199254740993.0",
                               "0.000",
                               "1.7976931348623157e308",
                               "179769313486231580793e288",
                               "0.500000000000000166533453693773481063544750213623046875"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strpbrk(texts[i], ".eE")) claim_number(texts[i]);
  char s[80];
  for (int i = 0; i < 20000; i++) {
    int digits = 1 + (int)(rnd() % 20), power = (int)(rnd() % 60) - 30;
    snprintf(s, sizeof s, "%s%.*fe%d", rnd() % 2 ? "-" : "", digits, (double)(rnd() >> (rnd() % 60)) / 1000.0, power);
    claim_number(s);
  }
}

static void test_what_is_no_number_is_text_or_missing(void **state) {
  (void)state;
  const char *const texts[] = {"x",   "1x",  "0x10", "1e",  "1e+",   "e5", ".",   "+",
                               "--1", "1 2", "inf",  "nan", "1e999", "-.", "1_0", "1,5"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_int_equal(read_text(texts[i]).kind, VALUE_TEXT);
  const char *const missing[] = {"", "-", " ", " - "};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
    assert_int_equal(read_text(missing[i]).kind, VALUE_NONE);
  char longest[1002];
  memset(longest, '1', sizeof longest);
  struct value to;
  assert_int_equal(value_parse(longest, 300, &to), VALUE_NUMBER);
  assert_int_equal(value_parse(longest, 1001, &to), VALUE_TEXT);
  memset(longest, '0', sizeof longest);
  assert_int_equal(value_parse(longest, 1000, &to), VALUE_INTEGER);
}

static void claim_text(struct value v, const char *expected) {
  char scratch[VALUE_SCRATCH];
  struct text t = value_text(&v, scratch);
  assert_int_equal(t.n, strlen(expected));
  assert_memory_equal(t.p, expected, t.n);
}

static void test_values_as_text(void **state) {
  (void)state;
  claim_text(value_integer(0), "0");
  claim_text(value_integer(INT64_MIN), "-9223372036854775808");
  claim_text(value_integer(INT64_MAX), "9223372036854775807");
  claim_text(value_number(0.1), "0.1");
  claim_text(value_number(3), "3.0");
  claim_text(value_number(-0.0), "-0.0");
  claim_text(value_number(1e300), "1e+300");
  claim_text(value_number(2.0 / 3), "0.6666666666666666");
  claim_text(value_number(-2.2250738585072014e-308), "-2.2250738585072014e-308");
  claim_text(value_boolean(1), "true");
  claim_text(value_null(), "null");
  claim_text(value_none(), "");
}

static void test_numbers_survive_text(void **state) {
  (void)state;
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = rnd();
    double d;
    memcpy(&d, &bits, sizeof d);
    if (!isfinite(d)) continue;
    char scratch[VALUE_SCRATCH];
    struct value v = value_number(d), back;
    struct text t = value_text(&v, scratch);
    assert_int_equal(value_parse(t.p, t.n, &back), VALUE_NUMBER);
    assert_memory_equal(&back.number, &d, sizeof d);
  }
}

static void test_the_locale_does_not_matter(void **state) {
  (void)state;
  if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE")) return; /* not every machine has it */
  claim_text(value_number(0.5), "0.5");
  assert_true(read_text("1.7976931348623157e308").number == 1.7976931348623157e308);
  setlocale(LC_ALL, "C");
}

static struct value text(const char *s) {
  return value_of_text(s, strlen(s));
}

static void test_sort_is_a_total_order(void **state) {
  (void)state;
  struct value rising[] = {value_none(), value_boolean(0), value_boolean(1), text("-1e9"), value_integer(-5),
                           text("0"),    text("0.5"),      value_integer(9), text("10"),   text("10a"),
                           text("1a"),   text("9a"),       text("a"),        text("aa")};
  size_t n = sizeof rising / sizeof *rising;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++) {
      int c = value_order(&rising[i], &rising[k]);
      assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
    }
  struct value missing[] = {value_none(), value_null(), text(""), text("-")};
  for (size_t i = 0; i < 4; i++) {
    assert_true(value_missing(&missing[i]));
    assert_int_equal(value_order(&missing[0], &missing[i]), 0);
  }
}

static void test_comparison_is_numeric_when_both_look_so(void **state) {
  (void)state;
  struct value a = text("10"), b = text("9"), c = text("9a"), d = text("1e1"), e = value_boolean(1), f = text("true");
  assert_true(value_compare(&a, &b) > 0);
  assert_true(value_compare(&a, &c) < 0);
  assert_true(value_compare(&a, &d) == 0);
  assert_true(value_compare(&e, &f) == 0);
}

static void test_integers_and_doubles_compare_exactly(void **state) {
  (void)state;
  struct value big = value_integer((INT64_C(1) << 53) + 1), near = value_number(0x1p53);
  assert_true(value_compare_numbers(&big, &near) > 0);
  assert_true(value_compare_numbers(&near, &big) < 0);
  struct value most = value_integer(INT64_MAX), beyond = value_number(0x1p63), least = value_integer(INT64_MIN),
               below = value_number(-0x1p63);
  assert_true(value_compare_numbers(&most, &beyond) < 0);
  assert_true(value_compare_numbers(&least, &below) == 0);
  struct value minus = value_integer(-1), half = value_number(-1.5);
  assert_true(value_compare_numbers(&minus, &half) > 0);
}

static void test_an_arena_keeps_what_it_gave_until_reset(void **state) {
  (void)state;
  struct arena a = {0};
  for (int round = 0; round < 50; round++) {
    unsigned char *given[100];
    size_t size[100];
    arena_reset(&a);
    for (int i = 0; i < 100; i++) {
      size[i] = rnd() % 300;
      given[i] = arena_take(&a, size[i]);
      assert_non_null(given[i]);
      assert_int_equal((uintptr_t)given[i] % _Alignof(struct value), 0);
      memset(given[i], i, size[i]);
    }
    for (int i = 0; i < 100; i++)
      for (size_t k = 0; k < size[i]; k++) assert_int_equal(given[i][k], i);
  }
  assert_non_null(arena_take(&a, 3 << 20));
  arena_reset(&a);
  arena_free(&a);
  arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_integers_are_exact),
      cmocka_unit_test(test_texts_are_read_alike_wherever_they_lie),
      cmocka_unit_test(test_decimals_are_rounded_correctly),
      cmocka_unit_test(test_what_is_no_number_is_text_or_missing),
      cmocka_unit_test(test_values_as_text),
      cmocka_unit_test(test_numbers_survive_text),
      cmocka_unit_test(test_the_locale_does_not_matter),
      cmocka_unit_test(test_sort_is_a_total_order),
      cmocka_unit_test(test_comparison_is_numeric_when_both_look_so),
      cmocka_unit_test(test_integers_and_doubles_compare_exactly),
      cmocka_unit_test(test_an_arena_keeps_what_it_gave_until_reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
