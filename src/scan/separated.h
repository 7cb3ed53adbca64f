/* separated: fields with a separator between them, without quoting.
**
** The separator is a byte or a string; an empty one means blanks as awk does: fields are runs of anything but blanks and tabs.
** Fields are named "1", "2", … (or "$1", "$2", …; "$0" is the record), and by the names of the columns where these
** are given. Without columns a record may be short: fields it lacks are VALUE_NONE. With columns, one that lacks a wanted
** column does not fit. */
#ifndef PAPY_SCAN_SEPARATED_H
#define PAPY_SCAN_SEPARATED_H

#include "scan/splitter.h"

/* columns: names of the first fields, NULL for none */
int separated_make(struct splitter *s, struct text separator, const struct text *columns, size_t ncolumns,
                   const struct slots *slots, struct why *why);

#endif
