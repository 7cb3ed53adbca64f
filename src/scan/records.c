/* A chunk owns the records that begin in it. So the worker that has the chunk looks for the first line in it that begins a
** record, and behind its end for the next one; what lies before is its neighbour's. Nothing needs to be known of
** other chunks, and nothing of the file is read twice but the rest of a chunk's last record. */
#include "scan/records.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "scan/pieces.h"
#include "scan/regex.h"

/* The first line that matches among those that begin at text[from] or later (where a line begins). 1 with *at, where it
** begins; 0; -1 with *why */
static int find(struct regex *start, const char *text, size_t n, size_t from, size_t *at, struct why *why) {
  struct line line;
  int rc = from < n ? regex_next_line(start, text, n, from, REGEX_LINES, &line, why) : 0;
  if (rc > 0) *at = line.start;
  return rc;
}

static size_t line_end(const char *text, size_t n, size_t from) {
  const char *nl = memchr(text + from, '\n', n - from);
  return nl ? (size_t)(nl + 1 - text) : n;
}

int records_next(struct records *r, const char **p, size_t *len, struct why *why) {
  if (r->at >= r->n) return 0;
  size_t from = r->at, end = line_end(r->text, r->n, from);
  if (r->start) {
    int rc = find(r->start, r->text, r->n, end, &end, why);
    if (rc < 0) return -1;
    if (rc == 0) end = r->n;
  }
  r->at = end;
  if (end > from && r->text[end - 1] == '\n') end--;
  if (end > from && r->text[end - 1] == '\r' && end < r->at) end--;
  *p = r->text + from;
  *len = end - from;
  return 1;
}

/* the first line of the range that begins a record */
static int find_in_range(struct file *f, uint64_t first, uint64_t last, size_t step, struct regex *start,
                         struct buf *buf, uint64_t *at, struct why *why) {
  struct pieces s;
  const char *p;
  size_t n, where;
  int rc;
  pieces_start(&s, f, first, last, buf);
  s.step = step;
  for (uint64_t from = first; (rc = pieces_next(&s, &p, &n, why)) > 0; from += n) {
    rc = find(start, p, n, 0, &where, why);
    if (rc > 0) *at = from + where;
    if (rc != 0) break;
  }
  return rc;
}

int records_of_range(struct file *f, uint64_t size, uint64_t *first, uint64_t *last, struct regex *start,
                     struct buf *buf, struct why *why) {
  uint64_t next;
  if (*first > 0) {
    int rc = find_in_range(f, *first, *last, READ_LOOK, start, buf, first, why);
    if (rc <= 0) return rc;
  }
  if (*last + 1 < size) {
    int rc = find_in_range(f, *last + 1, size - 1, READ_LOOK, start, buf, &next, why);
    if (rc < 0) return -1;
    *last = (rc > 0 ? next : size) - 1;
  }
  return 1;
}
