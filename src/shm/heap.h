/* heap: payload blocks in one shared reservation, taken and returned by any process without a lock.
**
** A ref is an offset, so it means the same in every process forked after heap_new. Blocks are counted: the host may
** hold one more than once (a result with several readers). Free blocks of one size class form a stack; taking and
** returning is one compare-and-swap, so that a process killed anywhere leaves the heap whole (at worst the one block it
** was about to write down is lost until the heap goes). */
#ifndef PAPY_SHM_HEAP_H
#define PAPY_SHM_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap;
typedef uint64_t ref; /* 0: none */

struct heap *heap_new(void); /* NULL with errno */
void heap_delete(struct heap *h);
/* a block of at least n bytes, held once; 0 when the reservation is used up */
ref heap_take(struct heap *h, size_t n);
void heap_hold(struct heap *h, ref r);
/* give back one hold; 0 is allowed */
void heap_drop_block(struct heap *h, ref r);
static inline void heap_drop(struct heap *h, ref r) {
  if (r) heap_drop_block(h, r);
}
/* usable bytes of a block */
size_t heap_size(const struct heap *h, ref r);
static inline void *heap_at(struct heap *h, ref r) { return (char *)h + r; }
/* bytes in blocks that somebody holds (for tests and stats) */
uint64_t heap_held(const struct heap *h);

#endif
