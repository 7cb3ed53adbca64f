/* The end of a field is found in three ways: a byte, a string that starts with such a byte, or a blank. */
#include "scan/separated.h"

#include "scan/columns.h"

static enum columns_found until(struct cursor *at, const char *e, size_t separator, struct value *v) {
  *v = value_of_text(at->p, (size_t)((e ? e : at->end) - at->p));
  at->more = e != NULL;
  at->p = e ? e + separator : at->end;
  return FIELD_GIVEN;
}

static enum columns_found byte_field(struct columns *c, struct cursor *at, size_t skip, struct value *v,
                                     struct arena *arena, struct why *why) {
  (void)arena, (void)why;
  if (!at->more) return FIELD_NONE;
  const char *p = at->p, *e;
  while ((e = marks_next(&c->marks, 0, p)) != NULL && skip-- > 0) p = e + 1;
  at->p = p;
  if (e || skip == 0) return until(at, e, 1, v);
  at->more = false;
  return FIELD_NONE;
}

static const char *find_string(struct columns *c, const char *p, const char *end) {
  struct text s = *c->separator;
  for (; (p = marks_next(&c->marks, 0, p)) != NULL; p++)
    if ((size_t)(end - p) >= s.n && memcmp(p, s.p, s.n) == 0) break;
  return p;
}

static enum columns_found string_field(struct columns *c, struct cursor *at, size_t skip, struct value *v,
                                       struct arena *arena, struct why *why) {
  (void)arena, (void)why;
  do {
    if (!at->more) return FIELD_NONE;
    until(at, find_string(c, at->p, at->end), c->separator->n, v);
  } while (skip-- > 0);
  return FIELD_GIVEN;
}

static void skip_blanks(struct columns *c, struct cursor *at) {
  (void)c;
  while (at->p < at->end && (*at->p == ' ' || *at->p == '\t')) at->p++;
  at->more = at->p < at->end;
}

static enum columns_found word_field(struct columns *c, struct cursor *at, size_t skip, struct value *v,
                                     struct arena *arena, struct why *why) {
  (void)arena, (void)why;
  do {
    if (!at->more) return FIELD_NONE;
    until(at, marks_next_of(&c->marks, 0, 1, at->p), 1, v);
    skip_blanks(c, at);
  } while (skip-- > 0);
  return FIELD_GIVEN;
}

int separated_make(struct splitter *s, struct text separator, const struct text *columns, size_t ncolumns,
                   const struct slots *slots, struct why *why) {
  if (columns_make(s, separator, columns, ncolumns, slots, why) != 0) return -1;
  struct columns *c = s->self;
  if (separator.n == 0) {
    marks_kind(&c->marks, ' ');
    marks_kind(&c->marks, '\t');
    c->begin = skip_blanks;
    c->field = word_field;
  } else {
    marks_kind(&c->marks, separator.p[0]);
    c->field = separator.n == 1 ? byte_field : string_field;
  }
  return 0;
}
