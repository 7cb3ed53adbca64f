/* csvcut: where the records of csv end, which may have newlines in quoted fields.
**
** A record ends at the first newline outside quotes. As in csv.c, a quote opens at the beginning of a field only, and a quote
** elsewhere in an unquoted field is itself. What is inside quotes is told from a slip of the pen by its end: the closing
** quote must be followed by the separator or by the end of the record, and stand less than CSV_RECORD_MOST bytes behind the
** record's beginning. A quote that opens and is not closed in this way ends with its line, where the next record begins: so a
** stray quote costs its line, never what follows, and no record with newlines is longer than that. A mark of UTF-8 may
** stand before the first field.
**
** This does not depend on what comes before the record; so whoever knows where one begins can go on from there. */
#ifndef PAPY_SCAN_CSVCUT_H
#define PAPY_SCAN_CSVCUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSVCUT_WINDOWS 32 /* of 64 bytes, looked at together */
#define CSVCUT_AHEAD 2    /* places written whether there are so many or not */

struct csvcut;

/* see scan/csvcut_loop.h */
typedef unsigned (*csvcut_scan)(struct csvcut *c, const char *p, unsigned windows);

struct csvcut {
  csvcut_scan scan;
  char separator;
  ptrdiff_t most; /* CSV_RECORD_MOST; tests set it */
  const char *end;
  bool whole;            /* does the last record end with the text, if not before? */
  const char *record;    /* the next one begins here */
  const char *unseen;    /* what was not looked at yet begins here */
  const char *base;      /* What was looked at last begins here; newlines that end records in it, */
  unsigned ends, at;     /* how many, and how many of them were given; */
  bool odd;              /* and behind them a record begins that is not plainly well-formed: its place is the next. */
  uint64_t inside;       /* Is the byte before the unseen ones quoted, or an opening quote? (all bits) */
  uint64_t may_open;     /* May a quote open behind it? */
  uint64_t closed, back; /* Is it a closing quote, or a carriage return behind one? */
  uint16_t place[CSVCUT_WINDOWS * 64 + CSVCUT_AHEAD];
};

/* separator: a byte other than quote, carriage return and newline */
void csvcut_init(struct csvcut *c, char separator);
/* Records of the text, the first of which begins with it. whole: they end with it; else the text may be cut off in the last. */
void csvcut_begin(struct csvcut *c, const char *text, size_t n, bool whole);
/* the same, where the end was not found yet */
const char *csvcut_look(struct csvcut *c);
/* Behind the end of the next record, with its newline; NULL at the end: what is left (from c->record) is nothing, or it is not
** known where the record ends. */
static inline const char *csvcut_next(struct csvcut *c) {
  const char *end = c->base + c->place[c->at] + 1;
  if (c->at == c->ends || end - c->record > c->most) return csvcut_look(c);
  c->at++;
  return c->record = end;
}

/* Where does the first record begin in a text cut off at a line's beginning, perhaps inside quotes? A guess, by which of the two
** leaves the quotes well-formed for longer: an offset, 0 where nothing speaks against it, n where none begins. */
size_t csvcut_guess(struct csvcut *c, const char *text, size_t n);

/* the loops that this machine can run, the best first; NULL behind the last (for tests) */
csvcut_scan csvcut_scan_at(unsigned i);

#endif
