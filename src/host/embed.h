/* embed: papy's own Lua sources inside the binary. embed.sh writes the table into the build directory. */
#ifndef PAPY_HOST_EMBED_H
#define PAPY_HOST_EMBED_H

#include <stddef.h>

struct embed {
  const char *path; /* "lua/numap.lua", "stdlib/papy/workers.lua" */
  const char *text;
  size_t n;
};

/* sorted by path */
extern const struct embed embed_files[];
extern const size_t embed_count;

#endif
