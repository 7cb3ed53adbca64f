/* ltask: a task's results, as Lua takes them one by one.
**
** core.pool, besides what lpool.c has:
**   task(pool, number, id, timeout, block)  a view of a task's results. id: which of all tasks the pool ever had; a view of a
**                                       task that is not of the run under way is refused
**   take(task, timeout, block)          its next result, as core.pool.next gives it */
#include <lauxlib.h>

#include "base/pid.h"
#include "bindings/lpool.h"

struct ltask *ltask_check(lua_State *L, int arg) { return luaL_checkudata(L, arg, TASK_CLASS); }

struct lpool *lpool_with(lua_State *L, const struct ltask *t) {
  struct lpool *p = t->of.pool;
  if (!p->rt || p->pid != pid_own() || p->condemned) lpool_running(L, p);
  if (!lpool_has(&t->of)) lpool_raise(L, p, "task", ": this task belongs to an earlier run, or was taken out");
  return p;
}

/* task(): its next result. The generic for comes here; this is the fast way. */
static int task_call(lua_State *L) {
  struct ltask *t = lua_touserdata(L, 1);
  struct lpool *p = lpool_with(L, t);
  lua_settop(L, 1);
  return lnext(L, p, t->of, t->timeout, t->block, t->gives ? 1 : 0);
}

static int task_take(lua_State *L) {
  struct ltask *t = ltask_check(L, 1);
  struct lpool *p = lpool_with(L, t);
  return lnext(L, p, t->of, ltimeout_arg(L, 2), lua_isnoneornil(L, 3) || lua_toboolean(L, 3), 0);
}

static int pool_task(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  lua_Integer number = luaL_checkinteger(L, 2), id = luaL_optinteger(L, 3, 0);
  double timeout = ltimeout_arg(L, 4);
  lua_settop(L, 6);
  struct ltask *t = lua_newuserdatauv(L, sizeof *t, 2);
  *t = (struct ltask){.of = {p, (uint32_t)number - 1, (uint32_t)luaL_optinteger(L, 6, 0), id}, .gives = !lua_isnoneornil(L, 6),
                      .block = lua_isnoneornil(L, 5) || lua_toboolean(L, 5), .timeout = timeout};
  luaL_setmetatable(L, TASK_CLASS);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 1); /* keeps the pool alive */
  lua_setiuservalue(L, -2, 2);
  return 1;
}

static const luaL_Reg functions[] = {{"task", pool_task}, {"take", task_take}, {NULL, NULL}};

void ltask_open(lua_State *L) {
  luaL_newmetatable(L, TASK_CLASS);
  lua_pushcfunction(L, task_call);
  lua_setfield(L, -2, "__call");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
