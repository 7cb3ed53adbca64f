/* ship: functions and modules on their way to another state.
**
** A Lua function is its code (lua_dump, with the debug information, so that tracebacks are true) and its upvalues,
** recursively. Upvalues are variables, not values: two functions that share one share it again after decoding, and a
** function may hold itself. What every state has anyway goes by name: the table of globals, the modules (tables
** that hold a function, or whatever else could not travel by value), C functions. */
#include <lauxlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/codec.h"
#include "codec/state.h"
#include "codec/wire.h"

/* {====== modules ====== */

/* Modules come and go by `require`, so package.loaded itself is asked each time: a few dozen comparisons, and only for
** values that smell of a module. */
bool ship_is_module(struct enc *e) {
  lua_State *L = e->L;
  int value = lua_gettop(L);
  luaL_checkstack(L, CODEC_SLOTS, NULL);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_istable(L, -1)) {
    for (lua_pushnil(L); lua_next(L, value + 1); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, value)) continue;
      lua_pop(L, 1);
      lua_replace(L, value + 1);
      return true;
    }
  }
  lua_settop(L, value);
  return false;
}

/* Write the string on top, as a value. */
static void ship_name(struct enc *e) {
  size_t len;
  const char *s = lua_tolstring(e->L, -1, &len);
  uint8_t head[HEAD_MAX];
  enc_bytes(e, head, wire_string_head(head, len));
  enc_bytes(e, s, len);
}

void ship_module(struct enc *e) {
  enc_byte(e, TAG_MODULE);
  ship_name(e);
}

/* Push the module named next: loaded already, or required now. */
static const char *push_module(struct dec *d) {
  lua_State *L = d->L;
  if (d->plain) dec_bad(d, "a module, where only plain values are taken");
  const char *name = dec_name(d);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  if (lua_istable(L, -2) && lua_rawget(L, -2) != LUA_TNIL) {
    lua_replace(L, -2);
  } else {
    lua_pop(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushliteral(L, "require");
    if (lua_rawget(L, -2) != LUA_TFUNCTION) dec_bad(d, "a module, and no function 'require' here");
    lua_replace(L, -2);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
  }
  return name;  /* still on the stack, below the module */
}

void unship_module(struct dec *d) {
  push_module(d);
  lua_remove(d->L, -2);
}

/* ====== } */

/* {====== C functions: by name ======
**
** Names are searched in package.loaded, one or two fields deep, once for all functions: the registry keeps a table
** from each C function to the bytes of its reference. One that is missing may have come with a module loaded since,
** so the table is then made anew before giving up. The standard library names its own functions before anybody who
** has copied them; a module's own field goes before the same in a module that holds that one, where another state may
** not have put it yet; and the globals come last, as another state may not have them. */

static const char names_key = 0;  /* its address is the key */

static void add_name(luaL_Buffer *b, const char *s, size_t len) {
  uint8_t head[HEAD_MAX];
  luaL_addlstring(b, (const char *)head, wire_string_head(head, len));
  luaL_addlstring(b, s, len);
}

/* names[the C function on top] = the reference made of the n strings at path[], unless it has a name. */
static void note(lua_State *L, int names, const int *path, int n) {
  int f = lua_gettop(L);
  lua_pushvalue(L, f);
  if (lua_rawget(L, names) == LUA_TNIL) {
    luaL_Buffer b;
    lua_pushvalue(L, f);
    luaL_buffinit(L, &b);
    luaL_addchar(&b, (char)TAG_CFUNC);
    luaL_addchar(&b, (char)n);
    for (int i = 0; i < n; i++) {
      size_t len;
      const char *s = lua_tolstring(L, path[i], &len);
      add_name(&b, s, len);
    }
    luaL_pushresult(&b);
    lua_rawset(L, names);
  }
  lua_settop(L, f);
}

/* Note the C functions in the value on top, whose own name is path[0..n-1], down to path[0..most-1]. */
static void note_all(lua_State *L, int names, int *path, int n, int most) {
  if (lua_iscfunction(L, -1)) note(L, names, path, n);
  if (!lua_istable(L, -1) || n == most) return;
  int t = lua_gettop(L);
  luaL_checkstack(L, CODEC_SLOTS, NULL);
  path[n] = t + 1;
  for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1))
    if (lua_type(L, -2) == LUA_TSTRING) note_all(L, names, path, n + 1, most);
}

/* The module whose name is on top, as far as it is loaded. */
static void note_module(lua_State *L, int names, int loaded, int most) {
  int path[3] = {lua_gettop(L)};
  lua_pushvalue(L, -1);
  lua_rawget(L, loaded);
  note_all(L, names, path, 1, most);
  lua_pop(L, 1);
}

/* All modules but the globals. */
static void note_modules(lua_State *L, int names, int loaded, int most) {
  for (lua_pushnil(L); lua_next(L, loaded);) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), LUA_GNAME) != 0)
      note_module(L, names, loaded, most);
  }
}

/* Push a new table of names. */
static void make_names(lua_State *L) {
  static const char *const standard[] = {"string", "table",   "math",      "io",    "os",
                                         "utf8",   "package", "coroutine", "debug", NULL};
  luaL_checkstack(L, CODEC_SLOTS, NULL);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  int names = lua_gettop(L), loaded = names + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_istable(L, loaded)) {
    for (int i = 0; standard[i]; i++) {
      lua_pushstring(L, standard[i]);
      note_module(L, names, loaded, 3);
      lua_pop(L, 1);
    }
    note_modules(L, names, loaded, 2);
    note_modules(L, names, loaded, 3);
    lua_pushliteral(L, LUA_GNAME);
    note_module(L, names, loaded, 2);
  }
  lua_settop(L, names);
}

/* Push the reference to the C function on top. */
static bool find_name(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushvalue(L, -2);
  bool found = lua_rawget(L, -2) == LUA_TSTRING;
  lua_remove(L, -2);
  if (!found) lua_pop(L, 1);
  return found;
}

static void ship_cfunction(struct enc *e) {
  lua_State *L = e->L;
  if (!find_name(L)) {
    make_names(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    if (!find_name(L)) enc_refuse(e);
  }
  size_t len;
  const char *bytes = lua_tolstring(L, -1, &len);
  enc_bytes(e, bytes, len);
  lua_pop(L, 1);
}

void unship_cfunction(struct dec *d) {
  lua_State *L = d->L;
  if (d->plain) dec_bad(d, "a function, where only plain values are taken");
  int n = dec_byte(d);
  const char *module = push_module(d), *field = module;
  int at = lua_gettop(L);
  while (--n > 0) {
    lua_settop(L, at);
    field = dec_name(d);  /* stays at at + 1, for the message */
    lua_pushvalue(L, -1);
    if (lua_istable(L, at)) lua_rawget(L, at);
    lua_replace(L, at);  /* what is there, or else the name, which is no function */
  }
  if (!lua_iscfunction(L, at)) {
    lua_pushfstring(L, "cannot decode: module '%s' has no C function '%s' here", module, field);
    lua_error(L);
  }
  lua_settop(L, at);
  lua_remove(L, at - 1);
}

/* ====== } */

/* {====== Lua functions: code and upvalues ====== */

static int write_code(lua_State *L, const void *p, size_t n, void *out) {
  (void)L;
  return buf_add(out, p, n);
}

static void ship_code(struct enc *e) {
  uint8_t length[4] = {0};
  enc_bytes(e, length, sizeof length);
  size_t at = e->out->n;
  if (lua_dump(e->L, write_code, e->out, 0) != 0) enc_no_room(e);
  size_t n = e->out->n - at;
  if (n > UINT32_MAX) enc_fail(e, "a function of more than 4 GB");
  wire_le(e->out->p + at - sizeof length, n, sizeof length);
}

/* Was the variable behind upvalue i of f met before? Then refer to it; else it is known from now on. */
static bool upvalue_again(struct enc *e, int f, size_t self, int i) {
  lua_State *L = e->L;
  void *id = lua_upvalueid(L, f, i);
  enc_need_seen(e);
  bool again = lua_rawgetp(L, e->seen, id) == LUA_TNUMBER;
  lua_Integer first = again ? lua_tointeger(L, -1) : 0;
  lua_pop(L, 1);
  if (again) {
    enc_byte(e, TAG_UPVALUE);
    enc_varint(e, (uint64_t)first >> 8);
    enc_byte(e, (uint8_t)first);
    return e->refs = true;
  }
  lua_pushinteger(L, (lua_Integer)(self << 8 | (unsigned)i));
  lua_rawsetp(L, e->seen, id);
  return false;
}

static void ship_upvalues(struct enc *e, int f, size_t self, int n) {
  struct step s = {e->path, STEP_UPVALUE, f, 0};
  e->path = &s;
  for (s.n = 1; s.n <= n; s.n++) {
    if (upvalue_again(e, f, self, s.n)) continue;
    lua_getupvalue(e->L, f, s.n);
    enc_value(e);
    lua_pop(e->L, 1);
  }
  e->path = s.up;
}

static int count_upvalues(lua_State *L) {
  lua_Debug ar;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">u", &ar);
  return ar.nups;
}

void ship_function(struct enc *e) {
  if (lua_iscfunction(e->L, -1)) {
    ship_cfunction(e);
    return;
  }
  if (enc_again(e)) return;
  size_t self = e->objects - 1;
  int n = count_upvalues(e->L);
  enc_byte(e, TAG_FUNCTION);
  ship_code(e);
  enc_byte(e, (uint8_t)n);
  ship_upvalues(e, lua_gettop(e->L), self, n);
}

/* Upvalue i of the function f is the variable of an earlier function. */
static void join_upvalue(struct dec *d, int f, int i) {
  lua_State *L = d->L;
  dec_object(d, dec_varint(d));
  int j = dec_byte(d);
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1) || !lua_upvalueid(L, -1, j))
    dec_bad(d, "a reference to no upvalue");
  lua_upvaluejoin(L, f, i, -1, j);
  lua_pop(L, 1);
}

void unship_function(struct dec *d) {
  lua_State *L = d->L;
  if (d->plain) dec_bad(d, "a function, where only plain values are taken");
  uint64_t n = wire_from_le(dec_bytes(d, 4), 4);
  const char *code = (const char *)dec_bytes(d, n);
  if (luaL_loadbufferx(L, code, (size_t)n, "=shipped", "b") != LUA_OK) {
    lua_pushfstring(L, "cannot decode a function: %s", lua_tostring(L, -1));
    lua_error(L);
  }
  dec_number(d);  /* before its upvalues, which may hold it */
  int f = lua_gettop(L), nups = dec_byte(d);
  if (nups != count_upvalues(L)) dec_bad(d, "a function has another number of upvalues");
  for (int i = 1; i <= nups; i++) {
    if (d->p < d->end && *d->p == TAG_UPVALUE) {
      d->p++;
      join_upvalue(d, f, i);
    } else {
      dec_value(d);
      lua_setupvalue(L, f, i);
    }
  }
}

/* ====== } */
