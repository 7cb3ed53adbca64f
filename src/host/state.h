/* state: the one constructor of Lua states. The prompt, a script and a thread worker get theirs from here, so that
** what works in one works in the others. */
#ifndef PAPY_HOST_STATE_H
#define PAPY_HOST_STATE_H

#include <lua.h>

struct loop;

struct state_config {
  const char *script;  /* its directory is the first to look for modules in; NULL: none */
  const char *lua_dir; /* --lua: read papy's own Lua from this directory; NULL: from the binary */
  int no_environment;  /* -E */
};

/* What the states of this process are made for. Once, before the first state; the strings are borrowed for good. */
void state_configure(const struct state_config *config);
/* A fresh state with the standard libraries, the paths, papy's modules and the global `papy`. It owns a loop of its
** own, which lives until the last finalizer has run. Close it with lua_close. NULL without memory; NULL and a message
** on stderr when papy's own Lua fails. Safe to call from several threads. */
lua_State *state_new(void);
/* the same with an allocator of the caller's, compatible with realloc: for tests that let allocations fail */
lua_State *state_new_in(lua_Alloc alloc, void *ud);
/* the loop of the state, borrowed */
struct loop *state_loop(lua_State *L);

#endif
