#include "bindings/lheirs.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <unistd.h>

#include "bindings/bindings.h"
#include "scan/source.h"

#define NOTED "papy.heirs" /* registry: handles and sources as weak keys */

void lheirs_note(lua_State *L) {
  if (!luaL_getsubtable(L, LUA_REGISTRYINDEX, NOTED)) {
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* upvalue: Lua's own */
static int note_popen(lua_State *L) {
  int reads = lua_isnoneornil(L, 2) || luaL_checkstring(L, 2)[0] == 'r';
  int args = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, args, LUA_MULTRET);
  int results = lua_gettop(L);
  if (reads && luaL_testudata(L, 1, LUA_FILEHANDLE)) {
    lua_pushvalue(L, 1);
    lheirs_note(L);
    lua_pop(L, 1);
  }
  return results;
}

void lheirs_open(lua_State *L) {
  lname_push(L, LUA_IOLIBNAME);
  lua_getfield(L, -1, "popen");
  lua_pushcclosure(L, note_popen, 1);
  lua_setfield(L, -2, "popen");
  lua_pop(L, 1);
}

static void give_up(lua_State *L, int idx, int nowhere) {
  luaL_Stream *stream = luaL_testudata(L, idx, LUA_FILEHANDLE);
  struct source *source = luaL_testudata(L, idx, SOURCE_CLASS);
  if (stream && stream->closef && nowhere >= 0) dup2(nowhere, fileno(stream->f));
  if (source && source->close) source->close(source);
}

void lheirs_give_up(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, NOTED) != LUA_TTABLE) {
    lua_pop(L, 1);
    return;
  }
  int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    give_up(L, lua_gettop(L), nowhere);
  }
  if (nowhere >= 0) close(nowhere);
  lua_pop(L, 1);
}
