#include "host/paths.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* the two variables of `package`, and what belongs to them */
struct kind {
  const char *field;
  const char *env, *env_versioned;
  const char *in_dir; /* the templates of a directory, \1 standing for it */
  const char *rocks;  /* below the home directory */
  const char *here;   /* what Lua's default ends in */
};

static const struct kind lua_modules = {
    "path", "LUA_PATH", "LUA_PATH_5_4", "\1/?.lua;\1/?/init.lua", "/.luarocks/share/lua/5.4", "./?.lua;./?/init.lua",
};
static const struct kind c_modules = {
    "cpath", "LUA_CPATH", "LUA_CPATH_5_4", "\1/?.so", "/.luarocks/lib/lua/5.4", "./?.so",
};

static void add(luaL_Buffer *b, const char *templates) {
  if (!*templates) return;
  if (luaL_bufflen(b) > 0) luaL_addchar(b, ';');
  luaL_addstring(b, templates);
}

static void add_dir(luaL_Buffer *b, const struct kind *k, const char *dir, size_t n) {
  if (luaL_bufflen(b) > 0) luaL_addchar(b, ';');
  for (const char *t = k->in_dir; *t; t++) {
    if (*t == '\1') luaL_addlstring(b, dir, n);
    else luaL_addchar(b, *t);
  }
}

/* Elements of PAPY_PATH are directories, or templates; separated by ';' as in LUA_PATH or by ':' as in PATH. */
static void add_papy_path(luaL_Buffer *b, const struct kind *k, int environment) {
  const char *p = environment ? getenv("PAPY_PATH") : NULL;
  while (p && *p) {
    size_t n = strcspn(p, ";:");
    int is_template = memchr(p, '?', n) != NULL;
    if (n > 0 && !is_template) {
      add_dir(b, k, p, n);
    } else if (n > 0 && k == &lua_modules) {
      if (luaL_bufflen(b) > 0) luaL_addchar(b, ';');
      luaL_addlstring(b, p, n);
    }
    p += n + (p[n] != '\0');
  }
}

/* The directory of the script itself: where a link to it points to, so that a tool linked into ~/bin finds its parts. */
static void add_script_dir(luaL_Buffer *b, const struct kind *k, const char *script) {
  char real[PATH_MAX];
  struct stat st;
  if (!script) return;
  if (lstat(script, &st) == 0 && S_ISLNK(st.st_mode) && realpath(script, real)) script = real;
  const char *slash = strrchr(script, '/');
  if (!slash) add_dir(b, k, ".", 1);
  else if (slash == script) add_dir(b, k, "", 0);
  else add_dir(b, k, script, (size_t)(slash - script));
}

/* The system's directories, ~/.luarocks before the current directory. `builtin` is Lua's own default. */
static void add_system(luaL_Buffer *b, const struct kind *k, const char *builtin) {
  const char *home = getenv("HOME");
  size_t n = strlen(builtin), tail = strlen(k->here);
  int ends_here = n > tail && strcmp(builtin + n - tail, k->here) == 0;
  if (luaL_bufflen(b) > 0) luaL_addchar(b, ';');
  luaL_addlstring(b, builtin, ends_here ? n - tail - 1 : n);
  if (home && *home) {
    char rocks[PATH_MAX];
    if (strlen(home) + strlen(k->rocks) < sizeof rocks) {
      strcat(strcpy(rocks, home), k->rocks);
      add_dir(b, k, rocks, strlen(rocks));
    }
  }
  if (ends_here) add(b, k->here);
}

/* LUA_PATH replaces the system's directories; an empty element (";;") in it stands for them, once. */
static void add_lua_path(luaL_Buffer *b, const struct kind *k, const char *path, const char *builtin) {
  int pending = 1;
  if (strcmp(path, ";;") == 0) {
    add_system(b, k, builtin);
    return;
  }
  for (const char *p = path;;) {
    size_t n = strcspn(p, ";");
    if (n > 0) {
      if (luaL_bufflen(b) > 0) luaL_addchar(b, ';');
      luaL_addlstring(b, p, n);
    }
    if (!p[n]) return;
    p += n + 1;
    if (*p == ';' && pending) {
      add_system(b, k, builtin);
      pending = 0;
    }
  }
}

static void set(lua_State *L, const struct kind *k, const char *script, int environment) {
  luaL_Buffer b;
  lua_getfield(L, -1, k->field);
  const char *builtin = lua_tostring(L, -1);
  const char *env = environment ? getenv(k->env_versioned) : NULL;
  if (environment && !env) env = getenv(k->env);
  luaL_buffinit(L, &b);
  add_script_dir(&b, k, script);
  add_papy_path(&b, k, environment);
  if (env) add_lua_path(&b, k, env, builtin);
  else add_system(&b, k, builtin);
  luaL_pushresult(&b);
  lua_setfield(L, -3, k->field);
  lua_pop(L, 1);
}

void paths_set(lua_State *L, const char *script, int environment) {
  lua_getglobal(L, "package");
  set(L, &lua_modules, script, environment);
  set(L, &c_modules, script, environment);
  lua_pop(L, 1);
}

void paths_push_papy_path(lua_State *L, int environment) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  add_papy_path(&b, &lua_modules, environment);
  luaL_pushresult(&b);
}
