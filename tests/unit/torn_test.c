/* A mapped file that shrinks while a value is copied into a tally: nothing of what was half done is in the answer.
**
** The moment is met by a splitter of our own: at one record it cuts the file off, right before the bytes of a field that the
** tally is about to copy, when the group it belongs to has been made already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "host/state.h"
#include "scan/splitter.h"

enum { RECORD = 16, CUT = 300 << 10, SIZE = 2 << 20, LARGE = 200 << 10 };

static char path[64], large[LARGE];
static size_t copied; /* bytes of the field where the file is cut off; of the others, no more than LARGE */

static int split(void *self, struct record *r, struct why *why) {
  (void)self, (void)why;
  bool here = atoi(r->text) == CUT / RECORD;
  if (here && truncate(path, CUT) != 0) return 0;
  r->field[0] = here && copied <= RECORD ? value_of_text("torn", 4) : value_of_text("whole", 5);
  r->field[1] = here || copied <= RECORD ? value_of_text(r->text, copied) : value_of_text(large, LARGE);
  return 1;
}

static int name(void *self, size_t i, struct text *name) {
  (void)self;
  *name = (struct text){i == 0 ? "key" : "value", i == 0 ? 3 : 5};
  return i < 2;
}

static bool knows(void *self, struct text name) {
  (void)self, (void)name;
  return true;
}

static void nothing(void *self) {
  (void)self;
}

static const struct splitter_ops ops = {.split = split, .name = name, .knows = knows, .free = nothing};

static int cutting(lua_State *L) {
  struct splitter *s = lua_newuserdatauv(L, sizeof *s, 1);
  *s = (struct splitter){&ops, NULL};
  luaL_setmetatable(L, SPLITTER_HANDLE);
  return 1;
}

#define SPEC                                                                                        \
  "local path, splitter = ...\n"                                                                    \
  "local aggregates, core = require 'papy.flow.aggregates', require 'papy.core'\n"                  \
  "local columns = aggregates.columns {n = 'count', min = 'min value', last = 'last value'}\n"      \
  "local spec = aggregates.spec({'key'}, columns)\n"                                                \
  "local runner = core.flow.new {slots = {'key', 'value'}, split_slots = 2, splitter = splitter,\n" \
  "  ops = {{kind = 'split'}}, sink = 'tally', tally = core.tally.new(spec), keys = {1}, args = {2}}\n"

static const char in_a_pool[] = SPEC
    "local open, run = require 'papy.open', require 'papy.flow.run'\n"
    "local tally, report = core.tally.new(spec), run.new_report()\n"
    "for partial in run.run({runner = runner}, open.source(path, {on_error = 'skip'}),\n"
    "  {workers = 1, size = 4 << 20, report = report}) do tally:merge(partial.value, 0) end\n"
    "local groups = {}\n"
    "for row in tally:rows() do groups[#groups + 1] = row.key .. ' ' .. row.n end\n"
    "return table.concat(groups, ' '), report.broken, report.breaks[1]\n";

static const char by_itself[] = SPEC
    "runner:clear(false)\n"
    "runner:begin(core.chunks.chunks(path, 4 << 20)(), 0)\n"
    "local ok = pcall(runner.go, runner)\n"
    "return not ok and runner:torn(), runner:take().value\n";

static void make_file(void) {
  snprintf(path, sizeof path, "/tmp/papy_torn_XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *f = fdopen(fd, "w");
  for (int i = 0; i < SIZE / RECORD; i++) fprintf(f, "%0*d\n", RECORD - 1, i);
  assert_int_equal(fclose(f), 0);
}

/* a state in which the script has run over such a file; what it returned is on the stack */
static lua_State *ran(const char *script, int results) {
  make_file();
  lua_State *L = state_new();
  assert_non_null(L);
  assert_int_equal(luaL_loadstring(L, script), LUA_OK);
  lua_pushstring(L, path);
  cutting(L);
  if (lua_pcall(L, 2, results, 0) != LUA_OK) fail_msg("%s", luaL_tolstring(L, -1, NULL));
  unlink(path);
  return L;
}

static void test_half_a_group_is_not_in_the_answer(void **unused) {
  (void)unused;
  char expected[64];
  snprintf(expected, sizeof expected, "whole %d", CUT / READ_PIECE * READ_PIECE / RECORD);
  copied = RECORD - 1;
  lua_State *L = ran(in_a_pool, 3);
  assert_string_equal(lua_tostring(L, 1), expected);
  assert_int_equal(lua_tointeger(L, 2), 1);
  assert_non_null(strstr(lua_tostring(L, 3), "has shrunk"));
  lua_close(L);
}

/* the text kept before has moved to make room for a longer one, and its value does not know it yet */
static void test_what_a_tally_holds_then_is_not_looked_at(void **unused) {
  (void)unused;
  memset(large, 'x', LARGE);
  copied = 1 << 20;
  lua_State *L = ran(by_itself, 2);
  assert_true(lua_toboolean(L, 1));
  assert_true(lua_isnil(L, 2));
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_half_a_group_is_not_in_the_answer),
                                     cmocka_unit_test(test_what_a_tally_holds_then_is_not_looked_at)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
