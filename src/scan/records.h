/* records: a text of whole lines, record by record.
**
** A record is a line, or, with a regex `start`, a run of lines: it begins at a line that matches and ends before the
** next one. What stands before the first such line of a file (or of a part of a source) is a record, too. So where
** records end does not depend on where a file was cut. */
#ifndef PAPY_SCAN_RECORDS_H
#define PAPY_SCAN_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/file.h"
#include "scan/why.h"

struct buf;
struct regex;

struct records {
  const char *text;
  size_t n, at;        /* the next record begins at text[at] */
  struct regex *start; /* borrowed; NULL: a record is a line */
};

static inline void records_begin(struct records *r, const char *text, size_t n, struct regex *start) {
  *r = (struct records){text, n, 0, start};
}
/* The next record, without its last newline and a carriage return before it. 1; 0 at the end; -1 with *why: the regex gave up. */
int records_next(struct records *r, const char **p, size_t *len, struct why *why);

/* The records that begin in the range `first` to `last` of the file (inclusive; whole lines): where the first begins and the last
** ends, which may be behind `last`. size: of the file, as far as it counts. 1; 0: none begins there; -1 with *why. */
int records_of_range(struct file *f, uint64_t size, uint64_t *first, uint64_t *last, struct regex *start,
                     struct buf *buf, struct why *why);

#endif
