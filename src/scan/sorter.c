/* An entry is packed as   length of the rest, item, record, keys..., bytes. In memory entries lie one behind the other,
** and an index of them is sorted: each with its first key as a value, so that most comparisons read nothing else. A run
** on disk is the entries in order. */
#include "scan/sorter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "scan/packed.h"
#include "scan/tempfile.h"

/* an entry, read */
struct entry_at {
  struct value key; /* the first */
  uint64_t item, record;
  const uint8_t *keys, *end; /* of the packed entry: from its first key */
};

struct run {
  uint64_t at, end; /* what is to be read of it, in the file */
  struct buf piece; /* read, from `used` on not given out yet */
  size_t used;
  struct entry_at first;
};

enum phase { FILLING, IN_MEMORY, MERGING };

struct sorter {
  struct sorter_spec spec;
  enum phase phase;
  uint64_t item, record, count; /* of all entries */
  struct buf entries;
  struct entry_at *index;
  size_t in_memory, room, next; /* entries in memory, places in the index, the next to give */
  struct tempfile file;         /* fd -1: none */
  struct run *runs;
  size_t run_count, run_room;
  size_t *heap; /* of runs that are merged, the least first */
  size_t heaped;
};

static int no_memory(struct why *why) {
  errno = ENOMEM;
  return why_set(why, "cannot hold what is to be sorted:");
}

/* {=== order === */

static int compare(const struct sorter *s, const struct entry_at *a, const struct entry_at *b) {
  int order = s->spec.keys ? value_sort_order(&a->key, &b->key, s->spec.descending[0]) : 0;
  if (order == 0 && s->spec.keys > 1) {
    struct packed pa = packed_of(a->keys, (size_t)(a->end - a->keys)),
                  pb = packed_of(b->keys, (size_t)(b->end - b->keys));
    packed_get_value(&pa);
    packed_get_value(&pb);
    for (unsigned i = 1; i < s->spec.keys && order == 0; i++) {
      struct value x = packed_get_value(&pa), y = packed_get_value(&pb);
      order = value_sort_order(&x, &y, s->spec.descending[i]);
    }
  }
  if (order != 0) return order;
  if (a->item != b->item) return a->item < b->item ? -1 : 1;
  return (a->record > b->record) - (a->record < b->record);
}

static int by_order(const void *a, const void *b, void *s) {
  return compare(s, a, b);
}

/* ===} {=== entries === */

/* the entry that is next in `from`, the head of which may be cut off: then bad */
static struct entry_at read_entry(struct packed *from) {
  struct entry_at e = {0};
  struct text all = packed_get_text(from);
  struct packed inner = packed_of(all.p, all.n);
  e.item = packed_get(&inner);
  e.record = packed_get(&inner);
  e.keys = inner.p;
  e.end = inner.end;
  e.key = packed_left(&inner) ? packed_get_value(&inner) : value_none();
  if (inner.bad) packed_spoil(from);
  return e;
}

/* the bytes behind the keys; 0 when these are not there */
static int bytes_of(const struct entry_at *e, unsigned keys, struct text *bytes) {
  struct packed from = packed_of(e->keys, (size_t)(e->end - e->keys));
  while (keys-- > 0) packed_get_value(&from);
  *bytes = (struct text){(const char *)from.p, packed_left(&from)};
  return !from.bad;
}

static size_t memory(const struct sorter *s) {
  return s->entries.n + s->in_memory * sizeof *s->index;
}

/* Sort what is in memory. The entries stand still from here on, so the index may point into them. */
static int sort(struct sorter *s, struct why *why) {
  struct packed from = packed_of(s->entries.p, s->entries.n);
  if (s->room < s->in_memory) {
    free(s->index);
    s->room = 0;
    s->index = malloc(s->in_memory * sizeof *s->index);
    if (!s->index) return no_memory(why);
    s->room = s->in_memory;
  }
  for (size_t i = 0; i < s->in_memory; i++) s->index[i] = read_entry(&from);
  if (s->in_memory) qsort_r(s->index, s->in_memory, sizeof *s->index, by_order, s);
  s->next = 0;
  return 0;
}

/* put back what read_entry has read */
static int write_entry(const struct entry_at *e, struct buf *out) {
  uint8_t head[2 * PACKED_MOST], *p = packed_write(packed_write(head, e->item), e->record);
  size_t n = (size_t)(e->end - e->keys);
  if (packed_put(out, (size_t)(p - head) + n) != 0 || buf_add(out, head, (size_t)(p - head)) != 0) return -1;
  return buf_add(out, e->keys, n);
}

/* ===} {=== runs === */

/* room for one more run that begins at the end of the file */
static struct run *new_run(struct sorter *s) {
  if (s->run_count == s->run_room) {
    size_t room = s->run_room ? s->run_room * 2 : 16;
    struct run *runs = realloc(s->runs, room * sizeof *runs);
    if (!runs) return NULL;
    s->runs = runs;
    s->run_room = room;
  }
  struct run *r = &s->runs[s->run_count++];
  *r = (struct run){.at = s->file.end, .end = s->file.end};
  buf_heap(&r->piece);
  return r;
}

static int flush(struct sorter *s, struct buf *out, size_t least, struct why *why) {
  if (out->n < least) return 0;
  if (tempfile_append(&s->file, out->p, out->n, why) != 0) return -1;
  out->n = 0;
  return 0;
}

/* an entry to the run that is being written; `out` gathers */
static int to_run(struct sorter *s, const struct entry_at *e, struct buf *out, struct why *why) {
  return write_entry(e, out) != 0 ? no_memory(why) : flush(s, out, SORT_PIECE, why);
}

/* move what is in memory to disk, as a run */
static int spill(struct sorter *s, struct why *why) {
  struct buf out;
  if (s->file.fd < 0 && tempfile_open(&s->file, s->spec.dir, why) != 0) return -1;
  if (sort(s, why) != 0) return -1;
  if (!new_run(s)) return no_memory(why);
  buf_heap(&out);
  int rc = 0;
  for (size_t i = 0; i < s->in_memory && rc == 0; i++) rc = to_run(s, &s->index[i], &out, why);
  if (rc == 0) rc = flush(s, &out, 1, why);
  buf_free(&out);
  s->runs[s->run_count - 1].end = s->file.end;
  buf_free(&s->entries);
  s->in_memory = 0;
  return rc;
}

/* read more of a run behind what is not used yet: 1, 0 when there is no more */
static int refill(struct sorter *s, struct run *r, struct why *why) {
  uint64_t left = r->end - r->at;
  if (left == 0) return 0;
  if (r->used) memmove(r->piece.p, r->piece.p + r->used, r->piece.n - r->used);
  r->piece.n -= r->used;
  r->used = 0;
  size_t more = r->piece.n > SORT_PIECE ? r->piece.n : SORT_PIECE; /* a long entry: twice as much each time */
  if (more > left) more = (size_t)left;
  if (buf_more(&r->piece, more) != 0) return no_memory(why);
  if (tempfile_read(&s->file, r->at, r->piece.p + r->piece.n, more, why) != 0) return -1;
  r->piece.n += more;
  r->at += more;
  return 1;
}

/* the first entry of the run that has not been given: 1, 0 at its end */
static int advance(struct sorter *s, struct run *r, struct why *why) {
  for (;;) {
    struct packed from = packed_of(r->piece.p + r->used, r->piece.n - r->used);
    if (packed_left(&from) > 0) {
      struct entry_at e = read_entry(&from);
      if (!from.bad) {
        r->first = e;
        r->used = (size_t)(from.p - r->piece.p);
        return 1;
      }
    }
    int rc = refill(s, r, why);
    if (rc > 0) continue;
    if (rc == 0 && packed_left(&from) > 0) return why_set(why, "what was sorted cannot be read back from disk");
    buf_free(&r->piece);
    return rc;
  }
}

static int earlier(const struct sorter *s, size_t a, size_t b) {
  return compare(s, &s->runs[a].first, &s->runs[b].first) < 0;
}

static void sift_down(struct sorter *s, size_t i) {
  size_t moving = s->heap[i];
  for (size_t child; (child = 2 * i + 1) < s->heaped; i = child) {
    if (child + 1 < s->heaped && earlier(s, s->heap[child + 1], s->heap[child])) child++;
    if (!earlier(s, s->heap[child], moving)) break;
    s->heap[i] = s->heap[child];
  }
  s->heap[i] = moving;
}

/* begin to merge runs first to first + n - 1 */
static int start_merge(struct sorter *s, size_t first, size_t n, struct why *why) {
  free(s->heap);
  s->heaped = 0;
  s->heap = malloc(n * sizeof *s->heap);
  if (!s->heap) return no_memory(why);
  for (size_t i = first; i < first + n; i++) {
    int rc = advance(s, &s->runs[i], why);
    if (rc < 0) return -1;
    if (rc > 0) s->heap[s->heaped++] = i;
  }
  for (size_t i = s->heaped / 2; i-- > 0;) sift_down(s, i);
  return 0;
}

/* the run whose first entry was given goes on */
static int step_merge(struct sorter *s, struct why *why) {
  int rc = advance(s, &s->runs[s->heap[0]], why);
  if (rc < 0) return -1;
  if (rc == 0) s->heap[0] = s->heap[--s->heaped];
  if (s->heaped) sift_down(s, 0);
  return 0;
}

/* the first SORT_FANIN runs become one, at the end */
static int merge_some(struct sorter *s, struct why *why) {
  struct buf out;
  if (start_merge(s, 0, SORT_FANIN, why) != 0) return -1;
  if (!new_run(s)) return no_memory(why);
  buf_heap(&out);
  int rc = 0;
  while (s->heaped > 0 && rc == 0) {
    rc = to_run(s, &s->runs[s->heap[0]].first, &out, why);
    if (rc == 0) rc = step_merge(s, why);
  }
  if (rc == 0) rc = flush(s, &out, 1, why);
  buf_free(&out);
  if (rc != 0) return -1;
  s->runs[s->run_count - 1].end = s->file.end;
  s->run_count -= SORT_FANIN;
  memmove(s->runs, s->runs + SORT_FANIN, s->run_count * sizeof *s->runs);
  return 0;
}

/* ===} {=== the sorter === */

struct sorter *sorter_new(const struct sorter_spec *spec, struct why *why) {
  if (spec->keys > SORTER_KEYS_MOST) return why_set(why, "sorting by more than %d keys", SORTER_KEYS_MOST), NULL;
  struct sorter *s = calloc(1, sizeof *s);
  if (!s) return no_memory(why), NULL;
  s->spec = *spec;
  s->file.fd = -1;
  buf_heap(&s->entries);
  return s;
}

void sorter_clear(struct sorter *s) {
  for (size_t i = 0; i < s->run_count; i++) buf_free(&s->runs[i].piece);
  tempfile_close(&s->file);
  s->run_count = s->in_memory = s->next = s->heaped = 0;
  s->entries.n = 0;
  s->item = s->record = s->count = 0;
  s->phase = FILLING;
}

void sorter_free(struct sorter *s) {
  if (!s) return;
  sorter_clear(s);
  buf_free(&s->entries);
  free(s->index);
  free(s->runs);
  free(s->heap);
  free(s);
}

const struct sorter_spec *sorter_spec(const struct sorter *s) {
  return &s->spec;
}

void sorter_item(struct sorter *s, uint64_t item) {
  s->item = item;
}

uint64_t sorter_count(const struct sorter *s) {
  return s->count;
}

int sorter_spilled(const struct sorter *s) {
  return s->run_count > 0;
}

/* its disk and memory are wanted elsewhere */
static int give_up(struct sorter *s) {
  sorter_clear(s);
  buf_free(&s->entries);
  return -1;
}

static int added(struct sorter *s, struct why *why) {
  s->in_memory++;
  s->count++;
  return s->spec.memory && memory(s) > s->spec.memory && spill(s, why) != 0 ? give_up(s) : 0;
}

int sorter_add(struct sorter *s, const struct value *keys, const void *bytes, size_t n, struct why *why) {
  uint8_t head[2 * PACKED_MOST], *end = packed_write(packed_write(head, s->item), s->record);
  size_t start = s->entries.n, length = (size_t)(end - head);
  if (s->phase != FILLING) return why_set(why, "what is sorted already takes no more");
  /* the length stands before what it is the length of: keys are written behind and moved, for they are short */
  if (buf_add(&s->entries, head, length) != 0) return no_memory(why);
  for (unsigned i = 0; i < s->spec.keys; i++)
    if (packed_put_value(&s->entries, packed_normal(keys[i])) != 0) goto fail;
  length = s->entries.n - start;
  uint8_t width[PACKED_MOST];
  size_t wide = (size_t)(packed_write(width, length + n) - width);
  if (buf_more(&s->entries, wide) != 0) goto fail;
  memmove(s->entries.p + start + wide, s->entries.p + start, length);
  memcpy(s->entries.p + start, width, wide);
  s->entries.n += wide;
  if (buf_add(&s->entries, bytes, n) != 0) goto fail;
  s->record++;
  return added(s, why);
fail:
  s->entries.n = start;
  return no_memory(why);
}

static const char mark[4] = {'s', 'r', 't', 1};

int sorter_encode(struct sorter *s, size_t most, struct buf *out, struct why *why) {
  if (s->run_count) return why_set(why, "what is on disk cannot travel");
  if (buf_add(out, mark, sizeof mark) != 0 || packed_put(out, s->spec.keys) != 0) return no_memory(why);
  if (sort(s, why) != 0) return -1;
  for (size_t i = 0; i < s->in_memory && i < most; i++)
    if (write_entry(&s->index[i], out) != 0) return no_memory(why);
  return 0;
}

int sorter_merge(struct sorter *s, const void *bytes, size_t n, uint64_t item, struct why *why) {
  struct packed from = packed_of(bytes, n);
  struct text text;
  if (s->phase != FILLING) return why_set(why, "what is sorted already takes no more");
  if (n < sizeof mark || memcmp(bytes, mark, sizeof mark) != 0) return why_set(why, "these bytes are nothing to sort");
  from.p += sizeof mark;
  if (packed_get(&from) != s->spec.keys) return why_set(why, "to be sorted by other keys");
  while (packed_left(&from) > 0) {
    struct entry_at e = read_entry(&from);
    if (from.bad || !bytes_of(&e, s->spec.keys, &text)) return why_set(why, "what is to be sorted is damaged");
    if (item != UINT64_MAX) e.item = item;
    if (write_entry(&e, &s->entries) != 0) return no_memory(why);
    if (added(s, why) != 0) return -1;
  }
  return from.bad ? why_set(why, "what is to be sorted is damaged") : 0;
}

/* the end of adding */
static int finish(struct sorter *s, struct why *why) {
  if (s->run_count == 0) {
    s->phase = IN_MEMORY;
    return sort(s, why);
  }
  if (s->in_memory && spill(s, why) != 0) return -1;
  while (s->run_count > SORT_FANIN)
    if (merge_some(s, why) != 0) return -1;
  s->phase = MERGING;
  return start_merge(s, 0, s->run_count, why);
}

static int give(const struct sorter *s, const struct entry_at *e, const void **bytes, size_t *n) {
  struct text text;
  bytes_of(e, s->spec.keys, &text);
  *bytes = text.p;
  *n = text.n;
  return 1;
}

int sorter_next(struct sorter *s, const void **bytes, size_t *n, struct why *why) {
  if (s->phase == FILLING) {
    if (finish(s, why) != 0) return give_up(s);
  } else if (s->phase == MERGING && step_merge(s, why) != 0) { /* past the one given last */
    return -1;
  }
  if (s->phase == IN_MEMORY && s->next < s->in_memory) return give(s, &s->index[s->next++], bytes, n);
  if (s->phase == MERGING && s->heaped > 0) return give(s, &s->runs[s->heap[0]].first, bytes, n);
  sorter_clear(s);
  return 0;
}

/* ===} */
