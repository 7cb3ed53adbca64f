/* lregex: regexes for Lua.
**
** A regex is found again by pattern and flags: the two tables in KEPT hold the last REGEX_KEPT to twice as many of this
** state. So a regex that arrives with every item, or a pattern written inside a worker's function, is compiled once per
** worker. When the young table is full it becomes the old one and what nobody asks for any more goes with the next
** change; no counting of uses, no list.
**
** Matching state is the regex's own and is overwritten by the next match, which a function called from gsub, or the
** body of a gmatch loop, may well do: what is needed afterwards is pushed or copied before Lua runs again. */
#include <lauxlib.h>
#include <string.h>

#include "base/limits.h"
#include "bindings/bindings.h"
#include "bindings/ltext.h"
#include "codec/codec.h"
#include "scan/regex.h"

#define REGEX "papy.regex"
#define KEPT "papy.regex.kept" /* registry: {young, old, number of young} */

struct lregex {
  struct regex *re; /* NULL: not compiled, or collected */
  unsigned flags;
};

static struct regex *toregex(lua_State *L, int idx) {
  struct lregex *r = luaL_checkudata(L, idx, REGEX);
  if (!r->re) luaL_error(L, "regex is closed");
  return r->re;
}

/* {=== a regex is compiled once === */

/* leaves the kept regex of the key at the top of the stack, or pops the key and returns 0 */
static int find_kept(lua_State *L, int kept) {
  for (int age = 1; age <= 2; age++) {
    lua_rawgeti(L, kept, age);
    lua_pushvalue(L, -2);
    if (lua_rawget(L, -2) != LUA_TNIL) {
      lua_replace(L, -3);
      lua_pop(L, 1);
      return age;
    }
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
  return 0;
}

/* keep the regex at the top of the stack; leaves it there */
static void keep(lua_State *L, int kept, int key) {
  lua_rawgeti(L, kept, 3);
  lua_Integer young = lua_tointeger(L, -1) + 1;
  lua_pop(L, 1);
  if (young > REGEX_KEPT) {
    lua_rawgeti(L, kept, 1);
    lua_rawseti(L, kept, 2);
    lua_newtable(L);
    lua_rawseti(L, kept, 1);
    young = 1;
  }
  lua_rawgeti(L, kept, 1);
  lua_pushvalue(L, key);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  lua_pushinteger(L, young);
  lua_rawseti(L, kept, 3);
}

static void compile(lua_State *L, int pattern, unsigned flags) {
  struct why why;
  size_t n;
  const char *text = lua_tolstring(L, pattern, &n);
  struct lregex *r = lua_newuserdatauv(L, sizeof *r, 1);
  r->re = NULL;
  r->flags = flags;
  luaL_setmetatable(L, REGEX);
  lua_pushvalue(L, pattern);
  lua_setiuservalue(L, -2, 1);
  r->re = regex_new(text, n, flags, &why);
  if (!r->re) luaL_error(L, "%s", why.text);
}

/* push the regex of the pattern (a string) at idx */
static void push_regex(lua_State *L, int idx, unsigned flags) {
  char letters[8];
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 8, "too many captures");
  regex_letters(flags, letters);
  lua_getfield(L, LUA_REGISTRYINDEX, KEPT);
  int kept = lua_gettop(L);
  lua_pushfstring(L, "%s/", letters);
  lua_pushvalue(L, idx);
  lua_concat(L, 2);
  lua_pushvalue(L, -1);
  int age = find_kept(L, kept);
  if (age == 0) compile(L, idx, flags);
  if (age != 1) keep(L, kept, kept + 1);
  lua_replace(L, kept);
  lua_settop(L, kept);
}

static unsigned opt_flags(lua_State *L, int idx) {
  struct why why;
  size_t n;
  const char *letters = luaL_optlstring(L, idx, "", &n);
  int flags = regex_flags(letters, n, &why);
  if (flags < 0) luaL_argerror(L, idx, lua_pushstring(L, why.text));
  return (unsigned)flags;
}

/* new(pattern [, flags]) -> regex
** pattern: a string in Perl's syntax, as PCRE2 has it. flags: letters out of
**   i  letters match in either case       m  ^ and $ match at every line of a string, too
**   s  a dot matches a newline, too       x  blanks and #comments in the pattern are ignored
**   u  text is UTF-8 (else: bytes); what is not valid UTF-8 in it matches nothing
** Raises when the pattern does not compile ("regex at 4: missing closing parenthesis in 'a(b'"). */
static int regex_new_(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  push_regex(L, 1, opt_flags(L, 2));
  return 1;
}

struct regex *regex_arg(lua_State *L, int idx) {
  if (lua_type(L, idx) == LUA_TSTRING) {
    idx = lua_absindex(L, idx);
    push_regex(L, idx, 0);
    lua_replace(L, idx);
  } else if (!luaL_testudata(L, idx, REGEX)) {
    luaL_typeerror(L, idx, "regex or pattern string");
  }
  return toregex(L, idx);
}

/* ===} {=== one match === */

static int search(lua_State *L, struct regex *re, const struct subject *t, size_t from, unsigned how) {
  struct why why;
  int rc = regex_search(re, t->p, t->n, from, t->how | how, &why);
  if (rc < 0) luaL_error(L, "%s", why.text);
  return rc;
}

/* group i of the last match; false when it took no part */
static void push_group(lua_State *L, struct regex *re, const struct subject *t, unsigned i) {
  const size_t *s = regex_spans(re) + 2 * i;
  if (s[0] == REGEX_UNSET || s[1] < s[0]) lua_pushboolean(L, 0);
  else lua_pushlstring(L, t->p + s[0], s[1] - s[0]);
}

/* the captures; the whole match when there are none and `whole` is set */
static int push_captures(lua_State *L, struct regex *re, const struct subject *t, int whole) {
  unsigned groups = regex_groups(re);
  luaL_checkstack(L, (int)groups + 1, "too many captures");
  for (unsigned i = 1; i <= groups; i++) push_group(L, re, t, i);
  if (groups > 0 || !whole) return (int)groups;
  push_group(L, re, t, 0);
  return 1;
}

/* init as in string.find: from 1, negative from the end; beyond the end there is no match */
static size_t opt_init(lua_State *L, int idx, size_t n) {
  lua_Integer init = luaL_optinteger(L, idx, 1);
  if (init > 0) return (size_t)init - 1;
  if (init == 0 || init < -(lua_Integer)n) return 0;
  return n + (size_t)init;
}

static int search_args(lua_State *L, struct regex **re, struct subject *t) {
  *re = toregex(L, 1);
  lua_settop(L, 3);
  subject_arg(L, 2, t);
  return search(L, *re, t, opt_init(L, 3, t->n), 0);
}

static int no_match(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

/* re:find(text [, init]) -> first, last, captures...   as string.find; nil when there is no match.
** text: a string, or a chunk, in which every line is matched by itself and positions are the chunk's, from 1. */
static int f_find(lua_State *L) {
  struct regex *re;
  struct subject t;
  if (!search_args(L, &re, &t)) return no_match(L);
  lua_pushinteger(L, (lua_Integer)regex_spans(re)[0] + 1);
  lua_pushinteger(L, (lua_Integer)regex_spans(re)[1]);
  return 2 + push_captures(L, re, &t, 0);
}

/* re:match(text [, init]) -> captures..., or the whole match when the pattern has none; nil when there is no match.
** A group that took no part is false. */
static int f_match(lua_State *L) {
  struct regex *re;
  struct subject t;
  if (!search_args(L, &re, &t)) return no_match(L);
  return push_captures(L, re, &t, 1);
}

/* t[name] = the group at the top of the stack; of several groups with one name, (?J), the one that took part */
static void set_name(lua_State *L, const char *name) {
  if (!lua_toboolean(L, -1)) {
    int known = lua_getfield(L, -2, name) != LUA_TNIL;
    lua_pop(L, 1);
    if (known) {
      lua_pop(L, 1);
      return;
    }
  }
  lua_setfield(L, -2, name);
}

/* re:groups(text [, init]) -> {[0] = whole match, captures..., name = capture...} or nil */
static int f_groups(lua_State *L) {
  struct regex *re;
  struct subject t;
  const char *name;
  if (!search_args(L, &re, &t)) return no_match(L);
  unsigned groups = regex_groups(re), number;
  lua_createtable(L, (int)groups, 1);
  for (unsigned i = 0; i <= groups; i++) {
    push_group(L, re, &t, i);
    lua_rawseti(L, -2, (int)i);
  }
  for (unsigned i = 0; (number = regex_name(re, i, &name)) != 0; i++) {
    lua_rawgeti(L, -1, (int)number);
    set_name(L, name);
  }
  return 1;
}

/* ===} {=== every match === */

/* re:count(text) -> how many matches that do not overlap are in a string, or in a chunk (there line by line).
** For the number of matching lines see chunk:count. */
static int f_count(lua_State *L) {
  struct regex *re = toregex(L, 1);
  struct why why;
  uint64_t count = 0;
  lua_Integer n = chunk_matches(L, 2, re);
  if (n < 0) {
    struct subject t;
    subject_arg(L, 2, &t);
    if (regex_count(re, t.p, t.n, t.how, &count, &why) != 0) return luaL_error(L, "%s", why.text);
    n = (lua_Integer)count;
  }
  lua_pushinteger(L, n);
  return 1;
}

struct gmatch {
  struct subject text;
  size_t from;
  unsigned how;
  int done;
};

/* upvalues: regex, the text's anchor, struct gmatch */
static int gmatch_step(lua_State *L) {
  struct regex *re = toregex(L, lua_upvalueindex(1));
  struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
  if (g->done || !search(L, re, &g->text, g->from, g->how)) {
    g->done = 1;
    return no_match(L);
  }
  g->from = regex_spans(re)[1];
  g->how = REGEX_ADVANCE;
  return push_captures(L, re, &g->text, 1);
}

/* for captures... in re:gmatch(text [, init])   as string.gmatch; text is a string or a chunk. An empty match right
** behind the previous match is none. */
static int f_gmatch(lua_State *L) {
  toregex(L, 1);
  lua_settop(L, 3);
  struct subject t;
  subject_arg(L, 2, &t);
  size_t from = opt_init(L, 3, t.n);
  lua_pushvalue(L, 1);
  lua_insert(L, -2);
  struct gmatch *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (struct gmatch){.text = t, .from = from};
  lua_pushcclosure(L, gmatch_step, 3);
  return 1;
}

/* the replacement string with %0 to %9 and %% filled in */
static void add_template(lua_State *L, luaL_Buffer *b, struct regex *re, const struct subject *t, int idx) {
  size_t n;
  const char *p = lua_tolstring(L, idx, &n), *end = p + n;
  const size_t *s = regex_spans(re);
  for (const char *at; (at = memchr(p, '%', (size_t)(end - p))) != NULL; p = at + 2) {
    int c = at + 1 < end ? (unsigned char)at[1] : -1;
    unsigned i = (unsigned)c - '0';
    luaL_addlstring(b, p, (size_t)(at - p));
    if (c == '%') {
      luaL_addchar(b, '%');
    } else if (c < '0' || c > '9') {
      luaL_error(L, "invalid use of '%%' in replacement string");
    } else {
      if (i == 1 && regex_groups(re) == 0) i = 0; /* as string.gsub has it */
      if (i > regex_groups(re)) luaL_error(L, "no group %%%d in the pattern of this replacement string", (int)i);
      if (s[2 * i] != REGEX_UNSET && s[2 * i + 1] > s[2 * i])
        luaL_addlstring(b, t->p + s[2 * i], s[2 * i + 1] - s[2 * i]);
    }
  }
  luaL_addlstring(b, p, (size_t)(end - p));
}

/* push what the table or function at idx has for the current match; the stack's top is b's */
static void push_value(lua_State *L, struct regex *re, const struct subject *t, int idx) {
  if (lua_type(L, idx) == LUA_TTABLE) {
    push_group(L, re, t, regex_groups(re) > 0 ? 1 : 0);
    lua_gettable(L, idx);
  } else {
    lua_pushvalue(L, idx);
    lua_call(L, push_captures(L, re, t, 1), 1);
  }
}

static void add_value(lua_State *L, luaL_Buffer *b, struct regex *re, const struct subject *t, int repl,
                      const size_t *span) {
  if (lua_type(L, repl) == LUA_TSTRING) {
    add_template(L, b, re, t, repl);
    return;
  }
  push_value(L, re, t, repl);
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, t->p + span[0], span[1] - span[0]);
  } else if (!lua_isstring(L, -1)) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  } else {
    luaL_addvalue(b);
  }
}

/* re:gsub(text, repl [, n]) -> new text, number of replacements   as string.gsub.
** repl: a string with %1 to %9 for groups, %0 for the match, %% for a percent sign; a table, asked for the first group
** (or the match); a function, given the captures (or the match). false or nil keeps the match. n: at most so many.
** An empty match right behind the previous match is none. */
static int f_gsub(lua_State *L) {
  struct regex *re = toregex(L, 1);
  struct subject t;
  int type = lua_type(L, 3);
  if (type == LUA_TNUMBER) lua_tolstring(L, 3, NULL);
  luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
                   "string/function/table");
  lua_settop(L, 4);
  subject_arg(L, 2, &t);
  lua_Integer most = luaL_optinteger(L, 4, LUA_MAXINTEGER), done = 0;
  size_t from = 0;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (done < most && search(L, re, &t, from, done ? REGEX_ADVANCE : 0)) {
    size_t span[2] = {regex_spans(re)[0], regex_spans(re)[1]};
    luaL_addlstring(&b, t.p + from, span[0] - from);
    add_value(L, &b, re, &t, 3, span);
    from = span[1];
    done++;
  }
  luaL_addlstring(&b, t.p + from, t.n - from);
  luaL_pushresult(&b);
  lua_pushinteger(L, done);
  return 2;
}

/* ===} {=== the object === */

static void push_letters(lua_State *L, const struct lregex *r) {
  char letters[8];
  regex_letters(r->flags, letters);
  lua_pushstring(L, letters);
}

/* fields pattern and flags, else methods (upvalue 1) */
static int m_index(lua_State *L) {
  struct lregex *r = luaL_checkudata(L, 1, REGEX);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "pattern") == 0) {
    lua_getiuservalue(L, 1, 1);
  } else if (strcmp(key, "flags") == 0) {
    push_letters(L, r);
  } else {
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
  }
  return 1;
}

static int m_tostring(lua_State *L) {
  struct lregex *r = luaL_checkudata(L, 1, REGEX);
  lua_getiuservalue(L, 1, 1);
  push_letters(L, r);
  lua_pushfstring(L, "papy.regex(/%s/%s)", lua_tostring(L, -2), lua_tostring(L, -1));
  return 1;
}

static int m_eq(lua_State *L) {
  struct lregex *a = luaL_testudata(L, 1, REGEX), *b = luaL_testudata(L, 2, REGEX);
  int same = a && b && a->flags == b->flags;
  if (same) {
    lua_getiuservalue(L, 1, 1);
    lua_getiuservalue(L, 2, 1);
    same = lua_rawequal(L, -1, -2);
  }
  lua_pushboolean(L, same);
  return 1;
}

static int m_gc(lua_State *L) {
  struct lregex *r = luaL_checkudata(L, 1, REGEX);
  regex_free(r->re);
  r->re = NULL;
  return 0;
}

/* regex -> {pattern, flags} */
static int m_pack(lua_State *L) {
  struct lregex *r = luaL_checkudata(L, 1, REGEX);
  lua_createtable(L, 2, 0);
  lua_getiuservalue(L, 1, 1);
  lua_rawseti(L, -2, 1);
  push_letters(L, r);
  lua_rawseti(L, -2, 2);
  return 1;
}

static int m_unpack(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, 1, 1);
  lua_rawgeti(L, 1, 2);
  luaL_checktype(L, 2, LUA_TSTRING);
  push_regex(L, 2, opt_flags(L, 3));
  return 1;
}

static const luaL_Reg module[] = {
    {"new", regex_new_},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"count", f_count},   {"find", f_find}, {"match", f_match}, {"groups", f_groups},
    {"gmatch", f_gmatch}, {"gsub", f_gsub}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", m_gc},     {"__tostring", m_tostring}, {"__eq", m_eq},
    {"__pack", m_pack}, {"__unpack", m_unpack},     {NULL, NULL},
};

static void new_kept(lua_State *L) {
  lua_createtable(L, 3, 0);
  for (int age = 1; age <= 2; age++) {
    lua_newtable(L);
    lua_rawseti(L, -2, age);
  }
  lua_pushinteger(L, 0);
  lua_rawseti(L, -2, 3);
  lua_setfield(L, LUA_REGISTRYINDEX, KEPT);
}

int luaopen_papy_core_regex(lua_State *L) {
  if (luaL_newmetatable(L, REGEX)) {
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_pushcclosure(L, m_index, 1);
    lua_setfield(L, -2, "__index");
    new_kept(L);
    codec_class(L, REGEX);
  } else {
    lua_pop(L, 1);
  }
  luaL_newlib(L, module);
  return 1;
}
