/* core.run: programs and fifos, both waited for in the loop, so that the pools of this process work on meanwhile and
** Ctrl-C is heard. lua/fs.lua checks options and says what they mean. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"
#include "runtime/command.h"
#include "runtime/loop.h"

#define WAIT "papy.wait"
/* a thread worker is told of its end by a hook, which wants to be looked for */
#define THREAD_LOOK_NS (50 * NS_PER_S / 1000)

/* the process the person started: its workers inherit the number */
static pid_t root;

/* {=== waiting for a descriptor === */

/* What is waited for, on the Lua stack as a to-be-closed value, so that an error in the middle leaves nothing behind. */
struct wait {
  struct member member; /* first: the loop knows us by it */
  struct loop *loop;    /* joined while not NULL */
  struct wait *outer;   /* which it interrupts: an input being pulled may run a program, too */
  struct command *command;
  struct buf bytes;
  int fd;
  pid_t pid; /* whose it is: a forked worker inherits it */
};

static _Thread_local struct wait *innermost;

static bool nothing(struct member *m) { return (void)m, false; }
static void ignore(struct member *m) { (void)m; }
static void ignore_too(struct member *m, bool yes) { (void)m, (void)yes; }
static int64_t never(struct member *m) { return (void)m, FOREVER; }

/* only the innermost: the others' readers do not run now, and a ready descriptor would keep poll from sleeping */
static int fds(struct member *m, struct pollfd *f, int room) {
  struct wait *w = (struct wait *)m;
  if (w != innermost) return 0;
  if (room > 0) f[0] = (struct pollfd){.fd = w->fd, .events = POLLIN};
  return 1;
}

static void leave(struct wait *w) {
  if (!w->loop) return;
  loop_leave(w->loop, &w->member);
  w->loop = NULL;
  innermost = w->outer;
}

static int wait_close(lua_State *L) {
  struct wait *w = luaL_checkudata(L, 1, WAIT);
  if (w->pid != getpid()) return 0;
  leave(w);
  if (w->command) command_free(w->command);
  else if (w->fd >= 0) close(w->fd);
  w->command = NULL;
  w->fd = -1;
  buf_free(&w->bytes);
  return 0;
}

static struct wait *push_wait(lua_State *L) {
  struct wait *w = lua_newuserdatauv(L, sizeof *w, 0);
  memset(w, 0, sizeof *w);
  w->fd = -1;
  w->pid = getpid();
  buf_heap(&w->bytes);
  luaL_setmetatable(L, WAIT);
  lua_toclose(L, -1);
  return w;
}

static void join(struct wait *w, struct engine *e) {
  w->member = (struct member){.moved = nothing, .core_free = nothing, .nudge = ignore_too, .sleeping = ignore_too,
                              .fds = fds, .deadline = never, .polled = ignore};
  w->loop = e->loop;
  w->outer = innermost;
  innermost = w;
  loop_join(e->loop, &w->member);
}

static int heard(lua_State *L) { return (void)L, 0; }

/* Let everything move until there may be news on w->fd or the deadline passes. Raises "interrupted!". */
static void wait_once(lua_State *L, struct engine *e, int64_t deadline) {
  if (lfeed_all(L, e, false)) return;
  int64_t look = clock_ns() + THREAD_LOOK_NS;
  if (syscall(SYS_gettid) != getpid() && look < deadline) deadline = look;
  if (loop_wait(e->loop, deadline) == LOOP_INTERRUPT) linterrupted(L);
  if (lua_gethook(L)) { /* call something, so that the hook runs and may raise */
    lua_pushcfunction(L, heard);
    lua_call(L, 0, 0);
  }
}

/* ===} {=== programs === */

/* field `name` of the options, an array of strings -> a NULL-ended vector, which lies on the Lua stack */
static char **vector(lua_State *L, int table) {
  lua_Integer n = luaL_len(L, table);
  luaL_checkstack(L, 3, NULL);
  char **v = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *v, 0);
  for (lua_Integer i = 0; i < n; i++) {
    lua_rawgeti(L, table, i + 1);
    v[i] = (char *)lua_tostring(L, -1); /* kept by the table; lua/fs.lua has made them strings */
    if (!v[i]) luaL_error(L, "a program's arguments and environment are strings");
    lua_pop(L, 1);
  }
  v[n] = NULL;
  return v;
}

static void add_output(lua_State *L, const char *name, const struct buf *b, bool cut) {
  lua_pushlstring(L, b->n ? (const char *)b->p : "", b->n);
  lua_setfield(L, -2, name);
  if (!cut) return;
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "cut");
}

static int push_end(lua_State *L, const struct command *c) {
  struct command_end end;
  command_result(c, &end);
  if (end.error) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(end.error));
    lua_pushinteger(L, end.error);
    return 3;
  }
  lua_createtable(L, 0, 6);
  if (!end.unknown) {
    bool killed = WIFSIGNALED(end.status);
    lua_pushinteger(L, killed ? WTERMSIG(end.status) : WEXITSTATUS(end.status));
    lua_setfield(L, -2, killed ? "signal" : "status");
    if (killed) {
      lua_pushstring(L, strsignal(WTERMSIG(end.status)));
      lua_setfield(L, -2, "signal_name");
    }
  }
  lua_pushboolean(L, end.timed_out);
  lua_setfield(L, -2, "timed_out");
  add_output(L, "stdout", &end.out, end.out_cut);
  add_output(L, "stderr", &end.err, end.err_cut);
  return 1;
}

/* run(argv, env, dir | nil, stdin | nil, timeout | nil, most) -> {status | signal, signal_name, timed_out, stdout, stderr,
** cut}, or nil, why, errno when the program cannot be started */
static int run(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 6);
  struct command_spec spec = {.argv = vector(L, 1), .envp = vector(L, 2), .dir = luaL_optstring(L, 3, NULL)};
  spec.input = luaL_optlstring(L, 4, NULL, &spec.input_n);
  spec.timeout_ns = lua_isnil(L, 5) ? FOREVER : (int64_t)(luaL_checknumber(L, 5) * 1e9);
  spec.most = (size_t)luaL_checkinteger(L, 6);
  struct engine *e = engine_of(L);
  struct wait *w = push_wait(L);
  w->command = command_start(&spec);
  if (!w->command) return luaL_fileresult(L, 0, NULL);
  w->fd = command_fd(w->command);
  join(w, e);
  while (!command_pump(w->command)) wait_once(L, e, FOREVER);
  leave(w);
  return push_end(L, w->command);
}

/* environment() -> array of "NAME=value" */
static int environment(lua_State *L) {
  lua_newtable(L);
  for (lua_Integer i = 0; environ && environ[i]; i++) {
    lua_pushstring(L, environ[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ===} {=== fifos === */

/* feed(path, bytes, seconds | nil) -> pid: a process that writes the bytes into the fifo for whoever reads it */
static int feed(lua_State *L) {
  size_t n;
  const char *path = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &n);
  int64_t timeout = lua_isnoneornil(L, 3) ? FOREVER : (int64_t)(luaL_checknumber(L, 3) * 1e9);
  int pid = feeder_start(path, bytes, n, timeout, root);
  if (pid < 0) return luaL_fileresult(L, 0, path);
  lua_pushinteger(L, pid);
  return 1;
}

/* fed(pid) -> has that feeder ended? */
static int fed(lua_State *L) {
  lua_pushboolean(L, feeder_gone((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* one read; 1: there may be more, 0: the end, -1: nothing yet, -2: errno */
static int read_some(struct wait *w) {
  if (buf_more(&w->bytes, 65536) != 0) return -2;
  ssize_t n = read(w->fd, w->bytes.p + w->bytes.n, w->bytes.cap - w->bytes.n);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? -1 : -2;
  w->bytes.n += (size_t)n;
  return n > 0;
}

/* before a writer has come, read gives an end, too; poll tells the two apart */
static bool writer_came(int fd) {
  struct pollfd f = {.fd = fd, .events = POLLIN};
  return poll(&f, 1, 0) > 0;
}

/* read_fifo(path, seconds | nil) -> all its bytes up to the end, or nil, why, errno (ETIMEDOUT when nobody writes) */
static int read_fifo(lua_State *L) {
  struct stat st;
  const char *path = luaL_checkstring(L, 1);
  int64_t deadline = lua_isnoneornil(L, 2) ? FOREVER : clock_after(luaL_checknumber(L, 2));
  struct engine *e = engine_of(L);
  struct wait *w = push_wait(L);
  w->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (w->fd < 0 || fstat(w->fd, &st) != 0) return luaL_fileresult(L, 0, path);
  if (!S_ISFIFO(st.st_mode)) return luaL_error(L, "%s: not a fifo", path);
  join(w, e);
  int got;
  while ((got = writer_came(w->fd) ? read_some(w) : -1) != 0 && got != -2) {
    if (got > 0) continue;
    errno = ETIMEDOUT;
    if (clock_ns() >= deadline) break;
    wait_once(L, e, deadline);
  }
  int why = errno;
  leave(w);
  errno = why;
  if (got != 0) return luaL_fileresult(L, 0, path);
  lua_pushlstring(L, w->bytes.n ? (const char *)w->bytes.p : "", w->bytes.n);
  return 1;
}

/* ===} */

static const luaL_Reg functions[] = {{"run", run}, {"environment", environment}, {"feed", feed},
                                     {"fed", fed}, {"read_fifo", read_fifo},     {NULL, NULL}};

static const luaL_Reg wait_metamethods[] = {{"__gc", wait_close}, {"__close", wait_close}, {NULL, NULL}};

int luaopen_papy_core_run(lua_State *L) {
  if (!root) root = getpid();
  if (luaL_newmetatable(L, WAIT)) luaL_setfuncs(L, wait_metamethods, 0);
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
