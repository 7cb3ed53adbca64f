/* core.log: base/log for Lua. lua/log.lua checks options. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "base/log.h"
#include "bindings/bindings.h"

/* the names of enum log_level */
static const char *const levels[] = {"debug", "info", "warn", "error", "off", NULL};

/* set(level, file | nil, size, number, stream | nil): stream is an open file of the io library */
static int set(lua_State *L) {
  int fd = -1, level = luaL_checkoption(L, 1, NULL, levels);
  const char *file = luaL_optstring(L, 2, NULL);
  lua_Integer size = luaL_checkinteger(L, 3), number = luaL_checkinteger(L, 4);
  if (!lua_isnoneornil(L, 5)) {
    luaL_Stream *s = luaL_checkudata(L, 5, LUA_FILEHANDLE);
    luaL_argcheck(L, s->closef, 5, "the file is closed");
    fflush(s->f);
    fd = fileno(s->f);
  }
  if (log_set((enum log_level)level, file, (uint64_t)size, (unsigned)number, fd) != 0) return luaL_error(L, "not enough memory");
  return 0;
}

/* write(level, name, text) -> true, or nil and why */
static int write_(lua_State *L) {
  size_t n;
  int level = luaL_checkoption(L, 1, NULL, levels);
  const char *name = luaL_checkstring(L, 2), *text = luaL_checklstring(L, 3, &n);
  return luaL_fileresult(L, log_write((enum log_level)level, name, text, n) == 0, NULL);
}

/* enabled(level) -> would it be written? */
static int enabled(lua_State *L) {
  int level = luaL_checkoption(L, 1, NULL, levels);
  lua_pushboolean(L, level >= (int)log_least() && level != LOG_OFF);
  return 1;
}

static int level(lua_State *L) {
  lua_pushstring(L, levels[log_least()]);
  return 1;
}

static const luaL_Reg functions[] = {
    {"set", set}, {"write", write_}, {"enabled", enabled}, {"level", level}, {NULL, NULL}};

int luaopen_papy_core_log(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
