/* regex: the only file that knows PCRE2.
**
** Two codes of one pattern: `text` as the user wrote it, and `lines`, its line form (scan/lineform.h) compiled in
** multi-line mode, which runs over thousands of lines at once; made when first asked for. A pattern without a line form
** runs `text` on each line alone.
**
** With REGEX_UTF, `lines` runs only over text known to be valid: where it is not, PCRE2 starts matches at other places
** in a long text than it does in the line alone. Knowing costs a pass over the text, so a single search, which may be
** one of many over the same text, goes line by line; counting lines, one pass by nature, checks and is fast.
**
** Where the pattern has a sign (scan/prefilter.h), only the places that show it are looked at: PCRE2 tries the match
** that may start there, or the line, or, when the sign is all there is to the pattern, is not asked at all. Signs that
** mislead too often are ignored for a while.
**
** Limits count per match, but a run over many lines may use up those of the interpreter together: so when the fast way
** gives up, the rest is done line by line, and only a line that exceeds a limit by itself is an error. */
#include "scan/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "scan/lineform.h"
#include "scan/prefilter.h"
#include "scan/utf8.h"

struct code {
  pcre2_code *code; /* NULL: there is none */
  bool jit;
};

struct regex {
  struct code text;
  struct code lines, start; /* the line form: anywhere in the text; at one place */
  struct prefilter prefilter;
  bool prepared, has_prefilter; /* lines, start and prefilter are made; there is one */
  int64_t credit;               /* bytes that the sign has saved, less what its false alarms cost */
  size_t rest;                  /* how many bytes it is not trusted for */
  struct line failed;
  unsigned flags;
  pcre2_match_data *match;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  size_t *spans; /* in match */
  unsigned groups;
  size_t n;
  char pattern[];
};

static const char LETTERS[] = "imsxu";

int regex_flags(const char *letters, size_t n, struct why *why) {
  int flags = 0;
  for (size_t i = 0; i < n; i++) {
    const char *at = letters[i] ? strchr(LETTERS, letters[i]) : NULL;
    if (!at) return why_set(why, "unknown regex flag '%c' (flags are i, m, s, x and u)", letters[i]);
    flags |= 1 << (at - LETTERS);
  }
  return flags;
}

void regex_letters(unsigned flags, char *out) {
  for (int i = 0; LETTERS[i]; i++)
    if (flags >> i & 1) *out++ = LETTERS[i];
  *out = 0;
}

/* "%.*s%s" arguments that show a pattern, shortened */
#define SHOWN(p, n) (int)((n) > 200 ? 200 : (n)), (p), (n) > 200 ? "..." : ""

static uint32_t compile_options(unsigned flags) {
  uint32_t options = 0;
  if (flags & REGEX_CASELESS) options |= PCRE2_CASELESS;
  if (flags & REGEX_MULTILINE) options |= PCRE2_MULTILINE;
  if (flags & REGEX_DOTALL) options |= PCRE2_DOTALL;
  if (flags & REGEX_EXTENDED) options |= PCRE2_EXTENDED;
  if (flags & REGEX_UTF) options |= PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF;
  return options;
}

static pcre2_code *compile(const char *pattern, size_t n, uint32_t options, int *error, size_t *at) {
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (context) pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, n, options, error, at, context);
  pcre2_compile_context_free(context);
  return code;
}

/* Where the JIT cannot help the interpreter does: it refuses the pattern, the system forbids new machine code, or the
** pattern begins with (*NO_JIT), which is no error but leaves no code. */
static struct code with_jit(pcre2_code *code) {
  size_t size = 0;
  if (code && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0) pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size);
  return (struct code){code, size > 0};
}

static bool has_groups(const pcre2_code *code) {
  uint32_t groups = 0;
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  return groups > 0;
}

/* Is a group repeated possessively, as in (a)*+ ? The JIT of PCRE2 up to 10.42 then leaves captures of failed attempts
** standing, which the interpreter does not (PCRE2Project/pcre2, issue 324). */
static bool leaves_captures(const char *p, size_t n) {
  for (size_t i = 2; i < n; i++) {
    if (p[i] != '+' || !strchr("*+?}", p[i - 1])) continue;
    size_t at = i - 1;
    if (p[at] == '}')
      while (at > 0 && p[at] != '{') at--;
    while (at > 0 && strchr(" \t\n", p[at - 1])) at--;
    if (at > 0 && p[at - 1] == ')') return true;
  }
  return false;
}

static bool prepare(struct regex *re) {
  re->match = pcre2_match_data_create_from_pattern(re->text.code, NULL);
  re->context = pcre2_match_context_create(NULL);
  re->stack = pcre2_jit_stack_create(REGEX_STACK_START, REGEX_STACK_MOST, NULL); /* NULL: built without JIT */
  if (!re->match || !re->context || (re->text.jit && !re->stack)) return false;
  pcre2_set_match_limit(re->context, REGEX_MATCH_STEPS);
  pcre2_set_heap_limit(re->context, REGEX_MATCH_KIB);
  if (re->stack) pcre2_jit_stack_assign(re->context, NULL, re->stack);
  uint32_t groups = 0;
  pcre2_pattern_info(re->text.code, PCRE2_INFO_CAPTURECOUNT, &groups);
  re->groups = groups;
  re->spans = pcre2_get_ovector_pointer(re->match);
  return true;
}

struct regex *regex_new(const char *pattern, size_t n, unsigned flags, struct why *why) {
  int error;
  size_t at;
  pcre2_code *code = compile(pattern, n, compile_options(flags), &error, &at);
  if (!code) {
    char text[256];
    pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
    why_set(why, "regex at %zu: %s in '%.*s%s'", at + 1, text, SHOWN(pattern, n));
    return NULL;
  }
  struct regex *re = calloc(1, sizeof *re + n + 1);
  if (re) {
    re->text = has_groups(code) && leaves_captures(pattern, n) ? (struct code){code, false} : with_jit(code);
    re->flags = flags;
    re->n = n;
    memcpy(re->pattern, pattern, n);
    if (prepare(re)) return re;
    regex_free(re);
  } else {
    pcre2_code_free(code);
  }
  why_set(why, "regex '%.*s%s': out of memory", SHOWN(pattern, n));
  return NULL;
}

void regex_free(struct regex *re) {
  if (!re) return;
  pcre2_jit_stack_free(re->stack);
  pcre2_match_context_free(re->context);
  pcre2_match_data_free(re->match);
  pcre2_code_free(re->start.code);
  pcre2_code_free(re->lines.code);
  pcre2_code_free(re->text.code);
  free(re);
}

/* For the sign: which bytes does an atom of the pattern match? All bytes are matched at once, run by run. */
static bool bytes_of(void *ctx, const char *atom, size_t n, bool caseless, struct byteset *bytes) {
  char pattern[256], all[256];
  int error, length = snprintf(pattern, sizeof pattern, "(?:%.*s)+", (int)n, atom);
  size_t at;
  (void)ctx;
  if (n > sizeof pattern - 8 || (size_t)length != n + 5) return false;
  pcre2_code *code = compile(pattern, n + 5, caseless ? PCRE2_CASELESS : 0, &error, &at);
  pcre2_match_data *match = code ? pcre2_match_data_create(1, NULL) : NULL;
  for (int c = 0; c < 256; c++) all[c] = (char)c;
  for (size_t from = 0; match && pcre2_match(code, (PCRE2_SPTR)all, 256, from, 0, match, NULL) >= 0;) {
    const size_t *span = pcre2_get_ovector_pointer(match);
    for (at = span[0]; at < span[1]; at++) byteset_add(bytes, (uint8_t)at);
    from = span[1];
  }
  bool known = match != NULL;
  pcre2_match_data_free(match);
  pcre2_code_free(code);
  return known;
}

/* the pattern over many lines at once, if it can be had */
static void compile_lines(struct regex *re) {
  struct buf form;
  int error;
  size_t at;
  buf_heap(&form);
  uint32_t options = compile_options(re->flags & ~(unsigned)REGEX_DOTALL) | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX;
  options &= ~PCRE2_MATCH_INVALID_UTF;
  if (lineform(re->pattern, re->n, re->flags & REGEX_EXTENDED, &form) == 1) {
    const char *p = form.n ? (char *)form.p : "";
    re->lines = with_jit(compile(p, form.n, options, &error, &at));
    if (re->lines.code) re->start = with_jit(compile(p, form.n, options | PCRE2_ANCHORED, &error, &at));
  }
  buf_free(&form);
}

/* what matching by lines needs, made when it is first done */
static void prepare_lines(struct regex *re) {
  if (re->prepared) return;
  re->prepared = true;
  re->credit = SIGN_CREDIT;
  compile_lines(re);
  struct signform form = {.pattern = re->pattern,
                          .n = re->n,
                          .caseless = re->flags & REGEX_CASELESS,
                          .extended = re->flags & REGEX_EXTENDED,
                          .utf = re->flags & REGEX_UTF,
                          .bytes = bytes_of};
  re->has_prefilter = prefilter_make(&re->prefilter, &form, re->start.jit);
}

static int run(struct regex *re, const struct code *code, const char *text, size_t n, size_t from, uint32_t options) {
  int rc = PCRE2_ERROR_JIT_STACKLIMIT;
  PCRE2_SPTR subject = (PCRE2_SPTR)(n ? text : "");
  if (code->jit) rc = pcre2_jit_match(code->code, subject, n, from, options, re->match, re->context);
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
    if (code != &re->text) options |= PCRE2_NO_UTF_CHECK;
    rc = pcre2_match(code->code, subject, n, from, options | PCRE2_NO_JIT, re->match, re->context);
  }
  return rc == PCRE2_ERROR_NOMATCH ? 0 : rc < 0 ? rc : 1;
}

static int give_up(const struct regex *re, int error, struct why *why) {
  char text[256];
  pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
  if (error == PCRE2_ERROR_MATCHLIMIT)
    return why_set(
        why, "regex '%.*s%s' gave up: a match took more than %d steps; the pattern backtracks too much for this text",
        SHOWN(re->pattern, re->n), REGEX_MATCH_STEPS);
  return why_set(why, "regex '%.*s%s' gave up: %s", SHOWN(re->pattern, re->n), text);
}

static void shift(struct regex *re, size_t by) {
  for (unsigned i = 0; i < 2 * (re->groups + 1); i++)
    if (re->spans[i] != REGEX_UNSET) re->spans[i] += by;
}

static const char *line_end(const char *p, const char *end) {
  const char *nl = memchr(p, '\n', (size_t)(end - p));
  return nl ? nl : end;
}

/* {=== finding a line === */

static struct line line_around(const char *text, size_t n, size_t at) {
  const char *nl = memrchr(text, '\n', at);
  return (struct line){nl ? (size_t)(nl + 1 - text) : 0, (size_t)(line_end(text + at, text + n) - text)};
}

/* this line, as if there were no other */
static int search_line(struct regex *re, const char *text, struct line line, size_t from, uint32_t options) {
  int rc = run(re, &re->text, text + line.start, line.end - line.start, from - line.start, options);
  if (rc > 0) shift(re, line.start);
  if (rc < 0) re->failed = line;
  return rc;
}

/* one line after the other, beginning within the one that holds `from` */
static int search_each_line(struct regex *re, const char *text, size_t n, size_t from, uint32_t options) {
  for (;;) {
    struct line line = line_around(text, n, from);
    int rc = search_line(re, text, line, from, options);
    if (rc != 0 || line.end == n) return rc;
    from = line.end + 1;
    options &= ~PCRE2_NOTEMPTY_ATSTART;
  }
}

/* Is there a match, and where does it end? Groups are not to be relied on. many: many lines may be searched at once. */
static int search_all(struct regex *re, const char *text, size_t n, size_t from, uint32_t options, bool many) {
  int rc = many ? run(re, &re->lines, text, n, from, options) : -1;
  return rc >= 0 ? rc : search_each_line(re, text, n, from, options);
}

/* The place `at` shows the sign: is there a match that starts there, or else in its line? Where none does, *from is where to
** look on. */
static int try_place(struct regex *re, const char *text, size_t n, size_t at, size_t *from, uint32_t options,
                     bool many) {
  if (re->prefilter.starts && many) {
    int rc = run(re, &re->start, text, n, at, options);
    *from = at + 1;
    if (rc >= 0) return rc;
  }
  struct line line = line_around(text, n, at);
  int rc = search_line(re, text, line, *from > line.start && *from <= at ? *from : line.start, options);
  *from = line.end + 1;
  return rc;
}

static int search_signs(struct regex *re, const char *text, size_t n, size_t from, uint32_t options, bool many) {
  for (size_t at, end; from < n && (at = prefilter_find(&re->prefilter, text, n, from, &end)) < n;) {
    if (re->prefilter.exact) {
      re->spans[0] = at;
      re->spans[1] = end;
      return 1;
    }
    re->credit += (int64_t)(at - from);
    int rc = try_place(re, text, n, at, &from, options, many);
    if (rc != 0) return rc;
    options &= ~PCRE2_NOTEMPTY_ATSTART;
    re->credit -= SIGN_ALARM;
    if (re->credit < 0 && many) {
      re->rest = SIGN_REST;
      return search_all(re, text, n, from, options, many);
    }
    if (re->credit > SIGN_CREDIT) re->credit = SIGN_CREDIT;
  }
  return 0;
}

/* search_all, by the sign if there is one. valid: the text is valid UTF-8, or the pattern does not mind. */
static int find_line(struct regex *re, const char *text, size_t n, size_t from, uint32_t options, bool valid) {
  prepare_lines(re);
  bool many = valid && re->lines.code;
  if (re->has_prefilter && re->rest == 0) return search_signs(re, text, n, from, options, many);
  int rc = search_all(re, text, n, from, options, many);
  size_t done = (rc > 0 ? re->spans[1] : n) - from;
  if (re->rest > 0 && (re->rest -= done < re->rest ? done : re->rest) == 0) re->credit = SIGN_CREDIT;
  return rc;
}

/* the same with groups: those of the line by itself */
static int search_lines(struct regex *re, const char *text, size_t n, size_t from, uint32_t options) {
  int rc = find_line(re, text, n, from, options, !(re->flags & REGEX_UTF));
  if (rc <= 0 || re->groups == 0) return rc;
  struct line line = line_around(text, n, re->spans[1]);
  return search_line(re, text, line, line.start > from ? line.start : from, line.start > from ? 0 : options);
}

/* ===} */

/* the newline that ends the last line starts no further one */
static size_t lines_length(const char *text, size_t n) {
  return n && text[n - 1] == '\n' ? n - 1 : n;
}

/* \K reached through a subroutine may put the start of a match before `from` or behind its end */
static void straighten(struct regex *re, size_t from) {
  if (re->spans[0] > re->spans[1]) re->spans[0] = re->spans[1];
  if (re->spans[0] < from) re->spans[0] = from;
}

int regex_search(struct regex *re, const char *text, size_t n, size_t from, unsigned how, struct why *why) {
  if (how & REGEX_LINES) {
    if (n == 0) return 0;
    n = lines_length(text, n);
  }
  for (; from <= n; from++, how &= ~(unsigned)REGEX_ADVANCE) {
    uint32_t options = how & REGEX_ADVANCE ? PCRE2_NOTEMPTY_ATSTART : 0;
    int rc = how & REGEX_LINES ? search_lines(re, text, n, from, options) : run(re, &re->text, text, n, from, options);
    if (rc <= 0) return rc < 0 ? give_up(re, rc, why) : 0;
    straighten(re, from);
    if (!(how & REGEX_ADVANCE) || re->spans[1] > from) return 1;
  }
  return 0;
}

const size_t *regex_spans(const struct regex *re) {
  return re->spans;
}

int regex_is_utf(const struct regex *re) {
  return (re->flags & REGEX_UTF) != 0;
}

unsigned regex_groups(const struct regex *re) {
  return re->groups;
}

unsigned regex_name(const struct regex *re, unsigned i, const char **name) {
  uint32_t names = 0, entry = 0;
  PCRE2_SPTR table;
  pcre2_pattern_info(re->text.code, PCRE2_INFO_NAMECOUNT, &names);
  if (i >= names) return 0;
  pcre2_pattern_info(re->text.code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
  pcre2_pattern_info(re->text.code, PCRE2_INFO_NAMETABLE, &table);
  table += i * entry; /* two bytes of group number, then the name */
  *name = (const char *)table + 2;
  return (unsigned)table[0] << 8 | table[1];
}

int regex_count(struct regex *re, const char *text, size_t n, unsigned how, uint64_t *count, struct why *why) {
  for (size_t from = 0;; how |= REGEX_ADVANCE) {
    int rc = regex_search(re, text, n, from, how, why);
    if (rc <= 0) return rc;
    ++*count;
    from = re->spans[1];
  }
}

struct line regex_failed(const struct regex *re) {
  return re->failed;
}

int regex_next_line(struct regex *re, const char *text, size_t n, size_t from, unsigned how, struct line *line,
                    struct why *why) {
  if (n == 0 || from > (n = lines_length(text, n))) return 0;
  int rc = find_line(re, text, n, from, 0, !(re->flags & REGEX_UTF) || how & REGEX_VALID);
  if (rc == 0) return 0;
  if (rc > 0) *line = line_around(text, n, re->spans[1]);
  if (rc > 0 && how & REGEX_SPANS && re->groups > 0) rc = search_line(re, text, *line, line->start, 0);
  if (rc > 0) return 1;
  *line = re->failed;
  return give_up(re, rc, why);
}

int regex_count_lines(struct regex *re, const char *text, size_t n, uint64_t *count, struct why *why) {
  if (n == 0) return 0;
  n = lines_length(text, n);
  bool valid = !(re->flags & REGEX_UTF) || utf8_valid(text, n);
  for (size_t from = 0; from <= n;) {
    int rc = find_line(re, text, n, from, 0, valid);
    if (rc <= 0) return rc < 0 ? give_up(re, rc, why) : 0;
    ++*count;
    from = (size_t)(line_end(text + re->spans[1], text + n) - text) + 1;
  }
  return 0;
}

void regex_describe(struct regex *re, char *out, size_t size) {
  char sign[512];
  const char *variant;
  prepare_lines(re);
  const struct prefilter *f = &re->prefilter;
  if (!re->has_prefilter) {
    snprintf(out, size, "%s", re->lines.code ? "PCRE2 over the whole chunk" : "PCRE2 line by line");
    return;
  }
  prefilter_describe(f, sign, sizeof sign);
  simd_variant(0, &variant);
  snprintf(out, size, "%s by %s%s", sign, variant,
           f->exact    ? ""
           : f->starts ? ", then PCRE2 there"
                       : ", then PCRE2 on the line");
}
