/* fuzz_prefilter: searching lines by signs against plain PCRE2, each line alone.
**
** The bytes of one input: flags (1 byte), how to cut (1 byte), length of the pattern (1 byte), pattern, text. The text is cut
** at newlines into runs of lines; each run is searched where a byte more would be a segmentation fault, once before its first
** and once behind its last. Lines, first matches with their groups, and numbers of matches must be those of each line alone. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "scan/regex.h"
#include "scan/utf8.h"

enum { ROOM = 1 << 16, GROUPS = 30 };

struct input {
  const char *pattern;
  size_t pattern_n;
  unsigned flags;
  struct regex *re;
};

static size_t page;
static char *room; /* ROOM bytes between two pages that must not be touched */

static void make_room(void) {
  page = (size_t)sysconf(_SC_PAGESIZE);
  char *p = mmap(NULL, ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p + page, ROOM, PROT_READ | PROT_WRITE) != 0) abort();
  room = p + page;
}

static void fail(const struct input *in, const char *text, size_t n, const char *what) {
  char sign[512];
  regex_describe(in->re, sign, sizeof sign);
  fprintf(stderr, "fuzz_prefilter: %s\n  pattern '%.*s' flags %u, searched as %s\n  text", what, (int)in->pattern_n,
          in->pattern, in->flags, sign);
  for (size_t i = 0; i < n && i < 400; i++) fprintf(stderr, " %02x", (unsigned char)text[i]);
  fprintf(stderr, "\n");
  abort();
}

static size_t end_of_line(const char *text, size_t n, size_t at) {
  const char *nl = memchr(text + at, '\n', n - at);
  return nl ? (size_t)(nl - text) : n;
}

/* what PCRE2 says of the line alone */
struct answer {
  int rc;
  uint64_t matches;
  size_t spans[2 * GROUPS];
};

static struct answer ask(struct regex *re, const char *line, size_t n) {
  struct answer a = {0};
  struct why why;
  a.rc = regex_search(re, line, n, 0, 0, &why);
  if (a.rc > 0) memcpy(a.spans, regex_spans(re), 2 * (regex_groups(re) + 1) * sizeof *a.spans);
  if (a.rc > 0 && regex_count(re, line, n, 0, &a.matches, &why) != 0) a.rc = -1;
  return a;
}

/* PCRE2 (10.42) contradicts itself about some lines, with and without its optimizations: no judge then */
static int contradicts_itself(const struct input *in, const struct answer *a, const char *line, size_t n) {
  char pattern[300];
  struct why why;
  int length = snprintf(pattern, sizeof pattern, "(*NO_JIT)(*NO_START_OPT)(*NO_AUTO_POSSESS)%.*s", (int)in->pattern_n,
                        in->pattern);
  struct regex *re = regex_new(pattern, (size_t)length, in->flags, &why);
  if (!re) return 1;
  struct answer b = ask(re, line, n);
  regex_free(re);
  return a->rc != b.rc || a->matches != b.matches || memcmp(a->spans, b.spans, sizeof b.spans) != 0;
}

static int same_spans(const struct input *in, const struct answer *a, size_t at) {
  const size_t *s = regex_spans(in->re);
  for (unsigned i = 0; i < 2 * (regex_groups(in->re) + 1); i++)
    if (s[i] != (a->spans[i] == REGEX_UNSET ? REGEX_UNSET : a->spans[i] + at)) return 0;
  return 1;
}

/* is the line at `at` found as the answer says? *next: where the next line found starts, n + 1 when there is none */
static void check_line(const struct input *in, const char *text, size_t n, size_t at, const struct answer *a) {
  struct why why;
  struct line line;
  size_t end = end_of_line(text, n, at);
  unsigned valid = in->flags & REGEX_UTF && utf8_valid(text, n) ? REGEX_VALID : 0;
  int rc = regex_next_line(in->re, text, n, at, REGEX_SPANS | valid, &line, &why);
  int here = rc > 0 && line.start == at;
  if (rc < 0 || (here == (a->rc > 0) && (!here || (line.end == end && same_spans(in, a, at))))) return;
  if (contradicts_itself(in, a, text + at, end - at)) return;
  fail(in, text, n,
       here ? a->rc > 0 ? "another match than in the line alone" : "a line that does not match"
            : "a line that matches is not found");
}

static int contradicted(const struct input *in, const char *text, size_t n) {
  for (size_t at = 0, end; at < n; at = end + 1) {
    end = end_of_line(text, n, at);
    struct answer a = ask(in->re, text + at, end - at);
    if (contradicts_itself(in, &a, text + at, end - at)) return 1;
  }
  return 0;
}

static void check_counts(const struct input *in, const char *text, size_t n, uint64_t lines, uint64_t matches) {
  struct why why;
  uint64_t found = 0;
  if (regex_count_lines(in->re, text, n, &found, &why) == 0 && found != lines && !contradicted(in, text, n))
    fail(in, text, n, "counts other lines");
  found = 0;
  if (regex_count(in->re, text, n, REGEX_LINES, &found, &why) == 0 && found != matches && !contradicted(in, text, n))
    fail(in, text, n, "counts other matches");
}

/* a run of lines */
static void check(const struct input *in, const char *text, size_t n) {
  uint64_t lines = 0, matches = 0;
  int gave_up = 0;
  for (size_t at = 0, end; at < n; at = end + 1) {
    end = end_of_line(text, n, at);
    struct answer a = ask(in->re, text + at, end - at);
    lines += a.rc > 0;
    matches += a.matches;
    gave_up |= a.rc < 0;
    if (a.rc >= 0) check_line(in, text, n, at, &a);
  }
  if (!gave_up) check_counts(in, text, n, lines, matches);
}

static void check_at_both_ends(const struct input *in, const char *text, size_t n) {
  char *last = room + ROOM - n - (in->flags & REGEX_UTF ? REGEX_BEYOND : 0);
  memcpy(room, text, n);
  check(in, room, n);
  memcpy(last, text, n);
  check(in, last, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (!room) make_room();
  if (n < 3) return 0;
  size_t cut = 1 + data[1] * data[1], length = data[2] < n - 3 ? data[2] : n - 3;
  struct why why;
  struct input in = {.pattern = (const char *)data + 3, .pattern_n = length, .flags = data[0] & 31};
  in.re = regex_new(in.pattern, length, in.flags, &why);
  const char *text = (const char *)data + 3 + length;
  n -= 3 + length;
  if (in.re && regex_groups(in.re) < GROUPS && n <= ROOM - REGEX_BEYOND)
    for (size_t at = 0, end; at < n; at = end) {
      end = at + cut < n ? end_of_line(text, n, at + cut) : n;
      if (end < n) end++;
      check_at_both_ends(&in, text + at, end - at);
    }
  regex_free(in.re);
  return 0;
}

#ifdef FUZZ_MAIN

#define ONE_OF(a) a[below(sizeof a / sizeof *a)]

/* rare bytes make signs, common ones make matches */
static const char *const ATOMS[] = {"q",           "q",         "z",
                                    "7",           "Q",         "qz",
                                    "zq7",         "-",         ".",
                                    "[qz]",        "[^q]",      "[0-9]",
                                    "\\d",         "\\w",       "\\W",
                                    "\\s",         "\\S",       "[Q-Z]",
                                    "[q-z]",       "\\x71",     "\\.",
                                    "[[:upper:]]", "[\\w-]",    "\\t",
                                    "\\b",         "\\b",       "\\b",
                                    "\\B",         "^",         "$",
                                    "\\A",         "\\z",       " ",
                                    "\xc3\xa9",    "\xff",      "\\x00",
                                    "\\n",         "k",         "\\pL",
                                    "\\r",         "[]q]",      "[^\\d7]",
                                    "{",           "}",         "(?#q)",
                                    "\\1",         "(?i)",      "(?-i)",
                                    "\\h",         "[a-]",      "[\\]]",
                                    "(?=q)",       "(?!z)",     "(?<=q)",
                                    "[^\\W]",      "qqqqqqqq",  "qzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqz",
                                    "z-q+\\b",     "7[qz]+\\b", "\\bq[0-9]+$",
                                    "[7z]{2,}\\b"};
static const char *const OPENERS[] = {"(",   "(?:", "(?:", "(?:",  "(?i:",   "(?<n>", "(?|",
                                      "(?>", "(?=", "(?!", "(?<!", "(?s-i:", "(?'m'"};
static const char *const REPEATS[] = {"",    "",     "",      "",   "",   "",      "+",  "+",   "*",    "?",
                                      "{3}", "{2,}", "{0,2}", "+?", "++", "{1,3}", "??", "{8}", "{2,2}"};

static void some_pattern(char *out, int depth) {
  for (size_t i = 0, n = 1 + below(4); i < n; i++) {
    if (strlen(out) > 150) return;
    if (depth > 0 && below(4) == 0) {
      strcat(out, ONE_OF(OPENERS));
      some_pattern(out, depth - 1);
      while (below(3) == 0) {
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

/* the sign of degrees Kelvin, which is a k in the other case */
static const char KELVIN[] = "\xe2\x84\xaa";

/* mostly short lines; now and then one longer than a page. A byte of the pattern is a likely byte of the text. */
static size_t some_text(uint8_t *to, size_t most, const char *pattern) {
  static const char letters[] = "qqqqzzz77Q-. \n\n\n\r\taeK_}\xc3\xa9\xff";
  size_t n = below(100) ? below(200) : below(most), wild = below(8) ? 0 : 5, line = below(20) ? 1 : 300;
  for (size_t i = 0; i < n; i++) {
    to[i] = (uint8_t)letters[below(sizeof letters)]; /* the zero byte, too */
    if (wild && below(wild) == 0) to[i] = (uint8_t)below(256);
    if (*pattern && below(4) == 0) to[i] = (uint8_t)pattern[below(strlen(pattern))];
    if (to[i] == '\n' && below(line)) to[i] = 'q';
    if (i >= 2 && below(60) == 0) memcpy(to + i - 2, KELVIN, 3);
  }
  return n;
}

static size_t some_input(uint8_t *to, size_t most) {
  char pattern[1024] = "";
  some_pattern(pattern, 2);
  size_t n = strlen(pattern) < 250 ? strlen(pattern) : 250;
  to[0] = (uint8_t)(below(3) ? 0 : below(2) ? REGEX_CASELESS | (below(2) ? REGEX_UTF : 0) : below(32));
  to[1] = (uint8_t)(below(2) ? 255 : below(256));
  to[2] = (uint8_t)n;
  memcpy(to + 3, pattern, n);
  return 3 + n + some_text(to + 3 + n, most - 3 - n, pattern);
}

static void one(void) {
  static uint8_t bytes[10000];
  LLVMFuzzerTestOneInput(bytes, some_input(bytes, sizeof bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
