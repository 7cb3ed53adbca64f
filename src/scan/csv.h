/* csv: fields with a separator between them, quoted as RFC 4180 says.
**
** A field that begins with a double quote ends at the next one that is not doubled, and must end the field; doubled quotes
** inside are one. A quote in the middle of an unquoted field is itself. Names and short records as in separated.h.
** Newlines in quotes are text; where the record ends is found before (csvcut.h). */
#ifndef PAPY_SCAN_CSV_H
#define PAPY_SCAN_CSV_H

#include "scan/splitter.h"

/* separator: a byte other than quote, carriage return and newline; columns: names of the first fields, NULL for none */
int csv_make(struct splitter *s, char separator, const struct text *columns, size_t ncolumns, const struct slots *slots,
             struct why *why);

#endif
