#include "scan/escape.h"

#include <stdint.h>

#include "scan/find.h"

const char *escape_quote(const char *p, const char *end, const char *floor, bool *escaped) {
  *escaped = false;
  while ((p = find_either(p, end, floor, '"', '\\')) != NULL && *p == '\\') {
    *escaped = true;
    if (end - p < 2) return NULL;
    p += 2;
  }
  return p;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* the value of exactly n digits at p; -1 when there are not so many */
static int32_t hex(const char *p, const char *end, int n) {
  int32_t value = 0;
  if (end - p < n) return -1;
  for (int i = 0; i < n; i++) {
    int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static char *put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
    return out;
  }
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
  *out++ = (char)(lead[more] | c >> (6 * more));
  while (more-- > 0) *out++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
  return out;
}

/* \uXXXX, p behind the u; the other half of a pair is read with it */
static const char *unicode(const char *p, const char *end, char **out) {
  int32_t c = hex(p, end, 4), low;
  p += 4;
  if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
      (low = hex(p + 2, end, 4)) >= 0xdc00 && low < 0xe000) {
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    p += 6;
  } else if (c >= 0xd800 && c < 0xe000) {
    c = 0xfffd;
  }
  *out = put_utf8(*out, (uint32_t)c);
  return p;
}

/* p at the byte behind the backslash */
static const char *escaped_byte(const char *p, const char *end, char **out) {
  char c = *p++;
  switch (c) {
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'b': c = '\b'; break;
    case 'f': c = '\f'; break;
    case 'u':
      if (hex(p, end, 4) >= 0) return unicode(p, end, out);
      break;
    case 'x':
      if (hex(p, end, 2) >= 0) {
        c = (char)hex(p, end, 2);
        p += 2;
      }
      break;
  }
  *(*out)++ = c;
  return p;
}

int escape_decode(struct text *t, struct arena *arena) {
  const char *p = t->p, *end = p + t->n;
  char *to = arena_take(arena, t->n), *out = to; /* no escape is shorter than what it means */
  if (!to) return -1;
  while (p < end) {
    if (*p != '\\' || end - p < 2) *out++ = *p++;
    else p = escaped_byte(p + 1, end, &out);
  }
  *t = (struct text){to, (size_t)(out - to)};
  return 0;
}
