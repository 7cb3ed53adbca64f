/* byteset: a set of byte values. */
#ifndef PAPY_SCAN_BYTESET_H
#define PAPY_SCAN_BYTESET_H

#include <stdbool.h>
#include <stdint.h>

struct byteset {
  uint64_t word[4];
};

#define BYTESET_ALL ((struct byteset){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}})
#define BYTESET_NONE ((struct byteset){{0, 0, 0, 0}})

static inline bool byteset_has(const struct byteset *s, uint8_t c) {
  return s->word[c >> 6] >> (c & 63) & 1;
}
static inline void byteset_add(struct byteset *s, uint8_t c) {
  s->word[c >> 6] |= 1ULL << (c & 63);
}
static inline void byteset_drop(struct byteset *s, uint8_t c) {
  s->word[c >> 6] &= ~(1ULL << (c & 63));
}
static inline struct byteset byteset_of(uint8_t c) {
  struct byteset s = BYTESET_NONE;
  byteset_add(&s, c);
  return s;
}
static inline void byteset_and(struct byteset *s, const struct byteset *t) {
  for (int i = 0; i < 4; i++) s->word[i] &= t->word[i];
}
static inline void byteset_or(struct byteset *s, const struct byteset *t) {
  for (int i = 0; i < 4; i++) s->word[i] |= t->word[i];
}
static inline struct byteset byteset_not(const struct byteset *s) {
  return (struct byteset){{~s->word[0], ~s->word[1], ~s->word[2], ~s->word[3]}};
}
/* are all of s in t? */
static inline bool byteset_within(const struct byteset *s, const struct byteset *t) {
  for (int i = 0; i < 4; i++)
    if (s->word[i] & ~t->word[i]) return false;
  return true;
}
static inline bool byteset_equal(const struct byteset *s, const struct byteset *t) {
  return byteset_within(s, t) && byteset_within(t, s);
}

#endif
