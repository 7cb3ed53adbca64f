/* splitter: the text of a record to its fields.
**
** A splitter is made for a plan's slots: the names known before the plan runs. `split` fills record->field[i] for each
** slot i, and reads nothing behind the last one: whether the rest of the record has the format's shape is not asked.
** Other names are found by `lookup`, all fields by `each`; both work on the record's text and leave its slots alone.
** Values borrow from the record's text or from its arena. A splitter holds scratch memory, so it belongs to one
** thread; what it needs of names and patterns it copies. It belongs to whoever made it, and ops->free ends it.
**
** Makers (layout.h, separated.h, csv.h, logfmt.h, capture.h, either.h; json is a loadable module) return 0, or -1 with *why when
** the format is wrong or a slot asks for a field that the format cannot have. Adding a maker: the five functions below, a
** line in bindings/lfields.c, and an oracle in tests/unit/fuzz_fields.c. */
#ifndef PAPY_SCAN_SPLITTER_H
#define PAPY_SCAN_SPLITTER_H

#include <stdbool.h>

#include "scan/record.h"
#include "scan/text.h"
#include "scan/why.h"

/* Called for each field in the record's order. 0 to go on; -1, with the caller's why filled, ends the visit. It must return: no
** longjmp, so collect first and make Lua values of it afterwards. */
typedef int (*field_visitor)(void *ctx, struct text name, const struct value *v);

struct splitter_ops {
  /* 1: all slots are filled (VALUE_NONE for a field this record lacks but may lack); 0: the record does not fit the format,
  ** what the slots hold is undefined; -1 with *why: memory is out, or a pattern took too many steps */
  int (*split)(void *self, struct record *r, struct why *why);
  /* any field by its name. 1 with *v; 0: no such field here (*v is VALUE_NONE); -1 with *why */
  int (*lookup)(void *self, const struct record *r, struct text name, struct value *v, struct why *why);
  /* all fields. 1; 0 when the record does not fit (some may have been visited); -1 with *why, or because the visitor said so */
  int (*each)(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why);
  /* The i-th name that the format gives, from 0; 0 behind the last, and at once where the data name the fields (json, logfmt) */
  int (*name)(void *self, size_t i, struct text *name);
  /* can a record of this format have a field of this name? */
  bool (*knows)(void *self, struct text name);
  void (*free)(void *self);
};

struct splitter {
  const struct splitter_ops *ops;
  void *self;
};

/* What a plan wants of a format: the names of its slots, in their order and each once; borrowed for the time of the call.
** trial: this is one of several formats tried in order (either.h). The record must then have its whole shape, also behind
** the last slot, and a name that the format does not have is not an error but VALUE_NONE: another one has it. */
struct slots {
  const struct text *name;
  size_t n;
  bool trial;
};

/* A copy of the slots' names in one piece, an array to free(); NULL with errno when memory is out. */
struct text *slots_copy(const struct slots *slots);

/* Complete *why for a slot that the format has no field for: "no field 'stauts' (nearest: 'status')". Always -1. */
int splitter_no_field(const struct splitter *s, struct text name, struct why *why);

/* Metatable of the userdata that holds a struct splitter (ops is NULL until it is made): so a loadable module hands one
** to the engine. Its first user value is the array of its slots' names. */
#define SPLITTER_HANDLE "papy.splitter"

#endif
