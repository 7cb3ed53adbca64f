/* Which variant: asked of the processor when a prefilter is made. Each variant is compiled for its own instructions in a
** file of its own, so the program runs on any machine of its architecture. */
#include "scan/simd.h"

#include <stddef.h>
#include <string.h>

#include "scan/simd_variants.h"

/* A set is a matrix of bits, 16 rows of low halves by 16 columns of high halves. Columns alike share a bit; a ninth kind of
** column shares the eighth's, and the set becomes larger than it is. */
static void make_table(struct probe *probe, const struct byteset *set) {
  uint16_t kinds[8];
  int n = 0;
  for (unsigned high = 0; high < 16; high++) {
    uint16_t column = (uint16_t)(set->word[high / 4] >> (high % 4 * 16));
    int kind = 0;
    if (!column) continue;
    while (kind < n && kinds[kind] != column) kind++;
    if (kind == n && n < 8) kinds[n++] = column;
    if (kind == 8) kinds[kind = 7] |= column;
    probe->columns[high] = (uint8_t)(1 << kind);
  }
  for (unsigned low = 0; low < 16; low++)
    for (int kind = 0; kind < n; kind++)
      if (kinds[kind] >> low & 1) probe->rows[low] |= (uint8_t)(1 << kind);
}

static void make(struct probe *probe, int at, const struct byteset *set) {
  unsigned first = 0, last = 255;
  memset(probe, 0, sizeof *probe);
  while (first < 255 && !byteset_has(set, (uint8_t)first)) first++;
  while (last > first && !byteset_has(set, (uint8_t)last)) last--;
  probe->at = at;
  probe->first = (uint8_t)first;
  probe->span = (uint8_t)(last - first);
  probe->range = true;
  for (unsigned c = first; c <= last; c++) probe->range &= byteset_has(set, (uint8_t)c);
  make_table(probe, set);
}

void probes_add(struct probes *probes, int at, const struct byteset *set) {
  struct probe probe;
  make(&probe, at, set);
  struct probe *end = &probes->probe[probes->n++];
  if (!probe.range) {
    struct probe *first_range = &probes->probe[probes->tables++];
    *end = *first_range;
    end = first_range;
  }
  *end = probe;
}

static bool holds(const struct probe *probe, uint8_t c) {
  return probe->rows[c & 15] & probe->columns[c >> 4];
}

const uint8_t *simd_plain(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  for (const uint8_t *p = from; p < to; p++) {
    int i = 0;
    while (i < probes->n && holds(&probes->probe[i], p[probes->probe[i].at])) i++;
    if (i == probes->n) return p;
  }
  return to;
}

simd_search simd_variant(unsigned i, const char **name) {
  struct {
    const char *name;
    simd_search search;
    bool can;
  } all[] = {
#ifdef __x86_64__
      {"AVX-512", simd_avx512, __builtin_cpu_supports("avx512bw")},
      {"AVX2", simd_avx2, __builtin_cpu_supports("avx2")},
      {"SSE2", simd_sse2, true},
#endif
      {"plain C", simd_plain, true},
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
    if (!all[k].can || i-- > 0) continue;
    *name = all[k].name;
    return all[k].search;
  }
  return NULL;
}

simd_search simd_best(void) {
  const char *name;
  return simd_variant(0, &name);
}
