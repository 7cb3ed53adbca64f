#include "scan/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS = 9 };    /* of a field's number */
#define COLUMN_ABSENT SIZE_MAX /* another format's field */

/* the number in "7" or "$7"; -1 for other names */
static long number_in(struct text name) {
  if (name.n && name.p[0] == '$') name.p++, name.n--;
  if (name.n == 0 || name.n > NUMBER_DIGITS) return -1;
  long number = 0;
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] < '0' || name.p[i] > '9') return -1;
    number = number * 10 + (name.p[i] - '0');
  }
  return number;
}

/* names of the columns come first: a header may well say "2023" */
static long column_of(const struct columns *c, struct text name) {
  for (size_t i = 0; i < c->n; i++)
    if (text_is(c->name[i], name.p, name.n)) return (long)i + 1;
  return number_in(name);
}

static struct cursor start(struct columns *c, const struct record *r) {
  struct cursor at = {r->text, r->text + r->length, r->length > 0};
  marks_start(&c->marks, r->text, r->length);
  if (c->begin) c->begin(c, &at);
  return at;
}

/* a record without this column: does it fit all the same? */
static bool may_lack(const struct columns *c, size_t column) {
  return column > c->n;
}

/* has it as many fields as there are names? 1, 0, -1 with *why */
static int is_whole(struct columns *c, const struct record *r, struct why *why) {
  struct value v;
  struct cursor at = start(c, r);
  enum columns_found found = c->field(c, &at, c->n - 1, &v, r->arena, why);
  return found == FIELD_FAILED ? -1 : found == FIELD_GIVEN && !at.more;
}

/* the next wanted column, `skip` fields further on; 1, 0 when the record does not fit, -1 */
static int step_to(struct columns *c, struct cursor *at, size_t column, size_t skip, struct value *v,
                   struct arena *arena, struct why *why) {
  enum columns_found found = column == COLUMN_ABSENT ? FIELD_NONE : c->field(c, at, skip, v, arena, why);
  if (found == FIELD_GIVEN) return 1;
  *v = value_none();
  return found == FIELD_FAILED ? -1 : found == FIELD_NONE && may_lack(c, column);
}

static int columns_split(void *self, struct record *r, struct why *why) {
  struct columns *c = self;
  int rc = c->whole ? is_whole(c, r, why) : 1;
  if (rc != 1) return rc;
  struct cursor at = start(c, r);
  struct value v = value_of_text(r->text, r->length);
  size_t given = 0; /* the column that v is */
  for (const struct column_want *w = c->want, *last = w + c->wants; w < last; given = w++->column) {
    if (w->column > given && (rc = step_to(c, &at, w->column, w->column - given - 1, &v, r->arena, why)) != 1)
      return rc;
    r->field[w->slot] = v;
  }
  return 1;
}

static int columns_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  struct columns *c = self;
  long column = column_of(c, name);
  *v = column == 0 ? value_of_text(r->text, r->length) : value_none();
  if (column <= 0) return column == 0;
  struct cursor at = start(c, r);
  enum columns_found found = c->field(c, &at, (size_t)column - 1, v, r->arena, why);
  if (found == FIELD_GIVEN) return 1;
  *v = value_none();
  return found == FIELD_FAILED ? -1 : 0;
}

static int columns_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  struct columns *c = self;
  struct cursor at = start(c, r);
  for (size_t i = 0;; i++) {
    struct value v;
    char number[24];
    enum columns_found found = c->field(c, &at, 0, &v, r->arena, why);
    if (found == FIELD_FAILED) return -1;
    if (found != FIELD_GIVEN) return found == FIELD_NONE && (i >= c->n);
    struct text name = {number, 0};
    if (i < c->n) name = c->name[i];
    else name.n = (size_t)snprintf(number, sizeof number, "%zu", i + 1);
    if (visit(ctx, name, &v) != 0) return -1;
  }
}

static int columns_name(void *self, size_t i, struct text *name) {
  struct columns *c = self;
  if (i >= c->n) return 0;
  *name = c->name[i];
  return 1;
}

static bool columns_knows(void *self, struct text name) {
  return column_of(self, name) >= 0;
}

static void columns_free(void *self) {
  struct columns *c = self;
  free(c->separator);
  free(c->name);
  free(c->want);
  free(c);
}

static const struct splitter_ops columns_ops = {columns_split, columns_lookup, columns_each,
                                                columns_name,  columns_knows,  columns_free};

static void insert_want(struct columns *c, size_t column, size_t slot) {
  size_t i = c->wants++;
  for (; i > 0 && c->want[i - 1].column > column; i--) c->want[i] = c->want[i - 1];
  c->want[i] = (struct column_want){column, slot};
}

static int want(struct splitter *s, const struct slots *slots, struct why *why) {
  struct columns *c = s->self;
  c->want = calloc(slots->n + 1, sizeof *c->want);
  if (!c->want) return why_set(why, "fields:");
  c->whole = slots->trial && c->n > 0;
  for (size_t i = 0; i < slots->n; i++) {
    long column = column_of(c, slots->name[i]);
    if (column < 0 && !slots->trial) return splitter_no_field(s, slots->name[i], why);
    insert_want(c, column < 0 ? COLUMN_ABSENT : (size_t)column, i);
  }
  return 0;
}

int columns_make(struct splitter *s, struct text separator, const struct text *name, size_t n,
                 const struct slots *slots, struct why *why) {
  struct columns *c = calloc(1, sizeof *c);
  if (!c) return why_set(why, "fields:");
  *s = (struct splitter){&columns_ops, c};
  marks_init(&c->marks);
  c->separator = slots_copy(&(struct slots){&separator, 1, false});
  c->name = slots_copy(&(struct slots){name, n, false});
  c->n = n;
  if (!c->separator || !c->name) why_set(why, "fields:");
  else if (want(s, slots, why) == 0) return 0;
  columns_free(c);
  return -1;
}
