/* Lua's functions and libraries under the names they had when the state was made: the environment of papy's own Lua. A person
** may well say `type = "csv"`, `next = roots:next()` or `table = {}`, and nothing of papy's may break for it. Whatever else a file
** of ours names is a global; so is print, which workers replace. */
#include <lauxlib.h>

#include "bindings/bindings.h"
#include "codec/codec.h"

void lnames_open(lua_State *L) {
  lua_newtable(L);
  lua_pushglobaltable(L);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pushnil(L);
  lua_setfield(L, -2, "print");
  lua_setfield(L, LUA_REGISTRYINDEX, CODEC_GLOBALS);
}

void lnames_push(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, CODEC_GLOBALS);
}

void lname_push(lua_State *L, const char *name) {
  lnames_push(L);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}
