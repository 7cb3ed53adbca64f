/* why: the sentence that says what went wrong.
**
** Functions of this room that can fail take a `struct why *` and return -1 (or NULL) after filling it. The caller owns
** it, usually on its stack; it holds no memory of its own. */
#ifndef PAPY_SCAN_WHY_H
#define PAPY_SCAN_WHY_H

struct why {
  char text[1024];
};

/* Fill in the sentence; always returns -1. A format that ends in a colon gets " " and strerror(errno) appended. */
int why_set(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
