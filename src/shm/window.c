/* The queue of ready cells is a ring of cell numbers under two counters, and its claim is a compare-and-swap on the *cell*,
** not on the counter: the swap writes the claimer's number, so there is no moment at which a tasklet is taken and nobody
** knows by whom. `tail` merely follows; a worker killed before it could push tail is overtaken by the next one, which finds
** the ticket gone and pushes for it. (A queue with a lock, PaPy's way, stops for everyone when the holder dies; a counter
** swapped first loses the item.) */
#include "shm/window.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/hostile.h"
#include "base/limits.h"
#include "shm/futex.h"
#include "shm/map.h"

enum { STATE = 255, OWNER_SHIFT = 8, TICKET_SHIFT = 24 };
_Static_assert(sizeof(struct cell) <= 256, "a cell is four cache lines");

static uint64_t pack(uint64_t ticket, uint64_t owner, enum cell_state s) {
  return ticket << TICKET_SHIFT | owner << OWNER_SHIFT | s;
}

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

struct window *window_new(uint32_t cells, uint32_t workers, struct heap *heap, bool unordered, int wake_fd) {
  uint32_t ring = 2; /* twice the cells: room for withdrawn entries no worker has stepped over yet */
  while (ring < 2 * cells) ring *= 2;
  size_t slots_at = round64(sizeof(struct window)), cells_at = slots_at + workers * sizeof(struct slot);
  size_t ring_at = cells_at + cells * sizeof(struct cell), done_at = round64(ring_at + ring * sizeof(uint32_t));
  size_t kept_at = done_at + (cells + 63) / 64 * sizeof(uint64_t), bytes = kept_at + cells * sizeof(uint32_t);
  char *p = map_shared(bytes);
  if (!p) return NULL;
  struct window *w = (struct window *)p;
  w->cells = cells;
  w->workers = workers;
  w->mask = ring - 1;
  w->unordered = unordered;
  w->wake_fd = wake_fd;
  w->bytes = bytes;
  w->heap = heap;
  w->slot = (struct slot *)(p + slots_at);
  w->cell = (struct cell *)(p + cells_at);
  w->ring = (_Atomic uint32_t *)(p + ring_at);
  w->done = (_Atomic uint64_t *)(p + done_at);
  w->kept = (uint32_t *)(p + kept_at);
  return w;
}

void window_delete(struct window *w) {
  if (w) map_free(w, w->bytes);
}

/* ---- host ---- */

static void enqueue(struct window *w, uint32_t cell) {
  uint64_t ticket = atomic_load_explicit(&w->head, memory_order_relaxed);
  atomic_store_explicit(&w->ring[ticket & w->mask], cell, memory_order_relaxed);
  atomic_store_explicit(&w->cell[cell].state, pack(ticket, 0, CELL_READY), memory_order_release);
  hostile_point();
  atomic_store(&w->head, ticket + 1); /* sequentially consistent: a worker about to sleep sees it, or we see it sleep */
}

/* The ring holds twice as many entries as there are cells, so a full one is mostly withdrawn entries no worker has stepped
** over: take every waiting cell back, let tail catch up, and queue them again in their order. */
static void compact(struct window *w) {
  uint64_t head = atomic_load(&w->head);
  uint32_t n = 0;
  for (uint64_t t = atomic_load(&w->tail); t < head; t++) {
    uint32_t c = atomic_load_explicit(&w->ring[t & w->mask], memory_order_relaxed);
    uint64_t ready = pack(t, 0, CELL_READY);
    if (atomic_compare_exchange_strong(&w->cell[c].state, &ready, pack(0, 0, CELL_FREE))) w->kept[n++] = c;
  }
  for (uint64_t t = atomic_load(&w->tail); t < head;)
    if (atomic_compare_exchange_strong(&w->tail, &t, head)) break;
  for (uint32_t i = 0; i < n; i++) enqueue(w, w->kept[i]);
}

void window_submit(struct window *w, uint32_t cell) {
  uint64_t head = atomic_load_explicit(&w->head, memory_order_relaxed);
  if (head - w->tail_seen > w->mask) w->tail_seen = atomic_load(&w->tail);
  if (head - w->tail_seen > w->mask) {
    compact(w);
    w->tail_seen = atomic_load(&w->tail);
  }
  enqueue(w, cell);
}

bool window_withdraw(struct window *w, uint32_t cell) {
  uint64_t s = atomic_load(&w->cell[cell].state);
  return (s & STATE) == CELL_READY && atomic_compare_exchange_strong(&w->cell[cell].state, &s, pack(0, 0, CELL_FREE));
}

bool window_wake(struct window *w) {
  if (atomic_load(&w->awake) >= (int32_t)w->workers) return false;
  for (uint32_t i = 0; i < w->workers; i++) { /* always the lowest: the others may sleep on */
    uint32_t asleep = 1;
    if (atomic_load_explicit(&w->slot[i].asleep, memory_order_relaxed) == 1 &&
        atomic_compare_exchange_strong(&w->slot[i].asleep, &asleep, 0)) {
      futex_wake(&w->slot[i].asleep);
      return true;
    }
  }
  return false;
}

void window_close(struct window *w) {
  atomic_store(&w->closing, 1);
  for (uint32_t i = 0; i < w->workers; i++) {
    atomic_store(&w->slot[i].asleep, 0);
    futex_wake(&w->slot[i].asleep);
  }
}

static void mark_done(struct window *w, uint32_t cell) {
  if (w->unordered) atomic_fetch_or(&w->done[cell / 64], 1ULL << (cell % 64));
}

int window_reclaim(struct window *w, uint32_t n) {
  struct slot *s = &w->slot[n];
  int held = (int)atomic_load(&s->cell) - 1;
  if (held < 0) /* it may have died between its claim and writing its slot */
    for (uint32_t c = 0; c < w->cells && held < 0; c++)
      if (cell_state(&w->cell[c]) == CELL_TAKEN && cell_owner(&w->cell[c]) == n) held = (int)c;
  if (atomic_load(&s->started) && !atomic_load(&s->asleep)) atomic_fetch_sub(&w->awake, 1);
  atomic_store(&s->asleep, 0);
  atomic_store(&s->cell, 0);
  atomic_store(&s->started, 0);
  if (held < 0) return -1;
  struct cell *c = &w->cell[held];
  if (cell_state(c) == CELL_TAKEN && cell_owner(c) == n) return held;
  mark_done(w, (uint32_t)held); /* it died after DONE, perhaps before telling so: look at it (again) */
  atomic_fetch_add(&w->moved, 1);
  return -1;
}

bool window_disown(struct window *w, uint32_t cell) {
  uint64_t s = atomic_load(&w->cell[cell].state);
  return (s & STATE) == CELL_TAKEN &&
         atomic_compare_exchange_strong(&w->cell[cell].state, &s, pack(0, 0xffff, CELL_TAKEN));
}

void window_finish(struct window *w, uint32_t cell) {
  atomic_store(&w->cell[cell].state, pack(0, 0, CELL_DONE));
  mark_done(w, cell);
  atomic_fetch_add(&w->moved, 1);
}

int window_done(struct window *w, uint32_t *scan) {
  uint32_t words = (w->cells + 63) / 64;
  for (; *scan < words; ++*scan) {
    uint64_t bits = atomic_load(&w->done[*scan]);
    if (!bits) continue;
    int bit = __builtin_ctzll(bits);
    atomic_fetch_and(&w->done[*scan], ~(1ULL << bit));
    return (int)(*scan * 64) + bit;
  }
  *scan = 0;
  return -1;
}

/* ---- worker ---- */

/* claim the oldest ready cell; -1 when there is none */
static int claim(struct window *w, uint32_t n) {
  for (;;) {
    uint64_t t = atomic_load(&w->tail);
    if (t == atomic_load(&w->head)) return -1;
    uint32_t c = atomic_load_explicit(&w->ring[t & w->mask], memory_order_relaxed);
    uint64_t ready = pack(t, 0, CELL_READY);
    bool mine = c < w->cells && atomic_load_explicit(&w->cell[c].state, memory_order_relaxed) == ready &&
                atomic_compare_exchange_strong(&w->cell[c].state, &ready, pack(t, n, CELL_TAKEN));
    if (mine) hostile_point(); /* who only steps over an old entry must get on: else all die at the same one */
    atomic_compare_exchange_strong(&w->tail, &t, t + 1);
    hostile_point();
    if (mine) {
      int64_t now = clock_ns();
      w->cell[c].taken = w->slot[n].since = now;
      atomic_store_explicit(&w->cell[c].since, now, memory_order_relaxed);
      /* after `since`, else the host would judge this tasklet by the time of the cell's last one */
      atomic_store_explicit(&w->slot[n].cell, c + 1, memory_order_release);
      return (int)c;
    }
  }
}

/* may one more process spin without taking the core of one that computes? */
static bool core_free(struct window *w) {
  return atomic_load_explicit(&w->awake, memory_order_relaxed) < cpus_usable();
}

/* Wait a little for a cell while a core is free. Only `head` is watched: a claim would fight the host for its line. */
static int watch(struct window *w, uint32_t n, int64_t ns) {
  int64_t until = 0;
  uint64_t seen = atomic_load(&w->head);
  if (atomic_load(&w->tail) != seen) return claim(w, n);
  for (uint32_t i = 1;; i++) {
    relax();
    if (atomic_load_explicit(&w->head, memory_order_relaxed) != seen) {
      int c = claim(w, n);
      if (c >= 0) return c;
      seen = atomic_load(&w->head);
    }
    if (i % 32) continue;
    int64_t now = clock_ns();
    if (!until) until = now + ns;
    if (now > until || !core_free(w) || atomic_load(&w->closing)) return -1;
  }
}

static int spin(struct window *w, uint32_t n) {
  struct slot *s = &w->slot[n];
  if (!core_free(w) || atomic_load(&w->closing)) return -1;
  int c = watch(w, n, s->spin ? s->spin : WORKER_SPIN_NS);
  s->spin = spin_next(s->spin ? s->spin : WORKER_SPIN_NS, c >= 0, WORKER_SPIN_NS, LEAST_SPIN_NS);
  return c;
}

static void sleep_until_woken(struct window *w, uint32_t n) {
  struct slot *s = &w->slot[n];
  atomic_fetch_sub(&w->awake, 1);
  atomic_store(&s->asleep, 1);
  hostile_point();
  /* look once more: who submitted before seeing us asleep has not woken us */
  if (atomic_load(&w->head) == atomic_load(&w->tail) && !atomic_load(&w->closing))
    while (atomic_load(&s->asleep)) futex_wait(&s->asleep, 1);
  atomic_store(&s->asleep, 0);
  atomic_fetch_add(&w->awake, 1);
}

int window_take(struct window *w, uint32_t n) {
  struct slot *s = &w->slot[n];
  if (!atomic_load(&s->started)) { /* in this order: who dies between has been counted too little, which wakes too often */
    atomic_store(&s->started, clock_ns());
    atomic_fetch_add(&w->awake, 1);
  }
  for (;;) {
    int c = claim(w, n);
    if (c < 0) c = spin(w, n);
    if (c >= 0) return c;
    if (atomic_load(&w->closing) && atomic_load(&w->head) == atomic_load(&w->tail)) return -1;
    sleep_until_woken(w, n);
  }
}

static bool change(struct window *w, uint32_t n, uint32_t cell, enum cell_state from, enum cell_state to) {
  uint64_t s = atomic_load(&w->cell[cell].state);
  return (s & STATE) == from && (s >> OWNER_SHIFT & 0xffff) == n &&
         atomic_compare_exchange_strong(&w->cell[cell].state, &s, (s & ~(uint64_t)STATE) | to);
}

bool window_write(struct window *w, uint32_t n, uint32_t cell) { return change(w, n, cell, CELL_TAKEN, CELL_WRITING); }
void window_written(struct window *w, uint32_t n, uint32_t cell) { change(w, n, cell, CELL_WRITING, CELL_TAKEN); }

static void wake_host(struct window *w) {
  uint32_t asleep = 1;
  uint64_t one = 1;
  if (!atomic_load(&w->host_asleep) || !atomic_compare_exchange_strong(&w->host_asleep, &asleep, 0)) return;
  if (write(w->wake_fd, &one, sizeof one) < 0) { /* the counter is full: the host is awake anyway */
  }
}

void window_poke(struct window *w) {
  atomic_fetch_add(&w->moved, 1);
  wake_host(w);
}

bool window_complete(struct window *w, uint32_t n, uint32_t cell) {
  struct cell *c = &w->cell[cell];
  struct slot *s = &w->slot[n];
  int64_t now = c->done = clock_ns();
  uint64_t mine = atomic_load_explicit(&c->state, memory_order_relaxed);
  bool kept = (mine >> OWNER_SHIFT & 0xffff) == n && (mine & STATE) == CELL_TAKEN &&
              atomic_compare_exchange_strong(&c->state, &mine, (mine & ~(uint64_t)STATE) | CELL_DONE);
  hostile_point();
  if (!kept) return false; /* given up: the slot, too, is somebody else's by now */
  s->working += now - s->since;
  mark_done(w, cell);
  hostile_point();
  atomic_fetch_add(&w->moved, 1);
  hostile_point();
  wake_host(w);
  atomic_store_explicit(&s->cell, 0, memory_order_relaxed);
  return true;
}
