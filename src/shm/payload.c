#include "shm/payload.h"

#include <errno.h>
#include <string.h>

#include "base/hostile.h"

enum { HEADER = 8 };

static size_t pad8(size_t n) { return (n + 7) & ~(size_t)7; }

void payload_init(struct payload *p) {
  p->n = 0;
  p->block = 0;
}

static size_t capacity(struct heap *h, struct payload *p) { return p->block ? heap_size(h, p->block) : CELL_INLINE; }

/* make room for `need` bytes in all, keeping the first `keep`. The new block is written down before the old one is
** dropped, so a death between leaves one of them to be found. */
static int reserve(struct heap *h, struct payload *p, size_t need, size_t keep) {
  size_t cap = capacity(h, p);
  if (need <= cap) return 0;
  ref old = p->block, new = heap_take(h, need < 2 * cap ? 2 * cap : need);
  if (!new) return -1;
  memcpy(heap_at(h, new), payload_at(h, p), keep);
  __atomic_store_n(&p->block, new, __ATOMIC_RELEASE); /* not before its bytes: the writer may be killed here */
  heap_drop(h, old);
  return 0;
}

void payload_room(struct heap *h, struct payload *p, size_t n) { (void)!reserve(h, p, p->n + n, p->n); }

static void put_header(uint8_t *at, uint64_t len, unsigned kind) {
  uint64_t header = len << 12 | kind; /* a step, if any, is in it */
  memcpy(at, &header, HEADER);
}

static size_t body_size(uint64_t len, unsigned kind) {
  if (kind & FRAME_LIST) return 0;
  if (kind & FRAME_FAULT) return sizeof(struct fault);
  return kind & FRAME_OUT ? sizeof(ref) : pad8(len);
}

/* what a writer never puts together: a list is nothing else, a fault is always an error and never out of line */
static bool sound(unsigned kind) {
  if (kind & FRAME_LIST) return kind == FRAME_LIST;
  return !(kind & FRAME_FAULT) || kind == (FRAME_FAULT | FRAME_ERROR);
}

static bool read_one(struct heap *h, const uint8_t *p, size_t left, struct frame *f) {
  uint64_t header;
  if (left < HEADER) return false;
  memcpy(&header, p, HEADER);
  f->kind = header & 15;
  f->step = header >> 4 & STEP_MOST;
  f->len = header >> 12;
  if (!sound(f->kind)) return false;
  if (!(f->kind & (FRAME_OUT | FRAME_LIST | FRAME_FAULT)) && f->len > left - HEADER) return false;
  f->size = HEADER + body_size(f->len, f->kind);
  if (f->size > left) return false;
  f->body = p + HEADER;
  f->block = 0;
  if (f->kind & FRAME_OUT) {
    memcpy(&f->block, f->body, sizeof f->block);
    f->body = heap_at(h, f->block);
  }
  return true;
}

bool frame_read(struct heap *h, struct payload *p, size_t at, struct frame *f) {
  if (at >= p->n) return false;
  const uint8_t *start = payload_at(h, p) + at;
  size_t left = p->n - at;
  if (!read_one(h, start, left, f)) return false;
  if (f->kind & FRAME_LIST) { /* its size is that of its parts as well */
    struct frame part;
    size_t size = HEADER;
    for (uint64_t i = 0; i < f->len; i++) {
      if (!read_one(h, start + size, left - size, &part) || part.kind & FRAME_LIST) return false;
      size += part.size;
    }
    f->size = size;
  }
  return true;
}

bool frame_part(struct heap *h, const struct frame *list, size_t *at, struct frame *part) {
  if (!read_one(h, list->body + *at, list->size - HEADER - *at, part)) return false;
  *at += part->size;
  return true;
}

uint32_t payload_count(struct heap *h, struct payload *p) {
  struct frame f;
  uint32_t count = 0;
  for (size_t at = 0; frame_read(h, p, at, &f); at += f.size) count++;
  return count;
}

/* in this order: whoever finds a ref in *loose after the writer's death drops the block */
static void forget(struct heap *h, ref *loose) {
  ref r = *loose;
  *loose = 0;
  heap_drop(h, r);
}

void payload_rescue(struct heap *h, struct payload *p, ref *loose) {
  struct frame f;
  bool owned = false;
  for (size_t at = 0; *loose && frame_read(h, p, at, &f); at += f.size) owned = owned || f.block == *loose;
  if (owned)
    *loose = 0;
  else
    forget(h, loose);
}

/* drop what the frames from offset `at` on own, header by header: a list that was broken off lacks some of its parts */
static void drop_frames(struct heap *h, struct payload *p, size_t at) {
  struct frame f;
  for (; at < p->n && read_one(h, payload_at(h, p) + at, p->n - at, &f); at += f.size) heap_drop(h, f.block);
}

void payload_cut(struct heap *h, struct payload *p, uint64_t n) {
  if (n >= p->n) return;
  drop_frames(h, p, n);
  p->n = n;
}

void payload_clear(struct heap *h, struct payload *p) {
  payload_cut(h, p, 0);
  heap_drop(h, p->block);
  p->block = 0;
}

void payload_move(struct payload *to, struct payload *from) {
  to->n = from->n;
  to->block = from->block;
  if (!from->block) memcpy(to->in, from->in, from->n);
  payload_init(from);
}

/* the committed length comes last: whoever finds it sees whole frames */
static void commit(struct payload *p, uint64_t n) {
  hostile_point();
  __atomic_store_n(&p->n, n, __ATOMIC_RELEASE);
  hostile_point();
}

/* append a frame with a short body that needs no encoding */
static int append(struct heap *h, struct payload *p, unsigned kind, uint64_t len, const void *body, size_t size) {
  if (reserve(h, p, p->n + HEADER + pad8(size), p->n) != 0) return -1;
  uint8_t *at = payload_at(h, p) + p->n;
  put_header(at, len, kind);
  if (size) memcpy(at + HEADER, body, size);
  commit(p, p->n + HEADER + pad8(size));
  return 0;
}

int payload_fault(struct heap *h, struct payload *p, const struct fault *f, unsigned step) {
  return append(h, p, FRAME_FAULT | frame_error(step), 0, f, sizeof *f);
}

int payload_list(struct heap *h, struct payload *p, unsigned parts) {
  return append(h, p, FRAME_LIST, parts, NULL, 0);
}

int payload_relay(struct heap *h, struct payload *p, const struct frame *f) {
  if (f->kind & FRAME_OUT) {
    if (append(h, p, f->kind | f->step << 4, f->len, &f->block, sizeof f->block) != 0) return -1;
    heap_hold(h, f->block);
    return 0;
  }
  if (f->kind & FRAME_LIST) {
    size_t start = p->n;
    struct frame part;
    if (payload_list(h, p, (unsigned)f->len) != 0) return -1;
    for (size_t at = 0; frame_part(h, f, &at, &part);)
      if (payload_relay(h, p, &part) != 0) {
        payload_cut(h, p, start);
        return -1;
      }
    return 0;
  }
  return append(h, p, f->kind | f->step << 4, f->len, f->body, f->kind & FRAME_FAULT ? sizeof(struct fault) : f->len);
}

int payload_relay_run(struct heap *h, struct payload *p, struct payload *from, size_t at, size_t end) {
  struct frame f;
  size_t n = p->n, size = end - at;
  if (reserve(h, p, n + size, n) != 0) return -1;
  memcpy(payload_at(h, p) + n, payload_at(h, from) + at, size);
  for (size_t i = at; i < end && read_one(h, payload_at(h, from) + i, end - i, &f); i += f.size)
    if (f.block) heap_hold(h, f.block);
  commit(p, n + size);
  return 0;
}

/* let `bytes` use what the run has room for behind the open frame's header */
static void aim(struct writer *w) {
  size_t room = capacity(w->heap, w->to) - w->start - HEADER;
  w->bytes.p = payload_at(w->heap, w->to) + w->start + HEADER;
  w->bytes.cap = room < FRAME_INLINE ? room : FRAME_INLINE;
}

static int grow(struct buf *b, size_t need) {
  struct writer *w = b->owner;
  if (!w->out && need <= FRAME_INLINE) {
    if (reserve(w->heap, w->to, w->start + HEADER + pad8(need), w->start + HEADER + b->n) != 0) return -1;
    aim(w);
    return 0;
  }
  ref old = *w->loose, new = heap_take(w->heap, w->out && need < 2 * b->cap ? 2 * b->cap : need);
  if (!new) return -1;
  memcpy(heap_at(w->heap, new), b->p, b->n);
  *w->loose = new;
  heap_drop(w->heap, old);
  b->p = heap_at(w->heap, new);
  b->cap = heap_size(w->heap, new);
  w->out = true;
  return 0;
}

int frame_begin(struct writer *w, struct heap *h, struct payload *p, ref *loose) {
  *w = (struct writer){.bytes = {.grow = grow, .owner = w}, .heap = h, .to = p, .loose = loose, .start = p->n};
  forget(h, loose);
  if (reserve(h, p, p->n + HEADER + sizeof(ref), p->n) != 0) return -1;
  aim(w);
  return 0;
}

void frame_commit(struct writer *w, unsigned kind) {
  uint8_t *at = payload_at(w->heap, w->to) + w->start;
  uint64_t n = w->start + HEADER;
  if (w->out) {
    put_header(at, w->bytes.n, kind | FRAME_OUT);
    memcpy(at + HEADER, w->loose, sizeof(ref));
    n += sizeof(ref);
  } else {
    put_header(at, w->bytes.n, kind);
    n += pad8(w->bytes.n);
  }
  commit(w->to, n);
  if (w->out) *w->loose = 0;
}

void frame_cancel(struct writer *w) { forget(w->heap, w->loose); }
