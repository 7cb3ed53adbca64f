#include "runtime/shelf.h"

#include <stdlib.h>

#include "base/limits.h"

struct page {
  struct page *next;
  uint32_t n;
  uint64_t index[PAGE_ITEMS];
  struct payload run;
  size_t bytes; /* of the items, blocks included */
};

bool shelf_start(struct shelf *s, struct pool *p, uint32_t task, uint32_t readers) {
  *s = (struct shelf){.pool = p, .task = task, .readers = readers, .open = readers};
  s->reader = calloc(readers, sizeof *s->reader);
  for (uint32_t r = 0; s->reader && r < readers; r++) s->reader[r].open = true;
  return s->reader != NULL;
}

static void drop_first(struct shelf *s) {
  struct page *page = s->first;
  s->first = page->next;
  if (!s->first) s->last = NULL;
  payload_clear(pool_heap(s->pool), &page->run);
  free(page);
}

void shelf_end(struct shelf *s) {
  while (s->first) drop_first(s);
  free(s->reader);
  *s = (struct shelf){0};
}

/* ---- pages ---- */

static bool is_read(const struct shelf *s, const struct page *page) {
  for (uint32_t r = 0; r < s->readers; r++)
    if (s->reader[r].page == page) return true;
  return false;
}

static void drop_read(struct shelf *s) {
  while (s->first && !is_read(s, s->first)) drop_first(s);
}

static bool is_full(const struct page *page) { return page->n == PAGE_ITEMS || page->bytes >= PAGE_BYTES; }

static struct page *page_with_room(struct shelf *s) {
  if (s->last && !is_full(s->last)) return s->last;
  struct page *page = calloc(1, sizeof *page);
  if (!page) return NULL;
  payload_init(&page->run);
  *(s->last ? &s->last->next : &s->first) = page;
  return s->last = page;
}

/* append the frame, and its request if it is a fault */
static bool put(struct shelf *s, const struct frame *f, uint64_t index) {
  struct heap *h = pool_heap(s->pool);
  struct page *page = page_with_room(s);
  if (!page) return false;
  size_t at = page->run.n;
  struct frame request = {0};
  bool good = payload_relay(h, &page->run, f) == 0;
  if (good && f->kind & FRAME_FAULT) {
    if (!pool_due_request(s->pool, s->task, &request)) request = (struct frame){.body = (const uint8_t *)""};
    good = payload_relay(h, &page->run, &request) == 0;
  }
  if (!good) {
    payload_cut(h, &page->run, at);
    return false;
  }
  for (uint32_t r = 0; r < s->readers; r++)
    if (s->reader[r].open && !s->reader[r].page) s->reader[r] = (struct shelf_reader){page, page->n, at, true};
  page->index[page->n++] = index;
  page->bytes += f->len;
  return true;
}

/* one result out of the window; false: there is none, or no memory */
static bool aside(struct shelf *s) {
  struct frame f;
  uint64_t index;
  if (!pool_due(s->pool, s->task, &f, &index)) return false;
  if (s->open && !put(s, &f, index)) return false;
  pool_took(s->pool, s->task, f.kind & FRAME_ERROR);
  return true;
}

uint32_t shelf_aside(struct shelf *s) {
  uint32_t n = 0;
  while (aside(s)) n++;
  return n;
}

static void pass(struct shelf *s, struct shelf_reader *r, size_t size, uint32_t n) {
  struct page *page = r->page;
  r->at += size;
  r->item += n;
  if (r->item < page->n) return;
  if (page->next) {
    *r = (struct shelf_reader){page->next, 0, 0, true};
  } else {
    r->page = NULL;
  }
  drop_read(s);
}

/* ---- readers ---- */

/* how far a reader is: of two on one page the later item, else the later page, and the window after all pages */
static bool is_ahead(const struct shelf_reader *a, const struct shelf_reader *b) {
  if (a->page == b->page) return a->item > b->item;
  if (!a->page || !b->page) return !a->page;
  for (const struct page *p = b->page; p; p = p->next)
    if (p == a->page) return true;
  return false;
}

int shelf_reader(struct shelf *s) {
  struct shelf_reader new = {.open = true}, *more = realloc(s->reader, (s->readers + 1) * sizeof *more);
  if (!more) return -1;
  s->reader = more;
  bool first = true;
  for (uint32_t r = 0; r < s->readers; r++) {
    if (!more[r].open) continue;
    if (first || is_ahead(&more[r], &new)) new = more[r];
    first = false;
  }
  more[s->readers] = new;
  s->open++;
  return (int)s->readers++;
}

void shelf_close(struct shelf *s, uint32_t reader) {
  struct shelf_reader *r = &s->reader[reader];
  if (!r->open) return;
  *r = (struct shelf_reader){0};
  s->open--;
  drop_read(s);
}

/* ---- reading ---- */

/* does this reader read from a page? Results of several readers leave the window before they are read. */
static bool on_page(struct shelf *s, struct shelf_reader *r) {
  if (!r->page && s->open > 1 && r->open) aside(s);
  return r->page;
}

bool shelf_due(struct shelf *s, uint32_t reader, struct frame *result, uint64_t *index) {
  struct shelf_reader *r = &s->reader[reader];
  if (!on_page(s, r)) return r->open && s->open == 1 && pool_due(s->pool, s->task, result, index);
  *index = r->page->index[r->item];
  return frame_read(pool_heap(s->pool), &r->page->run, r->at, result);
}

bool shelf_request(struct shelf *s, uint32_t reader, struct frame *request) {
  struct shelf_reader *r = &s->reader[reader];
  struct frame f;
  if (!r->page) return pool_due_request(s->pool, s->task, request);
  return frame_read(pool_heap(s->pool), &r->page->run, r->at, &f) && (f.kind & FRAME_FAULT) &&
         frame_read(pool_heap(s->pool), &r->page->run, r->at + f.size, request);
}

void shelf_took(struct shelf *s, uint32_t reader, bool failed) {
  struct shelf_reader *r = &s->reader[reader];
  struct frame f, request;
  if (!r->page) {
    pool_took(s->pool, s->task, failed);
    return;
  }
  size_t size = 0;
  if (shelf_request(s, reader, &request)) size = request.size;
  if (frame_read(pool_heap(s->pool), &r->page->run, r->at, &f)) size += f.size;
  pass(s, r, size, 1);
}

uint32_t shelf_due_run(struct shelf *s, uint32_t reader, uint32_t most, struct run *run, uint64_t *index) {
  struct shelf_reader *r = &s->reader[reader];
  struct frame f;
  while (s->open > 1 && (!r->page || r->page == s->last) && aside(s) && s->last->n < most) continue;
  if (!on_page(s, r)) return r->open && s->open == 1 ? pool_due_run(s->pool, s->task, most, run, index) : 0;
  uint32_t left = r->page->n - r->item;
  if (most > left) most = left;
  *index = r->page->index[r->item];
  *run = (struct run){.of = &r->page->run, .at = r->at, .end = r->at};
  while (run->n < most && frame_read(pool_heap(s->pool), run->of, run->end, &f) && !(f.kind & FRAME_FAULT)) {
    run->end += f.size;
    run->n++;
    run->failed += f.kind & FRAME_ERROR;
  }
  return run->n;
}

void shelf_took_run(struct shelf *s, uint32_t reader, const struct run *run) {
  struct shelf_reader *r = &s->reader[reader];
  if (r->page)
    pass(s, r, run->end - run->at, run->n);
  else
    pool_took_run(s->pool, s->task, run);
}

bool shelf_finished(const struct shelf *s, uint32_t reader) {
  const struct shelf_reader *r = &s->reader[reader];
  return !r->open || (!r->page && pool_finished(s->pool, s->task));
}

bool shelf_waiting(struct shelf *s, uint32_t reader) {
  const struct shelf_reader *r = &s->reader[reader];
  return r->open && (r->page || pool_waiting(s->pool, s->task));
}
