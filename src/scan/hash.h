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

#include "scan/word.h"

static inline uint64_t hash_fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to 16 bytes as two words that, with n, tell them apart */
static inline void hash_words(const uint8_t *p, size_t n, uint64_t *a, uint64_t *b) {
  *a = *b = 0;
  if (n > 8) {
    *a = word_load(p);
    *b = word_load(p + n - 8);
  } else if (n > 0) {
    *a = word_of(p, n);
  }
}

static inline uint64_t hash_words_of(size_t n, uint64_t a, uint64_t b, uint64_t h) {
  h = hash_fold(a ^ h ^ 0xa24baed4963ee407u, b ^ n * 0x9e3779b97f4a7c15u ^ h >> 1);
  return h ^ h >> 29;
}

static inline uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
  const uint8_t *p = bytes;
  uint64_t h = seed, a, b;
  if (n > 16) {
    for (const uint8_t *last = p + n - 16; p < last; p += 16)
      h = hash_fold(word_load(p) ^ h, word_load(p + 8) ^ 0xd6e8feb86659fd93u);
    p = (const uint8_t *)bytes + n - 16;
    a = word_load(p);
    b = word_load(p + 8);
  } else {
    hash_words(p, n, &a, &b);
  }
  return hash_words_of(n, a, b, h);
}

/* the same for n bytes, up to 8, that word_of has read */
static inline uint64_t hash_word(size_t n, uint64_t word, uint64_t seed) {
  return hash_words_of(n, word, 0, seed);
}

static inline uint64_t hash_seed(void) {
  uint64_t seed;
  if (getentropy(&seed, sizeof seed) != 0) seed = (uint64_t)(uintptr_t)&seed;
  return seed;
}

/* are n bytes the same? */
static inline int hash_same(const uint8_t *p, const uint8_t *q, size_t n) {
  uint64_t a, b, c, d;
  if (n > 32) return memcmp(p, q, n) == 0;
  if (n > 16) {
    uint64_t differ = (word_load(p) ^ word_load(q)) | (word_load(p + 8) ^ word_load(q + 8));
    differ |= (word_load(p + n - 16) ^ word_load(q + n - 16)) | (word_load(p + n - 8) ^ word_load(q + n - 8));
    return differ == 0;
  }
  hash_words(p, n, &a, &b);
  hash_words(q, n, &c, &d);
  return ((a ^ c) | (b ^ d)) == 0;
}

#endif
