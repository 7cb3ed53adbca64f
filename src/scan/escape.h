/* escape: text in double quotes with backslashes, as logfmt and JSON write it. */
#ifndef PAPY_SCAN_ESCAPE_H
#define PAPY_SCAN_ESCAPE_H

#include <stdbool.h>

#include "scan/record.h"
#include "scan/text.h"

/* The quote that ends the text which starts at p, or NULL; *escaped: is there a backslash in it? Reads nothing outside
** floor..end-1. */
const char *escape_quote(const char *p, const char *end, const char *floor, bool *escaped);

/* Put the text that is meant in place of *t, in the arena: \n \r \t \b \f \uXXXX (pairs of surrogates, too; half a pair is
** U+FFFD) as UTF-8, \xXX as that byte; any other escaped byte is itself. 0, -1 when memory is out. */
int escape_decode(struct text *t, struct arena *arena);

#endif
