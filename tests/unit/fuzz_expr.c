/* fuzz_expr: random expressions against an evaluation written the plain way, and random texts that must end in an error
** or an expression.
**
** The bytes of an input choose a tree; it is written down with as many parentheses as it needs (and some more), compiled, and
** evaluated on a few records. The naive evaluation walks the tree with doubles and strings of its own. With an odd
** first byte the input is the text of an expression instead. */
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"
#include "scan/expr.h"

enum { FIELDS = 5, TEXT_MOST = 64, SOURCE_MOST = 1 << 16, NODES_MOST = 400, LIST_MOST = 3 };

struct input {
  const uint8_t *p, *end;
};

static unsigned take(struct input *in, unsigned below) {
  return in->p < in->end ? *in->p++ % below : 0;
}

/* ---- naive values ---- */

struct plain {
  enum { NOTHING, NULL_VALUE, BOOLEAN, WHOLE, DECIMAL, STRING } kind;
  double number;
  char text[TEXT_MOST];
};

static struct plain none(void) {
  return (struct plain){.kind = NULL_VALUE};
}
static struct plain boolean(bool b) {
  return (struct plain){.kind = BOOLEAN, .number = b};
}
static bool beyond; /* a whole number that doubles do not have: this evaluation knows no better */

static struct plain number(double d, bool whole) {
  beyond |= whole && fabs(d) > 9007199254740992.0;
  if (whole && d == 0) d = 0; /* integers have one zero */
  return isfinite(d) ? (struct plain){.kind = whole ? WHOLE : DECIMAL, .number = d} : none();
}

static const char *as_text(const struct plain *v, char *scratch) {
  switch (v->kind) {
    case NOTHING: return "";
    case NULL_VALUE: return "null";
    case BOOLEAN: return v->number != 0 ? "true" : "false";
    case WHOLE: sprintf(scratch, "%.0f", v->number); return scratch;
    case STRING: return v->text;
    case DECIMAL: break;
  }
  for (int digits = 15; digits <= 17; digits++) {
    sprintf(scratch, "%.*g", digits, v->number);
    if (strtod(scratch, NULL) == v->number) break;
  }
  if (!strpbrk(scratch, ".e")) strcat(scratch, ".0");
  return scratch;
}

/* the texts that occur are numbers when strtod reads all of them and they do not look like hex or names */
static bool as_number(const struct plain *v, struct plain *to) {
  char *end;
  *to = *v;
  if (v->kind == WHOLE || v->kind == DECIMAL) return true;
  if (v->kind == BOOLEAN) return *to = number(v->number, true), true;
  if (v->kind != STRING || !*v->text || !strpbrk(v->text, "0123456789") || strpbrk(v->text, "xX_/")) return false;
  double d = strtod(v->text, &end);
  while (*end == ' ') end++;
  *to = number(d, !strpbrk(v->text, ".eE"));
  return *end == 0;
}

static bool is_null(const struct plain *v) {
  return v->kind == NOTHING || v->kind == NULL_VALUE;
}
static bool is_missing(const struct plain *v) {
  return is_null(v) || (v->kind == STRING && (!*v->text || strcmp(v->text, "-") == 0));
}

static int order(const struct plain *a, const struct plain *b) {
  struct plain x, y;
  char sa[TEXT_MOST], sb[TEXT_MOST];
  if (as_number(a, &x) && as_number(b, &y)) return (x.number > y.number) - (x.number < y.number);
  return strcmp(as_text(a, sa), as_text(b, sb));
}

static bool truth(const struct plain *v) {
  struct plain x;
  if (is_missing(v)) return false;
  if (v->kind == BOOLEAN) return v->number != 0;
  return as_number(v, &x) ? x.number != 0 : v->kind == STRING && strspn(v->text, " ") < strlen(v->text);
}

/* ---- trees ---- */

enum kind { FIELD, CONSTANT, OR, AND, NOT, COMPARE, MATCH, HAS, IN, MISSING, SUM, PRODUCT, MINUS, FUNCTION, KINDS };

struct tree {
  enum kind kind;
  unsigned which;
  bool not ;
  struct plain value;
  struct tree *a, *b, *list[LIST_MOST];
  int n;
};

static const char *const names[FIELDS] = {"alpha", "b.b", "`in`", "$1", "_x"};
static const char *const asked[FIELDS] = {"alpha", "b.b", "in", "1", "_x"};
static const char *const texts[] = {"",  "-",   "abc", "ABC", "bc",   "10",   "9",  "9.5",
                                    "0", "1e1", " 7",  "a/x", "true", "null", "10a"};
static const char *const comparisons[] = {"=", "!=", "<", "<=", ">", ">=", "==", "<>"};
static const char *const has[] = {"contains", "starts", "ends"};
static const char *const functions[] = {"len", "lower", "upper", "number"};
static const char *const patterns[] = {"b", "^1", "c$", "^$"};

static struct tree pool[NODES_MOST];
static int used;

static struct tree *new_tree(struct input *in, int depth) {
  if (used == NODES_MOST) return NULL;
  struct tree *t = &pool[used++];
  memset(t, 0, sizeof *t);
  t->kind = depth == 0 || used > NODES_MOST / 2 ? (enum kind)take(in, 2) : (enum kind)take(in, KINDS);
  t->which = take(in, 8);
  t->not = take(in, 2);
  if (t->kind == FIELD) t->which = take(in, FIELDS);
  if (t->kind == CONSTANT) {
    unsigned what = take(in, 20);
    if (what < sizeof texts / sizeof *texts) {
      t->value.kind = STRING;
      strcpy(t->value.text, texts[what]);
    } else {
      t->value = what == 15   ? boolean(take(in, 2))
                 : what == 16 ? number(take(in, 8) / 4.0, false)
                              : number(take(in, 20), true);
    }
  }
  if (t->kind > CONSTANT) t->a = new_tree(in, depth - 1);
  if (t->kind == OR || t->kind == AND || t->kind == COMPARE || t->kind == HAS || t->kind == SUM || t->kind == PRODUCT)
    t->b = new_tree(in, depth - 1);
  if (t->kind == IN)
    for (t->n = 0; t->n < 1 + (int)(t->which % LIST_MOST); t->n++) t->list[t->n] = new_tree(in, 0);
  return t;
}

static int strength(enum kind kind) {
  switch (kind) {
    case OR: return 1;
    case AND: return 2;
    case NOT: return 3;
    case COMPARE:
    case MATCH:
    case HAS:
    case IN:
    case MISSING: return 4;
    case SUM: return 5;
    case PRODUCT: return 6;
    case MINUS: return 7;
    default: return 8;
  }
}

static char *write_tree(char *out, const struct tree *t, int least, struct input *in);

static char *write_constant(char *out, const struct plain *v) {
  char scratch[TEXT_MOST];
  return out + sprintf(out, v->kind == STRING ? "'%s'" : "%s", as_text(v, scratch));
}

static char *write_bare(char *out, const struct tree *t, struct input *in) {
  int s = strength(t->kind);
  switch (t->kind) {
    case FIELD: return out + sprintf(out, "%s", names[t->which]);
    case CONSTANT: return write_constant(out, &t->value);
    case OR: out = write_tree(out, t->a, s, in); return write_tree(out + sprintf(out, " OR "), t->b, s + 1, in);
    case AND: out = write_tree(out, t->a, s, in); return write_tree(out + sprintf(out, " and "), t->b, s + 1, in);
    case NOT: return write_tree(out + sprintf(out, "not "), t->a, s, in);
    case MINUS: return write_tree(out + sprintf(out, "-"), t->a, s, in);
    case COMPARE:
      out = write_tree(out, t->a, s + 1, in);
      return write_tree(out + sprintf(out, " %s ", comparisons[t->which]), t->b, s + 1, in);
    case HAS:
      out = write_tree(out, t->a, s + 1, in);
      return write_tree(out + sprintf(out, " %s%s ", t->not ? "not " : "", has[t->which % 3]), t->b, s + 1, in);
    case MATCH:
      out = write_tree(out, t->a, s + 1, in);
      return out + sprintf(out, "%s'%s'%s", t->not ? "!~" : "~", patterns[t->which % 4], t->which > 3 ? "i" : "");
    case MISSING:
      out = write_tree(out, t->a, s + 1, in);
      return out + sprintf(out, " is %s%s", t->not ? "not " : "", t->which % 2 ? "null" : "missing");
    case IN:
      out = write_tree(out, t->a, s + 1, in);
      out += sprintf(out, " %sin (", t->not ? "not " : "");
      for (int i = 0; i < t->n; i++) out = write_tree(out + sprintf(out, i ? "," : ""), t->list[i], 5, in);
      return out + sprintf(out, ")");
    case SUM:
      out = write_tree(out, t->a, s, in);
      return write_tree(out + sprintf(out, t->not ? " - " : "+"), t->b, s + 1, in);
    case PRODUCT:
      out = write_tree(out, t->a, s, in);
      return write_tree(out + sprintf(out, " %c ", "*/%*"[t->which % 4]), t->b, s + 1, in);
    default:
      out = write_tree(out + sprintf(out, "%s(", functions[t->which % 4]), t->a, 5, in);
      return out + sprintf(out, ")");
  }
}

static char *write_tree(char *out, const struct tree *t, int least, struct input *in) {
  bool needed = strength(t->kind) < least || take(in, 8) == 7;
  if (needed) out += sprintf(out, "(");
  out = write_bare(out, t, in);
  return needed ? out + sprintf(out, ")") : out;
}

/* ---- naive evaluation ---- */

static struct plain value_of(const struct tree *t, const struct plain *fields);

static bool find(const struct plain *a, const struct plain *b, unsigned which) {
  char sa[TEXT_MOST], sb[TEXT_MOST];
  if (is_null(a) || is_null(b)) return false;
  const char *in = as_text(a, sa), *s = as_text(b, sb);
  size_t n = strlen(in), m = strlen(s);
  if (which == 0) return strstr(in, s) != NULL;
  if (m > n) return false;
  return which == 1 ? strncmp(in, s, m) == 0 : strcmp(in + n - m, s) == 0;
}

static bool match(const struct plain *a, unsigned which) {
  char scratch[TEXT_MOST], text[TEXT_MOST];
  if (is_null(a)) return false;
  strcpy(text, as_text(a, scratch));
  bool caseless = which > 3;
  char last = *text ? text[strlen(text) - 1] : 0;
  switch (which % 4) {
    case 0: return strpbrk(text, caseless ? "bB" : "b") != NULL;
    case 1: return *text == '1';
    case 2: return last == 'c' || (caseless && last == 'C');
    default: return !*text;
  }
}

static bool compare(const struct plain *a, const struct plain *b, unsigned which) {
  if (is_null(a) || is_null(b)) return false;
  int c = order(a, b);
  if (which == 0 || which == 6) return c == 0;
  if (which == 1 || which == 7) return c != 0;
  if (is_missing(a) || is_missing(b)) return false;
  return which == 2 ? c < 0 : which == 3 ? c <= 0 : which == 4 ? c > 0 : c >= 0;
}

static struct plain calculate(char op, const struct plain *a, const struct plain *b) {
  struct plain x, y;
  if (!as_number(a, &x) || !as_number(b, &y)) return none();
  bool whole = x.kind == WHOLE && y.kind == WHOLE;
  switch (op) {
    case '+': return number(x.number + y.number, whole);
    case '-': return number(x.number - y.number, whole);
    case '*': return number(x.number * y.number, whole);
    case '/': return number(x.number / y.number, false);
    default: {
      double m = fmod(x.number, y.number);
      return number(m != 0 && (m < 0) != (y.number < 0) ? m + y.number : m, whole);
    }
  }
}

static struct plain call(const struct plain *a, unsigned which) {
  char scratch[TEXT_MOST];
  struct plain v = *a;
  if (which == 3) return as_number(a, &v) ? v : none();
  if (which == 0) return is_null(a) ? none() : number((double)strlen(as_text(a, scratch)), true);
  for (char *p = v.text; a->kind == STRING && *p; p++)
    *p = which == 1 && *p >= 'A' && *p <= 'Z'   ? (char)(*p + 32)
         : which == 2 && *p >= 'a' && *p <= 'z' ? (char)(*p - 32)
                                                : *p;
  return v;
}

static bool is_in(const struct tree *t, const struct plain *a, const struct plain *fields) {
  for (int i = 0; i < t->n; i++) {
    struct plain b = value_of(t->list[i], fields);
    if (compare(a, &b, 0)) return true;
  }
  return false;
}

static struct plain value_of(const struct tree *t, const struct plain *fields) {
  if (t->kind == FIELD) return fields[t->which];
  if (t->kind == CONSTANT) return t->value;
  struct plain a = value_of(t->a, fields), b = t->b ? value_of(t->b, fields) : none(), zero = number(0, true);
  switch (t->kind) {
    case OR: return boolean(truth(&a) || truth(&b));
    case AND: return boolean(truth(&a) && truth(&b));
    case NOT: return boolean(!truth(&a));
    case COMPARE: return boolean(compare(&a, &b, t->which));
    case MATCH: return boolean(match(&a, t->which) != t->not );
    case HAS: return boolean(find(&a, &b, t->which % 3) != t->not );
    case IN: return boolean(is_in(t, &a, fields) != t->not );
    case MISSING: return boolean(is_missing(&a) != t->not );
    case SUM: return calculate(t->not ? '-' : '+', &a, &b);
    case PRODUCT: return calculate("*/%*"[t->which % 4], &a, &b);
    case MINUS: return calculate('-', &zero, &a);
    default: return call(&a, t->which % 4);
  }
}

/* ---- comparing ---- */

static int slot_of(void *ctx, struct text name, struct why *why) {
  (void)ctx;
  for (int i = 0; i < FIELDS; i++)
    if (text_is(name, asked[i], strlen(asked[i]))) return i;
  return why_set(why, "no field");
}

static struct value to_value(const struct plain *v) {
  switch (v->kind) {
    case NOTHING: return value_none();
    case NULL_VALUE: return value_null();
    case BOOLEAN: return value_boolean(v->number != 0);
    case WHOLE: return value_integer((int64_t)v->number);
    case DECIMAL: return value_number(v->number);
    default: return value_of_text(v->text, strlen(v->text));
  }
}

static bool same(const struct value *v, const struct plain *p) {
  struct value expected = to_value(p);
  if (is_null(p)) return v->kind == VALUE_NULL || v->kind == VALUE_NONE;
  if (v->kind != expected.kind) return false;
  if (v->kind == VALUE_TEXT) return v->length == expected.length && memcmp(v->text, expected.text, v->length) == 0;
  return v->kind == VALUE_NUMBER ? v->number == expected.number : v->integer == expected.integer;
}

static void choose_fields(struct input *in, struct plain *fields) {
  for (int i = 0; i < FIELDS; i++) {
    unsigned what = take(in, 20);
    fields[i] = (struct plain){.kind = STRING};
    if (what < sizeof texts / sizeof *texts) strcpy(fields[i].text, texts[what]);
    else if (what == 15) fields[i] = (struct plain){.kind = NOTHING};
    else if (what == 16) fields[i] = none();
    else if (what == 17) fields[i] = boolean(take(in, 2));
    else fields[i] = number(what == 18 ? take(in, 9) / 8.0 : take(in, 12), what != 18);
  }
}

static bool has_null_comparison(const struct why *why) {
  return strstr(why->text, "nothing equals null") != NULL;
}

static void check_tree(struct input *in) {
  static char source[SOURCE_MOST];
  struct expr_names resolver = {slot_of, NULL};
  struct arena arena = {0};
  struct why why;
  used = 0;
  struct tree *t = new_tree(in, 1 + (int)take(in, 5));
  char *end = write_tree(source, t, 0, in);
  MUST(end < source + sizeof source);
  struct expr *e = expr_new((struct text){source, (size_t)(end - source)}, &resolver, &why);
  if (!e) fprintf(stderr, "%s\n", why.text);
  MUST(e || has_null_comparison(&why));
  for (int round = 0; e && round < 4; round++) {
    struct plain fields[FIELDS];
    struct value field[FIELDS], v;
    choose_fields(in, fields);
    for (int i = 0; i < FIELDS; i++) field[i] = to_value(&fields[i]);
    struct record r = {"", 0, field, &arena};
    beyond = false;
    struct plain expected = value_of(t, fields);
    MUST(expr_value(e, &r, &v, &why) == 0);
    if (!beyond && !same(&v, &expected)) fprintf(stderr, "%s\n", source);
    MUST(beyond || same(&v, &expected));
    MUST(beyond || expr_test(e, &r, &why) == truth(&expected));
    arena_reset(&arena);
  }
  expr_free(e);
  arena_free(&arena);
}

/* in memory of its own, so that a byte read behind the end is seen */
static void check_text(struct input *in) {
  struct expr_names resolver = {slot_of, NULL};
  struct why why = {""};
  size_t n = (size_t)(in->end - in->p);
  char *copy = malloc(n + 1);
  memcpy(copy, in->p, n);
  struct expr *e = expr_new((struct text){copy, n}, &resolver, &why);
  int position = 0;
  MUST(e || (sscanf(why.text, "expression, position %d:", &position) == 1 && position >= 1 && position <= (int)n + 1));
  expr_free(e);
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct input in = {data, data + n};
  if (take(&in, 2)) check_text(&in);
  else check_tree(&in);
  return 0;
}

#ifdef FUZZ_MAIN

static size_t input(uint8_t *to) {
  static const char *const words[] = {"and",  " or ", "not ",  "(",    ")",   "alpha", "'x'", "~ '",
                                      "in (", ", ",   "is ",   "null", " = ", "<",     "12",  "1.5",
                                      "$1",   "`",    "\"\\'", "len(", "-",   "\xff"};
  size_t n = 1 + below(200);
  to[0] = (uint8_t)below(256);
  for (size_t i = 1; i < n; i++) to[i] = (uint8_t)below(256);
  if (to[0] % 2 == 0) return n;
  for (n = 1; n < 60 && below(12);) {
    const char *word = words[below(sizeof words / sizeof *words)];
    memcpy(to + n, word, strlen(word));
    n += strlen(word);
  }
  return n;
}

static void one(void) {
  static uint8_t bytes[300];
  LLVMFuzzerTestOneInput(bytes, input(bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
