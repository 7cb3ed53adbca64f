/* Waiting and delivering: the loop of design, `next(task)`. */
#include <errno.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pid.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"
#include "codec/codec.h"
#include "codec/wire.h"
#include "runtime/loop.h"
#include "runtime/proc.h"

/* ---- errors ---- */

void lerror_push(lua_State *L, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "papy.error");
  lua_getfield(L, -1, name);
  lua_insert(L, -3);
  lua_pop(L, 2);
}

/* raise what papy.error's function `raiser` makes of the kind, the message on top, and the name below it if there is one */
_Noreturn static void raise_error(lua_State *L, const char *raiser, const char *kind, int names) {
  lerror_push(L, raiser);
  lua_insert(L, -2 - names);
  lua_pushstring(L, kind);
  lua_insert(L, -2 - names);
  lua_call(L, 2 + names, 0);
  luaL_error(L, "papy.error.%s returned", raiser);
  __builtin_unreachable();
}

void lerror_raise(lua_State *L, const char *kind, const char *fmt, ...) {
  va_list args;
  luaL_checkstack(L, 10, NULL);
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  raise_error(L, "raise_plain", kind, 0);
}

void lpool_push_name(lua_State *L, struct lpool *p) {
  lpool_push_table(L, p);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, "name");
  lua_remove(L, -2);
}

void lpool_raise(lua_State *L, struct lpool *p, const char *kind, const char *fmt, ...) {
  va_list args;
  luaL_checkstack(L, 10, NULL);
  lpool_push_name(L, p);
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  raise_error(L, "raise_in", kind, 1);
}

/* ---- frames to values ---- */

struct bytes {
  const void *p;
  size_t n;
};

static int decode_protected(lua_State *L) {
  struct bytes *b = lua_touserdata(L, 1);
  codec_decode(L, b->p, b->n);
  return 1;
}

/* push the decoded value, or (false) what the decoder said */
static bool decode(lua_State *L, const void *p, size_t n) {
  if (n > 0 && *(const uint8_t *)p < TAG_REF) { /* a number, a string: nothing can refuse it */
    codec_decode(L, p, n);
    return true;
  }
  struct bytes b = {p, n};
  lua_pushcfunction(L, decode_protected);
  lua_pushlightuserdata(L, &b);
  return lua_pcall(L, 1, 1, 0) == LUA_OK;
}

void lpool_push_names(lua_State *L, struct lpool *p, uint32_t task) {
  lpool_push_table(L, p);
  if (!lua_istable(L, -1)) return;
  lua_rawgeti(L, -1, (lua_Integer)task * SLOTS + 1 + SLOT_NAME);
  lua_remove(L, -2);
}

/* the words for a tasklet whose worker is gone, of a chain in that step; its request, if it can be had, shows the item */
static void push_fault(lua_State *L, const struct part *from, const struct fault *f, uint32_t step, uint64_t index) {
  struct lpool *p = from->pool;
  struct frame request;
  char cause[80] = "";
  if (f->cause == FAULT_DIED) proc_cause(f->status, cause, sizeof cause);
  if (f->cause == FAULT_NO_WORKER && f->status) snprintf(cause, sizeof cause, "%s", strerror(f->status));
  lerror_push(L, "of_fault");
  lua_pushstring(L, f->cause == FAULT_TIMEOUT ? "timeout" : f->cause == FAULT_NO_MEMORY ? "memory"
                    : f->cause == FAULT_DIED  ? "died"
                                              : "no worker");
  lua_pushstring(L, cause);
  lua_pushinteger(L, (lua_Integer)from->task + 1);
  lua_pushinteger(L, (lua_Integer)index);
  lpool_push_names(L, p, from->task);
  lua_pushinteger(L, step);
  lua_pushinteger(L, f->attempts);
  if (!(p->rt && shelf_request(&p->tk[from->task].shelf, from->reader, &request) && !(request.kind & (FRAME_LIST | FRAME_FAULT)) &&
        decode(L, request.body, request.len)))
    lua_pushnil(L);
  if (p->tk && p->tk[from->task].boxed && !lua_isnil(L, -1)) { /* shown as the function would have seen it */
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
  }
  lpool_push_name(L, p);
  lua_call(L, 9, 1);
}

bool lframe_push(lua_State *L, const struct part *from, const struct frame *f, uint64_t index) {
  if (f->kind & FRAME_FAULT) {
    struct fault fault;
    memcpy(&fault, f->body, sizeof fault);
    push_fault(L, from, &fault, f->step, index);
    return true;
  }
  if (decode(L, f->body, f->len)) return f->kind & FRAME_ERROR;
  lerror_push(L, "of_codec");
  lua_insert(L, -2);
  lua_pushinteger(L, (lua_Integer)from->task + 1);
  lua_pushinteger(L, (lua_Integer)index);
  lpool_push_name(L, from->pool);
  lua_call(L, 4, 1);
  return true;
}

void ltrack(lua_State *L, struct lpool *p, uint32_t task, uint64_t index) {
  int value = lua_gettop(L);
  if (!p->tk[task].track) return;
  lpool_push_table(L, p);
  if (lua_istable(L, -1) && lua_rawgeti(L, -1, (lua_Integer)task * SLOTS + 1 + SLOT_TRACKED) == LUA_TTABLE) {
    lua_pushvalue(L, value);
    lua_rawseti(L, -2, (lua_Integer)index);
  }
  lua_settop(L, value);
}

/* ---- waiting ---- */

void linterrupted(lua_State *L) {
  lua_pushliteral(L, "interrupted!"); /* no position: the traceback says where, and it is nobody's mistake */
  lua_error(L);
  __builtin_unreachable();
}

static bool awaits_input(const struct lpool *p) {
  for (uint32_t t = 0; t < p->tasks; t++)
    if (p->tk[t].awaited && !pool_input_ended(p->rt, t)) return true;
  return false;
}

/* Nothing is with any worker, and no input will have something by itself, so nothing will move by itself. */
bool lall_idle(const struct engine *e) {
  if (e->expected && clock_ns() < e->expected) return false;
  for (struct lpool *p = e->pools; p; p = p->next)
    if (p->rt && (pool_busy(p->rt) || awaits_input(p))) return false;
  return true;
}

const char *lwait_once(lua_State *L, struct engine *e, int64_t deadline) {
  lpool_no_finalizer(L);
  bool idle = lall_idle(e);
  if (lfeed_all(L, e, false)) return "moved";
  if (clock_ns() >= deadline) return "time";
  if (lall_idle(e) && deadline == FOREVER) return idle ? "idle" : "moved";
  switch (loop_wait(e->loop, deadline)) {
  case LOOP_INTERRUPT: linterrupted(L);
  case LOOP_TIME: return "time";
  default: return "moved";
  }
}

void lwait_until(lua_State *L, struct engine *e, int64_t deadline) {
  lpool_no_finalizer(L);
  do {
    if (lfeed_all(L, e, false)) continue;
    if (loop_wait(e->loop, deadline) == LOOP_INTERRUPT) linterrupted(L);
  } while (clock_ns() < deadline);
}

/* does a task of q that goes on read the task of p with that id, or with ANY id one of p's? A join that has ended does not,
** whatever is left of its longer inputs. */
enum { ANY = 0 };
static bool reads(const struct lpool *q, const struct lpool *p, lua_Integer id) {
  for (uint32_t t = 0; q->rt && t < q->tasks; t++) {
    const struct tk *k = &q->tk[t];
    for (uint32_t i = 0; i < k->parts + k->drawn && !pool_input_ended(q->rt, t); i++) {
      const struct part *from = i < k->parts ? &k->part[i] : &k->draws[i - k->parts];
      if (from->pool == p && (id == ANY || from->id == id)) return true;
    }
  }
  return false;
}

/* task t has results that nobody took and no task will take */
static bool is_undrained(const struct lpool *p, uint32_t t) {
  bool wanted = !pool_waiting(p->rt, t);
  for (const struct lpool *q = p->engine->pools; q && !wanted; q = q->next) wanted = reads(q, p, p->tk[t].id);
  return !wanted;
}

/* the pool that has to be drained: this one, or one that it reads or that reads it, however far; NULL: none */
static struct lpool *full_pool(struct lpool *p, unsigned search) {
  struct lpool *full = NULL;
  p->search = search;
  for (uint32_t t = 0; t < p->tasks; t++)
    if (is_undrained(p, t)) return p;
  for (struct lpool *q = p->engine->pools; q && !full; q = q->next)
    if (q->rt && q->search != search && (reads(p, q, ANY) || reads(q, p, ANY))) full = full_pool(q, search);
  return full;
}

/* push "task 1, task 3": what is to be drained */
static void push_undrained(lua_State *L, struct lpool *p) {
  luaL_Buffer b;
  bool some = false;
  luaL_buffinit(L, &b);
  for (uint32_t t = 0; t < p->tasks; t++) {
    if (!is_undrained(p, t)) continue;
    if (some) luaL_addstring(&b, ", ");
    some = true;
    lua_pushfstring(L, "task %d", (int)t + 1);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
}

_Noreturn void ldeadlock(lua_State *L, struct lpool *p, uint32_t task) {
  const struct tk *k = &p->tk[task];
  for (uint32_t i = 0; i < k->parts; i++)
    if (!k->part[i].pool->rt)
      lpool_raise(L, p, "deadlock", ": task %d cannot get an item: the pool of its input is not started",
                  (int)task + 1);
  struct lpool *full = full_pool(p, ++p->engine->searches);
  if (!full)
    lpool_raise(L, p, "deadlock",
                ": task %d cannot get its next result: the item it needs waits for a task that has no turn before it; "
                "a larger buffer or stride is needed",
                (int)task + 1);
  push_undrained(L, full);
  if (full == p) lua_pushliteral(L, "the buffer");
  else {
    lpool_push_name(L, full);
    lua_pushfstring(L, "the buffer of pool '%s'", lua_tostring(L, -1));
  }
  lpool_raise(L, p, "deadlock",
              ": task %d cannot get its next result: %s is full of results nobody took; take those of %s first, "
              "or give the pool a larger buffer",
              (int)task + 1, lua_tostring(L, -1), lua_tostring(L, full == p ? -2 : -3));
}

/* whose inputs are being pulled just now draw on this task: remembered, so that papy knows when a pull would wait */
static void note_draw(struct lpool *p, uint32_t task) {
  for (struct lpool *q = p->engine->pools; q; q = q->next) {
    if (!q->rt || q->pulling < 0) continue;
    struct tk *k = &q->tk[q->pulling];
    bool known = k->drawn == DRAWS_MOST;
    for (uint32_t i = 0; i < k->drawn; i++) known = known || (k->draws[i].pool == p && k->draws[i].id == p->tk[task].id);
    if (!known) k->draws[k->drawn++] = (struct part){p, task, 0, p->tk[task].id};
    if (q == p) p->tk[task].consumed = true;
  }
}

/* Push the result that is due; true: it is an error. */
static bool push_due(lua_State *L, const struct part *from, const struct frame *f, uint64_t index) {
  bool error = lframe_push(L, from, f, index);
  ltrack(L, from->pool, from->task, index);
  shelf_took(&from->pool->tk[from->task].shelf, from->reader, error);
  return error;
}

static void timed_out(lua_State *L, struct lpool *p, uint32_t task, double timeout) {
  if (p->skip) pool_skip(p->rt, task);
  if (timeout > 0) {
    lua_pushnumber(L, timeout);
    lpool_raise(L, p, "timeout", ": no result of task %d within %s seconds", (int)task + 1, lua_tostring(L, -1));
  }
  lpool_raise(L, p, "timeout", ": no result of task %d is ready", (int)task + 1);
}

/* raise if an input stopped the pool meanwhile */
static void same_run(lua_State *L, struct lpool *p, unsigned run) {
  if (lpool_still(p, run)) return;
  lpool_running(L, p);
  lpool_raise(L, p, "closed", " was stopped and started again during this wait");
}

/* one look at everything without waiting; true: the result is due */
static bool look_around(lua_State *L, const struct part *from, struct frame *f, uint64_t *index, int *moves) {
  struct lpool *p = from->pool;
  unsigned run = p->run;
  lcollect(p);
  *moves = lfeed(L, p, (int)from->task, false);
  same_run(L, p, run);
  if (shelf_due(&p->tk[from->task].shelf, from->reader, f, index)) return true;
  pool_flush(p->rt);
  *moves += lfeed_all(L, p->engine, false);
  same_run(L, p, run);
  return shelf_due(&p->tk[from->task].shelf, from->reader, f, index);
}

/* nothing moves: for a pipeline's task the pools of its pipeline give way */
static bool give_way(lua_State *L, int view) {
  if (!view) return false;
  lua_getiuservalue(L, view, 1);
  lua_getfield(L, -1, "pools");
  bool moved = lua_istable(L, -1) && lgive_way(L, lua_gettop(L));
  lua_pop(L, 2);
  return moved;
}

int lnext(lua_State *L, struct lpool *p, struct part from, double timeout, bool block, int view) {
  struct frame f;
  uint64_t index;
  int moves;
  lpool_no_finalizer(L);
  lpool_running(L, p);
  unsigned run = p->run;
  uint32_t task = from.task;
  struct shelf *shelf = &p->tk[task].shelf;
  lfeed(L, p, (int)task, false);
  same_run(L, p, run);
  if (shelf_due(shelf, from.reader, &f, &index)) return push_due(L, &from, &f, index) && !view ? lua_error(L) : 1;
  note_draw(p, task);
  int64_t deadline = !block ? 0 : timeout >= 0 ? clock_after(timeout) : FOREVER;
  for (;;) {
    bool idle = lall_idle(p->engine); /* asked before the look, so that what finishes meanwhile is seen by it */
    if (look_around(L, &from, &f, &index, &moves)) return push_due(L, &from, &f, index) && !view ? lua_error(L) : 1;
    if (shelf_finished(shelf, from.reader)) return 0;
    bool borrowed = !moves && idle && p->pulling >= 0 && pool_room(p->rt) && lborrow(L, p, task);
    same_run(L, p, run);
    if ((moves || borrowed) && clock_ns() < deadline) continue; /* others may move for ever */
    if (deadline == 0 || clock_ns() >= deadline) timed_out(L, p, task, block ? timeout : 0);
    if (idle && give_way(L, view)) {
      same_run(L, p, run);
      continue;
    }
    if (deadline == FOREVER && idle && lall_idle(p->engine)) ldeadlock(L, p, task);
    if (!idle && lall_idle(p->engine)) continue; /* the last one finished during the look */
    if (loop_wait(p->engine->loop, deadline) == LOOP_INTERRUPT) linterrupted(L);
  }
}

int ltry(lua_State *L, struct lpool *p, struct part from) {
  struct frame f;
  uint64_t index;
  struct shelf *shelf = &p->tk[from.task].shelf;
  unsigned run = p->run;
  note_draw(p, from.task);
  if (lfeed(L, p, (int)from.task, true)) p->engine->taken++;
  same_run(L, p, run);
  bool due = shelf_due(shelf, from.reader, &f, &index);
  if (!due) {
    pool_flush(p->rt);
    lcollect(p);
    due = shelf_due(shelf, from.reader, &f, &index);
  }
  if (due) {
    push_due(L, &from, &f, index);
    p->engine->taken++;
  } else {
    lua_pushnil(L);
  }
  lua_pushboolean(L, due || shelf_finished(shelf, from.reader));
  return 2;
}

/* ---- stopping ---- */

/* throw away what is due; inner results only when `all`: their readers want them */
static int discard(lua_State *L, struct lpool *p, bool all) {
  struct frame f;
  uint64_t index;
  int n = 0;
  for (uint32_t t = 0; t < p->tasks; t++) {
    if (p->tk[t].consumed && !all) continue;
    for (uint32_t r = 0; r < p->tk[t].shelf.readers; r++)
      while (shelf_due(&p->tk[t].shelf, r, &f, &index)) {
        if (p->tk[t].track) { /* seen, though not delivered */
          lframe_push(L, &(struct part){p, t, r, p->tk[t].id}, &f, index);
          ltrack(L, p, t, index);
          lua_pop(L, 1);
        }
        shelf_took(&p->tk[t].shelf, r, f.kind & FRAME_ERROR);
        n++;
      }
    if (!p->tk[t].shelf.open) n += (int)shelf_aside(&p->tk[t].shelf);
  }
  return n;
}

static bool all_finished(const struct lpool *p) {
  for (uint32_t t = 0; t < p->tasks; t++)
    if (!pool_finished(p->rt, t)) return false;
  return true;
}

/* let what was submitted pass its whole chain; false: the time is up */
static bool drain(lua_State *L, struct lpool *p, int64_t deadline) {
  unsigned run = p->run;
  p->stopping = true;
  while (lpool_still(p, run) && !all_finished(p)) {
    bool idle = lall_idle(p->engine);
    lcollect(p);
    int moves = discard(L, p, false) + lfeed(L, p, -1, false);
    if (!lpool_still(p, run)) return true;
    pool_flush(p->rt);
    if (moves || all_finished(p)) continue;
    moves = lfeed_all(L, p->engine, false);
    if (!lpool_still(p, run)) continue;
    if (clock_ns() >= deadline) return false;
    if (moves) continue;
    if (idle) { /* a reader that does not read: its food is thrown away */
      if (!discard(L, p, true)) return true;
      continue;
    }
    if (lall_idle(p->engine)) continue;
    if (loop_wait(p->engine->loop, deadline) == LOOP_INTERRUPT) linterrupted(L);
  }
  return true;
}

int lstop(lua_State *L, struct lpool *p, bool force, double timeout) {
  if (!p->rt || p->pid != pid_own()) return 0;
  if (lpool_finalizing(L)) {
    p->condemned = true;
    return 0;
  }
  int64_t deadline = timeout >= 0 ? clock_after(timeout) : FOREVER;
  unsigned run = p->run;
  bool drained = !force && p->pulling < 0 && drain(L, p, deadline);
  if (lpool_still(p, run)) lpool_end(p, !drained); /* else an input has done so */
  return 0;
}
