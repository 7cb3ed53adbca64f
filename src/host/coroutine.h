/* coroutine: `coroutine.resume` and `coroutine.wrap` that Ctrl-C can see through. A hook belongs to one coroutine, so the
** signal handler has to know which one runs; Lua does not say, but whoever resumes it knows. Otherwise as Lua's own. */
#ifndef PAPY_HOST_COROUTINE_H
#define PAPY_HOST_COROUTINE_H

#include <lua.h>

/* put both into the table `coroutine` */
void coroutine_open(lua_State *L);

#endif
