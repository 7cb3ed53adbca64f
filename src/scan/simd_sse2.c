/* Every x86-64 has these. There is no table look-up among them: of a set that is no range the range around it is taken. */
#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <emmintrin.h>

#define TARGET

static inline uint64_t look16(const struct probe *probe, const uint8_t *p) {
  __m128i span = _mm_set1_epi8((char)probe->span);
  __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8((char)probe->first));
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, span), v));
}

static inline uint64_t look(const struct probe *probe, const uint8_t *p) {
  return look16(probe, p) | look16(probe, p + 16) << 16 | look16(probe, p + 32) << 32 | look16(probe, p + 48) << 48;
}

#include "scan/simd_loop.h"

const uint8_t *simd_sse2(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_sse2_is_for_x86;
#endif
