/* text: a run of bytes that belongs to someone else. */
#ifndef PAPY_SCAN_TEXT_H
#define PAPY_SCAN_TEXT_H

#include <stddef.h>
#include <string.h>

struct text {
  const char *p;
  size_t n;
};

static inline struct text text_of(const char *s) {
  return (struct text){s, strlen(s)};
}
static inline int text_is(struct text a, const char *p, size_t n) {
  return a.n == n && (n == 0 || memcmp(a.p, p, n) == 0);
}

#endif
