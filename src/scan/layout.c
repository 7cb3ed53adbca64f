/* A layout is compiled to steps, one per field: how the field ends, and the literal text behind it. Splitting walks along
** the steps up to the last wanted field; fields that nobody wants are walked over in the same way, because where they end
** decides where the next one starts. (Jumping straight to a literal further on would be a little faster, and wrong as soon as the
** literal occurs in a field before it.) */
#include "scan/layout.h"

#include <stdlib.h>
#include <string.h>

#include "scan/find.h"
#include "scan/marks.h"

enum ending {
  AT_BYTE,   /* the first place of a literal of one byte */
  AT_TEXT,   /* the first place of a longer literal */
  AT_QUOTE,  /* a quote without a backslash before it */
  AT_REST,   /* the end of the record */
  AFTER,     /* so many bytes */
  AFTER_WORD /* a blank, which must be where the literal is; the end of the record where no literal follows */
};

/* text between fields; its first eight bytes as a word, for comparing without a call */
struct literal {
  const char *p;
  size_t n;
  uint64_t word, mask;
};

struct step {
  enum ending ending;
  unsigned width;       /* AFTER */
  int slot;             /* of the plan; -1: not wanted */
  int mark;             /* the kind of the literal's first byte; -1: none was free */
  struct text name;     /* of the field */
  struct literal then;  /* what stands behind it */
  struct layout *parts; /* the fields in it, or NULL */
};

struct layout {
  struct literal start; /* before the first field */
  size_t n, wanted;     /* steps; those up to the last wanted field */
  struct step *step;
  struct marks marks;
  int backslash; /* its kind, when a field stands in quotes; -1 as above */
  size_t absents;
  size_t *
      absent; /* slots without a value: those of other formats; in a field's parts, all of them, for when they do not fit */
  char *source; /* the template, its literals without escapes: what the texts above point to */
};

/* ---- splitting ---- */

static bool is_nameless(struct text name) {
  return text_is(name, "_", 1);
}

static inline bool stands(const struct literal *l, const char *p, const char *end) {
  size_t left = (size_t)(end - p);
  if (left < l->n) return false;
  if (left < sizeof l->word) return memcmp(p, l->p, l->n) == 0;
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return (word & l->mask) == l->word && (l->n <= sizeof word || memcmp(p, l->p, l->n) == 0);
}

static inline const char *find_first(struct layout *l, const struct step *s, const char *p) {
  struct marks *m = &l->marks;
  return s->mark >= 0 ? marks_next(m, s->mark, p) : find_byte(p, m->end, m->text, s->then.p[0]);
}

static const char *find_text(struct layout *l, const struct step *s, const char *p) {
  while ((p = find_first(l, s, p)) != NULL && !stands(&s->then, p, l->marks.end)) p++;
  return p;
}

static const char *find_quote(struct layout *l, const struct step *s, const char *p) {
  struct marks *m = &l->marks;
  bool marked = s->mark >= 0 && l->backslash >= 0;
  for (;;) {
    p = marked ? marks_next_of(m, s->mark, l->backslash, p) : find_either(p, m->end, m->text, '"', '\\');
    if (!p || *p == '"') return p;
    if (m->end - p < 2) return NULL;
    p += 2;
  }
}

/* a literal that begins with something else than a blank may begin in the word, so look for it first */
static const char *find_word_end(struct layout *l, const struct step *s, const char *p) {
  const char *literal = s->then.n ? find_text(l, s, p) : l->marks.end;
  if (!literal) return NULL;
  const char *blank = find_either(p, literal, l->marks.text, ' ', '\t');
  return !blank ? literal : s->then.n ? NULL : blank;
}

/* where the field that starts at p ends, the literal behind it standing there; NULL when it does not end so */
static inline __attribute__((always_inline)) const char *field_end(struct layout *l, const struct step *s,
                                                                   const char *p) {
  const char *end = l->marks.end;
  switch (s->ending) {
    case AT_BYTE: return find_first(l, s, p);
    case AT_TEXT: return find_text(l, s, p);
    case AT_QUOTE: p = find_quote(l, s, p); break;
    case AT_REST: return end;
    case AFTER: p = (size_t)(end - p) >= s->width ? p + s->width : NULL; break;
    case AFTER_WORD: return find_word_end(l, s, p);
  }
  return p && stands(&s->then, p, end) ? p : NULL;
}

/* where the first field starts; NULL when the text starts otherwise */
static inline const char *start(struct layout *l, const char *text, size_t n) {
  if (!stands(&l->start, text, text + n)) return NULL;
  marks_start(&l->marks, text, n);
  return text + l->start.n;
}

static void leave_empty(const struct layout *l, struct value *field) {
  for (size_t i = 0; i < l->absents; i++) field[l->absent[i]] = value_none();
}

static int split(struct layout *l, const char *text, size_t n, struct value *field);

static void split_parts(struct layout *l, const char *text, size_t n, struct value *field) {
  if (!split(l, text, n, field)) leave_empty(l, field);
}

static int split(struct layout *l, const char *text, size_t n, struct value *field) {
  const char *p = start(l, text, n);
  if (!p) return 0;
  for (const struct step *s = l->step, *last = s + l->wanted; s < last; s++) {
    const char *e = field_end(l, s, p);
    if (!e) return 0;
    if (s->slot >= 0) field[s->slot] = value_of_text(p, (size_t)(e - p));
    if (s->parts && s->parts->wanted) split_parts(s->parts, p, (size_t)(e - p), field);
    p = e + s->then.n;
  }
  return 1;
}

static int layout_split(void *self, struct record *r, struct why *why) {
  (void)why;
  leave_empty(self, r->field);
  return split(self, r->text, r->length, r->field);
}

static int visit_each(struct layout *l, const char *text, size_t n, field_visitor visit, void *ctx);

/* parts are there when all of them fit */
static int visit_parts(struct layout *parts, const struct value *v, field_visitor visit, void *ctx) {
  if (visit_each(parts, v->text, v->length, NULL, NULL) != 1) return 0;
  return visit_each(parts, v->text, v->length, visit, ctx);
}

/* Visit all fields (or only look whether they fit), each one's parts behind it. 1; 0 when the text does not fit; -1 when the visitor
** gives up. */
static int visit_each(struct layout *l, const char *text, size_t n, field_visitor visit, void *ctx) {
  const char *p = start(l, text, n);
  if (!p) return 0;
  for (const struct step *s = l->step, *last = s + l->n; s < last; s++) {
    const char *e = field_end(l, s, p);
    if (!e) return 0;
    struct value v = value_of_text(p, (size_t)(e - p));
    if (visit && !is_nameless(s->name) && visit(ctx, s->name, &v) != 0) return -1;
    if (visit && s->parts && visit_parts(s->parts, &v, visit, ctx) < 0) return -1;
    p = e + s->then.n;
  }
  return 1;
}

static int layout_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  (void)why;
  return visit_each(self, r->text, r->length, visit, ctx);
}

/* the field, or the field with parts, in which the name is found; l->n when it is in none */
static size_t step_named(const struct layout *l, struct text name) {
  size_t i = 0;
  for (; i < l->n; i++) {
    const struct step *s = &l->step[i];
    if (text_is(s->name, name.p, name.n) && !is_nameless(name)) break;
    if (s->parts && step_named(s->parts, name) < s->parts->n) break;
  }
  return i;
}

struct sought {
  struct text name;
  struct value *v;
};

static int is_sought(void *ctx, struct text name, const struct value *v) {
  const struct sought *sought = ctx;
  if (!text_is(name, sought->name.p, sought->name.n)) return 0;
  *sought->v = *v;
  return -1;
}

static int layout_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  (void)why;
  struct sought sought = {name, v};
  *v = value_none();
  return visit_each(self, r->text, r->length, is_sought, &sought) < 0;
}

/* the i-th name, as a walk over all that takes from *i */
static int name_at(const struct layout *l, size_t *i, struct text *name) {
  for (const struct step *s = l->step; s < l->step + l->n; s++) {
    *name = s->name;
    if (!is_nameless(s->name) && (*i)-- == 0) return 1;
    if (s->parts && name_at(s->parts, i, name)) return 1;
  }
  return 0;
}

static int layout_name(void *self, size_t i, struct text *name) {
  return name_at(self, &i, name);
}

static bool layout_knows(void *self, struct text name) {
  const struct layout *l = self;
  return step_named(l, name) < l->n;
}

static void layout_free(void *self) {
  struct layout *l = self;
  for (size_t i = 0; l->step && i < l->n; i++)
    if (l->step[i].parts) layout_free(l->step[i].parts);
  free(l->step);
  free(l->absent);
  free(l->source);
  free(l);
}

static const struct splitter_ops layout_ops = {layout_split, layout_lookup, layout_each,
                                               layout_name,  layout_knows,  layout_free};

/* ---- compiling ---- */

struct reading {
  struct layout *to, *whole; /* whole: names are looked for in all of it */
  const char *source, *p, *end, *whole_end;
  char *out; /* the next free byte of to->source */
  struct why *why;
};

static int wrong(struct reading *in, const char *at, const char *what) {
  return why_set(in->why, "layout, position %d: %s, in '%.*s'", (int)(at - in->source) + 1, what,
                 (int)(in->whole_end - in->source), in->source);
}

static bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* up to the next field; $$ becomes $ */
static struct literal read_literal(struct reading *in) {
  struct literal l = {.p = in->out};
  while (in->p < in->end && (*in->p != '$' || (in->end - in->p > 1 && in->p[1] == '$'))) {
    in->p += *in->p == '$';
    *in->out++ = *in->p++;
  }
  l.n = (size_t)(in->out - l.p);
  size_t n = l.n < sizeof l.word ? l.n : sizeof l.word;
  if (n) memcpy(&l.word, l.p, n);
  memset(&l.mask, 0xff, n);
  return l;
}

static struct text read_name(struct reading *in) {
  char *start = in->out;
  while (in->p < in->end && is_name_byte(*in->p)) *in->out++ = *in->p++;
  return (struct text){start, (size_t)(in->out - start)};
}

/* what stands between the colon and the brace */
static int read_ending(struct reading *in, struct step *s) {
  const char *start = in->p;
  struct text t = read_name(in);
  if (text_is(t, "word", 4)) {
    s->ending = AFTER_WORD;
    return 0;
  }
  for (size_t i = 0; i < t.n && t.n < 8; i++) {
    if (t.p[i] < '0' || t.p[i] > '9') break;
    s->width = s->width * 10 + (unsigned)(t.p[i] - '0');
    if (i + 1 == t.n && s->width > 0) {
      s->ending = AFTER;
      return 0;
    }
  }
  return wrong(in, start, "expected 'word' or a number of bytes after the colon");
}

static struct layout *new_layout(struct text source, struct why *why);
static int compile(struct reading *in);

/* the layout between | and the brace that ends the field */
static int read_parts(struct reading *in, struct step *s) {
  const char *start = ++in->p;
  for (int depth = 1; in->p < in->end; in->p++) {
    depth += *in->p == '{' && in->p[-1] == '$' ? 1 : *in->p == '}' ? -1 : 0;
    if (depth == 0) break;
  }
  struct text source = {start, (size_t)(in->p - start)};
  s->parts = new_layout(source, in->why);
  if (!s->parts) return -1;
  struct reading inner = {s->parts, in->whole, in->source, start, in->p, in->whole_end, s->parts->source, in->why};
  return compile(&inner);
}

static int read_field(struct reading *in, struct step *s) {
  const char *start = in->p++;
  bool braces = in->p < in->end && *in->p == '{';
  in->p += braces;
  s->ending = AT_REST;
  struct text name = read_name(in);
  if (name.n == 0) return wrong(in, start, "a $ without a name (write $$ for a dollar sign)");
  if (step_named(in->whole, name) < in->whole->n) return wrong(in, start, "a second field of this name");
  s->name = name;
  if (braces && in->p < in->end && *in->p == ':') {
    in->p++;
    if (read_ending(in, s) != 0) return -1;
  }
  if (braces && in->p < in->end && *in->p == '|' && read_parts(in, s) != 0) return -1;
  if (braces && (in->p == in->end || *in->p++ != '}')) return wrong(in, start, "a ${ without its }");
  return 0;
}

/* how the field ends, now that the text on both sides of it is known */
static int settle(struct reading *in, const char *at, const struct literal *before, struct step *s) {
  struct layout *l = in->to;
  s->mark = s->then.n ? marks_kind(&l->marks, s->then.p[0]) : -1;
  if (s->ending != AT_REST || (s->then.n == 0 && in->p == in->end)) return 0;
  if (s->then.n == 0) return wrong(in, at, "nothing stands between this field and the next");
  bool quoted = before->n && before->p[before->n - 1] == '"' && s->then.p[0] == '"';
  s->ending = quoted ? AT_QUOTE : s->then.n == 1 ? AT_BYTE : AT_TEXT;
  if (quoted) l->backslash = marks_kind(&l->marks, '\\');
  return 0;
}

static int compile(struct reading *in) {
  struct layout *l = in->to;
  const struct literal *before = &l->start;
  l->start = read_literal(in);
  while (in->p < in->end) {
    struct step *s = &l->step[l->n++]; /* counted at once, so that its parts are freed with it */
    const char *at = in->p;
    *s = (struct step){.slot = -1};
    if (read_field(in, s) != 0) return -1;
    s->then = read_literal(in);
    if (settle(in, at, before, s) != 0) return -1;
    before = &s->then;
  }
  return l->n ? 0 : wrong(in, in->source, "no field");
}

static struct layout *new_layout(struct text source, struct why *why) {
  struct layout *l = calloc(1, sizeof *l);
  if (!l) return why_set(why, "layout:"), NULL;
  marks_init(&l->marks);
  l->source = malloc(source.n + 1);
  l->step = calloc(source.n + 1, sizeof *l->step);
  if (l->source && l->step) return l;
  why_set(why, "layout:");
  layout_free(l);
  return NULL;
}

/* the slot of a name that the layout has; what splitting has to reach for it */
static void want_name(struct layout *l, struct text name, int slot) {
  size_t i = step_named(l, name);
  struct step *s = &l->step[i];
  if (l->wanted < i + 1) l->wanted = i + 1;
  if (text_is(s->name, name.p, name.n)) {
    s->slot = slot;
    return;
  }
  want_name(s->parts, name, slot);
}

static int reserve_absent(struct layout *l, size_t n, struct why *why) {
  l->absent = calloc(n + 1, sizeof *l->absent);
  if (!l->absent) return why_set(why, "layout:");
  for (size_t i = 0; i < l->n; i++)
    if (l->step[i].parts && reserve_absent(l->step[i].parts, n, why) != 0) return -1;
  return 0;
}

/* parts fit as a whole, or leave all of their slots empty */
static void collect_parts(struct layout *l, struct layout *to) {
  for (size_t i = 0; i < l->n; i++) {
    if (l->step[i].slot >= 0) to->absent[to->absents++] = (size_t)l->step[i].slot;
    if (l->step[i].parts) collect_parts(l->step[i].parts, to);
  }
}

static void settle_parts(struct layout *l) {
  for (size_t i = 0; i < l->n; i++) {
    struct layout *parts = l->step[i].parts;
    if (!parts) continue;
    if (parts->wanted) parts->wanted = parts->n;
    collect_parts(parts, parts);
    settle_parts(parts);
  }
}

static int want(struct splitter *s, const struct slots *slots, struct why *why) {
  struct layout *l = s->self;
  if (reserve_absent(l, slots->n, why) != 0) return -1;
  for (size_t i = 0; i < slots->n; i++) {
    if (layout_knows(l, slots->name[i])) want_name(l, slots->name[i], (int)i);
    else if (slots->trial) l->absent[l->absents++] = i;
    else return splitter_no_field(s, slots->name[i], why);
  }
  if (slots->trial) l->wanted = l->n;
  settle_parts(l);
  return 0;
}

int layout_make(struct splitter *s, struct text layout, const struct slots *slots, struct why *why) {
  struct layout *l = new_layout(layout, why);
  if (!l) return -1;
  const char *end = layout.p + layout.n;
  struct reading in = {l, l, layout.p, layout.p, end, end, l->source, why};
  *s = (struct splitter){&layout_ops, l};
  if (compile(&in) == 0 && want(s, slots, why) == 0) return 0;
  layout_free(l);
  return -1;
}
