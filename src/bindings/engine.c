#include "bindings/engine.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pid.h"
#include "bindings/lpool.h"
#include "runtime/loop.h"
#include "runtime/pool.h"

static const char key = 0; /* its address is the engine's place in the registry */

/* the heap goes with the state, unless the state is a copy in a forked worker */
static int engine_gc(lua_State *L) {
  struct engine *e = lua_touserdata(L, 1);
  if (e->pid != pid_own()) return 0;
  if (!e->haunted) heap_delete(e->heap);
  e->heap = NULL;
  waker_leave(&e->alarm);
  if (e->own_loop) loop_free(e->loop);
  return 0;
}

void engine_open(lua_State *L, struct loop *loop, state_maker make) {
  struct engine *e = lua_newuserdatauv(L, sizeof *e, 0);
  *e = (struct engine){.loop = loop, .make = make, .pid = pid_own()};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, engine_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  e->refs = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void renew(lua_State *L, struct engine *e) {
  struct loop *loop = loop_new();
  lturn_forget(L);
  if (!loop) luaL_error(L, "cannot wait in this worker: %s", strerror(errno));
  *e = (struct engine){.loop = loop, .make = e->make, .refs = e->refs, .numbers = e->numbers, .pid = pid_own(), .own_loop = true,
                       .captured = e->captured || e->output};
}

struct engine *engine_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  struct engine *e = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (e->pid != pid_own()) renew(L, e);
  return e;
}

struct heap *engine_heap(lua_State *L, struct engine *e) {
  if (!e->heap && !(e->heap = heap_new())) luaL_error(L, "cannot reserve shared memory: %s", strerror(errno));
  return e->heap;
}
