/* lflow_best: the sink of a runner that keeps the records which come first by some slots.
**
** What is kept of a record is its text and its slots, for most of those that are wanted at first are not kept in the end;
** only those that are become rows. So nothing of it calls Lua while the loop runs. */
#include <lauxlib.h>
#include <stdlib.h>

#include "bindings/lflow.h"
#include "scan/packed.h"

unsigned runner_make_best(lua_State *L, struct runner *r, int falling, size_t most) {
  struct sorter_spec spec = {.keys = (unsigned)lua_rawlen(L, falling)};
  for (unsigned i = 0; i < spec.keys && i < SORTER_KEYS_MOST; i++) {
    lua_rawgeti(L, falling, (lua_Integer)i + 1);
    spec.descending[i] = (unsigned char)lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  r->best = best_new(&spec, most, &r->why);
  if (!r->best) luaL_error(L, "%s", r->why.text);
  return spec.keys;
}

int runner_best(struct runner *r) {
  r->whole = slot_value(r, TEXT_SLOT);
  if (!best_wants(r->best, r->given)) return 0;
  r->lines.n = 0;
  int rc = packed_put_text(&r->lines, r->now.text, r->now.length);
  for (unsigned i = 0; i < r->slots && rc == 0; i++) rc = packed_put_value(&r->lines, r->field[i]);
  if (rc != 0) return why_set(&r->why, "not enough memory");
  return best_add(r->best, r->given, r->lines.p, r->lines.n, &r->why);
}

/* make it the record under way again */
static void restore(struct runner *r, struct text kept) {
  struct packed from = packed_of(kept.p, kept.n);
  struct text text = packed_get_text(&from);
  r->now.text = text.p;
  r->now.length = text.n;
  for (unsigned i = 0; i < r->slots; i++) r->field[i] = packed_get_value(&from);
}

void runner_push_best(lua_State *L, struct runner *r, int runner) {
  int64_t n = best_end(r->best, &r->why);
  if (n < 0) luaL_error(L, "%s", r->why.text);
  lua_createtable(L, n < INT32_MAX ? (int)n : INT32_MAX, 0);
  int rows = lua_gettop(L);
  luaL_checkstack(L, (int)r->slots + 10, "too many fields");
  lua_getiuservalue(L, runner, UV_COLUMNS);
  lua_getiuservalue(L, runner, UV_NAMES);
  for (int64_t i = 0; i < n; i++) {
    arena_reset(&r->arena);
    restore(r, best_at(r->best, (size_t)i));
    record_push_row(L, r, runner, rows + 1, rows + 2);
    lua_rawseti(L, rows, (lua_Integer)i + 1);
  }
  r->now.text = NULL;
  lua_settop(L, rows);
}
