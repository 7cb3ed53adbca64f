/* What all splitters share: the sentence for a field that does not exist. */
#include "scan/splitter.h"

#include "scan/nearest.h"

int splitter_no_field(const struct splitter *s, struct text name, struct why *why) {
  struct nearest near = nearest_to(name);
  struct text known;
  for (size_t i = 0; s->ops->name(s->self, i, &known); i++) nearest_try(&near, known);
  return nearest_why(&near, "field", why);
}
