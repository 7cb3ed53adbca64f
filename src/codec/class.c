/* class: the metatables that travel, by name.
**
** One table per state, in the registry, holds both directions: name -> metatable and metatable -> name; a string is
** never a table, so they do not collide. */
#include <lauxlib.h>

#include "codec/codec.h"
#include "codec/state.h"

static const char classes_key = 0;  /* its address is the key */

/* Replace the key on top by what the table of classes has for it. */
static bool class_get(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key) != LUA_TTABLE) {
    lua_replace(L, -2);  /* no class yet: nil */
    return false;
  }
  lua_insert(L, -2);
  bool found = lua_rawget(L, -2) != LUA_TNIL;
  lua_replace(L, -2);
  return found;
}

bool class_name(lua_State *L) { return class_get(L); }

bool class_metatable(lua_State *L) { return class_get(L); }

static void need_classes(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &classes_key);
}

/* Raise unless classes[key] is free or already is `value`. */
static void check_free(lua_State *L, int key, int value, const char *name) {
  lua_pushvalue(L, key);
  if (class_get(L) && !lua_rawequal(L, -1, value)) {
    if (lua_isstring(L, -1)) lua_pushfstring(L, "this metatable is class '%s' already", lua_tostring(L, -1));
    else lua_pushfstring(L, "class '%s' has another metatable already", name);
    lua_error(L);
  }
  lua_pop(L, 1);
}

static void put(lua_State *L, int classes, int key, int value) {
  lua_pushvalue(L, key);
  lua_pushvalue(L, value);
  lua_rawset(L, classes);
}

void codec_class(lua_State *L, const char *name) {
  luaL_checkstack(L, 8, "no room to register a class");
  int meta = lua_gettop(L);
  if (!lua_istable(L, meta)) {
    lua_pushfstring(L, "class '%s' needs a metatable, not a %s", name, luaL_typename(L, meta));
    lua_error(L);
  }
  lua_pushstring(L, name);
  need_classes(L);
  int key = meta + 1, classes = meta + 2;
  check_free(L, key, meta, name);
  check_free(L, meta, key, name);
  put(L, classes, key, meta);  /* readers first: if memory ends here, nothing is sent that cannot be read */
  put(L, classes, meta, key);
  lua_settop(L, meta - 1);
}
