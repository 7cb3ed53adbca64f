/* utf8: is a text valid UTF-8 (no overlong forms, no surrogates, nothing beyond U+10FFFF)? */
#ifndef PAPY_SCAN_UTF8_H
#define PAPY_SCAN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *text, size_t n);

#endif
