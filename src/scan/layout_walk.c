/* Splitting walks along the steps up to the last wanted field; fields that nobody wants are walked over in the same way,
** because where they end decides where the next one starts. (Jumping straight to a literal further on would be a little
** faster, and wrong as soon as the literal occurs in a field before it.)
**
** Most fields end at the first byte of a kind that the marks show in the window under way, and the literal stands there.
** That is tried first, in a loop that fits into registers; where it is otherwise, in whatever way, field_end looks again.
** (Access log in memory, newline search included: status and bytes 37 ns a line, the URL in the request 51; with a call
** for each field's way to end 48 and 67. The processor looks 300 instructions ahead: fewer of them per line and it works
** on the next line already.) */
#include <string.h>

#include "scan/find.h"
#include "scan/layout_steps.h"

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

int layout_split(void *self, struct record *r, struct why *why) {
  const struct layout *l = self;
  (void)why;
  leave_empty(l, r->field);
  marks_start(l->marks, r->text, r->length);
  return split(l, r->text, r->text + r->length, r->field);
}

/* Visit all fields (or only look whether they fit), each one's parts behind it, where all of these fit. 1; 0 when the
** text does not fit; -1 when the visitor gives up. */
static int visit_each(const struct layout *l, const char *p, const char *end, field_visitor visit, void *ctx) {
  if (!stands(&l->start, p, end)) return 0;
  p += l->start.n;
  for (const struct step *s = l->step, *last = s + l->n; s < last; s++) {
    const char *e = field_end(l->marks, s, p, end);
    if (!e) return 0;
    struct value v = value_of_text(p, (size_t)(e - p));
    if (visit && !layout_nameless(s->name) && visit(ctx, s->name, &v) != 0) return -1;
    if (visit && s->parts && visit_each(s->parts, p, e, NULL, NULL) == 1 && visit_each(s->parts, p, e, visit, ctx) < 0)
      return -1;
    p = e + s->then.n;
  }
  return 1;
}

int layout_each(void *self, const struct record *r, field_visitor visit, void *ctx, struct why *why) {
  const struct layout *l = self;
  (void)why;
  marks_start(l->marks, r->text, r->length);
  return visit_each(l, r->text, r->text + r->length, visit, ctx);
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

int layout_lookup(void *self, const struct record *r, struct text name, struct value *v, struct why *why) {
  struct sought sought = {name, v};
  *v = value_none();
  return layout_each(self, r, is_sought, &sought, why) < 0;
}
