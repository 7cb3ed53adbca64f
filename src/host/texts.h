/* texts: the text of Lua files is kept as it was when it was loaded, so that functions in them can be saved though the file
** changes afterwards. */
#ifndef PAPY_HOST_TEXTS_H
#define PAPY_HOST_TEXTS_H

#include <lua.h>

/* Let dofile, loadfile and require keep what they load. After luaL_openlibs, before another searcher is put in. */
void texts_open(lua_State *L);
/* Keep the text of a file that is to be loaded; nothing when it cannot be read, is no regular file, is longer than TEXT_MOST or
** has no function in it. */
void texts_keep_file(lua_State *L, const char *path);

#endif
