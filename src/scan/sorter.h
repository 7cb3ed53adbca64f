/* sorter: entries (key values and some bytes) in the order of their keys, more of them than fit in memory.
**
** Entries gather in memory; beyond the limit they are sorted and written to a temporary file as a run; in the end all
** runs are merged, SORT_FANIN at a time. The order is value_order of each key in turn, falling where asked for; missing
** values are last either way; equal entries stay in the order of their work items and records. So a sorter in each
** worker and one in the host that merges what they encode give the same as one sorter of everything. */
#ifndef PAPY_SCAN_SORTER_H
#define PAPY_SCAN_SORTER_H

#include "base/buf.h"
#include "scan/value.h"
#include "scan/why.h"

#define SORTER_KEYS_MOST 16

struct sorter_spec {
  unsigned keys;
  unsigned char descending[SORTER_KEYS_MOST];
  size_t memory;   /* bytes after which entries go to disk; 0: no limit */
  const char *dir; /* where, borrowed as long as the sorter lives; NULL: $TMPDIR or /tmp */
};

struct sorter;

/* NULL with *why */
struct sorter *sorter_new(const struct sorter_spec *spec, struct why *why);
void sorter_free(struct sorter *s);
/* no entries; memory is kept */
void sorter_clear(struct sorter *s);
const struct sorter_spec *sorter_spec(const struct sorter *s);

/* entries are numbered as they are added; those added from now on are of work item `item` (default 0) */
void sorter_item(struct sorter *s, uint64_t item);
/* Keys and bytes are copied. 0, or -1 with *why. A disk that is full, here or later, leaves an empty sorter. */
int sorter_add(struct sorter *s, const struct value *keys, const void *bytes, size_t n, struct why *why);

/* Append the first `most` entries in order, for sorter_merge on this machine; only of a sorter that has nothing on disk. 0,
** or -1 with *why */
int sorter_encode(struct sorter *s, size_t most, struct buf *out, struct why *why);
/* add what sorter_encode gave for a sorter of as many keys; `item` takes the place of their items, UINT64_MAX leaves
** them. Bytes that are nothing of the kind are an error. */
int sorter_merge(struct sorter *s, const void *bytes, size_t n, uint64_t item, struct why *why);

uint64_t sorter_count(const struct sorter *s);
int sorter_spilled(const struct sorter *s);

/* The next entry in order, its bytes valid until the next call: 1, 0 at the end, -1 with *why. The first call ends the
** adding; the last gives an empty sorter that can be filled again. */
int sorter_next(struct sorter *s, const void **bytes, size_t *n, struct why *why);

#endif
