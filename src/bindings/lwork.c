/* The worker's side: one cell after the other, one protected call for as many of its tasklets as go well.
**
** A task of a pipeline is a chain of functions, each called with {what the one before gave}. Chains may hold the functions of
** several pipers. So that it is the same as if each had been computed in a worker of its own, what is no plain value is copied
** between two of them as the codec would copy it on its way, and an error is that of the function that failed, with its inbox. */
#include "bindings/lwork.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "bindings/engine.h"
#include "bindings/lpool.h"
#include "codec/codec.h"

#define FUNCTIONS lua_upvalueindex(1)
#define ARGS lua_upvalueindex(2)
#define ARGN lua_upvalueindex(3)
#define NAMES lua_upvalueindex(4)
#define INBOX lua_upvalueindex(5)
enum { SHARED = ARRAYS + 1 };

/* ---- one tasklet ---- */

static void push_item(struct hand *h) {
  struct frame part;
  size_t at = 0;
  if (!(h->request.kind & FRAME_LIST)) {
    codec_decode(h->L, h->request.body, h->request.len);
    return;
  }
  lua_createtable(h->L, (int)h->request.len, 0);
  for (lua_Integer i = 1; frame_part(h->heap, &h->request, &at, &part); i++) {
    codec_decode(h->L, part.body, part.len);
    lua_rawseti(h->L, -2, i);
  }
}

static int push_args(lua_State *L, int argn, int args, lua_Integer i) {
  lua_rawgeti(L, argn, i);
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (!n) return 0;
  luaL_checkstack(L, n + 1, "too many arguments");
  lua_rawgeti(L, args, i);
  int own = lua_gettop(L);
  for (int k = 1; k <= n; k++) lua_rawgeti(L, own, k);
  lua_remove(L, own);
  return n;
}

/* errors among the parts of a join, or the item itself an error: the function is not called */
static bool is_error(struct hand *h) {
  struct frame part;
  size_t at = 0;
  if (!(h->request.kind & FRAME_LIST)) return h->request.kind & FRAME_ERROR;
  while (frame_part(h->heap, &h->request, &at, &part))
    if (part.kind & FRAME_ERROR) return true;
  return false;
}

static uint32_t cell_number(const struct hand *h) { return (uint32_t)(h->cell - h->channel->window->cell); }

/* A thread's cell may have been given up. Then nothing is written and the cell is left as it is. */
static void may_write(struct hand *h) {
  if (!h->thread || window_write(h->channel->window, h->number, cell_number(h))) return;
  h->givenup = true;
  luaL_error(h->L, "given up");
}

static void end_writing(struct hand *h) {
  if (h->thread) window_written(h->channel->window, h->number, cell_number(h));
}

static void commit(struct hand *h, struct writer *w, unsigned kind) {
  frame_commit(w, kind);
  h->at += h->request.size;
  h->item++;
  h->tries = 0;
  if (h->item < h->cell->count) {
    h->channel->ops->progress(h->channel, h->number, cell_number(h));
    if (h->terms[h->cell->task].limited) /* the clock costs as much as a short tasklet */
      atomic_store_explicit(&h->cell->since, clock_ns(), memory_order_relaxed);
  }
  end_writing(h);
}

static void write_result(struct hand *h, unsigned kind) {
  struct writer w;
  may_write(h);
  if (frame_begin(&w, h->heap, &h->cell->result, &h->cell->loose) != 0)
    luaL_error(h->L, "cannot write the result: %s", strerror(errno));
  codec_encode(h->L, -1, &w.bytes, kind ? "error" : "result");
  commit(h, &w, kind);
}

/* a failed item passes as it is; of several failed parts one error is made */
static void pass_on(struct hand *h) {
  lua_State *L = h->L;
  struct frame part;
  size_t at = 0;
  if (!(h->request.kind & FRAME_LIST)) {
    codec_decode(L, h->request.body, h->request.len);
  } else {
    lerror_push(L, "join");
    lua_newtable(L);
    for (lua_Integer i = 1; frame_part(h->heap, &h->request, &at, &part); i++)
      if (part.kind & FRAME_ERROR) {
        codec_decode(L, part.body, part.len);
        lua_rawseti(L, -2, i);
      }
    lua_pushinteger(L, (lua_Integer)h->request.len);
    lua_call(L, 2, 1);
  }
  write_result(h, frame_error(0));
  lua_pop(L, 1);
}

/* nil is null; returning an error is raising it */
static void check_result(lua_State *L) {
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL);
  } else if (lerror_is(L)) {
    lua_error(L);
  }
}

/* replace the value on top by what would have arrived in another worker */
static void copy_result(struct hand *h) {
  int type = lua_type(h->L, -1);
  if (type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN || type == LUA_TLIGHTUSERDATA) return;
  h->phase = ENCODE;
  h->copy.n = 0;
  codec_encode(h->L, -1, &h->copy, "result");
  h->phase = DECODE;
  lua_pop(h->L, 1);
  codec_decode(h->L, h->copy.p, h->copy.n);
}

/* push {value at index}, or without a box the value itself */
static void push_inbox(lua_State *L, int value, bool boxed) {
  if (!boxed) {
    lua_pushvalue(L, value);
    return;
  }
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, value);
  lua_rawseti(L, -2, 1);
}

static void compute_chain(struct hand *h, uint32_t task) {
  lua_State *L = h->L;
  const struct terms *terms = &h->terms[task];
  int functions = lua_gettop(L) + 1, args = functions + 1, argn = functions + 2, value = functions + 3;
  lua_rawgeti(L, FUNCTIONS, task + 1);
  lua_rawgeti(L, ARGS, task + 1);
  lua_rawgeti(L, ARGN, task + 1);
  push_item(h);
  for (bool boxed = terms->boxed;; boxed = true) {
    h->phase = CALL;
    atomic_store_explicit(&h->channel->slot[h->number].step, ++h->step, memory_order_relaxed);
    lua_rawgeti(L, functions, h->step);
    push_inbox(L, value, boxed);
    lua_pushvalue(L, -1);
    lua_rawseti(L, INBOX, 1);
    lua_call(L, 1 + (terms->args ? push_args(L, argn, args, h->step) : 0), 1);
    check_result(L);
    if (h->step == terms->chain) break;
    copy_result(h);
    lua_replace(L, value);
  }
  h->phase = ENCODE;
  write_result(h, 0);
  lua_settop(L, functions - 1);
}

static void compute(struct hand *h) {
  lua_State *L = h->L;
  uint32_t task = h->cell->task;
  h->step = 0;
  if (is_error(h)) {
    pass_on(h);
    return;
  }
  h->phase = DECODE;
  if (h->terms[task].chain) {
    compute_chain(h, task);
    return;
  }
  lua_rawgeti(L, FUNCTIONS, task + 1);
  push_item(h);
  int n = push_args(L, ARGN, ARGS, (lua_Integer)task + 1);
  h->phase = CALL;
  lua_call(L, 1 + n, 1);
  check_result(L);
  h->phase = ENCODE;
  write_result(h, 0);
  lua_pop(L, 1);
}

static int compute_all(lua_State *L) {
  struct hand *h = lua_touserdata(L, -1);
  lua_pop(L, 1);
  while (h->item < h->cell->count && frame_read(h->heap, &h->cell->request, h->at, &h->request)) compute(h);
  h->broken = h->item < h->cell->count; /* there was no memory for all of a request that moved to another cell */
  return 0;
}

/* ---- a tasklet that failed ---- */

/* message handler: what was raised, with the traceback of the place */
static int caught(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_insert(L, 1);
  lua_setfield(L, 1, "value");
  ltraceback(L, NULL, 1, false);
  lua_setfield(L, 1, "traceback");
  lua_settop(L, 1);
  return 1;
}

/* (hand, caught) -> the error, written as the item's result */
static int write_error(lua_State *L) {
  struct hand *h = lua_touserdata(L, 1);
  static const char *const phases[] = {"decode", "call", "encode"};
  uint32_t task = h->cell->task;
  if (!lua_istable(L, 2)) { /* the handler did not run: no memory, or an error in it */
    lua_createtable(L, 0, 1);
    lua_insert(L, 2);
    lua_setfield(L, 2, "value");
  }
  lerror_push(L, "of_item");
  lua_pushvalue(L, 2);
  lua_pushstring(L, phases[h->phase]);
  lua_pushinteger(L, (lua_Integer)task + 1);
  lua_pushinteger(L, (lua_Integer)(h->cell->first + h->item));
  lua_rawgeti(L, NAMES, (lua_Integer)task + 1);
  lua_pushinteger(L, h->step);
  lua_pushinteger(L, (lua_Integer)h->tries + 1);
  if (h->phase == DECODE)
    lua_pushnil(L);
  else if (h->step)
    lua_rawgeti(L, INBOX, 1);
  else
    push_item(h);
  lua_rawgeti(L, NAMES, 0);
  lua_call(L, 9, 1);
  write_result(h, frame_error(h->step));
  return 0;
}

/* no memory to say what happened: the runtime's own words */
static void write_last_words(struct hand *h) {
  struct fault f = {.cause = FAULT_NO_MEMORY, .worker = h->number + 1, .attempts = h->tries + 1};
  if (h->thread && !window_write(h->channel->window, h->number, cell_number(h))) {
    h->givenup = true;
    return;
  }
  payload_rescue(h->heap, &h->cell->result, &h->cell->loose);
  h->broken = payload_fault(h->heap, &h->cell->result, &f, h->step) != 0;
  end_writing(h);
  if (h->broken) return; /* the host reads the frames that are missing at the end as lost */
  h->at += h->request.size;
  h->item++;
  h->tries = 0;
}

static void failed(struct hand *h) {
  lua_State *L = h->L;
  end_writing(h);
  if (h->givenup) return;
  if (h->tries < h->terms[h->cell->task].retries) {
    h->tries++;
    return;
  }
  if (!lua_istable(L, -1)) lua_gc(L, LUA_GCCOLLECT); /* out of memory; in all other cases it would only cost time */
  lua_pushvalue(L, WRITE_ERROR);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, h);
  lua_insert(L, -2);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    end_writing(h);
    if (!h->givenup) write_last_words(h);
  }
}

void lwork_apply(void *self, struct cell *cell) {
  struct hand *h = self;
  lua_State *L = h->L;
  h->cell = cell;
  h->item = payload_count(h->heap, &cell->result) + cell->elsewhere;
  h->at = 0;
  h->tries = 0;
  h->broken = false;
  for (uint32_t i = 0; i < h->item && frame_read(h->heap, &cell->request, h->at, &h->request); i++)
    h->at += h->request.size;
  while (h->item < cell->count && !h->givenup && !h->broken) {
    lua_settop(L, BASE);
    lua_pushvalue(L, COMPUTE);
    lua_pushlightuserdata(L, h);
    if (lua_pcall(L, 1, 0, HANDLER) != LUA_OK) failed(h);
  }
  if (h->prints) loutput_end_line(h->prints);
  h->cell = NULL;
}

void lwork_stack(lua_State *L) {
  int arrays = lua_gettop(L) - ARRAYS;
  lua_createtable(L, 1, 0);
  lua_pushcfunction(L, caught);
  lua_insert(L, arrays + 1);
  for (int i = 0; i < SHARED; i++) lua_pushvalue(L, arrays + 2 + i);
  lua_pushcclosure(L, compute_all, SHARED);
  lua_insert(L, arrays + 2);
  lua_pushcclosure(L, write_error, SHARED);
}
