/* lsort: what the loop of a flow knows of a sorter that Lua holds. */
#ifndef PAPY_BINDINGS_LSORT_H
#define PAPY_BINDINGS_LSORT_H

#include <lua.h>

struct sorter;

/* The sorter at idx, borrowed as long as its userdata lives; raises when there is none. */
struct sorter *sorter_arg(lua_State *L, int idx);

#endif
