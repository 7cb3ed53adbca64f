#include "host/modules.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/bindings.h"
#include "host/embed.h"

/* upvalues of the searcher */
#define DIR lua_upvalueindex(1)
#define PAPY_PATH lua_upvalueindex(2)

static int by_path(const void *path, const void *file) {
  return strcmp(path, ((const struct embed *)file)->path);
}

static const struct embed *embed_find(const char *path) {
  return bsearch(path, embed_files, embed_count, sizeof *embed_files, by_path);
}

/* Push the path of module `name` in lua/, or nil when its name is none of ours. */
static void push_core_path(lua_State *L, const char *name) {
  if (strcmp(name, "papy") == 0) {
    lua_pushliteral(L, "lua/papy.lua");
  } else if (strncmp(name, "papy.", 5) == 0) {
    luaL_gsub(L, name + 5, ".", "/");
    lua_pushfstring(L, "lua/%s.lua", lua_tostring(L, -1));
    lua_remove(L, -2);
  } else {
    lua_pushnil(L);
  }
}

static void push_stdlib_path(lua_State *L, const char *name) {
  luaL_gsub(L, name, ".", "/");
  lua_pushfstring(L, "stdlib/%s.lua", lua_tostring(L, -1));
  lua_remove(L, -2);
}

/* Is there such a file of ours? Replaces the path on top by the true one if it lies in DIR. */
static int have(lua_State *L) {
  if (lua_isnil(L, -1)) return 0;
  if (lua_isnil(L, DIR)) return embed_find(lua_tostring(L, -1)) != NULL;
  lua_pushfstring(L, "%s/%s", lua_tostring(L, DIR), lua_tostring(L, -1));
  lua_replace(L, -2);
  return access(lua_tostring(L, -1), R_OK) == 0;
}

/* the loader and where it comes from; a file that does not compile is an error of `require` */
static int loaded(lua_State *L, int status, const char *path) {
  if (status != LUA_OK)
    return luaL_error(L, "error loading module '%s' from '%s':\n\t%s", lua_tostring(L, 1), path, lua_tostring(L, -1));
  lua_pushstring(L, path);
  return 2;
}

static int load_text(lua_State *L, const char *path) {
  if (!lua_isnil(L, DIR)) return luaL_loadfile(L, path);
  const struct embed *file = embed_find(path);
  lua_pushfstring(L, OWN_SOURCE "%s", path);
  return luaL_loadbufferx(L, file->text, file->n, lua_tostring(L, -1), "t");
}

static int load_ours(lua_State *L) {
  const char *path = lua_tostring(L, -1);
  int status = load_text(L, path);
  if (status == LUA_OK) {
    lnames_push(L);
    lua_setupvalue(L, -2, 1); /* its _ENV */
  }
  return loaded(L, status, path);
}

/* Leaves the file's path on the stack when PAPY_PATH has module `name`. */
static int on_papy_path(lua_State *L) {
  if (lua_rawlen(L, PAPY_PATH) == 0) return 0;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchpath");
  lua_pushvalue(L, 1);
  lua_pushvalue(L, PAPY_PATH);
  lua_call(L, 2, 1);
  if (!lua_isnil(L, -1)) return 1;
  lua_pop(L, 3);
  return 0;
}

/* {=== parts with a library of their own (src/modules) === */

/* what Debian calls the library, and what it takes to build with it; a line here, a line in the Makefile */
static const struct optional {
  const char *name, *library, *to_build;
} optional[] = {
    {"archive", "libarchive13", "libarchive-dev and zlib1g-dev"},
    {"compress", "libarchive13", "libarchive-dev"},
    {"json", "libsimdjson14", "libsimdjson-dev"},
};

static const struct optional *optional_find(const char *name) {
  size_t n = sizeof optional / sizeof *optional;
  if (strncmp(name, "papy.", 5) != 0) return NULL;
  for (size_t i = 0; i < n; i++)
    if (strcmp(name + 5, optional[i].name) == 0) return &optional[i];
  return NULL;
}

/* Push the path of the module: below the program where it was built, or beside it where it was installed. */
static int push_optional_path(lua_State *L, const char *name) {
  static const char *const places[] = {"%s/modules/papy/%s.so", "%s/../lib/papy/papy/%s.so"};
  char program[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
  program[n < 0 ? 0 : n] = '\0';
  char *slash = strrchr(program, '/');
  if (slash) *slash = '\0';
  for (int i = 0; slash && i < 2; i++) {
    lua_pushfstring(L, places[i], program, name);
    if (access(lua_tostring(L, -1), R_OK) == 0) return 1;
    lua_pop(L, 1);
  }
  return 0;
}

/* the module's loader and its path; a module that cannot be had is an error that says what to install */
static int load_optional(lua_State *L, const struct optional *o) {
  if (!push_optional_path(L, o->name))
    return luaL_error(L, "papy.%s is not part of this papy: install %s (so Debian names it) and build papy again",
                      o->name, o->to_build);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "loadlib");
  lua_pushvalue(L, -4);
  lua_pushfstring(L, "luaopen_papy_%s", o->name);
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2))
    return luaL_error(L, "cannot load papy.%s, which needs %s (so Debian names it): %s", o->name, o->library,
                      lua_tostring(L, -1));
  lua_pop(L, 1);
  lua_pushvalue(L, -4);
  return 2;
}

/* ===} */

static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const struct optional *o = optional_find(name);
  push_core_path(L, name);
  if (have(L)) return load_ours(L);
  if (o) return load_optional(L, o);
  push_stdlib_path(L, name);
  if (!have(L)) {
    lua_pushfstring(L, "no module '%s' in papy itself", name);
    return 1;
  }
  if (on_papy_path(L)) {
    const char *path = lua_tostring(L, -1);
    return loaded(L, luaL_loadfile(L, path), path);
  }
  return load_ours(L);
}

/* papy.texts: text(path) -> the text of one of papy's own files, or nil; text() -> their paths */
static int text(lua_State *L) {
  if (lua_isnone(L, 1)) {
    lua_createtable(L, (int)embed_count, 0);
    for (size_t i = 0; i < embed_count; i++) {
      lua_pushstring(L, embed_files[i].path);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
  }
  const struct embed *file = embed_find(luaL_checkstring(L, 1));
  if (!file) return 0;
  lua_pushlstring(L, file->text, file->n);
  return 1;
}

static int open_texts(lua_State *L) {
  lua_pushcfunction(L, text);
  return 1;
}

void modules_require(lua_State *L, const char *name) {
  lname_push(L, "require");
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

void modules_open(lua_State *L, const char *dir, const char *papy_path) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) { /* room behind preload */
    lua_geti(L, -1, i);
    lua_seti(L, -2, i + 1);
  }
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open_texts);
  lua_setfield(L, -2, "papy.texts");
  lua_pop(L, 1);
  lua_pushstring(L, dir); /* nil for NULL */
  lua_pushstring(L, papy_path);
  lua_pushcclosure(L, search, 2);
  lua_seti(L, -2, 2);
  lua_pop(L, 2);
}
