/* A layout is compiled to steps, one per field: which byte ends the field, and the literal text that must stand there.
** Splitting walks along the steps up to the last wanted field; fields that nobody wants are walked over in the same way,
** because where they end decides where the next one starts. (Jumping straight to a literal further on would be a little
** faster, and wrong as soon as the literal occurs in a field before it.)
**
** Most fields end at the first byte of a kind that the marks show in the window under way, and the literal stands there.
** That is tried first, in a loop that fits into registers; where it is otherwise, in whatever way, field_end looks again.
** (Access log in memory, newline search included: status and bytes 37 ns a line, the URL in the request 51; with a call for each
** field's way to end 48 and 67. The processor looks 300 instructions ahead: fewer of them per line and it works on
** the next line already.) */
#include "scan/layout.h"

#include <stdlib.h>
#include <string.h>

#include "scan/find.h"
#include "scan/marks.h"

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

/* What is tried first: the marks of bytes, the last of which to pass over so many, and the word that stands there. Fields that nobody
** wants and that end at the same byte are passed over in one go. Where a field's end is not as simple, the marks are of no byte. */
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
  size_t *
      absent; /* slots without a value: those of other formats; in a field's parts, all of them, for when they do not fit */
  char *source; /* the template, its literals without escapes: what the texts above point to */
};

/* ---- splitting ---- */

static bool is_nameless(struct text name) {
  return text_is(name, "_", 1);
}

static bool stands(const struct literal *l, const char *p, const char *end) {
  return (size_t)(end - p) >= l->n && (l->n == 0 || memcmp(p, l->p, l->n) == 0);
}

/* how far to go on when the literal does not stand where the field may end; 0: it does not end as it must */
static size_t go_on(const struct step *s, const char *p) {
  return s->ending == AT_LITERAL || s->ending == IN_WORD ? 1 : s->ending == AT_QUOTE && *p == '\\' ? 2 : 0;
}

static const char *find_literal(struct marks *m, const struct step *s, const char *p, const char *end) {
  for (size_t n;; p += n) {
    p = marks_next_of(m, s->mark, s->other, p);
    if (!p || p >= end) return NULL;
    if (stands(&s->then, p, end)) return p;
    if ((n = go_on(s, p)) == 0) return NULL;
  }
}

/* where the field that starts at p ends, the literal behind it standing there; NULL when it does not end so */
static const char *field_end(struct marks *m, const struct step *s, const char *p, const char *end) {
  const char *e;
  switch (s->ending) {
    case AT_REST: return end;
    case AFTER: return (size_t)(end - p) >= s->width && stands(&s->then, p + s->width, end) ? p + s->width : NULL;
    case AT_WORD: e = find_either(p, end, m->text, ' ', '\t'); return e ? e : end;
    case IN_WORD: e = find_literal(m, s, p, end); return e && !find_either(p, e, m->text, ' ', '\t') ? e : NULL;
    default: return find_literal(m, s, p, end);
  }
}

static void leave_empty(const struct layout *l, struct value *field) {
  for (size_t i = 0; i < l->absents; i++) field[l->absent[i]] = value_none();
}

/* the marks at p and behind it */
static inline uint64_t marks_ahead(const struct attempt *a, const char *window, const char *p) {
  size_t i = (size_t)(p - window);
  return i < MARKS_WINDOW ? (*a->some | *a->others) >> i : 0;
}

/* The window has no such byte at *p or behind it: one that has *p, or what comes behind the window. */
static inline bool look_on(struct marks *m, const char **window, const char **p) {
  if ((size_t)(*p - *window) < MARKS_WINDOW) *p = *window + MARKS_WINDOW;
  if (*p >= m->end) return false;
  marks_look(m, *p);
  *window = m->window;
  return true;
}

/* NULL when it takes a closer look */
static inline const char *try_end(struct marks *m, const char **window, const struct attempt *a, const char *p,
                                  const char *end) {
  uint64_t bits = marks_ahead(a, *window, p), word;
  if (bits == 0) {
    if (!look_on(m, window, &p)) return NULL;
    bits = marks_ahead(a, *window, p);
  }
  for (unsigned n = a->passes; n > 0; n--) bits &= bits - 1;
  if (bits == 0) return NULL;
  p += (unsigned)__builtin_ctzll(bits);
  if (end - p < (ptrdiff_t)sizeof word) return NULL;
  memcpy(&word, p, sizeof word);
  return (word & a->mask) == a->word ? p : NULL;
}

static bool split(const struct layout *l, const char *p, const char *end, struct value *field) {
  struct marks *m = l->marks;
  const char *window = m->window;
  if (!stands(&l->start, p, end)) return false;
  p += l->start.n;
  for (const struct step *s = l->step, *last = s + l->wanted; s < last; s++) {
    const char *e = try_end(m, &window, &s->attempt, p, end);
    if (e) {
      s = s->attempt.to;
    } else {
      e = field_end(m, s, p, end);
      if (!e) return false;
      window = m->window;
    }
    if (s->slot >= 0) field[s->slot] = value_of_text(p, (size_t)(e - p));
    if (s->inner) {
      if (!split(s->inner, p, e, field)) leave_empty(s->inner, field);
      window = m->window;
    }
    p = e + s->then.n;
  }
  return true;
}

static int layout_split(void *self, struct record *r, struct why *why) {
  const struct layout *l = self;
  (void)why;
  leave_empty(l, r->field);
  marks_start(l->marks, r->text, r->length);
  return split(l, r->text, r->text + r->length, r->field);
}

/* Visit all fields (or only look whether they fit), each one's parts behind it, where all of these fit. 1; 0 when the text does not fit;
** -1 when the visitor gives up. */
static int visit_each(const struct layout *l, const char *p, const char *end, field_visitor visit, void *ctx) {
  if (!stands(&l->start, p, end)) return 0;
  p += l->start.n;
  for (const struct step *s = l->step, *last = s + l->n; s < last; s++) {
    const char *e = field_end(l->marks, s, p, end);
    if (!e) return 0;
    struct value v = value_of_text(p, (size_t)(e - p));
    if (visit && !is_nameless(s->name) && visit(ctx, s->name, &v) != 0) return -1;
    if (visit && s->parts && visit_each(s->parts, p, e, NULL, NULL) == 1 && visit_each(s->parts, p, e, visit, ctx) < 0)
      return -1;
    p = e + s->then.n;
  }
  return 1;
}

static int layout_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  const struct layout *l = self;
  (void)why;
  marks_start(l->marks, r->text, r->length);
  return visit_each(l, r->text, r->text + r->length, visit, ctx);
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
  struct sought sought = {name, v};
  *v = value_none();
  return layout_each(self, r, is_sought, &sought, why) < 0;
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

static void free_layout(struct layout *l) {
  for (size_t i = 0; l->step && i < l->n; i++)
    if (l->step[i].parts) free_layout(l->step[i].parts);
  free(l->step);
  free(l->absent);
  free(l->source);
  free(l);
}

static void layout_free(void *self) {
  struct layout *l = self;
  free(l->marks);
  free_layout(l);
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
    s->ending = AT_WORD;
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

static struct layout *new_layout(struct text source, struct marks *marks, struct why *why);
static int compile(struct reading *in);

/* the layout between | and the brace that ends the field */
static int read_parts(struct reading *in, struct step *s) {
  const char *start = ++in->p;
  for (int depth = 1; in->p < in->end; in->p++) {
    depth += *in->p == '{' && in->p[-1] == '$' ? 1 : *in->p == '}' ? -1 : 0;
    if (depth == 0) break;
  }
  struct text source = {start, (size_t)(in->p - start)};
  s->parts = new_layout(source, in->to->marks, in->why);
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

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* how the field ends, now that the text on both sides of it is known */
static int settle(struct reading *in, const char *at, const struct literal *before, struct step *s) {
  struct marks *m = in->to->marks;
  if (s->then.n == 0) {
    if (s->ending == AT_REST && in->p < in->end) return wrong(in, at, "nothing stands between this field and the next");
    return 0;
  }
  char first = s->then.p[0];
  if (s->ending == AT_WORD) s->ending = is_blank(first) ? AT_BLANK : IN_WORD;
  if (s->ending == AT_REST)
    s->ending = before->n && before->p[before->n - 1] == '"' && first == '"' ? AT_QUOTE : AT_LITERAL;
  s->mark = s->other = marks_kind(m, first);
  if (s->ending == AT_QUOTE) s->other = marks_kind(m, '\\');
  if (s->ending == AT_BLANK) s->other = marks_kind(m, first == ' ' ? '\t' : ' ');
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

static struct layout *new_layout(struct text source, struct marks *marks, struct why *why) {
  struct layout *l = calloc(1, sizeof *l);
  if (!l) return why_set(why, "layout:"), NULL;
  l->marks = marks;
  l->source = malloc(source.n + 1);
  l->step = calloc(source.n + 1, sizeof *l->step);
  if (l->source && l->step) return l;
  why_set(why, "layout:");
  free_layout(l);
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
    if (parts->wanted) l->step[i].inner = parts;
    if (parts->wanted) parts->wanted = parts->n;
    collect_parts(parts, parts);
    settle_parts(parts);
  }
}

static void settle_attempt(const struct marks *m, struct step *s) {
  static const uint64_t none = 0;
  bool simple = s->then.n && s->then.n <= sizeof s->then.word && s->ending <= AT_BLANK;
  s->attempt = (struct attempt){.some = simple ? &m->at[s->mark] : &none,
                                .others = simple ? &m->at[s->other] : &none,
                                .word = s->then.word,
                                .mask = s->then.mask,
                                .to = s};
}

static bool is_wanted(const struct step *s) {
  return s->slot >= 0 || s->inner;
}

/* Do the fields of s and of the step behind it end at bytes of the same kind, and nobody wants them? */
static bool is_run(const struct step *s) {
  const struct attempt *a = &s->attempt, *next = &s[1].attempt;
  if (is_wanted(s) || is_wanted(s + 1) || s->ending != AT_LITERAL || s->then.n != 1) return false;
  return a->some == next->some && a->others == next->others;
}

static void settle_attempts(struct layout *l) {
  for (size_t i = l->wanted; i-- > 0;) {
    struct step *s = &l->step[i];
    settle_attempt(l->marks, s);
    if (s->inner) settle_attempts(s->inner);
    if (i + 1 == l->wanted || !is_run(s)) continue;
    s->attempt = s[1].attempt;
    s->attempt.passes++;
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
  settle_attempts(l);
  return 0;
}

int layout_make(struct splitter *s, struct text layout, const struct slots *slots, struct why *why) {
  struct marks *marks = malloc(sizeof *marks);
  if (!marks) return why_set(why, "layout:");
  marks_init(marks);
  struct layout *l = new_layout(layout, marks, why);
  if (!l) return free(marks), -1;
  const char *end = layout.p + layout.n;
  struct reading in = {l, l, layout.p, layout.p, end, end, l->source, why};
  *s = (struct splitter){&layout_ops, l};
  if (compile(&in) == 0 && want(s, slots, why) == 0) return 0;
  layout_free(l);
  return -1;
}
