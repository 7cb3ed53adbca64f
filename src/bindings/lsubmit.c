/* Submitting: a pulled value becomes the next item of its task.
**
** Numbers, booleans and short strings are encoded on the spot; everything else under a protected call, because it may be
** refused. A refusal becomes the item's error, in its place. */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "bindings/lpool.h"
#include "codec/codec.h"

struct job {
  struct writer *w;
  const char *what;
};

static int encode_protected(lua_State *L) {
  struct job *j = lua_touserdata(L, 2);
  codec_encode(L, 1, &j->w->bytes, j->what);
  return 0;
}

void lsubmit_error(lua_State *L, struct lpool *p, uint32_t t) {
  struct writer w;
  struct job j = {&w, "error"};
  int top = lua_gettop(L) - 1;
  lerror_push(L, "sendable");
  lua_insert(L, top + 1);
  lua_call(L, 1, 1);
  if (pool_begin(p->rt, t, &w) == 0) {
    lua_pushcfunction(L, encode_protected);
    lua_pushvalue(L, top + 1);
    lua_pushlightuserdata(L, &j);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK) {
      pool_commit(p->rt, t, &w, FRAME_ERROR);
      lua_settop(L, top);
      return;
    }
  }
  pool_cancel(p->rt, t, &w);
  struct fault f = {.cause = FAULT_NO_MEMORY};
  struct frame frame = {.kind = FRAME_FAULT | FRAME_ERROR, .body = (const uint8_t *)&f};
  pool_relay(p->rt, t, &frame, 1, false);
  lua_settop(L, top);
}

void lsubmit_blame(lua_State *L, struct lpool *p, uint32_t t, const char *kind) {
  struct pool_stats s;
  pool_stats(p->rt, (int32_t)t, &s);
  lerror_push(L, "of_input");
  lua_insert(L, -2);
  lua_pushstring(L, kind);
  lua_pushinteger(L, (lua_Integer)t + 1);
  lua_pushinteger(L, (lua_Integer)s.submitted + 1);
  lpool_push_names(L, p, t);
  lpool_push_name(L, p);
  lua_call(L, 6, 1);
}

void lsubmit_value(lua_State *L, struct lpool *p, uint32_t t) {
  struct writer w;
  int type = lua_type(L, -1);
  if (pool_overtaken(p->rt, t)) {
    lua_pop(L, 1);
    return;
  }
  if (lerror_is(L)) { /* given as a value: a failed item, which passes the function untouched */
    lsubmit_blame(L, p, t, "input");
    lsubmit_error(L, p, t);
    return;
  }
  if (pool_begin(p->rt, t, &w) != 0) {
    lua_pop(L, 1);
    lua_pushstring(L, strerror(errno));
    lsubmit_blame(L, p, t, "codec");
    lsubmit_error(L, p, t);
    return;
  }
  if (type == LUA_TNUMBER || type == LUA_TBOOLEAN || (type == LUA_TSTRING && lua_rawlen(L, -1) < FRAME_INLINE / 2)) {
    codec_encode(L, -1, &w.bytes, "item");
    lua_pop(L, 1);
    pool_commit(p->rt, t, &w, 0);
    return;
  }
  struct job j = {&w, "item"};
  lua_pushcfunction(L, encode_protected);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, &j);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) {
    pool_commit(p->rt, t, &w, 0);
    return;
  }
  pool_cancel(p->rt, t, &w);
  lsubmit_blame(L, p, t, "codec");
  lsubmit_error(L, p, t);
}
