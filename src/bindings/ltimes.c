/* ltimes: texts that are times, widths and offsets, and buckets of time: functions of core.fields. */
#include "bindings/bindings.h"
#include "bindings/lvalue.h"
#include "scan/calendar.h"
#include "scan/timeform.h"

#define TIMEFORM "papy.timeform"

static int timeform_gc(lua_State *L) {
  struct timeform **f = luaL_checkudata(L, 1, TIMEFORM);
  timeform_free(*f);
  *f = NULL;
  return 0;
}

static lua_Integer offset_arg(lua_State *L, int idx) {
  lua_Integer offset = luaL_optinteger(L, idx, 0);
  luaL_argcheck(L, offset > -DAY && offset < DAY, idx, "less than a day of seconds expected");
  return offset;
}

static int read_time(lua_State *L) {
  struct timeform **f = lua_touserdata(L, lua_upvalueindex(1));
  struct value seconds;
  if (!timeform_parse(*f, text_arg(L, 1), &seconds)) seconds = value_none();
  return lvalue_push(L, &seconds), 1;
}

/* time(format [, year [, offset]]): a function that turns such a text into seconds since 1970, or nil; year and seconds east
** of UTC are for texts that name none */
static int l_time(lua_State *L) {
  struct why why;
  struct text format = text_arg(L, 1);
  struct time_place place = {(int)luaL_optinteger(L, 2, 0), (int)offset_arg(L, 3)};
  struct timeform **f = lua_newuserdatauv(L, sizeof(struct timeform *), 0);
  *f = NULL;
  luaL_setmetatable(L, TIMEFORM);
  *f = timeform_new(format, &place, &why);
  if (!*f) return luaL_error(L, "%s", why.text);
  lua_pushcclosure(L, read_time, 1);
  return 1;
}

/* width("5m"): its seconds */
static int l_width(lua_State *L) {
  struct why why;
  int64_t seconds;
  if (calendar_width(text_arg(L, 1), &seconds, &why) != 0) return luaL_error(L, "%s", why.text);
  lua_pushinteger(L, seconds);
  return 1;
}

/* bucket(seconds, width [, offset]): the start of the bucket as text, or nil; width in seconds */
static int l_bucket(lua_State *L) {
  struct bucket b;
  struct text t;
  struct value seconds = value_arg(L, 1);
  lua_Integer width = luaL_checkinteger(L, 2);
  luaL_argcheck(L, width > 0, 2, "positive number of seconds expected");
  bucket_init(&b, width, (int)offset_arg(L, 3));
  if (!bucket_of(&b, &seconds, &t)) return lua_pushnil(L), 1;
  lua_pushlstring(L, t.p, t.n);
  return 1;
}

/* zone("+01:00"): seconds east of UTC, or nil */
static int l_zone(lua_State *L) {
  struct text t = text_arg(L, 1);
  const char *p = t.p, *end = p + t.n;
  int offset;
  if (!calendar_zone(&p, end, &offset) || p != end) return lua_pushnil(L), 1;
  lua_pushinteger(L, offset);
  return 1;
}

static const luaL_Reg functions[] = {
    {"time", l_time}, {"width", l_width}, {"bucket", l_bucket}, {"zone", l_zone}, {NULL, NULL}};

void ltimes_open(lua_State *L) {
  luaL_newmetatable(L, TIMEFORM);
  lua_pushcfunction(L, timeform_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
