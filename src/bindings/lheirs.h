/* lheirs: what a forked worker does not inherit. A program that writes into a pipe sees that nobody reads on only when no
** process has its other end any more; and whoever closes it (io.popen) waits for that program. So workers give up the
** ends of pipes that the host reads. */
#ifndef PAPY_BINDINGS_LHEIRS_H
#define PAPY_BINDINGS_LHEIRS_H

#include <lua.h>

/* have io.popen note what it opens for reading */
void lheirs_open(lua_State *L);
/* note the handle or source on top of the stack, which stays there */
void lheirs_note(lua_State *L);
/* in a worker: give up all that was noted; handles are at their end then, sources closed. May raise. */
void lheirs_give_up(lua_State *L);

#endif
