/* lflow_run: the loop over the records of a block.
**
** A chunk is read piece by piece into one buffer (whole records, small enough for the processor's cache), a string is a piece
** by itself. Where the first op is a pattern, the pattern finds the lines (regex_next_line looks at many at once), and
** what it passed over has not matched; else records are found one by one. A record's fields are values that point into the
** piece; Lua is called only for ops that are Lua functions.
**
** The loop may be left by an error at any record; it has then already moved behind that record. */
#include <lauxlib.h>
#include <string.h>

#include "base/limits.h"
#include "bindings/lflow.h"
#include "bindings/ltext.h"
#include "bindings/lvalue.h"
#include "scan/capture.h"
#include "scan/hash.h"

/* what the loop keeps on the stack */
struct stack {
  int functions, meta, rows, columns, names, top;
};

_Noreturn static void fail(lua_State *L, const struct why *why) {
  luaL_error(L, "%s", why->text);
  __builtin_unreachable();
}

/* ---- pieces ---- */

void runner_rest(lua_State *L, struct runner *r) {
  if (r->held) chunk_let(L, r->held);
  r->held = NULL;
  r->reading = false;
  r->n = r->at = 0;
  if (r->bytes.cap > PIECES_KEPT) buf_free(&r->bytes); /* one line was huge; that is no reason to stay so */
}

static void new_piece(struct runner *r, const char *p, size_t n) {
  const char *nl = memchr(p, '\n', n);
  r->text = p;
  r->n = n;
  r->at = r->header && r->offset == 0 ? nl ? (size_t)(nl + 1 - p) : n : 0;
  r->by_lead = r->lead && !(nl && nl > p && nl[-1] == '\r'); /* a pattern's $ is before the \r */
}

/* records of several lines are not to be cut: all at once */
static void read_whole(lua_State *L, struct runner *r, uint64_t first, uint64_t last) {
  struct why why;
  size_t n = (size_t)(last - first + 1);
  r->bytes.n = 0;
  if (buf_more(&r->bytes, n) != 0) luaL_error(L, "cannot read %s: out of memory", r->held->ref.path);
  if (file_read(r->held, first, r->bytes.p, n, &why) != 0) fail(L, &why);
  new_piece(r, (const char *)r->bytes.p, n);
}

static bool next_piece(lua_State *L, struct runner *r) {
  struct why why;
  const char *p;
  size_t n;
  if (!r->reading) return false;
  r->offset += r->n;
  int rc = pieces_next(&r->pieces, &p, &n, &why);
  if (rc <= 0) r->reading = false;
  if (rc < 0) fail(L, &why);
  if (rc > 0) new_piece(r, p, n);
  return rc > 0;
}

void runner_begin(lua_State *L, struct runner *r, int runner, int idx, uint64_t offset) {
  struct why why;
  size_t n;
  runner_rest(L, r);
  r->offset = offset;
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, runner, UV_BLOCK);
  if (lua_type(L, idx) == LUA_TSTRING) {
    const char *p = lua_tolstring(L, idx, &n);
    new_piece(r, p, n);
    return;
  }
  uint64_t first, last;
  if (!(r->held = chunk_hold(L, idx, &first, &last, &why))) fail(L, &why);
  r->offset = first;
  if (r->start) {
    read_whole(L, r, first, last);
  } else {
    pieces_start(&r->pieces, r->held, first, last, &r->bytes);
    r->reading = true;
  }
}

/* ---- records ---- */

static void add_sample(struct runner *r, const char *p, size_t n) {
  if (r->samples == SAMPLES_MOST) return;
  struct sample *s = &r->sample[r->samples++];
  s->offset = r->offset + (uint64_t)(p - r->text);
  s->n = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
  memcpy(s->text, p, s->n);
}

static void set_record(struct runner *r, const char *p, size_t n) {
  if (n && p[n - 1] == '\r') n--;
  r->now.text = p;
  r->now.length = n;
}

/* the lines from `at` to `end` did not match */
static void passed_over(struct runner *r, size_t at, size_t end) {
  while (at < end) {
    const char *p = r->text + at, *nl = memchr(p, '\n', end - at);
    size_t n = nl ? (size_t)(nl - p) : end - at;
    add_sample(r, p, n);
    r->mismatched++;
    at += n + 1;
  }
}

/* the next line that the lead finds; its spans are the last match's */
static bool find_line(lua_State *L, struct runner *r) {
  struct why why;
  struct line line;
  size_t from = r->at;
  int rc = regex_next_line(r->lead, r->text, r->n, from, r->lead_splits ? REGEX_SPANS : 0, &line, &why);
  if (rc == 0) line.start = line.end = r->n;
  if (r->lead_splits) passed_over(r, from, line.start);
  r->at = line.end < r->n ? line.end + 1 : r->n;
  if (rc == 0) return false;
  set_record(r, r->text + line.start, line.end - line.start);
  if (rc < 0) fail(L, &why);
  if (r->lead_splits) capture_fields(r->splitter, r->text, r->field);
  return true;
}

static bool next_record(lua_State *L, struct runner *r) {
  if (r->at >= r->n) return false;
  if (r->by_lead) return find_line(L, r);
  const char *p = r->text + r->at;
  if (r->start) {
    struct records all = {r->text, r->n, r->at, r->start};
    struct why why;
    size_t n;
    int rc = records_next(&all, &p, &n, &why);
    r->at = rc < 0 ? r->n : all.at;
    if (rc < 0) fail(L, &why);
    if (rc > 0) set_record(r, p, n);
    return rc > 0;
  }
  const char *nl = memchr(p, '\n', r->n - r->at);
  size_t n = nl ? (size_t)(nl - p) : r->n - r->at;
  r->at += n + 1;
  set_record(r, p, n);
  return true;
}

/* ---- ops ---- */

static bool matches(lua_State *L, struct runner *r, const struct op *op) {
  struct why why;
  int rc = regex_search(op->regex, r->now.text, r->now.length, 0, r->start ? 0 : REGEX_LINES, &why);
  if (rc < 0) fail(L, &why);
  return (rc > 0) != op->invert;
}

static void forget_fields(struct runner *r, unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++) r->field[i] = value_none();
}

/* The text goes to a function; the table that it returns, and that stays on the stack as long as the record, has the fields. */
static bool mend(lua_State *L, struct runner *r, const struct stack *s) {
  lua_rawgeti(L, s->functions, r->mend);
  lua_pushlstring(L, r->now.text, r->now.length);
  lua_call(L, 1, 1);
  if (!lua_toboolean(L, -1)) return false;
  if (!lua_istable(L, -1)) luaL_error(L, "on_mismatch: the function must return a table of fields, or nil, got a %s", luaL_typename(L, -1));
  int table = lua_gettop(L);
  luaL_checkstack(L, (int)r->slots + 10, "too many fields");
  lua_pushnil(L);
  while (lua_next(L, s->names)) {
    lua_Integer slot = lua_tointeger(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_gettable(L, table);
    if (slot < r->split_slots && !lvalue_to(L, -1, &r->field[slot])) luaL_error(L, "on_mismatch: a field is a %s", luaL_typename(L, -1));
    lua_insert(L, -2); /* the value stays, for its text */
  }
  return true;
}

static bool split(lua_State *L, struct runner *r, const struct stack *s) {
  struct why why;
  int rc = r->splitter->ops->split(r->splitter->self, &r->now, &why);
  if (rc < 0) fail(L, &why);
  if (rc > 0) return true;
  if (r->mismatch == MISMATCH_ERROR) luaL_error(L, "the record does not fit the format");
  add_sample(r, r->now.text, r->now.length);
  r->mismatched++;
  forget_fields(r, 0, r->split_slots);
  return r->mismatch == MISMATCH_KEEP || (r->mismatch == MISMATCH_CALL && mend(L, r, s));
}

static bool expression_holds(lua_State *L, struct runner *r, const struct op *op) {
  struct why why;
  int rc = expr_test(op->expr, &r->now, &why);
  if (rc < 0) fail(L, &why);
  return rc > 0;
}

static void derive(lua_State *L, struct runner *r, const struct op *op) {
  struct why why;
  if (expr_value(op->expr, &r->now, &r->field[op->slot], &why) != 0) fail(L, &why);
}

static void read_time(struct runner *r, const struct op *op) {
  struct value *v = &r->field[op->slot], seconds;
  if (v->kind != VALUE_TEXT) return;
  *v = timeform_parse(op->time, (struct text){v->text, v->length}, &seconds) ? seconds : value_none();
}

static void put_in_bucket(struct runner *r, struct op *op) {
  struct value *v = &r->field[op->slot], seconds;
  struct text t;
  enum value_kind kind = value_numeric(v, &seconds);
  bool good = (kind == VALUE_INTEGER || kind == VALUE_NUMBER) && bucket_of(&op->bucket, &seconds, &t);
  *v = good ? value_of_text(t.p, t.n) : value_none();
}

/* the same records whatever the number of workers and wherever the file is cut */
static bool is_sampled(struct runner *r, const struct op *op) {
  uint64_t x = r->random ^ (r->offset + (uint64_t)(r->now.text - r->text)) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return (x ^ x >> 31) < op->share;
}

/* call a function of the record; its result is on the stack */
static void call(lua_State *L, struct runner *r, const struct stack *s, int function) {
  lua_rawgeti(L, s->functions, function);
  record_push(L, r, s->meta);
  r->shown = true;
  lua_call(L, 1, 1);
  r->shown = false;
}

/* texts stay where they are as long as the result stays on the stack: until the next record */
static void derive_by_function(lua_State *L, struct runner *r, const struct stack *s, const struct op *op) {
  call(L, r, s, op->function);
  luaL_checkstack(L, 20, "too many derived fields");
  if (!lvalue_to(L, -1, &r->field[op->slot]))
    luaL_error(L, "a derived field must be a string, a number, a boolean or papy.null, got a %s", luaL_typename(L, -1));
}

static bool passes(lua_State *L, struct runner *r, const struct stack *s) {
  for (unsigned i = r->by_lead; i < r->ops; i++) {
    struct op *op = &r->op[i];
    switch (op->kind) {
      case OP_GREP: if (!matches(L, r, op)) return false; break;
      case OP_SPLIT: if (!split(L, r, s)) return false; break;
      case OP_WHERE: if (!expression_holds(L, r, op)) return false; break;
      case OP_DERIVE: derive(L, r, op); break;
      case OP_TIME: read_time(r, op); break;
      case OP_BUCKET: put_in_bucket(r, op); break;
      case OP_SAMPLE: if (!is_sampled(r, op)) return false; break;
      case OP_DERIVE_LUA: derive_by_function(L, r, s, op); break;
      case OP_WHERE_LUA:
        call(L, r, s, op->function);
        if (!lua_toboolean(L, -1)) return false;
        lua_pop(L, 1);
        break;
    }
  }
  return true;
}

/* ---- sinks ---- */

static struct value slot_value(const struct runner *r, unsigned slot) {
  return slot == TEXT_SLOT ? value_of_text(r->now.text, r->now.length) : r->field[slot];
}

static void to_tally(lua_State *L, struct runner *r) {
  struct why why;
  for (unsigned i = 0; i < r->keys; i++) r->given[i] = slot_value(r, r->key[i]);
  for (unsigned i = 0; i < r->args; i++) r->given[r->keys + i] = slot_value(r, r->arg[i]);
  if (tally_add(r->tally, r->given, r->given + r->keys, &why) != 0) fail(L, &why);
}

static void to_lines(lua_State *L, struct runner *r) {
  if (buf_add(&r->lines, r->now.text, r->now.length) != 0 || buf_byte(&r->lines, '\n') != 0)
    luaL_error(L, "not enough memory");
}

static void sink(lua_State *L, struct runner *r, const struct stack *s) {
  switch (r->sink) {
    case SINK_COUNT: break;
    case SINK_TALLY: to_tally(L, r); break;
    case SINK_LINES: to_lines(L, r); break;
    case SINK_ROWS:
      record_push_row(L, r, s->columns, s->names);
      lua_rawseti(L, s->rows, (lua_Integer)++r->rows);
      break;
    case SINK_CALL: call(L, r, s, 1); break;
  }
  r->kept++;
}

/* ---- the loop ---- */

static struct stack lay_out(lua_State *L, int runner) {
  struct stack s;
  lua_settop(L, runner);
  luaL_checkstack(L, 40, "too many fields");
  lua_getiuservalue(L, runner, UV_FUNCTIONS);
  lua_getiuservalue(L, runner, UV_META);
  lua_getiuservalue(L, runner, UV_ROWS);
  lua_getiuservalue(L, runner, UV_COLUMNS);
  lua_getiuservalue(L, runner, UV_NAMES);
  s.functions = runner + 1;
  s.meta = runner + 2;
  s.rows = runner + 3;
  s.columns = runner + 4;
  s.names = runner + 5;
  s.top = runner + 5;
  return s;
}

void runner_go(lua_State *L, struct runner *r, int runner) {
  struct stack s = lay_out(L, runner);
  r->shown = false;
  do {
    while (r->kept < r->limit && next_record(L, r)) {
      r->serial++;
      arena_reset(&r->arena);
      if (r->slots > r->split_slots) forget_fields(r, r->split_slots, r->slots);
      if (passes(L, r, &s)) sink(L, r, &s);
      if (r->lua) lua_settop(L, s.top);
    }
  } while (r->kept < r->limit && next_piece(L, r));
  runner_rest(L, r);
}
