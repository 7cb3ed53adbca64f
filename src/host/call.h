/* call: the one protected call. Everything that runs a user's code from outside goes through it: it adds the traceback
** to an error and lets Ctrl-C interrupt what runs. */
#ifndef PAPY_HOST_CALL_H
#define PAPY_HOST_CALL_H

#include <lua.h>

enum call_end {
  CALL_DONE,
  CALL_FAILED,     /* the message with its traceback, a string, is on the stack */
  CALL_INTERRUPTED /* the same; the cause was SIGINT */
};

/* Call the function below `nargs` arguments. The SIGINT handler stands only for the duration of the call. */
enum call_end call_run(lua_State *L, int nargs, int nresults);
/* After how many SIGINTs that the running code does not answer the process is left to die of them: 2 unless told
** (in a script), more at the prompt, where much can be lost. */
void call_set_patience(int presses);
/* Make the Lua code that this thread runs raise "interrupted!"; async-signal-safe. L: where it runs unless coroutines were
** entered. call_unbreak takes back what did not fire. */
void call_break(lua_State *L);
void call_unbreak(lua_State *L);
/* The coroutine co runs from now on; returns what ran before, for call_leave. */
lua_State *call_enter(lua_State *co);
void call_leave(lua_State *co, lua_State *before);
/* Print the message on top of the stack to stderr and pop it. */
void call_report(lua_State *L, const char *progname);

#endif
