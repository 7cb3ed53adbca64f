/* regex: what matching by lines, counting and limits promise. */
#include "scan/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "scan/lineform.h"

static uint64_t seed = 1;
static unsigned rnd(unsigned n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % n;
}

static struct regex *compiled(const char *pattern, unsigned flags) {
  struct why why;
  struct regex *re = regex_new(pattern, strlen(pattern), flags, &why);
  if (!re) fail_msg("%s", why.text);
  return re;
}

static uint64_t lines_matching(const char *pattern, const char *text, size_t n) {
  struct why why;
  uint64_t count = 0;
  struct regex *re = compiled(pattern, 0);
  if (regex_count_lines(re, text, n, &count, &why) != 0) fail_msg("%s", why.text);
  regex_free(re);
  return count;
}

#define LINES(pattern, text) (int)lines_matching(pattern, text, sizeof(text) - 1)

static void test_counts_lines_like_grep(void **state) {
  (void)state;
  assert_int_equal(LINES("a", "a\nb\naa\n"), 2);
  assert_int_equal(LINES("\\brs[0-9]+\\b", "rs1 rs2\nrs\nxrs1\nrs7"), 2);
  assert_int_equal(LINES("^$", "\n\na\n\n"), 3);
  assert_int_equal(LINES("", ""), 0);
  assert_int_equal(LINES("", "\n"), 1);
  assert_int_equal(LINES("$", "a\nb"), 2);
  assert_int_equal(LINES("x*", "a\n\nx"), 3);
}

static void test_nothing_matches_across_a_newline(void **state) {
  (void)state;
  assert_int_equal(LINES("a\\s+b", "a\nb\na b\n"), 1);
  assert_int_equal(LINES("[^x]{3}", "a\nb\nabc\n"), 1);
  assert_int_equal(LINES("a(?!\\n)", "a\na\n"), 2);
  assert_int_equal(LINES("a(?=\\s)", "a\na \n"), 1);
  assert_int_equal(LINES("(?<=\\s)a", "a\na\n a"), 1);
  assert_int_equal(LINES("\\n", "a\na\n"), 0);
  assert_int_equal(LINES("(?s)a.b", "a\nb\naxb"), 1);
}

static void test_anchors_of_the_text_are_anchors_of_the_line(void **state) {
  (void)state;
  assert_int_equal(LINES("\\Ab", "a\nb\n"), 1);
  assert_int_equal(LINES("a\\z", "a\nb\n"), 1);
  assert_int_equal(LINES("\\Ga", "a\nba\n"), 1);
  assert_int_equal(LINES("a(*COMMIT)b", "aa\nab\n"), 1);
}

static void test_any_bytes_pass_through(void **state) {
  (void)state;
  assert_int_equal(LINES("b$",
                         "a\0b\n\xff\xfe"
                         "b\nab\r\n"),
                   2);
  assert_int_equal(LINES("\\x00", "a\0b\n\0\nab\n"), 2);
  assert_int_equal(LINES("b\\r$", "ab\r\nb\n"), 1);
  struct regex *re = compiled("\\w$", REGEX_UTF);
  uint64_t count = 0;
  struct why why;
  const char text[] =
      "\xc3\xa9\n\xc3\n\xff"
      "a\n";
  assert_int_equal(regex_count_lines(re, text, sizeof text - 1, &count, &why), 0);
  assert_int_equal((int)count, 2);
  regex_free(re);
}

static void test_compile_errors_name_pattern_and_place(void **state) {
  (void)state;
  struct why why;
  assert_null(regex_new("a(b", 3, 0, &why));
  assert_string_equal(why.text, "regex at 4: missing closing parenthesis in 'a(b'");
  assert_int_equal(regex_flags("iq", 2, &why), -1);
  assert_non_null(strstr(why.text, "'q'"));
}

static void test_catastrophic_pattern_ends_in_an_error_that_names_it(void **state) {
  (void)state;
  char text[64];
  uint64_t count = 0;
  struct why why;
  struct regex *re = compiled("^(a+)+$", 0);
  memset(text, 'a', sizeof text);
  text[60] = 'b';
  assert_int_equal(regex_count_lines(re, text, sizeof text, &count, &why), -1);
  assert_non_null(strstr(why.text, "'^(a+)+$' gave up"));
  regex_free(re);
}

static void test_a_match_too_deep_for_the_jit_stack_goes_on_without_it(void **state) {
  (void)state;
  size_t n = 1 << 20;
  char *text = malloc(n);
  memset(text, 'a', n);
  struct why why;
  struct regex *re = compiled("^(?:a|b)*?c|^(a|ab)*$", 0);
  int rc = regex_search(re, text, n, 0, 0, &why);
  assert_true(rc == 1 || strstr(why.text, "gave up"));
  regex_free(re);
  free(text);
}

static void test_counting_matches_never_stands_still(void **state) {
  (void)state;
  struct {
    const char *pattern, *text;
    int n;
  } cases[] = {
      {"x*", "abc", 4}, {"x*", "axb", 3},    {"\\w*", "ab cd", 2},
      {"", "", 1},      {"(?<=a)", "aa", 2}, {"(?(DEFINE)(?<k>a\\K))(?=(?&k))", "aaa", 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct why why;
    uint64_t count = 0;
    struct regex *re = compiled(cases[i].pattern, 0);
    assert_int_equal(regex_count(re, cases[i].text, strlen(cases[i].text), 0, &count, &why), 0);
    if ((int)count != cases[i].n) fail_msg("'%s' on '%s': %d", cases[i].pattern, cases[i].text, (int)count);
    regex_free(re);
  }
}

static const char *const ATOMS[] = {
    "a",
    "b",
    ".",
    "\\s",
    "\\S",
    "\\w",
    "\\W",
    "\\d",
    "\\D",
    "\\h",
    "\\H",
    "\\v",
    "\\V",
    "\\n",
    "\\N",
    "\n",
    "[ab]",
    "[^a]",
    "[^ab\\s]",
    "[\\sb]",
    "[^\\n]",
    "[]a]",
    "[^]a]",
    "[\\x00-\\x20]",
    "[[:space:]b]",
    "[[:alpha:]]",
    "[^[:alpha:]]",
    "[!-b]",
    "[\\W]",
    "[a-]",
    "[\t-\r]",
    "\\x0a",
    "\\x61",
    "\\x{a}",
    "\\.",
    "\\pL",
    "\\P{L}",
    "\\p{Zs}",
    "\\R",
    "\\X",
    " ",
    "\\t",
    "\\Qa.\\E",
    "(?#[)",
    "\\1",
    "\\r",
    "(?1)",
    "^",
    "$",
    "\\A",
    "\\z",
    "\\Z",
    "\\b",
    "\\B",
    "\\G",
    "\\K",
    "(*COMMIT)",
    "(*SKIP)",
    "(?!)",
    "[\\n-a]",
    "[\\d-x]",
    "[\\]a]",
    "\\cJ",
    "\\012",
    "[^\\S]",
};
static const char *const OPENERS[] = {
    "(",       "(?:",  "(?i:",  "(?s:", "(?m:", "(?-m:", "(?s-i:", "(?<n>", "(?|",
    "(?s)(?:", "(?^:", "(?x: ", "(?=",  "(?!",  "(?<=",  "(?<!",   "(?>",
};
static const char *const REPEATS[] = {"", "", "", "", "*", "+", "?", "*?", "{2}", "{0,2}", "++", "*+"};

#define ONE_OF(a) a[rnd(sizeof a / sizeof *a)]

static void some_pattern(char *out, int depth) {
  for (unsigned i = 0, n = 1 + rnd(3); i < n; i++) {
    if (depth > 0 && rnd(3) == 0) {
      strcat(out, ONE_OF(OPENERS));
      some_pattern(out, depth - 1);
      if (rnd(3) == 0) {
        strcat(out, "|");
        some_pattern(out, depth - 1);
      }
      strcat(out, ")");
    } else {
      strcat(out, ONE_OF(ATOMS));
    }
    strcat(out, ONE_OF(REPEATS));
  }
}

static size_t some_text(char *out) {
  static const char bytes[] = "aaabbb  \n\n\n\n\r\t1_.]x\xc3\xa9\xff";
  size_t n = rnd(40);
  for (size_t i = 0; i < n; i++) out[i] = rnd(60) ? bytes[rnd(sizeof bytes - 1)] : '\0';
  return n;
}

/* what by-lines means, said plainly: each line alone. The line's first match, in the chunk's offsets. */
static int first_of_line(struct regex *re, const char *line, size_t n, size_t *spans) {
  struct why why;
  int rc = regex_search(re, line, n, 0, 0, &why);
  if (rc > 0) memcpy(spans, regex_spans(re), 2 * (regex_groups(re) + 1) * sizeof *spans);
  return rc;
}

/* The one excuse for a difference: PCRE2 (10.42) contradicts itself about the line, with and without its JIT and its
** optimizations, as for \h+(?>|\na)\h in " \t", (?=a)[^a]*a in "a". */
static int pcre2_contradicts_itself(struct regex *re, const char *pattern, unsigned flags, const char *line, size_t n) {
  char plain[4200];
  size_t spans[2][128];
  snprintf(plain, sizeof plain, "(*NO_JIT)(*NO_START_OPT)(*NO_AUTO_POSSESS)%s", pattern);
  struct regex *strict = compiled(plain, flags);
  int a = first_of_line(re, line, n, spans[0]), b = first_of_line(strict, line, n, spans[1]);
  size_t size = 2 * (regex_groups(re) + 1) * sizeof(size_t);
  regex_free(strict);
  return a != b || (a > 0 && memcmp(spans[0], spans[1], size) != 0);
}

static int same_match(struct regex *re, const size_t *alone, size_t at) {
  const size_t *found = regex_spans(re);
  for (unsigned i = 0; i < 2 * (regex_groups(re) + 1); i++)
    if (found[i] != (alone[i] == REGEX_UNSET ? REGEX_UNSET : alone[i] + at)) return 0;
  return 1;
}

static void differs(const char *what, const char *pattern, unsigned flags, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) fprintf(stderr, " %02x", (unsigned char)text[i]);
  fail_msg("'%s' with flags %u %s in these bytes", pattern, flags, what);
}

static size_t end_of_line(const char *text, size_t n, size_t at) {
  const char *nl = memchr(text + at, '\n', n - at);
  return nl ? (size_t)(nl - text) : n;
}

static int contradicted(struct regex *re, const char *pattern, unsigned flags, const char *text, size_t n) {
  for (size_t at = 0, end; at < n; at = end + 1) {
    end = end_of_line(text, n, at);
    if (pcre2_contradicts_itself(re, pattern, flags, text + at, end - at)) return 1;
  }
  return 0;
}

/* 0 when PCRE2 gives up or contradicts itself, which proves nothing */
static int compare(struct regex *re, const char *pattern, unsigned flags, const char *text, size_t n) {
  struct why why;
  uint64_t expected = 0, count = 0;
  for (size_t at = 0, end; at < n; at = end + 1) {
    size_t alone[128];
    end = end_of_line(text, n, at);
    int rc = first_of_line(re, text + at, end - at, alone);
    int all = rc < 0 ? -1 : regex_search(re, text, n, at, REGEX_LINES, &why);
    if (all < 0) return 0;
    expected += rc > 0;
    if (rc > 0 ? all > 0 && same_match(re, alone, at) : all == 0 || regex_spans(re)[1] > end) continue;
    if (contradicted(re, pattern, flags, text, n)) return 0;
    differs("finds another match than in the line alone", pattern, flags, text, n);
  }
  if (regex_count_lines(re, text, n, &count, &why) != 0) return 0;
  if (count == expected) return 1;
  if (!contradicted(re, pattern, flags, text, n))
    differs("counts other lines than match alone", pattern, flags, text, n);
  return 0;
}

static void test_by_lines_is_each_line_alone(void **state) {
  (void)state;
  unsigned rounds = 20000, patterns = 0, fast = 0, proved = 0;
  const char *more = getenv("REGEX_ROUNDS");
  if (more) rounds = (unsigned)atoi(more);
  if (getenv("REGEX_SEED")) seed = (uint64_t)atoll(getenv("REGEX_SEED"));
  for (unsigned i = 0; i < rounds; i++) {
    char pattern[4096] = "", text[64];
    struct why why;
    some_pattern(pattern, 3);
    unsigned flags = rnd(3) ? 0 : rnd(32);
    struct regex *re = regex_new(pattern, strlen(pattern), flags, &why);
    if (!re) continue;
    if (regex_groups(re) > 60) {
      regex_free(re);
      continue;
    }
    struct buf form;
    buf_heap(&form);
    patterns++;
    fast += lineform(pattern, strlen(pattern), flags & REGEX_EXTENDED, &form) == 1;
    buf_free(&form);
    for (int k = 0; k < 8; k++) proved += (unsigned)compare(re, pattern, flags, text, some_text(text));
    regex_free(re);
  }
  assert_true(patterns > rounds / 4);
  assert_true(fast > patterns / 4); /* or the test says nothing about line forms */
  assert_true(proved > patterns * 7);
  if (more)
    printf("%u patterns, %u with a line form, %u of %u comparisons proved\n", patterns, fast, proved, patterns * 8);
}

static void test_common_patterns_have_a_line_form(void **state) {
  (void)state;
  static const char *const common[] = {
      "\\brs[0-9]+\\b",
      "ID=SNP:([^;]*)",
      "^(?<ip>\\S+) \\S+ \\S+ \\[([^]]+)\\] \"(\\S+) (\\S+)[^\"]*\" (\\d+) (\\d+|-)",
      "\\s+$",
      "a|b\\s*c",
      "(?i)error",
      "\\W[A-Z]+\\W",
      "[[:space:]]x",
      "(?<!\\d)5\\d\\d(?!\\d)",
      "\\Afoo",
      "foo\\z",
  };
  for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
    struct buf form;
    buf_heap(&form);
    if (lineform(common[i], strlen(common[i]), false, &form) != 1) fail_msg("no line form: %s", common[i]);
    buf_free(&form);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counts_lines_like_grep),
      cmocka_unit_test(test_nothing_matches_across_a_newline),
      cmocka_unit_test(test_anchors_of_the_text_are_anchors_of_the_line),
      cmocka_unit_test(test_any_bytes_pass_through),
      cmocka_unit_test(test_compile_errors_name_pattern_and_place),
      cmocka_unit_test(test_catastrophic_pattern_ends_in_an_error_that_names_it),
      cmocka_unit_test(test_a_match_too_deep_for_the_jit_stack_goes_on_without_it),
      cmocka_unit_test(test_counting_matches_never_stands_still),
      cmocka_unit_test(test_common_patterns_have_a_line_form),
      cmocka_unit_test(test_by_lines_is_each_line_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
