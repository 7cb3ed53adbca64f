/* expr: the language of where("status >= 500 and url ~ '^/api'"), compiled and checked once, evaluated per record.
**
**   or   and   not                  from weak to strong; then, stronger still:
**   = == != <> < <= > >=            by size when both sides look like numbers, else by bytes; they do not chain
**   ~ 'regex'   !~ 'regex'          matches, does not match; flags behind it: ~ 'regex'i
**   contains  starts  ends          of texts, by bytes
**   in (a, b, …)   not in (…)       equal to one of them
**   is null   is not null           no such field, null, empty or "-"; `is missing` is the same
**   + -   * / %   -x                of numbers
**   len(x) lower(x) upper(x) number(x)   bytes; ASCII letters; null for what is no number
**   'text' "text" 12 3.5 true false null   field   `any field name`   $1   (…)
**
** Names are letters, digits, _ @ and dots (http.status reaches into JSON), $1 the first numbered field. Words of the
** language are in small or in capital letters; a field of such a name is written `in`. In texts \n \t and \ before any
** other byte; in a regex the backslash is the regex's own, only \' is the quote.
**
** Comparisons with no field or null are false, != too; < <= > >= also with the empty text and "-", which stand for missing
** numbers. `not` makes false true. Arithmetic on what is no number, division by zero and results beyond a double are null. Whole
** numbers stay exact while they fit 64 bits; / is always of doubles. True are true, a number other than 0 (also as
** text), and all other text that is not missing.
** Evaluation allocates only in the record's arena. */
#ifndef PAPY_SCAN_EXPR_H
#define PAPY_SCAN_EXPR_H

#include "scan/record.h"
#include "scan/text.h"
#include "scan/why.h"

struct expr;

/* who knows the fields: the slot of a name, or -1 with *why ("no field 'stats' (nearest: 'status')"); asked once for each time a
** name is written, "1" for $1 */
struct expr_names {
  int (*slot)(void *ctx, struct text name, struct why *why);
  void *ctx;
};

/* NULL with *why, which names the position, counted from 1, and what stands there. Nothing of the source is kept. An
** expression holds compiled patterns, so it belongs to one thread. */
struct expr *expr_new(struct text source, const struct expr_names *names, struct why *why);
void expr_free(struct expr *e);

/* Is it true of the record, whose slots are filled? 1, 0, -1 with *why: a regex took too many steps, or memory is out. */
int expr_test(const struct expr *e, const struct record *r, struct why *why);
/* Its value, for fields that are calculated; text lies in the record or its arena. 0, -1 with *why */
int expr_value(const struct expr *e, const struct record *r, struct value *v, struct why *why);

#endif
