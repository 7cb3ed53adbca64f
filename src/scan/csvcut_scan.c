/* The instructions that this processor has are chosen at run time, as in marks.c. */
#include "scan/csvcut.h"

/* bit i: the parity of the bits up to i */
static inline uint64_t parity_plain(uint64_t x) {
  for (int i = 1; i < 64; i *= 2) x ^= x << i;
  return x;
}

/* the places of the bits, behind n others; how many there are then */
static inline __attribute__((always_inline)) unsigned note_ends(uint16_t *place, unsigned n, uint64_t bits,
                                                                unsigned base) {
  unsigned all = n + (unsigned)__builtin_popcountll(bits);
#pragma GCC unroll 4
  for (unsigned i = 0; i < CSVCUT_AHEAD; i++, bits &= bits - 1)
    place[n + i] = (uint16_t)(base + (unsigned)__builtin_ctzll(bits | UINT64_C(1) << 63));
  for (n += CSVCUT_AHEAD; n < all; n++, bits &= bits - 1) place[n] = (uint16_t)(base + (unsigned)__builtin_ctzll(bits));
  return all;
}

static inline uint64_t same_plain(const char *p, char byte) {
  uint64_t bits = 0;
  for (int i = 0; i < 64; i++) bits |= (uint64_t)(p[i] == byte) << i;
  return bits;
}

#define NAME scan_plain
#define TARGET
#define same same_plain
#define parity parity_plain
#include "scan/csvcut_loop.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,popcnt,pclmul")))
#define AVX512 __attribute__((target("avx512f,avx512bw,bmi,popcnt,pclmul")))

static inline uint64_t same16(const char *p, char byte) {
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(byte)));
}

static inline uint64_t same_sse2(const char *p, char byte) {
  return same16(p, byte) | same16(p + 16, byte) << 16 | same16(p + 32, byte) << 32 | same16(p + 48, byte) << 48;
}

/* multiplying by ones without carries */
__attribute__((target("pclmul"))) static inline uint64_t parity_clmul(uint64_t x) {
  return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x), _mm_set1_epi8(-1), 0));
}

AVX2 static inline uint64_t same32(const char *p, char byte) {
  return (uint32_t)_mm256_movemask_epi8(
      _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi8(byte)));
}

AVX2 static inline uint64_t same_avx2(const char *p, char byte) {
  return same32(p, byte) | same32(p + 32, byte) << 32;
}

AVX512 static inline uint64_t same_avx512(const char *p, char byte) {
  return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8(byte));
}

#define NAME scan_sse2
#define TARGET
#define same same_sse2
#define parity parity_plain
#include "scan/csvcut_loop.h"

#define NAME scan_avx2
#define TARGET AVX2
#define same same_avx2
#define parity parity_clmul
#include "scan/csvcut_loop.h"

#define NAME scan_avx512
#define TARGET AVX512
#define same same_avx512
#define parity parity_clmul
#include "scan/csvcut_loop.h"

csvcut_scan csvcut_scan_at(unsigned i) {
  csvcut_scan able[5] = {0};
  unsigned n = 0;
  if (__builtin_cpu_supports("avx512bw")) able[n++] = scan_avx512;
  if (__builtin_cpu_supports("avx2")) able[n++] = scan_avx2;
  able[n++] = scan_sse2;
  able[n++] = scan_plain;
  return i < n ? able[i] : NULL;
}
#else
csvcut_scan csvcut_scan_at(unsigned i) {
  return i == 0 ? scan_plain : NULL;
}
#endif
