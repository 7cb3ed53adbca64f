/* columns: what splitters of numbered fields have in common.
**
** separated and csv differ in where a field ends; which of them are wanted, how they are called, and what a short
** record means is decided here. */
#ifndef PAPY_SCAN_COLUMNS_H
#define PAPY_SCAN_COLUMNS_H

#include "scan/marks.h"
#include "scan/splitter.h"

struct cursor {
  const char *p, *end; /* the next field starts at p */
  bool more;           /* is there a next field? */
};

enum columns_found {
  FIELD_FAILED = -1, /* *why is set */
  FIELD_NONE = 0,    /* the record has no more fields */
  FIELD_GIVEN = 1,
  FIELD_BROKEN = 2 /* the record does not fit */
};

struct column_want {
  size_t column; /* from 1; 0 is the record */
  size_t slot;
};

struct columns {
  /* step over `skip` fields and give the one behind them; decode into the arena where that is needed */
  enum columns_found (*field)(struct columns *c, struct cursor *at, size_t skip, struct value *v, struct arena *arena,
                              struct why *why);
  void (*begin)(struct columns *c, struct cursor *at); /* for blanks before the first field; may be NULL */
  struct marks marks;
  struct text *separator; /* owned, as are name and want */
  bool whole;             /* every record must have as many fields as there are names */
  size_t n;
  struct text *name;
  size_t wants;
  struct column_want *want; /* by rising column */
};

/* A splitter with these names (NULL: fields have numbers only). The maker sets field, begin and kinds of marks in the result,
** which is s->self. 0, or -1 with *why. */
int columns_make(struct splitter *s, struct text separator, const struct text *name, size_t n,
                 const struct slots *slots, struct why *why);

#endif
