/* tempfile: a file without a name, for what does not fit in memory.
**
** It is unlinked before anything is in it, so it goes with the process, however that ends. It is written at its end and
** read anywhere. A disk that is full is an error that says where. */
#ifndef PAPY_SCAN_TEMPFILE_H
#define PAPY_SCAN_TEMPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/why.h"

struct tempfile {
  int fd; /* -1: none */
  uint64_t end;
  char dir[128]; /* for messages; cut when longer */
};

/* dir: where, NULL: $TMPDIR or /tmp. 0, or -1 with *why */
int tempfile_open(struct tempfile *f, const char *dir, struct why *why);
void tempfile_close(struct tempfile *f);
/* what was written behind `end` is taken back */
void tempfile_cut(struct tempfile *f, uint64_t end);
int tempfile_append(struct tempfile *f, const void *p, size_t n, struct why *why);
/* exactly n bytes, written before */
int tempfile_read(const struct tempfile *f, uint64_t at, void *to, size_t n, struct why *why);

#endif
