/* prefilter: go to the places of a text where a line might match, without asking PCRE2 about the others.
**
** What is looked for is the pattern's sign (scan/sign.h): its rarest bytes by SIMD, and where these hold, all of it. */
#ifndef PAPY_SCAN_PREFILTER_H
#define PAPY_SCAN_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "scan/signform.h"
#include "scan/simd.h"

struct prefilter {
  struct sign sign;
  bool starts; /* a match starts where its sign does; else the sign is somewhere in the match */
  bool exact;  /* the sign is the match; with `runs`, the sign and the bytes of `run` behind it, if then comes `end` */
  bool runs;
  struct byteset run, end;
  struct probes probes;
  simd_search search;
};

/* false when the pattern has no sign, or one that is too common to be worth looking for. by_place: a match can be tried
** at one place (else only in a whole line), so a sign that starts it is preferred. */
bool prefilter_make(struct prefilter *f, const struct signform *form, bool by_place);
/* the first place in text[from..n-1] where the sign starts, n when there is none; *end is behind the sign, or behind the
** match when the filter is exact. The text is whole lines, the last without its newline. */
size_t prefilter_find(const struct prefilter *f, const char *text, size_t n, size_t from, size_t *end);
/* the sign, written like a pattern; cut off at `size` bytes */
void prefilter_describe(const struct prefilter *f, char *out, size_t size);

#endif
