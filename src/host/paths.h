/* paths: where `require` looks for modules that are not papy's own.
**
** The script's directory, PAPY_PATH, LUA_PATH_5_4 or LUA_PATH, the system's directories, ~/.luarocks, and last the
** current directory; package.cpath likewise. */
#ifndef PAPY_HOST_PATHS_H
#define PAPY_HOST_PATHS_H

#include <lua.h>

/* Set package.path and package.cpath; luaL_openlibs has run with LUA_NOENV, so that they hold Lua's own defaults.
** script: its path, or NULL; environment: may it be read? Raises on lack of memory. */
void paths_set(lua_State *L, const char *script, int environment);
/* Push the templates that PAPY_PATH stands for; an empty string when there are none. */
void paths_push_papy_path(lua_State *L, int environment);

#endif
