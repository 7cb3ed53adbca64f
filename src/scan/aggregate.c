/* Every state adds a value, writes itself and merges what another wrote; that is all a tally asks of it. A state of
** zero bytes is the state of no values, so a new row needs no preparation. */
#include "scan/aggregate.h"

#include <string.h>

#include "scan/distinct.h"
#include "scan/frequent.h"
#include "scan/histogram.h"
#include "scan/kept.h"
#include "scan/sketch.h"
#include "scan/total.h"

static const char *const names[AGGREGATES] = {
    [AGGREGATE_COUNT] = "count",       [AGGREGATE_SUM] = "sum",           [AGGREGATE_MEAN] = "mean",
    [AGGREGATE_STDDEV] = "stddev",     [AGGREGATE_MIN] = "min",           [AGGREGATE_MAX] = "max",
    [AGGREGATE_QUANTILE] = "quantile", [AGGREGATE_DISTINCT] = "distinct", [AGGREGATE_TOP] = "top",
    [AGGREGATE_FIRST] = "first",       [AGGREGATE_LAST] = "last",         [AGGREGATE_HISTOGRAM] = "histogram"};

static const size_t sizes[] = {
    [STATE_RECORDS] = sizeof(uint64_t),       [STATE_VALUES] = sizeof(uint64_t),   [STATE_TOTAL] = sizeof(struct total),
    [STATE_MOMENTS] = sizeof(struct moments), [STATE_MIN] = sizeof(struct kept),   [STATE_MAX] = sizeof(struct kept),
    [STATE_SKETCH] = sizeof(void *),          [STATE_DISTINCT] = sizeof(void *),   [STATE_FREQUENT] = sizeof(void *),
    [STATE_FIRST] = sizeof(struct dated),     [STATE_LAST] = sizeof(struct dated), [STATE_HISTOGRAM] = sizeof(void *)};

int aggregate_named(const char *name) {
  for (int i = 0; i < AGGREGATES; i++)
    if (strcmp(names[i], name) == 0) return i;
  return -1;
}

const char *aggregate_name(enum aggregate kind) {
  return names[kind];
}

int aggregate_is_list(enum aggregate kind) {
  return kind == AGGREGATE_TOP || kind == AGGREGATE_HISTOGRAM;
}

static enum state_kind state_of(const struct column *c) {
  switch (c->kind) {
    case AGGREGATE_COUNT: return c->arg == NO_ARGUMENT ? STATE_RECORDS : STATE_VALUES;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN: return STATE_TOTAL;
    case AGGREGATE_STDDEV: return STATE_MOMENTS;
    case AGGREGATE_MIN: return STATE_MIN;
    case AGGREGATE_MAX: return STATE_MAX;
    case AGGREGATE_QUANTILE: return STATE_SKETCH;
    case AGGREGATE_DISTINCT: return STATE_DISTINCT;
    case AGGREGATE_TOP: return STATE_FREQUENT;
    case AGGREGATE_FIRST: return STATE_FIRST;
    case AGGREGATE_LAST: return STATE_LAST;
    default: return c->number > 0 ? STATE_HISTOGRAM : STATE_SKETCH;
  }
}

unsigned states_need(struct state *s, unsigned *n, const struct column *c, size_t *size) {
  struct state need = {.kind = state_of(c), .arg = c->arg, .offset = (uint32_t)*size};
  if (need.kind == STATE_HISTOGRAM) need.number = c->number;
  if (need.kind == STATE_DISTINCT || need.kind == STATE_FREQUENT) need.limit = c->limit;
  for (unsigned i = 0; i < *n; i++)
    if (s[i].kind == need.kind && s[i].arg == need.arg && s[i].number == need.number && s[i].limit == need.limit)
      return i;
  *size += sizes[need.kind];
  s[*n] = need;
  return (*n)++;
}

/* {=== one value === */

static int is_number(enum value_kind k) {
  return k == VALUE_INTEGER || k == VALUE_NUMBER;
}

/* numbers in their normal form, so that of 2 and 2.0 it does not matter which came first */
static int keep_extreme(struct kept *k, enum value_kind kind, const struct value *number, int larger, struct slabs *b) {
  if (kind == VALUE_NONE) return 0;
  struct value v = packed_normal(*number);
  return kept_wins(k, &v, larger) ? kept_set(k, &v, b) : 0;
}

static int keep_dated(struct dated *d, const struct value *v, struct stamp stamp, int last, struct slabs *b) {
  if (!value_is_there(v)) return 0;
  int before = stamp_before(stamp, d->stamp);
  if (d->kept.value.kind != VALUE_NONE && (last ? before : !before)) return 0;
  d->stamp = stamp;
  return kept_set(&d->kept, v, b);
}

static inline enum value_kind read_number(struct reading *r, uint32_t arg, const struct value *const *args) {
  if (r->arg == arg) return r->kind;
  r->arg = arg;
  return r->kind = value_numeric(args[arg], &r->number);
}

int state_add(const struct state *s, uint8_t *at, const struct value *const *args, struct reading *r,
              const struct surroundings *with) {
  const struct value *v = args[s->arg];
  struct slabs *b = with->slabs;
  switch (s->kind) {
    case STATE_TOTAL:
      if (is_number(read_number(r, s->arg, args))) total_add((struct total *)at, &r->number);
      return 0;
    case STATE_MOMENTS:
      if (is_number(read_number(r, s->arg, args))) moments_add((struct moments *)at, value_double(&r->number));
      return 0;
    case STATE_MIN: return keep_extreme((struct kept *)at, read_number(r, s->arg, args), &r->number, -1, b);
    case STATE_MAX: return keep_extreme((struct kept *)at, read_number(r, s->arg, args), &r->number, 1, b);
    case STATE_SKETCH:
      return is_number(read_number(r, s->arg, args)) ? sketch_add((struct sketch **)at, &r->number, b) : 0;
    case STATE_HISTOGRAM:
      if (!is_number(read_number(r, s->arg, args))) return 0;
      return histogram_add((struct histogram **)at, &r->number, s->number, b);
    case STATE_DISTINCT: return value_is_there(v) ? distinct_add((struct distinct **)at, v, s->limit, b) : 0;
    case STATE_FREQUENT:
      return value_is_there(v) ? frequent_add((struct frequent **)at, v, s->limit, with->scratch, b) : 0;
    default:
      return keep_dated((struct dated *)at, v, (struct stamp){with->item, with->record}, s->kind == STATE_LAST, b);
  }
}

/* ===} {=== bytes === */

static int write_dated(const struct dated *d, struct buf *out) {
  if (packed_put_value(out, d->kept.value) != 0) return -1;
  if (d->kept.value.kind == VALUE_NONE) return 0;
  return packed_put(out, d->stamp.item) != 0 ? -1 : packed_put(out, d->stamp.record);
}

static int merge_dated(struct dated *d, int last, struct packed *from, const struct surroundings *with) {
  struct value v = packed_get_value(from);
  if (v.kind == VALUE_NONE) return 0;
  struct stamp stamp = {.item = packed_get(from)};
  stamp.record = packed_get(from);
  if (with->item != UINT64_MAX) stamp.item = with->item;
  return from->bad ? 0 : keep_dated(d, &v, stamp, last, with->slabs);
}

static int merge_extreme(struct kept *k, int larger, struct packed *from, struct slabs *b) {
  struct value v = packed_get_value(from);
  if (from->bad || v.kind == VALUE_NONE) return 0;
  if (!is_number(v.kind) && v.kind != VALUE_TEXT) return packed_spoil(from), 0;
  return kept_wins(k, &v, larger) ? kept_set(k, &v, b) : 0;
}

static int state_write(const struct state *s, const uint8_t *at, struct buf *out) {
  switch (s->kind) {
    case STATE_RECORDS:
    case STATE_VALUES: return packed_put(out, *(const uint64_t *)at);
    case STATE_TOTAL: return total_write((const struct total *)at, out);
    case STATE_MOMENTS: return moments_write((const struct moments *)at, out);
    case STATE_MIN:
    case STATE_MAX: return packed_put_value(out, ((const struct kept *)at)->value);
    case STATE_SKETCH: return sketch_write(*(struct sketch *const *)at, out);
    case STATE_DISTINCT: return distinct_write(*(struct distinct *const *)at, out);
    case STATE_FREQUENT: return frequent_write(*(struct frequent *const *)at, out);
    case STATE_FIRST:
    case STATE_LAST: return write_dated((const struct dated *)at, out);
    default: return histogram_write(*(struct histogram *const *)at, out);
  }
}

static int state_merge(const struct state *s, uint8_t *at, struct packed *from, const struct surroundings *with) {
  struct slabs *b = with->slabs;
  switch (s->kind) {
    case STATE_RECORDS:
    case STATE_VALUES: *(uint64_t *)at += packed_get(from); return 0;
    case STATE_TOTAL: total_merge((struct total *)at, from); return 0;
    case STATE_MOMENTS: moments_merge((struct moments *)at, from); return 0;
    case STATE_MIN: return merge_extreme((struct kept *)at, -1, from, b);
    case STATE_MAX: return merge_extreme((struct kept *)at, 1, from, b);
    case STATE_SKETCH: return sketch_merge((struct sketch **)at, from, b);
    case STATE_DISTINCT: return distinct_merge((struct distinct **)at, from, s->limit, b);
    case STATE_FREQUENT: return frequent_merge((struct frequent **)at, from, s->limit, b);
    case STATE_FIRST: return merge_dated((struct dated *)at, 0, from, with);
    case STATE_LAST: return merge_dated((struct dated *)at, 1, from, with);
    default: return histogram_merge((struct histogram **)at, from, b);
  }
}

int states_write(const struct state *s, unsigned n, const uint8_t *body, struct buf *out) {
  for (const struct state *end = s + n; s < end; s++)
    if (state_write(s, body + s->offset, out) != 0) return -1;
  return 0;
}

int states_merge(const struct state *s, unsigned n, uint8_t *body, struct packed *from,
                 const struct surroundings *with) {
  for (const struct state *end = s + n; s < end; s++)
    if (state_merge(s, body + s->offset, from, with) != 0) return -1;
  return 0;
}

/* ===} {=== answers === */

static struct value count_value(uint64_t n) {
  return n <= INT64_MAX ? value_integer((int64_t)n) : value_number((double)n);
}

static struct value mean(const struct total *t) {
  struct value sum = total_sum(t);
  return t->count == 0 ? value_none() : value_number(value_double(&sum) / (double)t->count);
}

void state_result(const struct state *s, const struct column *c, const uint8_t *body, struct value *v) {
  const uint8_t *at = body + s->offset;
  switch (c->kind) {
    case AGGREGATE_COUNT: *v = count_value(*(const uint64_t *)at); break;
    case AGGREGATE_SUM: *v = total_sum((const struct total *)at); break;
    case AGGREGATE_MEAN: *v = mean((const struct total *)at); break;
    case AGGREGATE_STDDEV: *v = moments_deviation((const struct moments *)at); break;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX: *v = ((const struct kept *)at)->value; break;
    case AGGREGATE_QUANTILE: *v = sketch_quantile(*(struct sketch *const *)at, c->number); break;
    case AGGREGATE_DISTINCT: *v = count_value(distinct_count(*(struct distinct *const *)at)); break;
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST: *v = ((const struct dated *)at)->kept.value; break;
    default: *v = value_none();
  }
}

int state_list(const struct state *s, const struct column *c, const uint8_t *body, struct buf *out) {
  const uint8_t *at = body + s->offset;
  switch (s->kind) {
    case STATE_FREQUENT: return frequent_list(*(struct frequent *const *)at, s->limit, out);
    case STATE_HISTOGRAM: return histogram_list(*(struct histogram *const *)at, c->number, out);
    case STATE_SKETCH: return sketch_histogram(*(struct sketch *const *)at, out);
    default: return 0;
  }
}

/* ===} */
