/* mapping: show a range of a file as memory, safely.
**
** A mapped file that another process truncates raises SIGBUS in whoever reads the bytes that are gone. Here that is an ordinary
** error: while the reader runs, the signal leads back to mapping_read. The reader therefore must be plain C that holds nothing
** which would be lost when it is left in the middle: no memory, no lock, no Lua. In the last page of what is left of the file
** there is no signal, but zeros; so the file is looked at again behind the reader, too.
**
** What a reader has found in a mapping that broke is worth nothing: it may have been left in the middle of anything, or have
** seen zeros. Who wants what came before reads the file once more. */
#ifndef PAPY_SCAN_MAPPING_H
#define PAPY_SCAN_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "scan/file.h"

/* look at the n bytes at p; 0, or -1 with *why */
typedef int (*mapping_reader)(void *ctx, const char *p, size_t n, struct why *why);

enum {
  MAPPING_NONE = 1,  /* the file cannot be mapped: read it */
  MAPPING_BROKEN = 2 /* with *why: the file has become shorter */
};

/* Call the reader once with bytes first to last (inclusive) of the file. What it returns, or one of the above. */
int mapping_read(struct file *f, uint64_t first, uint64_t last, mapping_reader reader, void *ctx, struct why *why);

#endif
