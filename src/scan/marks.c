#include "scan/marks.h"

#include <string.h>

static void plain(const char *window, const char *kind, size_t kinds, uint64_t *at) {
  for (size_t k = 0; k < kinds; k++) {
    uint64_t bits = 0;
    for (int i = 0; i < MARKS_WINDOW; i++) bits |= (uint64_t)(window[i] == kind[k]) << i;
    at[k] = bits;
  }
}

#ifdef __x86_64__
#include <immintrin.h>

static inline uint64_t bits16(__m128i v, __m128i kind) {
  return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, kind));
}

static void sse2(const char *window, const char *kind, size_t kinds, uint64_t *at) {
  const __m128i *w = (const __m128i *)window;
  __m128i a = _mm_loadu_si128(w), b = _mm_loadu_si128(w + 1), c = _mm_loadu_si128(w + 2), d = _mm_loadu_si128(w + 3);
  for (size_t k = 0; k < kinds; k++) {
    __m128i v = _mm_set1_epi8(kind[k]);
    at[k] = bits16(a, v) | bits16(b, v) << 16 | bits16(c, v) << 32 | bits16(d, v) << 48;
  }
}

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512bw")))

AVX2 static void avx2(const char *window, const char *kind, size_t kinds, uint64_t *at) {
  __m256i low = _mm256_loadu_si256((const __m256i *)window), high = _mm256_loadu_si256((const __m256i *)window + 1);
  for (size_t k = 0; k < kinds; k++) {
    __m256i v = _mm256_set1_epi8(kind[k]);
    uint64_t l = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, v));
    uint64_t h = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, v));
    at[k] = l | h << 32;
  }
}

/* few kinds, as most records need, without a loop */
AVX512 static void avx512(const char *window, const char *kind, size_t kinds, uint64_t *at) {
  __m512i w = _mm512_loadu_si512(window);
#define KIND(k) at[k] = _mm512_cmpeq_epi8_mask(w, _mm512_set1_epi8(kind[k]))
  switch (kinds) {
    default:
      for (size_t k = 6; k < kinds; k++) KIND(k); /* fallthrough */
    case 6: KIND(5);                              /* fallthrough */
    case 5: KIND(4);                              /* fallthrough */
    case 4: KIND(3);                              /* fallthrough */
    case 3: KIND(2);                              /* fallthrough */
    case 2: KIND(1);                              /* fallthrough */
    case 1: KIND(0);                              /* fallthrough */
    case 0: break;
  }
}

marks_kernel marks_kernel_at(size_t i) {
  marks_kernel able[5] = {0};
  size_t n = 0;
  if (__builtin_cpu_supports("avx512bw")) able[n++] = avx512;
  if (__builtin_cpu_supports("avx2")) able[n++] = avx2;
  able[n++] = sse2;
  able[n++] = plain;
  return i < n ? able[i] : NULL;
}
#else
marks_kernel marks_kernel_at(size_t i) {
  return i == 0 ? plain : NULL;
}
#endif

void marks_init(struct marks *m) {
  *m = (struct marks){.kernel = marks_kernel_at(0)};
}

int marks_kind(struct marks *m, char byte) {
  for (size_t k = 0; k < m->kinds; k++)
    if (m->kind[k] == byte) return (int)k;
  m->kind[m->kinds] = byte;
  return (int)m->kinds++;
}

void marks_look_at_copy(struct marks *m) {
  char copy[MARKS_WINDOW] = {0};
  size_t n = (size_t)(m->end - m->text);
  memcpy(copy, m->text, n);
  m->window = m->text;
  m->kernel(copy, m->kind, m->kinds, m->at);
  for (size_t k = 0; k < m->kinds; k++) m->at[k] &= (UINT64_C(1) << n) - 1;
}
