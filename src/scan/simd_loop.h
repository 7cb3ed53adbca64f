/* simd_loop: the search that the variants share, included by each. An including file has defined TARGET, the attribute of its
** functions, and `uint64_t look(const struct probe *, const uint8_t *p)`: a bit for each of the 64 bytes at p that the
** probe holds for.
** A run shorter than 64 goes byte by byte; of a longer one the last 64 are looked at again rather than one by one. */

TARGET static inline uint64_t look_all(const struct probes *probes, const uint8_t *p) {
  uint64_t found = look(&probes->probe[0], p + probes->probe[0].at);
  for (int i = 1; i < probes->n; i++) found &= look(&probes->probe[i], p + probes->probe[i].at);
  return found;
}

static inline const uint8_t *search_bytes(const struct probes *probes, const uint8_t *p, const uint8_t *to) {
  for (; p < to; p++) {
    int i = 0;
    for (; i < probes->n; i++) {
      const struct probe *probe = &probes->probe[i];
      uint8_t c = p[probe->at];
      if (!(probe->rows[c & 15] & probe->columns[c >> 4])) break;
    }
    if (i == probes->n) return p;
  }
  return to;
}

TARGET static inline const uint8_t *search(const struct probes *probes, const uint8_t *from, const uint8_t *to) {
  const uint8_t *p = from;
  uint64_t found;
  if (to - from < 64) return search_bytes(probes, from, to);
  for (; to - p >= 64; p += 64)
    if ((found = look_all(probes, p)) != 0) return p + __builtin_ctzll(found);
  if (p == to) return to;
  found = look_all(probes, to - 64) & UINT64_MAX << (p - (to - 64));
  return found ? to - 64 + __builtin_ctzll(found) : to;
}
