/* Only a record with a quote that is not where it should be is walked through field by field, in record_end, which is the rule itself;
** the others end where csvcut_loop.h finds it. (Lines of 50 bytes with 4 quotes: searching the newline of each costs as much.) */
#include "scan/csvcut.h"

#include <string.h>

#include "base/limits.h"

void csvcut_init(struct csvcut *c, char separator) {
  *c = (struct csvcut){.scan = csvcut_scan_at(0), .separator = separator, .most = CSV_RECORD_MOST};
}

/* a record begins here */
static void go_on_at(struct csvcut *c, const char *p) {
  c->record = c->unseen = c->base = p;
  c->inside = c->closed = c->back = 0;
  c->at = c->ends = 0;
  c->odd = false;
  c->may_open = 1;
}

void csvcut_begin(struct csvcut *c, const char *text, size_t n, bool whole) {
  c->end = text + n;
  c->whole = whole;
  go_on_at(c, text);
}

/* {=== the rule === */

enum closing { CLOSED, SLIP, UNKNOWN };

/* what a closing quote before p is */
static enum closing closes(const struct csvcut *c, const char *p) {
  if (p < c->end && *p == c->separator) return CLOSED;
  if (p < c->end && *p == '\r') p++;
  if (p == c->end) return c->whole ? CLOSED : UNKNOWN;
  return *p == '\n' ? CLOSED : SLIP;
}

/* the quoted text that begins at *p: looks for its quote up to `stop`, and moves *p behind it */
static enum closing find_closing(const struct csvcut *c, const char **p, const char *stop) {
  const char *q = *p;
  while (q < stop && (q = memchr(q, '"', (size_t)(stop - q))) != NULL) {
    *p = q + 1;
    if (*p == c->end || **p != '"') return closes(c, *p);
    q += 2;
  }
  return stop < c->end || c->whole ? SLIP : UNKNOWN;
}

static const char *line_end(const struct csvcut *c, const char *p) {
  const char *nl = memchr(p, '\n', (size_t)(c->end - p));
  return nl ? nl + 1 : c->whole ? c->end : NULL;
}

/* the end of a record whose next field begins at p, and whose quotes must be closed before `stop`; NULL: not known */
static const char *fields_end(const struct csvcut *c, const char *p, const char *stop) {
  for (;; p++) {
    if (p < c->end && *p == '"') {
      const char *opens = p++;
      enum closing closing = find_closing(c, &p, stop);
      if (closing == SLIP) return line_end(c, opens);
      if (closing == UNKNOWN) return NULL;
    }
    while (p < c->end && *p != c->separator && *p != '\n') p++;
    if (p == c->end) return c->whole ? p : NULL;
    if (*p == '\n') return p + 1;
  }
}

static const char *record_end(const struct csvcut *c, const char *p) {
  const char *stop = c->end - p > c->most ? p + c->most : c->end;
  bool has_mark = c->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
  return fields_end(c, has_mark ? p + 3 : p, stop);
}

/* the next record by the rule */
static const char *walk(struct csvcut *c) {
  const char *end = c->record < c->end ? record_end(c, c->record) : NULL;
  if (end) go_on_at(c, end);
  return end;
}

/* ===} {=== windows === */

/* the last bytes, with zeros behind them */
static void scan_rest(struct csvcut *c, size_t n) {
  char copy[64] = {0};
  memcpy(copy, c->unseen, n);
  c->scan(c, copy, 1);
  c->unseen = c->end;
}

static void scan(struct csvcut *c) {
  size_t n = (size_t)(c->end - c->unseen), windows = n / 64;
  c->base = c->unseen;
  if (windows == 0) {
    scan_rest(c, n);
  } else {
    c->unseen += (size_t)64 * c->scan(c, c->unseen, windows < CSVCUT_WINDOWS ? (unsigned)windows : CSVCUT_WINDOWS);
  }
}

const char *csvcut_look(struct csvcut *c) {
  while (c->at == c->ends) {
    if (c->odd || c->unseen == c->end || (c->inside && c->unseen - c->record > c->most)) return walk(c);
    scan(c);
  }
  return c->base + c->place[c->at] + 1 - c->record > c->most ? walk(c) : csvcut_next(c);
}

/* ===} */

/* How far the text is well-formed if it begins inside quotes, or outside; *first: behind the first end of a record, n for none. */
static size_t well_formed(struct csvcut *c, const char *text, size_t n, bool inside, size_t *first) {
  csvcut_begin(c, text, n, false);
  c->inside = inside ? UINT64_MAX : 0;
  for (*first = n; !c->odd && c->unseen < c->end;) {
    scan(c);
    if (*first == n && c->ends > 0) *first = (size_t)(c->base - text) + c->place[0] + 1;
  }
  return c->odd ? (size_t)(c->base - text) + c->place[c->ends] : n;
}

size_t csvcut_guess(struct csvcut *c, const char *text, size_t n) {
  size_t first, other;
  return well_formed(c, text, n, false, &other) < well_formed(c, text, n, true, &first) ? first : 0;
}
