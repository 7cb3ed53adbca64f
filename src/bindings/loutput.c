/* What workers print while a prompt runs. They would write into the line a person is typing; so their stdout and stderr
** lead into one pipe, the host's loop watches it, and whole lines go to the prompt, which knows where the line is.
**
** What has no newline stands in the worker's buffer, and other workers write into the same pipe. So at the end of a tasklet its
** worker ends the line; and what was flushed before is shown as a line when nothing has followed for a moment.
**
** Threads share the host's stdout; so in the state of a thread `print` and the standard files of io are a file of its
** own that leads into the pipe.
**
** The pipe belongs to the engine of the state at the prompt. Workers forked before it stay with the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"
#include "runtime/loop.h"

struct output {
  struct member member; /* first */
  int in, out;
  output_sink sink;
  struct buf line; /* what has come since the last newline */
  int64_t since;   /* how long that has been waiting; 0: there is nothing */
};

static bool nothing_moved(struct member *m) {
  (void)m;
  return false;
}
static bool may_spin(struct member *m) {
  (void)m;
  return true;
}
static void no_nudge(struct member *m, bool sleeping) { (void)m, (void)sleeping; }
static void no_sleeping(struct member *m, bool yes) { (void)m, (void)yes; }

static int64_t deadline(struct member *m) {
  struct output *o = (struct output *)m;
  return o->since ? o->since + PART_OF_LINE_NS : FOREVER;
}

static void not_polled(struct member *m) { (void)m; }

static int fds(struct member *m, struct pollfd *f, int room) {
  if (room > 0) f[0] = (struct pollfd){.fd = ((struct output *)m)->in, .events = POLLIN};
  return 1;
}

int bindings_capture(lua_State *L, output_sink sink) {
  int ends[2];
  struct engine *e = engine_of(L);
  struct output *o = calloc(1, sizeof *o);
  if (!o || pipe2(ends, O_CLOEXEC) != 0) {
    free(o);
    return -1;
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  o->member = (struct member){NULL, nothing_moved, may_spin, no_nudge, no_sleeping, fds, deadline, not_polled,
                              NULL};
  o->in = ends[0];
  o->out = ends[1];
  o->sink = sink;
  buf_heap(&o->line);
  loop_join(e->loop, &o->member);
  e->output = o;
  return 0;
}

/* hand whole lines on; what has no newline yet waits, unless it is all that will come */
static void hand_on(struct output *o, bool all) {
  size_t n = o->line.n;
  while (!all && n > 0 && o->line.p[n - 1] != '\n') n--;
  if (n == 0) return;
  o->sink((const char *)o->line.p, n);
  memmove(o->line.p, o->line.p + n, o->line.n - n);
  o->line.n -= n;
}

void loutput_drain(struct engine *e) {
  char bytes[4096];
  ssize_t n;
  struct output *o = e->output;
  if (!o) return;
  while ((n = read(o->in, bytes, sizeof bytes)) > 0)
    if (buf_add(&o->line, bytes, (size_t)n) != 0) o->line.n = 0;
  hand_on(o, o->since && clock_ns() >= o->since + PART_OF_LINE_NS);
  if (o->line.n == 0) o->since = 0;
  else if (o->since == 0) o->since = clock_ns();
}

void bindings_release(lua_State *L) {
  struct engine *e = engine_of(L);
  struct output *o = e->output;
  if (!o) return;
  loutput_drain(e);
  hand_on(o, true);
  loop_leave(e->loop, &o->member);
  e->output = NULL;
  close(o->in);
  close(o->out);
  buf_free(&o->line);
  free(o);
}

FILE *loutput_redirect(const struct engine *e) {
  if (!e->output) return e->captured ? stdout : NULL;
  dup2(e->output->out, STDOUT_FILENO);
  dup2(e->output->out, STDERR_FILENO);
  return stdout;
}

void loutput_end_line(FILE *f) {
  if (__fpending(f) == 0) return;
  if (__flbf(f)) putc('\n', f); /* a line-buffered stream keeps back only what has none */
  fflush(f);
}

/* ---- threads ---- */

int loutput_fd(const struct engine *e) { return e->output ? fcntl(e->output->out, F_DUPFD_CLOEXEC, 3) : -1; }

static int close_file(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  return luaL_fileresult(L, fclose(s->f) == 0, NULL);
}

/* print, into the file that is upvalue 1 */
static int print(lua_State *L) {
  luaL_Stream *s = lua_touserdata(L, lua_upvalueindex(1));
  int n = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    size_t size;
    const char *text = luaL_tolstring(L, i, &size);
    if (i > 1) putc('\t', s->f);
    fwrite(text, 1, size, s->f);
    lua_pop(L, 1);
  }
  putc('\n', s->f);
  return 0;
}

FILE *loutput_divert(lua_State *L, int fd) {
  luaL_Stream *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->closef = NULL;
  luaL_setmetatable(L, LUA_FILEHANDLE);
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0 || !(s->f = fdopen(own, "w"))) {
    if (own >= 0) close(own);
    return NULL; /* then it prints where the host does */
  }
  s->closef = close_file;
  setvbuf(s->f, NULL, _IOLBF, BUFSIZ);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, print, 1);
  lua_setglobal(L, "print");
  lname_push(L, "io");
  for (int i = 0; i < 2; i++) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, i ? "stderr" : "stdout");
  }
  lua_getfield(L, -1, "output");
  lua_pushvalue(L, -3);
  lua_call(L, 1, 0);
  lua_pop(L, 2);
  return s->f;
}
