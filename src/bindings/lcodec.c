/* lcodec: papy.core.codec, the codec as Lua functions on strings. For tests, and for Lua that keeps values elsewhere;
** items on their way through a pool never pass here. */
#include <lauxlib.h>

#include "base/buf.h"
#include "bindings/bindings.h"
#include "codec/codec.h"

#define BUFFER "papy.codec.buffer"

static int buffer_gc(lua_State *L) {
  buf_free(luaL_checkudata(L, 1, BUFFER));
  return 0;
}

/* Push an empty buffer that is freed when the calling C function ends, whichever way. */
static struct buf *push_buffer(lua_State *L) {
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  buf_heap(b);
  luaL_setmetatable(L, BUFFER);
  lua_toclose(L, -1);
  return b;
}

/* encode(value [, what]) -> string */
static int codec_lencode(lua_State *L) {
  luaL_checkany(L, 1);
  const char *what = luaL_optstring(L, 2, "value");
  struct buf *b = push_buffer(L);
  codec_encode(L, 1, b, what);
  lua_pushlstring(L, (const char *)b->p, b->n);
  return 1;
}

/* decode(string) -> value */
static int codec_ldecode(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  codec_decode(L, s, n);
  return 1;
}

/* decode_plain(string) -> value; functions, modules and globals in it raise */
static int codec_ldecode_plain(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  codec_decode_plain(L, s, n);
  return 1;
}

/* class(name, metatable) */
static int codec_lclass(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  codec_class(L, name);
  return 0;
}

static const luaL_Reg functions[] = {
    {"encode", codec_lencode}, {"decode", codec_ldecode}, {"decode_plain", codec_ldecode_plain}, {"class", codec_lclass},
    {NULL, NULL}};

static const luaL_Reg metameth[] = {{"__gc", buffer_gc}, {"__close", buffer_gc}, {NULL, NULL}};

int luaopen_papy_core_codec(lua_State *L) {
  if (luaL_newmetatable(L, BUFFER)) luaL_setfuncs(L, metameth, 0);
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
