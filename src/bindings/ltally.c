/* core.tally: groups with their aggregates, for Lua.
**
** A tally is a userdata with the table it was made from as its user value; that table and the encoded groups are what
** travels. The names in it are those of the fields of a row: keys first, then columns. Readers and rankings are
** userdata, too, so that an error in the middle leaves nothing behind; the tally they read is kept alive by them, and
** marked as being read: it must not change meanwhile. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/ltally.h"
#include "bindings/lvalue.h"
#include "codec/codec.h"
#include "scan/ranking.h"
#include "scan/tally.h"

#define TALLY "papy.tally"
#define ROWS "papy.tally.rows"
#define BUFFER "papy.tally.buffer"

struct ltally {
  struct tally *tally; /* NULL: collected */
  int readers;
};

static struct ltally *tally_at(lua_State *L, int idx) {
  struct ltally *t = luaL_checkudata(L, idx, TALLY);
  if (!t->tally) luaL_error(L, "tally is closed");
  return t;
}

struct tally *tally_arg(lua_State *L, int idx) {
  struct ltally *t = tally_at(L, idx);
  if (t->readers) luaL_error(L, "the tally is being read and cannot change");
  return t->tally;
}

/* Any number may read at the same time, but for a tally that has spilled: its files are read by one. */
static struct tally *must_be_readable(lua_State *L, int idx) {
  struct ltally *t = tally_at(L, idx);
  if (t->readers && tally_spilled(t->tally)) luaL_error(L, "the tally is in files and is being read already");
  return t->tally;
}

static int fail(lua_State *L, const struct why *why) {
  lua_pushstring(L, why->text); /* without a place: it would be one of papy's own */
  return lua_error(L);
}

/* a buffer that is collected with the stack */
static struct buf *push_buffer(lua_State *L) {
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  buf_heap(b);
  luaL_setmetatable(L, BUFFER);
  return b;
}

static int b_gc(lua_State *L) {
  buf_free(luaL_checkudata(L, 1, BUFFER));
  return 0;
}

/* {=== making === */

/* spec[name] as an integer, a default when it is nil */
static lua_Integer integer_field(lua_State *L, int idx, const char *name, lua_Integer otherwise) {
  int whole = 1;
  lua_Integer i = lua_getfield(L, idx, name) == LUA_TNIL ? otherwise : lua_tointegerx(L, -1, &whole);
  if (!whole || i < 0) luaL_error(L, "tally: '%s' must be a whole number, 0 or more", name);
  lua_pop(L, 1);
  return i;
}

static void read_column(lua_State *L, int idx, struct column *c) {
  luaL_argexpected(L, lua_istable(L, idx), idx, "array of columns");
  if (lua_getfield(L, idx, "kind") != LUA_TSTRING) luaL_error(L, "tally: a column without a kind");
  int kind = aggregate_named(lua_tostring(L, -1));
  if (kind < 0) luaL_error(L, "tally: no aggregate '%s'", lua_tostring(L, -1));
  lua_Integer arg = integer_field(L, idx, "arg", 0);
  lua_getfield(L, idx, "number");
  *c = (struct column){.kind = (enum aggregate)kind,
                       .arg = arg > 0 && arg < NO_ARGUMENT ? (uint32_t)arg - 1 : NO_ARGUMENT,
                       .number = luaL_optnumber(L, -1, 0),
                       .limit = (uint64_t)integer_field(L, idx, "limit", 0)};
  lua_pop(L, 2);
}

static unsigned length_of(lua_State *L, int idx, const char *name, unsigned most) {
  if (lua_getfield(L, idx, name) != LUA_TTABLE) luaL_error(L, "tally: '%s' must be an array", name);
  lua_Unsigned n = lua_rawlen(L, -1);
  if (n > most) luaL_error(L, "tally: more than %d %s", (int)most, name);
  return (unsigned)n;
}

static void read_spec(lua_State *L, int idx, struct tally_spec *spec) {
  *spec = (struct tally_spec){.args = (unsigned)integer_field(L, idx, "args", 0)};
  spec->memory = (size_t)integer_field(L, idx, "memory", TALLY_MEMORY);
  lua_getfield(L, idx, "dir");
  spec->dir = luaL_optstring(L, -1, NULL); /* which becomes a user value of the tally */
  spec->keys = length_of(L, idx, "keys", TALLY_KEYS_MOST);
  spec->columns = length_of(L, idx, "columns", TALLY_COLUMNS_MOST);
  for (unsigned i = 0; i < spec->columns; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    read_column(L, lua_gettop(L), &spec->column[i]);
    lua_pop(L, 1);
  }
  lua_pop(L, 3);
}

/* new{keys = {name...}, columns = {{name =, kind =, arg =, number =, limit =}...}, args =, memory =, dir =} -> tally
** keys: names of the key values. columns: what to say of each group; kind: "count", "sum", "mean", "stddev", "min",
** "max", "quantile" (number: 0 to 1), "distinct" (limit: how many exactly), "top" (limit: how many), "first", "last",
** "histogram" (number: the width, 0: by powers of two); arg: which argument, from 1 (none: count counts records). args:
** how many arguments a record has. memory: bytes after which groups go to temporary files (default 1 GiB, 0: never);
** dir: where those are made (default $TMPDIR or /tmp). See scan/aggregate.h for what is exact. */
static int new_(lua_State *L) {
  struct tally_spec spec;
  struct why why;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  read_spec(L, 1, &spec);
  struct ltally *t = lua_newuserdatauv(L, sizeof *t, 2);
  *t = (struct ltally){0};
  luaL_setmetatable(L, TALLY);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_getfield(L, 1, "dir");
  lua_setiuservalue(L, -2, 2);
  t->tally = tally_new(&spec, &why);
  return t->tally ? 1 : luaL_error(L, "tally: %s", why.text);
}

static int t_gc(lua_State *L) {
  struct ltally *t = luaL_checkudata(L, 1, TALLY);
  tally_free(t->tally);
  t->tally = NULL;
  return 0;
}

/* ===} {=== filling === */

static void read_values(lua_State *L, int idx, unsigned n, struct value *v) {
  for (unsigned i = 0; i < n; i++) {
    lua_rawgeti(L, idx, (lua_Integer)i + 1);
    if (!lvalue_to(L, -1, &v[i])) luaL_error(L, "a %s is no value that can be tallied", luaL_typename(L, -1));
  }
}

/* t:add(keys, args): one record; arrays of strings, numbers, booleans, papy.null or nil */
static int t_add(lua_State *L) {
  struct why why;
  struct tally *t = tally_arg(L, 1);
  const struct tally_spec *spec = tally_spec(t);
  lua_settop(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (spec->args) luaL_checktype(L, 3, LUA_TTABLE);
  unsigned n = spec->keys + spec->args;
  luaL_checkstack(L, (int)n + 4, "too many values");
  struct value *value = lua_newuserdatauv(L, (n + 1) * (sizeof *value + sizeof value), 0);
  const struct value **given = (const struct value **)(value + n);
  read_values(L, 2, spec->keys, value); /* they stay on the stack: so does their text */
  read_values(L, 3, spec->args, value + spec->keys);
  for (unsigned i = 0; i < n; i++) given[i] = &value[i];
  return tally_add(t, given, &why) != 0 ? fail(L, &why) : 0;
}

/* t:item(i): records added from now on are those of work item i, for first and last */
static int t_item(lua_State *L) {
  tally_item(tally_arg(L, 1), (uint64_t)luaL_checkinteger(L, 2));
  return 0;
}

static int t_clear(lua_State *L) {
  tally_clear(tally_arg(L, 1));
  return 0;
}

/* t:encode() -> bytes for merge */
static int t_encode(lua_State *L) {
  struct why why;
  struct tally *t = tally_arg(L, 1);
  struct buf *b = push_buffer(L);
  if (tally_encode(t, b, &why) != 0) return fail(L, &why);
  lua_pushlstring(L, b->n ? (const char *)b->p : "", b->n);
  buf_free(b);
  return 1;
}

/* t:merge(bytes [, item]): what encode gave for a tally of the same spec; item: the work item that they are of */
static int t_merge(lua_State *L) {
  struct why why;
  size_t n;
  struct tally *t = tally_arg(L, 1);
  const char *bytes = luaL_checklstring(L, 2, &n);
  uint64_t item = lua_isnoneornil(L, 3) ? TALLY_ITEM_KEPT : (uint64_t)luaL_checkinteger(L, 3);
  return tally_merge(t, bytes, n, item, &why) != 0 ? fail(L, &why) : 0;
}

/* ===} {=== reading === */

/* what a `for` over rows holds; user values: the tally, the names */
struct rows {
  struct ltally *of; /* NULL: at the end */
  struct tally_reader *reader;
  struct ranking *ranking;
};

static void rows_close(struct rows *r) {
  if (!r->of) return;
  tally_read_end(r->reader);
  ranking_free(r->ranking);
  r->of->readers--;
  *r = (struct rows){0};
}

static int r_gc(lua_State *L) {
  rows_close(luaL_checkudata(L, 1, ROWS));
  return 0;
}

static struct rows *push_rows(lua_State *L, int idx) {
  struct ltally *t = tally_at(L, idx);
  struct rows *r = lua_newuserdatauv(L, sizeof *r, 1);
  *r = (struct rows){.of = t};
  t->readers++;
  luaL_setmetatable(L, ROWS);
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, -2, 1);
  return r;
}

static void push_entries(lua_State *L, const struct entry *e, size_t n, int buckets) {
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++, e++) {
    lua_createtable(L, 0, 3);
    lvalue_push(L, &e->value);
    lua_setfield(L, -2, buckets ? "from" : "value");
    if (buckets) {
      lvalue_push(L, &e->upto);
      lua_setfield(L, -2, "to");
    }
    lua_pushinteger(L, (lua_Integer)e->count);
    lua_setfield(L, -2, "count");
    if (e->over) {
      lua_pushinteger(L, (lua_Integer)e->over);
      lua_setfield(L, -2, "over");
    }
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_column(lua_State *L, const struct tally_row *row, unsigned i) {
  struct value v;
  enum aggregate kind = tally_spec(row->tally)->column[i].kind;
  if (!aggregate_is_list(kind)) {
    tally_result(row, i, &v);
    lvalue_push(L, &v);
    return;
  }
  struct buf *b = push_buffer(L);
  if (tally_list(row, i, b) != 0) luaL_error(L, "not enough memory");
  push_entries(L, (const struct entry *)b->p, b->n / sizeof(struct entry), kind == AGGREGATE_HISTOGRAM);
  lua_replace(L, -2);
}

/* the row as a table; the array of names is at `names` */
static void push_row(lua_State *L, const struct tally_row *row, int names) {
  const struct tally_spec *spec = tally_spec(row->tally);
  lua_createtable(L, 0, (int)(spec->keys + spec->columns));
  for (unsigned i = 0; i < spec->keys + spec->columns; i++) {
    struct value v;
    lua_rawgeti(L, names, (lua_Integer)i + 1);
    if (i < spec->keys) {
      tally_key(row, i, &v);
      lvalue_push(L, &v);
    } else {
      push_column(L, row, i - spec->keys);
    }
    lua_rawset(L, -3);
  }
}

static void append_names(lua_State *L, int spec, const char *field, int of_columns) {
  int names = lua_gettop(L);
  lua_getfield(L, spec, field);
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, -1); i <= n; i++) {
    lua_rawgeti(L, -1, i);
    if (of_columns) {
      lua_getfield(L, -1, "name");
      lua_replace(L, -2);
    }
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "tally: a key or column without a name");
    lua_rawseti(L, names, (lua_Integer)lua_rawlen(L, names) + 1);
  }
  lua_pop(L, 1);
}

/* push the names of keys and columns of the tally at idx, an array */
static void push_names(lua_State *L, int idx) {
  lua_getiuservalue(L, idx, 1);
  lua_newtable(L);
  append_names(L, lua_gettop(L) - 1, "keys", 0);
  append_names(L, lua_gettop(L) - 1, "columns", 1);
  lua_replace(L, -2);
}

/* upvalues: struct rows, names */
static int rows_step(lua_State *L) {
  struct rows *r = lua_touserdata(L, lua_upvalueindex(1));
  struct tally_row row;
  struct why why;
  lua_settop(L, 0);
  int rc = !r->of ? 0 : r->ranking ? ranking_next(r->ranking, &row) : tally_next(r->reader, &row, &why);
  if (rc > 0) {
    lua_pushvalue(L, lua_upvalueindex(2));
    push_row(L, &row, 1);
    return 1;
  }
  rows_close(r);
  if (rc < 0) return fail(L, &why);
  lua_pushnil(L);
  return 1;
}

/* with the rows on top: what a generic `for` takes */
static int give_rows(lua_State *L, int tally) {
  lua_pushvalue(L, -1);
  push_names(L, tally);
  lua_pushcclosure(L, rows_step, 2);
  return for_values(L);
}

/* for row in t:rows(): every group, a table with the names of keys and columns. "top" is an array of {value =, count =,
** over = how much too high count may be, nil for exact}, "histogram" of {from =, to =, count =}. The tally must not
** change before the loop ends. */
static int t_rows(lua_State *L) {
  struct why why;
  must_be_readable(L, 1);
  lua_settop(L, 1);
  struct rows *r = push_rows(L, 1);
  r->reader = tally_read(r->of->tally, &why);
  return r->reader ? give_rows(L, 1) : fail(L, &why);
}

/* the column of that name, from 0 */
static unsigned column_of(lua_State *L, int names, int name) {
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, names); i <= n; i++) {
    lua_rawgeti(L, names, i);
    int same = lua_rawequal(L, -1, name);
    lua_pop(L, 1);
    if (same) return (unsigned)i - 1;
  }
  luaL_error(L, "no column '%s' to sort by", luaL_tolstring(L, name, NULL));
  return 0;
}

/* for row in t:top(k, {{name, descending}...}): the k groups (nil: all) that come first, in order, as rows gives them.
** Missing values are last; groups that are equal in all columns come in the order of their keys. */
static int t_top(lua_State *L) {
  struct tally_order by[TALLY_KEYS_MOST + TALLY_COLUMNS_MOST];
  struct why why;
  must_be_readable(L, 1);
  lua_settop(L, 3);
  lua_Integer k = luaL_optinteger(L, 2, LUA_MAXINTEGER);
  luaL_argcheck(L, k >= 0, 2, "a whole number, 0 or more, expected");
  luaL_checktype(L, 3, LUA_TTABLE);
  push_names(L, 1);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 3);
  luaL_argcheck(L, n <= TALLY_KEYS_MOST + TALLY_COLUMNS_MOST, 3, "too many columns to sort by");
  for (lua_Integer i = 0; i < n; i++) {
    lua_rawgeti(L, 3, i + 1);
    luaL_argcheck(L, lua_istable(L, -1), 3, "array of {name, descending} expected");
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    by[i] = (struct tally_order){column_of(L, 4, lua_gettop(L) - 1), lua_toboolean(L, -1)};
    lua_settop(L, 4);
  }
  struct rows *r = push_rows(L, 1);
  r->ranking = ranking_of(r->of->tally, by, (unsigned)n, (size_t)k, &why);
  return r->ranking ? give_rows(L, 1) : fail(L, &why);
}

/* t:names() -> names of keys and columns, an array */
static int t_names(lua_State *L) {
  tally_at(L, 1);
  push_names(L, 1);
  return 1;
}

/* #t, t:size() -> the number of groups */
static int t_size(lua_State *L) {
  struct why why;
  int64_t n = tally_size(must_be_readable(L, 1), &why);
  if (n < 0) return fail(L, &why);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

/* t:memory() -> bytes that groups take in memory now */
static int t_memory(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tally_memory(tally_at(L, 1)->tally));
  return 1;
}

/* t:spilled() -> have groups gone to temporary files? */
static int t_spilled(lua_State *L) {
  lua_pushboolean(L, tally_spilled(tally_at(L, 1)->tally));
  return 1;
}

static int t_tostring(lua_State *L) {
  struct ltally *t = tally_at(L, 1);
  lua_pushfstring(L, "papy.tally(%d keys, %d columns, %I bytes)", (int)tally_spec(t->tally)->keys,
                  (int)tally_spec(t->tally)->columns, (LUAI_UACINT)tally_memory(t->tally));
  return 1;
}

/* ===} {=== travelling === */

/* tally -> {spec, bytes} */
static int t_pack(lua_State *L) {
  lua_settop(L, 1);
  lua_createtable(L, 2, 0);
  lua_getiuservalue(L, 1, 1);
  lua_rawseti(L, 2, 1);
  lua_pushcfunction(L, t_encode);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_rawseti(L, 2, 2);
  return 1;
}

static int t_unpack(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, 1, 2);
  lua_pushcfunction(L, new_);
  lua_rawgeti(L, 1, 1);
  lua_call(L, 1, 1);
  lua_pushcfunction(L, t_merge);
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 0);
  return 1;
}

/* ===} */

static const luaL_Reg functions[] = {{"new", new_}, {NULL, NULL}};

static const luaL_Reg methods[] = {{"add", t_add},       {"item", t_item},       {"clear", t_clear},
                                   {"encode", t_encode}, {"merge", t_merge},     {"rows", t_rows},
                                   {"top", t_top},       {"names", t_names},     {"size", t_size},
                                   {"memory", t_memory}, {"spilled", t_spilled}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", t_gc},     {"__len", t_size},      {"__tostring", t_tostring},
                                       {"__pack", t_pack}, {"__unpack", t_unpack}, {NULL, NULL}};

static const luaL_Reg rows_metamethods[] = {{"__gc", r_gc}, {"__close", r_gc}, {NULL, NULL}};

static const luaL_Reg buffer_metamethods[] = {{"__gc", b_gc}, {NULL, NULL}};

static void open_classes(lua_State *L) {
  luaL_newmetatable(L, BUFFER);
  luaL_setfuncs(L, buffer_metamethods, 0);
  luaL_newmetatable(L, ROWS);
  luaL_setfuncs(L, rows_metamethods, 0);
  lua_pop(L, 2);
  luaL_newmetatable(L, TALLY);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  codec_class(L, TALLY);
}

int luaopen_papy_core_tally(lua_State *L) {
  if (luaL_getmetatable(L, TALLY) == LUA_TNIL) open_classes(L);
  lua_settop(L, 0);
  luaL_newlib(L, functions);
  return 1;
}
