#include <lauxlib.h>
#include <string.h>

#include "bindings/bindings.h"

void ltraceback(lua_State *L, const char *message, int level, bool all) {
  lua_Debug ar;
  for (int i = level; lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "S", &ar);
    bool own = strncmp(ar.source, OWN_SOURCE, sizeof OWN_SOURCE - 1) == 0;
    if (*ar.what == 'C' || own) {
      all = all || own;
      continue;
    }
    if (all) level = i;
    break;
  }
  luaL_traceback(L, L, message, level);
}
