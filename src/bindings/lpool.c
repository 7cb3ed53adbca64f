/* The pool's life as Lua sees it: made closed, given tasks by lua/numap.lua, started, stopped, started again, collected.
**
** core.pool:
**   new() -> pool                       a pool without tasks; its table of fields by fields(pool), a task's likewise
**   start(pool, config)                 config: see pool_start_, and read_task for each of its tasks
**   next(pool, number, timeout, block)  the next result, nil at the end; raises the item's error, or kind timeout
**   stop(pool, force, timeout)
**   state(pool) -> "new" | "started" | "stopped"
**   stats(pool [, number [, step]]) -> table  of this run, or of the last one; `tasks`: how many it has. Of one task: its
**                                       failures up to that of its composed functions
**   idle()                              is nothing with any worker?
**   on_turn(f), off_turn(f)             f() is called whenever papy waits: it moves what it can without waiting itself and
**                                       returns how much that was
**   wait([seconds])                     one wait for news, while everything works: "moved", "time" or "idle" (without a time:
**                                       nothing is under way); raises "interrupted!"
**   metatables() -> pool's, task's      for lua/numap.lua to add methods to
** and what ltask.c and lview.c add. */
#include <errno.h>
#include <lauxlib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pid.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"
#include "runtime/loop.h"

/* ---- finding things ---- */

_Noreturn static void no_pool(lua_State *L, int arg) {
  lerror_raise(L, "option", "a pool or a task expected, got %s; methods are called with a colon, as in pool:next()",
               luaL_typename(L, arg));
}

struct lpool *lpool_check(lua_State *L, int arg) {
  struct lpool *p = luaL_testudata(L, arg, POOL_CLASS);
  if (!p) no_pool(L, arg);
  return p;
}

bool lpool_push(lua_State *L, struct lpool *p) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->engine->refs);
  bool lives = lua_rawgeti(L, -1, p->number) != LUA_TNIL;
  lua_remove(L, -2);
  return lives;
}

void lpool_push_table(lua_State *L, struct lpool *p) {
  if (!lpool_push(L, p)) return;
  lua_getiuservalue(L, -1, 1);
  lua_remove(L, -2);
}

void lpool_no_finalizer(lua_State *L) {
  if (lpool_finalizing(L)) lerror_raise(L, "pool", "a finalizer (__gc) can stop a pool, but neither start one nor wait for one");
}

struct lpool *lpool_running(lua_State *L, struct lpool *p) {
  if (p->condemned && !lpool_finalizing(L)) lpool_end(p, true);
  if (p->rt && p->pid == pid_own()) return p;
  if (p->rt) lpool_raise(L, p, "closed", " belongs to another process: a worker can only use pools it makes itself");
  lpool_raise(L, p, "closed", " is %s", p->stopped ? "stopped" : "not started; call start() first");
}

/* ---- making and ending ---- */

static int pool_new(lua_State *L) {
  struct lpool *p = lua_newuserdatauv(L, sizeof *p, 2);
  memset(p, 0, sizeof *p);
  p->pulling = -1;
  buf_heap(&p->shipment);
  p->engine = engine_of(L);
  p->pid = pid_own();
  luaL_setmetatable(L, POOL_CLASS);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  p->work = lua_newthread(L);
  lua_setiuservalue(L, -2, 2);
  p->number = ++p->engine->numbers;
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->engine->refs);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, p->number);
  lua_pop(L, 1);
  return 1;
}

static void leave_engine(struct lpool *p) {
  struct lpool **at = &p->engine->pools;
  while (*at && *at != p) at = &(*at)->next;
  if (*at) *at = p->next;
  p->engine->version++;
}

static void keep_stats(struct lpool *p) {
  pool_stats(p->rt, -1, &p->last);
  p->last.alive = p->last.in_flight = 0;
  for (uint32_t t = 0; t < p->tasks; t++) pool_stats(p->rt, (int32_t)t, &p->tk[t].last);
}

void lpool_end(struct lpool *p, bool now) {
  struct pool *rt = p->rt;
  keep_stats(p);
  p->rt = NULL;
  p->stopped = true;
  p->stopping = p->condemned = false;
  leave_engine(p);
  for (uint32_t t = 0; t < p->tasks; t++) shelf_end(&p->tk[t].shelf);
  p->engine->workers -= p->workers;
  if (!pool_stop(rt, now, clock_ns() + (now ? 0 : LEAVE_NS))) p->engine->haunted = true;
}

static void forget_tasks(struct lpool *p) {
  for (uint32_t t = 0; t < p->tasks; t++) free(p->tk[t].part);
  free(p->tk);
  p->tk = NULL;
  p->tasks = 0;
}

/* no input draws on p any more */
static void forget_draws(const struct lpool *p) {
  if (p->engine->pid != pid_own()) return; /* in a worker the list is the parent's */
  for (struct lpool *q = p->engine->pools; q; q = q->next)
    for (uint32_t t = 0; t < q->tasks; t++) {
      struct tk *k = &q->tk[t];
      uint32_t kept = 0;
      for (uint32_t i = 0; i < k->drawn; i++)
        if (k->draws[i].pool != p) k->draws[kept++] = k->draws[i];
      k->drawn = kept;
    }
}

/* the collector, or the end of the state: whoever is left must go at once. In a worker the pool is its parent's. */
static int pool_gc(lua_State *L) {
  struct lpool *p = luaL_checkudata(L, 1, POOL_CLASS);
  if (p->rt && p->pid == pid_own()) lpool_end(p, true);
  p->rt = NULL;
  forget_draws(p);
  forget_tasks(p);
  buf_free(&p->shipment);
  return 0;
}

/* ---- starting ---- */

static lua_Integer number_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}

static bool true_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  bool yes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return yes;
}

static double timeout_field(lua_State *L, int table) {
  double seconds = lua_getfield(L, table, "timeout") == LUA_TNIL ? -1 : lua_tonumber(L, -1);
  lua_pop(L, 1);
  return seconds;
}

/* the tasks an input reads: an array of task views */
static void read_parts(lua_State *L, struct lpool *p, struct tk *k) {
  k->parts = (uint32_t)lua_rawlen(L, -1);
  if (!(k->part = calloc(k->parts + 1, sizeof *k->part))) luaL_error(L, "not enough memory");
  for (uint32_t i = 0; i < k->parts; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    struct ltask *t = ltask_check(L, -1);
    if (t->of.pool->rt && t->of.pool->pid != pid_own()) lpool_running(L, t->of.pool);
    k->part[i] = t->of;
    if (t->of.pool == p && t->of.task < p->tasks) p->tk[t->of.task].consumed = true;
    lua_pop(L, 1);
  }
}

static void to_slot(lua_State *L, int uv, uint32_t t, int slot) {
  lua_rawseti(L, uv, (lua_Integer)t * SLOTS + 1 + slot);
}

/* one task of the configuration, on top of the stack (popped): {f, args, argn, input, kind, pure, plain, wakes, parts,
** name, tracked, limit (seconds), retries, id; of pipelines also chain, has_args, boxed, readers}. With chain = n the first
** three and the names are arrays, one element for each of the composed functions. */
static void read_task(lua_State *L, struct lpool *p, uint32_t t, struct task_options *o, int uv) {
  static const char *const kinds[] = {"table", "call", "own", "next", "task", "zip", NULL};
  static const struct {
    const char *name;
    int slot;
  } slots[] = {{"f", SLOT_FUNCTION}, {"args", SLOT_ARGS}, {"argn", SLOT_ARGN},
               {"input", SLOT_INPUT}, {"name", SLOT_NAME}, {"tracked", SLOT_TRACKED}};
  struct tk *k = &p->tk[t];
  int task = lua_gettop(L);
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    lua_getfield(L, task, slots[i].name);
    if (slots[i].slot == SLOT_TRACKED) k->track = !lua_isnil(L, -1);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushboolean(L, 0);
    }
    to_slot(L, uv, t, slots[i].slot);
  }
  lua_getfield(L, task, "kind");
  k->kind = (enum input_kind)luaL_checkoption(L, -1, "call", kinds);
  k->pure = true_field(L, task, "pure");
  k->plain = true_field(L, task, "plain");
  k->wakes = true_field(L, task, "wakes");
  k->id = number_field(L, task, "id");
  k->boxed = true_field(L, task, "boxed");
  o->steps = k->chain = (uint32_t)number_field(L, task, "chain");
  k->args = true_field(L, task, "has_args");
  k->readers = (uint32_t)number_field(L, task, "readers");
  if (!k->readers) k->readers = 1;
  k->retries = (uint32_t)number_field(L, task, "retries");
  lua_getfield(L, task, "parts");
  if (lua_istable(L, -1)) read_parts(L, p, k);
  lua_getfield(L, task, "limit");
  lua_Number limit = lua_tonumber(L, -1);
  o->limit = limit < 9e8 ? (int64_t)(limit * 1e9) : 0; /* as clock_after */
  o->retries = k->retries;
  k->limited = o->limit != 0;
  lua_settop(L, task - 1);
}

/* What the collector freed stands in malloc's unsorted bins, and whoever next wants a large block sorts it, writing
** into pages all over the heap: 52 MB of 488 in each worker. Better once, here: 0.1 MB. One large malloc sorts ten
** thousand pieces at most. */
static void settle_malloc(void) {
  malloc_trim(0);
  for (int i = 0; i < 100; i++) {
    void *volatile p = malloc(64 << 10);
    free(p);
  }
}

/* Old objects must not be touched by the workers' collections, else every page is copied: make everything old, unless little
** has come since the last time. The measure is private dirty memory per worker after a million tasklets. */
static void settle_collector(lua_State *L, struct engine *e) {
  size_t now = (size_t)lua_gc(L, LUA_GCCOUNT) << 10;
  lua_gc(L, LUA_GCGEN, 0, 0);
  if (e->settled && now < e->settled + e->settled / 4 + (1 << 20)) return;
  lua_gc(L, LUA_GCCOLLECT);
  settle_malloc();
  e->settled = (size_t)lua_gc(L, LUA_GCCOUNT) << 10;
}

/* A pool nobody holds keeps its workers until the collector finds it. The collector weighs memory only, and with a large heap it
** hardly ever comes; so workers have a weight, too. */
static void end_unheld(lua_State *L, struct engine *e) {
  if (e->workers < e->workers_most || e->workers < WORKERS_UNSEEN) return;
  lua_gc(L, LUA_GCCOLLECT);
  e->workers_most = 2 * e->workers + WORKERS_UNSEEN;
}

static int pool_start_(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lpool_no_finalizer(L);
  if (p->condemned) lpool_end(p, true);
  struct engine *e = p->engine = engine_of(L);
  end_unheld(L, e);
  struct heap *heap = engine_heap(L, e);
  lua_getiuservalue(L, 1, 1);
  lua_getfield(L, 2, "tasks"); /* 4 */
  uint32_t n = (uint32_t)lua_rawlen(L, 4);
  forget_tasks(p);
  struct task_options *task = lua_newuserdatauv(L, (n + 1) * sizeof *task, 0); /* 5 */
  if (!(p->tk = calloc(n + 1, sizeof *p->tk))) return luaL_error(L, "not enough memory");
  p->tasks = n;
  for (uint32_t t = 0; t < n; t++) {
    lua_rawgeti(L, 4, (lua_Integer)t + 1);
    read_task(L, p, t, &task[t], 3);
  }
  p->skip = true_field(L, 2, "skip");
  p->threads = true_field(L, 2, "threads");
  p->block = true_field(L, 2, "block");
  p->timeout = timeout_field(L, 2);
  p->workers = (uint32_t)number_field(L, 2, "workers");
  struct pool_options o = {.workers = p->workers, .tasks = n, .stride = (uint32_t)number_field(L, 2, "stride"),
                           .buffer = (uint32_t)number_field(L, 2, "buffer"), .batch = (uint32_t)number_field(L, 2, "batch"),
                           .threads = p->threads, .ordered = true_field(L, 2, "ordered"),
                           .pipe = true_field(L, 2, "pipe"), .task = task};
  struct craft craft;
  if (p->threads)
    lcraft_ship(L, p);
  else
    lcraft_prepare(L, p);
  settle_collector(L, e);
  p->pid = pid_own();
  p->run++;
  p->pulling = -1;
  p->stopping = p->stopped = false;
  if (!lcraft(&craft, p)) return luaL_error(L, "not enough memory");
  p->rt = pool_start(&o, e->loop, heap, &craft);
  if (!p->rt) lpool_raise(L, p, "pool", ": cannot start %d workers: %s", (int)o.workers, strerror(errno));
  p->next = e->pools;
  e->pools = p;
  e->workers += p->workers;
  e->version++;
  for (uint32_t t = 0; t < n; t++)
    if (!shelf_start(&p->tk[t].shelf, p->rt, t, p->tk[t].readers)) {
      lpool_end(p, true);
      return luaL_error(L, "not enough memory");
    }
  lfeed(L, p, FEED_ALL, true);
  if (p->rt) pool_flush(p->rt);
  return 0;
}

/* ---- results ---- */

/* a task of the run under way, as its first reader sees it */
static struct part own_part(struct lpool *p, uint32_t task) { return (struct part){p, task, 0, p->tk[task].id}; }

static int pool_next(lua_State *L) {
  struct lpool *p = lpool_running(L, lpool_check(L, 1));
  lua_Integer task = luaL_checkinteger(L, 2);
  if (task < 1 || task > p->tasks) lpool_raise(L, p, "task", ": no task %I; there are %d", task, (int)p->tasks);
  bool block = lua_isnoneornil(L, 4) || lua_toboolean(L, 4);
  return lnext(L, p, own_part(p, (uint32_t)task - 1), ltimeout_arg(L, 3), block, 0);
}

/* pool(...): without a function, a step of the generic for over task 1; else add_task (the Lua side's, upvalue 1) */
static int pool_call(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  if (!lua_isnoneornil(L, 2)) {
    lua_getfield(L, 1, "add_task");
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
  }
  lpool_running(L, p);
  lua_settop(L, 1);
  if (p->tasks == 0) return 0;
  return lnext(L, p, own_part(p, 0), p->timeout, p->block, 0);
}

/* ---- waiting ---- */

static int idle(lua_State *L) {
  lua_pushboolean(L, lall_idle(engine_of(L)));
  return 1;
}

static int on_turn(lua_State *L) {
  luaL_checkany(L, 1);
  lturn_push(L);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  return 0;
}

static int off_turn(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lturn_push(L);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2), kept = 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    if (lua_rawequal(L, -1, 1))
      lua_pop(L, 1);
    else
      lua_rawseti(L, 2, ++kept);
  }
  for (; n > kept; n--) {
    lua_pushnil(L);
    lua_rawseti(L, 2, n);
  }
  return 0;
}

static int wait_(lua_State *L) {
  double seconds = ltimeout_arg(L, 1);
  lua_pushstring(L, lwait_once(L, engine_of(L), seconds < 0 ? FOREVER : clock_after(seconds)));
  return 1;
}

static int pool_stop_(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  return lstop(L, p, lua_toboolean(L, 2), ltimeout_arg(L, 3));
}

/* ---- looking ---- */

static int fields(lua_State *L) {
  if (!luaL_testudata(L, 1, POOL_CLASS) && !luaL_testudata(L, 1, TASK_CLASS)) no_pool(L, 1);
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static int state(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  lua_pushstring(L, p->rt && !p->condemned ? "started" : p->stopped || p->condemned ? "stopped" : "new");
  return 1;
}

static void set_number(lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static int stats(lua_State *L) {
  struct lpool *p = lpool_check(L, 1);
  lua_Integer task = luaL_optinteger(L, 2, 0);
  if (p->rt) lpool_running(L, p);
  if (task < 0 || task > p->tasks) lpool_raise(L, p, "task", ": no task %I; there are %d", task, (int)p->tasks);
  struct pool_stats s = task ? p->tk[task - 1].last : p->last;
  if (p->rt) pool_stats(p->rt, (int32_t)task - 1, &s);
  lua_createtable(L, 0, 11);
  set_number(L, "submitted", s.submitted);
  set_number(L, "done", s.done);
  set_number(L, "failed", s.failed);
  set_number(L, "delivered", s.delivered);
  set_number(L, "skipped", s.skipped);
  if (task) {
    if (p->rt && lua_isinteger(L, 3))
      set_number(L, "failed", pool_failed(p->rt, (uint32_t)task - 1, (uint32_t)lua_tointeger(L, 3)));
    return 1;
  }
  set_number(L, "retried", s.retried);
  set_number(L, "deaths", s.deaths);
  set_number(L, "in_flight", s.in_flight);
  set_number(L, "alive", s.alive);
  set_number(L, "tasks", p->tasks);
  lua_createtable(L, (int)p->workers, 0);
  for (uint32_t n = 0; p->rt && n < p->workers; n++) {
    double working;
    pool_worker_time(p->rt, n, &working);
    lua_createtable(L, 0, 2);
    if (pool_worker_pid(p->rt, n)) set_number(L, "pid", (uint64_t)pool_worker_pid(p->rt, n));
    lua_pushnumber(L, working);
    lua_setfield(L, -2, "working");
    lua_rawseti(L, -2, (lua_Integer)n + 1);
  }
  lua_setfield(L, -2, "workers");
  return 1;
}

static int metatables(lua_State *L) {
  luaL_getmetatable(L, POOL_CLASS);
  luaL_getmetatable(L, TASK_CLASS);
  return 2;
}

static const luaL_Reg functions[] = {
    {"new", pool_new},   {"start", pool_start_},    {"next", pool_next}, {"stop", pool_stop_},   {"state", state},
    {"stats", stats},    {"fields", fields},        {"idle", idle},      {"on_turn", on_turn},   {"off_turn", off_turn},
    {"wait", wait_},     {"metatables", metatables}, {NULL, NULL}};
static const luaL_Reg pool_meta[] = {{"__gc", pool_gc}, {"__call", pool_call}, {NULL, NULL}};

int luaopen_papy_core_pool(lua_State *L) {
  luaL_newmetatable(L, POOL_CLASS);
  luaL_setfuncs(L, pool_meta, 0);
  luaL_newlib(L, functions);
  ltask_open(L);
  luaL_setfuncs(L, lview_functions, 0);
  return 1;
}
