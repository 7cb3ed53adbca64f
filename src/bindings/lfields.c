/* lfields: splitters and expressions for Lua, with the times and buckets of ltimes.c in core.fields.
**
** Here they are made, from plain data, and tried on single texts; the loop over records (lflow.c) takes them out of their
** userdata. A splitter is a userdata that holds a struct splitter, whoever made it (see SPLITTER_HANDLE); its user value is the
** array of the names of its slots. Each userdata is made closed and filled afterwards, so a raise leaks nothing. */
#include <lauxlib.h>

#include "bindings/bindings.h"
#include "bindings/lvalue.h"
#include "scan/capture.h"
#include "scan/csv.h"
#include "scan/either.h"
#include "scan/expr.h"
#include "scan/layout.h"
#include "scan/logfmt.h"
#include "scan/nearest.h"
#include "scan/separated.h"

#define EXPRESSION "papy.expression"
#define ARENA "papy.arena"

/* the strings of the array at idx, in a userdata that is left on the stack; NULL and nil when it is nil */
static struct text *check_texts(lua_State *L, int idx, size_t *n) {
  *n = 0;
  if (lua_isnoneornil(L, idx)) return lua_pushnil(L), NULL;
  luaL_checktype(L, idx, LUA_TTABLE);
  *n = lua_rawlen(L, idx);
  struct text *texts = lua_newuserdatauv(L, (*n + 1) * sizeof *texts, 0);
  for (size_t i = 0; i < *n; i++) {
    if (lua_rawgeti(L, idx, (lua_Integer)i + 1) != LUA_TSTRING) luaL_argerror(L, idx, "array of strings expected");
    texts[i].p = lua_tolstring(L, -1, &texts[i].n); /* which the table holds */
    lua_pop(L, 1);
  }
  return texts;
}

/* an arena that the collector ends */
static struct arena *push_arena(lua_State *L) {
  struct arena *a = lua_newuserdatauv(L, sizeof *a, 0);
  *a = (struct arena){0};
  luaL_setmetatable(L, ARENA);
  return a;
}

static int arena_gc(lua_State *L) {
  arena_free(luaL_checkudata(L, 1, ARENA));
  return 0;
}

/* {=== splitters === */

static struct splitter *check_splitter(lua_State *L, int idx) {
  struct splitter *s = luaL_checkudata(L, idx, SPLITTER_HANDLE);
  luaL_argcheck(L, s->ops != NULL, idx, "splitter is closed");
  return s;
}

static int splitter_gc(lua_State *L) {
  struct splitter *s = luaL_checkudata(L, 1, SPLITTER_HANDLE);
  const struct splitter_ops *ops = s->ops;
  s->ops = NULL;
  if (ops) ops->free(s->self);
  return 0;
}

/* a closed splitter for the slots named at `names`; the argument behind them says that it is tried among others */
static struct splitter *new_splitter(lua_State *L, int names, struct slots *slots) {
  luaL_checktype(L, names, LUA_TTABLE);
  struct splitter *s = lua_newuserdatauv(L, sizeof *s, 1);
  *s = (struct splitter){NULL, NULL};
  luaL_setmetatable(L, SPLITTER_HANDLE);
  lua_pushvalue(L, names);
  lua_setiuservalue(L, -2, 1);
  slots->name = check_texts(L, names, &slots->n);
  slots->trial = lua_toboolean(L, names + 1);
  lua_insert(L, -2); /* the names stay under it as long as they are borrowed */
  return s;
}

/* Makers fill a struct of their own, because a failed one may leave anything in it. */
static int made(lua_State *L, struct splitter *to, int rc, struct splitter s, const struct why *why) {
  if (rc != 0) return luaL_error(L, "%s", why->text);
  *to = s;
  return 1;
}

/* layout(template, slots [, trial]) */
static int l_layout(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 3);
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 2, &slots);
  return made(L, to, layout_make(&s, text_arg(L, 1), &slots, &why), s, &why);
}

/* separated(separator, columns | nil, slots [, trial]) */
static int l_separated(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 4);
  size_t n;
  struct text *columns = check_texts(L, 2, &n);
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 3, &slots);
  return made(L, to, separated_make(&s, text_arg(L, 1), columns, n, &slots, &why), s, &why);
}

/* csv(separator, columns | nil, slots [, trial]) */
static int l_csv(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 4);
  size_t n;
  struct text separator = text_arg(L, 1), *columns = check_texts(L, 2, &n);
  luaL_argcheck(L, separator.n == 1, 1, "one byte expected");
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 3, &slots);
  return made(L, to, csv_make(&s, separator.p[0], columns, n, &slots, &why), s, &why);
}

/* logfmt(slots [, trial]) */
static int l_logfmt(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 2);
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 1, &slots);
  return made(L, to, logfmt_make(&s, &slots, &why), s, &why);
}

/* capture(pattern, flags, slots [, trial]) */
static int l_capture(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 4);
  struct text letters = text_arg(L, 2);
  int flags = regex_flags(letters.p, letters.n, &why);
  if (flags < 0) return luaL_error(L, "%s", why.text);
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 3, &slots);
  return made(L, to, capture_make(&s, text_arg(L, 1), (unsigned)flags, &slots, &why), s, &why);
}

/* either({splitter, ...}, slots): the splitters become its own and are closed */
static int l_either(lua_State *L) {
  struct slots slots;
  struct why why;
  lua_settop(L, 3);
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t n = lua_rawlen(L, 1);
  struct splitter s = {NULL, NULL}, *to = new_splitter(L, 2, &slots);
  struct splitter *of = lua_newuserdatauv(L, (n + 1) * sizeof *of, 0);
  lua_insert(L, -2);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    of[i] = *check_splitter(L, -1);
    for (size_t k = 0; k < i; k++) luaL_argcheck(L, of[k].self != of[i].self, 1, "the same splitter twice");
    lua_pop(L, 1);
  }
  for (size_t i = 0; i < n; i++) { /* nothing raises between here and either_make, which frees what it is given */
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    ((struct splitter *)lua_touserdata(L, -1))->ops = NULL;
    lua_pop(L, 1);
  }
  return made(L, to, either_make(&s, of, n, &slots, &why), s, &why);
}

/* splitter:split(text): a table of the slots' values by name, or nil when the text does not fit */
static int m_split(lua_State *L) {
  struct splitter *s = check_splitter(L, 1);
  struct text t = text_arg(L, 2);
  struct why why;
  lua_settop(L, 2);
  lua_getiuservalue(L, 1, 1);
  size_t n = lua_rawlen(L, 3);
  struct value *field = lua_newuserdatauv(L, (n + 1) * sizeof *field, 0);
  struct record r = {t.p, t.n, field, push_arena(L)};
  int rc = s->ops->split(s->self, &r, &why);
  if (rc < 0) return luaL_error(L, "%s", why.text);
  if (rc == 0) return lua_pushnil(L), 1;
  lua_newtable(L);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 3, (lua_Integer)i + 1);
    lvalue_push(L, &field[i]);
    lua_rawset(L, -3);
  }
  return 1;
}

/* splitter:lookup(text, name): the value, or nil */
static int m_lookup(lua_State *L) {
  struct splitter *s = check_splitter(L, 1);
  struct text t = text_arg(L, 2), name = text_arg(L, 3);
  struct why why;
  struct value v;
  struct record r = {t.p, t.n, NULL, push_arena(L)};
  if (s->ops->lookup(s->self, &r, name, &v, &why) < 0) return luaL_error(L, "%s", why.text);
  return lvalue_push(L, &v), 1;
}

struct visited {
  struct text name;
  struct value value;
  struct visited *next;
};

struct visit {
  struct arena *arena;
  struct visited *first, **link;
};

/* names may lie in the splitter's scratch memory */
static int visit_field(void *ctx, struct text name, const struct value *v) {
  struct visit *visit = ctx;
  struct visited *one = arena_take(visit->arena, sizeof *one);
  char *copy = arena_take(visit->arena, name.n);
  if (!one || !copy) return -1;
  if (name.n) memcpy(copy, name.p, name.n);
  *one = (struct visited){{copy, name.n}, *v, NULL};
  *visit->link = one;
  visit->link = &one->next;
  return 0;
}

/* splitter:each(text): a table of all fields by name, and the array of names in the record's order; nil when it does not fit */
static int m_each(lua_State *L) {
  struct splitter *s = check_splitter(L, 1);
  struct text t = text_arg(L, 2);
  struct why why = {"out of memory"};
  struct record r = {t.p, t.n, NULL, push_arena(L)};
  struct visit visit = {r.arena, NULL, &visit.first};
  int rc = s->ops->each(s->self, &r, visit_field, &visit, &why);
  if (rc < 0) return luaL_error(L, "%s", why.text);
  if (rc == 0) return lua_pushnil(L), 1;
  lua_newtable(L);
  lua_newtable(L);
  lua_Integer n = 0;
  for (const struct visited *f = visit.first; f; f = f->next) {
    lua_pushlstring(L, f->name.p, f->name.n);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, ++n);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -4) == LUA_TNIL) lvalue_push(L, &f->value); /* the first of a name */
    else lua_pushvalue(L, -1);
    lua_remove(L, -2);
    lua_rawset(L, -4);
  }
  return 2;
}

/* splitter:names(): the names that the format gives; empty when the data name the fields */
static int m_names(lua_State *L) {
  struct splitter *s = check_splitter(L, 1);
  struct text name;
  lua_newtable(L);
  for (size_t i = 0; s->ops->name(s->self, i, &name); i++) {
    lua_pushlstring(L, name.p, name.n);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* splitter:knows(name) */
static int m_knows(lua_State *L) {
  struct splitter *s = check_splitter(L, 1);
  lua_pushboolean(L, s->ops->knows(s->self, text_arg(L, 2)));
  return 1;
}

/* {=== expressions === */

/* the names an expression may use: an array on the stack */
struct names {
  lua_State *L;
  int known; /* 0 when any name will do */
};

static lua_Integer position(lua_State *L, int array, struct text name) {
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, array); i <= n; i++) {
    struct text t;
    lua_rawgeti(L, array, i);
    t.p = lua_tolstring(L, -1, &t.n);
    lua_pop(L, 1);
    if (t.p && text_is(t, name.p, name.n)) return i;
  }
  return 0;
}

static int unknown(const struct names *names, struct text name, struct why *why) {
  lua_State *L = names->L;
  struct nearest near = nearest_to(name);
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, names->known); i <= n; i++) {
    struct text t;
    lua_rawgeti(L, names->known, i);
    t.p = lua_tolstring(L, -1, &t.n);
    lua_pop(L, 1);
    if (t.p) nearest_try(&near, t);
  }
  return nearest_why(&near, "field", why);
}

struct collected {
  struct visit visit; /* the strings are made afterwards, where a raise leaks nothing */
  const struct names *names;
  int n;
};

static int collect_name(void *ctx, struct text name, struct why *why) {
  struct collected *c = ctx;
  struct value none = value_none();
  if (c->names->known && position(c->names->L, c->names->known, name) == 0) return unknown(c->names, name, why);
  return visit_field(&c->visit, name, &none) == 0 ? c->n++ : why_set(why, "out of memory");
}

/* names(source [, known]): the array of the names that an expression uses, each once; raises what is wrong with it. `known`: the
** array of names that there are, nil when the data name them. */
static int l_names(lua_State *L) {
  struct text source = text_arg(L, 1);
  struct why why;
  lua_settop(L, 2);
  struct names names = {L, lua_isnil(L, 2) ? 0 : 2};
  struct collected c = {{push_arena(L), NULL, &c.visit.first}, &names, 0};
  struct expr_names asked = {collect_name, &c};
  struct expr *e = expr_new(source, &asked, &why);
  if (!e) return luaL_error(L, "%s", why.text);
  expr_free(e);
  lua_newtable(L);
  int used = lua_gettop(L);
  for (const struct visited *f = c.visit.first; f; f = f->next) {
    if (position(L, used, f->name)) continue;
    lua_pushlstring(L, f->name.p, f->name.n);
    lua_rawseti(L, used, (lua_Integer)lua_rawlen(L, used) + 1);
  }
  return 1;
}

struct lexpr {
  struct expr *e; /* NULL: not compiled, or collected */
};

static struct lexpr *push_expr(lua_State *L) {
  struct lexpr *l = lua_newuserdatauv(L, sizeof *l, 0);
  l->e = NULL;
  luaL_setmetatable(L, EXPRESSION);
  return l;
}

static int expr_gc(lua_State *L) {
  struct lexpr *l = luaL_checkudata(L, 1, EXPRESSION);
  expr_free(l->e);
  l->e = NULL;
  return 0;
}

/* evaluate(source, fields): the expression's value for a table of fields, and whether it is true */
static int l_evaluate(lua_State *L) {
  struct text source = text_arg(L, 1);
  struct why why;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct names any = {L, 0};
  struct collected c = {{push_arena(L), NULL, &c.visit.first}, &any, 0};
  struct expr_names asked = {collect_name, &c};
  struct lexpr *l = push_expr(L);
  l->e = expr_new(source, &asked, &why);
  if (!l->e) return luaL_error(L, "%s", why.text);
  struct value *field = lua_newuserdatauv(L, (size_t)(c.n + 1) * sizeof *field, 0), v, *to = field;
  luaL_checkstack(L, c.n + 4, "too many fields");
  for (const struct visited *f = c.visit.first; f; f = f->next) { /* the values stay on the stack */
    lua_pushlstring(L, f->name.p, f->name.n);
    lua_rawget(L, 2);
    *to++ = value_arg(L, -1);
  }
  struct record r = {"", 0, field, c.visit.arena};
  int truth = expr_test(l->e, &r, &why);
  if (truth < 0 || expr_value(l->e, &r, &v, &why) != 0) return luaL_error(L, "%s", why.text);
  lvalue_push(L, &v);
  lua_pushboolean(L, truth);
  return 2;
}

static const luaL_Reg functions[] = {{"layout", l_layout}, {"separated", l_separated}, {"csv", l_csv},
                                     {"logfmt", l_logfmt}, {"capture", l_capture},     {"either", l_either},
                                     {"names", l_names},   {"evaluate", l_evaluate},   {NULL, NULL}};

static const luaL_Reg methods[] = {{"split", m_split}, {"lookup", m_lookup}, {"each", m_each},
                                   {"names", m_names}, {"knows", m_knows},   {NULL, NULL}};

static void new_class(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int luaopen_papy_core_fields(lua_State *L) {
  new_class(L, ARENA, arena_gc);
  new_class(L, EXPRESSION, expr_gc);
  new_class(L, SPLITTER_HANDLE, splitter_gc);
  luaL_getmetatable(L, SPLITTER_HANDLE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  ltimes_open(L);
  return 1;
}
