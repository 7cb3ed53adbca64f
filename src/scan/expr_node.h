/* expr_node: a compiled expression, between the compiler (expr.c) and the evaluation (expr_eval.c).
**
** A tree whose nodes lie in the expression's arena. */
#ifndef PAPY_SCAN_EXPR_NODE_H
#define PAPY_SCAN_EXPR_NODE_H

#include <stdbool.h>

#include "scan/record.h"
#include "scan/regex.h"

enum operation {
  OP_CONSTANT, /* value */
  OP_FIELD,    /* slot */
  /* true or false: */
  OP_OR,
  OP_AND,
  OP_NOT, /* a */
  OP_EQ,
  OP_NE,
  OP_LT,
  OP_LE,
  OP_GT,
  OP_GE,
  OP_MATCH, /* a, regex */
  OP_CONTAINS,
  OP_STARTS,
  OP_ENDS,
  OP_IN,      /* a, and b: a chain of OP_LIST */
  OP_MISSING, /* a */
  /* values: */
  OP_ADD,
  OP_SUB,
  OP_MUL,
  OP_DIV,
  OP_MOD,
  OP_NEG, /* a */
  OP_LEN,
  OP_LOWER,
  OP_UPPER,
  OP_NUMBER,
  OP_LIST /* a: an element, b: the rest, NULL at the end */
};

struct node {
  enum operation op;
  bool bytes; /* a comparison that is never by size: one side is a constant that is no number */
  int slot, depth;
  struct node *a, *b;
  struct value value;
  struct regex *regex;      /* owned by the expression */
  struct node *next_owning; /* nodes with a regex */
};

struct expr {
  struct arena arena; /* nodes and constants */
  struct node *root, *owning;
};

#endif
