/* expr: the language of where("status >= 500 and url ~ '^/api'"), compiled and checked once, evaluated per record.
**
**   or and not                      in this order of strength; parentheses
**   = == != <> < <= > >=            by size when both sides look like numbers, else by bytes
**   ~ !~ 'regex'                    matches, does not match; flags as in ~ 'regex'i
**   contains starts ends            of a text
**   in (a, b, …)    not in (…)      equal to one of them
**   is null   is not null           missing (or null, empty, "-"); `is missing` is the same
**   + - * / %                       of numbers; anything else, and division by zero, gives null
**   len(x) lower(x) upper(x) number(x)
**   'text' "text" 12 3.5 true false null   field   `any field name`
**
** A name is letters, digits, _ and dots ("http.status"), $1 a numbered field. Escapes in texts: \\ \' \" \n \t; in a regex
** the backslash is the regex's own.
** A comparison with a missing value is false (also !=), as is everything about it except `is null`; so is a bare missing
** field. True are: true, a number other than 0, a text that is not empty. Evaluation allocates only in the record's arena. */
#ifndef PAPY_SCAN_EXPR_H
#define PAPY_SCAN_EXPR_H

#include "scan/record.h"
#include "scan/text.h"
#include "scan/why.h"

struct expr;

/* who knows the fields: the slot of a name, or -1 with *why; asked once for each time a name is written */
struct expr_names {
  int (*slot)(void *ctx, struct text name, struct why *why);
  void *ctx;
};

/* NULL with *why, which names the position, counted from 1, and what stands there. The text is copied. */
struct expr *expr_new(struct text source, const struct expr_names *names, struct why *why);
void expr_free(struct expr *e);

/* Is it true of the record, whose slots are filled? 1, 0, -1 with *why: a regex took too many steps, or memory is out. */
int expr_test(struct expr *e, const struct record *r, struct why *why);
/* its value, for fields that are calculated; text may lie in the arena. 0, -1 with *why */
int expr_value(struct expr *e, const struct record *r, struct value *v, struct why *why);

#endif
