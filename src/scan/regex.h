/* regex: patterns matched by PCRE2, compiled to machine code.
**
** A regex owns what a match needs (code, match data, JIT stack, limits), so it belongs to one thread at a time; the
** spans of the last match stand in it until the next call.
** Matched "by lines" (REGEX_LINES), a regex never sees beyond a line: `^` and `$` are at each line's ends, nothing
** crosses a newline, a newline at the end of the text starts no further line. The result is that of matching each line
** alone, without its newline, which makes it independent of where a file was cut.
** Text is bytes, of any value; with REGEX_UTF it is UTF-8, and what is not valid UTF-8 in it matches nothing. */
#ifndef PAPY_SCAN_REGEX_H
#define PAPY_SCAN_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "scan/why.h"

enum {                      /* flags: letters of a pattern */
       REGEX_CASELESS = 1,  /* i */
       REGEX_MULTILINE = 2, /* m: ^ and $ also at newlines within the text */
       REGEX_DOTALL = 4,    /* s: dot matches newline, too */
       REGEX_EXTENDED = 8,  /* x: blanks and #comments in the pattern are ignored */
       REGEX_UTF = 16       /* u: UTF-8; \w, \d, \b and classes know Unicode */
};

enum {                    /* how to match */
       REGEX_LINES = 1,   /* by lines, see above */
       REGEX_ADVANCE = 2, /* no empty match at the start: for going on behind a match */
       REGEX_SPANS = 4,   /* regex_next_line: the spans are wanted, too */
       REGEX_VALID = 8    /* regex_next_line: the caller knows the text to be valid UTF-8 (see scan/utf8.h) */
};

#define REGEX_UNSET SIZE_MAX /* both ends of a group that took no part */

/* PCRE2 relies on what it found to be valid UTF-8, and at the end of a text its JIT (10.42) looks beyond it, for \b: with
** REGEX_UTF, a text must not change meanwhile and have so many readable bytes behind it. */
#define REGEX_BEYOND 4

struct regex;

/* flags from letters, in any order; -1 with *why on an unknown letter */
int regex_flags(const char *letters, size_t n, struct why *why);
/* the letters of flags, in the order imsxu; out has room for 6 bytes */
void regex_letters(unsigned flags, char *out);

/* NULL with *why, which names the pattern and the place in it, counted from 1 */
struct regex *regex_new(const char *pattern, size_t n, unsigned flags, struct why *why);
void regex_free(struct regex *re);

/* does it match UTF-8? */
int regex_is_utf(const struct regex *re);

/* Search text[0..n-1] from offset `from` on for the first match. 1, 0, or -1 with *why: the match took more steps or
** memory than one match may. */
int regex_search(struct regex *re, const char *text, size_t n, size_t from, unsigned how, struct why *why);
/* Groups of the last match, 2 offsets each, end exclusive; group 0 is the match. Their number is regex_groups()+1. */
const size_t *regex_spans(const struct regex *re);
unsigned regex_groups(const struct regex *re);
/* the i-th named group, i from 0, in alphabetical order; its number, or 0 behind the last */
unsigned regex_name(const struct regex *re, unsigned i, const char **name);

/* add the number of matches that do not overlap; how: REGEX_LINES or 0. 0, or -1 with *why */
int regex_count(struct regex *re, const char *text, size_t n, unsigned how, uint64_t *count, struct why *why);
/* a line of a text: offsets, without its newline */
struct line {
  size_t start, end;
};

/* Find the next line that matches, in text[from..n-1]; `from` is where a line starts. 1 with *line, and with how =
** REGEX_SPANS the line's first match in regex_spans, offsets of the text; go on at line->end + 1. 0 when there is none.
** -1 with *why and the *line whose match took more steps or memory than one may; whoever wants to do without it goes on
** at line->end + 1.
** A pattern with the flag u is searched fast only with REGEX_VALID; its text must not change meanwhile and have
** REGEX_BEYOND readable bytes behind it, so it is never a mapping. */
int regex_next_line(struct regex *re, const char *text, size_t n, size_t from, unsigned how, struct line *line,
                    struct why *why);
/* add the number of lines that match, as grep -c does. 0, or -1 with *why */
int regex_count_lines(struct regex *re, const char *text, size_t n, uint64_t *count, struct why *why);
/* the line whose match failed, after an error of any function that matches by lines */
struct line regex_failed(const struct regex *re);
/* Say in a few words how lines are searched: what is looked for before PCRE2 is asked. Cut off at `size` bytes. */
void regex_describe(struct regex *re, char *out, size_t size);

#endif
