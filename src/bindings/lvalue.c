#include "bindings/lvalue.h"

/* by the module that has found the value */
static int push_decoder(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  return lua_getfield(L, -1, "papy.json") == LUA_TTABLE && lua_getfield(L, -1, "decode") == LUA_TFUNCTION;
}

void lvalue_push_json(lua_State *L, const struct value *v) {
  int place = lua_gettop(L) + 1;
  int decodes = push_decoder(L);
  lua_pushlstring(L, v->text, v->length);
  if (decodes) {
    lua_pushvalue(L, -1);
    lua_insert(L, -3);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1)) lua_pop(L, 1);
  }
  lua_replace(L, place);
  lua_settop(L, place);
}
