/* lflow_run: the loop over the records of a block.
**
** A plan without Lua runs over a chunk where it is mapped, guarded against files that shrink meanwhile (scan/mapping.h):
** nothing here raises then, and the loop may be left anywhere, after which the item is worth nothing. Else a chunk is read
** piece by piece into one buffer (whole records, small enough for the processor's cache); a string is a piece by itself.
** Records of csv may go on behind the piece, and behind the chunk, whose last one then is read to its end.
** Where the first op is a pattern, the pattern finds the lines (regex_next_line looks at many at once), and what it passed
** over has not matched; else records are found one by one. A record's fields are values that point into the piece; Lua is
** called only for ops that are Lua functions.
**
** Functions return 1 or 0, or -1 with r->why; what Lua functions raise passes through. The loop may be left by either at
** any record; it has then already moved behind that record. */
#include <lauxlib.h>
#include <string.h>

#include "base/limits.h"
#include "bindings/lflow.h"
#include "bindings/ltext.h"
#include "bindings/lvalue.h"
#include "scan/capture.h"
#include "scan/mapping.h"

/* what the loop keeps on the stack */
struct stack {
  int runner, functions, meta, rows, columns, names, top;
};

_Noreturn static void fail(lua_State *L, const struct runner *r) {
  luaL_error(L, "%s", r->why.text);
  __builtin_unreachable();
}

/* ---- pieces ---- */

/* let go of the block */
static void rest(lua_State *L, struct runner *r) {
  if (r->held) chunk_let(L, r->held);
  r->held = NULL;
  r->reading = r->mapped = false;
  r->n = r->at = 0;
  if (r->bytes.cap > PIECES_KEPT) buf_free(&r->bytes); /* one line was huge; that is no reason to stay so */
}

/* behind the record that names the fields; 0 where it goes on behind the piece */
static size_t header_length(struct runner *r) {
  const char *nl = memchr(r->text, '\n', r->n), *end = nl ? nl + 1 : r->text + r->n;
  if (r->quotes) end = csvcut_next(&r->cut);
  return end ? (size_t)(end - r->text) : 0;
}

/* whole: its last record ends with it. A search over many lines knows neither of quotes nor of carriage returns at their ends. */
static void new_piece(struct runner *r, const char *p, size_t n, bool whole) {
  r->text = p;
  r->n = n;
  if (r->quotes) csvcut_begin(&r->cut, p, n, whole);
  r->at = r->header && r->offset == 0 ? header_length(r) : 0;
  r->by_lead = r->lead && !memchr(p, '\r', n) && !(r->quotes && memchr(p, '"', n));
}

static size_t length_done(const struct runner *r) {
  return r->at < r->n ? r->at : r->n;
}

/* records of several lines are not to be cut: all at once */
static void read_whole(lua_State *L, struct runner *r, uint64_t first, uint64_t last) {
  size_t n = (size_t)(last - first + 1);
  r->bytes.n = 0;
  if (buf_more(&r->bytes, n) != 0) luaL_error(L, "cannot read %s: out of memory", r->held->ref.path);
  if (file_read(r->held, first, r->bytes.p, n, &r->why) != 0) fail(L, r);
  new_piece(r, (const char *)r->bytes.p, n, true);
}

/* a record that goes on behind the piece begins the next one, with what follows in the chunk, or in the file behind it */
static void keep_record(struct runner *r) {
  pieces_keep(&r->pieces, r->n - r->at);
  if (r->pieces.at == r->pieces.end) pieces_extend(&r->pieces, r->size - 1);
}

static bool next_piece(lua_State *L, struct runner *r) {
  const char *p;
  size_t n;
  if (!r->reading || r->done > r->last) return false;
  if (r->at < r->n) keep_record(r);
  r->offset += length_done(r);
  int rc = pieces_next(&r->pieces, &p, &n, &r->why);
  if (rc <= 0) r->reading = false;
  if (rc < 0) rest(L, r); /* no record is under way */
  if (rc < 0) fail(L, r);
  if (rc > 0) new_piece(r, p, n, r->offset + n == r->size);
  return rc > 0;
}

static void begin_pieces(struct runner *r) {
  pieces_start(&r->pieces, r->held, r->offset, r->last, &r->bytes);
  r->n = r->at = 0;
  r->mapped = false;
  r->reading = true;
}

void runner_begin(lua_State *L, struct runner *r, int runner, int idx, uint64_t offset) {
  size_t n;
  rest(L, r);
  r->kept_failed = false;
  r->offset = r->done = offset;
  r->last = UINT64_MAX;
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, runner, UV_BLOCK);
  if (lua_type(L, idx) == LUA_TSTRING) {
    const char *p = lua_tolstring(L, idx, &n);
    new_piece(r, p, n, true);
    return;
  }
  if (!(r->held = chunk_hold(L, idx, &r->offset, &r->last, &r->size, &r->why))) fail(L, r);
  r->done = r->offset;
  if (r->start) read_whole(L, r, r->offset, r->last);
  else if (r->native && !r->reads) r->mapped = true;
  else begin_pieces(r);
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

/* the line that the lead finds next, behind what it passes over; also one where it gives up */
static int seek_line(struct runner *r) {
  struct line line;
  int rc = regex_next_line(r->lead, r->text, r->n, r->at, 0, &line, &r->why);
  if (rc == 0) line.start = line.end = r->n;
  if (r->lead_splits) passed_over(r, r->at, line.start);
  r->at = line.end < r->n ? line.end + 1 : r->n;
  if (rc != 0) set_record(r, r->text + line.start, line.end - line.start);
  return rc;
}

static void next_line(struct runner *r) {
  const char *p = r->text + r->at, *nl = memchr(p, '\n', r->n - r->at);
  size_t n = nl ? (size_t)(nl - p) : r->n - r->at;
  r->at += n + 1;
  set_record(r, p, n);
}

static int split_by_lead(struct runner *r) {
  int rc = regex_search(r->lead, r->now.text, r->now.length, 0, 0, &r->why);
  if (rc > 0) capture_fields(r->splitter, r->now.text, r->field);
  return rc;
}

/* Where most lines match, trying the next one costs half of searching it and finding its groups again; only behind one that
** does not match is there something to pass over. */
static int find_line(struct runner *r) {
  if (!r->lead_splits) return seek_line(r);
  size_t from = r->at;
  next_line(r);
  int rc = split_by_lead(r);
  if (rc != 0) return rc;
  passed_over(r, from, from + r->now.length + 1);
  rc = r->at < r->n ? seek_line(r) : 0;
  return rc > 0 ? split_by_lead(r) : rc;
}

/* one that begins in the chunk and ends in the piece */
static int next_of_quotes(struct runner *r) {
  const char *p = r->text + r->at, *end = r->offset + r->at > r->last ? NULL : csvcut_next(&r->cut);
  if (!end) return 0;
  r->at = (size_t)(end - r->text);
  set_record(r, p, (size_t)(end - p) - (end[-1] == '\n'));
  return 1;
}

static int next_record(struct runner *r) {
  if (r->at >= r->n) return 0;
  if (r->by_lead) return find_line(r);
  if (r->start) {
    const char *p;
    struct records all = {r->text, r->n, r->at, r->start};
    size_t n;
    int rc = records_next(&all, &p, &n, &r->why);
    r->at = rc < 0 ? r->n : all.at;
    if (rc > 0) set_record(r, p, n);
    return rc;
  }
  if (r->quotes) return next_of_quotes(r);
  next_line(r);
  return 1;
}

/* ---- ops ---- */

static int matches(struct runner *r, const struct op *op) {
  int rc = regex_search(op->regex, r->now.text, r->now.length, 0, 0, &r->why);
  return rc < 0 ? rc : (rc > 0) != op->invert;
}

static void forget_fields(struct runner *r, unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++) r->field[i] = value_none();
}

/* The text goes to a function; the table that it returns has the fields of the record. */
static bool mend(lua_State *L, struct runner *r, const struct stack *s) {
  lua_rawgeti(L, s->functions, r->mend);
  lua_pushlstring(L, r->now.text, r->now.length);
  lua_call(L, 1, 1);
  if (!lua_toboolean(L, -1)) return false;
  if (!lua_istable(L, -1))
    luaL_error(L, "on_mismatch: the function must return a table of fields, or nil, got a %s", luaL_typename(L, -1));
  lua_setiuservalue(L, s->runner, UV_MENDED);
  r->mended = true;
  luaL_checkstack(L, (int)r->slots + 10, "too many fields");
  lua_pushnil(L);
  while (lua_next(L, s->names)) {
    lua_Integer slot = lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING || slot >= r->split_slots) continue;
    record_push_mended(L, s->runner, lua_gettop(L));
    if (!lvalue_to(L, -1, &r->field[slot])) luaL_error(L, "on_mismatch: a field is a %s", luaL_typename(L, -1));
    lua_insert(L, -2); /* the value stays, for its text */
  }
  return true;
}

static int split(lua_State *L, struct runner *r, const struct stack *s) {
  int rc = r->splitter->ops->split(r->splitter->self, &r->now, &r->why);
  if (rc != 0) return rc;
  if (r->mismatch == MISMATCH_ERROR) return why_set(&r->why, "the record does not fit the format");
  add_sample(r, r->now.text, r->now.length);
  r->mismatched++;
  forget_fields(r, 0, r->split_slots);
  return r->mismatch == MISMATCH_KEEP || (r->mismatch == MISMATCH_CALL && mend(L, r, s));
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
static void call(lua_State *L, struct runner *r, const struct stack *s, int function, bool plain) {
  lua_rawgeti(L, s->functions, function);
  record_push(L, r, s->meta, plain);
  r->shown = true;
  lua_call(L, 1, 1);
  r->shown = false;
}

/* texts stay where they are as long as the result stays on the stack: until the next record */
static void derive_by_function(lua_State *L, struct runner *r, const struct stack *s, const struct op *op) {
  call(L, r, s, op->function, op->plain);
  luaL_checkstack(L, 20, "too many derived fields");
  if (!lvalue_to(L, -1, &r->field[op->slot]))
    luaL_error(L, "a derived field must be a string, a number, a boolean or papy.null, got a %s", luaL_typename(L, -1));
}

/* 1: the record passes all ops */
static int passes(lua_State *L, struct runner *r, const struct stack *s) {
  int rc = 1;
  for (unsigned i = r->by_lead; rc > 0 && i < r->ops; i++) {
    struct op *op = &r->op[i];
    switch (op->kind) {
      case OP_GREP: rc = matches(r, op); break;
      case OP_SPLIT: rc = split(L, r, s); break;
      case OP_WHERE: rc = expr_test(op->expr, &r->now, &r->why); break;
      case OP_DERIVE: rc = expr_value(op->expr, &r->now, &r->field[op->slot], &r->why) == 0 ? 1 : -1; break;
      case OP_TIME: read_time(r, op); break;
      case OP_BUCKET: put_in_bucket(r, op); break;
      case OP_SAMPLE: rc = is_sampled(r, op); break;
      case OP_DERIVE_LUA: derive_by_function(L, r, s, op); break;
      case OP_WHERE_LUA:
        call(L, r, s, op->function, op->plain);
        rc = lua_toboolean(L, -1);
        lua_pop(L, 1);
        break;
    }
  }
  return rc;
}

/* ---- sinks ---- */

static int to_tally(struct runner *r) {
  r->whole = slot_value(r, TEXT_SLOT);
  return tally_add(r->tally, r->given, &r->why);
}

static int to_lines(struct runner *r) {
  if (buf_add(&r->lines, r->now.text, r->now.length) == 0 && buf_byte(&r->lines, '\n') == 0) return 0;
  return why_set(&r->why, "not enough memory");
}

static int sink(lua_State *L, struct runner *r, const struct stack *s) {
  int rc = 0;
  switch (r->sink) {
    case SINK_COUNT: break;
    case SINK_TALLY: rc = to_tally(r); break;
    case SINK_LINES: rc = to_lines(r); break;
    case SINK_ROWS:
      record_push_row(L, r, s->runner, s->columns, s->names);
      lua_rawseti(L, s->rows, (lua_Integer)++r->rows);
      break;
    case SINK_BEST: rc = runner_best(r); break;
    case SINK_CALL: call(L, r, s, 1, r->plain); break;
  }
  r->kept += rc == 0;
  return rc;
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
  s.runner = runner;
  s.functions = runner + 1;
  s.meta = runner + 2;
  s.rows = runner + 3;
  s.columns = runner + 4;
  s.names = runner + 5;
  s.top = runner + 5;
  return s;
}

/* the records of the piece; 0, or -1 with r->why */
static int run_piece(lua_State *L, struct runner *r, const struct stack *s) {
  int rc;
  while (r->kept < r->limit && (rc = next_record(r)) != 0) {
    if (rc < 0) return -1;
    r->serial++;
    r->mended = false;
    arena_reset(&r->arena);
    if (r->slots > r->split_slots) forget_fields(r, r->split_slots, r->slots);
    if (r->line != TEXT_SLOT) r->field[r->line] = slot_value(r, TEXT_SLOT);
    if ((rc = passes(L, r, s)) < 0 || (rc > 0 && sink(L, r, s) != 0)) return -1;
    if (r->lua) lua_settop(L, s->top);
  }
  r->done = r->offset + length_done(r);
  return 0;
}

/* The mapping is gone when the error is told: the record is kept until then. */
static int keep_failed(struct runner *r) {
  r->failed.n = 0;
  r->kept_failed = true;
  r->failed_at = r->offset + (uint64_t)(r->now.text - r->text);
  (void)buf_add(&r->failed, r->now.text, r->now.length); /* without memory the message has no text */
  return -1;
}

static int run_mapped(void *ctx, const char *p, size_t n, struct why *why) {
  struct runner *r = ctx;
  new_piece(r, p, n, r->last + 1 == r->size);
  if (run_piece(NULL, r, NULL) == 0) return 0;
  *why = r->why;
  return keep_failed(r);
}

/* From where the last call left off: a failed record, or the beginning. False: the chunk, or the rest of its last record, has
** to be read. */
static bool go_mapped(lua_State *L, struct runner *r) {
  r->offset += r->at;
  r->at = 0;
  r->kept_failed = false;
  if (r->offset > r->last) return true;
  int rc = mapping_read(r->held, r->offset, r->last, run_mapped, r, &r->why);
  r->torn = rc == MAPPING_BROKEN;
  if (rc < 0 || r->torn) fail(L, r);
  bool cut_off = rc == 0 && r->at < r->n;
  if (cut_off) r->offset += r->at;
  if (cut_off || rc == MAPPING_NONE) begin_pieces(r);
  return !r->reading;
}

void runner_go(lua_State *L, struct runner *r, int runner) {
  r->shown = false;
  if (!r->mapped || !go_mapped(L, r)) {
    struct stack s = lay_out(L, runner);
    do {
      if (run_piece(L, r, &s) != 0) fail(L, r);
    } while (r->kept < r->limit && next_piece(L, r));
  }
  rest(L, r);
}
