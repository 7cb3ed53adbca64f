#include "scan/distinct.h"

#include <math.h>

#include "base/limits.h"
#include "scan/hash.h"

#define INDEX_BITS 14
#define REGISTERS (1 << INDEX_BITS)
#define RANK_BITS (64 - INDEX_BITS) /* of the hash, for the rank; ranks are 1 to RANK_BITS + 1, 0: nothing seen */
#define SET_START 8

struct distinct {
  uint64_t count;  /* of hashes in the set */
  uint64_t slots;  /* a power of two; 0: registers instead */
  uint64_t hash[]; /* of the set, 0: free; or the registers */
};

static uint8_t *ranks(const struct distinct *d) {
  return (uint8_t *)d->hash;
}

static size_t size_of(uint64_t slots) {
  return sizeof(struct distinct) + (slots ? slots * sizeof(uint64_t) : REGISTERS);
}

static uint64_t hash_of(const struct value *given) {
  struct value v = packed_normal(*given);
  switch ((enum value_kind)v.kind) {
    case VALUE_TEXT:
    case VALUE_RAW: return hash_bytes(v.text, v.length, 0x2545f4914f6cdd1du);
    default: return hash_bytes(&v.integer, sizeof v.integer, 0x9e6c63d0876a9a35u + v.kind);
  }
}

/* {=== registers === */

static void note(struct distinct *d, uint64_t hash) {
  uint64_t rest = hash << INDEX_BITS | (uint64_t)1 << (INDEX_BITS - 1);
  uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *at = &ranks(d)[hash >> RANK_BITS];
  if (rank > *at) *at = rank;
}

/* the sum over all k of 2^-k C[k], completed at both ends; O. Ertl, New cardinality estimation algorithms for
** HyperLogLog sketches (2017) */
static double sigma(double x) {
  if (x == 1) return INFINITY;
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

static double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

static uint64_t estimate(const struct distinct *d) {
  uint32_t with_rank[RANK_BITS + 2] = {0};
  const double m = REGISTERS;
  for (int i = 0; i < REGISTERS; i++) with_rank[ranks(d)[i]]++;
  double z = m * tau(1 - with_rank[RANK_BITS + 1] / m);
  for (int k = RANK_BITS; k >= 1; k--) z = 0.5 * (z + with_rank[k]);
  z += m * sigma(with_rank[0] / m);
  double count = m * m / (2 * M_LN2 * z);
  return count < 0x1p63 ? (uint64_t)llround(count) : UINT64_MAX;
}

/* ===} {=== the set === */

static int into(uint64_t *set, uint64_t slots, uint64_t hash) {
  uint64_t i = hash & (slots - 1);
  while (set[i] != 0) {
    if (set[i] == hash) return 0;
    i = (i + 1) & (slots - 1);
  }
  set[i] = hash;
  return 1;
}

static struct distinct *fresh(uint64_t slots, struct slabs *b) {
  struct distinct *d = slabs_take(b, size_of(slots));
  if (!d) return NULL;
  memset(d, 0, size_of(slots));
  d->slots = slots;
  return d;
}

/* a new form of d with so many slots, or registers */
static int change(struct distinct **at, uint64_t slots, struct slabs *b) {
  struct distinct *d = *at, *next = fresh(slots, b);
  if (!next) return -1;
  for (uint64_t i = 0; d && i < d->slots; i++) {
    if (d->hash[i] == 0) continue;
    if (slots == 0) note(next, d->hash[i]);
    else next->count += (uint64_t)into(next->hash, slots, d->hash[i]);
  }
  if (d) slabs_give(b, d, size_of(d->slots));
  *at = next;
  return 0;
}

static int add(struct distinct **at, uint64_t hash, uint64_t limit, struct slabs *b) {
  if (!*at && change(at, SET_START, b) != 0) return -1;
  if (hash == 0) hash = 1;
  struct distinct *d = *at;
  if (d->slots) {
    if (!into(d->hash, d->slots, hash)) return 0;
    if (++d->count > limit) return change(at, 0, b);
    return d->count * 4 > d->slots * 3 ? change(at, d->slots * 2, b) : 0;
  }
  note(d, hash);
  return 0;
}

static uint64_t limit_or_default(uint64_t limit) {
  return limit ? limit : DISTINCT_EXACT;
}

int distinct_add(struct distinct **d, const struct value *v, uint64_t limit, struct slabs *b) {
  return add(d, hash_of(v), limit_or_default(limit), b);
}

uint64_t distinct_count(const struct distinct *d) {
  return !d ? 0 : d->slots ? d->count : estimate(d);
}

/* ===} {=== bytes ===
**
** 0: nothing; 1: registers follow, all of them; n + 1: n hashes follow */

int distinct_write(const struct distinct *d, struct buf *out) {
  if (!d) return packed_put(out, 0);
  if (!d->slots) return packed_put(out, 1) != 0 ? -1 : buf_add(out, ranks(d), REGISTERS);
  if (packed_put(out, d->count + 1) != 0) return -1;
  for (uint64_t i = 0; i < d->slots; i++)
    if (d->hash[i] && buf_add(out, &d->hash[i], sizeof d->hash[i]) != 0) return -1;
  return 0;
}

static int merge_registers(struct distinct **at, struct packed *from, struct slabs *b) {
  if (packed_left(from) < REGISTERS) return packed_spoil(from), 0;
  if ((!*at || (*at)->slots) && change(at, 0, b) != 0) return -1;
  struct distinct *d = *at;
  for (int i = 0; i < REGISTERS; i++) {
    uint8_t rank = from->p[i];
    if (rank > RANK_BITS + 1) return packed_spoil(from), 0;
    if (rank > ranks(d)[i]) ranks(d)[i] = rank;
  }
  from->p += REGISTERS;
  return 0;
}

int distinct_merge(struct distinct **at, struct packed *from, uint64_t limit, struct slabs *b) {
  uint64_t n = packed_get(from), hash;
  if (n == 0) return 0;
  if (n == 1) return merge_registers(at, from, b);
  if (packed_left(from) / sizeof hash < n - 1) return packed_spoil(from), 0;
  for (n--; n > 0; n--, from->p += sizeof hash) {
    memcpy(&hash, from->p, sizeof hash);
    if (add(at, hash, limit_or_default(limit), b) != 0) return -1;
  }
  return 0;
}

/* ===} */
