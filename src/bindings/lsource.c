/* lsource: streams of bytes, block by block, for Lua.
**
** A source (scan/source.h) is a userdata of its own, so that loadable modules can make some, too; a stream reads one and gives
** blocks of whole records as strings. A step never loses what it has: it gives the next block, or says that it would have
** to wait; whoever is willing to wait sleeps in the one place where papy sleeps, so pools and the prompt work on.
**
** A stream that breaks gives what came before first. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lheirs.h"
#include "bindings/lpool.h"
#include "bindings/ltext.h"
#include "bindings/waker.h"
#include "scan/blocks.h"
#include "scan/follow.h"
#include "scan/reader.h"
#include "scan/sniff.h"
#include "scan/source.h"

#define STREAM "papy.stream"

/* {=== sources === */

static int refused(lua_State *L, const struct why *why) {
  lua_pushnil(L);
  lua_pushstring(L, why->text);
  return 2;
}

static int source_gc(lua_State *L) {
  struct source *s = luaL_checkudata(L, 1, SOURCE_CLASS);
  if (s->close) s->close(s);
  return 0;
}

/* a source of `size` bytes whose user values 1 and 2 keep what it borrows; closed until it is filled in */
static void *new_source(lua_State *L, size_t size) {
  struct source *s = lua_newuserdatauv(L, size, 2);
  memset(s, 0, size);
  luaL_setmetatable(L, SOURCE_CLASS);
  lheirs_note(L);
  return s;
}

static const char *what_is(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISFIFO(mode) || S_ISCHR(mode)) return "pipe";
  return S_ISREG(mode) ? "plain" : "other";
}

/* Only a regular file is opened: whoever waits to write into a pipe would take us for its reader, and lose what he writes when we
** are gone. */
static int look_into(const char *path, struct stat *st, enum sniff *what, struct why *why) {
  char head[SNIFF_BYTES];
  *what = SNIFF_PLAIN;
  if (stat(path, st) != 0) return why_set(why, "cannot open %.700s:", path);
  if (!S_ISREG(st->st_mode)) return 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return why_set(why, "cannot open %.700s:", path);
  ssize_t n = pread(fd, head, sizeof head, 0);
  if (n < 0) why_set(why, "cannot read %.700s:", path);
  close(fd);
  if (n < 0) return -1;
  *what = sniff(head, (size_t)n);
  return 0;
}

/* sniff(path) -> "plain" (a file with bytes), "packed" (compressed, or an archive), "utf16", "unsized" (a file of size 0,
** as those of /proc are, too), "pipe" (also a terminal), "directory" or "other" (socket, block device), and the size; nil
** and a sentence when it cannot be read. */
static int source_sniff(lua_State *L) {
  struct why why;
  struct stat st;
  enum sniff what;
  const char *path = path_arg(L, 1);
  if (look_into(path, &st, &what, &why) != 0) return refused(L, &why);
  lua_pushstring(L, what == SNIFF_UTF16                      ? "utf16"
                    : what != SNIFF_PLAIN                    ? "packed"
                    : S_ISREG(st.st_mode) && st.st_size == 0 ? "unsized"
                                                             : what_is(st.st_mode));
  lua_pushinteger(L, (lua_Integer)st.st_size);
  return 2;
}

/* file(path) -> a source that reads the file from its start to its end; a pipe, too. nil and a sentence */
static int source_file(lua_State *L) {
  struct why why;
  const char *path = path_arg(L, 1);
  struct reader *r = new_source(L, sizeof *r);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    why_set(&why, "cannot open %.700s:", path);
    return refused(L, &why);
  }
  reader_init(r, fd, path, NULL, 0);
  return 1;
}

/* what the io library has read of a file and not given away yet, as a string */
static void push_ahead(lua_State *L, FILE *f) {
  luaL_Buffer b;
  size_t n = (size_t)(f->_IO_read_end - f->_IO_read_ptr);
  char *to = luaL_buffinitsize(L, &b, n);
  luaL_pushresultsize(&b, n ? fread(to, 1, n, f) : 0);
}

/* handle(file, name) -> a source that reads an open file of the io library from where it stands. nil and a sentence */
static int source_handle(lua_State *L) {
  struct why why;
  luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  const char *name = luaL_checkstring(L, 2);
  luaL_argcheck(L, stream->closef, 1, "the file is closed");
  struct reader *r = new_source(L, sizeof *r);
  push_ahead(L, stream->f);
  size_t n;
  const char *ahead = lua_tolstring(L, -1, &n);
  lua_createtable(L, 2, 0); /* the handle, too: closing it may end the program that writes */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 2);
  lua_setiuservalue(L, -3, 1);
  lua_setiuservalue(L, -2, 2);
  int fd = fcntl(fileno(stream->f), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) {
    why_set(&why, "cannot read %.700s:", name);
    return refused(L, &why);
  }
  reader_init(r, fd, name, ahead, n);
  return 1;
}

/* at(file) -> where an open file stands if it is a regular one, else nil */
static int source_at(lua_State *L) {
  luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  struct stat st;
  luaL_argcheck(L, stream->closef, 1, "the file is closed");
  if (fstat(fileno(stream->f), &st) == 0 && S_ISREG(st.st_mode)) lua_pushinteger(L, ftello(stream->f));
  else lua_pushnil(L);
  return 1;
}

/* follow(path, at_end, wait) -> a source that stays with the file of that name (scan/follow.h) */
static int source_follow(lua_State *L) {
  const char *path = path_arg(L, 1);
  struct follow *f = new_source(L, sizeof *f);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  follow_init(f, path, lua_toboolean(L, 2), luaL_checknumber(L, 3));
  return 1;
}

/* a source that is fed with strings */
struct fed {
  struct source source;
  struct buf bytes;
  size_t taken;
  bool begun, whole;
};

static int fed_part(struct source *s, struct why *why) {
  struct fed *f = (struct fed *)s;
  (void)why;
  bool first = !f->begun;
  f->begun = true;
  return first;
}

static long fed_read(struct source *s, void *to, size_t n, struct why *why) {
  struct fed *f = (struct fed *)s;
  size_t left = f->bytes.n - f->taken;
  (void)why;
  if (left == 0) return f->whole ? 0 : SOURCE_LATER;
  if (n > left) n = left;
  memcpy(to, f->bytes.p + f->taken, n);
  f->taken += n;
  return (long)n;
}

static void fed_close(struct source *s) {
  struct fed *f = (struct fed *)s;
  buf_free(&f->bytes);
  f->taken = 0;
  f->whole = true;
}

/* fed(name) -> a source without bytes; feed gives it some */
static int source_fed(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  struct fed *f = new_source(L, sizeof *f);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  buf_heap(&f->bytes);
  f->source =
      (struct source){.part = fed_part, .read = fed_read, .close = fed_close, .name = name, .fd = -1, .wait = 1};
  return 1;
}

/* feed(fed, text): more of it; feed(fed): that was all */
static int source_feed(lua_State *L) {
  struct fed *f = luaL_checkudata(L, 1, SOURCE_CLASS);
  luaL_argcheck(L, f->source.read == fed_read, 1, "this source reads by itself");
  size_t n = 0;
  const char *text = luaL_optlstring(L, 2, NULL, &n);
  if (!text) f->whole = true;
  if (f->taken == f->bytes.n) f->bytes.n = f->taken = 0;
  if (n && buf_add(&f->bytes, text, n) != 0) return luaL_error(L, "not enough memory");
  return 0;
}

/* ===} {=== streams === */

/* user values: 1 the source, 2 the regex of record starts */
struct stream {
  struct waker waker;
  struct source *source; /* NULL: at its end */
  struct blocks blocks;
  bool open, ended; /* a part is being read; it has ended */
  bool broken;      /* with why; what is left of the part comes first */
  int64_t heard;    /* when the source last had something */
  uint64_t at;      /* offset of the next block in its part */
  struct why why;
};

static struct stream *tostream(lua_State *L) {
  return luaL_checkudata(L, 1, STREAM);
}

static void stream_close(struct stream *s) {
  waker_leave(&s->waker);
  if (s->source) s->source->close(s->source);
  s->source = NULL;
  blocks_free(&s->blocks);
}

static int stream_gc(lua_State *L) {
  stream_close(tostream(L));
  return 0;
}

/* stream(source [, regex [, separator]]) -> a stream of its records: lines, or runs of lines that begin at one that matches, or
** those of csv */
static int stream_new(lua_State *L) {
  struct source *source = luaL_checkudata(L, 1, SOURCE_CLASS);
  const char *separator = luaL_optstring(L, 3, NULL);
  lua_settop(L, 2);
  struct regex *start = lua_isnil(L, 2) ? NULL : regex_arg(L, 2);
  luaL_argcheck(L, source->read, 1, "the source is closed");
  struct stream *s = lua_newuserdatauv(L, sizeof *s, 2);
  memset(s, 0, sizeof *s);
  blocks_init(&s->blocks, start);
  if (separator) blocks_of_csv(&s->blocks, separator[0]);
  s->source = source;
  s->heard = clock_ns();
  luaL_setmetatable(L, STREAM);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 2);
  return 1;
}

static int push_block(lua_State *L, struct stream *s, const char *p, size_t n) {
  lua_pushlstring(L, p, n);
  lua_pushstring(L, s->source->name);
  lua_pushinteger(L, (lua_Integer)s->at);
  s->at += n;
  return 3;
}

static int give_up(lua_State *L, struct stream *s) {
  stream_close(s);
  return refused(L, &s->why);
}

/* the regex of record starts gave up, with why */
static int no_records(lua_State *L, struct stream *s) {
  struct why gave_up = s->why;
  why_set(&s->why, "cannot find the records of %.300s behind byte %" PRIu64 ": %.600s", s->source->name, s->at,
          gave_up.text);
  return give_up(L, s);
}

/* read once into the blocks; what the source says, a record of it kept */
static long read_on(struct stream *s) {
  size_t n;
  void *to = blocks_room(&s->blocks, &n);
  long got = to ? s->source->read(s->source, to, n, &s->why)
                : why_set(&s->why, "cannot read %.700s: out of memory", s->source->name);
  if (got > 0) blocks_added(&s->blocks, (size_t)got);
  if (got == 0 || got == SOURCE_BROKEN) s->ended = true;
  if (got == SOURCE_BROKEN) s->broken = true;
  if (got != SOURCE_LATER) s->heard = clock_ns();
  return got;
}

static bool is_quiet(const struct stream *s) {
  return s->source->quiet > 0 && clock_ns() - s->heard >= (int64_t)(s->source->quiet * 1e9);
}

static enum blocks_wish wish_of(const struct stream *s, long got) {
  if (s->ended) return BLOCKS_ALL;
  if (got != SOURCE_LATER) return BLOCKS_FULL;
  return is_quiet(s) ? BLOCKS_LINES : BLOCKS_NOW;
}

/* have the loop say when there may be more; an hour stands for never */
static void arm(lua_State *L, struct stream *s) {
  waker_arm(&s->waker, engine_of(L)->loop, s->source->fd, s->source->fd >= 0 ? 3600 : s->source->wait);
}

static void wait_for_more(lua_State *L, struct stream *s) {
  for (arm(L, s); s->waker.armed && clock_ns() < s->waker.when;) lwait_once(L, engine_of(L), s->waker.when);
}

/* the part that is read, or the next one: 1, 0: no more, or what the source says */
static int open_part(struct stream *s) {
  if (s->open) return 1;
  int rc = s->source->part(s->source, &s->why);
  s->open = rc > 0;
  s->at = 0;
  return rc;
}

/* stream:step(wait) -> the next block (a string of whole records), the name of its part, its offset in the part
** nil at the end; nil and a sentence where the source is broken, after all that came before; false when it would have to wait and
** `wait` is false. */
static int stream_step(lua_State *L) {
  struct stream *s = tostream(L);
  bool wait = lua_toboolean(L, 2);
  const char *p;
  size_t n;
  for (long got = 1; s->source;) {
    int rc = open_part(s);
    if (rc == SOURCE_BROKEN) return give_up(L, s);
    if (rc == 0) break;
    if (rc == SOURCE_LATER) got = SOURCE_LATER;
    rc = blocks_next(&s->blocks, wish_of(s, got), &p, &n, &s->why);
    if (rc > 0) return push_block(L, s, p, n);
    if (rc < 0) return no_records(L, s);
    if (s->ended && s->broken) return give_up(L, s);
    if (s->ended) s->open = s->ended = false;
    if (!s->open && got != SOURCE_LATER) continue;
    if (got == SOURCE_LATER && !wait) {
      arm(L, s);
      lua_pushboolean(L, 0);
      return 1;
    }
    if (got == SOURCE_LATER) wait_for_more(L, s);
    got = s->source && s->open ? read_on(s) : 1; /* it may have been closed meanwhile */
  }
  stream_close(s);
  lua_pushnil(L);
  return 1;
}

/* stream:close(): this was its last block */
static int stream_close_(lua_State *L) {
  stream_close(tostream(L));
  return 0;
}

/* ===} */

static const luaL_Reg functions[] = {{"sniff", source_sniff}, {"file", source_file},     {"handle", source_handle},
                                     {"at", source_at},       {"follow", source_follow}, {"stream", stream_new},
                                     {"fed", source_fed},     {"feed", source_feed},     {NULL, NULL}};

static const luaL_Reg stream_methods[] = {{"step", stream_step}, {"close", stream_close_}, {NULL, NULL}};

static const luaL_Reg stream_metamethods[] = {{"__gc", stream_gc}, {"__close", stream_gc}, {NULL, NULL}};

int luaopen_papy_core_source(lua_State *L) {
  if (luaL_newmetatable(L, SOURCE_CLASS)) {
    lua_pushcfunction(L, source_gc);
    lua_setfield(L, -2, "__gc");
  }
  if (luaL_newmetatable(L, STREAM)) {
    luaL_setfuncs(L, stream_metamethods, 0);
    luaL_newlib(L, stream_methods);
    lua_setfield(L, -2, "__index");
  }
  luaL_newlib(L, functions);
  return 1;
}
