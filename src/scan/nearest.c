#include "scan/nearest.h"

#include <stdint.h>

enum { NAME_MOST = 64 }; /* longer names are not compared */

static size_t least(size_t a, size_t b, size_t c) {
  size_t m = a < b ? a : b;
  return m < c ? m : c;
}

/* changes that turn a into b: insert, delete, replace, swap neighbours (optimal string alignment, three rows) */
static size_t distance(struct text a, struct text b) {
  size_t rows[3][NAME_MOST + 1], *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t k = 0; k <= b.n; k++) last[k] = before[k] = k;
  for (size_t i = 1; i <= a.n; i++) {
    row[0] = i;
    for (size_t k = 1; k <= b.n; k++) {
      row[k] = least(last[k] + 1, row[k - 1] + 1, last[k - 1] + (a.p[i - 1] != b.p[k - 1]));
      if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
        row[k] = least(row[k], before[k - 2] + 1, row[k]);
    }
    size_t *free = before;
    before = last;
    last = row;
    row = free;
  }
  return last[b.n];
}

struct nearest nearest_to(struct text name) {
  return (struct nearest){.name = name, .distance = SIZE_MAX};
}

void nearest_try(struct nearest *near, struct text known) {
  if (near->name.n > NAME_MOST || known.n > NAME_MOST) return;
  size_t d = distance(near->name, known);
  if (d >= near->distance) return;
  near->distance = d;
  near->best = known;
}

int nearest_why(const struct nearest *near, const char *noun, struct why *why) {
  int n = near->name.n < 200 ? (int)near->name.n : 200, most = (int)near->name.n / 3 + 1;
  if (near->distance > (size_t)most) return why_set(why, "no %s '%.*s'", noun, n, near->name.p);
  return why_set(why, "no %s '%.*s' (nearest: '%.*s')", noun, n, near->name.p, (int)near->best.n, near->best.p);
}
