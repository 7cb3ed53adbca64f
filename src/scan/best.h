/* best: of any number of entries (key values and some bytes) the few that come first in the order of sort.
**
** Most entries are worse than the worst that is kept, and cost one comparison. Of equal ones the first stay. What is kept
** comes out in the order in which it was added: whoever sorts it gets what sorting all would begin with. A key that is
** ordered by what only others can make of it (nested JSON, which is not a number either) keeps its entry in any case. */
#ifndef PAPY_SCAN_BEST_H
#define PAPY_SCAN_BEST_H

#include <stdbool.h>

#include "scan/sorter.h"

struct best;

/* The order is that of the spec's keys; its memory and directory are not used. NULL with *why */
struct best *best_new(const struct sorter_spec *spec, size_t most, struct why *why);
void best_free(struct best *b);
/* nothing kept */
void best_clear(struct best *b);

/* Would an entry with these keys be kept? The values are pointed to. */
bool best_wants(const struct best *b, const struct value *const *keys);
/* Add one that is wanted; keys and bytes are copied. 0, or -1 with *why */
int best_add(struct best *b, const struct value *const *keys, const void *bytes, size_t n, struct why *why);

/* The end of adding: how many are kept, -1 with *why. Their bytes and keys, from 0, are valid until best_clear. */
int64_t best_end(struct best *b, struct why *why);
struct text best_at(const struct best *b, size_t i, struct value keys[SORTER_KEYS_MOST]);

#endif
