/* bindings: what Lua sees of the C rooms. Argument checks, one call, push. */
#ifndef PAPY_BINDINGS_BINDINGS_H
#define PAPY_BINDINGS_BINDINGS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct loop;

/* Makes a fresh Lua state with everything a worker function may use (papy, stdlib, paths); NULL without memory.
** host hands it down so that thread workers, too, come from the one constructor. */
typedef lua_State *(*state_maker)(void);

/* Register package.preload["papy.core"] (the table of all C functions) in L, bound to the loop and the constructor.
** The loop is borrowed and outlives L. */
void bindings_open(lua_State *L, struct loop *loop, state_maker make);

/* What Lua's own names meant when the state was made (lnames.c): make the table, push it, push one of them. */
void lnames_open(lua_State *L);
void lnames_push(lua_State *L);
void lname_push(lua_State *L, const char *name);

/* how the sources of papy's own Lua are named in debug information; no file of a user's can be */
#define OWN_SOURCE "=[papy] "
/* Push message and traceback as luaL_traceback does, from the given level of L on, but without papy's own functions on top:
** the first line is the user's. C functions go with them, and, with `all`, in any case. */
void ltraceback(lua_State *L, const char *message, int level, bool all);

/* Let every pool of L move as far as it can without waiting: pull, submit, collect. Called by whoever waits with
** loop_wait. Runs protected: never raises. Returns the number of tasklets submitted. */
int bindings_turn(lua_State *L);

/* Keep the text of a chunk by its name as debug.getinfo gives it ("=stdin", "@job.lua"), so that functions in it can be saved.
** A name may have several texts: a file that was loaded, changed and loaded again. */
void bindings_keep_text(lua_State *L, const char *chunk, const char *text, size_t n);

/* While a prompt runs: whole lines that workers (started from now on) print go to `sink`, called from bindings_turn and from
** every wait. 0, or -1 with errno. Release ends it and hands on the rest. */
typedef void (*output_sink)(const char *text, size_t n);
int bindings_capture(lua_State *L, output_sink sink);
void bindings_release(lua_State *L);

/* The path at arg; raises when it is none, or has a zero byte in it, behind which no system call would look. (lfs.c) */
const char *path_arg(lua_State *L, int arg);

/* With what a `for` that is left early closes, and its step function on top of that: return the four values that it takes. */
int for_values(lua_State *L);

/* One luaopen_ per C file of this room; each pushes its table of functions, a field of papy.core. */
int luaopen_papy_core_pool(lua_State *L);   /* lpool.c: core.pool */
int luaopen_papy_core_regex(lua_State *L);  /* lregex.c: core.regex */
int luaopen_papy_core_chunks(lua_State *L); /* lchunks.c: core.chunks */
int luaopen_papy_core_sys(lua_State *L);    /* lsys.c: core.sys (now, cpus, null, sleep, columns, texts) */
int luaopen_papy_core_codec(lua_State *L);  /* lcodec.c: core.codec (encode, decode, class) */
int luaopen_papy_core_fs(lua_State *L);     /* lfs.c: core.fs */
int luaopen_papy_core_run(lua_State *L);    /* lrun.c: core.run (programs, fifos) */
int luaopen_papy_core_source(lua_State *L); /* lsource.c: core.source (streams of bytes) */
int luaopen_papy_core_log(lua_State *L);    /* llog.c: core.log */
int luaopen_papy_core_term(lua_State *L);   /* lterm.c: core.term */
int luaopen_papy_core_sort(lua_State *L);   /* lsort.c: core.sort */
int luaopen_papy_core_tally(lua_State *L);  /* ltally.c: core.tally */
int luaopen_papy_core_flow(lua_State *L);   /* lflow.c: core.flow (plans compiled to runners) */
int luaopen_papy_core_fields(lua_State *L); /* lfields.c: core.fields (splitters, expressions) */
void ltimes_open(lua_State *L);             /* ltimes.c: adds times and buckets to it, on top of the stack */

#endif
