/* path: the sentence that says which value cannot travel.
**
** While a value is encoded each level keeps one struct step on the C stack and nothing is said. Only when something
** cannot be sent is the list walked from the root and told:
**
**   cannot send item.a[3].f: a coroutine
**   cannot send upvalue 'cfg' of function at job.lua:12: cfg.out is a file
**   cannot send item.run: upvalue 'cfg' of function at job.lua:12: cfg.out is a file
**
** The text is put together in a fixed array, so that it costs no memory in case that is what ran out. */
#include <errno.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/state.h"

struct text {
  char s[1000];
  size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(t->s + t->n, sizeof t->s - t->n, format, args);
  va_end(args);
  if (n > 0) t->n += (size_t)n;
  if (t->n >= sizeof t->s) t->n = sizeof t->s - 1;
}

/* letters, digits and _ as in Lua's own lexer, not those of the locale */
static bool is_identifier(const char *s, size_t len) {
  static const char first[] = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (len == 0 || len > 60 || (*s >= '0' && *s <= '9')) return false;
  return strspn(s, first) == len;
}

static void say_string_key(struct text *t, const char *s, size_t len) {
  if (is_identifier(s, len)) {
    say(t, ".%s", s);
    return;
  }
  say(t, "[\"");
  for (size_t i = 0; i < len && i < 40; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 || c == 0x7f) say(t, "\\%d", c);
    else say(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
  }
  say(t, len > 40 ? "...\"]" : "\"]");
}

static void say_key(lua_State *L, int idx, struct text *t) {
  size_t len;
  const char *s;
  switch (lua_type(L, idx)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, idx, &len);
      say_string_key(t, s, len);
      break;
    case LUA_TNUMBER:
      if (lua_isinteger(L, idx)) say(t, "[" LUA_INTEGER_FMT "]", (LUAI_UACINT)lua_tointeger(L, idx));
      else say(t, "[" LUA_NUMBER_FMT "]", (LUAI_UACNUMBER)lua_tonumber(L, idx));
      break;
    case LUA_TBOOLEAN: say(t, "[%s]", lua_toboolean(L, idx) ? "true" : "false"); break;
    default: say(t, "[a %s as key]", luaL_typename(L, idx));
  }
}

/* What is told of a long path: its first and its last steps. */
enum { FIRST_STEPS = 6, LAST_STEPS = 6 };

struct telling {
  lua_State *L;
  struct text t;
  const char *root;  /* what the next fields belong to; NULL once it is told. Not told before an upvalue */
  bool upvalue;      /* did the path lead through a function? */
};

static void tell_root(struct telling *to) {
  if (to->root) say(&to->t, "%.60s", to->root);
  to->root = NULL;
}

static void tell_upvalue(struct telling *to, const struct step *s) {
  lua_State *L = to->L;
  lua_Debug ar;
  lua_pushvalue(L, s->at);
  lua_getinfo(L, ">S", &ar);
  const char *name = lua_getupvalue(L, s->at, s->n);
  if (name) lua_pop(L, 1);
  if (!name || !*name || *name == '(') name = "?";  /* stripped code has no names */
  if (!to->root) say(&to->t, ": ");
  say(&to->t, "upvalue '%.60s' of function at %s:%d: ", name, ar.short_src, ar.linedefined);
  to->root = name;  /* owned by the function, which is on the stack */
  to->upvalue = true;
}

static void tell_step(struct telling *to, const struct step *s) {
  if (s->kind == STEP_UPVALUE) {
    tell_upvalue(to, s);
  } else {
    tell_root(to);
    say_key(to->L, s->at, &to->t);
  }
}

/* Tell the steps from the root to s; returns how many there are. `total` is that number for the whole path. */
static int tell(struct telling *to, const struct step *s, int total) {
  if (!s) return 0;
  int i = tell(to, s->up, total);
  if (i < FIRST_STEPS || i >= total - LAST_STEPS) tell_step(to, s);
  else if (i == FIRST_STEPS) tell_root(to), say(&to->t, " ... ");
  return i + 1;
}

_Noreturn void enc_fail(struct enc *e, const char *is) {
  struct telling to = {.L = e->L, .root = e->what};
  int total = 0;
  for (const struct step *s = e->path; s; s = s->up) total++;
  say(&to.t, "cannot send ");
  tell(&to, e->path, total);
  tell_root(&to);
  say(&to.t, to.upvalue ? " is %s" : ": %s", is);
  lua_pushlstring(e->L, to.t.s, to.t.n);
  lua_error(e->L);
  __builtin_unreachable();
}

static _Noreturn void refuse_userdata(struct enc *e) {
  lua_State *L = e->L;
  char text[100] = "a userdata";
  if (lua_getmetatable(L, -1)) {
    lua_pushliteral(L, "__name");
    const char *name = lua_rawget(L, -2) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (name && strcmp(name, LUA_FILEHANDLE) == 0) strcpy(text, "a file");
    else if (name) snprintf(text, sizeof text, "a userdata (%.60s)", name);
  }
  enc_fail(e, text);
}

_Noreturn void enc_refuse(struct enc *e) {
  switch (lua_type(e->L, -1)) {
    case LUA_TTABLE: enc_fail(e, "a table whose metatable is no registered class; see papy.class");
    case LUA_TFUNCTION: enc_fail(e, "a C function of no loaded module");
    case LUA_TTHREAD: enc_fail(e, "a coroutine");
    case LUA_TUSERDATA: refuse_userdata(e);
    default: enc_fail(e, "a light userdata");
  }
}

_Noreturn void enc_no_room(struct enc *e) {
  enc_fail(e, errno ? strerror(errno) : "no room");
}
