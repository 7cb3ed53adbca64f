/* What pipelines see of the tasks of pools: results for several readers, errors among them as values, and never a wait.
**
** core.pool, besides what lpool.c has:
**   ready(task)                          may the next result (or error, or end) be had without waiting?
**   task(pool, number, id, nil, nil, reader)  a view that gives errors as values, for reader number `reader`, from 0
**   reader(task) -> number              one reader more, of what nobody has read yet
**   unread(task)                        this reader reads no more
**   tryer(task) -> try                  try() -> item, true; or nil, true at the end; nil, false when there is nothing yet
**   stuck(task)                         raises what keeps its next result from coming, if nothing moves
**   skip(task)                          give up the result that is due next, unless it has just come: then false
**   submitted(task)                     how many items there are so far
**   give_way(pools)                     see lgive_way
**   taken()                             counts what try has moved
**   alarm(seconds, expected)            whoever waits looks around then; expected: an input may have something then, by itself
**   renew(pool)                         it rests, but will be started again */
#include <lauxlib.h>

#include "base/clock.h"
#include "base/pid.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"

/* a pipeline may ask for results of a pool that it has not started yet */
static bool is_started(const struct ltask *t) { return !t->gives || t->of.pool->rt || t->of.pool->stopped; }

/* the task at index 1, of a pool that runs; NULL when a pipeline has not started that pool yet */
static struct ltask *running_task(lua_State *L) {
  struct ltask *t = ltask_check(L, 1);
  if (!is_started(t)) return NULL;
  lpool_with(L, t);
  return t;
}

static struct shelf *shelf_of(const struct ltask *t) { return &t->of.pool->tk[t->of.task].shelf; }

static int ready(lua_State *L) {
  struct ltask *t = running_task(L);
  bool yes = false;
  if (t) {
    if (!shelf_waiting(shelf_of(t), t->of.reader)) lcollect(t->of.pool);
    yes = shelf_waiting(shelf_of(t), t->of.reader) || shelf_finished(shelf_of(t), t->of.reader);
  }
  lua_pushboolean(L, yes);
  return 1;
}

static int try(lua_State *L) {
  struct ltask *t = lua_touserdata(L, lua_upvalueindex(1));
  if (!is_started(t)) {
    lua_pushnil(L);
    lua_pushboolean(L, false);
    return 2;
  }
  return ltry(L, lpool_with(L, t), t->of);
}

static int tryer(lua_State *L) {
  ltask_check(L, 1);
  lua_settop(L, 1);
  lua_pushcclosure(L, try, 1);
  return 1;
}

static int stuck(lua_State *L) {
  struct ltask *t = running_task(L);
  struct engine *e = engine_of(L);
  if (!t || shelf_waiting(shelf_of(t), t->of.reader) || shelf_finished(shelf_of(t), t->of.reader) || !lall_idle(e)) return 0;
  ldeadlock(L, t->of.pool, t->of.task);
}

static int reader(lua_State *L) {
  struct ltask *t = running_task(L);
  int n = t ? shelf_reader(shelf_of(t)) : 0;
  if (n < 0) return luaL_error(L, "not enough memory");
  lua_pushinteger(L, n);
  return 1;
}

static int unread(lua_State *L) {
  struct ltask *t = ltask_check(L, 1);
  if (t->of.pool->pid == pid_own() && lpool_has(&t->of)) shelf_close(shelf_of(t), t->of.reader);
  return 0;
}

static int skip(lua_State *L) {
  struct ltask *t = running_task(L);
  if (t) lcollect(t->of.pool);
  bool late = t && !shelf_waiting(shelf_of(t), t->of.reader);
  if (late) pool_skip(t->of.pool->rt, t->of.task);
  lua_pushboolean(L, late);
  return 1;
}

static int submitted(lua_State *L) {
  struct ltask *t = running_task(L);
  struct pool_stats s = {0};
  if (t) pool_stats(t->of.pool->rt, (int32_t)t->of.task, &s);
  lua_pushinteger(L, (lua_Integer)s.submitted);
  return 1;
}

static int give_way(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushboolean(L, lgive_way(L, 1));
  return 1;
}

static int taken(lua_State *L) {
  lua_pushinteger(L, engine_of(L)->taken);
  return 1;
}

static int alarm_(lua_State *L) {
  struct engine *e = engine_of(L);
  double seconds = luaL_checknumber(L, 1);
  if (lua_toboolean(L, 2) && clock_after(seconds) > e->expected) e->expected = clock_after(seconds);
  if (!e->alarm.armed || clock_after(seconds) < e->alarm.when) waker_arm(&e->alarm, e->loop, -1, seconds);
  return 0;
}

static int renew(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  if (p->condemned && !lpool_finalizing(L)) lpool_end(p, true);
  p->stopped = false;
  return 0;
}

const luaL_Reg lview_functions[] = {
    {"ready", ready}, {"tryer", tryer}, {"stuck", stuck},     {"reader", reader},       {"unread", unread},     {"skip", skip},
    {"taken", taken}, {"alarm", alarm_}, {"submitted", submitted}, {"give_way", give_way}, {"renew", renew}, {NULL, NULL}};
