/* decode: bytes to a Lua value (wire.h draws them).
**
** The bytes may be cut or foreign, so nothing in them is believed: a length is compared with what remains before it is
** used, and the room tables ask for is paid from d->room, which starts as the number of bytes. All that is made
** stands on the Lua stack; a raise leaves nothing behind. */
#include <lauxlib.h>
#include <limits.h>

#include "codec/codec.h"
#include "codec/state.h"
#include "codec/wire.h"

_Noreturn void dec_bad(struct dec *d, const char *why) {
  luaL_checkstack(d->L, 3, NULL);
  lua_pushfstring(d->L, "cannot decode: %s at byte %I", why, (LUAI_UACINT)(d->p - d->start));
  lua_error(d->L);
  __builtin_unreachable();
}

const uint8_t *dec_bytes(struct dec *d, uint64_t n) {
  if (n > (uint64_t)(d->end - d->p)) dec_bad(d, "the bytes are cut short");
  const uint8_t *p = d->p;
  d->p += n;
  return p;
}

uint8_t dec_byte(struct dec *d) { return *dec_bytes(d, 1); }

uint64_t dec_varint(struct dec *d) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    uint8_t b = dec_byte(d);
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) return v;
  }
  dec_bad(d, "a number is too long");
}

static void get_integer(struct dec *d, int bytes) {
  uint64_t v = wire_from_le(dec_bytes(d, (uint64_t)bytes), bytes), sign = UINT64_C(1) << (8 * bytes - 1);
  lua_pushinteger(d->L, (lua_Integer)((v ^ sign) - sign));
}

static void get_float(struct dec *d) {
  uint64_t bits = wire_from_le(dec_bytes(d, 8), 8);
  double v;
  memcpy(&v, &bits, sizeof v);
  lua_pushnumber(d->L, v);
}

static void get_string(struct dec *d, uint64_t len) {
  const uint8_t *p = dec_bytes(d, len);
  lua_pushlstring(d->L, (const char *)p, (size_t)len);
}

const char *dec_name(struct dec *d) {
  uint8_t tag = dec_byte(d);
  if (tag >= TAG_SHORT && tag <= TAG_SHORT + SHORT_MAX) get_string(d, tag - TAG_SHORT);
  else if (tag == TAG_STRING) get_string(d, dec_varint(d));
  else dec_bad(d, "a name is missing");
  return lua_tostring(d->L, -1);
}

/* {====== objects and their numbers ====== */

void dec_number(struct dec *d) {
  d->objects++;
  if (!d->list) return;
  lua_pushvalue(d->L, -1);
  lua_rawseti(d->L, d->list, (lua_Integer)d->objects);
}

void dec_object(struct dec *d, uint64_t k) {
  if (!d->list || k >= d->objects) dec_bad(d, "a reference to no object");
  lua_rawgeti(d->L, d->list, (lua_Integer)k + 1);
}

/* ====== } */

/* {====== tables and userdata ====== */

static int take_room(struct dec *d, uint64_t slots) {
  if (slots > d->room || slots > INT_MAX) dec_bad(d, "a table is larger than its bytes");
  d->room -= (size_t)slots;
  return (int)slots;
}

/* Push the next key; false at the end of the pairs. */
static bool get_key(struct dec *d) {
  dec_value(d);
  if (lua_isnil(d->L, -1)) return false;
  if (lua_type(d->L, -1) == LUA_TNUMBER && lua_tonumber(d->L, -1) != lua_tonumber(d->L, -1))
    dec_bad(d, "a key is not a number");
  return true;
}

static void get_table(struct dec *d) {
  lua_State *L = d->L;
  uint64_t elements = dec_varint(d);
  uint8_t h = dec_byte(d);
  if (h > 32) dec_bad(d, "a table is larger than its bytes");
  int narr = take_room(d, elements), nrec = take_room(d, wire_slots(h));
  lua_createtable(L, narr, nrec);
  dec_number(d);
  for (int i = 1; i <= narr; i++) {
    dec_value(d);
    lua_rawseti(L, -2, i);
  }
  while (get_key(d)) {
    dec_value(d);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

/* Push the metatable of the class named next. */
static void get_class(struct dec *d) {
  const char *name = dec_name(d);
  lua_pushvalue(d->L, -1);
  if (!class_metatable(d->L)) {
    lua_pushfstring(d->L, "cannot decode: no class '%s' is registered here; see papy.class", name);
    lua_error(d->L);
  }
  lua_remove(d->L, -2);
}

static void get_object(struct dec *d) {
  get_class(d);
  get_table(d);
  lua_insert(d->L, -2);
  lua_setmetatable(d->L, -2);
}

static void unpack(struct dec *d) {
  lua_State *L = d->L;
  get_class(d);
  lua_pushliteral(L, "__unpack");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isfunction(L, -1)) dec_bad(d, "a userdata of a class without __unpack");
  dec_value(d);
  lua_call(L, 1, 1);
  dec_number(d);
}

/* ====== } */

static void get_deep(struct dec *d, uint8_t tag) {
  if (++d->depth > CODEC_DEPTH) dec_bad(d, "the value is nested deeper than " CODEC_LEVELS);
  if (!lua_checkstack(d->L, CODEC_SLOTS)) dec_bad(d, "the value is nested too deep for the stack");
  switch (tag) {
    case TAG_TABLE: get_table(d); break;
    case TAG_OBJECT: get_object(d); break;
    case TAG_PACKED: unpack(d); break;
    case TAG_FUNCTION: unship_function(d); break;
    case TAG_CFUNC: unship_cfunction(d); break;
    case TAG_MODULE: unship_module(d); break;
    default: dec_bad(d, "an unknown tag");
  }
  d->depth--;
}

static void get_globals(struct dec *d) {
  if (d->plain) dec_bad(d, "the globals, where only plain values are taken");
  lua_rawgeti(d->L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static inline void get_tagged(struct dec *d, uint8_t tag) {
  lua_State *L = d->L;
  if (tag < TAG_SHORT) {
    lua_pushinteger(L, tag);
  } else if (tag <= TAG_SHORT + SHORT_MAX) {
    get_string(d, tag - TAG_SHORT);
  } else if (tag < TAG_MINUS) {
    lua_pushinteger(L, (lua_Integer)tag - TAG_MINUS);
  } else {
    switch (tag) {
      case TAG_NIL: lua_pushnil(L); break;
      case TAG_FALSE: lua_pushboolean(L, 0); break;
      case TAG_TRUE: lua_pushboolean(L, 1); break;
      case TAG_NULL: lua_pushlightuserdata(L, NULL); break;
      case TAG_INT1: get_integer(d, 1); break;
      case TAG_INT2: get_integer(d, 2); break;
      case TAG_INT4: get_integer(d, 4); break;
      case TAG_INT8: get_integer(d, 8); break;
      case TAG_FLOAT: get_float(d); break;
      case TAG_STRING: get_string(d, dec_varint(d)); break;
      case TAG_REF: dec_object(d, dec_varint(d)); break;
      case TAG_GLOBALS: get_globals(d); break;
      default: get_deep(d, tag);
    }
  }
}

void dec_value(struct dec *d) { get_tagged(d, dec_byte(d)); }

static void decode(lua_State *L, const void *p, size_t n, bool plain) {
  struct dec d = {.L = L, .p = p, .end = (const uint8_t *)p + n, .start = p, .room = n, .plain = plain};
  uint8_t tag = dec_byte(&d);
  if (tag >= TAG_TABLE && tag <= TAG_LAST && (tag & 1)) {
    luaL_checkstack(L, 2, "no room to decode");
    lua_newtable(L);
    d.list = lua_gettop(L);
    tag--;
  }
  get_tagged(&d, tag);
  if (d.p != d.end) dec_bad(&d, "bytes follow the value");
  if (d.list) lua_replace(L, d.list);
}

void codec_decode(lua_State *L, const void *p, size_t n) { decode(L, p, n, false); }

void codec_decode_plain(lua_State *L, const void *p, size_t n) { decode(L, p, n, true); }
