/* core.sort: sorting more than fits in memory, for Lua. See scan/sorter.h for the order. */
#include <lauxlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/lvalue.h"
#include "scan/sorter.h"

#define SORTER "papy.sorter"
#define BUFFER "papy.sorter.buffer"

/* the sorter at idx; raises when there is none */
static struct sorter *sorter_arg(lua_State *L, int idx) {
  struct sorter **s = luaL_checkudata(L, idx, SORTER);
  if (!*s) luaL_error(L, "sorter is closed");
  return *s;
}

static int fail(lua_State *L, const struct why *why) {
  lua_pushstring(L, why->text); /* without a place: it would be one of papy's own */
  return lua_error(L);
}

static int no_value(lua_State *L, int idx) {
  lua_pushfstring(L, "a %s is no value to sort by", luaL_typename(L, idx));
  return lua_error(L);
}

static lua_Integer integer_field(lua_State *L, const char *name, lua_Integer otherwise) {
  int whole = 1;
  lua_Integer i = lua_getfield(L, 1, name) == LUA_TNIL ? otherwise : lua_tointegerx(L, -1, &whole);
  if (!whole || i < 0) luaL_error(L, "sort: '%s' must be a whole number, 0 or more", name);
  lua_pop(L, 1);
  return i;
}

/* new{keys = how many, descending = {boolean...}, memory =, dir =} -> sorter memory: bytes after which entries go to
** temporary files (default 256 MiB, 0: never); dir: where those are made (default $TMPDIR or /tmp). */
static int new_(lua_State *L) {
  struct why why;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer keys = integer_field(L, "keys", 1), memory = integer_field(L, "memory", SORT_MEMORY);
  if (keys > SORTER_KEYS_MOST) luaL_error(L, "sort: at most %d keys", SORTER_KEYS_MOST);
  struct sorter_spec spec = {.keys = (unsigned)keys, .memory = (size_t)memory};
  if (lua_getfield(L, 1, "descending") == LUA_TTABLE)
    for (unsigned i = 0; i < spec.keys; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      spec.descending[i] = (unsigned char)lua_toboolean(L, -1);
      lua_pop(L, 1);
    }
  struct sorter **s = lua_newuserdatauv(L, sizeof *s, 1);
  *s = NULL;
  luaL_setmetatable(L, SORTER);
  lua_getfield(L, 1, "dir");
  spec.dir = luaL_optstring(L, -1, NULL);
  lua_setiuservalue(L, -2, 1);
  *s = sorter_new(&spec, &why);
  return *s ? 1 : fail(L, &why);
}

static int s_gc(lua_State *L) {
  struct sorter **s = luaL_checkudata(L, 1, SORTER);
  sorter_free(*s);
  *s = NULL;
  return 0;
}

/* s:add(keys, bytes): an array of key values, and the string that comes out in their order */
static int s_add(lua_State *L) {
  struct value keys[SORTER_KEYS_MOST];
  struct why why;
  size_t n;
  struct sorter *s = sorter_arg(L, 1);
  unsigned count = sorter_spec(s)->keys;
  const char *bytes = luaL_checklstring(L, 3, &n);
  lua_settop(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, SORTER_KEYS_MOST + 4, "too many keys");
  for (unsigned i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1); /* stays on the stack: so does its text */
    if (!lvalue_to(L, -1, &keys[i])) return no_value(L, -1);
  }
  return sorter_add(s, keys, bytes, n, &why) != 0 ? fail(L, &why) : 0;
}

/* s:item(i): entries added from now on are of work item i; equal ones come in the order of their items */
static int s_item(lua_State *L) {
  sorter_item(sorter_arg(L, 1), (uint64_t)luaL_checkinteger(L, 2));
  return 0;
}

static int s_clear(lua_State *L) {
  sorter_clear(sorter_arg(L, 1));
  return 0;
}

static int b_gc(lua_State *L) {
  buf_free(luaL_checkudata(L, 1, BUFFER));
  return 0;
}

/* s:encode([most]) -> bytes for merge: the entries that come first, in order */
static int s_encode(lua_State *L) {
  struct why why;
  struct sorter *s = sorter_arg(L, 1);
  lua_Integer most = luaL_optinteger(L, 2, LUA_MAXINTEGER);
  luaL_argcheck(L, most >= 0, 2, "a whole number, 0 or more, expected");
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  buf_heap(b);
  luaL_setmetatable(L, BUFFER);
  if (sorter_encode(s, (size_t)most, b, &why) != 0) return fail(L, &why);
  lua_pushlstring(L, (const char *)b->p, b->n);
  buf_free(b);
  return 1;
}

/* s:merge(bytes [, item]) */
static int s_merge(lua_State *L) {
  struct why why;
  size_t n;
  struct sorter *s = sorter_arg(L, 1);
  const char *bytes = luaL_checklstring(L, 2, &n);
  uint64_t item = lua_isnoneornil(L, 3) ? UINT64_MAX : (uint64_t)luaL_checkinteger(L, 3);
  return sorter_merge(s, bytes, n, item, &why) != 0 ? fail(L, &why) : 0;
}

/* s:next() -> the next string in order, nil at the end. The first call ends the adding; at the end the sorter is empty
** and can be filled again. `for bytes in s.next, s do` */
static int s_next(lua_State *L) {
  struct why why;
  const void *bytes;
  size_t n;
  int rc = sorter_next(sorter_arg(L, 1), &bytes, &n, &why);
  if (rc < 0) return fail(L, &why);
  if (rc > 0) lua_pushlstring(L, bytes, n);
  else lua_pushnil(L);
  return 1;
}

static int s_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sorter_count(sorter_arg(L, 1)));
  return 1;
}

/* s:spilled() -> is anything on disk? */
static int s_spilled(lua_State *L) {
  lua_pushboolean(L, sorter_spilled(sorter_arg(L, 1)));
  return 1;
}

static const luaL_Reg functions[] = {{"new", new_}, {NULL, NULL}};

static const luaL_Reg methods[] = {{"add", s_add},     {"item", s_item}, {"clear", s_clear},     {"encode", s_encode},
                                   {"merge", s_merge}, {"next", s_next}, {"spilled", s_spilled}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", s_gc}, {"__close", s_gc}, {"__len", s_count}, {NULL, NULL}};

static const luaL_Reg buffer_metamethods[] = {{"__gc", b_gc}, {NULL, NULL}};

int luaopen_papy_core_sort(lua_State *L) {
  if (luaL_newmetatable(L, BUFFER)) luaL_setfuncs(L, buffer_metamethods, 0);
  if (luaL_newmetatable(L, SORTER)) {
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 2);
  luaL_newlib(L, functions);
  return 1;
}
