/* lchunks: files cut at newlines, for Lua.
**
** A chunk is small data that says where its bytes are (file, first, last), and how any process finds the file again
** (scan/file.h); bytes are read where they are used, from a file held only while they are. Counting reads piece by
** piece through one buffer of the state; other matching needs the bytes in one place, which is a block of Lua memory
** remembered weakly, so that asking again for the same chunk soon is cheap and forgotten chunks cost nothing.
**
** Every Lua state has its own open files (the userdata HERE in the registry): workers forked from it inherit them, and
** thread workers share nothing. It is made before anything that holds a file and therefore finalized after it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/ltext.h"
#include "codec/codec.h"
#include "scan/chunks.h"
#include "scan/file.h"
#include "scan/mapping.h"
#include "scan/pieces.h"
#include "scan/records.h"
#include "scan/regex.h"

#define CHUNK "papy.chunk"
#define CHUNKS "papy.chunks"
#define LINES "papy.chunk.lines"
#define HERE "papy.files"
#define BYTES "papy.chunk.bytes" /* registry: chunk -> block with its bytes, both weak */

struct here {
  struct files files;
  struct buf pieces;
};

struct chunk {
  uint64_t first, last;
  struct file_ref ref; /* ref.path is path below */
  char path[];
};

static struct here *here(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, HERE);
  struct here *h = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return h;
}

static struct chunk *tochunk(lua_State *L, int idx) {
  return luaL_checkudata(L, idx, CHUNK);
}

static size_t length(const struct chunk *c) {
  return (size_t)(c->last - c->first + 1);
}

static void push_chunk(lua_State *L, const struct file_ref *ref, uint64_t first, uint64_t last) {
  size_t n = strlen(ref->path) + 1;
  struct chunk *c = lua_newuserdatauv(L, sizeof *c + n, 0);
  *c = (struct chunk){.first = first, .last = last, .ref = *ref};
  c->ref.path = memcpy(c->path, ref->path, n);
  luaL_setmetatable(L, CHUNK);
}

/* {=== the bytes of a chunk === */

/* read the whole chunk; nothing here raises while the file is held */
static int read_chunk(struct here *h, const struct chunk *c, void *to, struct why *why) {
  struct file *f = files_find(&h->files, &c->ref, why);
  if (!f) return -1;
  int rc = file_read(f, c->first, to, length(c), why);
  file_let(&h->files, f);
  return rc;
}

/* push the block with the bytes of the chunk at idx */
static const char *push_bytes(lua_State *L, int idx) {
  struct why why;
  struct chunk *c = tochunk(L, idx);
  idx = lua_absindex(L, idx);
  lua_getfield(L, LUA_REGISTRYINDEX, BYTES);
  lua_pushvalue(L, idx);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 1);
    void *block = lua_newuserdatauv(L, length(c) + REGEX_BEYOND, 0);
    if (read_chunk(here(L), c, block, &why) != 0) luaL_error(L, "%s", why.text);
    lua_pushvalue(L, idx);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_replace(L, -2);
  return lua_touserdata(L, -1);
}

void subject_arg(lua_State *L, int idx, struct subject *text) {
  if (luaL_testudata(L, idx, CHUNK)) {
    text->p = push_bytes(L, idx);
    text->n = length(tochunk(L, idx));
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
  struct chunk *c = tochunk(L, 1);
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, length(c));
  if (read_chunk(here(L), c, to, &why) != 0) return luaL_error(L, "%s", why.text);
  luaL_pushresultsize(&b, length(c));
  return 1;
}

/* ===} {=== counting === */

/* what is counted, and how far the count is */
struct tally {
  const struct chunk *chunk;
  struct regex *re;
  int by_match, skip; /* skip: a line that PCRE2 gives up on is counted as failed, else it is an error */
  uint64_t n, failed;
  uint64_t done; /* bytes before those looked at */
};

/* the sentence begins with where it happened */
static int name_line(const struct tally *t, size_t at, struct why *why) {
  struct why reason = *why;
  uint64_t byte = t->chunk->first + t->done + at;
  return why_set(why, "%.300s, line at byte %" PRIu64 ": %.650s", t->chunk->path, byte, reason.text);
}

static int add(void *ctx, const char *p, size_t size, struct why *why) {
  struct tally *t = ctx;
  for (size_t at = 0; at < size; at += regex_failed(t->re).end + 1, t->failed++) {
    int rc = t->by_match ? regex_count(t->re, p + at, size - at, REGEX_LINES, &t->n, why)
                         : regex_count_lines(t->re, p + at, size - at, &t->n, why);
    if (rc == 0) break;
    if (!t->skip) return name_line(t, at + regex_failed(t->re).start, why);
  }
  t->done += size;
  return 0;
}

static int show_pieces(struct here *h, const struct chunk *c, struct file *f, mapping_reader reader, void *ctx,
                       struct why *why) {
  struct pieces pieces;
  const char *p;
  size_t size;
  int rc;
  pieces_start(&pieces, f, c->first, c->last, &h->pieces);
  while ((rc = pieces_next(&pieces, &p, &size, why)) > 0)
    if (reader(ctx, p, size, why) != 0) {
      rc = -1;
      break;
    }
  if (h->pieces.cap > PIECES_KEPT) buf_free(&h->pieces); /* one line was huge; that is no reason to stay so */
  return rc;
}

static int show(struct here *h, const struct chunk *c, int still, mapping_reader reader, void *ctx, struct why *why) {
  struct file *f = files_find(&h->files, &c->ref, why);
  if (!f) return -1;
  int rc = length(c) > 0 && !still ? mapping_read(f, c->first, c->last, reader, ctx, why) : 1;
  if (rc > 0) rc = show_pieces(h, c, f, reader, ctx, why);
  file_let(&h->files, f);
  return rc;
}

int chunk_show(lua_State *L, int idx, int still, mapping_reader reader, void *ctx, struct why *why) {
  return show(here(L), tochunk(L, idx), still, reader, ctx, why);
}

struct file *chunk_hold(lua_State *L, int idx, uint64_t *first, uint64_t *last, struct why *why) {
  const struct chunk *c = tochunk(L, idx);
  *first = c->first;
  *last = c->last;
  return files_find(&here(L)->files, &c->ref, why);
}

void chunk_let(lua_State *L, struct file *f) { file_let(&here(L)->files, f); }

/* matching lines, or matches; UTF-8 is checked before it is matched, so the bytes must stand still */
static void count_chunk(lua_State *L, struct tally *t) {
  struct why why;
  if (show(here(L), t->chunk, regex_is_utf(t->re), add, t, &why) != 0) luaL_error(L, "%s", why.text);
}

lua_Integer chunk_matches(lua_State *L, int idx, struct regex *re) {
  struct tally t = {.chunk = luaL_testudata(L, idx, CHUNK), .re = re, .by_match = 1};
  if (!t.chunk) return -1;
  count_chunk(L, &t);
  return (lua_Integer)t.n;
}

/* {on_error = "skip"} or {on_error = "raise"} or nil at idx: skip? */
static int skips(lua_State *L, int idx) {
  static const char *const choices[] = {"raise", "skip", NULL};
  if (lua_isnoneornil(L, idx)) return 0;
  luaL_checktype(L, idx, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "on_error") != 0)
      luaL_error(L, "chunk:count: unknown option '%s'; the option is on_error", luaL_tolstring(L, -2, NULL));
  lua_getfield(L, idx, "on_error");
  lua_replace(L, idx);
  return luaL_checkoption(L, idx, "raise", choices);
}

/* chunk:count(regex [, opts]) -> how many of its lines match, as grep -c counts them; with "skip", also how many failed.
** regex: a regex, or a pattern (compiled once per worker). opts: {on_error = "raise" (default) or "skip"}: what to do with
** a line on which the pattern takes more steps or memory than a match may: raise an error that names pattern, file and the
** line's place in it, or leave the line out and count it as failed. */
static int f_count(lua_State *L) {
  struct tally t = {.chunk = tochunk(L, 1)};
  lua_settop(L, 3);
  t.skip = skips(L, 3);
  t.re = regex_arg(L, 2);
  count_chunk(L, &t);
  lua_pushinteger(L, (lua_Integer)t.n);
  if (t.skip) lua_pushinteger(L, (lua_Integer)t.failed);
  return t.skip ? 2 : 1;
}

/* chunk:find(regex [, init]), chunk:match(...), chunk:gmatch(...): the regex's method (upvalue 1) on the chunk */
static int f_by_regex(lua_State *L) {
  tochunk(L, 1);
  lua_settop(L, 3);
  regex_arg(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_gettable(L, 2);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_call(L, 3, LUA_MULTRET);
  return lua_gettop(L) - 3;
}

/* ===} {=== lines === */

struct lines {
  struct file *file; /* held; NULL: closed */
  struct pieces pieces;
  struct buf buf;
  const char *at, *end;
};

static void lines_close(lua_State *L, struct lines *s) {
  if (s->file) file_let(&here(L)->files, s->file);
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
  struct chunk *c = tochunk(L, 1);
  struct lines *s = lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s);
  buf_heap(&s->buf);
  luaL_setmetatable(L, LINES);
  s->file = files_find(&here(L)->files, &c->ref, &why);
  if (!s->file) return luaL_error(L, "%s", why.text);
  pieces_start(&s->pieces, s->file, c->first, c->last, &s->buf);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, lines_step, 1);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 4; /* step, nil, nil, and what a `for` left early closes */
}

/* ===} {=== the chunk === */

/* fields file, first, last, size, else methods (upvalue 1) */
static int m_index(lua_State *L) {
  struct chunk *c = tochunk(L, 1);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "file") == 0) {
    lua_pushstring(L, c->path);
  } else if (strcmp(key, "first") == 0) {
    lua_pushinteger(L, (lua_Integer)c->first);
  } else if (strcmp(key, "last") == 0) {
    lua_pushinteger(L, (lua_Integer)c->last);
  } else if (strcmp(key, "size") == 0) {
    lua_pushinteger(L, (lua_Integer)length(c));
  } else {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
  }
  return 1;
}

static int m_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)length(tochunk(L, 1)));
  return 1;
}

static int m_tostring(lua_State *L) {
  struct chunk *c = tochunk(L, 1);
  lua_pushfstring(L, "papy.chunk(%s, %I-%I)", c->path, (LUAI_UACINT)c->first, (LUAI_UACINT)c->last);
  return 1;
}

static int m_eq(lua_State *L) {
  struct chunk *a = luaL_testudata(L, 1, CHUNK), *b = luaL_testudata(L, 2, CHUNK);
  lua_pushboolean(L, a && b && a->first == b->first && a->last == b->last && file_same(&a->ref.id, &b->ref.id));
  return 1;
}

/* chunk -> {path, first, last, device, inode, time of birth, pid, fd, size of the file} */
static int m_pack(lua_State *L) {
  struct chunk *c = tochunk(L, 1);
  const int64_t numbers[] = {
      (int64_t)c->first, (int64_t)c->last, (int64_t)c->ref.id.dev, (int64_t)c->ref.id.ino, c->ref.id.born,
      c->ref.pid,        c->ref.fd,        (int64_t)c->ref.size};
  lua_createtable(L, 9, 0);
  lua_pushstring(L, c->path);
  lua_rawseti(L, -2, 1);
  for (int i = 0; i < 8; i++) {
    lua_pushinteger(L, numbers[i]);
    lua_rawseti(L, -2, i + 2);
  }
  return 1;
}

static int m_unpack(lua_State *L) {
  int64_t n[8];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, 1, 1);
  for (int i = 0, whole; i < 8; i++) {
    lua_rawgeti(L, 1, i + 2);
    n[i] = lua_tointegerx(L, -1, &whole);
    if (!whole) return luaL_error(L, "not a chunk");
    lua_pop(L, 1);
  }
  if (lua_type(L, 2) != LUA_TSTRING || n[0] < 0 || n[1] < n[0] || n[1] == INT64_MAX)
    return luaL_error(L, "not a chunk");
  struct file_ref ref = {.path = lua_tostring(L, 2),
                         .id = {.dev = (uint64_t)n[2], .ino = (uint64_t)n[3], .born = n[4]},
                         .pid = (int)n[5],
                         .fd = (int)n[6],
                         .size = (uint64_t)n[7]};
  push_chunk(L, &ref, (uint64_t)n[0], (uint64_t)n[1]);
  return 1;
}

/* ===} {=== the iterator === */

struct cutter {
  struct file *file; /* held; NULL: at its end */
  struct chunks chunks;
};

static void cutter_close(lua_State *L, struct cutter *s) {
  if (s->file) file_let(&here(L)->files, s->file);
  s->file = NULL;
}

static int c_gc(lua_State *L) {
  cutter_close(L, luaL_checkudata(L, 1, CHUNKS));
  return 0;
}

/* the next chunk, nil at the end */
static int c_call(lua_State *L) {
  struct cutter *s = luaL_checkudata(L, 1, CHUNKS);
  struct why why;
  uint64_t first, last;
  int rc = s->file ? chunks_next(&s->chunks, &first, &last, &why) : 0;
  if (rc > 0) {
    struct file_ref ref = s->file->ref;
    ref.size = s->chunks.end;
    push_chunk(L, &ref, first, last);
    return 1;
  }
  cutter_close(L, s);
  if (rc < 0) return luaL_error(L, "%s", why.text);
  lua_pushnil(L);
  return 1;
}

static int c_tostring(lua_State *L) {
  struct cutter *s = luaL_checkudata(L, 1, CHUNKS);
  if (s->file) lua_pushfstring(L, "papy.chunks(%s, %I)", s->file->ref.path, (LUAI_UACINT)s->chunks.size);
  else lua_pushstring(L, "papy.chunks(at its end)");
  return 1;
}

/* a Lua file handle: what it has not written yet belongs to the file, too */
static struct file *adopt(struct files *files, FILE *f, struct why *why) {
  int fd = fileno(f), flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) fflush(f);
  return files_adopt(files, fd, why);
}

/* chunks(file [, size]) -> an iterator of chunks
** file: a path, or an open file of Lua's io library, which may be closed afterwards; its position does not matter and
** does not change. size: bytes, at least 1, default a 64th of the file but 64 KiB to 4 MiB: a chunk ends at the last
** newline among so many bytes; where there is none, the window grows by `size` until there is one, so a long line is
** never cut.
** Raises when the file cannot be opened or is no regular file. Cutting reads little more than the ends of chunks; the
** size of the file is taken at the start, and one that shrinks meanwhile is an error. */
static int chunks_(lua_State *L) {
  struct why why;
  luaL_Stream *stream = luaL_testudata(L, 1, LUA_FILEHANDLE);
  if (!stream && lua_type(L, 1) != LUA_TSTRING) luaL_typeerror(L, 1, "path or file");
  if (stream && !stream->closef) luaL_argerror(L, 1, "the file is closed");
  const char *path = stream ? NULL : luaL_checkstring(L, 1);
  int given = !lua_isnoneornil(L, 2);
  lua_Integer size = given ? luaL_checkinteger(L, 2) : 0;
  if (!stream && strlen(path) != lua_rawlen(L, 1)) luaL_argerror(L, 1, "path contains a zero byte");
  if (given && size < 1)
    luaL_argerror(L, 2, lua_pushfstring(L, "the size of a chunk is at least 1 byte, not %I", (LUAI_UACINT)size));
  struct cutter *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->file = NULL;
  luaL_setmetatable(L, CHUNKS);
  struct files *files = &here(L)->files;
  s->file = stream ? adopt(files, stream->f, &why) : files_open(files, path, &why);
  if (!s->file || chunks_start(&s->chunks, s->file, (uint64_t)size, &why) != 0) return luaL_error(L, "%s", why.text);
  return 1;
}

/* ===} */

static int here_gc(lua_State *L) {
  struct here *h = lua_touserdata(L, 1);
  files_close(&h->files);
  buf_free(&h->pieces);
  return 0;
}

/* within(chunk, regex) -> the chunk of the records that begin in this one, a record beginning at a line that matches: from the
** first such line (of the file: from the first line) to the end of the last one's record, which may be far behind the
** chunk's own. false when none begins here; nil and a sentence when the file cannot be read. */
static int within(lua_State *L) {
  struct why why;
  struct chunk *c = tochunk(L, 1);
  lua_settop(L, 2);
  struct regex *start = regex_arg(L, 2);
  struct here *h = here(L);
  uint64_t first = c->first, last = c->last;
  struct file *f = files_find(&h->files, &c->ref, &why);
  int rc = f ? records_of_range(f, c->ref.size, &first, &last, start, &h->pieces, &why) : -1;
  if (f) file_let(&h->files, f);
  if (h->pieces.cap > PIECES_KEPT) buf_free(&h->pieces);
  if (rc > 0) push_chunk(L, &c->ref, first, last);
  else if (rc == 0) lua_pushboolean(L, 0);
  else lua_pushnil(L);
  if (rc >= 0) return 1;
  lua_pushstring(L, why.text);
  return 2;
}

static const luaL_Reg module[] = {
    {"chunks", chunks_},
    {"within", within},
    {NULL, NULL},
};

static const luaL_Reg chunk_methods[] = {
    {"text", f_text},
    {"lines", f_lines},
    {"count", f_count},
    {NULL, NULL},
};

static const luaL_Reg chunk_metamethods[] = {
    {"__len", m_len},   {"__tostring", m_tostring}, {"__eq", m_eq},
    {"__pack", m_pack}, {"__unpack", m_unpack},     {NULL, NULL},
};

static const luaL_Reg chunks_metamethods[] = {
    {"__call", c_call}, {"__tostring", c_tostring}, {"__gc", c_gc}, {"__close", c_gc}, {NULL, NULL},
};

static const luaL_Reg lines_metamethods[] = {
    {"__gc", l_gc},
    {"__close", l_gc},
    {NULL, NULL},
};

static void open_here(lua_State *L) {
  struct here *h = lua_newuserdatauv(L, sizeof *h, 0);
  files_init(&h->files);
  buf_heap(&h->pieces);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, here_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, HERE);
}

static void open_bytes(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "kv");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, BYTES);
}

static void open_classes(lua_State *L) {
  static const char *const by_regex[] = {"find", "match", "gmatch"};
  luaL_newmetatable(L, CHUNKS);
  luaL_setfuncs(L, chunks_metamethods, 0);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "__pure"); /* calling it draws on no task: a pool may pull whenever it likes */
  luaL_newmetatable(L, LINES);
  luaL_setfuncs(L, lines_metamethods, 0);
  lua_pop(L, 2);
  luaL_newmetatable(L, CHUNK);
  luaL_setfuncs(L, chunk_metamethods, 0);
  luaL_newlib(L, chunk_methods);
  for (int i = 0; i < 3; i++) {
    lua_pushstring(L, by_regex[i]);
    lua_pushcclosure(L, f_by_regex, 1);
    lua_setfield(L, -2, by_regex[i]);
  }
  lua_pushcclosure(L, m_index, 1);
  lua_setfield(L, -2, "__index");
  codec_class(L, CHUNK);
}

int luaopen_papy_core_chunks(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, HERE) == LUA_TNIL) {
    open_here(L);
    open_bytes(L);
    open_classes(L);
  }
  lua_pop(L, 1);
  luaL_newlib(L, module);
  return 1;
}
