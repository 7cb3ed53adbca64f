/* Keys are looked for in the record's order and compared with the wanted names by length first: records have few keys
** and plans few names, so that a table would cost more than it saves. Reading stops when all wanted names were found. */
#include "scan/logfmt.h"

#include <stdlib.h>

#include "scan/escape.h"
#include "scan/find.h"

struct logfmt {
  size_t n;
  struct text *name; /* of the slots; what they point to lies behind the array */
  bool trial;
};

struct pair {
  struct text key, value; /* the value as it is written, without quotes */
  bool bare, escaped;     /* bare: a key without = */
};

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* read the pair at *p, which is no blank, and step behind it; 0 when it has no end */
static int read_pair(const char **p, const char *end, const char *floor, struct pair *pair) {
  const char *key = *p, *at = key;
  while (at < end && *at != '=' && !is_blank(*at)) at++;
  *pair = (struct pair){.key = {key, (size_t)(at - key)}, .bare = at == end || *at != '='};
  if (pair->bare) {
    *p = at;
    return 1;
  }
  const char *value = ++at, *e;
  if (at < end && *at == '"') {
    value++;
    e = escape_quote(value, end, floor, &pair->escaped);
    if (!e || (e + 1 < end && !is_blank(e[1]))) return 0;
    *p = e + 1;
  } else {
    e = find_either(value, end, floor, ' ', '\t');
    *p = e = e ? e : end;
  }
  pair->value = (struct text){value, (size_t)(e - value)};
  return 1;
}

/* the next pair: 1; 0 at the end of the record; -1 when the record does not fit */
static int next_pair(const char **p, const char *end, const char *floor, struct pair *pair) {
  while (*p < end && is_blank(**p)) ++*p;
  if (*p == end) return 0;
  return read_pair(p, end, floor, pair) ? 1 : -1;
}

static int pair_value(const struct pair *pair, struct value *v, struct arena *arena, struct why *why) {
  struct text t = pair->value;
  if (pair->escaped && escape_decode(&t, arena) != 0) return why_set(why, "logfmt:");
  *v = pair->bare ? value_boolean(1) : value_of_text(t.p, t.n);
  return 0;
}

static int logfmt_split(void *self, struct record *r, struct why *why) {
  const struct logfmt *l = self;
  const char *p = r->text, *end = p + r->length;
  struct pair pair;
  size_t missing = l->n;
  bool pairs = false;
  int rc = 1;
  for (size_t i = 0; i < l->n; i++) r->field[i] = value_none();
  while ((missing || l->trial || !pairs) && (rc = next_pair(&p, end, r->text, &pair)) == 1) {
    pairs |= !pair.bare;
    for (size_t i = 0; i < l->n; i++) {
      if (!text_is(l->name[i], pair.key.p, pair.key.n) || r->field[i].kind != VALUE_NONE) continue;
      if (pair_value(&pair, &r->field[i], r->arena, why) != 0) return -1;
      missing--;
    }
  }
  return rc >= 0 && pairs;
}

static int logfmt_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  (void)self;
  const char *p = r->text, *end = p + r->length;
  struct pair pair;
  *v = value_none();
  while (next_pair(&p, end, r->text, &pair) == 1)
    if (text_is(name, pair.key.p, pair.key.n)) return pair_value(&pair, v, r->arena, why) == 0 ? 1 : -1;
  return 0;
}

static int logfmt_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  (void)self;
  const char *p = r->text, *end = p + r->length;
  struct pair pair;
  bool pairs = false;
  int rc;
  while ((rc = next_pair(&p, end, r->text, &pair)) == 1) {
    struct value v;
    pairs |= !pair.bare;
    if (pair_value(&pair, &v, r->arena, why) != 0 || visit(ctx, pair.key, &v) != 0) return -1;
  }
  return rc == 0 && pairs;
}

static int logfmt_name(void *self, size_t i, struct text *name) {
  (void)self, (void)i, (void)name;
  return 0;
}

static bool logfmt_knows(void *self, struct text name) {
  (void)self, (void)name;
  return true;
}

static void logfmt_free(void *self) {
  struct logfmt *l = self;
  free(l->name);
  free(l);
}

static const struct splitter_ops logfmt_ops = {logfmt_split, logfmt_lookup, logfmt_each,
                                               logfmt_name,  logfmt_knows,  logfmt_free};

int logfmt_make(struct splitter *s, const struct slots *slots, struct why *why) {
  struct logfmt *l = calloc(1, sizeof *l);
  if (!l) return why_set(why, "logfmt:");
  *s = (struct splitter){&logfmt_ops, l};
  l->n = slots->n;
  l->trial = slots->trial;
  l->name = slots_copy(slots);
  if (l->name) return 0;
  why_set(why, "logfmt:");
  free(l);
  return -1;
}
