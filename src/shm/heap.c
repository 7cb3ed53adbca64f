/* The reservation starts with this struct; blocks follow, each with a 64-byte aligned start and 16 bytes of head:
**
**   | heap | head payload........ | head payload... | ........ top ->            reserved, untouched |
**
** Sizes come in four steps per doubling (at most 25 % waste); a block keeps its class for good, so nothing is ever
** split or joined and no operation needs more than one word. Address space is plenty: one class may stand empty while
** another grows.
**
** Who writes what: `top` and `free[]` by compare-and-swap from any process. A block's `class` by the one who carved it.
** `next` by the one who returns it, before the swap that publishes it. `holds` by whoever holds the block; the worker
** that made it hands it over with the cell's state (release), after which only the host counts. A stack word carries a
** 30-bit tag that changes with every push and pop: a process that slept between reading the top and swapping it
** fails, unless exactly 2^30 operations on that class came between. `next` of a block somebody else has just taken may be read:
** the memory stays mapped, and the swap then fails. */
#include "shm/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "shm/map.h"

enum { CLASSES = 4 * 36, UNIT = 64, HEAD = 16 };
#define INDEX_BITS 34
#define INDEX_MASK ((1ULL << INDEX_BITS) - 1)

struct heap {
  uint64_t size;
  _Atomic uint64_t top;
  _Atomic uint64_t held, warm;
  _Alignas(64) _Atomic uint64_t free[CLASSES];
};

struct block {
  _Atomic uint32_t next; /* in units of 64 bytes, low 32 bits; the two high bits are in `high` */
  uint16_t class;
  uint8_t high;
  uint8_t cold; /* its pages were given back */
  _Atomic uint32_t holds;
  uint32_t spare;
};
_Static_assert(sizeof(struct block) == HEAD, "a block's head is 16 bytes");

static uint64_t class_bytes(int c) { return ((uint64_t)HEAP_SMALLEST << (c / 4)) / 4 * (4 + c % 4); }

/* rounded so that every block starts on a cache line */
static uint64_t class_stride(int c) { return (class_bytes(c) + UNIT - 1) & ~(uint64_t)(UNIT - 1); }

static int class_of(uint64_t total) {
  if (total <= HEAP_SMALLEST) return 0;
  uint64_t units = (total - 1) / HEAP_SMALLEST; /* >= 1 when total > smallest, else 0 */
  int e = units ? 63 - __builtin_clzll(units) : 0, c = 4 * e;
  while (class_bytes(c) < total) c++;
  return c;
}

static struct block *block_of(const struct heap *h, ref r) { return (struct block *)((char *)h + r - HEAD); }

struct heap *heap_new(void) {
  size_t got;
  struct heap *h = map_reserve(RESERVE_BYTES, 1 << 20, &got);
  if (!h) return NULL;
  h->size = got;
  atomic_store(&h->top, (sizeof *h + UNIT - 1) & ~(uint64_t)(UNIT - 1));
  return h;
}

void heap_delete(struct heap *h) {
  if (h) map_free(h, h->size);
}

static ref pop(struct heap *h, int c) {
  uint64_t old = atomic_load_explicit(&h->free[c], memory_order_acquire);
  for (;;) {
    uint64_t index = old & INDEX_MASK;
    if (index == 0) return 0;
    struct block *b = (struct block *)((char *)h + index * UNIT);
    uint64_t next = atomic_load_explicit(&b->next, memory_order_relaxed) | (uint64_t)(b->high & 3) << 32;
    uint64_t new = ((old >> INDEX_BITS) + 1) << INDEX_BITS | next;
    if (atomic_compare_exchange_weak(&h->free[c], &old, new)) return index * UNIT + HEAD;
  }
}

static void push(struct heap *h, int c, struct block *b) {
  uint64_t index = (uint64_t)((char *)b - (char *)h) / UNIT;
  uint64_t old = atomic_load_explicit(&h->free[c], memory_order_relaxed), new;
  do {
    atomic_store_explicit(&b->next, (uint32_t)old, memory_order_relaxed);
    b->high = (old & INDEX_MASK) >> 32;
    new = ((old >> INDEX_BITS) + 1) << INDEX_BITS | index;
  } while (!atomic_compare_exchange_weak(&h->free[c], &old, new));
}

static ref carve(struct heap *h, int c) {
  uint64_t n = class_stride(c), at = atomic_load(&h->top);
  do {
    if (n > h->size || at > h->size - n) {
      errno = ENOMEM;
      return 0;
    }
  } while (!atomic_compare_exchange_weak(&h->top, &at, at + n));
  struct block *b = (struct block *)((char *)h + at);
  b->class = (uint16_t)c;
  b->cold = 1;
  return at + HEAD;
}

ref heap_take(struct heap *h, size_t n) {
  if (n > h->size - HEAD) {
    errno = ENOMEM;
    return 0;
  }
  int c = class_of(n + HEAD);
  if (c >= CLASSES) {
    errno = ENOMEM;
    return 0;
  }
  ref r = pop(h, c);
  if (!r && !(r = carve(h, c))) return 0;
  struct block *b = block_of(h, r);
  if (!b->cold) atomic_fetch_sub_explicit(&h->warm, class_bytes(c), memory_order_relaxed);
  atomic_store_explicit(&b->holds, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&h->held, class_bytes(c), memory_order_relaxed);
  return r;
}

void heap_hold(struct heap *h, ref r) {
  if (r) atomic_fetch_add_explicit(&block_of(h, r)->holds, 1, memory_order_relaxed);
}

void heap_drop_block(struct heap *h, ref r) {
  struct block *b = block_of(h, r);
  uint32_t holds = atomic_fetch_sub_explicit(&b->holds, 1, memory_order_acq_rel);
  assert(holds > 0);
  if (holds > 1) return;
  uint64_t n = class_bytes(b->class);
  atomic_fetch_sub_explicit(&h->held, n, memory_order_relaxed);
  uint64_t warm = atomic_fetch_add_explicit(&h->warm, n, memory_order_relaxed);
  b->cold = n >= (64 << 10) && warm + n > WARM_BYTES;
  if (b->cold) {
    map_drop((char *)b + HEAD, n - HEAD);
    atomic_fetch_sub_explicit(&h->warm, n, memory_order_relaxed);
  }
  push(h, b->class, b);
}

size_t heap_size(const struct heap *h, ref r) { return class_bytes(block_of(h, r)->class) - HEAD; }

uint64_t heap_held(const struct heap *h) { return atomic_load(&((struct heap *)h)->held); }
