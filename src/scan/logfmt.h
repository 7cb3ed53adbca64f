/* logfmt: key=value pairs with blanks between them.
**
** A value is bare (up to the next blank) or in double quotes, with backslash escapes: \n \r \t \b \f \uXXXX \xXX, any other
** escaped byte is itself. A key without = is true. Of a key that occurs twice the first counts. A record without a
** single = does not fit, nor one whose quote does not end. */
#ifndef PAPY_SCAN_LOGFMT_H
#define PAPY_SCAN_LOGFMT_H

#include "scan/splitter.h"

int logfmt_make(struct splitter *s, const struct slots *slots, struct why *why);

#endif
