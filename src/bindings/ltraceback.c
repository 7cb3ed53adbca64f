#include <lauxlib.h>
#include <string.h>

#include "bindings/bindings.h"

/* a mistake of papy's own is shown where it was made */
static bool is_ours(const char *message) {
  return message && strncmp(message, OWN_SOURCE + 1, sizeof OWN_SOURCE - 2) == 0;
}

void ltraceback(lua_State *L, const char *message, int level, bool all) {
  lua_Debug ar;
  int i = level;
  for (; !is_ours(message) && lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "S", &ar);
    bool own = strncmp(ar.source, OWN_SOURCE, sizeof OWN_SOURCE - 1) == 0;
    if (*ar.what != 'C' && !own) break;
    all = all || own;
  }
  luaL_traceback(L, L, message, all ? i : level);
  size_t n, head = sizeof "\nstack traceback:" - 1;
  const char *text = lua_tolstring(L, -1, &n);
  if (n < head || strcmp(text + n - head, "\nstack traceback:") != 0) return;
  lua_pushlstring(L, text, n - head); /* a tail call has left none of the user's */
  lua_remove(L, -2);
}
