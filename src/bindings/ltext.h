/* ltext: what regexes, chunks and flows know of each other: a regex as an argument, a text that may be a chunk, its bytes. */
#ifndef PAPY_BINDINGS_LTEXT_H
#define PAPY_BINDINGS_LTEXT_H

#include <lua.h>
#include <stddef.h>

#include "scan/mapping.h"

struct file;
struct regex;

/* The regex at idx: a regex, or a pattern without flags, which is then replaced by its (kept) regex. Raises else. */
struct regex *regex_arg(lua_State *L, int idx);

struct subject {
  const char *p;
  size_t n;
  unsigned how; /* REGEX_LINES for a chunk, 0 for a string */
};

/* The text at idx: a string, or a chunk, whose bytes are read. Pushes one value that keeps the bytes in place (they are
** not copied into a Lua string). Raises when the chunk cannot be read. */
void subject_arg(lua_State *L, int idx, struct subject *text);

enum {
  SHOW_REFUSED = -1,    /* the reader's: *why is its */
  SHOW_UNREADABLE = -2, /* with *why; what was shown came before */
  SHOW_TORN = 1         /* the file has shrunk under the reader: what it found is worth nothing; show it again, still */
};

/* Show the bytes of the chunk at idx to a reader, which must be plain C that may be left in the middle and never calls Lua
** (scan/mapping.h): all at once, mapped, or where that cannot be, or with `still` (bytes that must not change while they are
** looked at), in runs of whole lines. 0, or one of the above. */
int chunk_show(lua_State *L, int idx, int still, mapping_reader reader, void *ctx, struct why *why);

/* the number of matches in the chunk at idx, read piece by piece; -1 when there is no chunk at idx */
lua_Integer chunk_matches(lua_State *L, int idx, struct regex *re);

/* The file of the chunk at idx, the chunk's range in it, and the size that the file had; held until chunk_let. NULL with
** *why. For whoever reads it himself. */
struct file *chunk_hold(lua_State *L, int idx, uint64_t *first, uint64_t *last, uint64_t *size, struct why *why);
void chunk_let(lua_State *L, struct file *f);

#endif
