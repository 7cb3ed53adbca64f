/* Compiling: a reader of words (next_word) and one function per strength of operators, each of which calls the next
** stronger one. The first thing that is wrong is kept in *why, with its position; after that the parser only unwinds: a function
** that returns NULL has failed. */
#include "scan/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "scan/expr_node.h"

enum {
  NESTING_MOST = 200, /* of parentheses, not and - */
  DEPTH_MOST = 2000,  /* of the tree: a chain of 'or' is as deep as it is long */
  ERROR_SOURCE = 120
};

enum word {
  WORD_END,
  WORD_NUMBER,
  WORD_TEXT,
  WORD_NAME,
  WORD_SYMBOL, /* one or two bytes of punctuation */
  WORD_OR,
  WORD_AND,
  WORD_NOT,
  WORD_CONTAINS,
  WORD_STARTS,
  WORD_ENDS,
  WORD_IN,
  WORD_IS,
  WORD_NULL,
  WORD_MISSING,
  WORD_TRUE,
  WORD_FALSE
};

static const struct {
  const char *name;
  enum word word;
} reserved[] = {{"or", WORD_OR},         {"and", WORD_AND},   {"not", WORD_NOT},     {"contains", WORD_CONTAINS},
                {"starts", WORD_STARTS}, {"ends", WORD_ENDS}, {"in", WORD_IN},       {"is", WORD_IS},
                {"null", WORD_NULL},     {"true", WORD_TRUE}, {"false", WORD_FALSE}, {"missing", WORD_MISSING}};

static const struct {
  const char *symbol;
  enum operation op;
} comparisons[] = {{"=", OP_EQ}, {"==", OP_EQ}, {"!=", OP_NE}, {"<>", OP_NE},
                   {"<", OP_LT}, {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}};

static const struct {
  const char *name;
  enum operation op;
} functions[] = {{"len", OP_LEN}, {"lower", OP_LOWER}, {"upper", OP_UPPER}, {"number", OP_NUMBER}};

struct parser {
  const char *source, *end, *next; /* next: behind the current word */
  enum word word;
  struct text at;     /* the current word as it is written */
  struct value value; /* of a number; of a text without quotes and escapes */
  int depth;
  struct expr *expr;
  const struct expr_names *names;
  struct why *why;
};

/* ---- errors ---- */

static struct node *wrong_at(struct parser *p, const char *at, const char *what, struct text near) {
  int n = (int)(p->end - p->source), shown = n < ERROR_SOURCE ? n : ERROR_SOURCE,
      length = near.n < 60 ? (int)near.n : 60;
  why_set(p->why, "expression, position %d: %s%.*s, in: %.*s%s", (int)(at - p->source) + 1, what, length, near.p, shown,
          p->source, n > shown ? "…" : "");
  return NULL;
}

static struct node *wrong(struct parser *p, const char *what) {
  return wrong_at(p, p->at.p, what, (struct text){"", 0});
}

/* "expected a value, not 'and'" */
static struct node *expected(struct parser *p, const char *what) {
  char sentence[160];
  if (p->word == WORD_END) snprintf(sentence, sizeof sentence, "expected %s, but it ends here", what);
  else snprintf(sentence, sizeof sentence, "expected %s, not ", what);
  return wrong_at(p, p->at.p, sentence, p->word == WORD_END ? (struct text){"", 0} : p->at);
}

static struct node *no_memory(struct parser *p) {
  why_set(p->why, "expression:");
  return NULL;
}

/* ---- words ---- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || (unsigned char)c >= 0x80;
}
static bool is_name_byte(char c) {
  return is_name_start(c) || is_digit(c) || c == '.';
}

static bool same_word(struct text t, const char *word) {
  return t.n == strlen(word) && strncasecmp(t.p, word, t.n) == 0;
}

static int read_name(struct parser *p, const char *s) {
  while (s < p->end && is_name_byte(*s)) s++;
  p->at.n = (size_t)(s - p->at.p);
  p->value = value_of_text(p->at.p, p->at.n);
  p->word = WORD_NAME;
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (same_word(p->at, reserved[i].name)) p->word = reserved[i].word;
  return 0;
}

/* `any bytes` and $1 */
static int read_odd_name(struct parser *p, const char *s) {
  bool dollar = *s++ == '$';
  const char *start = s;
  while (s < p->end && (dollar ? is_digit(*s) : *s != '`')) s++;
  if (dollar ? s == start : s == p->end)
    return wrong(p, dollar ? "a $ without a number" : "a ` without the one that ends the name"), -1;
  p->word = WORD_NAME;
  p->value = value_of_text(start, (size_t)(s - start));
  p->at.n = (size_t)(s - p->at.p) + !dollar;
  return 0;
}

static int read_number(struct parser *p, const char *s) {
  while (s < p->end && (is_digit(*s) || *s == '.')) s++;
  if (s < p->end && (*s | 0x20) == 'e') {
    const char *e = s + 1;
    if (e < p->end && (*e == '-' || *e == '+')) e++;
    if (e < p->end && is_digit(*e)) s = e;
    while (s < p->end && is_digit(*s)) s++;
  }
  while (s < p->end && is_name_byte(*s)) s++; /* 12ms is no number, and not two words either */
  p->at.n = (size_t)(s - p->at.p);
  p->word = WORD_NUMBER;
  if (value_parse(p->at.p, p->at.n, &p->value) == VALUE_TEXT) return wrong_at(p, p->at.p, "no number: ", p->at), -1;
  return 0;
}

/* a quoted text; in a regex only the quote is escaped */
static int read_text(struct parser *p, const char *s, bool regex) {
  char quote = *s++, *to = arena_take(&p->expr->arena, (size_t)(p->end - s)), *out = to;
  if (!to) return no_memory(p), -1;
  for (; s < p->end && *s != quote; s++) {
    if (*s == '\\' && p->end - s > 1 && (!regex || s[1] == quote)) {
      char c = *++s;
      *out++ = regex ? c : c == 'n' ? '\n' : c == 't' ? '\t' : c;
    } else {
      if (regex && *s == '\\' && p->end - s > 1) *out++ = *s++; /* an escaped byte ends nothing */
      *out++ = *s;
    }
  }
  if (s == p->end) return wrong(p, "a quote without the one that ends the text"), -1;
  p->at.n = (size_t)(s - p->at.p) + 1;
  p->word = WORD_TEXT;
  p->value = value_of_text(to, (size_t)(out - to));
  return 0;
}

static int read_symbol(struct parser *p, const char *s) {
  static const char *const two[] = {"==", "!=", "<>", "<=", ">=", "!~"};
  static const struct {
    const char *symbol, *hint;
  } foreign[] = {{"&&", "write 'and' for &&"}, {"||", "write 'or' for ||"}, {"!", "write 'not' for !"},
                 {"~=", "write != for ~="},    {"=~", "write ~ for =~"}};
  p->word = WORD_SYMBOL;
  p->at.n = 1;
  for (size_t i = 0; i < sizeof two / sizeof *two; i++)
    if (p->end - s > 1 && memcmp(s, two[i], 2) == 0) p->at.n = 2;
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign && p->at.n == 1; i++) {
    size_t n = strlen(foreign[i].symbol);
    if ((size_t)(p->end - s) >= n && memcmp(s, foreign[i].symbol, n) == 0) return wrong(p, foreign[i].hint), -1;
  }
  if (!strchr("=<>~+-*/%(),!", *s) || *s == 0) return wrong_at(p, s, "what is this: ", (struct text){s, 1}), -1;
  return 0;
}

static int read_word(struct parser *p, bool regex) {
  const char *s = p->next;
  while (s < p->end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')) s++;
  p->at = (struct text){s, 0};
  p->word = WORD_END;
  if (s == p->end) return 0;
  int rc;
  if (is_name_start(*s)) rc = read_name(p, s);
  else if (*s == '`' || *s == '$') rc = read_odd_name(p, s);
  else if (is_digit(*s) || (*s == '.' && p->end - s > 1 && is_digit(s[1]))) rc = read_number(p, s);
  else if (*s == '\'' || *s == '"') rc = read_text(p, s, regex);
  else rc = read_symbol(p, s);
  p->next = p->at.p + p->at.n;
  return rc;
}

/* -1 when the next word is none */
static int next_word(struct parser *p) {
  return read_word(p, false);
}

static bool at_symbol(const struct parser *p, const char *symbol) {
  return p->word == WORD_SYMBOL && text_is(p->at, symbol, strlen(symbol));
}

/* step over a symbol that must stand here */
static int need(struct parser *p, const char *symbol, const char *what) {
  if (!at_symbol(p, symbol)) return expected(p, what), -1;
  return next_word(p);
}

/* ---- nodes ---- */

static int deeper_of(const struct node *a, const struct node *b) {
  int x = a ? a->depth : 0, y = b ? b->depth : 0;
  return x > y ? x : y;
}

static struct node *new_node(struct parser *p, enum operation op, struct node *a, struct node *b) {
  struct node *n = arena_take(&p->expr->arena, sizeof *n);
  if (!n) return no_memory(p);
  *n = (struct node){.op = op, .depth = deeper_of(a, op == OP_IN ? NULL : b) + 1, .a = a, .b = b};
  return n->depth <= DEPTH_MOST ? n : wrong(p, "too long; lists of values are shorter with 'in'");
}

static struct node *constant(struct parser *p, struct value v) {
  struct node *n = new_node(p, OP_CONSTANT, NULL, NULL);
  if (n) n->value = v;
  return n && next_word(p) == 0 ? n : NULL;
}

static struct node *negated(struct parser *p, bool not, struct node *n) {
  return n && not ? new_node(p, OP_NOT, n, NULL) : n;
}

/* a constant that does not look like a number: comparing with it is never by size */
static bool is_plain_text(const struct node *n) {
  struct value number;
  return n->op == OP_CONSTANT && n->value.kind == VALUE_TEXT && value_numeric(&n->value, &number) == VALUE_TEXT;
}

static bool is_null_constant(const struct node *n) {
  return n->op == OP_CONSTANT && n->value.kind == VALUE_NULL;
}

/* ---- from strong to weak ---- */

static struct node *disjunction(struct parser *p);
static struct node *sum(struct parser *p);

static struct node *field(struct parser *p) {
  struct why why;
  int slot = p->names->slot(p->names->ctx, (struct text){p->value.text, p->value.length}, &why);
  if (slot < 0) return wrong(p, why.text);
  struct node *n = new_node(p, OP_FIELD, NULL, NULL);
  if (n) n->slot = slot;
  return n && next_word(p) == 0 ? n : NULL;
}

static struct node *call(struct parser *p, struct text name) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (!same_word(name, functions[i].name)) continue;
    if (next_word(p) != 0) return NULL;
    struct node *a = sum(p);
    return a && need(p, ")", "a ) behind what the function is of") == 0 ? new_node(p, functions[i].op, a, NULL) : NULL;
  }
  return wrong_at(p, name.p, "functions are len, lower, upper and number; there is no ", name);
}

static bool opens_call(const struct parser *p) {
  return p->word == WORD_NAME && p->next < p->end && *p->next == '(' && p->at.p == p->value.text;
}

static struct node *parenthesis(struct parser *p) {
  if (next_word(p) != 0) return NULL;
  struct node *n = disjunction(p);
  return n && need(p, ")", "a )") == 0 ? n : NULL;
}

static struct node *primary(struct parser *p) {
  if (opens_call(p)) {
    struct text name = p->at;
    return next_word(p) == 0 ? call(p, name) : NULL;
  }
  switch (p->word) {
    case WORD_NUMBER:
    case WORD_TEXT: return constant(p, p->value);
    case WORD_TRUE: return constant(p, value_boolean(1));
    case WORD_FALSE: return constant(p, value_boolean(0));
    case WORD_NULL: return constant(p, value_null());
    case WORD_NAME: return field(p);
    default: return at_symbol(p, "(") ? parenthesis(p) : expected(p, "a value");
  }
}

/* every way to nest passes here or through `inverse` */
static struct node *deeper(struct parser *p, struct node *(*parse)(struct parser *)) {
  if (++p->depth > NESTING_MOST) return wrong(p, "nested too deeply");
  struct node *n = parse(p);
  p->depth--;
  return n;
}

static struct node *unary(struct parser *p) {
  if (!at_symbol(p, "-")) return deeper(p, primary);
  if (next_word(p) != 0) return NULL;
  struct node *n = deeper(p, unary);
  return n ? new_node(p, OP_NEG, n, NULL) : NULL;
}

static struct node *product(struct parser *p) {
  struct node *n = unary(p), *b;
  while (n) {
    enum operation op = at_symbol(p, "*")   ? OP_MUL
                        : at_symbol(p, "/") ? OP_DIV
                        : at_symbol(p, "%") ? OP_MOD
                                            : OP_CONSTANT;
    if (op == OP_CONSTANT) break;
    n = next_word(p) == 0 && (b = unary(p)) != NULL ? new_node(p, op, n, b) : NULL;
  }
  return n;
}

static struct node *sum(struct parser *p) {
  struct node *n = product(p), *b;
  while (n && (at_symbol(p, "+") || at_symbol(p, "-"))) {
    enum operation op = at_symbol(p, "+") ? OP_ADD : OP_SUB;
    n = next_word(p) == 0 && (b = product(p)) != NULL ? new_node(p, op, n, b) : NULL;
  }
  return n;
}

/* ~ 'regex'flags */
static struct node *match(struct parser *p, struct node *a) {
  struct why why;
  if (read_word(p, true) != 0) return NULL;
  if (p->word != WORD_TEXT) return expected(p, "a regex in quotes");
  const char *letters = p->next;
  while (p->next < p->end && is_name_byte(*p->next)) p->next++;
  int flags = regex_flags(letters, (size_t)(p->next - letters), &why);
  if (flags < 0) return wrong_at(p, letters, why.text, (struct text){"", 0});
  struct node *n = new_node(p, OP_MATCH, a, NULL);
  if (!n) return NULL;
  n->regex = regex_new(p->value.text, p->value.length, (unsigned)flags, &why);
  if (!n->regex) return wrong(p, why.text);
  n->next_owning = p->expr->owning;
  p->expr->owning = n;
  return next_word(p) == 0 ? n : NULL;
}

/* the rest of a list, at its next element */
static struct node *elements(struct parser *p) {
  struct node *first = NULL, **link = &first;
  for (;;) {
    struct node *value = sum(p), *n = value ? new_node(p, OP_LIST, value, NULL) : NULL;
    if (!n) return NULL;
    n->bytes = is_plain_text(value);
    *link = n;
    link = &n->b;
    if (!at_symbol(p, ",")) break;
    if (next_word(p) != 0) return NULL;
  }
  return need(p, ")", "a comma or a )") == 0 ? first : NULL;
}

static struct node *in_list(struct parser *p, struct node *a) {
  if (next_word(p) != 0 || need(p, "(", "a ( and a list of values") != 0) return NULL;
  struct node *list = elements(p);
  return list ? new_node(p, OP_IN, a, list) : NULL;
}

static struct node *is_missing(struct parser *p, struct node *a) {
  if (next_word(p) != 0) return NULL;
  bool not = p->word == WORD_NOT;
  if (not &&next_word(p) != 0) return NULL;
  if (p->word != WORD_NULL && p->word != WORD_MISSING)
    return expected(p, not ? "null or missing" : "null, missing or not null");
  return next_word(p) == 0 ? negated(p, not, new_node(p, OP_MISSING, a, NULL)) : NULL;
}

static struct node *two_sided(struct parser *p, enum operation op, struct node *a) {
  const char *at = p->at.p;
  struct node *b = next_word(p) == 0 ? sum(p) : NULL;
  if (!b) return NULL;
  if (is_null_constant(a) || is_null_constant(b))
    return wrong_at(p, at, "nothing equals null: write 'is null' or 'is not null'", (struct text){"", 0});
  struct node *n = new_node(p, op, a, b);
  if (n) n->bytes = is_plain_text(a) || is_plain_text(b);
  return n;
}

static struct node *relation(struct parser *p, struct node *a) {
  bool not = p->word == WORD_NOT || at_symbol(p, "!~");
  if (at_symbol(p, "~") || at_symbol(p, "!~")) return negated(p, not, match(p, a));
  if (not &&next_word(p) != 0) return NULL;
  switch (p->word) {
    case WORD_IN: return negated(p, not, in_list(p, a));
    case WORD_CONTAINS: return negated(p, not, two_sided(p, OP_CONTAINS, a));
    case WORD_STARTS: return negated(p, not, two_sided(p, OP_STARTS, a));
    case WORD_ENDS: return negated(p, not, two_sided(p, OP_ENDS, a));
    default: break;
  }
  if (not ) return expected(p, "in, contains, starts or ends behind 'not'");
  if (p->word == WORD_IS) return is_missing(p, a);
  for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
    if (at_symbol(p, comparisons[i].symbol)) return two_sided(p, comparisons[i].op, a);
  return a;
}

static struct node *comparison(struct parser *p) {
  struct node *a = sum(p), *n = a ? relation(p, a) : NULL;
  if (!n || n == a) return n;
  struct text second = p->at;
  bool chained = at_symbol(p, "~") || at_symbol(p, "!~") || p->word == WORD_IS;
  for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) chained |= at_symbol(p, comparisons[i].symbol);
  return chained ? wrong_at(p, second.p, "comparisons do not chain: write 'and' between them, not ", second) : n;
}

static struct node *inverse(struct parser *p) {
  if (p->word != WORD_NOT) return comparison(p);
  if (next_word(p) != 0) return NULL;
  struct node *n = deeper(p, inverse);
  return negated(p, true, n);
}

static struct node *conjunction(struct parser *p) {
  struct node *n = inverse(p), *b;
  while (n && p->word == WORD_AND) n = next_word(p) == 0 && (b = inverse(p)) != NULL ? new_node(p, OP_AND, n, b) : NULL;
  return n;
}

static struct node *disjunction(struct parser *p) {
  struct node *n = conjunction(p), *b;
  while (n && p->word == WORD_OR)
    n = next_word(p) == 0 && (b = conjunction(p)) != NULL ? new_node(p, OP_OR, n, b) : NULL;
  return n;
}

static int compile(struct parser *p) {
  if (next_word(p) != 0) return -1;
  if (p->word == WORD_END) return wrong(p, "nothing is asked"), -1;
  p->expr->root = disjunction(p);
  if (p->expr->root && p->word != WORD_END) return expected(p, "and, or, or the end"), -1;
  return p->expr->root ? 0 : -1;
}

void expr_free(struct expr *e) {
  if (!e) return;
  for (struct node *n = e->owning; n; n = n->next_owning) regex_free(n->regex);
  arena_free(&e->arena);
  free(e);
}

struct expr *expr_new(struct text source, const struct expr_names *names, struct why *why) {
  struct expr *e = calloc(1, sizeof *e);
  if (!e) {
    why_set(why, "expression:");
    return NULL;
  }
  struct parser p = {
      .source = source.p, .end = source.p + source.n, .next = source.p, .expr = e, .names = names, .why = why};
  if (compile(&p) == 0) return e;
  expr_free(e);
  return NULL;
}
