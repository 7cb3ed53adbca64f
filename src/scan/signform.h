/* signform: read off a pattern the sign that every matching line shows. */
#ifndef PAPY_SCAN_SIGNFORM_H
#define PAPY_SCAN_SIGNFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "scan/sign.h"

/* Who knows what an atom of a pattern, such as "[^a-f]" or "\d", matches: the bytes that it matches by themselves.
** false when it does not compile. */
typedef bool (*signform_bytes)(void *ctx, const char *atom, size_t n, bool caseless, struct byteset *bytes);

struct signform {
  const char *pattern;
  size_t n;
  bool caseless, extended, utf; /* flags i, x and u; the others do not matter within a line */
  signform_bytes bytes;         /* asked where the pattern is bytes, not UTF-8 */
  void *ctx;
};

/* The pattern, which compiles, as one part: part->head starts every match, part->best is in every match, part->exact
** and part->runs: a line matches where the sign is (and what they say of its end). false when it holds anything this
** does not understand, or has no sign. */
bool signform(const struct signform *form, struct part *part);

#endif
