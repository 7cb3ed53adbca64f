/* core.sys: time, processors, waiting. */
#include <lauxlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"

static int now(lua_State *L) {
  lua_pushnumber(L, (double)clock_ns() / 1e9);
  return 1;
}

static int cpus(lua_State *L) {
  lua_pushinteger(L, cpus_usable());
  return 1;
}

/* sleep(seconds): pools work on meanwhile */
static int sleep_(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "a number of seconds, 0 or more, expected");
  lwait_until(L, engine_of(L), clock_after(seconds));
  return 0;
}

static int getpid_(lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}

/* columns([fd]) -> columns of the terminal that standard output (fd: 2, standard error) is; 80 when it does not say;
** nil when it is none */
static int columns(lua_State *L) {
  struct winsize size;
  int fd = (int)luaL_optinteger(L, 1, STDOUT_FILENO);
  if (!isatty(fd)) return 0;
  lua_pushinteger(L, ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80);
  return 1;
}

/* error_class(metatable): what lua/error.lua makes its errors of */
static int error_class(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "papy.Error");
  return 0;
}

/* traceback(level): of the function that many levels above its caller's, as people want it */
static int traceback(lua_State *L) {
  ltraceback(L, NULL, (int)luaL_checkinteger(L, 1), true);
  return 1;
}

static const luaL_Reg functions[] = {{"now", now},
                                     {"cpus", cpus},
                                     {"sleep", sleep_},
                                     {"getpid", getpid_},
                                     {"columns", columns},
                                     {"traceback", traceback},
                                     {"error_class", error_class},
                                     {NULL, NULL}};

/* The texts of chunks by their names as debug.getinfo gives them, an array for each: core.sys.texts */
static void push_texts(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "papy.texts");
}

void bindings_keep_text(lua_State *L, const char *chunk, const char *text, size_t n) {
  push_texts(L);
  luaL_getsubtable(L, -1, chunk);
  lua_Integer last = luaL_len(L, -1);
  lua_geti(L, -1, last);
  lua_pushlstring(L, text, n);
  if (!lua_rawequal(L, -1, -2)) lua_seti(L, -3, last + 1);
  else lua_pop(L, 1);
  lua_pop(L, 3);
}

/* papy.null prints as null; light userdata share one metatable, so others print as ever */
static int light_tostring(lua_State *L) {
  const void *p = lua_topointer(L, 1);
  if (p) lua_pushfstring(L, "userdata: %p", p);
  else lua_pushliteral(L, "null");
  return 1;
}

static void dress_null(lua_State *L) {
  lua_pushlightuserdata(L, NULL);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, light_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

int luaopen_papy_core_sys(lua_State *L) {
  dress_null(L);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  push_texts(L);
  lua_setfield(L, -2, "texts");
  return 1;
}
