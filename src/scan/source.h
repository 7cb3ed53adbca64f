/* source: a stream of bytes in parts, wherever it comes from: a descriptor, a file that grows, an archive.
**
** A part is what records do not cross: a file, a member of an archive, a log between two rotations. In Lua a source is a
** userdata of the metatable SOURCE_CLASS (made by bindings/lsource.c) that begins with this struct: so a loadable module can
** make sources without knowing who reads them. All functions but `close` need an open source. */
#ifndef PAPY_SCAN_SOURCE_H
#define PAPY_SCAN_SOURCE_H

#include <stddef.h>

#include "scan/why.h"

#define SOURCE_CLASS "papy.source"

/* what `read` answers besides a number of bytes */
enum {
  SOURCE_BROKEN = -1, /* with *why; nothing comes after it */
  SOURCE_LATER = -2   /* nothing now, but the part has not ended */
};

struct source {
  /* Go to the next part, to the first before anything is read. 1; 0: there is none; SOURCE_LATER; SOURCE_BROKEN with *why */
  int (*part)(struct source *s, struct why *why);
  /* at most n bytes of the part: how many; 0: the part has ended; or one of the above */
  long (*read)(struct source *s, void *to, size_t n, struct why *why);
  /* give back what it holds; may be called again */
  void (*close)(struct source *s);
  const char *name; /* of the part, for people; the source's own */
  int fd;           /* readable when `read` has something to say; -1: always */
  double wait;      /* without an fd: seconds after which SOURCE_LATER is worth another look */
  double quiet; /* seconds after which a record that might go on is taken as whole; 0: only the end of the part tells */
};

#endif
