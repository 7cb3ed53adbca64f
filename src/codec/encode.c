/* encode: a Lua value to bytes (wire.h draws them).
**
** Most items hold nothing: numbers, strings, booleans. They are written by put_scalar and codec_encode returns before
** anything else is set up. For the others, the walk is one lua_next per entry: each key is met exactly once, whatever
** Lua's array part looks like; keys that come as 1, 2, 3, ... go without being written. Identity of objects is needed
** for sharing and cycles, but most items have few objects: those are found by comparing addresses in e->few, and a Lua
** table starts to help only beyond. No metamethod runs; __pack of a registered userdata is the one piece of Lua. */
#include "codec/codec.h"

#include <lauxlib.h>

#include "base/buf.h"
#include "codec/state.h"
#include "codec/wire.h"

/* Write a value that holds no other: 1, or 0 when it is another kind, or -1 with errno when there is no room. */
static inline int put_scalar(lua_State *L, int idx, struct buf *out) {
  uint8_t *p = wire_room(out, HEAD_MAX);
  if (!p) return -1;
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
      out->n += lua_isinteger(L, idx) ? wire_integer(p, lua_tointeger(L, idx)) : wire_float(p, lua_tonumber(L, idx));
      return 1;
    case LUA_TSTRING: {
      size_t len;
      const char *s = lua_tolstring(L, idx, &len);
      if (len > SIZE_MAX - HEAD_MAX || !(p = wire_room(out, HEAD_MAX + len))) return -1;
      size_t head = wire_string_head(p, len);
      memcpy(p + head, s, len);
      out->n += head + len;
      return 1;
    }
    case LUA_TNIL: *p = TAG_NIL; break;
    case LUA_TBOOLEAN: *p = lua_toboolean(L, idx) ? TAG_TRUE : TAG_FALSE; break;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, idx)) return 0;
      *p = TAG_NULL;
      break;
    default: return 0;
  }
  out->n++;
  return 1;
}

void enc_byte(struct enc *e, uint8_t byte) {
  if (buf_byte(e->out, byte) != 0) enc_no_room(e);
}

void enc_bytes(struct enc *e, const void *p, size_t n) {
  if (buf_add(e->out, p, n) != 0) enc_no_room(e);
}

void enc_varint(struct enc *e, uint64_t v) {
  uint8_t *p = wire_room(e->out, HEAD_MAX);
  if (!p) enc_no_room(e);
  e->out->n += wire_varint(p, v, 1);
}

/* {====== objects and their numbers ====== */

void enc_need_seen(struct enc *e) {
  if (lua_istable(e->L, e->seen)) return;
  lua_newtable(e->L);
  lua_replace(e->L, e->seen);
}

/* The number of the object on top, or -1. */
static lua_Integer number_of(struct enc *e) {
  const void *object = lua_topointer(e->L, -1);
  size_t few = e->objects < CODEC_FEW ? e->objects : CODEC_FEW;
  for (size_t i = 0; i < few; i++)
    if (e->few[i] == object) return (lua_Integer)i;
  if (e->objects <= CODEC_FEW) return -1;
  lua_pushvalue(e->L, -1);
  lua_Integer n = lua_rawget(e->L, e->seen) == LUA_TNUMBER ? lua_tointeger(e->L, -1) : -1;
  lua_pop(e->L, 1);
  return n;
}

static void give_number(struct enc *e) {
  if (e->objects < CODEC_FEW) {
    e->few[e->objects++] = lua_topointer(e->L, -1);
    return;
  }
  enc_need_seen(e);
  lua_pushvalue(e->L, -1);
  lua_pushinteger(e->L, (lua_Integer)e->objects);
  lua_rawset(e->L, e->seen);
  e->objects++;
}

static bool put_ref(struct enc *e) {
  lua_Integer n = number_of(e);
  if (n < 0) return false;
  enc_byte(e, TAG_REF);
  enc_varint(e, (uint64_t)n);
  return e->refs = true;
}

bool enc_again(struct enc *e) {
  if (put_ref(e)) return true;
  give_number(e);
  return false;
}

/* ====== } */

/* {====== tables ====== */

/* Where a table began, to begin again. */
struct mark {
  size_t n, objects;
  bool refs;
};

/* Forget all that was written since the mark, and the numbers given. */
static void back_to(struct enc *e, struct mark m) {
  lua_State *L = e->L;
  e->out->n = m.n;
  e->objects = m.objects;
  e->refs = m.refs;
  if (!lua_istable(L, e->seen)) return;
  for (lua_pushnil(L); lua_next(L, e->seen); lua_pop(L, 1)) {
    if (!lua_isinteger(L, -1)) continue;  /* a packed value that is kept? */
    lua_Integer n = lua_tointeger(L, -1);
    if (lua_islightuserdata(L, -2)) n >>= 8;
    if ((size_t)n < m.objects) continue;
    lua_pushvalue(L, -2);
    lua_pushnil(L);
    lua_rawset(L, e->seen);  /* clearing a field is allowed on the way */
  }
}

static const void *globals_of(struct enc *e) {
  if (!e->globals) {
    lua_rawgeti(e->L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    e->globals = lua_topointer(e->L, -1);
    lua_pop(e->L, 1);
  }
  return e->globals;
}

static void put_name(struct enc *e) {
  if (put_scalar(e->L, -1, e->out) < 0) enc_no_room(e);
}

/* Write the tag, and the class if there is one. False when the metatable is nobody's. */
static bool open_table(struct enc *e) {
  if (!lua_getmetatable(e->L, -1)) {
    enc_byte(e, TAG_TABLE);
    return true;
  }
  bool known = class_name(e->L);
  if (known) {
    enc_byte(e, TAG_OBJECT);
    put_name(e);
  }
  lua_pop(e->L, 1);
  return known;
}

/* Is the key below the top the next element of the array, maybe after a few nils? Then write those. */
static bool is_next_element(struct enc *e, lua_Unsigned *filled, lua_Unsigned border) {
  if (!lua_isinteger(e->L, -2)) return false;
  lua_Unsigned ahead = (lua_Unsigned)lua_tointeger(e->L, -2) - *filled - 1;
  if (ahead > CODEC_GAP || ahead >= border - *filled) return false;
  for (*filled += ahead + 1; ahead > 0; ahead--) enc_byte(e, TAG_NIL);
  return true;
}

static void put_key(struct enc *e, struct step *s) {
  int put = put_scalar(e->L, -2, e->out);
  if (put > 0) return;
  if (put < 0) enc_no_room(e);
  s->kind = STEP_KEY;
  lua_pushvalue(e->L, -2);
  enc_value(e);
  lua_pop(e->L, 1);
  s->kind = STEP_FIELD;
}

/* Could a table with a field like this be a module? Then it is worth asking package.loaded. Tables of plain data are
** not asked about: they travel by value, and pay nothing. */
static bool smells_of_module(lua_State *L) {
  int type = lua_type(L, -1);
  return type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD;
}

/* the h of wire.h */
static uint8_t room_for(lua_Unsigned pairs) {
  uint8_t h = 0;
  while (pairs > wire_slots(h)) h++;
  return h;
}

/* The entries of table t, in one pass. False when it turned out that the table is a module: its name is on top. */
static bool put_entries(struct enc *e, int t) {
  lua_State *L = e->L;
  lua_Unsigned border = lua_rawlen(L, t), filled = 0, pairs = 0;
  size_t head = e->out->n;
  enc_varint(e, border);  /* as many elements at most: reserves the bytes */
  size_t width = e->out->n - head;
  enc_byte(e, 0);
  bool array = border > 0, asked = false;
  struct step s = {e->path, STEP_FIELD, t + 1, 0};
  e->path = &s;
  lua_pushnil(L);
  while (lua_next(L, t)) {
    if (!asked && smells_of_module(L)) {
      asked = true;
      lua_pushvalue(L, t);
      if (ship_is_module(e)) {
        e->path = s.up;
        return false;
      }
      lua_pop(L, 1);
    }
    if (array && !is_next_element(e, &filled, border)) array = false;
    if (!array) {
      put_key(e, &s);
      pairs++;
    }
    enc_value(e);
    lua_pop(L, 1);
  }
  e->path = s.up;
  wire_varint(e->out->p + head, filled, width);
  e->out->p[head + width] = room_for(pairs);
  enc_byte(e, TAG_NIL);
  return true;
}

static void put_table(struct enc *e) {
  int t = lua_gettop(e->L);
  if (lua_topointer(e->L, t) == globals_of(e)) {
    enc_byte(e, TAG_GLOBALS);
    return;
  }
  struct mark begin = {e->out->n, e->objects, e->refs};
  if (enc_again(e)) return;
  if (open_table(e)) {
    if (put_entries(e, t)) return;
  } else if (!ship_is_module(e)) {
    enc_refuse(e);
  }
  back_to(e, begin);
  ship_module(e);
  lua_settop(e->L, t);
}

/* ====== } */

/* Push what the class's __pack makes of the userdata on top, or raise. Its tag and name are written. */
static void pack(struct enc *e) {
  lua_State *L = e->L;
  int u = lua_gettop(L);
  lua_getmetatable(L, u);
  lua_pushliteral(L, "__pack");
  if (lua_rawget(L, -2) != LUA_TFUNCTION) enc_fail(e, "a userdata whose class has no __pack");
  lua_pushvalue(L, u);
  lua_call(L, 1, 1);
  lua_replace(L, u + 1);
  enc_need_seen(e);
  lua_pushvalue(L, u + 1);
  lua_rawseti(L, e->seen, ++e->kept);
}

/* A userdata takes its number last, as the decoder cannot make it before its packed value. One that is part of its own
** packed value therefore ends at the limit of depth. */
static void put_userdata(struct enc *e) {
  lua_State *L = e->L;
  int u = lua_gettop(L);
  if (put_ref(e)) return;
  if (!lua_getmetatable(L, u) || !class_name(L)) {
    lua_settop(L, u);
    if (!ship_is_module(e)) enc_refuse(e);
    ship_module(e);
    lua_settop(L, u);
    return;
  }
  enc_byte(e, TAG_PACKED);
  put_name(e);
  lua_settop(L, u);
  pack(e);
  enc_value(e);
  lua_settop(L, u);
  give_number(e);
}

void enc_value(struct enc *e) {
  int put = put_scalar(e->L, -1, e->out);
  if (put > 0) return;
  if (put < 0) enc_no_room(e);
  if (++e->depth > CODEC_DEPTH) enc_fail(e, "nested deeper than " CODEC_LEVELS);
  if (!lua_checkstack(e->L, CODEC_SLOTS)) enc_fail(e, "nested too deep for the stack");
  switch (lua_type(e->L, -1)) {
    case LUA_TTABLE: put_table(e); break;
    case LUA_TFUNCTION: ship_function(e); break;
    case LUA_TUSERDATA: put_userdata(e); break;
    default: enc_refuse(e);
  }
  e->depth--;
}

/* The part of codec_encode that does need a state; apart, so that the quick part stays small. */
static void encode_deep(lua_State *L, int idx, struct buf *out, const char *what) {
  struct enc e;  /* few needs no initial value: objects says how much of it holds */
  e.L = L, e.out = out, e.what = what, e.path = NULL, e.globals = NULL;
  e.depth = 0, e.kept = 0, e.refs = false, e.objects = 0;
  size_t start = out->n;
  luaL_checkstack(L, CODEC_SLOTS, "no room to encode");
  idx = lua_absindex(L, idx);
  lua_pushnil(L);
  e.seen = lua_gettop(L);
  lua_pushvalue(L, idx);
  enc_value(&e);
  if (e.refs) out->p[start] |= 1;
  lua_settop(L, e.seen - 1);
}

void codec_encode(lua_State *L, int idx, struct buf *out, const char *what) {
  if (put_scalar(L, idx, out) <= 0) encode_deep(L, idx, out, what);  /* no room? asked again, and told there */
}
