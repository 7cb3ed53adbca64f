#include "scan/capture.h"

#include <stdio.h>
#include <stdlib.h>

struct capture {
  struct regex *re;
  size_t n;
  int *group; /* of each slot; -1: another format's field */
};

static int numbered(struct text name) {
  int number = 0;
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] < '0' || name.p[i] > '9' || name.n > 5) return -1;
    number = number * 10 + (name.p[i] - '0');
  }
  return name.n ? number : -1;
}

static int group_of(const struct capture *c, struct text name) {
  const char *known;
  unsigned group;
  for (unsigned i = 0; (group = regex_name(c->re, i, &known)) != 0; i++)
    if (text_is(name, known, strlen(known))) return (int)group;
  int number = numbered(name);
  return number <= (int)regex_groups(c->re) ? number : -1;
}

static struct text name_of(const struct capture *c, unsigned group, char scratch[16]) {
  const char *known;
  unsigned named;
  for (unsigned i = 0; (named = regex_name(c->re, i, &known)) != 0; i++)
    if (named == group) return text_of(known);
  return (struct text){scratch, (size_t)snprintf(scratch, 16, "%u", group)};
}

static struct value spanned(const struct capture *c, int group, const char *text) {
  if (group < 0) return value_none();
  const size_t *span = regex_spans(c->re) + 2 * group;
  return span[0] == REGEX_UNSET ? value_none() : value_of_text(text + span[0], span[1] - span[0]);
}

static void fill(const struct capture *c, const char *text, struct value *field) {
  for (size_t i = 0; i < c->n; i++) field[i] = spanned(c, c->group[i], text);
}

static int capture_split(void *self, struct record *r, struct why *why) {
  const struct capture *c = self;
  int rc = regex_search(c->re, r->text, r->length, 0, 0, why);
  if (rc == 1) fill(c, r->text, r->field);
  return rc;
}

static int capture_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  const struct capture *c = self;
  int group = group_of(c, name);
  int rc = group < 0 ? 0 : regex_search(c->re, r->text, r->length, 0, 0, why);
  *v = rc == 1 ? spanned(c, group, r->text) : value_none();
  return rc == 1 ? v->kind != VALUE_NONE : rc;
}

static int capture_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  const struct capture *c = self;
  int rc = regex_search(c->re, r->text, r->length, 0, 0, why);
  if (rc != 1) return rc;
  for (unsigned group = 1; group <= regex_groups(c->re); group++) {
    char scratch[16];
    struct value v = spanned(c, (int)group, r->text);
    if (v.kind != VALUE_NONE && visit(ctx, name_of(c, group, scratch), &v) != 0) return -1;
  }
  return 1;
}

/* named groups in the order of the pattern, not of the alphabet */
static int capture_name(void *self, size_t i, struct text *name) {
  const struct capture *c = self;
  char scratch[16];
  for (unsigned group = 1; group <= regex_groups(c->re); group++) {
    *name = name_of(c, group, scratch);
    if (name->p != scratch && i-- == 0) return 1;
  }
  return 0;
}

static bool capture_knows(void *self, struct text name) {
  return group_of(self, name) >= 0;
}

static void capture_free(void *self) {
  struct capture *c = self;
  regex_free(c->re);
  free(c->group);
  free(c);
}

static const struct splitter_ops capture_ops = {capture_split, capture_lookup, capture_each,
                                                capture_name,  capture_knows,  capture_free};

struct regex *capture_regex(const struct splitter *s) {
  return s->ops == &capture_ops ? ((struct capture *)s->self)->re : NULL;
}

void capture_fields(const struct splitter *s, const char *text, struct value *field) {
  fill(s->self, text, field);
}

static int want(struct splitter *s, const struct slots *slots, struct why *why) {
  struct capture *c = s->self;
  c->n = slots->n;
  c->group = calloc(c->n + 1, sizeof *c->group);
  if (!c->group) return why_set(why, "match:");
  for (size_t i = 0; i < c->n; i++) {
    c->group[i] = group_of(c, slots->name[i]);
    if (c->group[i] < 0 && !slots->trial) return splitter_no_field(s, slots->name[i], why);
  }
  return 0;
}

int capture_make(struct splitter *s, struct text pattern, unsigned flags, const struct slots *slots, struct why *why) {
  struct capture *c = calloc(1, sizeof *c);
  if (!c) return why_set(why, "match:");
  *s = (struct splitter){&capture_ops, c};
  c->re = regex_new(pattern.p, pattern.n, flags, why);
  if (c->re && want(s, slots, why) == 0) return 0;
  capture_free(c);
  return -1;
}
