#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

TARGET static inline uint64_t in_range(const struct probe *probe, __m256i v) {
  __m256i from_first = _mm256_sub_epi8(v, _mm256_set1_epi8((char)probe->first));
  __m256i least = _mm256_min_epu8(from_first, _mm256_set1_epi8((char)probe->span));
  return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(least, from_first));
}

TARGET static inline __m256i table(const uint8_t *bytes) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline uint64_t in_table(const struct probe *probe, __m256i v) {
  __m256i half = _mm256_set1_epi8(15);
  __m256i row = _mm256_shuffle_epi8(table(probe->rows), _mm256_and_si256(v, half));
  __m256i column = _mm256_shuffle_epi8(table(probe->columns), _mm256_and_si256(_mm256_srli_epi16(v, 4), half));
  __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(row, column), _mm256_setzero_si256());
  return (uint32_t)~_mm256_movemask_epi8(none);
}

TARGET static inline uint64_t look(const struct probe *probe, const uint8_t *p) {
  __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
  if (probe->range) return in_range(probe, a) | in_range(probe, b) << 32;
  return in_table(probe, a) | in_table(probe, b) << 32;
}

#include "scan/simd_loop.h"

TARGET const uint8_t *simd_avx2(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_avx2_is_for_x86;
#endif
