/* lchunks_read: the bytes of chunks: in one place, as text, line by line, or shown to a reader.
**
** Whoever only looks at the bytes once is shown them mapped, or piece by piece through one buffer of the state. Other
** matching needs them in one place, which is a block of Lua memory remembered weakly, so that asking again for the same chunk
** soon is cheap and forgotten chunks cost nothing. */
#include <string.h>

#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/lchunks.h"
#include "bindings/ltext.h"
#include "scan/pieces.h"
#include "scan/regex.h"

#define LINES "papy.chunk.lines"
#define BYTES "papy.chunk.bytes" /* registry: chunk -> block with its bytes, both weak */

/* {=== in one place === */

/* read the whole chunk; nothing here raises while the file is held */
static int read_chunk(struct here *h, const struct chunk *c, void *to, struct why *why) {
  struct file *f = files_find(&h->files, &c->ref, why);
  if (!f) return -1;
  int rc = file_read(f, c->first, to, chunk_length(c), why);
  file_let(&h->files, f);
  return rc;
}

/* push the block with the bytes of the chunk at idx */
static const char *push_bytes(lua_State *L, int idx) {
  struct why why;
  struct chunk *c = chunk_check(L, idx);
  idx = lua_absindex(L, idx);
  lua_getfield(L, LUA_REGISTRYINDEX, BYTES);
  lua_pushvalue(L, idx);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 1);
    void *block = lua_newuserdatauv(L, chunk_length(c) + REGEX_BEYOND, 0);
    if (read_chunk(chunks_here(L), c, block, &why) != 0) luaL_error(L, "%s", why.text);
    lua_pushvalue(L, idx);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_replace(L, -2);
  return lua_touserdata(L, -1);
}

void subject_arg(lua_State *L, int idx, struct subject *text) {
  if (luaL_testudata(L, idx, CHUNK_CLASS)) {
    text->p = push_bytes(L, idx);
    text->n = chunk_length(chunk_check(L, idx));
    text->how = REGEX_LINES;
  } else {
    if (!lua_isstring(L, idx)) luaL_typeerror(L, idx, "string or chunk");
    text->p = lua_tolstring(L, idx, &text->n);
    text->how = 0;
    lua_pushvalue(L, idx);
  }
}

/* chunk:text() -> the bytes as a string */
static int f_text(lua_State *L) {
  struct why why;
  struct chunk *c = chunk_check(L, 1);
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, chunk_length(c));
  if (read_chunk(chunks_here(L), c, to, &why) != 0) return luaL_error(L, "%s", why.text);
  luaL_pushresultsize(&b, chunk_length(c));
  return 1;
}

/* ===} {=== shown === */

static int show_pieces(struct here *h, const struct chunk *c, struct file *f, mapping_reader reader, void *ctx,
                       struct why *why) {
  struct pieces pieces;
  const char *p;
  size_t size;
  int rc, refused = 0;
  pieces_start(&pieces, f, c->first, c->last, &h->pieces);
  while (!refused && (rc = pieces_next(&pieces, &p, &size, why)) > 0) refused = reader(ctx, p, size, why) != 0;
  if (h->pieces.cap > PIECES_KEPT) buf_free(&h->pieces); /* one line was huge; that is no reason to stay so */
  return refused ? SHOW_REFUSED : rc < 0 ? SHOW_UNREADABLE : 0;
}

int chunk_show(lua_State *L, int idx, int still, mapping_reader reader, void *ctx, struct why *why) {
  struct here *h = chunks_here(L);
  const struct chunk *c = chunk_check(L, idx);
  struct file *f = files_find(&h->files, &c->ref, why);
  if (!f) return SHOW_UNREADABLE;
  int rc = chunk_length(c) > 0 && !still ? mapping_read(f, c->first, c->last, reader, ctx, why) : MAPPING_NONE;
  if (rc == MAPPING_NONE) rc = show_pieces(h, c, f, reader, ctx, why);
  file_let(&h->files, f);
  return rc == MAPPING_BROKEN ? SHOW_TORN : rc;
}

struct file *chunk_hold(lua_State *L, int idx, uint64_t *first, uint64_t *last, uint64_t *size, struct why *why) {
  const struct chunk *c = chunk_check(L, idx);
  *first = c->first;
  *last = c->last;
  *size = c->ref.size;
  return files_find(&chunks_here(L)->files, &c->ref, why);
}

void chunk_let(lua_State *L, struct file *f) {
  file_let(&chunks_here(L)->files, f);
}

/* ===} {=== lines === */

struct lines {
  struct file *file; /* held; NULL: closed */
  struct pieces pieces;
  struct buf buf;
  const char *at, *end;
};

static void lines_close(lua_State *L, struct lines *s) {
  if (s->file) file_let(&chunks_here(L)->files, s->file);
  s->file = NULL;
  s->at = s->end;
  buf_free(&s->buf);
}

static int l_gc(lua_State *L) {
  lines_close(L, luaL_checkudata(L, 1, LINES));
  return 0;
}

/* upvalue 1: struct lines */
static int lines_step(lua_State *L) {
  struct lines *s = lua_touserdata(L, lua_upvalueindex(1));
  struct why why;
  if (s->file && s->at == s->end) {
    size_t n = 0;
    int rc = pieces_next(&s->pieces, &s->at, &n, &why);
    s->end = s->at + n;
    if (rc <= 0) lines_close(L, s);
    if (rc < 0) return luaL_error(L, "%s", why.text);
  }
  if (!s->file) {
    lua_pushnil(L);
    return 1;
  }
  const char *nl = memchr(s->at, '\n', (size_t)(s->end - s->at)), *stop = nl ? nl : s->end;
  lua_pushlstring(L, s->at, (size_t)(stop - s->at));
  s->at = nl ? nl + 1 : stop;
  return 1;
}

/* for line in chunk:lines()   lines without their newline (a carriage return before it stays) */
static int f_lines(lua_State *L) {
  struct why why;
  struct chunk *c = chunk_check(L, 1);
  struct lines *s = lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s);
  buf_heap(&s->buf);
  luaL_setmetatable(L, LINES);
  s->file = files_find(&chunks_here(L)->files, &c->ref, &why);
  if (!s->file) return luaL_error(L, "%s", why.text);
  pieces_start(&s->pieces, s->file, c->first, c->last, &s->buf);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, lines_step, 1);
  return for_values(L);
}

/* ===} */

static const luaL_Reg methods[] = {{"text", f_text}, {"lines", f_lines}, {NULL, NULL}};
static const luaL_Reg lines_metamethods[] = {{"__gc", l_gc}, {"__close", l_gc}, {NULL, NULL}};

static void open_bytes(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "kv");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, BYTES);
}

void chunk_add_reading(lua_State *L) {
  open_bytes(L);
  luaL_newmetatable(L, LINES);
  luaL_setfuncs(L, lines_metamethods, 0);
  lua_pop(L, 1);
  luaL_setfuncs(L, methods, 0);
}
