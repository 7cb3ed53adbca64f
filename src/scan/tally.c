/* A tally is a table of groups whose bodies are states, and a codec for it. What is encoded is a head (a mark, the
** fingerprint of the spec) and batches of up to BATCH groups: their number, all keys, all states. Keys stand together
** so that merging can hash a batch of them and ask the memory for all their places before it needs the first one: with
** many groups the host does little else than wait for memory. A tally beyond its limit writes its groups, batch by
** batch, to the partitions of its spill and starts anew; reading goes from part to part (a part is a tally in memory),
** and a tally that has not spilled is its own only part. */
#include "scan/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "scan/groups.h"
#include "scan/keyform.h"
#include "scan/spill.h"

#define BATCH 64
#define PIECE (1 << 20) /* bytes written to a partition at a time */

struct tally {
  struct tally_spec spec;
  unsigned states;
  struct state state[TALLY_COLUMNS_MOST];
  uint8_t serves[TALLY_COLUMNS_MOST]; /* column -> its state */
  uint64_t fingerprint;
  struct groups groups;
  struct slabs table, memory; /* of the groups, of their states */
  size_t limit;               /* SIZE_MAX: none */
  struct buf scratch;         /* keys and what is read back */
  struct surroundings with;
  unsigned level; /* of partitions that this one is in */
  int spilled;
  struct spill spill;
};

/* {=== making === */

static uint64_t fingerprint_of(const struct tally *t) {
  uint64_t h = hash_bytes(&t->spec.keys, sizeof t->spec.keys, 1);
  for (unsigned i = 0; i < t->states; i++) {
    const struct state *s = &t->state[i];
    uint64_t words[] = {s->kind, s->limit, 0};
    memcpy(&words[2], &s->number, sizeof s->number);
    h = hash_bytes(words, sizeof words, h);
  }
  return h;
}

static int check(const struct tally_spec *spec, struct why *why) {
  if (spec->keys > TALLY_KEYS_MOST) return why_set(why, "more than %d keys", TALLY_KEYS_MOST);
  if (spec->columns > TALLY_COLUMNS_MOST) return why_set(why, "more than %d aggregates", TALLY_COLUMNS_MOST);
  for (unsigned i = 0; i < spec->columns; i++) {
    const struct column *c = &spec->column[i];
    const char *name = aggregate_name(c->kind);
    if (c->arg >= spec->args && !(c->kind == AGGREGATE_COUNT && c->arg == NO_ARGUMENT))
      return why_set(why, "%s needs an argument", name);
    if (c->kind == AGGREGATE_QUANTILE && !(c->number >= 0 && c->number <= 1))
      return why_set(why, "a quantile is between 0 and 1, not %g", c->number);
    if (c->kind == AGGREGATE_HISTOGRAM && !(c->number >= 0 && c->number < 1e300))
      return why_set(why, "the width of a histogram is more than 0, not %g", c->number);
    if (c->kind == AGGREGATE_TOP && (c->limit == 0 || c->limit > 1000000))
      return why_set(why, "top takes between 1 and 1000000 values");
    if (c->kind == AGGREGATE_DISTINCT && c->limit > (uint64_t)1 << 40)
      return why_set(why, "distinct cannot count so many values exactly");
  }
  return 0;
}

static int no_memory(struct why *why) {
  errno = ENOMEM;
  return why_set(why, "cannot hold the groups of a tally:");
}

static size_t lay_out(struct tally *t) {
  size_t body = 0;
  for (unsigned i = 0; i < t->spec.columns; i++)
    t->serves[i] = (uint8_t)states_need(t->state, &t->states, &t->spec.column[i], &body);
  return body;
}

static struct tally *make(const struct tally_spec *spec, uint64_t seed, unsigned level, struct why *why) {
  struct tally *t = calloc(1, sizeof *t);
  if (!t) return no_memory(why), NULL;
  t->spec = *spec;
  t->level = level;
  t->limit = spec->memory && level < SPILL_LEVELS ? spec->memory : SIZE_MAX;
  buf_heap(&t->scratch);
  t->with = (struct surroundings){.slabs = &t->memory, .scratch = &t->scratch};
  if (groups_start(&t->groups, lay_out(t), TALLY_START, seed, &t->table) != 0)
    return no_memory(why), tally_free(t), NULL;
  t->fingerprint = fingerprint_of(t);
  return t;
}

struct tally *tally_new(const struct tally_spec *spec, struct why *why) {
  return check(spec, why) != 0 ? NULL : make(spec, hash_seed(), 0, why);
}

void tally_free(struct tally *t) {
  if (!t) return;
  if (t->spilled) spill_close(&t->spill);
  slabs_free(&t->table);
  slabs_free(&t->memory);
  buf_free(&t->scratch);
  free(t);
}

void tally_clear(struct tally *t) {
  if (t->spilled) spill_close(&t->spill);
  t->spilled = 0;
  groups_clear(&t->groups);
  slabs_reset(&t->memory);
  t->with.item = t->with.record = 0;
}

const struct tally_spec *tally_spec(const struct tally *t) {
  return &t->spec;
}

void tally_item(struct tally *t, uint64_t item) {
  t->with.item = item;
}

size_t tally_memory(const struct tally *t) {
  return groups_memory(&t->groups) + t->memory.bytes;
}

int tally_spilled(const struct tally *t) {
  return t->spilled;
}

/* ===} {=== batches === */

static int write_batch(const struct tally *t, struct group *const *group, unsigned n, struct buf *out) {
  if (n == 0) return 0;
  if (packed_put(out, n) != 0) return -1;
  for (unsigned i = 0; i < n; i++)
    if (keyform_write(&t->groups, group[i], out) != 0) return -1;
  for (unsigned i = 0; i < n; i++)
    if (states_write(t->state, t->states, (const uint8_t *)group[i]->body, out) != 0) return -1;
  return 0;
}

/* all groups in memory */
static int write_groups(const struct tally *t, struct buf *out) {
  struct group *batch[BATCH];
  unsigned n = 0;
  for (struct group *r = NULL; (r = groups_next(&t->groups, r));) {
    batch[n++] = r;
    if (n == BATCH) {
      if (write_batch(t, batch, n, out) != 0) return -1;
      n = 0;
    }
  }
  return write_batch(t, batch, n, out);
}

/* 0, or -1 with errno; what makes no sense spoils the reader */
static int merge_batch(struct tally *t, struct packed *from, const struct surroundings *with) {
  struct key key[BATCH];
  uint64_t hash[BATCH], n = packed_get(from);
  if (n == 0 || n > BATCH) return packed_spoil(from), 0;
  for (uint64_t i = 0; i < n; i++) {
    key[i] = keyform_read(from);
    if (from->bad || !keyform_good(key[i], t->spec.keys)) return packed_spoil(from), 0;
    hash[i] = hash_bytes(key[i].p, key[i].n, t->groups.seed);
    groups_prefetch(&t->groups, hash[i]);
  }
  for (uint64_t i = 0; i < n; i++) groups_prefetch_row(&t->groups, hash[i]);
  for (uint64_t i = 0; i < n; i++) {
    struct group *r = groups_find(&t->groups, key[i], hash[i]);
    if (!r && !(r = groups_add(&t->groups, key[i], hash[i]))) return -1;
    if (states_merge(t->state, t->states, (uint8_t *)r->body, from, with) != 0) return -1;
  }
  return 0;
}

/* ===} {=== to disk and back === */

/* Groups in the order of their partitions: first[p] is where those of p begin in the array returned. NULL with errno */
static struct group **by_partition(struct tally *t, size_t first[SPILL_PARTS + 1]) {
  struct group **sorted = malloc((t->groups.count + 1) * sizeof *sorted);
  size_t at[SPILL_PARTS] = {0}, sum = 0;
  if (!sorted) return NULL;
  for (struct group *r = NULL; (r = groups_next(&t->groups, r));) at[spill_part(r->hash, t->level)]++;
  for (unsigned p = 0; p < SPILL_PARTS; p++) {
    size_t n = at[p];
    first[p] = at[p] = sum;
    sum += n;
  }
  first[SPILL_PARTS] = sum;
  for (struct group *r = NULL; (r = groups_next(&t->groups, r));) sorted[at[spill_part(r->hash, t->level)]++] = r;
  return sorted;
}

static int write_partition(struct tally *t, unsigned part, struct group **group, size_t n, struct why *why) {
  struct buf *out = &t->scratch;
  out->n = 0;
  while (n > 0) {
    unsigned some = n < BATCH ? (unsigned)n : BATCH;
    if (write_batch(t, group, some, out) != 0) return no_memory(why);
    group += some;
    n -= some;
    if (out->n < PIECE && n > 0) continue;
    if (spill_write(&t->spill, part, out->p, out->n, why) != 0) return -1;
    out->n = 0;
  }
  return 0;
}

/* no groups, and no memory kept for them; the old table stays until the new one stands */
static int start_again(struct tally *t, struct why *why) {
  struct slabs old = t->table;
  struct groups groups = t->groups;
  t->table = (struct slabs){0};
  if (groups_start(&groups, groups.body, TALLY_START, groups.seed, &t->table) != 0) {
    t->table = old;
    return no_memory(why);
  }
  t->groups = groups;
  slabs_free(&old);
  slabs_free(&t->memory);
  return 0;
}

/* Move all groups to disk, or none of them: what is there and in memory, too, would count twice. */
static int spill(struct tally *t, struct why *why) {
  size_t first[SPILL_PARTS + 1];
  int rc = 0;
  if (!t->spilled) {
    if (spill_open(&t->spill, t->spec.dir, why) != 0) return spill_close(&t->spill), -1;
    t->spilled = 1;
  }
  struct spill_mark mark = spill_mark(&t->spill);
  struct group **sorted = by_partition(t, first);
  if (!sorted) return no_memory(why);
  for (unsigned p = 0; p < SPILL_PARTS && rc == 0; p++)
    rc = write_partition(t, p, sorted + first[p], first[p + 1] - first[p], why);
  free(sorted);
  if (rc == 0) rc = start_again(t, why);
  if (rc != 0) spill_back(&t->spill, mark);
  return rc;
}

/* A few large groups are not worth moving: they would come back at once. */
static int limit(struct tally *t, struct why *why) {
  return tally_memory(t) <= t->limit || t->groups.count < SPILL_LEAST ? 0 : spill(t, why);
}

/* a partition as a tally of its own */
static struct tally *load(struct tally *t, unsigned part, struct why *why) {
  struct tally *p = make(&t->spec, t->groups.seed, t->level + 1, why);
  struct surroundings with;
  size_t at = 0;
  int rc = p ? 1 : -1;
  while (rc > 0 && (rc = spill_read(&t->spill, part, &at, &t->scratch, why)) > 0) {
    struct packed from = packed_of(t->scratch.p, t->scratch.n);
    with = p->with;
    with.item = TALLY_ITEM_KEPT;
    while (rc > 0 && packed_left(&from) > 0) {
      if (merge_batch(p, &from, &with) != 0) rc = no_memory(why);
      else if (from.bad) rc = why_set(why, "groups read back from disk are not what was written");
      else if (limit(p, why) != 0) rc = -1;
    }
  }
  if (rc < 0) return tally_free(p), NULL;
  return p;
}

/* ===} {=== adding and merging === */

int tally_add(struct tally *t, const struct value *const *given, struct why *why) {
  struct key key;
  if (keyform_make(given, t->spec.keys, &t->scratch, &key) != 0) return no_memory(why);
  struct group *r = groups_at(&t->groups, key);
  if (!r) return no_memory(why);
  t->with.record++;
  if (states_add(t->state, t->states, (uint8_t *)r->body, given + t->spec.keys, &t->with) != 0) return no_memory(why);
  return tally_memory(t) <= t->limit ? 0 : limit(t, why);
}

static const char mark[4] = {'t', 'a', 'l', 1};
#define HEAD (sizeof mark + sizeof(uint64_t))

int tally_encode(struct tally *t, struct buf *out, struct why *why) {
  struct tally *part;
  int rc = 1;
  if (buf_add(out, mark, sizeof mark) != 0 || buf_add(out, &t->fingerprint, sizeof t->fingerprint) != 0)
    return no_memory(why);
  struct tally_reader *r = tally_read(t, why);
  if (!r) return -1;
  while (rc > 0 && (rc = tally_part(r, &part, why)) > 0)
    if (write_groups(part, out) != 0) rc = no_memory(why);
  tally_read_end(r);
  return rc;
}

int tally_merge(struct tally *t, const void *bytes, size_t n, uint64_t item, struct why *why) {
  struct packed from = packed_of(bytes, n);
  uint64_t fingerprint;
  if (n < HEAD || memcmp(bytes, mark, sizeof mark) != 0) return why_set(why, "these bytes are no tally");
  memcpy(&fingerprint, from.p + sizeof mark, sizeof fingerprint);
  if (fingerprint != t->fingerprint) return why_set(why, "a tally of other keys or aggregates");
  from.p += HEAD;
  struct surroundings with = t->with;
  with.item = item;
  while (packed_left(&from) > 0) {
    if (merge_batch(t, &from, &with) != 0) return no_memory(why);
    if (from.bad) return why_set(why, "the bytes of a tally are damaged");
    if (limit(t, why) != 0) return -1;
  }
  return 0;
}

/* ===} {=== reading === */

struct tally_reader {
  struct tally *tally;
  unsigned next;              /* part; of a spilled tally: partition */
  struct tally *loaded;       /* the partition that is read */
  struct tally_reader *inner; /* by this one, for it may have spilled, too */
  struct tally *part;         /* for tally_next */
  struct tally_row row;
};

struct tally_reader *tally_read(struct tally *t, struct why *why) {
  if (t->spilled && t->groups.count > 0 && spill(t, why) != 0) return NULL;
  struct tally_reader *r = calloc(1, sizeof *r);
  if (!r) return no_memory(why), NULL;
  r->tally = t;
  return r;
}

static void unload(struct tally_reader *r) {
  tally_read_end(r->inner);
  tally_free(r->loaded);
  r->inner = NULL;
  r->loaded = NULL;
}

void tally_read_end(struct tally_reader *r) {
  if (!r) return;
  unload(r);
  free(r);
}

int tally_part(struct tally_reader *r, struct tally **part, struct why *why) {
  if (!r->tally->spilled) {
    *part = r->tally;
    return r->next++ == 0;
  }
  for (;;) {
    int rc = r->inner ? tally_part(r->inner, part, why) : 0;
    if (rc != 0) return rc;
    unload(r);
    if (r->next == SPILL_PARTS) return 0;
    r->loaded = load(r->tally, r->next++, why);
    r->inner = r->loaded ? tally_read(r->loaded, why) : NULL;
    if (!r->inner) return -1;
  }
}

int tally_each(const struct tally *part, struct tally_row *row) {
  row->group = groups_next(&part->groups, row->tally == part ? row->group : NULL);
  row->tally = part;
  return row->group != NULL;
}

int tally_next(struct tally_reader *r, struct tally_row *row, struct why *why) {
  while (!r->part || !tally_each(r->part, &r->row)) {
    struct tally *part;
    r->part = NULL;
    int rc = tally_part(r, &part, why);
    if (rc <= 0) return rc;
    r->part = part;
    r->row = (struct tally_row){0};
  }
  *row = r->row;
  return 1;
}

int64_t tally_size(struct tally *t, struct why *why) {
  struct tally *part;
  int64_t size = 0;
  int rc;
  struct tally_reader *r = tally_read(t, why);
  if (!r) return -1;
  while ((rc = tally_part(r, &part, why)) > 0) size += (int64_t)part->groups.count;
  tally_read_end(r);
  return rc < 0 ? -1 : size;
}

int tally_take(struct tally *t, const struct tally_row *row, struct why *why) {
  struct key key = {group_key(&row->tally->groups, row->group), row->group->length, row->group->shape};
  struct surroundings with = t->with;
  with.item = TALLY_ITEM_KEPT;
  t->scratch.n = 0;
  if (states_write(t->state, t->states, (const uint8_t *)row->group->body, &t->scratch) != 0) return no_memory(why);
  struct packed from = packed_of(t->scratch.p, t->scratch.n);
  struct group *g = groups_at(&t->groups, key);
  return !g || states_merge(t->state, t->states, (uint8_t *)g->body, &from, &with) != 0 ? no_memory(why) : 0;
}

void tally_key(const struct tally_row *r, unsigned i, struct value *v) {
  *v = keyform_value(&r->tally->groups, r->group, i);
}

void tally_result(const struct tally_row *r, unsigned i, struct value *v) {
  const struct tally *t = r->tally;
  state_result(&t->state[t->serves[i]], &t->spec.column[i], (const uint8_t *)r->group->body, v);
}

int tally_list(const struct tally_row *r, unsigned i, struct buf *out) {
  const struct tally *t = r->tally;
  return state_list(&t->state[t->serves[i]], &t->spec.column[i], (const uint8_t *)r->group->body, out);
}

/* Not to be left to chance: two tallies must agree on the order of groups, so keys that look alike are told apart by
** bytes. */
int tally_order_keys(const struct tally_row *a, const struct tally_row *b) {
  const struct groups *ga = &a->tally->groups, *gb = &b->tally->groups;
  for (unsigned i = 0; i < a->tally->spec.keys; i++) {
    struct value x, y;
    tally_key(a, i, &x);
    tally_key(b, i, &y);
    int order = value_order(&x, &y);
    if (order != 0) return order;
  }
  if (a->group->shape != b->group->shape) return a->group->shape < b->group->shape ? -1 : 1;
  size_t n = a->group->length, m = b->group->length;
  int order = memcmp(group_key(ga, a->group), group_key(gb, b->group), n < m ? n : m);
  return order != 0 ? order : (n > m) - (n < m);
}

/* ===} */
