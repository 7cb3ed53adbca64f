#include "scan/csv.h"

#include "scan/columns.h"

enum { SEPARATOR, QUOTE }; /* kinds of marks */

/* the quote that ends the field whose text starts at p; *doubled: how many quotes in it are written twice */
static const char *closing_quote(struct columns *c, const char *p, const char *end, size_t *doubled) {
  while ((p = marks_next(&c->marks, QUOTE, p)) != NULL && end - p > 1 && p[1] == '"') {
    ++*doubled;
    p += 2;
  }
  return p;
}

static enum columns_found undouble(const char *p, const char *end, size_t doubled, struct value *v, struct arena *arena,
                                   struct why *why) {
  size_t n = (size_t)(end - p) - doubled;
  char *to = arena_take(arena, n), *out = to;
  if (!to) {
    why_set(why, "csv:");
    return FIELD_FAILED;
  }
  for (; p < end; p++) {
    *out++ = *p;
    p += *p == '"';
  }
  *v = value_of_text(to, n);
  return FIELD_GIVEN;
}

static enum columns_found quoted(struct columns *c, struct cursor *at, bool wanted, struct value *v,
                                 struct arena *arena, struct why *why) {
  size_t doubled = 0;
  const char *p = at->p + 1, *e = closing_quote(c, p, at->end, &doubled);
  if (!e || (e + 1 < at->end && e[1] != c->separator->p[0])) return FIELD_BROKEN;
  at->more = e + 1 < at->end;
  at->p = at->more ? e + 2 : at->end;
  if (wanted && doubled) return undouble(p, e, doubled, v, arena, why);
  *v = value_of_text(p, (size_t)(e - p));
  return FIELD_GIVEN;
}

static enum columns_found bare(struct columns *c, struct cursor *at, struct value *v) {
  const char *e = marks_next(&c->marks, SEPARATOR, at->p);
  *v = value_of_text(at->p, (size_t)((e ? e : at->end) - at->p));
  at->more = e != NULL;
  at->p = e ? e + 1 : at->end;
  return FIELD_GIVEN;
}

static enum columns_found csv_field(struct columns *c, struct cursor *at, size_t skip, struct value *v,
                                    struct arena *arena, struct why *why) {
  for (;; skip--) {
    if (!at->more) return FIELD_NONE;
    enum columns_found found =
        at->p < at->end && *at->p == '"' ? quoted(c, at, skip == 0, v, arena, why) : bare(c, at, v);
    if (skip == 0 || found != FIELD_GIVEN) return found;
  }
}

int csv_make(struct splitter *s, char separator, const struct text *columns, size_t ncolumns, const struct slots *slots,
             struct why *why) {
  if (separator == '"' || separator == '\n' || separator == '\r')
    return why_set(why, "csv: the separator cannot be a quote or the end of a line");
  if (columns_make(s, (struct text){&separator, 1}, columns, ncolumns, slots, why) != 0) return -1;
  struct columns *c = s->self;
  marks_kind(&c->marks, separator);
  marks_kind(&c->marks, '"');
  c->field = csv_field;
  return 0;
}
