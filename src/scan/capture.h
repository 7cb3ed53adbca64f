/* capture: the groups of a pattern as fields.
**
** Fields are the named groups, and all groups by number: "1", "2", … ("0" is the match). A group that took no part is
** VALUE_NONE. A record that the pattern does not match does not fit.
** As a splitter it searches each record. A loop that searches whole blocks (regex_search with REGEX_LINES, far fewer calls)
** takes the fields from the spans instead: capture_fields. */
#ifndef PAPY_SCAN_CAPTURE_H
#define PAPY_SCAN_CAPTURE_H

#include "scan/regex.h"
#include "scan/splitter.h"

/* flags as for regex_new */
int capture_make(struct splitter *s, struct text pattern, unsigned flags, const struct slots *slots, struct why *why);

/* the pattern that a splitter of capture_make searches with; NULL for any other splitter */
struct regex *capture_regex(const struct splitter *s);
/* fill the slots from the spans of the regex's last match, which are offsets into text */
void capture_fields(const struct splitter *s, const char *text, struct value *field);

#endif
