/* simd_loop: the search that the variants share, included by each. An including file has defined
**
**   TARGET               the attribute of its functions
**   vector, or_, none    a register, its bits together with another's, one of zeros
**   zeros                a bit for each byte of a vector that is zero
**   struct ready, ready  a probe in registers
**   miss                 zero for each of the bytes at p where the probe holds
**
** and `table` tells a probe by table from one by range. How many probes there are, and how many of them by table, is constant in
** each copy of the loop, so that all stays in registers: in the cache of one machine 30 GB/s where a loop over probes had 16.
** Misses are gathered in a vector; masks of bits, one per probe, are slower even where the processor has them.
** A run shorter than 64 goes byte by byte; of a longer one the last 64 are looked at again rather than one by one. */

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE const uint8_t *search_these(const struct probes *probes, const uint8_t *from, const uint8_t *to, int n,
                                   int tables) {
  struct ready vectors[PROBES_MOST];
  ptrdiff_t at[PROBES_MOST];
#pragma GCC unroll 4
  for (int i = 0; i < n; i++) {
    vectors[i] = ready(&probes->probe[i], i < tables);
    at[i] = probes->probe[i].at;
  }
  for (const uint8_t *p = from; p < to; p += 64) {
    uint64_t found = 0;
    if (to - p < 64) p = to - 64;
#pragma GCC unroll 4
    for (unsigned k = 0; k < 64; k += sizeof(vector)) {
      vector missed = none();
#pragma GCC unroll 4
      for (int i = 0; i < n; i++) missed = or_(missed, miss(&vectors[i], i < tables, p + at[i] + k));
      found |= zeros(missed) << k;
    }
    if (found) return p + __builtin_ctzll(found);
  }
  return to;
}

TARGET static inline const uint8_t *search(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
#define THESE(n, tables) \
  case n * 8 + tables: return search_these(probes, from, to, n, tables);
  if (to - from < 64) return simd_plain(probes, from, to);
  switch (probes->n * 8 + probes->tables) {
    THESE(1, 0)
    THESE(1, 1)
    THESE(2, 0)
    THESE(2, 1)
    THESE(2, 2)
    THESE(3, 0)
    THESE(3, 1)
    THESE(3, 2)
    THESE(3, 3)
    THESE(4, 0)
    THESE(4, 1)
    THESE(4, 2)
    THESE(4, 3)
    THESE(4, 4)
    default: return simd_plain(probes, from, to);
  }
#undef THESE
}
