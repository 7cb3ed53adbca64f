/* layout_steps: a layout, compiled. Shared by layout.c (which makes it of a template) and layout_walk.c (which walks along
** it through a record); nobody else includes this. */
#ifndef PAPY_SCAN_LAYOUT_STEPS_H
#define PAPY_SCAN_LAYOUT_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/marks.h"
#include "scan/splitter.h"

enum ending {
  AT_LITERAL, /* the first place where the literal stands */
  AT_QUOTE,   /* a quote without a backslash before it; the literal must stand there */
  AT_BLANK,   /* a blank; the literal must stand there */
  IN_WORD,    /* the first place of a literal that begins with something else than a blank, no blank before it */
  AT_WORD,    /* a blank or the end of the record: no literal */
  AT_REST,    /* the end of the record */
  AFTER       /* so many bytes */
};

/* text between fields; its first eight bytes as a word, for comparing without a call */
struct literal {
  const char *p;
  size_t n;
  uint64_t word, mask;
};

/* What is tried first: the marks of bytes, how many of these to pass over, and the word that stands at the next. Fields
** that nobody wants and that end at the same byte are passed over in one go. Where a field's end is not as simple, the
** marks are of no byte. */
struct attempt {
  const uint64_t *some, *others;
  unsigned passes;
  uint64_t word, mask;
  const struct step *to; /* the step whose field ends there */
};

struct step {
  struct attempt attempt;
  int slot;             /* of the plan; -1: not wanted */
  struct literal then;  /* what stands behind the field */
  struct layout *inner; /* its parts, when some of them are wanted, or NULL */
  struct layout *parts; /* the fields in it, or NULL */
  enum ending ending;
  int mark, other; /* kinds of the bytes at which it may end: the literal's first, and another or the same */
  unsigned width;  /* AFTER */
  struct text name;
};

struct layout {
  struct literal start; /* before the first field */
  size_t n, wanted;     /* steps; those up to the last wanted field */
  struct step *step;
  struct marks *marks; /* of the record; the outermost layout's, whose parts share them */
  size_t absents;
  size_t *absent; /* slots without a value: those of other formats; of parts all of them, for when these do not fit */
  char *source;   /* the template, its literals without escapes: what the texts above point to */
};

static inline bool layout_nameless(struct text name) {
  return text_is(name, "_", 1);
}

/* layout_walk.c: of struct splitter_ops; self is the outermost layout */
int layout_split(void *self, struct record *r, struct why *why);
int layout_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why);
int layout_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why);

#endif
