/* Lua's own functions do the loading; these stand before them and read the file once more. Reading it twice is what keeps them
** exact: modes, environments, errors and yields are Lua's own. */
#include "host/texts.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "bindings/bindings.h"

#define ORIGINAL lua_upvalueindex(1)

static int is_worth_keeping(const char *path, size_t *size) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TEXT_MOST) return 0;
  *size = (size_t)st.st_size;
  return 1;
}

static ssize_t read_file(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  ssize_t n = read(fd, text, size);
  close(fd);
  return n;
}

void texts_keep_file(lua_State *L, const char *path) {
  size_t size;
  if (!is_worth_keeping(path, &size)) return;
  const char *chunk = lua_pushfstring(L, "@%s", path);
  char *text = lua_newuserdatauv(L, size, 0); /* Lua's, since keeping may raise */
  ssize_t n = read_file(path, text, size);
  if (n > 0 && memmem(text, (size_t)n, "function", 8)) bindings_keep_text(L, chunk, text, (size_t)n);
  lua_pop(L, 2);
}

static void keep_argument(lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING) texts_keep_file(L, lua_tostring(L, 1));
}

static int loadfile(lua_State *L) {
  keep_argument(L);
  lua_pushvalue(L, ORIGINAL);
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int results(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return lua_gettop(L);
}

static int dofile(lua_State *L) {
  keep_argument(L);
  lua_pushvalue(L, ORIGINAL);
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, results);
  return results(L, LUA_OK, 0);
}

/* package.searchers[2]: a loader and the file's path, or a string that says where there was none */
static int search(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, ORIGINAL);
  lua_insert(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  if (lua_gettop(L) == 2 && lua_isfunction(L, 1) && lua_isstring(L, 2)) texts_keep_file(L, lua_tostring(L, 2));
  return lua_gettop(L);
}

static void wrap_global(lua_State *L, const char *name, lua_CFunction f) {
  lua_getglobal(L, name);
  lua_pushcclosure(L, f, 1);
  lua_setglobal(L, name);
}

void texts_open(lua_State *L) {
  wrap_global(L, "loadfile", loadfile);
  wrap_global(L, "dofile", dofile);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  lua_geti(L, -1, 2);
  lua_pushcclosure(L, search, 1);
  lua_seti(L, -2, 2);
  lua_pop(L, 2);
}
