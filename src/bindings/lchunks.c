/* lchunks: files cut at newlines, for Lua.
**
** A chunk is small data that says where its bytes are (file, first, last), and how any process finds the file again
** (scan/file.h); bytes are read where they are used, from a file held only while they are (lchunks_read.c).
**
** Every Lua state has its own open files (the userdata HERE in the registry): workers forked from it inherit them, and
** thread workers share nothing. It is made before anything that holds a file and therefore finalized after it. */
#include "bindings/lchunks.h"

#include <fcntl.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/ltext.h"
#include "codec/codec.h"
#include "scan/chunks.h"
#include "scan/csvcut.h"
#include "scan/records.h"

#define CHUNKS "papy.chunks"
#define HERE "papy.files"

struct here *chunks_here(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, HERE);
  struct here *h = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return h;
}

struct chunk *chunk_check(lua_State *L, int idx) {
  return luaL_checkudata(L, idx, CHUNK_CLASS);
}

static void push_chunk(lua_State *L, const struct file_ref *ref, uint64_t first, uint64_t last) {
  size_t n = strlen(ref->path) + 1;
  struct chunk *c = lua_newuserdatauv(L, sizeof *c + n, 0);
  *c = (struct chunk){.first = first, .last = last, .ref = *ref};
  c->ref.path = memcpy(c->path, ref->path, n);
  luaL_setmetatable(L, CHUNK_CLASS);
}

/* {=== the chunk === */

/* fields file, first, last, size, else methods (upvalue 1) */
static int m_index(lua_State *L) {
  struct chunk *c = chunk_check(L, 1);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "file") == 0) {
    lua_pushstring(L, c->path);
  } else if (strcmp(key, "first") == 0) {
    lua_pushinteger(L, (lua_Integer)c->first);
  } else if (strcmp(key, "last") == 0) {
    lua_pushinteger(L, (lua_Integer)c->last);
  } else if (strcmp(key, "size") == 0) {
    lua_pushinteger(L, (lua_Integer)chunk_length(c));
  } else {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
  }
  return 1;
}

static int m_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)chunk_length(chunk_check(L, 1)));
  return 1;
}

static int m_tostring(lua_State *L) {
  struct chunk *c = chunk_check(L, 1);
  lua_pushfstring(L, "papy.chunk(%s, %I-%I)", c->path, (LUAI_UACINT)c->first, (LUAI_UACINT)c->last);
  return 1;
}

static int m_eq(lua_State *L) {
  struct chunk *a = luaL_testudata(L, 1, CHUNK_CLASS), *b = luaL_testudata(L, 2, CHUNK_CLASS);
  lua_pushboolean(L, a && b && a->first == b->first && a->last == b->last && file_same(&a->ref.id, &b->ref.id));
  return 1;
}

/* chunk -> {path, first, last, device, inode, time of birth, pid, fd, size of the file} */
static int m_pack(lua_State *L) {
  struct chunk *c = chunk_check(L, 1);
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

/* ===} {=== cutting === */

struct cutter {
  struct file *file; /* held; NULL: at its end */
  struct chunks chunks;
};

static void cutter_close(lua_State *L, struct cutter *s) {
  if (s->file) file_let(&chunks_here(L)->files, s->file);
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
  const char *path = stream ? NULL : path_arg(L, 1);
  int given = !lua_isnoneornil(L, 2);
  lua_Integer size = given ? luaL_checkinteger(L, 2) : 0;
  if (given && size < 1)
    luaL_argerror(L, 2, lua_pushfstring(L, "the size of a chunk is at least 1 byte, not %I", (LUAI_UACINT)size));
  struct cutter *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->file = NULL;
  luaL_setmetatable(L, CHUNKS);
  struct files *files = &chunks_here(L)->files;
  s->file = stream ? adopt(files, stream->f, &why) : files_open(files, path, &why);
  if (!s->file || chunks_start(&s->chunks, s->file, (uint64_t)size, &why) != 0) return luaL_error(L, "%s", why.text);
  return 1;
}

/* within(chunk, regex) -> the chunk of the records that begin in this one, a record beginning at a line that matches: from the
** first such line (of the file: from the first line) to the end of the last one's record, which may be far behind the
** chunk's own. false when none begins here; nil and a sentence when the file cannot be read. */
static int within(lua_State *L) {
  struct why why;
  struct chunk *c = chunk_check(L, 1);
  lua_settop(L, 2);
  struct regex *start = regex_arg(L, 2);
  struct here *h = chunks_here(L);
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

/* from(chunk, first) -> the chunk of its bytes from that offset on, which must be in it */
static int from(lua_State *L) {
  struct chunk *c = chunk_check(L, 1);
  lua_Integer first = luaL_checkinteger(L, 2);
  luaL_argcheck(L, first >= 0 && (uint64_t)first >= c->first && (uint64_t)first <= c->last, 2, "not in the chunk");
  push_chunk(L, &c->ref, (uint64_t)first, c->last);
  return 1;
}

/* from the first bytes of the chunk, and as many more as it takes */
static int guess_begin(struct file *f, const struct chunk *c, struct csvcut *cut, struct buf *buf, uint64_t *at,
                       struct why *why) {
  size_t look = CSV_LOOK, n, guess;
  do {
    n = chunk_length(c) < look ? chunk_length(c) : look;
    buf->n = 0;
    if (buf_more(buf, n) != 0) return why_set(why, "cannot read %.700s: out of memory", c->path);
    if (file_read(f, c->first, buf->p, n, why) != 0) return -1;
    guess = csvcut_guess(cut, (const char *)buf->p, n);
    look *= 8;
  } while (guess == n && n < chunk_length(c));
  *at = c->first + guess;
  return 0;
}

/* csv_begin(chunk, separator) -> the offset at which the first record of csv in it begins, most likely: the chunk may begin
** inside quotes, and even end there. nil and a sentence when the file cannot be read */
static int csv_begin(lua_State *L) {
  struct why why;
  struct csvcut cut;
  uint64_t at = 0;
  struct chunk *c = chunk_check(L, 1);
  struct here *h = chunks_here(L);
  csvcut_init(&cut, luaL_checkstring(L, 2)[0]);
  struct file *f = files_find(&h->files, &c->ref, &why);
  int rc = f ? guess_begin(f, c, &cut, &h->pieces, &at, &why) : -1;
  if (f) file_let(&h->files, f);
  if (h->pieces.cap > PIECES_KEPT) buf_free(&h->pieces);
  if (rc != 0) return lua_pushnil(L), lua_pushstring(L, why.text), 2;
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

/* behind_mark(chunk) -> the chunk without the mark of UTF-8 that may begin the file; false when nothing else is in it;
** nil and a sentence when the file cannot be read */
static int behind_mark(lua_State *L) {
  struct why why;
  struct chunk *c = chunk_check(L, 1);
  char head[3] = {0};
  if (c->first != 0 || c->last < 2) return lua_settop(L, 1), 1;
  struct here *h = chunks_here(L);
  struct file *f = files_find(&h->files, &c->ref, &why);
  int rc = f ? file_read(f, 0, head, sizeof head, &why) : -1;
  if (f) file_let(&h->files, f);
  if (rc != 0) return lua_pushnil(L), lua_pushstring(L, why.text), 2;
  if (memcmp(head, "\xef\xbb\xbf", sizeof head) != 0) lua_settop(L, 1);
  else if (c->last == 2) lua_pushboolean(L, 0);
  else push_chunk(L, &c->ref, 3, c->last);
  return 1;
}

/* ===} */

static const luaL_Reg module[] = {
    {"chunks", chunks_},
    {"within", within},
    {"from", from},
    {"csv_begin", csv_begin},
    {"behind_mark", behind_mark},
    {"count_records", chunk_count_records},
    {NULL, NULL},
};

static const luaL_Reg chunk_metamethods[] = {
    {"__len", m_len},   {"__tostring", m_tostring}, {"__eq", m_eq},
    {"__pack", m_pack}, {"__unpack", m_unpack},     {NULL, NULL},
};

static const luaL_Reg chunks_metamethods[] = {
    {"__call", c_call}, {"__tostring", c_tostring}, {"__gc", c_gc}, {"__close", c_gc}, {NULL, NULL},
};

static int here_gc(lua_State *L) {
  struct here *h = lua_touserdata(L, 1);
  files_close(&h->files);
  buf_free(&h->pieces);
  return 0;
}

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

static void open_classes(lua_State *L) {
  luaL_newmetatable(L, CHUNKS);
  luaL_setfuncs(L, chunks_metamethods, 0);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "__pure"); /* calling it draws on no task: a pool may pull whenever it likes */
  lua_pop(L, 1);
  luaL_newmetatable(L, CHUNK_CLASS);
  luaL_setfuncs(L, chunk_metamethods, 0);
  lua_newtable(L);
  chunk_add_reading(L);
  chunk_add_counting(L);
  lua_pushcclosure(L, m_index, 1);
  lua_setfield(L, -2, "__index");
  codec_class(L, CHUNK_CLASS);
}

int luaopen_papy_core_chunks(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, HERE) == LUA_TNIL) {
    open_here(L);
    open_classes(L);
  }
  lua_pop(L, 1);
  luaL_newlib(L, module);
  return 1;
}
