/* reader: sources that read one descriptor from where it stands to its end: pipes, terminals, files that do not know their size.
** A descriptor that may have nothing yet is asked first, so that a read never waits. */
#ifndef PAPY_SCAN_READER_H
#define PAPY_SCAN_READER_H

#include "scan/source.h"

struct reader {
  struct source source;
  int fd, begun;
  int waits;         /* it may have nothing yet */
  const char *ahead; /* bytes that come first, borrowed */
  size_t ahead_n;
};

/* Take over the descriptor. name and ahead (ahead_n bytes of it, read from the descriptor before) are borrowed for the life of
** the reader. */
void reader_init(struct reader *r, int fd, const char *name, const char *ahead, size_t ahead_n);

#endif
