#include "bindings/bindings.h"

#include <lauxlib.h>

#include "bindings/engine.h"
#include "bindings/lheirs.h"
#include "bindings/lpool.h"

static const luaL_Reg modules[] = {{"sys", luaopen_papy_core_sys},       {"codec", luaopen_papy_core_codec},
                                   {"pool", luaopen_papy_core_pool},     {"regex", luaopen_papy_core_regex},
                                   {"chunks", luaopen_papy_core_chunks}, {"fs", luaopen_papy_core_fs},
                                   {"run", luaopen_papy_core_run},       {"log", luaopen_papy_core_log},
                                   {"source", luaopen_papy_core_source},
                                   {"tally", luaopen_papy_core_tally}, {"flow", luaopen_papy_core_flow},
                                   {"fields", luaopen_papy_core_fields},
                                   {"term", luaopen_papy_core_term},   {"sort", luaopen_papy_core_sort},
                                   {NULL, NULL}};

/* papy.core: one field per module */
static int open_core(lua_State *L) {
  lua_newtable(L);
  for (const luaL_Reg *m = modules; m->name; m++) {
    lua_pushcfunction(L, m->func);
    lua_call(L, 0, 1);
    lua_setfield(L, -2, m->name);
  }
  return 1;
}

void bindings_open(lua_State *L, struct loop *loop, state_maker make) {
  engine_open(L, loop, make);
  lheirs_open(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open_core);
  lua_setfield(L, -2, "papy.core");
  lua_pop(L, 1);
}

int for_values(lua_State *L) {
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 4; /* step, nil, nil, and what is closed */
}

static int turn(lua_State *L) {
  lua_pushinteger(L, lfeed_all(L, engine_of(L), true));
  return 1;
}

int bindings_turn(lua_State *L) {
  int moves = 0;
  if (!lua_checkstack(L, 10)) return 0;
  lua_pushcfunction(L, turn);
  if (lua_pcall(L, 0, 1, 0) == LUA_OK) moves = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return moves;
}
