#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

typedef __m256i vector;

/* first and span of a range, rows and columns of a table */
struct ready {
  vector a, b;
};

TARGET static inline vector none(void) {
  return _mm256_setzero_si256();
}
TARGET static inline vector or_(vector a, vector b) {
  return _mm256_or_si256(a, b);
}
TARGET static inline uint64_t zeros(vector v) {
  return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, none()));
}

TARGET static inline vector table16(const uint8_t *bytes) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline struct ready ready(const struct probe *probe, bool table) {
  if (table) return (struct ready){table16(probe->rows), table16(probe->columns)};
  return (struct ready){_mm256_set1_epi8((char)probe->first), _mm256_set1_epi8((char)probe->span)};
}

TARGET static inline vector miss(const struct ready *r, bool table, const uint8_t *p) {
  vector v = _mm256_loadu_si256((const vector *)p), half = _mm256_set1_epi8(15);
  if (!table) return _mm256_subs_epu8(_mm256_sub_epi8(v, r->a), r->b);
  vector row = _mm256_shuffle_epi8(r->a, _mm256_and_si256(v, half));
  vector column = _mm256_shuffle_epi8(r->b, _mm256_and_si256(_mm256_srli_epi16(v, 4), half));
  return _mm256_subs_epu8(_mm256_set1_epi8(1), _mm256_and_si256(row, column));
}

#include "scan/simd_loop.h"

TARGET const uint8_t *simd_avx2(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_avx2_is_for_x86;
#endif
