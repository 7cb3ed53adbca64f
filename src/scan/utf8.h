/* utf8: valid UTF-8 (no overlong forms, no surrogates, nothing beyond U+10FFFF) in texts of any bytes. */
#ifndef PAPY_SCAN_UTF8_H
#define PAPY_SCAN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* length of the character that begins at p, 0 when none does; `left` bytes are there, at least one */
size_t utf8_character(const uint8_t *p, size_t left);

/* is all of it valid? */
bool utf8_valid(const char *text, size_t n);

#endif
