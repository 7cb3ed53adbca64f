#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw")))

TARGET static inline __m512i table(const uint8_t *bytes) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline uint64_t in_table(const struct probe *probe, __m512i v) {
  __m512i half = _mm512_set1_epi8(15);
  __m512i row = _mm512_shuffle_epi8(table(probe->rows), _mm512_and_si512(v, half));
  __m512i column = _mm512_shuffle_epi8(table(probe->columns), _mm512_and_si512(_mm512_srli_epi16(v, 4), half));
  return _mm512_test_epi8_mask(row, column);
}

TARGET static inline uint64_t look(const struct probe *probe, const uint8_t *p) {
  __m512i v = _mm512_loadu_si512(p), first = _mm512_set1_epi8((char)probe->first);
  if (!probe->range) return in_table(probe, v);
  return _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, first), _mm512_set1_epi8((char)probe->span));
}

#include "scan/simd_loop.h"

TARGET const uint8_t *simd_avx512(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_avx512_is_for_x86;
#endif
