#include "scan/groups.h"

#include <errno.h>

#include "base/limits.h"

#define ROWS_START 8 /* at 0 means none */

int groups_start(struct groups *g, size_t body, size_t slots, uint64_t seed, struct slabs *slabs) {
  *g = (struct groups){.mask = slots - 1, .used = ROWS_START, .body = body, .seed = seed, .slabs = slabs};
  size_t bytes = slots * sizeof *g->slots;
  g->slots = slabs_take(slabs, bytes);
  if (!g->slots) return -1;
  memset(g->slots, 0, bytes);
  return 0;
}

void groups_end(struct groups *g) {
  if (g->slots) slabs_give(g->slabs, g->slots, (g->mask + 1) * sizeof *g->slots);
  if (g->rows) slabs_give(g->slabs, g->rows, g->room);
  g->slots = NULL;
  g->rows = NULL;
}

void groups_clear(struct groups *g) {
  memset(g->slots, 0, (g->mask + 1) * sizeof *g->slots);
  g->count = 0;
  g->used = ROWS_START;
}

static void place(struct slot *slots, size_t mask, uint64_t hash, uint32_t at) {
  size_t i = hash & mask;
  while (slots[i].at) i = (i + 1) & mask;
  slots[i] = (struct slot){group_tag(hash), at};
}

/* twice the slots; rows are walked in their order, which is that of memory */
static int more_slots(struct groups *g) {
  size_t n = (g->mask + 1) * 2, bytes = n * sizeof *g->slots;
  struct slot *slots = slabs_take(g->slabs, bytes);
  if (!slots) return -1;
  memset(slots, 0, bytes);
  for (struct group *r = NULL; (r = groups_next(g, r));)
    place(slots, n - 1, r->hash, (uint32_t)(((uint8_t *)r - g->rows) / 8));
  slabs_give(g->slabs, g->slots, bytes / 2);
  g->slots = slots;
  g->mask = n - 1;
  return 0;
}

static int more_rows(struct groups *g, size_t size) {
  size_t need = g->used + size;
  if (need > (size_t)UINT32_MAX * 8) {
    errno = ENOMEM;
    return -1;
  }
  uint8_t *rows = slabs_grow(g->slabs, g->rows, g->room, need);
  if (!rows) return -1;
  g->rows = rows;
  g->room = slabs_room(need);
  return 0;
}

struct group *groups_add(struct groups *g, struct key key, uint64_t hash) {
  size_t size = group_size(g, key.n);
  if (g->room - g->used < size || !g->rows) {
    if (more_rows(g, size) != 0) return NULL;
  }
  if ((g->count + 1) * 4 > (g->mask + 1) * 3 && more_slots(g) != 0) return NULL;
  struct group *r = (struct group *)(g->rows + g->used);
  place(g->slots, g->mask, hash, (uint32_t)(g->used / 8));
  memset((uint8_t *)r + size - 8, 0, 8);
  *r = (struct group){.hash = hash, .length = key.n, .shape = key.shape};
  memset(r->body, 0, g->body);
  if (key.n) memcpy(group_key(g, r), key.p, key.n);
  g->used += size;
  g->count++;
  return r;
}

struct group *groups_at_any(struct groups *g, struct key key) {
  uint64_t hash = hash_bytes(key.p, key.n, g->seed);
  struct group *r = groups_find(g, key, hash);
  return r ? r : groups_add(g, key, hash);
}
