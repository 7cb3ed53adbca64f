/* tally: records grouped by key values, each group with its aggregates.
**
** A worker makes a tally from the plan's spec, adds the records of a work item, encodes it and clears it for the next.
** The host makes one from the same spec and merges what comes: any split of the records into tallies gives the same
** groups and aggregates as one pass. Keys and values are copied where they are kept: whatever is passed is borrowed for
** the call. Groups come out in the order in which they were first seen (a spilled tally: in no order). With
** spec.memory, a tally that grows beyond it moves its groups to unlinked temporary files (spill.h).
**
** Missing values (NONE, NULL) take no part in an aggregate of their field. Those that calculate leave out what is no
** number, too. As keys, missing values are one group, with NONE; integers and numbers of the same size are one key,
** text is another key than the number that it looks like. A tally belongs to one thread. Functions that can fail return
** -1 (or NULL) after filling *why; what had been added to a group before stays, so the tally is then only good for
** tally_free or tally_clear. */
#ifndef PAPY_SCAN_TALLY_H
#define PAPY_SCAN_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "scan/aggregate.h"
#include "scan/value.h"
#include "scan/why.h"

#define TALLY_KEYS_MOST 32
#define TALLY_COLUMNS_MOST 64

struct tally_spec {
  unsigned keys;    /* values that make the key; 0: one group of all records */
  unsigned args;    /* values besides that a record is added with */
  unsigned columns; /* aggregates of a group */
  struct column column[TALLY_COLUMNS_MOST];
  size_t memory;   /* bytes after which groups go to temporary files; 0: no limit */
  const char *dir; /* where those are made, borrowed as long as the tally lives; NULL: $TMPDIR or /tmp */
};

struct tally;
struct group;

/* NULL with *why: a spec that makes no sense, or no memory */
struct tally *tally_new(const struct tally_spec *spec, struct why *why);
void tally_free(struct tally *t);
/* no groups any more; memory is kept for the next item */
void tally_clear(struct tally *t);
const struct tally_spec *tally_spec(const struct tally *t);

/* Add a record: where its spec->keys key values are and, behind them, its spec->args arguments. They are pointed to so
** that nobody copies what has just been written: the copy would have to wait for it. 0, or -1 with *why */
int tally_add(struct tally *t, const struct value *const *given, struct why *why);

/* Records are numbered as they are added. Add records of work item `item` from now on (default 0): first and last
** compare items, then records. */
void tally_item(struct tally *t, uint64_t item);

/* append all groups to out, for tally_merge on this machine */
int tally_encode(struct tally *t, struct buf *out, struct why *why);
#define TALLY_ITEM_KEPT UINT64_MAX
/* Merge what tally_encode gave for a tally of the same spec. `item` takes the place of the items in it, TALLY_ITEM_KEPT
** leaves them. Bytes that no tally_encode gave are an error, never worse; t is then to be cleared. */
int tally_merge(struct tally *t, const void *bytes, size_t n, uint64_t item, struct why *why);

/* bytes that groups take in memory now */
size_t tally_memory(const struct tally *t);
/* have groups been moved to files? */
int tally_spilled(const struct tally *t);

/* {=== reading === */

/* A group, borrowed until the reader moves on or the tally is changed. */
struct tally_row {
  const struct tally *tally; /* the one that holds it */
  const struct group *group;
};

/* Walk through all groups. At most one reader of a spilled tally at a time, and no add or merge meanwhile. */
struct tally_reader;
struct tally_reader *tally_read(struct tally *t, struct why *why);

/* 1 with a group, 0 at the end, -1 with *why */
int tally_next(struct tally_reader *r, struct tally_row *row, struct why *why);
void tally_read_end(struct tally_reader *r);
/* The same in two steps: the next part, a tally in memory, valid until the next call; and its rows, *row all zero at
** first. A tally that has not spilled is its own only part. */
int tally_part(struct tally_reader *r, struct tally **part, struct why *why);
int tally_each(const struct tally *part, struct tally_row *row);

/* the number of groups; -1 with *why (a spilled tally has to be read for it) */
int64_t tally_size(struct tally *t, struct why *why);

/* key value i, from 0 */
void tally_key(const struct tally_row *r, unsigned i, struct value *v);
/* The aggregate of column i, from 0; NONE when there were no values to make it of (the sum of none is 0), and of a
** column that is a list. */
void tally_result(const struct tally_row *r, unsigned i, struct value *v);
/* Append the entries of a column that is a list (aggregate_is_list) to out, an array of struct entry. 0, or -1 with
** errno */
int tally_list(const struct tally_row *r, unsigned i, struct buf *out);

/* the order of two groups by their keys, total */
int tally_order_keys(const struct tally_row *a, const struct tally_row *b);
/* add a group of another tally of the same spec */
int tally_take(struct tally *t, const struct tally_row *row, struct why *why);

/* ===} */

#endif
