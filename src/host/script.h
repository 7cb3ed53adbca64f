/* script: from the command line to the exit status. */
#ifndef PAPY_HOST_SCRIPT_H
#define PAPY_HOST_SCRIPT_H

#include <lua.h>

/* the prompt, handed down because host knows nothing of repl; may raise on lack of memory */
typedef void (*prompt_fn)(lua_State *L);

/* 0; 1 after an uncaught error; 2 for wrong usage. After an uncaught Ctrl-C the process dies of SIGINT here, so that
** whoever started it can tell. */
int script_main(int argc, char **argv, prompt_fn prompt);

#endif
