/* Every x86-64 has these. There is no table look-up among them: of a set that is no range the range around it is taken. */
#ifdef __x86_64__
#include "scan/simd_variants.h"

#include <emmintrin.h>

#define TARGET

typedef __m128i vector;

struct ready {
  vector first, span;
};

static inline vector none(void) {
  return _mm_setzero_si128();
}
static inline vector or_(vector a, vector b) {
  return _mm_or_si128(a, b);
}
static inline uint64_t zeros(vector v) {
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, none()));
}

static inline struct ready ready(const struct probe *probe, bool table) {
  (void)table;
  return (struct ready){_mm_set1_epi8((char)probe->first), _mm_set1_epi8((char)probe->span)};
}

static inline vector miss(const struct ready *r, bool table, const uint8_t *p) {
  (void)table;
  return _mm_subs_epu8(_mm_sub_epi8(_mm_loadu_si128((const vector *)p), r->first), r->span);
}

#include "scan/simd_loop.h"

const uint8_t *simd_sse2(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  return search(probes, from, to);
}
#else
typedef int simd_sse2_is_for_x86;
#endif
