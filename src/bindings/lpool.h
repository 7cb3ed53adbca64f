/* lpool: the pool as the bindings see it. Shared by lpool.c (life), ltask.c (views of results), lfeed.c (pull), lsubmit.c
** (submit), lturn.c (what moves meanwhile), lnext.c (wait, deliver), lview.c (what pipelines see), lcraft.c (making
** workers) and lwork.c (what they do); few others include this. */
#ifndef PAPY_BINDINGS_LPOOL_H
#define PAPY_BINDINGS_LPOOL_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "bindings/engine.h"
#include "runtime/pool.h"
#include "runtime/shelf.h"

#define POOL_CLASS "papy.NuMap"
#define TASK_CLASS "papy.Task"

enum input_kind {
  INPUT_TABLE, /* an array: elements 1, 2, … until nil */
  INPUT_CALL,  /* anything callable */
  INPUT_OWN,   /* papy's own: a function that never waits and gives several items at once */
  INPUT_NEXT,  /* an object with a method next */
  INPUT_TASK,  /* results of one task, handed on by reference */
  INPUT_ZIP    /* results of several, joined */
};

enum { PARTS_MOST = 64, DRAWS_MOST = 8, PULL_MOST = 64 };

struct part {
  struct lpool *pool;
  uint32_t task, reader;
  lua_Integer id; /* which of the pool's tasks it is, of all there ever were: numbers are given anew in each run */
};

/* what the bindings know of a task; the Lua values stand in the pool's table (see the slots below) */
struct tk {
  enum input_kind kind;
  bool pure;    /* the input cannot draw on tasks: pulled only when there is room */
  bool wakes;   /* papy's own, which wakes the loop once it has something again; */
  bool awaited; /* so it did say that it had nothing */
  bool plain;   /* an array without a metatable */
  bool held;    /* a pulled item waits for room, */
  bool held_error; /* or what the input raised */
  bool track;
  bool asked;   /* its own input is being called */
  bool limited; /* has a task_timeout */
  bool consumed; /* another task of this pool reads it */
  bool boxed;    /* the function gets {item} */
  bool args;     /* some of the composed functions have arguments */
  uint32_t chain; /* how many functions it is composed of, 0: it is not, but a function of its own */
  lua_Integer id;
  uint32_t readers;
  struct shelf shelf;     /* of the run under way */
  struct pool_stats last; /* its numbers at the end of the run */
  uint32_t retries;
  uint64_t pulled;
  int64_t pull_ns; /* how long the last pull took */
  struct part *part;
  uint32_t parts;
  struct part draws[DRAWS_MOST]; /* tasks an opaque input was seen to take results from */
  uint32_t drawn;
};

struct lpool {
  struct pool *rt; /* NULL: not started, or stopped */
  struct engine *engine;
  struct lpool *next; /* among the engine's */
  lua_Integer number; /* in the weak table of pools */
  pid_t pid;          /* who started it */
  unsigned run;       /* counts its starts */
  unsigned search;    /* of the engine's, the last that came by */
  lua_State *work;    /* the Lua thread workers compute in; unused in the host */
  struct tk *tk; /* of the run, or of the last one */
  uint32_t tasks, workers;
  struct pool_stats last; /* the numbers at the end of the run */
  bool skip, stopping, stopped, threads;
  bool block;           /* what calling the pool itself does, the generic for's way: wait, */
  double timeout;       /* and how long; < 0: for ever */
  bool condemned;       /* stopped by a finalizer: ended when it is next looked at */
  int pulling;          /* the task whose input is being pulled, or -1 */
  struct buf shipment;  /* functions and arguments, for threads */
};

struct ltask {
  struct part of;
  bool gives; /* for pipelines: errors are given, not raised, and room is made where nothing moves */
  bool block;
  double timeout; /* < 0: none */
};

/* The pool's user value is a table: fields of the Lua side by name, and per task t (from 0) at t*SLOTS+1...: */
enum { SLOT_FUNCTION, SLOT_ARGS, SLOT_INPUT, SLOT_HELD, SLOT_NAME, SLOT_TRACKED, SLOT_ARGN, SLOTS };
/* push the pool itself; false (and nil) when it is being collected */
bool lpool_push(lua_State *L, struct lpool *p);
/* push that table; nil likewise */
void lpool_push_table(lua_State *L, struct lpool *p);
/* push its name; nil likewise */
void lpool_push_name(lua_State *L, struct lpool *p);
/* push the name of a task, or false; of a chain the table with the names of its functions and their pipers */
void lpool_push_names(lua_State *L, struct lpool *p, uint32_t task);
/* Does a finalizer run? It may run wherever Lua allocates, in the middle of an item: it can neither wait for a pool nor start
** one, and a pool it stops is only marked. (The collector answers nothing meanwhile.) */
static inline bool lpool_finalizing(lua_State *L) { return lua_gc(L, LUA_GCISRUNNING) < 0; }
void lpool_no_finalizer(lua_State *L);
/* After user code: is the pool still in that run? An input may stop its pool, even start it anew: then what was known of the
** run (tasks, frames, tk) is gone. */
static inline bool lpool_still(const struct lpool *p, unsigned run) { return p->rt && p->run == run; }

/* lpool.c */
struct lpool *lpool_check(lua_State *L, int arg);
/* the running pool, or raise kind "closed" */
struct lpool *lpool_running(lua_State *L, struct lpool *p);

/* is it a task of the run under way? */
static inline bool lpool_has(const struct part *t) {
  return t->pool->rt && t->task < t->pool->tasks && t->pool->tk[t->task].id == t->id &&
         t->reader < t->pool->tk[t->task].shelf.readers;
}

/* end the run: workers leave (killed when now), the pool can be started again */
void lpool_end(struct lpool *p, bool now);

/* a timeout in seconds; -1: none is given */
static inline double ltimeout_arg(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? -1 : luaL_checknumber(L, arg);
}

/* ltask.c */
struct ltask *ltask_check(lua_State *L, int arg);
/* raise if what this views is gone; else its pool, which runs with this very task in it */
struct lpool *lpool_with(lua_State *L, const struct ltask *t);
/* make the class; add functions of core.pool to the table on top of the stack */
void ltask_open(lua_State *L);

/* lfeed.c */

/* Pull and submit while there are turns and room; stops early once task `until` (>= 0) has its result, and with FEED_A_WHILE
** when slow inputs have taken their time. Returns how many inputs moved. May call user code (pulls), so it may raise only
** "interrupted!"; everything else becomes an item. */
enum { FEED_ALL = -1, FEED_A_WHILE = -2 };
int lfeed(lua_State *L, struct lpool *p, int until, bool idle);
/* one item of task t out of its turn, for an input that waits for it; false: there is none */
bool lborrow(lua_State *L, struct lpool *p, uint32_t t);
/* an input that is other tasks */
static inline bool lfrom_tasks(const struct tk *k) { return k->kind == INPUT_TASK || k->kind == INPUT_ZIP; }
/* is what was raised (on top) Ctrl-C? */
bool lis_interrupt(lua_State *L);

/* lsubmit.c: the next item of task t, when there is room */

/* the value on top (popped) */
void lsubmit_value(lua_State *L, struct lpool *p, uint32_t t);
/* an item that has failed, with the error on top (popped) */
void lsubmit_error(lua_State *L, struct lpool *p, uint32_t t);
/* make what was raised (on top, replaced) the error of an item that cannot be submitted */
void lsubmit_blame(lua_State *L, struct lpool *p, uint32_t t, const char *kind);

/* lturn.c */

/* Nothing moves, though not everything has ended: give way in the pools of the array at index `pools`. First to tasks that
** could go on out of their turn; then full buffers are emptied of results nobody takes. False: that was no help. */
bool lgive_way(lua_State *L, int pools);
/* push the array of functions to be called at every turn */
void lturn_push(lua_State *L);
/* in a forked worker: those functions are the parent's */
void lturn_forget(lua_State *L);
/* feed, collect and flush every pool of the engine, and call those functions; returns how much moved */
int lfeed_all(lua_State *L, struct engine *e, bool idle);

/* pool_collect, of which everybody is told: whoever collects may not be whom the news concerns */
static inline void lcollect(struct lpool *p) {
  if (pool_collect(p->rt)) p->engine->news = true;
}

/* lnext.c */
/* the next result of a task for a reader; `view`: index of a task that gives (see ltask), or 0 */
int lnext(lua_State *L, struct lpool *p, struct part from, double timeout, bool block, int view);
/* the same without waiting: pushes the result, or nil at the end, and true; or false when there is none yet */
int ltry(lua_State *L, struct lpool *p, struct part from);
/* the wait was ended by Ctrl-C */
_Noreturn void linterrupted(lua_State *L);
/* wait until the deadline while all pools work; raises "interrupted!" */
void lwait_until(lua_State *L, struct engine *e, int64_t deadline);
/* is nothing with any worker and no input awaited, so that nothing will move by itself? */
bool lall_idle(const struct engine *e);
/* One wait for news. Returns "moved", "time" (the deadline has passed) or "idle" (no deadline, and nothing is under way). */
const char *lwait_once(lua_State *L, struct engine *e, int64_t deadline);
/* Push the value of a frame (an error frame: the error). Returns true for an error. Never raises but for memory. */
bool lframe_push(lua_State *L, const struct part *from, const struct frame *f, uint64_t index);
int lstop(lua_State *L, struct lpool *p, bool force, double timeout);
/* keep the value on top for `tracked`; stays on top */
void ltrack(lua_State *L, struct lpool *p, uint32_t task, uint64_t index);

/* lview.c: more functions of core.pool */
extern const luaL_Reg lview_functions[];

/* lcraft.c */
/* what the workers of p do, with all they need; false: no memory */
bool lcraft(struct craft *c, struct lpool *p);
/* encode functions and arguments for thread workers; raises what cannot be sent */
void lcraft_ship(lua_State *L, struct lpool *p);
/* lay functions and arguments on the stack of the thread forked workers compute in */
void lcraft_prepare(lua_State *L, struct lpool *p);

/* errors: lua/error.lua makes them. Push the function `name` of module papy.error. */
void lerror_push(lua_State *L, const char *name);
/* is the value on top a papy.Error? */
static inline bool lerror_is(lua_State *L) {
  if (lua_type(L, -1) != LUA_TTABLE || !lua_getmetatable(L, -1)) return false;
  luaL_getmetatable(L, "papy.Error");
  bool yes = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return yes;
}
_Noreturn void ldeadlock(lua_State *L, struct lpool *p, uint32_t task);
_Noreturn void lerror_raise(lua_State *L, const char *kind, const char *fmt, ...);
/* the same about a pool, which the message names */
_Noreturn void lpool_raise(lua_State *L, struct lpool *p, const char *kind, const char *fmt, ...);

#endif
