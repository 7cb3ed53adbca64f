/* keyform: the bytes that stand for key values in a table of groups.
**
** The key of one text is that text as it is, so that the usual key is not copied before it is looked for; any other is
** a row of packed values. The shape tells the two apart. */
#ifndef PAPY_SCAN_KEYFORM_H
#define PAPY_SCAN_KEYFORM_H

#include <errno.h>

#include "scan/groups.h"
#include "scan/packed.h"

enum { SHAPE_PACKED, SHAPE_TEXT };

/* -1 with errno when the key is longer than any table has room for */
static inline int keyform_set(struct key *key, const void *p, size_t n, uint32_t shape) {
  *key = (struct key){p, (uint32_t)n, shape};
  if (n <= UINT32_MAX) return 0;
  errno = ENOMEM;
  return -1;
}

/* Missing values look alike wherever they are shown, so they are one: JSON's null is as if the field were not there. */
static inline struct value keyform_normal(const struct value *v) {
  return value_is_there(v) ? packed_normal(*v) : value_none();
}

/* -1 with errno when memory is out; the key lies in scratch */
static inline int keyform_pack(const struct value *const *v, unsigned n, struct buf *scratch, struct key *key) {
  scratch->n = 0;
  for (unsigned i = 0; i < n; i++)
    if (packed_put_value(scratch, keyform_normal(v[i])) != 0) return -1;
  return keyform_set(key, scratch->p, scratch->n, SHAPE_PACKED);
}

/* the same, or the key lies in the text */
static inline int keyform_make(const struct value *const *v, unsigned n, struct buf *scratch, struct key *key) {
  if (n != 1 || v[0]->kind != VALUE_TEXT) return keyform_pack(v, n, scratch, key);
  return keyform_set(key, v[0]->text, v[0]->length, SHAPE_TEXT);
}

/* value i of the key that the row has; borrowed */
static inline struct value keyform_value(const struct groups *g, const struct group *r, unsigned i) {
  struct packed from = packed_of(group_key(g, r), r->length);
  if (r->shape == SHAPE_TEXT) return value_of_text((const char *)from.p, r->length);
  struct value v = packed_get_value(&from);
  while (i-- > 0) v = packed_get_value(&from);
  return v;
}

/* are these bytes a key of n values? */
static inline int keyform_good(struct key key, unsigned n) {
  if (key.shape == SHAPE_TEXT) return n == 1;
  struct packed from = packed_of(key.p, key.n);
  while (n-- > 0) packed_get_value(&from);
  return !from.bad && from.p == from.end;
}

static inline int keyform_write(const struct groups *g, const struct group *r, struct buf *out) {
  if (packed_put(out, (uint64_t)r->length << 1 | r->shape) != 0) return -1;
  return buf_add(out, group_key(g, r), r->length);
}

/* borrowed from what is read */
static inline struct key keyform_read(struct packed *from) {
  uint64_t head = packed_get(from);
  if (head >> 1 > packed_left(from) || head >> 33) packed_spoil(from), head = 0;
  struct key key = {from->p, (uint32_t)(head >> 1), (uint32_t)(head & 1)};
  from->p += key.n;
  return key;
}

#endif
