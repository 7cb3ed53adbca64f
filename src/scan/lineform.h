/* lineform: rewrite a pattern so that no part of it can match a newline.
**
** Matched in multi-line mode over many lines at once, the rewritten pattern finds exactly what the original one,
** matched against each line alone, finds: a newline then stops every part of the pattern just as the end of the subject
** does. */
#ifndef PAPY_SCAN_LINEFORM_H
#define PAPY_SCAN_LINEFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Append the line form of a pattern that compiles to out. `extended`: it is compiled with the x flag; leave the s flag
** (dot matches newline) out when compiling the result. 1; 0 when the pattern has no line form that this knows of; -1
** with errno when memory is out. */
int lineform(const char *pattern, size_t n, bool extended, struct buf *out);

#endif
