/* find: the next byte of a kind in a record, sixteen at a time, never reading outside the record.
**
** Fields are short: calling memchr for each costs more than looking. SSE2 is part of every x86-64, so nothing has to be
** chosen at run time; elsewhere the same is done byte by byte. Less than sixteen bytes before the end are read by
** one load that ends there and reaches back over bytes already seen, but not over `floor`, the start of the record. */
#ifndef PAPY_SCAN_FIND_H
#define PAPY_SCAN_FIND_H

#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>

/* Search p..end-1 with `hits`, an expression that makes a mask of the 16 bytes `at16` */
#define FIND_BY_16(hits)                                                             \
  for (; end - p >= 16; p += 16) {                                                   \
    __m128i at16 = _mm_loadu_si128((const __m128i *)p);                              \
    unsigned mask = (unsigned)_mm_movemask_epi8(hits);                               \
    if (mask) return p + __builtin_ctz(mask);                                        \
  }                                                                                  \
  if (p < end && end - floor >= 16) {                                                \
    __m128i at16 = _mm_loadu_si128((const __m128i *)(end - 16));                     \
    unsigned mask = (unsigned)_mm_movemask_epi8(hits) >> (16 - (unsigned)(end - p)); \
    return mask ? p + __builtin_ctz(mask) : NULL;                                    \
  }
#define FIND_IS(c) _mm_cmpeq_epi8(at16, _mm_set1_epi8(c))
#define FIND_IS_EITHER(a, b) _mm_or_si128(FIND_IS(a), FIND_IS(b))
#else
#define FIND_BY_16(hits)
#endif

/* the first c in p..end-1, or NULL */
static inline const char *find_byte(const char *p, const char *end, const char *floor, char c) {
  (void)floor;
  FIND_BY_16(FIND_IS(c))
  for (; p < end; p++)
    if (*p == c) return p;
  return NULL;
}

/* the first a or b */
static inline const char *find_either(const char *p, const char *end, const char *floor, char a, char b) {
  (void)floor;
  FIND_BY_16(FIND_IS_EITHER(a, b))
  for (; p < end; p++)
    if (*p == a || *p == b) return p;
  return NULL;
}

#endif
