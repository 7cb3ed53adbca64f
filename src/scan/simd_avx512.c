#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw")))

typedef __m512i vector;

/* first and span of a range, rows and columns of a table */
struct ready {
  vector a, b;
};

TARGET static inline vector none(void) {
  return _mm512_setzero_si512();
}
TARGET static inline vector or_(vector a, vector b) {
  return _mm512_or_si512(a, b);
}
TARGET static inline uint64_t zeros(vector v) {
  return _mm512_testn_epi8_mask(v, v);
}

TARGET static inline vector table16(const uint8_t *bytes) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline struct ready ready(const struct probe *probe, bool table) {
  if (table) return (struct ready){table16(probe->rows), table16(probe->columns)};
  return (struct ready){_mm512_set1_epi8((char)probe->first), _mm512_set1_epi8((char)probe->span)};
}

TARGET static inline vector miss(const struct ready *r, bool table, const uint8_t *p) {
  vector v = _mm512_loadu_si512((const vector *)p), half = _mm512_set1_epi8(15);
  if (!table) return _mm512_subs_epu8(_mm512_sub_epi8(v, r->a), r->b);
  vector row = _mm512_shuffle_epi8(r->a, _mm512_and_si512(v, half));
  vector column = _mm512_shuffle_epi8(r->b, _mm512_and_si512(_mm512_srli_epi16(v, 4), half));
  return _mm512_subs_epu8(_mm512_set1_epi8(1), _mm512_and_si512(row, column));
}

#include "scan/simd_loop.h"

TARGET const uint8_t *simd_avx512(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_avx512_is_for_x86;
#endif
