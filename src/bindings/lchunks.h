/* lchunks: chunks as the bindings see them. Shared by lchunks.c (what a chunk is, cutting), lchunks_read.c (its bytes) and
** lchunks_count.c (what matches in it); who has other business with chunks finds it in ltext.h. */
#ifndef PAPY_BINDINGS_LCHUNKS_H
#define PAPY_BINDINGS_LCHUNKS_H

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "scan/file.h"

#define CHUNK_CLASS "papy.chunk"

struct chunk {
  uint64_t first, last;
  struct file_ref ref; /* ref.path is path below */
  char path[];
};

/* what a Lua state reads chunks with */
struct here {
  struct files files;
  struct buf pieces;
};

/* lchunks.c */
struct here *chunks_here(lua_State *L);
/* the chunk at idx; raises when there is none */
struct chunk *chunk_check(lua_State *L, int idx);
static inline size_t chunk_length(const struct chunk *c) { return (size_t)(c->last - c->first + 1); }

/* lchunks_read.c: add the methods that give bytes to those on top of the stack */
void chunk_add_reading(lua_State *L);

/* lchunks_count.c: add the methods that take a regex */
void chunk_add_counting(lua_State *L);
/* a function of core.chunks */
int chunk_count_records(lua_State *L);

#endif
