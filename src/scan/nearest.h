/* nearest: of the names there are, the one most like a name that there is not. */
#ifndef PAPY_SCAN_NEAREST_H
#define PAPY_SCAN_NEAREST_H

#include "scan/text.h"
#include "scan/why.h"

struct nearest {
  struct text name, best;
  size_t distance; /* of best: changes of one letter, swaps included */
};

struct nearest nearest_to(struct text name);
void nearest_try(struct nearest *near, struct text known);
/* "no field 'stauts' (nearest: 'status')"; the second part when something is near enough. Always -1. */
int nearest_why(const struct nearest *near, const char *noun, struct why *why);

#endif
