/* lrecord: a record as Lua sees it.
**
** Functions of a flow get a small userdata that points into the block: a field becomes a Lua value when it is touched, and
** not before. It is good during the call only: what it points to is the next record a moment later. Each record gets one
** of its own with a number, so that one that is kept is refused instead of showing another record's fields.
** What leaves a flow is a plain table. */
#include <lauxlib.h>
#include <string.h>

#include "bindings/bindings.h"
#include "bindings/lflow.h"
#include "bindings/lvalue.h"

struct lrecord {
  struct runner *runner; /* which its metatable keeps alive */
  uint64_t serial;
};

static int fail(lua_State *L, const struct why *why) {
  return luaL_error(L, "%s", why->text);
}

/* upvalues: the runner, slots by name */
static struct runner *current(lua_State *L, int idx) {
  struct runner *r = lua_touserdata(L, lua_upvalueindex(1));
  struct lrecord *rec = lua_touserdata(L, idx);
  if (!rec || lua_isnoneornil(L, idx) || rec->runner != r) luaL_typeerror(L, idx, "record");
  if (rec->serial != r->serial || !r->shown)
    luaL_error(
        L,
        "this record has passed: its fields can be read only while the function it was given to runs; keep their "
        "values, or a table of them");
  return r;
}

/* a name as a key of fields: numbers are written out */
static struct text field_name(lua_State *L, int idx) {
  size_t n;
  const char *p = lua_tolstring(L, idx, &n);
  return (struct text){p, n};
}

/* a name that is a number is one in tables, too: r[1] */
static void push_key(lua_State *L, struct text name) {
  lua_pushlstring(L, name.p, name.n);
  if (name.n && name.n < 10 && name.p[0] >= '1' && name.p[0] <= '9' &&
      strspn(lua_tostring(L, -1), "0123456789") == name.n) {
    lua_Integer i = lua_tointeger(L, -1);
    lua_pop(L, 1);
    lua_pushinteger(L, i);
  }
}

void record_push_mended(lua_State *L, int runner, int key) {
  lua_getiuservalue(L, runner, UV_MENDED);
  lua_pushvalue(L, key);
  if (lua_gettable(L, -2) == LUA_TNIL) { /* then in the other form that numbers have */
    size_t n;
    lua_pop(L, 1);
    lua_pushvalue(L, key);
    const char *name = lua_tolstring(L, -1, &n);
    if (lua_type(L, key) == LUA_TSTRING) push_key(L, (struct text){name, n}), lua_replace(L, -2);
    lua_gettable(L, -2);
  }
  lua_remove(L, -2);
}

/* a misspelt name is no missing value */
static int no_field(lua_State *L, const struct runner *r, struct text name) {
  struct why why;
  if (!r->splitter) return luaL_error(L, "no field '%s'", name.p);
  splitter_no_field(r->splitter, name, &why);
  return fail(L, &why);
}

static int r_index(lua_State *L) {
  struct runner *r = current(L, 1);
  struct why why;
  struct value v = value_none();
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(2));
  int whole;
  lua_Integer slot = lua_tointegerx(L, -1, &whole);
  if (whole) {
    lvalue_push(L, &r->field[slot]);
    return 1;
  }
  if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TNUMBER) return 0;
  if (r->mended) {
    record_push_mended(L, lua_upvalueindex(1), 2);
    if (!lua_isnil(L, -1)) return 1;
  }
  struct text name = field_name(L, 2);
  if (r->splitter && r->splitter->ops->knows(r->splitter->self, name)) {
    if (!r->mended && r->splitter->ops->lookup(r->splitter->self, &r->now, name, &v, &why) < 0) return fail(L, &why);
  } else if (text_is(name, "line", 4)) {
    v = value_of_text(r->now.text, r->now.length);
  } else {
    return no_field(L, r, name);
  }
  if (v.kind == VALUE_NONE && text_is(name, "line", 4)) v = value_of_text(r->now.text, r->now.length);
  lvalue_push(L, &v);
  return 1;
}

static int r_newindex(lua_State *L) {
  return luaL_error(L,
                    "a record cannot be changed; derive{name = f} gives it fields, map(f) makes something else of it");
}

static int r_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)current(L, 1)->now.length);
  return 1;
}

static int r_tostring(lua_State *L) {
  struct runner *r = current(L, 1);
  lua_pushlstring(L, r->now.text, r->now.length);
  return 1;
}

/* pairs(record): over a table of all its fields */
static int r_pairs(lua_State *L) {
  struct runner *r = current(L, 1);
  lname_push(L, "next");
  record_push_row(L, r, lua_upvalueindex(1), 0, lua_upvalueindex(2));
  lua_pushnil(L);
  return 3;
}

void record_class(lua_State *L) {
  static const luaL_Reg meta[] = {{"__index", r_index},       {"__newindex", r_newindex}, {"__len", r_len},
                                  {"__tostring", r_tostring}, {"__pairs", r_pairs},       {NULL, NULL}};
  int runner = lua_gettop(L);
  lua_newtable(L);
  lua_pushstring(L, RECORD);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, runner);
  lua_getiuservalue(L, runner, UV_NAMES);
  luaL_setfuncs(L, meta, 2);
  lua_setiuservalue(L, runner, UV_META);
}

void record_push(lua_State *L, struct runner *r, int meta, bool plain) {
  if (plain) {
    lua_pushlstring(L, r->now.text, r->now.length);
    return;
  }
  struct lrecord *rec = lua_newuserdatauv(L, sizeof *rec, 0);
  *rec = (struct lrecord){r, r->serial};
  lua_pushvalue(L, meta);
  lua_setmetatable(L, -2);
}

/* ---- tables ---- */

struct pair {
  struct text name;
  struct value value;
};

/* names may lie in the splitter's scratch memory */
static int note(void *ctx, struct text name, const struct value *v) {
  struct runner *r = ctx;
  char *copy = arena_take(&r->arena, name.n);
  struct pair p = {{copy, name.n}, *v};
  if (!copy) return -1;
  if (name.n) memcpy(copy, name.p, name.n);
  return buf_add(&r->pairs, &p, sizeof p);
}

/* what the steps have made of fields stands over what the text says */
static void set_slots(lua_State *L, struct runner *r, int table, int names) {
  lua_pushnil(L);
  while (lua_next(L, names)) {
    lua_Integer slot = lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) continue; /* the number stands there as text, too */
    size_t n;
    const char *name = lua_tolstring(L, -1, &n);
    push_key(L, (struct text){name, n});
    lvalue_push(L, &r->field[slot]);
    lua_rawset(L, table);
  }
}

static void copy_mended(lua_State *L, int table, int runner) {
  size_t n;
  lua_getiuservalue(L, runner, UV_MENDED);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      const char *name = lua_tolstring(L, -2, &n);
      push_key(L, (struct text){name, n});
    } else {
      lua_pushvalue(L, -2);
    }
    lua_insert(L, -2);
    lua_rawset(L, table);
  }
  lua_pop(L, 1);
}

static void set_fields(lua_State *L, struct runner *r, int table) {
  struct why why = {"out of memory"};
  r->pairs.n = 0;
  int fits = r->splitter ? r->splitter->ops->each(r->splitter->self, &r->now, note, r, &why) : 1;
  if (fits < 0) fail(L, &why);
  if (fits == 0) { /* it is kept all the same: its line is all that it has */
    r->pairs.n = 0;
    lua_pushlstring(L, r->now.text, r->now.length);
    lua_setfield(L, table, "line");
  }
  const struct pair *p = (const struct pair *)r->pairs.p;
  for (size_t i = r->pairs.n / sizeof *p; i-- > 0;) { /* of a name that is there twice, the first one stays */
    push_key(L, p[i].name);
    lvalue_push(L, &p[i].value);
    lua_rawset(L, table);
  }
}

static void push_all(lua_State *L, struct runner *r, int runner, int names) {
  lua_newtable(L);
  int table = lua_gettop(L);
  if (r->mended) copy_mended(L, table, runner);
  else set_fields(L, r, table);
  set_slots(L, r, table, names);
}

void record_push_row(lua_State *L, struct runner *r, int runner, int columns, int names) {
  if (r->plain) {
    lua_pushlstring(L, r->now.text, r->now.length);
  } else if (!columns || !r->columns) {
    push_all(L, r, runner, names);
  } else {
    lua_createtable(L, 0, (int)r->columns);
    for (unsigned i = 0; i < r->columns; i++) {
      lua_rawgeti(L, columns, (lua_Integer)i + 1);
      struct value v = slot_value(r, r->column[i]);
      lvalue_push(L, &v);
      lua_rawset(L, -3);
    }
  }
}
