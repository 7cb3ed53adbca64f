/* prefilter: which sign a pattern has, that the variants of the search agree, and cases that the fuzzer meets too rarely. */
#include "scan/prefilter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "scan/regex.h"

static struct regex *compiled(const char *pattern, const char *letters) {
  struct why why;
  struct regex *re = regex_new(pattern, strlen(pattern), (unsigned)regex_flags(letters, strlen(letters), &why), &why);
  if (!re) fail_msg("%s", why.text);
  return re;
}

static void test_the_sign_is_what_every_match_must_show(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *flags, *sign, *then;
  } cases[] = {
      {"frameshift_variant", "", "frameshift_variant", ""},
      {"\\brs[0-9]+\\b", "", "[^0-9A-Z_a-z]rs[0-9][0-9]*[^0-9A-Z_a-z]", ""},
      {"\\b[ACGT]{8,}\\b", "", "[^0-9A-Z_a-z][ACGT]{8}[ACGT]*[^0-9A-Z_a-z]", ""},
      {"[A-Z][a-z]+ing\\b", "", "[a-z]ing[^0-9A-Z_a-z]", ", then PCRE2 on the line"},
      {"error", "i", "[Ee][Rr][Rr][Oo][Rr]", ""},
      {"^GET /", "", "\\x0aGET /", ""},
      {"(?:GET|PUT) /api", "", "[GP][EU]T /api", ", then PCRE2 there"},
      {"https?://", "", "http", ", then PCRE2 there"},
      {"\\d+ms total", "", "[0-9]ms total", ", then PCRE2 on the line"},
      {"(?<year>20\\d\\d)-", "", "20[0-9][0-9]-", ""},
      {"a +b # comment\n c", "x", "abc", ", then PCRE2 on the line"},
      {"stra\xc3\x9f"
       "e",
       "u", "stra\\xc3\\x9fe", ", then PCRE2 there"},
      {"(\\w)xq\\1", "", "[0-9A-Z_a-z]xq", ", then PCRE2 on the line"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char said[512], expected[512];
    const char *variant;
    struct regex *re = compiled(cases[i].pattern, cases[i].flags);
    regex_describe(re, said, sizeof said);
    simd_variant(0, &variant);
    snprintf(expected, sizeof expected, "%s by %s%s", cases[i].sign, variant, cases[i].then);
    if (strcmp(said, expected) != 0) fail_msg("%s: '%s', expected '%s'", cases[i].pattern, said, expected);
    regex_free(re);
  }
}

static void test_what_is_not_understood_has_no_sign(void **state) {
  (void)state;
  static const char *const patterns[] = {
      "",           "x*",        "(?:qq)?",   "qq|",          "(*COMMIT)qq", "qq\\Kzz",    "\\Qqq\\E",   "(qq)(?1)",
      "(?(1)q|qq)", "(?x)q q q", "qqq(?C1)",  "(?&n)(?<n>q)", "\\N{U+71}q",  "[[:<:]]qqq", "\\Gqqq",     "a{,3}qqq",
      "[\\Qq\\E]q", "\\o{161}q", "(?R)?qqqq", "[a-z ]+",      "\\w+",        "(?=qqq)",    "(?!qqqq)z*",
  };
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    char said[512];
    struct why why;
    struct regex *re =
        regex_new(patterns[i], strlen(patterns[i]), strncmp(patterns[i], "\\N", 2) == 0 ? REGEX_UTF : 0, &why);
    if (!re) continue; /* another version of PCRE2 */
    regex_describe(re, said, sizeof said);
    if (strncmp(said, "PCRE2", 5) != 0) fail_msg("%s: %s", patterns[i], said);
    regex_free(re);
  }
}

static void test_lines_that_match_by_a_hair(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *flags, *text;
    int lines;
  } cases[] = {
      {"(?:ab|cd)", "", "ad\ncb\nab\ncd\n", 2},
      {"(?:(?i)qq)zz", "", "QQzz\nqqZZ\nqQzz\n", 2},
      {"(?:(?-i)qq)zz", "i", "QQzz\nqqZZ\nqqzz\n", 2},
      {"(?:q(?i)z|k)7", "", "qZ7\nK7\nQz7\n", 2},
      {"\\bqq", "u", "\xc3\xa9qq\nqq\n\xff qq\n", 2},
      {"kk", "iu", "\xe2\x84\xaa\xe2\x84\xaa\nKk\n", 2},
      {"qqq$", "", "qqqz\nqqq\r\nqqq", 1},
      {"^qqq", "", "qqq\nzqqq\nqqq", 2},
      {"q\\b\\bq", "", "qq\nq q\n", 0},
      {"qqq\\b", "", "qqq", 1},
      {"\\bqqq", "", "qqq", 1},
      {"(?:\\bqqqqqqqq ){5}", "", "qqqqqqqq qqqqqqqq qqqqqqqq qqqqqqqq qqqqqqqq \nqqqqqqqq qqqqqqqq\n", 1},
      {"qq[^7]zz", "", "qq\nzz\nqq-zz\n", 1},
      {"qq\\nzz|q7q7", "", "qq\nzz\nq7q7\n", 1},
      {"\\Q7\\E", "", "7\n", 1},
      {"z-q+\\b", "", "z-qqz-qqz-qq \n", 1},
      {"q++\\b", "", "qq7\nqq", 1},
      {"q{3}?z", "", "qqz\nqqqz\n", 1},
      {"[]q]7]", "", "]7]\nq7]\n7]\n", 2},
      {"a^q", "", "a\nq\n", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct why why;
    uint64_t lines = 0;
    struct regex *re = compiled(cases[i].pattern, cases[i].flags);
    if (regex_count_lines(re, cases[i].text, strlen(cases[i].text), &lines, &why) != 0) fail_msg("%s", why.text);
    if ((int)lines != cases[i].lines) fail_msg("'%s' in '%s': %d", cases[i].pattern, cases[i].text, (int)lines);
    regex_free(re);
  }
}

/* {=== the search === */

static uint64_t seed = 1;
static unsigned rnd(unsigned n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % n;
}

static struct byteset some_set(void) {
  struct byteset set = BYTESET_NONE;
  unsigned kind = rnd(4), first = rnd(256), n = kind == 0 ? 1 : 1 + rnd(200);
  for (unsigned i = 0; i < n; i++) byteset_add(&set, (uint8_t)(kind < 2 ? first + i : rnd(256)));
  return set;
}

/* All variants go through the same places, those that look at ranges only through more of them; all of them where the
** probes hold. */
static void test_all_variants_find_every_place(void **state) {
  (void)state;
  for (unsigned round = 0; round < 3000; round++) {
    struct byteset sets[PROBES_MOST];
    struct probes probes = {0};
    int at[PROBES_MOST], n = 1 + (int)rnd(PROBES_MOST);
    uint8_t text[700];
    for (int i = 0; i < n; i++) {
      sets[i] = some_set();
      at[i] = (int)rnd(20) - 1;
      probes_add(&probes, at[i], &sets[i]);
    }
    size_t size = 40 + rnd(sizeof text - 40), last = size - 20;
    for (size_t i = 0; i < size; i++) text[i] = (uint8_t)(rnd(2) ? rnd(256) : 'a' + rnd(4));
    const char *name;
    simd_search search;
    for (unsigned v = 0; (search = simd_variant(v, &name)) != NULL; v++)
      for (size_t from = 1 + rnd(3), found; from < last; from = found + 1) {
        found = (size_t)(search(&probes, text + from, text + last) - text);
        if (found < from || found > last) fail_msg("%s goes from %zu to %zu", name, from, found);
        for (size_t k = from; k < found; k++) {
          int i = 0;
          while (i < n && byteset_has(&sets[i], text[(int)k + at[i]])) i++;
          if (i == n) fail_msg("%s misses place %zu of %zu in round %u", name, k, size, round);
        }
      }
  }
}

static void test_the_best_variant_is_the_first(void **state) {
  (void)state;
  const char *name;
  assert_true(simd_best() == simd_variant(0, &name));
  unsigned n = 0;
  while (simd_variant(n, &name)) n++;
  assert_string_equal(name, "plain C");
}

/* ===} {=== misleading signs === */

/* lines full of what looks like a match: the sign is given up for a while, the count stays right */
static void test_a_sign_that_misleads_costs_no_lines(void **state) {
  (void)state;
  size_t n = 8 << 20, at = 0;
  char *text = malloc(n);
  int expected = 0;
  while (at + 64 < n) {
    int hit = rnd(1000) == 0;
    at += (size_t)sprintf(text + at, "%s\n", hit ? "zqzqzqzqzq7end" : "zqzqzqzqzq7zqzqzqzq");
    expected += hit;
  }
  struct regex *re = compiled("zq(?:zq)*7(?=end)", "");
  struct why why;
  for (int round = 0; round < 4; round++) {
    uint64_t lines = 0;
    assert_int_equal(regex_count_lines(re, text, at, &lines, &why), 0);
    assert_int_equal((int)lines, expected);
  }
  regex_free(re);
  free(text);
}

/* a run that ends wrong is passed once, not once from each of its bytes */
static void test_a_long_run_is_passed_once(void **state) {
  (void)state;
  size_t n = 16 << 20;
  char *text = malloc(n);
  memset(text, 'Q', n);
  text[n - 1] = '7';
  struct regex *re = compiled("[QZ]{3,}\\b", "");
  struct why why;
  uint64_t lines = 0;
  assert_int_equal(regex_count_lines(re, text, n, &lines, &why), 0);
  assert_int_equal((int)lines, 0);
  regex_free(re);
  free(text);
}

/* ===} */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_sign_is_what_every_match_must_show),
      cmocka_unit_test(test_what_is_not_understood_has_no_sign),
      cmocka_unit_test(test_lines_that_match_by_a_hair),
      cmocka_unit_test(test_all_variants_find_every_place),
      cmocka_unit_test(test_the_best_variant_is_the_first),
      cmocka_unit_test(test_a_sign_that_misleads_costs_no_lines),
      cmocka_unit_test(test_a_long_run_is_passed_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
