#include "host/state.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "bindings/bindings.h"
#include "host/coroutine.h"
#include "host/modules.h"
#include "host/paths.h"
#include "host/texts.h"
#include "runtime/loop.h"

static struct state_config config;

/* its address is the loop's key in the registry */
static const char loop_key;

void state_configure(const struct state_config *c) {
  config = *c;
}

static int free_loop(lua_State *L) {
  struct loop **slot = lua_touserdata(L, 1);
  if (*slot) loop_free(*slot);
  *slot = NULL;
  return 0;
}

/* Finalizers run in the reverse order of their marking: marked first, the loop goes last, after every pool. */
static void own_loop(lua_State *L) {
  struct loop **slot = lua_newuserdatauv(L, sizeof *slot, 0);
  *slot = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_loop);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loop_key);
  *slot = loop_new();
  if (!*slot) luaL_error(L, "cannot make the event loop: %s", strerror(errno));
}

struct loop *state_loop(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key);
  struct loop **slot = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return *slot;
}

static void open_libraries(lua_State *L) {
  lua_pushboolean(L, 1); /* the defaults are wanted here; paths_set reads the environment */
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  luaL_openlibs(L);
  coroutine_open(L);
  texts_open(L);
  lua_pushboolean(L, config.no_environment);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
}

static int fill(lua_State *L) {
  own_loop(L);
  open_libraries(L);
  paths_set(L, config.script, !config.no_environment);
  paths_push_papy_path(L, !config.no_environment);
  lnames_open(L);
  modules_open(L, config.lua_dir, lua_tostring(L, -1));
  bindings_open(L, state_loop(L), state_new);
  modules_require(L, "papy");
  lnames_push(L);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "papy");
  lua_pop(L, 1);
  lua_setglobal(L, "papy");
  /* old objects stay untouched by the collections of forked workers, so that their pages stay shared */
  lua_gc(L, LUA_GCGEN, 0, 0);
  return 0;
}

static lua_State *filled(lua_State *L) {
  lua_pushcfunction(L, fill);
  int status = lua_pcall(L, 0, 0, 0);
  if (status == LUA_OK) return L;
  if (status != LUA_ERRMEM) fprintf(stderr, "papy: cannot make a Lua state: %s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return NULL;
}

lua_State *state_new(void) {
  lua_State *L = luaL_newstate();
  return L ? filled(L) : NULL;
}

lua_State *state_new_in(lua_Alloc alloc, void *ud) {
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  lua_setallocf(L, alloc, ud);
  return filled(L);
}
