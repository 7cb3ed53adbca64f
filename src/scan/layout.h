/* layout: a format written as the line looks, like nginx's log_format.
**
**   $ip $ident $user [$time] "$request" $status $bytes
**
** $name is a field, everything else stands in the record as it is. A field is everything up to the next literal text (the first
** time it occurs), or the rest of the record when none follows; two fields must have something between them. A field that
** stands in double quotes ends at the first quote without a backslash before it, and keeps its backslashes.
**   ${name}             the same as $name, for names followed by letters
**   ${name:word}        holds no blanks (and ends at one where no literal follows)
**   ${name:15}          that many bytes
**   ${name|layout}      a field that has fields itself: "${request|$method $url $protocol}". When the layout in it does not
**                       fit, only these fields are missing.
**   $_                  a field nobody can ask for
**   $$                  a dollar sign
** What follows the last literal in the record is not looked at. */
#ifndef PAPY_SCAN_LAYOUT_H
#define PAPY_SCAN_LAYOUT_H

#include "scan/splitter.h"

int layout_make(struct splitter *s, struct text layout, const struct slots *slots, struct why *why);

#endif
