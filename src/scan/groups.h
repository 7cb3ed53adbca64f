/* groups: a hash table from keys (bytes) to rows of a fixed size.
**
**     slots   | tag at | tag at | ...        open addressing, one step at a time; at 0: free
**     rows    | 8 bytes | hash length shape body... key... pad | hash length shape body... key... pad | ...
**                         ^ at * 8
** A row is one run of bytes, so that finding a group touches one place of the slots and one of the rows; rows stand in
** the order in which their keys were first seen, which is the order of iteration. Keys are the same when bytes and
** shape are; behind a key are zeros up to the next multiple of 8. `body` bytes belong to the caller: zero in a new row,
** aligned to 8, moved by memcpy when the table grows. So pointers to rows are valid until the next groups_at. The 32 bits of `at` reach 32 GiB; a table beyond is refused
** as out of memory (tallies have moved to disk long before). */
#ifndef PAPY_SCAN_GROUPS_H
#define PAPY_SCAN_GROUPS_H

#include <stdint.h>

#include "scan/slabs.h"
#include "scan/hash.h"

#define CACHE_LINE 64

struct group {
  uint64_t hash;
  uint32_t length; /* of the key */
  uint32_t shape;  /* the caller's: what kind of key */
  uint64_t body[];
};

struct slot {
  uint32_t tag, at;
};

struct groups {
  struct slot *slots;
  uint8_t *rows;
  size_t mask; /* slots - 1 */
  size_t count, used, room;
  size_t body;
  uint64_t seed;
  struct slabs *slabs;
};

struct key { /* 16 bytes, which go in registers */
  const uint8_t *p;
  uint32_t n, shape;
};

/* body: a multiple of 8; slots: a power of two, for a start. Memory is taken from slabs, which outlive the table. 0, or -1
** with errno */
int groups_start(struct groups *g, size_t body, size_t slots, uint64_t seed, struct slabs *slabs);
/* give the memory back; a table whose slabs are reset or freed as a whole need not */
void groups_end(struct groups *g);
/* no groups; memory is kept */
void groups_clear(struct groups *g);

/* bytes that the table takes */
static inline size_t groups_memory(const struct groups *g) {
  return g->used + (g->mask + 1) * sizeof(struct slot);
}

static inline size_t group_size(const struct groups *g, size_t length) {
  return (sizeof(struct group) + g->body + length + 7) & ~(size_t)7;
}
static inline struct group *group_at(const struct groups *g, uint32_t at) {
  return (struct group *)(g->rows + (size_t)at * 8);
}
static inline uint8_t *group_key(const struct groups *g, const struct group *r) {
  return (uint8_t *)r->body + g->body;
}
static inline uint32_t group_tag(uint64_t hash) {
  return (uint32_t)(hash >> 32);
}

/* a new row for a key that is not there; NULL with errno when memory is out */
struct group *groups_add(struct groups *g, struct key key, uint64_t hash);

/* the row of the key, NULL when there is none */
static inline struct group *groups_find(const struct groups *g, struct key key, uint64_t hash) {
  uint32_t tag = group_tag(hash);
  for (size_t i = hash & g->mask;; i = (i + 1) & g->mask) {
    struct slot s = g->slots[i];
    if (s.at == 0) return NULL;
    if (s.tag != tag) continue;
    struct group *r = group_at(g, s.at);
    if (r->length == key.n && r->shape == key.shape && hash_same(group_key(g, r), key.p, key.n)) return r;
  }
}

/* the same for a key of 1 to 8 bytes: most keys of logs are that short, and one comparison of words tells them apart */
static inline struct group *groups_find_word(const struct groups *g, struct key key, uint64_t word, uint64_t hash) {
  uint32_t tag = group_tag(hash);
  for (size_t i = hash & g->mask;; i = (i + 1) & g->mask) {
    struct slot s = g->slots[i];
    if (s.at == 0) return NULL;
    if (s.tag != tag) continue;
    struct group *r = group_at(g, s.at);
    if (r->length == key.n && word_load(group_key(g, r)) == word && r->shape == key.shape) return r;
  }
}

/* the row of the key, made when there is none; NULL with errno when memory is out */
struct group *groups_at_any(struct groups *g, struct key key);
static inline struct group *groups_at(struct groups *g, struct key key) {
  if (key.n - 1 >= 8) return groups_at_any(g, key);
  uint64_t word = word_of(key.p, key.n), hash = hash_word(key.n, word, g->seed);
  struct group *r = groups_find_word(g, key, word, hash);
  return r ? r : groups_add(g, key, hash);
}

static inline void groups_prefetch(const struct groups *g, uint64_t hash) {
  __builtin_prefetch(&g->slots[hash & g->mask]);
}
/* The same for the row that the hash most likely leads to, if there is one, and for its key: rows of long keys reach into
** the next line of the cache. */
static inline void groups_prefetch_row(const struct groups *g, uint64_t hash) {
  size_t i = hash & g->mask;
  while (g->slots[i].at && g->slots[i].tag != group_tag(hash)) i = (i + 1) & g->mask;
  if (!g->slots[i].at) return;
  const uint8_t *row = (const uint8_t *)group_at(g, g->slots[i].at);
  __builtin_prefetch(row);
  __builtin_prefetch(row + CACHE_LINE);
}

/* the first row, and the one behind r; NULL behind the last */
static inline struct group *groups_next(const struct groups *g, const struct group *r) {
  uint8_t *p = r ? (uint8_t *)r + group_size(g, r->length) : g->rows + 8;
  return g->count && p < g->rows + g->used ? (struct group *)p : NULL;
}

#endif
