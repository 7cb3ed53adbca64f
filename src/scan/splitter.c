/* What splitters share. */
#include "scan/splitter.h"

#include <stdlib.h>

#include "scan/nearest.h"

int splitter_no_field(const struct splitter *s, struct text name, struct why *why) {
  struct nearest near = nearest_to(name);
  struct text known;
  for (size_t i = 0; s->ops->name(s->self, i, &known); i++) nearest_try(&near, known);
  return nearest_why(&near, "field", why);
}

struct text *slots_copy(const struct slots *slots) {
  size_t bytes = (slots->n + 1) * sizeof(struct text);
  for (size_t i = 0; i < slots->n; i++) bytes += slots->name[i].n;
  struct text *copy = malloc(bytes);
  char *to = copy ? (char *)(copy + slots->n + 1) : NULL;
  for (size_t i = 0; copy && i < slots->n; i++) {
    struct text t = slots->name[i];
    if (t.n) memcpy(to, t.p, t.n);
    copy[i] = (struct text){to, t.n};
    to += t.n;
  }
  return copy;
}
