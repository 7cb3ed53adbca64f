/* simd_variants: what simd.c chooses from; see scan/simd.h for the contract. */
#ifndef PAPY_SCAN_SIMD_VARIANTS_H
#define PAPY_SCAN_SIMD_VARIANTS_H

#include <stddef.h>

#include "scan/simd.h"

const uint8_t *simd_plain(const struct probes *probes, const uint8_t *from, const uint8_t *to);
const uint8_t *simd_sse2(const struct probes *probes, const uint8_t *from, const uint8_t *to);
const uint8_t *simd_avx2(const struct probes *probes, const uint8_t *from, const uint8_t *to);
const uint8_t *simd_avx512(const struct probes *probes, const uint8_t *from, const uint8_t *to);

#endif
