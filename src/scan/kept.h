/* kept: one value of a group that outlives its record: the least, the largest, the first, the last.
**
** Text is copied into a block that stays, and grows, while the group does. */
#ifndef PAPY_SCAN_KEPT_H
#define PAPY_SCAN_KEPT_H

#include "scan/slabs.h"
#include "scan/packed.h"

struct kept {
  struct value value; /* its text is in a block */
  uint64_t room;      /* of the block, 0: none; `block` keeps it while the value is no text */
  char *block;
};

/* when a value came, for the first and the last */
struct stamp {
  uint64_t item, record;
};
struct dated {
  struct kept kept;
  struct stamp stamp;
};

static inline int kept_set(struct kept *k, const struct value *v, struct slabs *b) {
  struct value copy = *v;
  if (v->length > 0) {
    if (k->room < v->length) {
      char *block = slabs_grow(b, k->block, k->room, v->length);
      if (!block) return -1;
      k->block = block;
      k->room = slabs_room(v->length);
    }
    memcpy(k->block, v->text, v->length);
    copy.text = k->block;
  }
  k->value = copy;
  return 0;
}

/* Is v to be kept instead? larger: 1 for the largest, -1 for the least. Any number wins over any text. */
static inline int kept_wins(const struct kept *k, const struct value *v, int larger) {
  if (k->value.kind == VALUE_INTEGER && v->kind == VALUE_INTEGER)
    return larger > 0 ? v->integer > k->value.integer : v->integer < k->value.integer;
  if (k->value.kind == VALUE_NONE) return 1;
  int text = k->value.length > 0 || k->value.kind == VALUE_TEXT, other = v->kind == VALUE_TEXT;
  if (text != other) return text;
  return (text ? value_order(v, &k->value) : value_compare_numbers(v, &k->value)) * larger > 0;
}

static inline int stamp_before(struct stamp a, struct stamp b) {
  return a.item != b.item ? a.item < b.item : a.record < b.record;
}

#endif
