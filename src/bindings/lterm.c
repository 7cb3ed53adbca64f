/* core.term: what fits where on a terminal.
**
** Texts from logs are shown as they are only where that is harmless: control characters (an escape sequence could do
** anything to the terminal) and bytes that are no UTF-8 are shown as escapes. Widths are the C library's, for UTF-8
** whatever the locale is: two columns for most East Asian characters and emoji, none for combining ones. */
#include <lauxlib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "bindings/bindings.h"
#include "scan/utf8.h"

struct shown {
  char text[8];
  size_t n;
  int width;
};

static struct shown escaped(unsigned char c) {
  static const char letters[] = "abtnvfr";
  struct shown s;
  s.n = (size_t)(c >= 7 && c <= 13 ? snprintf(s.text, sizeof s.text, "\\%c", letters[c - 7])
                                   : snprintf(s.text, sizeof s.text, "\\x%02X", c));
  s.width = (int)s.n;
  return s;
}

static wchar_t code_of(const unsigned char *p, size_t n) {
  wchar_t code = p[0] & (0x7f >> n);
  for (size_t i = 1; i < n; i++) code = code << 6 | (p[i] & 0x3f);
  return code;
}

/* the character at p as it is shown; *used: its bytes */
static struct shown show(const unsigned char *p, size_t left, size_t *used, int ascii) {
  size_t n = utf8_character(p, left);
  int width = n == 1 ? (p[0] >= 0x20 && p[0] < 0x7f ? 1 : -1) : n == 0 || ascii ? -1 : wcwidth(code_of(p, n));
  *used = width < 0 ? 1 : n;
  if (width < 0) return escaped(p[0]);
  struct shown s = {.n = n, .width = width};
  memcpy(s.text, p, n);
  return s;
}

struct line {
  char *text;
  size_t n;
  lua_Integer width;
};

static void append(struct line *to, const char *p, size_t n, int width) {
  memcpy(to->text + to->n, p, n);
  to->n += n;
  to->width += width;
}

/* as much of p as fits; there is room for four bytes of each of its bytes and an ellipsis */
static void fit_into(struct line *to, const unsigned char *p, const unsigned char *end, lua_Integer most, int ascii) {
  struct line shorter = *to; /* what leaves room for the ellipsis */
  for (size_t used; p < end; p += used) {
    struct shown s = show(p, (size_t)(end - p), &used, ascii);
    if (to->width + s.width > most) {
      to->n = shorter.n;
      to->width = shorter.width;
      if (most > 0) append(to, ascii ? "~" : "\xe2\x80\xa6", ascii ? 1 : 3, 1);
      return;
    }
    append(to, s.text, s.n, s.width);
    if (to->width < most) shorter = *to;
  }
}

/* fit(text, most [, ascii]) -> text as it can be shown, cut to `most` columns (an ellipsis says that it was), and its
** width. ascii: the terminal shows nothing else. */
static int fit(lua_State *L) {
  size_t n;
  const unsigned char *p = (const unsigned char *)luaL_checklstring(L, 1, &n);
  lua_Integer most = luaL_checkinteger(L, 2);
  luaL_argcheck(L, most >= 0, 2, "a number of columns, 0 or more, expected");
  int ascii = lua_toboolean(L, 3);
  if (most < 1 << 20 && n > (size_t)most * 16 + 64) n = (size_t)most * 16 + 64; /* nobody sees what is behind */
  luaL_Buffer b;
  struct line to = {.text = luaL_buffinitsize(L, &b, n * 4 + 4)};
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = utf8 ? uselocale(utf8) : (locale_t)0;
  fit_into(&to, p, p + n, most, ascii);
  if (utf8) {
    uselocale(before);
    freelocale(utf8);
  }
  luaL_pushresultsize(&b, to.n);
  lua_pushinteger(L, to.width);
  return 2;
}

static const luaL_Reg functions[] = {{"fit", fit}, {NULL, NULL}};

int luaopen_papy_core_term(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
