/* core.flow: a flow's plan, compiled to a runner.
**
**   new(plan) -> runner
**   runner:clear(reads)        before each work item; reads: its chunks are read, not mapped
**   runner:begin(block, offset), runner:go()   run through a block; after an error go() goes on behind the record that failed
**   runner:place() -> offset, text             of the record under way, for messages
**   runner:take() -> {value =, kept =, mismatched =, samples = {{offset =, text =}...}}   what the item gave
**   runner:torn() -> has a mapping of this item broken? Then what was found is worth nothing: do it again and read
**   runner:row(bytes) -> a row, in the host, of what a sorter gave that merged the values of a sort
**   runner:done() -> offset       where the block's last record ended
**   runner:sampled() -> number of samples so far
**   runner:describe() -> how records are found, in words
**
** lua/flow/plan.lua makes plans and says what they mean. */
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/bindings.h"
#include "bindings/lflow.h"
#include "bindings/ltally.h"
#include "bindings/ltext.h"
#include "bindings/lvalue.h"
#include "scan/capture.h"

static struct runner *runner_arg(lua_State *L, int idx) {
  return luaL_checkudata(L, idx, RUNNER);
}

/* ---- a plan's fields; the plan is at `plan` ---- */

static lua_Integer integer_field(lua_State *L, int idx, const char *name, lua_Integer otherwise) {
  lua_Integer n = lua_getfield(L, idx, name) == LUA_TNIL ? otherwise : lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}

static struct text text_field(lua_State *L, int idx, const char *name) {
  size_t n;
  lua_getfield(L, idx, name);
  const char *p = luaL_checklstring(L, -1, &n);
  lua_pop(L, 1); /* the plan's table keeps it */
  return (struct text){p, n};
}

static bool true_field(lua_State *L, int idx, const char *name) {
  lua_getfield(L, idx, name);
  bool yes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return yes;
}

/* an array of n zeroed elements; the runner's __gc frees it */
static void *array_of(lua_State *L, size_t n, size_t size) {
  void *p = calloc(n + 1, size);
  if (!p) luaL_error(L, "not enough memory");
  return p;
}

/* keep the value on top (popped) as long as the runner lives */
static void hold(lua_State *L, int runner) {
  lua_getiuservalue(L, runner, UV_HELD);
  lua_insert(L, -2);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

/* the regex in that field, held */
static struct regex *regex_field(lua_State *L, int idx, const char *name, int runner) {
  if (lua_getfield(L, idx, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return NULL;
  }
  struct regex *re = regex_arg(L, lua_gettop(L));
  hold(L, runner);
  return re;
}

/* append the function in that field to the array of functions; its place */
static int function_field(lua_State *L, int idx, const char *name, int runner) {
  lua_getiuservalue(L, runner, UV_FUNCTIONS);
  lua_getfield(L, idx, name);
  int place = (int)lua_rawlen(L, -2) + 1;
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  return place;
}

/* ---- expressions ---- */

struct names {
  lua_State *L;
  int table; /* slots by name */
  unsigned line;
};

static int slot_of(void *ctx, struct text name, struct why *why) {
  const struct names *names = ctx;
  if (names->line != TEXT_SLOT && text_is(name, "line", 4)) return (int)names->line;
  lua_pushlstring(names->L, name.p, name.n);
  lua_rawget(names->L, names->table);
  int whole;
  lua_Integer slot = lua_tointegerx(names->L, -1, &whole);
  lua_pop(names->L, 1);
  return whole ? (int)slot : why_set(why, "no field '%.*s'", (int)name.n, name.p);
}

static struct expr *compile(lua_State *L, struct text source, int names, unsigned line) {
  struct why why;
  struct names ctx = {L, names, line};
  struct expr_names resolver = {slot_of, &ctx};
  struct expr *e = expr_new(source, &resolver, &why);
  if (!e) luaL_error(L, "%s", why.text);
  return e;
}

/* ---- from plan to runner ---- */

static unsigned slot_field(lua_State *L, int idx, const struct runner *r) {
  lua_Integer slot = integer_field(L, idx, "slot", 0);
  if (slot < 1 || slot > r->slots) luaL_error(L, "plan: no slot %I", (LUAI_UACINT)slot);
  return (unsigned)slot - 1;
}

static void read_time_op(lua_State *L, int idx, struct op *op) {
  struct why why;
  struct time_place place = {(int)integer_field(L, idx, "year", 0), (int)integer_field(L, idx, "offset", 0)};
  op->time = timeform_new(text_field(L, idx, "format"), &place, &why);
  if (!op->time) luaL_error(L, "%s", why.text);
}

static void read_bucket_op(lua_State *L, int idx, struct op *op) {
  struct why why;
  int64_t width;
  if (calendar_width(text_field(L, idx, "width"), &width, &why) != 0) luaL_error(L, "%s", why.text);
  bucket_init(&op->bucket, width, (int)integer_field(L, idx, "offset", 0));
}

static void read_share(lua_State *L, int idx, struct op *op) {
  lua_getfield(L, idx, "share");
  double share = lua_tonumber(L, -1);
  lua_pop(L, 1);
  op->share = share >= 1 ? UINT64_MAX : (uint64_t)ldexp(share, 64);
}

/* the op at the top of the stack */
static void read_op(lua_State *L, struct runner *r, struct op *op, int runner, int names) {
  static const char *const kinds[] = {"grep",   "split",  "where",     "derive",     "time",
                                      "bucket", "sample", "where_lua", "derive_lua", NULL};
  int idx = lua_gettop(L);
  lua_getfield(L, idx, "kind");
  op->kind = (enum op_kind)luaL_checkoption(L, -1, NULL, kinds);
  lua_settop(L, idx);
  switch (op->kind) {
    case OP_GREP:
      op->regex = regex_field(L, idx, "regex", runner);
      op->invert = true_field(L, idx, "invert");
      break;
    case OP_SPLIT: break;
    case OP_DERIVE: op->slot = slot_field(L, idx, r); /* fallthrough */
    case OP_WHERE: {
      struct text source = text_field(L, idx, "expr");
      op->expr = compile(L, source, names, r->line);
      op->patterns = memchr(source.p, '~', source.n) != NULL;
      break;
    }
    case OP_TIME:
      op->slot = slot_field(L, idx, r);
      read_time_op(L, idx, op);
      break;
    case OP_BUCKET:
      op->slot = slot_field(L, idx, r);
      read_bucket_op(L, idx, op);
      break;
    case OP_SAMPLE: read_share(L, idx, op); break;
    case OP_DERIVE_LUA: op->slot = slot_field(L, idx, r); /* fallthrough */
    case OP_WHERE_LUA:
      op->function = function_field(L, idx, "f", runner);
      op->plain = true_field(L, idx, "plain");
      r->lua = true;
      break;
  }
}

static void read_ops(lua_State *L, struct runner *r, int plan, int runner, int names) {
  lua_getfield(L, plan, "ops");
  int ops = lua_gettop(L);
  unsigned n = (unsigned)lua_rawlen(L, ops);
  r->op = array_of(L, n, sizeof *r->op);
  for (unsigned i = 0; i < n; i++) {
    lua_rawgeti(L, ops, (lua_Integer)i + 1);
    r->ops = i + 1; /* so that what it owns is freed should it fail */
    read_op(L, r, &r->op[i], runner, names);
    lua_settop(L, ops);
  }
  lua_pop(L, 1);
}

/* records that must have matched the first op are found by its pattern */
static void choose_lead(struct runner *r) {
  if (r->start || r->ops == 0) return;
  const struct op *first = &r->op[0];
  if (first->kind == OP_GREP && !first->invert) r->lead = first->regex;
  if (first->kind == OP_SPLIT && r->mismatch == MISMATCH_SKIP) r->lead = capture_regex(r->splitter);
  r->lead_splits = r->lead && first->kind == OP_SPLIT;
}

/* A pattern of UTF-8 looks at some bytes behind the text, which a mapping may not have, and must find the bytes that it
** checked before: others may write them. Patterns of expressions may be such. */
static bool is_native(const struct runner *r) {
  if (r->lua || r->start || r->sink == SINK_ROWS || r->mismatch == MISMATCH_CALL) return false;
  for (unsigned i = 0; i < r->ops; i++)
    if (r->op[i].patterns || (r->op[i].regex && regex_is_utf(r->op[i].regex))) return false;
  const struct regex *groups = r->splitter ? capture_regex(r->splitter) : NULL;
  return !groups || !regex_is_utf(groups);
}

/* element i, from 1, of the array of slots on top, which count from 1; 0 is the record's text */
static unsigned slot_at(lua_State *L, lua_Integer i, const struct runner *r) {
  lua_rawgeti(L, -1, i);
  lua_Integer s = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return s >= 1 && s <= r->slots ? (unsigned)s - 1 : TEXT_SLOT;
}

/* an array of slots */
static unsigned *read_slots(lua_State *L, int plan, const char *name, unsigned *n, const struct runner *r) {
  if (lua_getfield(L, plan, name) == LUA_TNIL) {
    lua_pop(L, 1);
    *n = 0;
    return NULL;
  }
  *n = (unsigned)lua_rawlen(L, -1);
  unsigned *slot = array_of(L, *n, sizeof *slot);
  for (unsigned i = 0; i < *n; i++) slot[i] = slot_at(L, (lua_Integer)i + 1, r);
  lua_pop(L, 1);
  return slot;
}

/* point to where the values of the n slots of that array are */
static void point_to(lua_State *L, struct runner *r, int plan, const char *name, unsigned n, const struct value **to) {
  lua_getfield(L, plan, name);
  if (lua_rawlen(L, -1) != n) luaL_error(L, "plan: not as many %s as are asked for", name);
  for (unsigned i = 0; i < n; i++) {
    unsigned slot = slot_at(L, (lua_Integer)i + 1, r);
    to[i] = slot == TEXT_SLOT ? &r->whole : &r->field[slot];
  }
  lua_pop(L, 1);
}

static void read_sink(lua_State *L, struct runner *r, int plan, int runner) {
  static const char *const sinks[] = {"count", "tally", "lines", "rows", "best", "call", NULL};
  lua_getfield(L, plan, "sink");
  r->sink = (enum sink)luaL_checkoption(L, -1, NULL, sinks);
  lua_pop(L, 1);
  r->limit = (uint64_t)integer_field(L, plan, "limit", LUA_MAXINTEGER);
  r->column = read_slots(L, plan, "columns", &r->columns, r);
  lua_getfield(L, plan, "names");
  lua_setiuservalue(L, runner, UV_COLUMNS);
  if (r->sink == SINK_TALLY) {
    lua_getfield(L, plan, "tally");
    r->tally = tally_arg(L, lua_gettop(L));
    const struct tally_spec *spec = tally_spec(r->tally);
    r->given = array_of(L, spec->keys + spec->args, sizeof *r->given);
    point_to(L, r, plan, "keys", spec->keys, r->given);
    point_to(L, r, plan, "args", spec->args, r->given + spec->keys);
    lua_setiuservalue(L, runner, UV_TALLY);
  }
  if (r->sink == SINK_BEST) {
    lua_getfield(L, plan, "falling");
    unsigned keys = runner_make_best(L, r, lua_gettop(L), (size_t)integer_field(L, plan, "most", LUA_MAXINTEGER));
    lua_pop(L, 1);
    r->text_of = function_field(L, plan, "text_of", runner);
    r->given = array_of(L, keys, sizeof *r->given);
    point_to(L, r, plan, "keys", keys, r->given);
  }
  r->lua = r->lua || r->sink == SINK_CALL;
}

/* slots by name; those of numbers by the number, too; without those that no record is to show */
static void push_names(lua_State *L, struct runner *r, int plan) {
  lua_newtable(L);
  lua_getfield(L, plan, "slots");
  r->slots = (unsigned)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= r->slots; i++) {
    if (lua_rawgeti(L, -1, i) != LUA_TSTRING) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushvalue(L, -1);
    lua_pushinteger(L, i - 1);
    lua_rawset(L, -5);
    int whole;
    lua_Integer number = lua_tointegerx(L, -1, &whole);
    lua_pop(L, 1);
    if (!whole) continue;
    lua_pushinteger(L, i - 1);
    lua_rawseti(L, -3, number);
  }
  lua_pop(L, 1);
}

static void read_splitter(lua_State *L, struct runner *r, int plan, int runner) {
  static const char *const policies[] = {"skip", "keep", "error", "call", NULL};
  if (lua_getfield(L, plan, "splitter") != LUA_TNIL) {
    r->splitter = luaL_checkudata(L, -1, SPLITTER_HANDLE);
    hold(L, runner);
  } else {
    lua_pop(L, 1);
  }
  lua_getfield(L, plan, "mismatch");
  r->mismatch = (enum mismatch)luaL_checkoption(L, -1, "skip", policies);
  lua_pop(L, 1);
  if (r->mismatch == MISMATCH_CALL) r->mend = function_field(L, plan, "mend", runner);
  r->lua = r->mend != 0;
}

/* new{slots = names of the fields that are wanted (false for those that records do not show), those of the splitter first,
** split_slots = how many those are, line = the one that is the record's text, plain = do records have no fields?, splitter =,
** start = regex that begins a record, csv = its separator: records may have newlines in quotes, header = is the first record of
** a file none?, mismatch = "skip" "keep" "error" "call" (then mend = a function), ops = {{kind =, ...}...}, sink =, limit =, seed = of samples, and for the sinks: tally =, keys =,
** args = (slots, 0 the text); columns = slots, names = their names; most = how many of the first, by keys =, falling
** = booleans, text_of = f(table); f = function} */
static int new_(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct runner *r = lua_newuserdatauv(L, sizeof *r, UVS);
  memset(r, 0, sizeof *r);
  buf_heap(&r->lines);
  buf_heap(&r->pairs);
  buf_heap(&r->bytes);
  buf_heap(&r->failed);
  luaL_setmetatable(L, RUNNER);
  for (int uv = UV_FUNCTIONS; uv <= UVS; uv++) {
    lua_newtable(L);
    lua_setiuservalue(L, 2, uv);
  }
  push_names(L, r, 1); /* 3 */
  lua_pushvalue(L, 3);
  lua_setiuservalue(L, 2, UV_NAMES);
  r->split_slots = (unsigned)integer_field(L, 1, "split_slots", 0);
  if (r->split_slots > r->slots) return luaL_error(L, "plan: more slots of the splitter than slots");
  r->line = (unsigned)integer_field(L, 1, "line", 0) - 1; /* 0: TEXT_SLOT */
  r->plain = true_field(L, 1, "plain");
  r->random = (uint64_t)integer_field(L, 1, "seed", 0);
  r->field = array_of(L, r->slots, sizeof *r->field);
  r->now.field = r->field;
  r->now.arena = &r->arena;
  if (true_field(L, 1, "f")) function_field(L, 1, "f", 2); /* the sink's is the first */
  r->start = regex_field(L, 1, "start", 2);
  r->header = true_field(L, 1, "header");
  r->quotes = true_field(L, 1, "csv");
  if (r->quotes) csvcut_init(&r->cut, text_field(L, 1, "csv").p[0]);
  read_splitter(L, r, 1, 2);
  read_ops(L, r, 1, 2, 3);
  read_sink(L, r, 1, 2);
  choose_lead(r);
  r->native = is_native(r);
  lua_settop(L, 2);
  record_class(L);
  return 1;
}

static int gc(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  if (r->held) chunk_let(L, r->held);
  for (unsigned i = 0; i < r->ops; i++) {
    expr_free(r->op[i].expr);
    timeform_free(r->op[i].time);
  }
  best_free(r->best);
  sorter_free(r->sorter);
  arena_free(&r->arena);
  buf_free(&r->lines);
  buf_free(&r->pairs);
  buf_free(&r->bytes);
  buf_free(&r->failed);
  free(r->op);
  free(r->field);
  free(r->column);
  free(r->given);
  memset(r, 0, sizeof *r);
  return 0;
}

/* ---- running ---- */

static int clear(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  r->reads = lua_toboolean(L, 2);
  r->torn = false;
  lua_newtable(L);
  lua_setiuservalue(L, 1, UV_ROWS);
  if (r->tally) tally_clear(r->tally);
  if (r->best) best_clear(r->best);
  r->lines.n = 0;
  r->kept = r->mismatched = r->rows = r->done = 0;
  r->samples = 0;
  return 0;
}

static int begin(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  runner_begin(L, r, 1, 2, (uint64_t)luaL_optinteger(L, 3, 0));
  return 0;
}

static int go(lua_State *L) {
  runner_go(L, runner_arg(L, 1), 1);
  return 0;
}

static int done(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)runner_arg(L, 1)->done);
  return 1;
}

static int torn(lua_State *L) {
  lua_pushboolean(L, runner_arg(L, 1)->torn);
  return 1;
}

static int place(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  if (r->kept_failed) {
    lua_pushinteger(L, (lua_Integer)r->failed_at);
    lua_pushlstring(L, r->failed.n ? (const char *)r->failed.p : "", r->failed.n);
    return 2;
  }
  if (r->mapped || !r->now.text || !r->text || !r->n) return 0;
  lua_pushinteger(L, (lua_Integer)(r->offset + (uint64_t)(r->now.text - r->text)));
  lua_pushlstring(L, r->now.text, r->now.length);
  return 2;
}

/* A tally that was left in the middle of a copy may hold anything: it can only be cleared. */
static void push_value(lua_State *L, struct runner *r) {
  struct why why;
  switch (r->torn ? SINK_COUNT : r->sink) {
    case SINK_TALLY:
      r->lines.n = 0;
      if (tally_encode(r->tally, &r->lines, &why) != 0) luaL_error(L, "%s", why.text);
      /* fallthrough */
    case SINK_LINES: lua_pushlstring(L, r->lines.n ? (const char *)r->lines.p : "", r->lines.n); break;
    case SINK_ROWS: lua_getiuservalue(L, 1, UV_ROWS); break;
    case SINK_BEST: runner_push_best(L, r, 1); break;
    case SINK_COUNT:
    case SINK_CALL: lua_pushnil(L); break;
  }
}

static int take(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  lua_settop(L, 1);
  lua_createtable(L, 0, 4);
  push_value(L, r);
  lua_setfield(L, 2, "value");
  lua_pushinteger(L, (lua_Integer)r->kept);
  lua_setfield(L, 2, "kept");
  lua_pushinteger(L, (lua_Integer)r->mismatched);
  lua_setfield(L, 2, "mismatched");
  lua_createtable(L, (int)r->samples, 0);
  for (unsigned i = 0; i < r->samples; i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)r->sample[i].offset);
    lua_setfield(L, -2, "offset");
    lua_pushlstring(L, r->sample[i].text, r->sample[i].n);
    lua_setfield(L, -2, "text");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, 2, "samples");
  return 1;
}

/* row(bytes) -> the row of what was kept of a record */
static int row(lua_State *L) {
  struct text kept = text_arg(L, 2);
  runner_push_row(L, runner_arg(L, 1), 1, kept);
  return 1;
}

/* how many samples there are of records that did not fit */
static int sampled(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)runner_arg(L, 1)->samples);
  return 1;
}

static int describe(lua_State *L) {
  struct runner *r = runner_arg(L, 1);
  char words[300];
  if (!r->lead) return 0;
  regex_describe(r->lead, words, sizeof words);
  lua_pushstring(L, words);
  return 1;
}

static const luaL_Reg functions[] = {{"new", new_}, {NULL, NULL}};
static const luaL_Reg methods[] = {
    {"clear", clear},       {"begin", begin}, {"go", go},     {"place", place}, {"take", take}, {"sampled", sampled},
    {"describe", describe}, {"torn", torn},   {"done", done}, {"row", row},     {NULL, NULL}};

int luaopen_papy_core_flow(lua_State *L) {
  if (luaL_newmetatable(L, RUNNER)) {
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  luaL_newlib(L, functions);
  return 1;
}
