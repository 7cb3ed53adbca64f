/* lflow_best: the sink of a runner that keeps the records which come first by some slots, or all of them in that order.
**
** What is kept of a record is its text and its slots: workers send these, sorted, and the host makes rows of those that
** are left when all are merged. So nothing of it calls Lua while the loop runs. */
#include <lauxlib.h>

#include "bindings/lflow.h"
#include "bindings/lvalue.h"
#include "scan/packed.h"

unsigned runner_make_best(lua_State *L, struct runner *r, int falling, size_t most) {
  struct sorter_spec spec = {.keys = (unsigned)lua_rawlen(L, falling)};
  for (unsigned i = 0; i < spec.keys && i < SORTER_KEYS_MOST; i++) {
    lua_rawgeti(L, falling, (lua_Integer)i + 1);
    spec.descending[i] = (unsigned char)lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  r->most = most;
  r->best = best_new(&spec, most, &r->why);
  r->sorter = r->best ? sorter_new(&spec, &r->why) : NULL;
  if (!r->sorter) luaL_error(L, "%s", r->why.text);
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

/* Nested JSON is sorted by the text of what it is in Lua, which stays on the stack. */
static void make_text(lua_State *L, const struct runner *r, int functions, struct value *key) {
  if (key->kind != VALUE_RAW) return;
  luaL_checkstack(L, 10, "too many keys");
  lua_rawgeti(L, functions, r->text_of);
  lvalue_push(L, key);
  lua_call(L, 1, 1);
  lvalue_to(L, -1, key);
}

void runner_push_best(lua_State *L, struct runner *r, int runner) {
  struct value keys[SORTER_KEYS_MOST];
  int64_t n = best_end(r->best, &r->why);
  int rc = n < 0 ? -1 : 0;
  lua_getiuservalue(L, runner, UV_FUNCTIONS);
  int functions = lua_gettop(L);
  sorter_clear(r->sorter);
  for (int64_t i = 0; i < n && rc == 0; i++) {
    struct text kept = best_at(r->best, (size_t)i, keys);
    for (unsigned k = 0; k < sorter_spec(r->sorter)->keys; k++) make_text(L, r, functions, &keys[k]);
    rc = sorter_add(r->sorter, keys, kept.p, kept.n, &r->why);
    lua_settop(L, functions);
  }
  r->lines.n = 0;
  if (rc != 0 || sorter_encode(r->sorter, r->most, &r->lines, &r->why) != 0) luaL_error(L, "%s", r->why.text);
  sorter_clear(r->sorter);
  lua_pop(L, 1);
  lua_pushlstring(L, (const char *)r->lines.p, r->lines.n);
}

void runner_push_row(lua_State *L, struct runner *r, int runner, struct text kept) {
  struct packed from = packed_of(kept.p, kept.n);
  struct text text = packed_get_text(&from);
  arena_reset(&r->arena);
  r->now.text = text.p;
  r->now.length = text.n;
  for (unsigned i = 0; i < r->slots; i++) r->field[i] = packed_get_value(&from);
  lua_getiuservalue(L, runner, UV_COLUMNS);
  lua_getiuservalue(L, runner, UV_NAMES);
  record_push_row(L, r, runner, lua_gettop(L) - 1, lua_gettop(L));
  r->now.text = NULL;
}
