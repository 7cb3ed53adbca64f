/* What moves while papy waits: every pool of the engine, and the functions given to on_turn. And what gives way when nothing
** moves, though not all is done: in a pipeline the turns of the weave, then the bounds of the buffers. */
#include "base/clock.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"

/* ---- giving way ---- */

/* a task of a pipeline: its input never waits */
static bool may_jump(const struct tk *k) { return k->kind == INPUT_OWN || lfrom_tasks(k) || k->plain; }

static struct lpool *pool_at(lua_State *L, int pools, lua_Integer i) {
  lua_rawgeti(L, pools, i);
  struct lpool *p = lua_isnil(L, -1) ? NULL : lpool_check(L, -1);
  lua_pop(L, 1); /* the array holds it */
  return p && p->rt && p->pid == p->engine->pid ? p : NULL;
}

static bool give_turns(lua_State *L, struct lpool *p) {
  bool moved = false;
  unsigned run = p->run;
  for (uint32_t t = 0; lpool_still(p, run) && t < p->tasks; t++)
    if (may_jump(&p->tk[t])) moved = lborrow(L, p, t) || moved;
  return moved || !lpool_still(p, run);
}

static bool make_room(struct lpool *p) {
  uint32_t n = 0;
  for (uint32_t t = 0; !pool_places(p->rt) && t < p->tasks; t++) n += shelf_aside(&p->tk[t].shelf);
  return n > 0;
}

bool lgive_way(lua_State *L, int pools) {
  bool moved = false;
  lua_Integer n = (lua_Integer)lua_rawlen(L, pools);
  struct lpool *p;
  for (lua_Integer i = 1; i <= n; i++)
    if ((p = pool_at(L, pools, i))) moved = give_turns(L, p) || moved;
  for (lua_Integer i = 1; i <= n && !moved; i++)
    if ((p = pool_at(L, pools, i))) moved = make_room(p);
  return moved;
}

/* ---- everything that moves while papy waits ---- */

static const char turns = 0; /* its address keys the array of functions */

void lturn_push(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &turns) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &turns);
}

void lturn_forget(lua_State *L) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &turns);
}

/* Call the functions given to on_turn, never one inside the other. What one raises ends nothing but its own turn; Ctrl-C is
** passed on. */
static int call_turns(lua_State *L, struct engine *e) {
  int moves = 0, top = lua_gettop(L);
  if (e->turning || lua_rawgetp(L, LUA_REGISTRYINDEX, &turns) != LUA_TTABLE) {
    lua_settop(L, top);
    return 0;
  }
  for (lua_Integer i = (lua_Integer)lua_rawlen(L, top + 1); i >= 1; i--) { /* from the end: one may take itself out */
    lua_rawgeti(L, top + 1, i);
    e->turning = true;
    bool good = lua_pcall(L, 0, 1, 0) == LUA_OK;
    e->turning = false; /* before anything that may raise */
    if (good) moves += (int)lua_tointeger(L, -1);
    if (!good && lis_interrupt(L)) lua_error(L);
    lua_settop(L, top + 1);
  }
  lua_settop(L, top);
  return moves;
}

int lfeed_all(lua_State *L, struct engine *e, bool idle) {
  luaL_checkstack(L, 10, "turning the pools");
  for (struct lpool *p = e->pools, *next; p; p = next) {
    next = p->next;
    if (p->condemned) lpool_end(p, true);
  }
  unsigned version = e->version;
  loutput_drain(e);
  int moves = call_turns(L, e);
  if (e->version != version) return moves + 1;
  for (struct lpool *p = e->pools; p; p = p->next) {
    if (!p->rt) continue;
    lcollect(p);
    moves += lfeed(L, p, FEED_A_WHILE, idle);
    if (e->version != version) return moves + 1; /* user code started or stopped a pool: the caller comes again */
    pool_flush(p->rt);
  }
  if (e->news) moves++;
  e->news = false;
  return moves;
}
