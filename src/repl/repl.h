/* repl: the prompt. */
#ifndef PAPY_REPL_REPL_H
#define PAPY_REPL_REPL_H

#include <lua.h>
#include <stddef.h>

/* Read, run and print until Ctrl-D. Pools of L work on meanwhile. Raises only on lack of memory. */
void repl_run(lua_State *L);
/* Print text on lines of its own, above the line that is being typed if there is one. For what workers print: they
** send it to the host through a pipe, and whoever reads that pipe hands it to this function. */
void repl_print_above(const char *text, size_t n);

#endif
