/* Two functions walk the tree: one for what is true or false, one for values. Neither allocates; only lower and upper write
** text, to the record's arena. */
#include <math.h>

#include "scan/expr.h"
#include "scan/expr_node.h"

static int evaluate(const struct node *n, const struct record *r, struct value *v, struct why *why);

static bool is_number(enum value_kind kind) {
  return kind == VALUE_INTEGER || kind == VALUE_NUMBER;
}
static bool is_null(const struct value *v) {
  return v->kind == VALUE_NONE || v->kind == VALUE_NULL;
}

static int is_true(const struct value *v) {
  struct value number;
  if (v->kind == VALUE_BOOLEAN) return v->integer != 0;
  switch (value_numeric(v, &number)) {
    case VALUE_INTEGER: return number.integer != 0;
    case VALUE_NUMBER: return number.number != 0;
    case VALUE_NONE: return 0;
    default: return 1;
  }
}

static int same_bytes(const struct value *a, const struct value *b) {
  char sa[VALUE_SCRATCH], sb[VALUE_SCRATCH];
  struct text x = value_text(a, sa), y = value_text(b, sb);
  return text_is(x, y.p, y.n);
}

static int equal(const struct node *n, const struct value *a, const struct value *b) {
  return n->bytes ? same_bytes(a, b) : value_compare(a, b) == 0;
}

static int compare(const struct node *n, const struct value *a, const struct value *b) {
  if (is_null(a) || is_null(b)) return 0;
  if (n->op == OP_EQ) return equal(n, a, b);
  if (n->op == OP_NE) return !equal(n, a, b);
  if (value_missing(a) || value_missing(b)) return 0;
  int c = value_compare(a, b);
  switch (n->op) {
    case OP_LT: return c < 0;
    case OP_LE: return c <= 0;
    case OP_GT: return c > 0;
    default: return c >= 0;
  }
}

static int has_text(const struct node *n, const struct value *a, const struct value *b) {
  char sa[VALUE_SCRATCH], sb[VALUE_SCRATCH];
  if (is_null(a) || is_null(b)) return 0;
  struct text in = value_text(a, sa), t = value_text(b, sb);
  if (t.n == 0) return 1;
  if (t.n > in.n) return 0;
  switch (n->op) {
    case OP_STARTS: return memcmp(in.p, t.p, t.n) == 0;
    case OP_ENDS: return memcmp(in.p + in.n - t.n, t.p, t.n) == 0;
    default: return memmem(in.p, in.n, t.p, t.n) != NULL;
  }
}

static int matches(const struct node *n, const struct value *a, struct why *why) {
  char scratch[VALUE_SCRATCH];
  if (is_null(a)) return 0;
  struct text t = value_text(a, scratch);
  return regex_search(n->regex, t.p, t.n, 0, 0, why);
}

static int is_in(const struct node *n, const struct record *r, const struct value *a, struct why *why) {
  for (const struct node *list = n->b; list && !is_null(a); list = list->b) {
    struct value b;
    if (evaluate(list->a, r, &b, why) != 0) return -1;
    if (!is_null(&b) && equal(list, a, &b)) return 1;
  }
  return 0;
}

/* 1, 0, -1 */
static int test(const struct node *n, const struct record *r, struct why *why) {
  struct value a, b;
  int rc;
  switch (n->op) {
    case OP_OR: return (rc = test(n->a, r, why)) != 0 ? rc : test(n->b, r, why);
    case OP_AND: return (rc = test(n->a, r, why)) != 1 ? rc : test(n->b, r, why);
    case OP_NOT: return (rc = test(n->a, r, why)) < 0 ? rc : !rc;
    default: break;
  }
  bool alone = n->op > OP_MISSING || n->op < OP_OR; /* a value as a condition */
  if (evaluate(alone ? n : n->a, r, &a, why) != 0) return -1;
  if (alone) return is_true(&a);
  switch (n->op) {
    case OP_MATCH: return matches(n, &a, why);
    case OP_IN: return is_in(n, r, &a, why);
    case OP_MISSING: return value_missing(&a);
    default: break;
  }
  if (evaluate(n->b, r, &b, why) != 0) return -1;
  return n->op >= OP_CONTAINS ? has_text(n, &a, &b) : compare(n, &a, &b);
}

static struct value number_or_null(double d) {
  return isfinite(d) ? value_number(d) : value_null();
}

/* as Lua's %: the sign is the divisor's */
static struct value integer_modulo(int64_t a, int64_t b) {
  if (b == 0) return value_null();
  if (b == -1) return value_integer(0);
  int64_t m = a % b;
  return value_integer(m != 0 && (m ^ b) < 0 ? m + b : m);
}

static struct value number_modulo(double a, double b) {
  double m = fmod(a, b);
  return number_or_null(m != 0 && (m < 0) != (b < 0) ? m + b : m);
}

static struct value calculate_numbers(enum operation op, double a, double b) {
  switch (op) {
    case OP_ADD: return number_or_null(a + b);
    case OP_SUB: return number_or_null(a - b);
    case OP_MUL: return number_or_null(a * b);
    case OP_DIV: return number_or_null(a / b);
    default: return number_modulo(a, b);
  }
}

static struct value calculate(enum operation op, const struct value *a, const struct value *b) {
  struct value x, y;
  int64_t i;
  if (!is_number(value_numeric(a, &x)) || !is_number(value_numeric(b, &y))) return value_null();
  if (x.kind == VALUE_INTEGER && y.kind == VALUE_INTEGER) {
    if (op == OP_ADD && !__builtin_add_overflow(x.integer, y.integer, &i)) return value_integer(i);
    if (op == OP_SUB && !__builtin_sub_overflow(x.integer, y.integer, &i)) return value_integer(i);
    if (op == OP_MUL && !__builtin_mul_overflow(x.integer, y.integer, &i)) return value_integer(i);
    if (op == OP_MOD) return integer_modulo(x.integer, y.integer);
  }
  return calculate_numbers(op, value_double(&x), value_double(&y));
}

/* in ASCII; numbers and null stay as they are */
static int change_case(enum operation op, const struct record *r, struct value *v, struct why *why) {
  if (v->kind != VALUE_TEXT && v->kind != VALUE_RAW) return 0;
  char *to = arena_take(r->arena, v->length), first = op == OP_LOWER ? 'A' : 'a';
  if (!to) return why_set(why, "expression:");
  for (size_t i = 0; i < v->length; i++) {
    char c = v->text[i];
    to[i] = c >= first && c < first + 26 ? (char)(c ^ 0x20) : c;
  }
  *v = value_of_text(to, v->length);
  return 0;
}

static struct value length_of(const struct value *v) {
  char scratch[VALUE_SCRATCH];
  return is_null(v) ? value_null() : value_integer((int64_t)value_text(v, scratch).n);
}

static struct value as_number(const struct value *v) {
  struct value number;
  return is_number(value_numeric(v, &number)) ? number : value_null();
}

static int evaluate(const struct node *n, const struct record *r, struct value *v, struct why *why) {
  struct value b, zero = value_integer(0);
  if (n->op == OP_CONSTANT) {
    *v = n->value;
    return 0;
  }
  if (n->op == OP_FIELD) {
    *v = r->field[n->slot];
    return 0;
  }
  if (n->op <= OP_MISSING) {
    int rc = test(n, r, why);
    *v = value_boolean(rc);
    return rc < 0 ? -1 : 0;
  }
  if (evaluate(n->a, r, v, why) != 0) return -1;
  switch (n->op) {
    case OP_LEN: *v = length_of(v); return 0;
    case OP_NUMBER: *v = as_number(v); return 0;
    case OP_NEG: *v = calculate(OP_SUB, &zero, v); return 0;
    case OP_LOWER:
    case OP_UPPER: return change_case(n->op, r, v, why);
    default: break;
  }
  if (evaluate(n->b, r, &b, why) != 0) return -1;
  *v = calculate(n->op, v, &b);
  return 0;
}

int expr_test(const struct expr *e, const struct record *r, struct why *why) {
  return test(e->root, r, why);
}

int expr_value(const struct expr *e, const struct record *r, struct value *v, struct why *why) {
  return evaluate(e->root, r, v, why);
}
