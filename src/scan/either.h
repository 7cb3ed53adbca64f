/* either: several formats, tried in order; the first that fits the record splits it.
**
** For logs in which formats are mixed, and formats with optional parts. A slot that the fitting format does not have is
** VALUE_NONE; one that none of them has is refused. */
#ifndef PAPY_SCAN_EITHER_H
#define PAPY_SCAN_EITHER_H

#include "scan/splitter.h"

/* n splitters, made with slots->trial set; all of them are freed with the result, or at once when this fails */
int either_make(struct splitter *s, const struct splitter *of, size_t n, const struct slots *slots, struct why *why);

#endif
