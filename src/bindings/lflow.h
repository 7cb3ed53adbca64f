/* lflow: what the parts of a flow's runner know of each other: lflow.c (made from a plan, the Lua side), lflow_run.c (the
** loop over records), lflow_best.c (the records that come first), lrecord.c (a record as Lua sees it).
**
** A runner is the compiled form of a plan and lives in one process: splitter, patterns and expressions are made once,
** before the fork. It runs one work item after the other: begin a block, go (again, behind a failed record), next block; then
** what was found is taken as one value. Everything it points to is held by its user values, so that an error raised
** anywhere leaves nothing behind. */
#ifndef PAPY_BINDINGS_LFLOW_H
#define PAPY_BINDINGS_LFLOW_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "scan/best.h"
#include "scan/calendar.h"
#include "scan/csvcut.h"
#include "scan/expr.h"
#include "scan/pieces.h"
#include "scan/record.h"
#include "scan/records.h"
#include "scan/regex.h"
#include "scan/splitter.h"
#include "scan/tally.h"
#include "scan/timeform.h"

#define RUNNER "papy.runner"
#define RECORD "papy.record"

enum op_kind {
  OP_GREP,      /* does the record match? */
  OP_SPLIT,     /* fill the slots */
  OP_WHERE,     /* an expression */
  OP_DERIVE,    /* a slot from an expression */
  OP_TIME,      /* a slot's text to seconds */
  OP_BUCKET,    /* a slot's seconds to the start of their bucket */
  OP_SAMPLE,    /* a share of the records */
  OP_WHERE_LUA, /* a function of the record, */
  OP_DERIVE_LUA /* or a slot from one */
};

enum mismatch { MISMATCH_SKIP, MISMATCH_KEEP, MISMATCH_ERROR, MISMATCH_CALL };

struct op {
  enum op_kind kind;
  bool invert; /* of OP_GREP */
  unsigned slot;
  struct regex *regex; /* borrowed from a user value */
  struct expr *expr;   /* owned, as is */
  bool patterns;       /* may it match patterns? */
  struct timeform *time;
  struct bucket bucket;
  uint64_t share; /* of 2^64 */
  int function;   /* its place in the array of functions */
  bool plain;     /* records have no fields before this op: the function gets the line */
};

/* what becomes of the records that pass all ops */
enum sink {
  SINK_COUNT, /* counted */
  SINK_TALLY, /* added to a tally */
  SINK_LINES, /* their text, each with a newline */
  SINK_ROWS,  /* as tables, or strings where records have no fields */
  SINK_BEST,  /* sorted by some slots, or those that come first */
  SINK_CALL   /* handed to a Lua function */
};

/* user values of a runner */
enum { UV_TALLY = 1, UV_FUNCTIONS, UV_ROWS, UV_BLOCK, UV_NAMES, UV_COLUMNS, UV_META, UV_MENDED, UV_HELD, UVS = UV_HELD };

enum { SAMPLES_MOST = 3, SAMPLE_BYTES = 200 };

struct sample {
  uint64_t offset;
  size_t n;
  char text[SAMPLE_BYTES];
};

struct runner {
  struct op *op;
  unsigned ops;
  struct splitter *splitter; /* borrowed; NULL: records have no fields but derived ones */
  struct regex *start;       /* borrowed: records are runs of lines */
  bool quotes;               /* records may have newlines in quotes: */
  struct csvcut cut;         /* where those of the piece end */
  struct regex *lead;        /* borrowed: the pattern of the first op, by which lines are found; NULL: none */
  bool lead_splits;
  bool header; /* the first record of a file only names the fields */
  enum mismatch mismatch;
  int mend;                    /* the function of MISMATCH_CALL */
  unsigned slots, split_slots; /* those of the splitter come first */
  unsigned line;               /* the slot of the record's text, for expressions; TEXT_SLOT: nobody asks for it */
  bool plain;                  /* records that pass all ops have no fields: they are lines */
  struct value *field;
  enum sink sink;
  struct tally *tally;
  struct best *best;
  struct sorter *sorter; /* of what is kept, */
  size_t most;           /* at most so many; */
  int text_of;           /* a function: the text of a table that is a key */
  const struct value **given; /* keys and arguments of these: where they are in every record, */
  struct value whole;         /* which is here for the record's text */
  unsigned columns;           /* of rows: slots, with their names in UV_COLUMNS; 0: all fields */
  unsigned *column;
  uint64_t limit;  /* records that an item gives at most */
  bool lua;        /* does an op or the sink call Lua? */
  bool native;     /* nothing makes Lua values or needs bytes behind the text: chunks are mapped, */
  bool reads;      /* but those of this item are read */
  bool torn;       /* a mapping of this item broke: what was found is worth nothing */
  uint64_t random; /* of OP_SAMPLE */

  struct arena arena;
  struct buf lines;
  struct buf pairs; /* names and values, while a table is made of them */
  /* the block under way */
  struct file *held;
  struct pieces pieces;
  struct buf bytes;
  bool reading;  /* is there more of the held file? */
  bool mapped;   /* the held file's bytes are looked at where they are mapped, */
  uint64_t last; /* up to this one: records that begin behind it are others' */
  uint64_t size; /* of the held file, as far as it counts */
  uint64_t done; /* where in its file the block's last record ended, that of this one; which may be behind `last` */
  struct why why;
  bool kept_failed;   /* the mapping of the record that failed is gone: */
  struct buf failed;  /* its text, */
  uint64_t failed_at; /* and where it was */
  const char *text;   /* the piece: whole records, */
  size_t n, at;       /* and how far it is done */
  uint64_t offset;    /* of the piece in its file */
  bool by_lead;       /* are this piece's records found by the lead? */
  /* the record under way */
  struct record now;
  uint64_t serial; /* of it; records that Lua keeps longer are refused */
  bool shown;      /* may Lua look at it? */
  bool mended;     /* it did not fit: its fields are those of the table UV_MENDED */
  /* of the item */
  uint64_t kept, mismatched, rows;
  unsigned samples;
  struct sample sample[SAMPLES_MOST];
};

#define TEXT_SLOT UINT32_MAX

static inline struct value slot_value(const struct runner *r, unsigned slot) {
  return slot == TEXT_SLOT ? value_of_text(r->now.text, r->now.length) : r->field[slot];
}

/* lflow_run.c */

/* Begin with the block at idx, a chunk or a string, which begins `offset` bytes into its file. Raises when it cannot be read. */
void runner_begin(lua_State *L, struct runner *r, int runner, int idx, uint64_t offset);
/* Run through what is left of the block. Raises where a record fails; the next call goes on behind it. */
void runner_go(lua_State *L, struct runner *r, int runner);

/* lflow_best.c */

/* Make the heap of the `most` first; falling: an array of booleans, one a key. How many keys there are. */
unsigned runner_make_best(lua_State *L, struct runner *r, int falling, size_t most);
/* keep the record under way if it is one of the first so far: 0, or -1 with r->why */
int runner_best(struct runner *r);
/* push those that are kept, as bytes of a sorter */
void runner_push_best(lua_State *L, struct runner *r, int runner);
/* push the row of one of these */
void runner_push_row(lua_State *L, struct runner *r, int runner, struct text kept);

/* lrecord.c */

/* the metatable of this runner's records; the runner is on top of the stack and stays there */
void record_class(lua_State *L);
/* Push the record as functions see it: a record, or the line where it has no fields yet (plain). `meta` is where its
** metatable stands. */
void record_push(lua_State *L, struct runner *r, int meta, bool plain);
/* Push the field at `key`, a name or number, of the table that a function has made of it, or nil. */
void record_push_mended(lua_State *L, int runner, int key);
/* Push it as a table of its own, or as a string where it has no fields. runner: where that stands; columns: where the names of
** the selected fields stand, 0: all fields; names: where slots by name stand. */
void record_push_row(lua_State *L, struct runner *r, int runner, int columns, int names);

#endif
