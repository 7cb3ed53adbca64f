/* How workers are made, begin and end.
**
** In a process everything the function needs came with the fork; only its place on the stack of the pool's `work` thread has
** to be found. In a thread the state is new and functions and arguments come out of the shipment. From then on both are alike. */
#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

#include "bindings/engine.h"
#include "bindings/lheirs.h"
#include "bindings/lpool.h"
#include "bindings/lwork.h"
#include "codec/codec.h"

/* What a worker is made of. A copy, since a thread may outlive the pool, even come to life after its end. */
struct kit {
  struct lpool *pool; /* for processes, which have it for good */
  state_maker make;
  struct buf shipment;
  int prompt;           /* where threads print while a prompt runs, or -1 */
  struct terms terms[]; /* per task */
};

/* os.exit in a worker ends the worker, with what it printed, and never the host or its files */
static int exit_worker(lua_State *L) {
  int status = lua_isnoneornil(L, 1)    ? EXIT_SUCCESS
               : lua_isboolean(L, 1)    ? lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE
                                        : (int)luaL_checkinteger(L, 1);
  fflush(NULL);
  _exit(status);
}

static int exit_thread(lua_State *L) { return luaL_error(L, "os.exit in a thread worker would end the whole program"); }

static void replace_exit(lua_State *L, lua_CFunction f) {
  lname_push(L, "os");
  lua_pushcfunction(L, f);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

static struct hand *hand_new(lua_State *L, const struct kit *kit, struct channel *c, uint32_t n, bool thread) {
  struct hand *h = malloc(sizeof *h);
  if (!h) return NULL;
  *h = (struct hand){.L = L, .channel = c, .heap = c->window->heap, .terms = kit->terms, .number = n, .thread = thread};
  buf_heap(&h->copy);
  return h;
}

static int process_begin(lua_State *L) {
  replace_exit(L, exit_worker);
  lheirs_give_up(L);
  return 0;
}

static int thread_begin(lua_State *L) {
  const struct kit *kit = lua_touserdata(L, 1);
  struct hand *h = lua_touserdata(L, 2);
  lua_settop(L, 0);
  if (kit->prompt >= 0) h->prints = loutput_divert(L, kit->prompt);
  lua_settop(L, 0);
  replace_exit(L, exit_thread);
  codec_decode(L, kit->shipment.p, kit->shipment.n);
  for (int i = 1; i <= ARRAYS; i++) lua_rawgeti(L, 1, i);
  lua_remove(L, 1);
  lwork_stack(L);
  return BASE;
}

static void *begin_process(struct kit *kit, struct channel *c, uint32_t n) {
  lua_State *L = kit->pool->work;
  struct hand *h = hand_new(L, kit, c, n, false);
  if (!h) return NULL;
  h->prints = loutput_redirect(kit->pool->engine);
  lua_pushcfunction(L, process_begin);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
  return h;
}

static void *begin_thread(struct kit *kit, struct channel *c, uint32_t n) {
  lua_State *L = kit->make();
  struct hand *h = L ? hand_new(L, kit, c, n, true) : NULL;
  if (!h) {
    fputs("papy: no memory for a thread worker\n", stderr);
    if (L) lua_close(L);
    return NULL;
  }
  lua_settop(L, 0);
  lua_pushcfunction(L, thread_begin);
  lua_pushlightuserdata(L, kit);
  lua_pushlightuserdata(L, h);
  if (lua_pcall(L, 2, BASE, 0) == LUA_OK) return h;
  fprintf(stderr, "papy: a thread worker cannot start: %s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  free(h);
  return NULL;
}

static void *begin(void *ctx, struct channel *c, uint32_t n, bool thread) {
  return thread ? begin_thread(ctx, c, n) : begin_process(ctx, c, n);
}

static void end(void *self) {
  struct hand *h = self;
  if (h->thread) lua_close(h->L);
  buf_free(&h->copy);
  free(h);
}

/* runs in the thread, in the midst of its tasklet */
static void raise_overtime(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted: the tasklet took too long");
}

static void interrupt(void *self) {
  struct hand *h = self;
  lua_sethook(h->L, raise_overtime, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1000);
}

static void forget(void *ctx) {
  struct kit *kit = ctx;
  buf_free(&kit->shipment);
  if (kit->prompt >= 0) close(kit->prompt);
  free(kit);
}

bool lcraft(struct craft *c, struct lpool *p) {
  struct kit *kit = malloc(sizeof *kit + p->tasks * sizeof *kit->terms);
  if (!kit) return false;
  *kit = (struct kit){p, p->engine->make, p->shipment, p->threads ? loutput_fd(p->engine) : -1};
  buf_heap(&p->shipment);
  for (uint32_t t = 0; t < p->tasks; t++) {
    const struct tk *k = &p->tk[t];
    kit->terms[t] = (struct terms){k->retries, k->chain, k->limited, k->boxed, k->args};
  }
  *c = (struct craft){kit, begin, lwork_apply, end, interrupt, forget};
  return true;
}

/* ---- the host prepares ---- */

/* the functions, arguments, their numbers and the names (the pool's own at 0), as four arrays on top */
static void push_arrays(lua_State *L, struct lpool *p) {
  static const int slots[] = {SLOT_FUNCTION, SLOT_ARGS, SLOT_ARGN, SLOT_NAME};
  lpool_push_table(L, p);
  int table = lua_gettop(L);
  for (int s = 0; s < ARRAYS; s++) {
    lua_createtable(L, (int)p->tasks, 0);
    for (uint32_t t = 0; t < p->tasks; t++) {
      lua_rawgeti(L, table, (lua_Integer)t * SLOTS + 1 + slots[s]);
      lua_rawseti(L, -2, (lua_Integer)t + 1);
    }
  }
  lua_getfield(L, table, "name");
  lua_rawseti(L, -2, 0);
  lua_remove(L, table);
}

void lcraft_prepare(lua_State *L, struct lpool *p) {
  lua_State *w = p->work;
  lua_settop(w, 0);
  if (!lua_checkstack(w, 40)) luaL_error(L, "not enough memory"); /* a raise on w would pass by L's protected calls */
  push_arrays(L, p);
  lwork_stack(L);
  lua_xmove(L, w, BASE);
}

void lcraft_ship(lua_State *L, struct lpool *p) {
  p->shipment.n = 0;
  push_arrays(L, p);
  lua_createtable(L, ARRAYS, 0);
  lua_insert(L, -1 - ARRAYS);
  for (int i = ARRAYS; i >= 1; i--) lua_rawseti(L, -1 - i, i);
  codec_encode(L, -1, &p->shipment, "tasks");
  lua_pop(L, 1);
}
