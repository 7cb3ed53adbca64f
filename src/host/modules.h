/* modules: how `require` finds papy's own Lua.
**
** "papy" and "papy.x" are the files of lua/; other names are those of stdlib/. Both are in the binary; with --lua DIR
** they are read from DIR instead. A file on PAPY_PATH wins over stdlib, never over lua/, which is in step with the C.
** Parts with a library of their own (src/modules) are shared objects found relative to the program. */
#ifndef PAPY_HOST_MODULES_H
#define PAPY_HOST_MODULES_H

#include <lua.h>

/* Insert the searcher behind package.preload. dir: of --lua, or NULL; papy_path: templates, may be empty.
** Raises on lack of memory. */
void modules_open(lua_State *L, const char *dir, const char *papy_path);

/* Push the module, as `require` gives it. Raises what it raises. */
void modules_require(lua_State *L, const char *name);

#endif
