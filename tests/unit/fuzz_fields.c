/* fuzz_fields: random formats and records against splitters written the plain way.
**
** The bytes of one input choose a format, then slots, then the record. The record lies between two pages that nobody may
** touch, once at the end and once at the start of its page, so that a byte read outside it is a crash. Each splitter
** must say what the naive one says: does the record fit, what do the wanted slots hold, what does lookup find, what
** does each visit. */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "scan/csv.h"
#include "scan/either.h"
#include "scan/layout.h"
#include "scan/logfmt.h"
#include "scan/separated.h"

enum { FIELDS_MOST = 512, RECORD_MOST = 4000, STEPS_MOST = 6, SLOTS_MOST = 4 };

/* ---- the bytes of the input, which end in zeros ---- */

struct input {
  const uint8_t *p, *end;
};

static unsigned take(struct input *in, unsigned below) {
  return in->p < in->end ? *in->p++ % below : 0;
}

/* ---- what the naive splitters find ---- */

struct field {
  char name[24]; /* the start of it, when `odd` */
  bool odd;      /* a key that is longer, or has a zero in it */
  char text[RECORD_MOST];
  size_t n;
  bool is_true; /* a key without a value */
};

static struct {
  size_t n;
  bool broken, other; /* behind these the record does not fit; not even its start does */
  struct field field[FIELDS_MOST];
} found;

static void find_nothing(void) {
  found.n = 0;
  found.broken = found.other = false;
}

static struct field *add_field(const char *name, const char *p, size_t n) {
  MUST(found.n < FIELDS_MOST && n <= RECORD_MOST);
  struct field *f = &found.field[found.n++];
  snprintf(f->name, sizeof f->name, "%s", name);
  memcpy(f->text, p, n);
  f->n = n;
  f->is_true = f->odd = false;
  return f;
}

static void add_column(const char *p, size_t n) {
  char name[24];
  snprintf(name, sizeof name, "%zu", found.n + 1);
  add_field(name, p, n);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool has(const char *p, const char *end, const char *s) {
  size_t n = strlen(s);
  return (size_t)(end - p) >= n && memcmp(p, s, n) == 0;
}

/* ---- layouts ---- */

enum ending { UNTIL, QUOTED, WORD, WIDTH };

struct step {
  enum ending ending;
  unsigned width;
  const char *parts; /* what stands between the two parts of the field, or NULL */
  char then[12];
};

static struct {
  char start[12], text[600];
  int n;
  struct step step[STEPS_MOST];
} form;

/* often one that begins like the one before: fields that end at the same byte are walked over together */
static void choose_literal(struct input *in, const char *before, char *to, bool may_be_empty) {
  static const char *const literals[] = {" ",  "\"", " \"",   "\" ", "]", "] [",       "a",
                                         ",,", "",   "\" \"", "ab",  "$", "] [] [] [", "a a a a b"};
  unsigned n = sizeof literals / sizeof *literals;
  for (int again = 3; again > 0; again--) {
    strcpy(to, literals[take(in, n)]);
    if (!*before || *to == *before) break;
  }
  if (!*to && !may_be_empty) strcpy(to, ";");
}

static void choose_layout(struct input *in) {
  char *out = form.text;
  choose_literal(in, "", form.start, true);
  const char *before = form.start;
  out += sprintf(out, "%s", strcmp(form.start, "$") == 0 ? "$$" : form.start);
  form.n = 1 + (int)take(in, STEPS_MOST);
  for (int i = 0; i < form.n; i++) {
    struct step *s = &form.step[i];
    s->ending = take(in, 3) ? UNTIL : take(in, 2) ? WORD : WIDTH;
    s->width = 1 + take(in, 12);
    choose_literal(in, before, s->then, i == form.n - 1 || s->ending != UNTIL);
    static const char *const between[] = {" ", "a", "\"", ", "};
    s->parts = take(in, 4) ? NULL : between[take(in, 4)];
    out += sprintf(out, "${f%d", i);
    out += s->ending == WORD ? sprintf(out, ":word") : s->ending == WIDTH ? sprintf(out, ":%u", s->width) : 0;
    out += s->parts ? sprintf(out, "|${g%d}%s${h%d}}", i, s->parts, i) : sprintf(out, "}");
    out += sprintf(out, "%s", strcmp(s->then, "$") == 0 ? "$$" : s->then);
    bool quoted = *before && before[strlen(before) - 1] == '"' && s->then[0] == '"';
    if (s->ending == UNTIL && quoted) s->ending = QUOTED;
    before = s->then;
  }
}

/* Write a record of the layout chosen, nearly always: random bytes would seldom get behind its second literal. */
static size_t write_record(struct input *in, char *to, size_t most) {
  char *out = to, *end = to + most;
  for (int i = -1; i < form.n; i++) {
    const char *literal = i < 0 ? form.start : form.step[i].then;
    size_t n = i < 0                          ? 0
               : form.step[i].ending == WIDTH ? form.step[i].width
               : take(in, 8)                  ? take(in, 12)
                                              : take(in, 90);
    while (n-- > 0 && in->p < in->end && out < end) *out++ = (char)*in->p++;
    n = take(in, 9) ? strlen(literal) : strlen(literal) / 2;
    if ((size_t)(end - out) < n) break;
    memcpy(out, literal, n);
    out += n;
  }
  while (in->p < in->end && out < end) *out++ = (char)*in->p++;
  return (size_t)(out - to);
}

static const char *naive_end(const struct step *s, const char *p, const char *end) {
  const char *start = p;
  switch (s->ending) {
    case WIDTH: return (size_t)(end - p) >= s->width && has(p + s->width, end, s->then) ? p + s->width : NULL;
    case QUOTED:
      for (; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
      return p < end && has(p, end, s->then) ? p : NULL;
    case UNTIL:
      if (!*s->then) return end;
      while (p < end && !has(p, end, s->then)) p++;
      return p < end ? p : NULL;
    case WORD:
      if (!*s->then) {
        while (p < end && !is_blank(*p)) p++;
        return p;
      }
      while (p < end && !has(p, end, s->then)) p++;
      for (const char *q = start; q < p; q++)
        if (is_blank(*q)) return NULL;
      return p < end ? p : NULL;
  }
  return NULL;
}

static void naive_parts(int i, const char *p, const char *end) {
  const char *between = form.step[i].parts, *q = p;
  char name[24];
  while (q < end && !has(q, end, between)) q++;
  if (q == end) return;
  snprintf(name, sizeof name, "g%d", i);
  add_field(name, p, (size_t)(q - p));
  q += strlen(between);
  snprintf(name, sizeof name, "h%d", i);
  add_field(name, q, (size_t)(end - q));
}

static void naive_layout(const char *p, const char *end) {
  find_nothing();
  found.broken = found.other = !has(p, end, form.start);
  p += found.broken ? 0 : strlen(form.start);
  for (int i = 0; i < form.n && !found.broken; i++) {
    const char *e = naive_end(&form.step[i], p, end);
    if (!e) {
      found.broken = true;
      return;
    }
    char name[24];
    snprintf(name, sizeof name, "f%d", i);
    add_field(name, p, (size_t)(e - p));
    if (form.step[i].parts) naive_parts(i, p, e);
    p = e + strlen(form.step[i].then);
  }
}

/* ---- columns ---- */

static const char *separator;

static void naive_separated(const char *p, const char *end) {
  find_nothing();
  if (p == end) return;
  for (const char *start = p;; p++) {
    if (p < end && !has(p, end, separator)) continue;
    add_column(start, (size_t)(p - start));
    if (p == end) return;
    start = p + strlen(separator);
    p = start - 1;
  }
}

static void naive_blanks(const char *p, const char *end) {
  find_nothing();
  for (;;) {
    while (p < end && is_blank(*p)) p++;
    if (p == end) return;
    const char *start = p;
    while (p < end && !is_blank(*p)) p++;
    add_column(start, (size_t)(p - start));
  }
}

static void naive_csv(const char *p, const char *end) {
  find_nothing();
  while (p < end || (p == end && found.n && p[-1] == separator[0])) {
    static char text[RECORD_MOST];
    size_t n = 0;
    if (p < end && *p == '"') {
      bool closed = false;
      for (p++; p < end && !closed; p++) {
        if (*p != '"') text[n++] = *p;
        else if (p + 1 < end && p[1] == '"') text[n++] = *p++;
        else closed = true;
      }
      if (!closed || (p < end && *p != separator[0])) {
        found.broken = true;
        return;
      }
    } else {
      while (p < end && *p != separator[0]) text[n++] = *p++;
    }
    add_column(text, n);
    if (p == end) return;
    p++;
  }
}

/* ---- logfmt ---- */

static size_t put_utf8(char *to, unsigned c) {
  if (c < 0x80) return (size_t)sprintf(to, "%c", (int)c);
  if (c < 0x800) return (size_t)sprintf(to, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
  if (c < 0x10000)
    return (size_t)sprintf(to, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
  return (size_t)sprintf(to, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 63)),
                         (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
}

static long naive_hex(const char *p, const char *end, int n) {
  char digits[8] = {0};
  if (end - p < n) return -1;
  memcpy(digits, p, (size_t)n);
  return (int)strspn(digits, "0123456789abcdefABCDEF") == n ? strtol(digits, NULL, 16) : -1;
}

/* the escape behind a backslash; how many bytes it has */
static size_t naive_escape(const char *p, const char *end, char *text, size_t *n) {
  const char *known = "nrtbf", *means = "\n\r\t\b\f";
  long c = *p == 'u' ? naive_hex(p + 1, end, 4) : *p == 'x' ? naive_hex(p + 1, end, 2) : -1;
  if (c >= 0 && *p == 'x') {
    text[(*n)++] = (char)c;
    return 3;
  }
  if (c >= 0) {
    long low = end - p > 6 && p[5] == '\\' && p[6] == 'u' ? naive_hex(p + 7, end, 4) : -1;
    bool pair = c >= 0xd800 && c <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
    unsigned code = pair ? (unsigned)(0x10000 + ((c - 0xd800) * 0x400) + (low - 0xdc00)) : (unsigned)c;
    if (!pair && c >= 0xd800 && c <= 0xdfff) code = 0xfffd;
    if (code == 0) text[(*n)++] = 0;
    else *n += put_utf8(text + *n, code);
    return pair ? 11 : 5;
  }
  const char *at = *p ? strchr(known, *p) : NULL;
  text[(*n)++] = at ? means[at - known] : *p;
  return 1;
}

static void naive_logfmt(const char *p, const char *end) {
  find_nothing();
  while (p < end) {
    static char text[RECORD_MOST + 8];
    char name[24];
    size_t n = 0;
    if (is_blank(*p)) {
      p++;
      continue;
    }
    const char *key = p;
    while (p < end && *p != '=' && !is_blank(*p)) p++;
    snprintf(name, sizeof name, "%.*s", (int)(p - key), key);
    bool odd = strlen(name) != (size_t)(p - key);
    if (p == end || *p != '=') {
      struct field *f = add_field(name, "", 0);
      f->is_true = true;
      f->odd = odd;
      continue;
    }
    if (++p < end && *p == '"') {
      for (p++; p < end && *p != '"';) {
        if (*p == '\\' && p + 1 < end) p += 1 + naive_escape(p + 1, end, text, &n);
        else text[n++] = *p++;
      }
      found.broken = p >= end || (p + 1 < end && !is_blank(p[1]));
      if (found.broken) return;
      p++;
    } else {
      while (p < end && !is_blank(*p)) text[n++] = *p++;
    }
    add_field(name, text, n)->odd = odd;
  }
}

/* ---- comparing ---- */

enum format { LAYOUT, SEPARATED, CSV, LOGFMT, FORMATS };

static struct {
  enum format format;
  size_t columns; /* names given to the first fields: c1, c2, ... */
  bool trial;
  size_t slots;
  char slot[SLOTS_MOST][8];
  void (*naive)(const char *p, const char *end);
} plan;

static bool same(const struct field *f, const struct value *v) {
  if (!f) return v->kind == VALUE_NONE;
  if (f->is_true) return v->kind == VALUE_BOOLEAN && v->integer == 1;
  return v->kind == VALUE_TEXT && v->length == f->n && memcmp(v->text, f->text, f->n) == 0;
}

static const struct field *named(const char *name) {
  if (name[0] == 'c' && plan.columns) name++;
  for (size_t i = 0; i < found.n; i++)
    if (!found.field[i].odd && strcmp(found.field[i].name, name) == 0) return &found.field[i];
  return NULL;
}

static bool pairs_until(size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!found.field[i].is_true) return true;
  return false;
}

/* logfmt reads on until it has seen a pair and all wanted keys */
static bool logfmt_fits(void) {
  size_t last = 0;
  bool all = true;
  for (size_t i = 0; i < plan.slots; i++) {
    const struct field *f = named(plan.slot[i]);
    if (f && (size_t)(f - found.field) > last) last = (size_t)(f - found.field);
    all &= f != NULL;
  }
  if (!pairs_until(found.n)) return false;
  return !found.broken || (all && !plan.trial);
}

static bool slot_fits(const char *slot) {
  char whole[8];
  if (named(slot)) return true;
  if (slot[0] == 'g' || slot[0] == 'h')
    return sprintf(whole, "f%s", slot + 1), named(whole) != NULL; /* a part may be missing */
  bool column = plan.format == SEPARATED || plan.format == CSV;
  return column && !found.broken && (slot[0] == 'x' || (size_t)atoi(slot + (slot[0] == 'c')) > plan.columns);
}

static bool fits(void) {
  if (plan.format == LOGFMT) return logfmt_fits();
  if (found.other) return false;
  if (plan.trial && plan.format == LAYOUT) return !found.broken;
  if (plan.trial && plan.columns && (found.broken || found.n != plan.columns)) return false;
  for (size_t i = 0; i < plan.slots; i++)
    if (!(plan.trial && plan.slot[i][0] == 'x') && !slot_fits(plan.slot[i])) return false;
  return true;
}

static size_t visited;

static int visit(void *ctx, struct text name, const struct value *v) {
  (void)ctx;
  MUST(visited < found.n);
  const struct field *f = &found.field[visited++];
  MUST(same(f, v));
  if (f->odd) return 0;
  if (plan.columns && name.p[0] == 'c') name.p++, name.n--;
  MUST(text_is(name, f->name, strlen(f->name)));
  return 0;
}

static bool each_fits(void) {
  if (plan.format == LOGFMT) return !found.broken && pairs_until(found.n);
  return !found.broken && (plan.format == LAYOUT || found.n >= plan.columns);
}

static void check(const struct splitter *s, const char *text, size_t n) {
  struct value slot[SLOTS_MOST], v;
  struct arena arena = {0};
  struct why why;
  struct record r = {text, n, slot, &arena};
  plan.naive(text, text + n);
  int rc = s->ops->split(s->self, &r, &why);
  MUST(rc == fits());
  for (size_t i = 0; rc && i < plan.slots; i++) MUST(same(named(plan.slot[i]), &slot[i]));
  for (size_t i = 0; i < found.n; i++) {
    struct text name = text_of(found.field[i].name);
    if (found.field[i].odd) continue;
    MUST(s->ops->lookup(s->self, &r, name, &v, &why) == 1 && same(named(name.p), &v));
  }
  MUST(s->ops->lookup(s->self, &r, text_of("none such"), &v, &why) == 0 && v.kind == VALUE_NONE);
  visited = 0;
  MUST(s->ops->each(s->self, &r, visit, NULL, &why) == each_fits());
  MUST(!each_fits() || visited == found.n);
  arena_free(&arena);
}

/* ---- choosing ---- */

static void choose_slots(struct input *in) {
  plan.trial = take(in, 4) == 0;
  plan.slots = take(in, SLOTS_MOST + 1);
  for (size_t i = 0; i < plan.slots; i++) {
    unsigned k = take(in, plan.format == LAYOUT ? (unsigned)form.n : 9);
    switch (plan.format) {
      case LAYOUT: sprintf(plan.slot[i], "%c%u", form.step[k].parts ? "fgh"[take(in, 3)] : 'f', k); break;
      case LOGFMT: sprintf(plan.slot[i], "%c", "ab,x1"[k % 5]); break;
      default: sprintf(plan.slot[i], k < plan.columns && take(in, 2) ? "c%u" : "%u", k + 1); break;
    }
    if (plan.trial && plan.format != LOGFMT && take(in, 5) == 0) sprintf(plan.slot[i], "x%zu", i);
    for (size_t k2 = 0; k2 < i; k2++)
      if (strcmp(plan.slot[k2], plan.slot[i]) == 0)
        sprintf(plan.slot[i], plan.format == LOGFMT ? "zz%zu" : "%zu", 20 + i);
    if (plan.format == LAYOUT && !strchr("fghx", plan.slot[i][0])) {
      plan.slots = i;
      return;
    }
  }
}

static int make(struct input *in, struct splitter *s, struct why *why) {
  static const char *const separators[] = {",", "\t", "ab", "", ",,", " ", ";"};
  static char names[4][4] = {"c1", "c2", "c3", "c4"};
  struct text slot[SLOTS_MOST], column[4];
  plan.format = (enum format)take(in, FORMATS);
  plan.columns = 0;
  if (plan.format == LAYOUT) choose_layout(in);
  if (plan.format == SEPARATED || plan.format == CSV) {
    separator = separators[take(in, sizeof separators / sizeof *separators)];
    if (plan.format == CSV && strlen(separator) != 1) separator = ",";
    plan.columns = take(in, 5);
  }
  choose_slots(in);
  for (size_t i = 0; i < plan.columns; i++) column[i] = text_of(names[i]);
  for (size_t i = 0; i < plan.slots; i++) slot[i] = text_of(plan.slot[i]);
  struct slots slots = {slot, plan.slots, plan.trial};
  switch (plan.format) {
    case LAYOUT: plan.naive = naive_layout; return layout_make(s, text_of(form.text), &slots, why);
    case SEPARATED:
      plan.naive = *separator ? naive_separated : naive_blanks;
      return separated_make(s, text_of(separator), plan.columns ? column : NULL, plan.columns, &slots, why);
    case CSV:
      plan.naive = naive_csv;
      return csv_make(s, separator[0], plan.columns ? column : NULL, plan.columns, &slots, why);
    default: plan.naive = naive_logfmt; return logfmt_make(s, &slots, why);
  }
}

static char *guarded(void) {
  static char *page;
  if (page) return page;
  char *p = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MUST(p != MAP_FAILED && mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE) == 0);
  return page = p + 4096;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct input in = {data, data + n};
  struct splitter s;
  struct why why;
  if (make(&in, &s, &why) != 0) return 0;
  char *page = guarded(), record[FIELDS_MOST - 20]; /* each byte may be a field */
  if (plan.format == LAYOUT && take(&in, 2)) {
    n = write_record(&in, record, sizeof record);
  } else {
    n = (size_t)(in.end - in.p) < sizeof record ? (size_t)(in.end - in.p) : sizeof record;
    memcpy(record, in.p, n);
  }
  memcpy(page, record, n);
  check(&s, page, n);
  memcpy(page + 4096 - n, record, n);
  check(&s, page + 4096 - n, n);
  s.ops->free(s.self);
  return 0;
}

#ifdef FUZZ_MAIN

/* any bytes for the choices, then a record of the letters that separate something, rarely any bytes */
static size_t input(uint8_t *to) {
  static const char letters[] = "ab  \t,,;=\"\"\\[]$u1xna=b=\",\"\" \"";
  size_t head = 4 + below(40), n = head + (below(3) ? below(60) : below(400));
  size_t kinds = 1 + below(sizeof letters - 1), wild = below(8) ? 0 : 8;
  for (size_t i = 0; i < head; i++) to[i] = (uint8_t)below(256);
  for (size_t i = head; i < n; i++)
    to[i] = wild && below(wild) == 0 ? (uint8_t)below(256) : (uint8_t)letters[below(kinds)];
  return n;
}

static void one(void) {
  static uint8_t bytes[1000];
  LLVMFuzzerTestOneInput(bytes, input(bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
