/* follow: a source that stays with a log: what is appended to it, and the next file that is given its name.
**
** Each file is a part. A file that was renamed or deleted is read to its end as soon as another one has its name, and not before:
** who writes it may still do so. A file that has become shorter than what was read of it begins anew, as a new part.
** A name without a file is waited for. There is no end. */
#ifndef PAPY_SCAN_FOLLOW_H
#define PAPY_SCAN_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/file.h"
#include "scan/source.h"

struct follow {
  struct source source;
  int fd; /* -1: none yet */
  struct file_id id;
  uint64_t at;
  bool at_end; /* the first file is read from its end on */
};

/* path is borrowed for the life of the source. at_end: what the first file holds already is passed over, to the end of its
** last whole line. wait: seconds between two looks. */
void follow_init(struct follow *f, const char *path, bool at_end, double wait);

#endif
