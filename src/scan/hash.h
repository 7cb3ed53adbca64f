/* hash: 64 bits of any bytes, by multiplying words to 128 bits and folding the halves.
**
** Keys come from whoever writes the log, so tables hash with a seed nobody outside knows (hash_seed): without it a
** crafted log would put all its keys into one place. Up to 16 bytes, which most keys have, cost one multiplication. */
#ifndef PAPY_SCAN_HASH_H
#define PAPY_SCAN_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t hash_fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load8(const void *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

static inline uint64_t hash_load4(const void *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

/* Up to 16 bytes as two words that, with n, tell them apart; nothing outside of them is read. */
static inline void hash_words(const uint8_t *p, size_t n, uint64_t *a, uint64_t *b) {
  if (n >= 8) {
    *a = hash_load8(p);
    *b = hash_load8(p + n - 8);
  } else if (n >= 4) {
    *a = hash_load4(p);
    *b = hash_load4(p + n - 4);
  } else if (n > 0) {
    *a = p[0];
    *b = (uint64_t)p[n / 2] << 8 | p[n - 1];
  } else {
    *a = *b = 0;
  }
}

static inline uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
  const uint8_t *p = bytes;
  uint64_t h = seed, a, b;
  if (n > 16) {
    for (const uint8_t *last = p + n - 16; p < last; p += 16)
      h = hash_fold(hash_load8(p) ^ h, hash_load8(p + 8) ^ 0xd6e8feb86659fd93u);
    p = (const uint8_t *)bytes + n - 16;
    a = hash_load8(p);
    b = hash_load8(p + 8);
  } else {
    hash_words(p, n, &a, &b);
  }
  h = hash_fold(a ^ h ^ 0xa24baed4963ee407u, b ^ n * 0x9e3779b97f4a7c15u ^ h >> 1);
  return h ^ h >> 29;
}

static inline uint64_t hash_seed(void) {
  uint64_t seed;
  if (getentropy(&seed, sizeof seed) != 0) seed = (uint64_t)(uintptr_t)&seed;
  return seed;
}

/* are n bytes the same? */
static inline int hash_same(const uint8_t *p, const uint8_t *q, size_t n) {
  if (n > 16) return memcmp(p, q, n) == 0;
  uint64_t a, b, c, d;
  hash_words(p, n, &a, &b);
  hash_words(q, n, &c, &d);
  return ((a ^ c) | (b ^ d)) == 0;
}

#endif
