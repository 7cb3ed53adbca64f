/* word: up to eight bytes as one number, without a branch on how many they are.
**
** Keys and numbers are a few bytes, now more, now less: whatever asks for their length guesses wrong every other time,
** which costs more than the rest. So eight bytes are read and the others are taken out. What lies behind is read only in
** a page of memory that the text is in itself: it is there, whatever it holds. */
#ifndef PAPY_SCAN_WORD_H
#define PAPY_SCAN_WORD_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_PAGE 4096 /* the smallest there is */

static inline uint64_t word_load(const void *p) {
  uint64_t w;
  memcpy(&w, p, sizeof w);
  return le64toh(w);
}

/* The n bytes at p, 1 to 8, the first one lowest, and above them zeros. Where a page might end before eight bytes, those
** before the text are read with it: they are in its page. */
__attribute__((no_sanitize("address"))) static inline uint64_t word_of(const void *p, size_t n) {
  typedef uint64_t word __attribute__((may_alias, aligned(1)));
  const uint8_t *at = (const uint8_t *)p;
  unsigned others = 64 - 8 * (unsigned)n; /* bits of them */
  if (((uintptr_t)at & (WORD_PAGE - 1)) > WORD_PAGE - sizeof(word))
    return le64toh(*(const word *)(at + n - 8)) >> others;
  return le64toh(*(const word *)at) & UINT64_MAX >> others;
}

#endif
