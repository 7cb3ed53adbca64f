/* lvalue: values of room scan as Lua values and back. */
#ifndef PAPY_BINDINGS_LVALUE_H
#define PAPY_BINDINGS_LVALUE_H

#include <lauxlib.h>
#include <lua.h>

#include "scan/value.h"

/* Nested JSON as tables; as its text where it has numbers that Lua has not. */
void lvalue_push_json(lua_State *L, const struct value *v);

/* NONE is nil, NULL is papy.null */
static inline void lvalue_push(lua_State *L, const struct value *v) {
  switch ((enum value_kind)v->kind) {
    case VALUE_TEXT: lua_pushlstring(L, v->text, v->length); break;
    case VALUE_RAW: lvalue_push_json(L, v); break;
    case VALUE_INTEGER: lua_pushinteger(L, (lua_Integer)v->integer); break;
    case VALUE_NUMBER: lua_pushnumber(L, v->number); break;
    case VALUE_BOOLEAN: lua_pushboolean(L, v->integer != 0); break;
    case VALUE_NULL: lua_pushlightuserdata(L, NULL); break;
    case VALUE_NONE: lua_pushnil(L); break;
  }
}

/* The Lua value at idx; text is borrowed from it. 0 when it is none that a value can be: then *v is NONE. */
static inline int lvalue_to(lua_State *L, int idx, struct value *v) {
  size_t n;
  int whole;
  *v = value_none();
  switch (lua_type(L, idx)) {
    case LUA_TNONE:
    case LUA_TNIL: return 1;
    case LUA_TBOOLEAN: *v = value_boolean(lua_toboolean(L, idx)); return 1;
    case LUA_TSTRING:
      v->text = lua_tolstring(L, idx, &n);
      v->length = n;
      v->kind = VALUE_TEXT;
      return 1;
    case LUA_TNUMBER: {
      lua_Integer i = lua_tointegerx(L, idx, &whole);
      *v = lua_isinteger(L, idx) && whole ? value_integer(i) : value_number(lua_tonumber(L, idx));
      return 1;
    }
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, idx)) return 0;
      *v = value_null();
      return 1;
    default: return 0;
  }
}

/* the string at idx; raises when it is none */
static inline struct text text_arg(lua_State *L, int idx) {
  struct text t;
  t.p = luaL_checklstring(L, idx, &t.n);
  return t;
}

/* the value at idx; what no value can be is missing */
static inline struct value value_arg(lua_State *L, int idx) {
  struct value v;
  lvalue_to(L, idx, &v);
  return v;
}

#endif
