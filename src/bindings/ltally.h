/* ltally: what the loop of a flow knows of a tally that Lua holds. */
#ifndef PAPY_BINDINGS_LTALLY_H
#define PAPY_BINDINGS_LTALLY_H

#include <lua.h>

struct tally;

/* The tally at idx, borrowed as long as its userdata lives; raises when there is none. */
struct tally *tally_arg(lua_State *L, int idx);

#endif
