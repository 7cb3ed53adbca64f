/* Pulling: the host's half of an item's way (lsubmit.c puts it on that way).
**
** Whose turn it is, the runtime says; what the item is, the input. An input that may draw on this pool's own tasks is pulled
** before room is asked for (that pull is what frees an inner task's cell); every other one only when there is room. While
** user code runs in a pull the turn is open, so that a `next` inside it neither pulls nor submits, only waits. Papy's own inputs
** (of pipelines and flows) never wait: they give what they have, as many items at once as there is room for.
**
** An input that raises, a failed result of an inner task: each becomes the item's error, in its place. */
#include <lauxlib.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"

enum pulled { PULLED, PULL_END, PULL_LATER };

/* ---- inputs that are tasks ---- */

/* Is a result there, will one never come, or must we wait? */
static enum pulled look(const struct part *from, struct frame *f, uint64_t *index) {
  struct lpool *p = from->pool;
  if (!p->rt) return p->stopped ? PULL_END : PULL_LATER;
  if (!lpool_has(from)) return PULL_END; /* it was started anew, without this task */
  struct shelf *s = &p->tk[from->task].shelf;
  if (shelf_due(s, from->reader, f, index)) return PULLED;
  return shelf_finished(s, from->reader) ? PULL_END : PULL_LATER;
}

static struct shelf *shelf_of(const struct part *from) { return &from->pool->tk[from->task].shelf; }

/* An error made by the runtime gets its words now, while its request can still be shown; a tracked result is kept. */
static bool needs_lua(const struct part *from, const struct frame *f) {
  return (f->kind & FRAME_FAULT) || from->pool->tk[from->task].track;
}

struct relay {
  struct frame frame[PARTS_MOST];
  uint64_t index[PARTS_MOST];
};

/* a part that is to become a Lua value on its way: submit the whole item by value */
static void relay_by_value(lua_State *L, struct lpool *p, uint32_t t, struct relay *r) {
  struct tk *k = &p->tk[t];
  int top = lua_gettop(L), failed = 0;
  lua_createtable(L, (int)k->parts, 0);
  for (uint32_t i = 0; i < k->parts; i++) {
    struct part *from = &k->part[i];
    bool error = lframe_push(L, from, &r->frame[i], r->index[i]);
    ltrack(L, from->pool, from->task, r->index[i]);
    shelf_took(shelf_of(from), from->reader, error);
    if (error && !failed++) lua_pushvalue(L, -1), lua_insert(L, top + 1);
    lua_rawseti(L, failed ? top + 2 : top + 1, (lua_Integer)i + 1);
  }
  if (!failed) {
    if (k->kind == INPUT_TASK) lua_rawgeti(L, top + 1, 1);
    lsubmit_value(L, p, t);
  } else {
    if (k->kind == INPUT_ZIP) { /* one error stands for all */
      lerror_push(L, "join");
      lua_pushvalue(L, top + 2);
      lua_pushinteger(L, (lua_Integer)k->parts);
      lua_call(L, 2, 1);
    } else {
      lua_pushvalue(L, top + 1);
    }
    if (pool_overtaken(p->rt, t))
      lua_pop(L, 1);
    else
      lsubmit_error(L, p, t);
  }
  lua_settop(L, top);
}

/* results of one task that lie together go on together */
static bool relay_run(struct lpool *p, uint32_t t) {
  struct part *from = &p->tk[t].part[0];
  uint32_t most = pool_most(p->rt, t);
  struct run run;
  uint64_t index;
  if (from->pool != p && most > pool_places(p->rt)) most = pool_places(p->rt);
  if (!shelf_due_run(shelf_of(from), from->reader, most, &run, &index)) return false;
  if (pool_relay_run(p->rt, t, &run) != 0) return false;
  shelf_took_run(shelf_of(from), from->reader, &run);
  return true;
}

static enum pulled pull_tasks(lua_State *L, struct lpool *p, uint32_t t) {
  struct tk *k = &p->tk[t];
  struct relay r;
  bool by_value = false, foreign = false;
  for (uint32_t i = 0; i < k->parts; i++) {
    enum pulled answer = look(&k->part[i], &r.frame[i], &r.index[i]);
    if (answer != PULLED) return answer;
    by_value = by_value || needs_lua(&k->part[i], &r.frame[i]);
    foreign = foreign || k->part[i].pool != p;
  }
  if (foreign && !pool_room(p->rt)) return PULL_LATER;
  if (by_value) {
    relay_by_value(L, p, t, &r);
    return PULLED;
  }
  bool overtaken = pool_overtaken(p->rt, t);
  if (!overtaken && k->kind == INPUT_TASK) return relay_run(p, t) ? PULLED : PULL_LATER;
  if (!overtaken && pool_relay(p->rt, t, r.frame, k->parts, true) != 0) return PULL_LATER;
  for (uint32_t i = 0; i < k->parts; i++)
    shelf_took(shelf_of(&k->part[i]), k->part[i].reader, r.frame[i].kind & FRAME_ERROR);
  return PULLED;
}

/* has everything an opaque input was seen to draw on something for it? */
static bool draws_ready(const struct tk *k) {
  struct frame f;
  uint64_t index;
  for (uint32_t i = 0; i < k->drawn; i++)
    if (look(&k->draws[i], &f, &index) == PULL_LATER) return false;
  return true;
}

/* do tasks of this very pool still have something for it? */
static bool draws_inside(const struct lpool *p, const struct tk *k) {
  struct frame f;
  uint64_t index;
  for (uint32_t i = 0; i < k->drawn; i++)
    if (k->draws[i].pool == p && look(&k->draws[i], &f, &index) != PULL_END) return true;
  return false;
}

/* ---- inputs that run Lua ---- */

static int with_traceback(lua_State *L) {
  lerror_push(L, "caught");
  lua_insert(L, 1);
  ltraceback(L, NULL, 1, false);
  lua_call(L, 2, 1);
  return 1;
}

static int read_table(lua_State *L) {
  lua_geti(L, 1, lua_tointeger(L, 2));
  return 1;
}

static int read_next(lua_State *L) {
  lua_getfield(L, 1, "next");
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Call the input; leaves the value, or what was raised. */
static int call_input(lua_State *L, struct lpool *p, uint32_t t, int table) {
  struct tk *k = &p->tk[t];
  int status, args = k->kind == INPUT_TABLE ? 2 : k->kind == INPUT_NEXT ? 1 : 0;
  lua_pushcfunction(L, with_traceback);
  int handler = lua_gettop(L);
  if (args) lua_pushcfunction(L, k->kind == INPUT_TABLE ? read_table : read_next);
  lua_rawgeti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_INPUT);
  if (k->kind == INPUT_TABLE) lua_pushinteger(L, (lua_Integer)k->pulled + 1);
  int64_t began = clock_ns();
  int outer = p->pulling;
  unsigned run = p->run;
  pool_open_turn(p->rt);
  p->pulling = (int)t;
  status = lua_pcall(L, args, 1, handler);
  lua_remove(L, handler);
  if (!lpool_still(p, run)) return status;
  p->pulling = outer;
  pool_close_turn(p->rt);
  k->pull_ns = clock_ns() - began;
  return status;
}

/* the error of another pool's or task's item passes; Ctrl-C must not be taken for an item's error */
static bool passes(lua_State *L) {
  lerror_push(L, "passes");
  lua_pushvalue(L, -2);
  lua_call(L, 1, 1);
  bool yes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return yes;
}

bool lis_interrupt(lua_State *L) {
  lerror_push(L, "is_interrupt");
  lua_pushvalue(L, -2);
  lua_call(L, 1, 1);
  bool yes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return yes;
}

/* the input raised (what, is on top, popped): this item fails, and unless it was only handed on, the input has ended */
static enum pulled input_failed(lua_State *L, struct lpool *p, uint32_t t) {
  unsigned run = p->run;
  p->tk[t].held_error = false;
  bool handed_on = passes(L);
  if (!handed_on) lsubmit_blame(L, p, t, "input");
  if (!lpool_still(p, run)) { /* by the __tostring of what was raised */
    lua_pop(L, 1);
    return PULL_LATER;
  }
  if (handed_on) p->tk[t].pulled++;
  if (pool_overtaken(p->rt, t))
    lua_pop(L, 1);
  else
    lsubmit_error(L, p, t);
  return handed_on ? PULLED : PULL_END;
}

/* a value (on top, popped) for which there was no room waits outside the window, one for each task */
static void hold(lua_State *L, struct lpool *p, uint32_t t, int table) {
  lua_rawseti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_HELD);
  p->tk[t].held = true;
}

static enum pulled submit_held(lua_State *L, struct lpool *p, uint32_t t, int table) {
  struct tk *k = &p->tk[t];
  if (!pool_room(p->rt)) return PULL_LATER;
  lua_rawgeti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_HELD);
  lua_pushnil(L);
  lua_rawseti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_HELD);
  k->held = false;
  if (k->held_error) return input_failed(L, p, t);
  lsubmit_value(L, p, t);
  return PULLED;
}

/* the value on top (popped) has been pulled; false: it is held */
static bool submit_or_hold(lua_State *L, struct lpool *p, uint32_t t, int table) {
  p->tk[t].pulled++;
  if (pool_room(p->rt)) {
    lsubmit_value(L, p, t);
    return true;
  }
  hold(L, p, t, table);
  return false;
}

/* the pull raised what is on top (popped), in that run */
static enum pulled pull_failed(lua_State *L, struct lpool *p, uint32_t t, int table, unsigned run) {
  if (!lpool_still(p, run)) { /* the input stopped this very pool */
    lua_pop(L, 1);
    return PULL_LATER;
  }
  if (lis_interrupt(L)) lua_error(L);
  p->tk[t].held_error = true;
  if (pool_room(p->rt)) return input_failed(L, p, t);
  hold(L, p, t, table);
  return PULL_LATER;
}

static enum pulled pull_lua(lua_State *L, struct lpool *p, uint32_t t, int table) {
  if (p->tk[t].held) return submit_held(L, p, t, table);
  unsigned run = p->run;
  int status = call_input(L, p, t, table);
  if (status != LUA_OK) return pull_failed(L, p, t, table, run);
  if (!lpool_still(p, run) || lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return lpool_still(p, run) ? PULL_END : PULL_LATER;
  }
  return submit_or_hold(L, p, t, table) ? PULLED : PULL_LATER;
}

/* Call an input of papy's own for up to n items; leaves what it gives, returns how many that are, or -1: it raised. */
static int call_own(lua_State *L, struct lpool *p, uint32_t t, int table, uint32_t n) {
  struct tk *k = &p->tk[t];
  int before = lua_gettop(L), outer = p->pulling;
  unsigned run = p->run;
  lua_pushcfunction(L, with_traceback);
  lua_rawgeti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_INPUT);
  lua_pushinteger(L, n);
  int64_t began = clock_ns();
  pool_open_turn(p->rt);
  p->pulling = (int)t;
  k->asked = true;
  int status = lua_pcall(L, 1, LUA_MULTRET, before + 1);
  lua_remove(L, before + 1);
  if (lpool_still(p, run)) {
    p->pulling = outer;
    k->asked = false;
    pool_close_turn(p->rt);
    k->pull_ns = clock_ns() - began;
  }
  return status == LUA_OK ? lua_gettop(L) - before : -1;
}

/* how many items to ask for: as many as there is room for, but of a slow input one by one; 0: none just now */
static uint32_t wanted(struct lpool *p, uint32_t t) {
  const struct tk *k = &p->tk[t];
  uint32_t n = pool_places(p->rt), most = pool_most(p->rt, t);
  if (n > most) n = most;
  if (n > PULL_MOST) n = PULL_MOST;
  if (k->pull_ns > SLOW_PULL_NS && n > 1) n = 1;
  return n || k->pure ? n : 1; /* it may draw on this very pool, and so make the room it needs */
}

static enum pulled pull_own(lua_State *L, struct lpool *p, uint32_t t, int table) {
  struct tk *k = &p->tk[t];
  int before = lua_gettop(L);
  unsigned run = p->run;
  if (k->held) return submit_held(L, p, t, table);
  if (k->asked) return PULL_LATER; /* by what it waits for itself */
  uint32_t most = wanted(p, t);
  luaL_checkstack(L, PULL_MOST + 20, "pulling an input");
  int n = most ? call_own(L, p, t, table, most) : 0;
  if (lpool_still(p, run)) k->awaited = k->wakes && most && !n;
  if (n < 0) return pull_failed(L, p, t, table, run);
  enum pulled answer = n ? PULLED : PULL_LATER;
  for (int i = 1; i <= n && lpool_still(p, run) && answer == PULLED; i++) {
    lua_pushvalue(L, before + i);
    if (lua_isnil(L, -1))
      answer = PULL_END;
    else if (!submit_or_hold(L, p, t, table))
      answer = PULL_LATER;
  }
  lua_settop(L, before);
  return lpool_still(p, run) ? answer : PULL_LATER;
}

/* the common case, without a call: a plain array */
static enum pulled pull_array(lua_State *L, struct lpool *p, uint32_t t, int table) {
  struct tk *k = &p->tk[t];
  lua_rawgeti(L, table, (lua_Integer)t * SLOTS + 1 + SLOT_INPUT);
  lua_rawgeti(L, -1, (lua_Integer)k->pulled + 1);
  lua_remove(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return PULL_END;
  }
  k->pulled++;
  lsubmit_value(L, p, t);
  return PULLED;
}

/* while the pool stops, nothing from outside is pulled: only what other tasks of it have in flight */
static bool still_wanted(const struct lpool *p, const struct tk *k) {
  if (!p->stopping || k->held) return true;
  if (lfrom_tasks(k)) {
    for (uint32_t i = 0; i < k->parts; i++)
      if (k->part[i].pool != p) return false;
    return true;
  }
  return draws_inside(p, k);
}

static enum pulled pull(lua_State *L, struct lpool *p, uint32_t t, int table, bool idle) {
  struct tk *k = &p->tk[t];
  if (!still_wanted(p, k)) return PULL_END;
  if (lfrom_tasks(k)) return pull_tasks(L, p, t);
  if (k->pure && !pool_room(p->rt)) return PULL_LATER;
  if (k->plain) return pull_array(L, p, t, table);
  if (k->kind == INPUT_OWN) return pull_own(L, p, t, table);
  if ((idle || p->stopping) && !k->held && !draws_ready(k)) return PULL_LATER; /* it would wait in the pull */
  return pull_lua(L, p, t, table);
}

/* is the result somebody waits for there? */
static bool satisfied(struct lpool *p, int until) {
  return until >= 0 && (p->tk[until].shelf.first || pool_waiting(p->rt, (uint32_t)until));
}

int lfeed(lua_State *L, struct lpool *p, int until, bool idle) {
  struct engine *e = p->engine;
  int moves = 0, top, t;
  int64_t slow = 0;
  if (!p->rt || (t = pool_turn(p->rt)) < 0) return 0;
  if (p->tk[t].pure && !pool_room(p->rt)) return 0; /* the usual case, before anything that costs */
  if (p->tk[t].kind == INPUT_OWN && satisfied(p, until) && pool_places(p->rt) < pool_share(p->rt)) return 0;
  top = lua_gettop(L);
  luaL_checkstack(L, 20, "pulling an input");
  if (!lpool_push(L, p)) { /* it stays on the stack, so that no collection during a pull takes it away */
    lua_settop(L, top);
    return 0;
  }
  lua_getiuservalue(L, -1, 1);
  while ((t = pool_turn(p->rt)) >= 0) {
    struct tk *k = &p->tk[t];
    if (!k->pure && satisfied(p, until) && k->pull_ns > SLOW_PULL_NS) break;
    unsigned taken = e->taken;
    enum pulled answer = pull(L, p, (uint32_t)t, top + 2, idle);
    if (answer == PULL_LATER) { /* perhaps because the pull ended the run */
      moves += e->taken != taken;
      break;
    }
    if (answer == PULL_END) pool_ended(p->rt, (uint32_t)t);
    moves++;
    if (until == FEED_A_WHILE && k->pull_ns > SLOW_PULL_NS && (slow += k->pull_ns) > SLOW_TURN_NS) break;
  }
  lua_settop(L, top);
  return moves;
}

/* An input that takes more than one result of an inner task for each item it gives (a filter) would wait for ever: the inner
** task has no turn while the pull is open. So it gets one now, out of its turn. */
bool lborrow(lua_State *L, struct lpool *p, uint32_t t) {
  int top = lua_gettop(L);
  if (!p->rt || pool_input_ended(p->rt, t)) return false;
  luaL_checkstack(L, 20, "pulling an input");
  pool_flush(p->rt);
  lpool_push_table(L, p);
  unsigned run = p->run, taken = p->engine->taken;
  enum pulled answer = pull(L, p, t, top + 1, false);
  lua_settop(L, top);
  if (!lpool_still(p, run)) return false;
  if (answer == PULL_END) pool_ended(p->rt, t);
  pool_flush(p->rt);
  return answer != PULL_LATER || p->engine->taken != taken;
}
