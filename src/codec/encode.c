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
  if (lua_isinteger(L, idx)) {  /* first, as the most usual kind: each question is a call, and calls are what it costs */
    out->n += wire_integer(p, lua_tointeger(L, idx));
    return 1;
  }
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
      out->n += wire_float(p, lua_tonumber(L, idx));
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

/* The object at idx, the last that was given a number, goes without. */
static void take_number_back(struct enc *e, int idx) {
  if (--e->objects < CODEC_FEW) return;
  lua_pushvalue(e->L, idx);
  lua_pushnil(e->L);
  lua_rawset(e->L, e->seen);
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

/* The h of wire.h. */
static uint8_t room_for(lua_Unsigned pairs) {
  uint8_t h = 0;
  while (pairs > wire_slots(h)) h++;
  return h;
}

/* The walk over table t, which is below the key and the value on the stack. */
struct walk {
  lua_Unsigned border;  /* elements there may be */
  lua_Unsigned filled;  /* elements written, nils among them */
  lua_Unsigned pairs;
  bool array;           /* did all keys so far come in order? */
  bool asked;           /* whether t is a module */
};

/* Does t, from the key and value on top on, hold what modules hold and plain data does not? */
static bool smells_of_module(lua_State *L, int t) {
  int top = lua_gettop(L), type;
  lua_pushvalue(L, top - 1);
  lua_pushvalue(L, top);
  do {
    type = lua_type(L, -1);
    lua_pop(L, 1);
  } while (type != LUA_TFUNCTION && type != LUA_TUSERDATA && type != LUA_TTHREAD && lua_next(L, t));
  bool found = lua_gettop(L) > top;  /* lua_next leaves no key at the end */
  lua_settop(L, top);
  return found;
}

/* Is t a module? Then push its name. Asked once, before the first entry that is no scalar, so that nothing which
** belongs to a module is ever looked into. Tables of plain data never ask package.loaded: they travel by value. */
static bool is_module(struct enc *e, struct walk *w, int t) {
  if (w->asked) return false;
  w->asked = true;
  if (!smells_of_module(e->L, t)) return false;
  lua_pushvalue(e->L, t);
  bool is = ship_is_module(e);
  if (!is) lua_pop(e->L, 1);
  return is;
}

/* Is the key below the top the next element of the array, maybe after a few nils? Then write those. */
static inline bool put_index(struct enc *e, struct walk *w) {
  if (!w->array || !lua_isinteger(e->L, -2)) return false;
  lua_Unsigned ahead = (lua_Unsigned)lua_tointeger(e->L, -2) - w->filled - 1;
  if (ahead > CODEC_GAP || ahead >= w->border - w->filled) return false;
  for (w->filled += ahead + 1; ahead > 0; ahead--) enc_byte(e, TAG_NIL);
  return true;
}

static void put_object_key(struct enc *e, struct step *s) {
  s->kind = STEP_KEY;
  lua_pushvalue(e->L, -2);
  enc_value(e);
  lua_pop(e->L, 1);
  s->kind = STEP_FIELD;
}

/* Write the key and the value on top. False when t turned out to be a module: its name is on top. */
static inline bool put_entry(struct enc *e, struct walk *w, int t, struct step *s) {
  if (!put_index(e, w)) {
    w->array = false;
    w->pairs++;
    if (put_scalar(e->L, -2, e->out) <= 0) {
      if (is_module(e, w, t)) return false;
      put_object_key(e, s);
    }
  }
  if (put_scalar(e->L, -1, e->out) <= 0) {
    if (is_module(e, w, t)) return false;
    enc_value(e);
  }
  return true;
}

/* The entries of table t, in one pass. False when it turned out that the table is a module: its name is on top. */
static bool put_entries(struct enc *e, int t) {
  lua_State *L = e->L;
  struct walk w = {.border = lua_rawlen(L, t)};
  w.array = w.border > 0;
  size_t head = e->out->n;
  enc_varint(e, w.border);  /* elements: at most so many, which reserves the bytes */
  size_t width = e->out->n - head;
  enc_byte(e, 0);  /* h */
  struct step s = {e->path, STEP_FIELD, t + 1, 0};
  e->path = &s;
  bool plain = true;
  for (lua_pushnil(L); plain && lua_next(L, t);) {
    plain = put_entry(e, &w, t, &s);
    if (plain) lua_pop(L, 1);
  }
  e->path = s.up;
  if (!plain) return false;
  wire_varint(e->out->p + head, w.filled, width);
  e->out->p[head + width] = room_for(w.pairs);
  enc_byte(e, TAG_NIL);
  return true;
}

/* asked only of tables that would be refused otherwise */
static bool stands_for_globals(struct enc *e, int t) {
  lua_getfield(e->L, LUA_REGISTRYINDEX, CODEC_GLOBALS);
  bool same = lua_rawequal(e->L, -1, t);
  lua_pop(e->L, 1);
  return same;
}

static void put_table(struct enc *e) {
  int t = lua_gettop(e->L);
  if (lua_topointer(e->L, t) == globals_of(e)) {
    enc_byte(e, TAG_GLOBALS);
    return;
  }
  size_t start = e->out->n;
  if (enc_again(e)) return;
  if (open_table(e)) {
    if (put_entries(e, t)) return;
  } else if (stands_for_globals(e, t)) {
    e->out->n = start;
    take_number_back(e, t);
    enc_byte(e, TAG_GLOBALS);
    lua_settop(e->L, t);
    return;
  } else if (!ship_is_module(e)) {
    enc_refuse(e);
  }
  e->out->n = start;
  take_number_back(e, t);
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
