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
  unsigned width;      /* AFTER */
  int slot;            /* of the plan; -1: not wanted */
  int mark;            /* the kind of the literal's first byte; -1: none was free */
  struct text name;    /* of the field */
  struct literal then; /* what stands behind it */
};

struct layout {
  struct literal start; /* before the first field */
  size_t n, wanted;     /* steps; those up to the last wanted field */
  struct step *step;
  struct marks marks;
  int backslash; /* its kind, when a field stands in quotes; -1 as above */
  size_t absents;
  size_t *absent; /* slots that other formats fill */
  char *source;   /* the template, its literals without escapes: what the texts above point to */
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

/* where the first field starts; NULL when the record starts otherwise */
static inline const char *start(struct layout *l, const struct record *r) {
  if (!stands(&l->start, r->text, r->text + r->length)) return NULL;
  marks_start(&l->marks, r->text, r->length);
  return r->text + l->start.n;
}

static int layout_split(void *self, struct record *r, struct why *why) {
  (void)why;
  struct layout *l = self;
  const char *p = start(l, r);
  if (!p) return 0;
  for (const struct step *s = l->step, *last = s + l->wanted; s < last; s++) {
    const char *e = field_end(l, s, p);
    if (!e) return 0;
    if (s->slot >= 0) r->field[s->slot] = value_of_text(p, (size_t)(e - p));
    p = e + s->then.n;
  }
  for (size_t i = 0; i < l->absents; i++) r->field[l->absent[i]] = value_none();
  return 1;
}

/* Walk over the first n fields; the last one is in *v. 1; 0 when the record does not fit; -1 when the visitor gives up. */
static int walk(struct layout *l, const struct record *r, size_t n, struct value *v, field_visitor visit, void *ctx) {
  const char *p = start(l, r);
  if (!p) return 0;
  for (const struct step *s = l->step, *last = s + n; s < last; s++) {
    const char *e = field_end(l, s, p);
    if (!e) return 0;
    *v = value_of_text(p, (size_t)(e - p));
    if (visit && !is_nameless(s->name) && visit(ctx, s->name, v) != 0) return -1;
    p = e + s->then.n;
  }
  return 1;
}

static size_t step_named(const struct layout *l, struct text name) {
  for (size_t i = 0; i < l->n; i++)
    if (text_is(l->step[i].name, name.p, name.n) && !is_nameless(name)) return i;
  return l->n;
}

static int layout_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  (void)why;
  struct layout *l = self;
  size_t i = step_named(l, name);
  if (i < l->n && walk(l, r, i + 1, v, NULL, NULL) == 1) return 1;
  *v = value_none();
  return 0;
}

static int layout_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  (void)why;
  struct value v;
  return walk(self, r, ((struct layout *)self)->n, &v, visit, ctx);
}

static int layout_name(void *self, size_t i, struct text *name) {
  const struct layout *l = self;
  for (size_t k = 0; k < l->n; k++)
    if (!is_nameless(l->step[k].name) && i-- == 0) {
      *name = l->step[k].name;
      return 1;
    }
  return 0;
}

static bool layout_knows(void *self, struct text name) {
  const struct layout *l = self;
  return step_named(l, name) < l->n;
}

static void layout_free(void *self) {
  struct layout *l = self;
  free(l->step);
  free(l->absent);
  free(l->source);
  free(l);
}

static const struct splitter_ops layout_ops = {layout_split, layout_lookup, layout_each,
                                               layout_name,  layout_knows,  layout_free};

/* ---- compiling ---- */

struct reading {
  struct layout *to;
  const char *source, *p, *end;
  char *out; /* the next free byte of to->source */
  struct why *why;
};

static int wrong(struct reading *in, const char *at, const char *what) {
  return why_set(in->why, "layout, position %d: %s, in '%.*s'", (int)(at - in->source) + 1, what,
                 (int)(in->end - in->source), in->source);
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

static int read_field(struct reading *in, struct step *s) {
  const char *start = in->p++;
  bool braces = in->p < in->end && *in->p == '{';
  in->p += braces;
  s->ending = AT_REST;
  s->name = read_name(in);
  if (s->name.n == 0) return wrong(in, start, "a $ without a name (write $$ for a dollar sign)");
  if (braces && in->p < in->end && *in->p == ':') {
    in->p++;
    if (read_ending(in, s) != 0) return -1;
  }
  if (braces && (in->p == in->end || *in->p++ != '}')) return wrong(in, start, "a ${ without its }");
  if (step_named(in->to, s->name) < in->to->n) return wrong(in, start, "a second field of this name");
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
    struct step *s = &l->step[l->n];
    const char *at = in->p;
    *s = (struct step){.slot = -1};
    if (read_field(in, s) != 0) return -1;
    s->then = read_literal(in);
    if (settle(in, at, before, s) != 0) return -1;
    before = &s->then;
    l->n++;
  }
  return l->n ? 0 : wrong(in, in->source, "no field");
}

static int want(struct splitter *s, const struct slots *slots, struct why *why) {
  struct layout *l = s->self;
  for (size_t i = 0; i < slots->n; i++) {
    size_t k = step_named(l, slots->name[i]);
    if (k == l->n && !slots->trial) return splitter_no_field(s, slots->name[i], why);
    if (k == l->n) {
      l->absent[l->absents++] = i;
    } else {
      l->step[k].slot = (int)i;
      if (l->wanted < k + 1) l->wanted = k + 1;
    }
  }
  if (slots->trial) l->wanted = l->n;
  return 0;
}

int layout_make(struct splitter *s, struct text layout, const struct slots *slots, struct why *why) {
  struct layout *l = calloc(1, sizeof *l);
  if (!l) return why_set(why, "layout:");
  *s = (struct splitter){&layout_ops, l};
  marks_init(&l->marks);
  l->source = malloc(layout.n + 1);
  l->step = calloc(layout.n + 1, sizeof *l->step);
  l->absent = calloc(slots->n + 1, sizeof *l->absent);
  struct reading in = {l, layout.p, layout.p, layout.p + layout.n, l->source, why};
  if (!l->source || !l->step || !l->absent) why_set(why, "layout:");
  else if (compile(&in) == 0 && want(s, slots, why) == 0) return 0;
  layout_free(l);
  return -1;
}
