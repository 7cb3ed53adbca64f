#include "scan/either.h"

#include <stdlib.h>

struct either {
  size_t n;
  struct splitter *of;
  struct value *scratch; /* for finding out which format fits without touching the slots */
};

static int try_each(struct either *e, struct record *r, size_t *fits, struct why *why) {
  for (*fits = 0; *fits < e->n; ++*fits) {
    struct splitter *s = &e->of[*fits];
    int rc = s->ops->split(s->self, r, why);
    if (rc != 0) return rc;
  }
  return 0;
}

static int either_split(void *self, struct record *r, struct why *why) {
  size_t fits;
  return try_each(self, r, &fits, why);
}

/* the format that fits */
static int choose(struct either *e, const struct record *r, struct splitter **s, struct why *why) {
  struct record copy = *r;
  size_t fits;
  copy.field = e->scratch;
  int rc = try_each(e, &copy, &fits, why);
  if (rc == 1) *s = &e->of[fits];
  return rc;
}

static int either_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  struct splitter *s;
  int rc = choose(self, r, &s, why);
  if (rc == 1) return s->ops->lookup(s->self, r, name, v, why);
  *v = value_none();
  return rc;
}

static int either_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  struct splitter *s;
  int rc = choose(self, r, &s, why);
  return rc == 1 ? s->ops->each(s->self, r, visit, ctx, why) : rc;
}

static int either_name(void *self, size_t i, struct text *name) {
  struct either *e = self;
  for (size_t k = 0; k < e->n; k++)
    for (size_t at = 0; e->of[k].ops->name(e->of[k].self, at, name); at++)
      if (i-- == 0) return 1;
  return 0;
}

static bool either_knows(void *self, struct text name) {
  struct either *e = self;
  for (size_t k = 0; k < e->n; k++)
    if (e->of[k].ops->knows(e->of[k].self, name)) return true;
  return false;
}

static void free_each(const struct splitter *of, size_t n) {
  for (size_t k = 0; k < n; k++) of[k].ops->free(of[k].self);
}

static void either_free(void *self) {
  struct either *e = self;
  free_each(e->of, e->n);
  free(e->of);
  free(e->scratch);
  free(e);
}

static const struct splitter_ops either_ops = {either_split, either_lookup, either_each,
                                               either_name,  either_knows,  either_free};

static int check_slots(struct splitter *s, const struct slots *slots, struct why *why) {
  for (size_t i = 0; i < slots->n; i++)
    if (!either_knows(s->self, slots->name[i])) return splitter_no_field(s, slots->name[i], why);
  return 0;
}

int either_make(struct splitter *s, const struct splitter *of, size_t n, const struct slots *slots, struct why *why) {
  struct either *e = calloc(1, sizeof *e);
  struct splitter *copy = calloc(n + 1, sizeof *copy);
  struct value *scratch = calloc(slots->n + 1, sizeof *scratch);
  if (!e || !copy || !scratch) {
    why_set(why, "fields:");
    free_each(of, n);
    free(e);
    free(copy);
    free(scratch);
    return -1;
  }
  if (n) memcpy(copy, of, n * sizeof *copy);
  *e = (struct either){n, copy, scratch};
  *s = (struct splitter){&either_ops, e};
  if (slots->trial || check_slots(s, slots, why) == 0) return 0;
  either_free(e);
  return -1;
}
