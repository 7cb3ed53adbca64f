/* A template is compiled to steps, one per field: which byte ends the field, and the literal text that must stand there.
** What the plan wants is then written into the steps: slots, and what layout_walk.c is to try first. */
#include "scan/layout.h"

#include <stdlib.h>
#include <string.h>

#include "scan/layout_steps.h"

/* ---- names ---- */

/* the field, or the field with parts, in which the name is found; l->n when it is in none */
static size_t step_named(const struct layout *l, struct text name) {
  size_t i = 0;
  for (; i < l->n; i++) {
    const struct step *s = &l->step[i];
    if (text_is(s->name, name.p, name.n) && !layout_nameless(name)) break;
    if (s->parts && step_named(s->parts, name) < s->parts->n) break;
  }
  return i;
}

/* the i-th name, as a walk over all that takes from *i */
static int name_at(const struct layout *l, size_t *i, struct text *name) {
  for (const struct step *s = l->step; s < l->step + l->n; s++) {
    *name = s->name;
    if (!layout_nameless(s->name) && (*i)-- == 0) return 1;
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
