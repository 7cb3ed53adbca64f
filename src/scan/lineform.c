/* lineform: the trick that makes counting lines fast and exact.
**
** A pattern matched over a whole chunk is two to three times as fast as one match per line, but \s, \W, [^"] and their
** like may run across the end of a line, and a lookahead may see the newline where there should be an end. Checking
** matches afterwards does not repair that: what was missed is not found again. So the pattern is changed instead:
**
**     [^"]  -> [^\n"]        \s -> [^\S\n]        \A     -> ^
**     [\s,] -> (?:(?!\n)[\s,])    \n -> [^\s\S] (never)    \z, \Z -> $
**
** When no atom can match a newline, a newline and the end of the subject cannot be told apart by any construct that
** consumes, looks ahead or looks behind; \b and \B see a non-word character in both; ^ and $ are at line ends in
** multi-line mode. What remains is refused: verbs (*COMMIT reaches beyond its line), \G, \R, \X, \C, callouts, (?^) and
** (?x), and anything this scanner is not sure about. So are back references and conditions: the JIT of PCRE2 up to
** 10.42 can leave a group set by an attempt that failed in an earlier line (`(a)*+bd|c` finds c in "abc" with group 1
** set). Refused patterns are matched line by line.
** tests/unit/regex_test.c compares both ways on random patterns and texts. */
#include "scan/lineform.h"

#include <ctype.h>
#include <string.h>

enum { NO_MEMORY = -1, REFUSED = 0, DONE = 1 };

struct scanner {
  const char *p, *end;
  bool extended;
  struct buf *out;
};

static int put(struct scanner *s, const char *text, size_t n) {
  return buf_add(s->out, text, n) == 0 ? DONE : NO_MEMORY;
}
static int puts_(struct scanner *s, const char *text) {
  return put(s, text, strlen(text));
}

static int copy(struct scanner *s, size_t n) {
  s->p += n;
  return put(s, s->p - n, n);
}

static int replace(struct scanner *s, size_t n, const char *by) {
  s->p += n;
  return puts_(s, by);
}

static int peek(const struct scanner *s, size_t ahead) {
  return ahead < (size_t)(s->end - s->p) ? (unsigned char)s->p[ahead] : -1;
}

/* the next n bytes, kept from matching a newline */
static int guard(struct scanner *s, size_t n) {
  int r = puts_(s, "(?:(?!\\n)");
  if (r == DONE) r = copy(s, n);
  return r == DONE ? puts_(s, ")") : r;
}

/* length of "{...}" at p[ahead], 0 when there is none */
static size_t braces(const struct scanner *s, size_t ahead) {
  if (peek(s, ahead) != '{') return 0;
  const char *close = memchr(s->p + ahead, '}', (size_t)(s->end - s->p) - ahead);
  return close ? (size_t)(close - (s->p + ahead)) + 1 : 0;
}

static int hex(int c) {
  return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* \xHH or \x{H...}: its length and character; 0 for other forms */
static size_t hex_escape(const struct scanner *s, unsigned long *c) {
  size_t from = 2, to = 4, end = 4, braced = braces(s, 2);
  if (braced) {
    from = 3;
    end = 2 + braced;
    to = end - 1;
  }
  if (to <= from || to - from > 7) return 0;
  *c = 0;
  for (size_t i = from; i < to; i++) {
    if (peek(s, i) < 0 || hex(peek(s, i)) < 0) return 0;
    *c = *c * 16 + (unsigned long)hex(peek(s, i));
  }
  return end;
}

static int quoted(struct scanner *s) {
  const char *p = s->p + 2;
  for (; p < s->end; p++) {
    if (*p == '\n') return REFUSED;
    if (p[0] == '\\' && p + 1 < s->end && p[1] == 'E') return copy(s, (size_t)(p + 2 - s->p));
  }
  return copy(s, (size_t)(p - s->p));
}

/* \p{..} and \P{..}; only letters and numbers are known to leave newlines alone */
static int property(struct scanner *s) {
  size_t n = peek(s, 2) == '{' ? 2 + braces(s, 2) : 3;
  if (n < 3 || s->p + n > s->end) return REFUSED;
  int category = peek(s, 2) == '{' ? peek(s, 3) : peek(s, 2);
  bool letters = peek(s, 1) == 'p' && (n == 3 || n <= 6) && (category == 'L' || category == 'N');
  return letters ? copy(s, n) : guard(s, n);
}

static int escape(struct scanner *s) {
  unsigned long code;
  size_t n;
  int c = peek(s, 1);
  if (c < 0) return REFUSED;
  switch (c) {
    case 'n': return replace(s, 2, "[^\\s\\S]");
    case 's': return replace(s, 2, "[^\\S\\n]");
    case 'W': return replace(s, 2, "[^\\w\\n]");
    case 'D': return replace(s, 2, "[^\\d\\n]");
    case 'H': return replace(s, 2, "[^\\h\\n]");
    case 'v': return replace(s, 2, "[^\\V\\n]");
    case 'A': return replace(s, 2, "^");
    case 'z':
    case 'Z': return replace(s, 2, "$");
    case 'w':
    case 'd':
    case 'S':
    case 'h':
    case 'V':
    case 'b':
    case 'B':
    case 'K':
    case 't':
    case 'r':
    case 'f':
    case 'e':
    case 'a':
    case 'E': return copy(s, 2);
    case 'N': return peek(s, 2) == '{' ? REFUSED : copy(s, 2);
    case 'Q': return quoted(s);
    case 'p':
    case 'P': return property(s);
    case 'x':
      n = hex_escape(s, &code);
      if (n == 0) return REFUSED;
      return code == '\n' ? replace(s, n, "[^\\s\\S]") : copy(s, n);
    default: return isalnum(c) || c == '\n' ? REFUSED : copy(s, 2);
  }
}

/* [:name:] at p: its length, 0 when it is not one; *risky when it may hold a newline */
static size_t posix_class(const char *p, const char *end, bool *risky) {
  static const char *const harmless[] = {"alpha", "digit",  "alnum", "upper", "lower",
                                         "punct", "xdigit", "word",  "blank", "graph"};
  const char *name = p + 2, *q = name;
  while (q < end && (islower((unsigned char)*q) || *q == '^')) q++;
  if (end - q < 2 || q[0] != ':' || q[1] != ']') return 0;
  bool known = false;
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    known |= strlen(harmless[i]) == (size_t)(q - name) && memcmp(harmless[i], name, (size_t)(q - name)) == 0;
  *risky |= !known;
  return (size_t)(q + 2 - p);
}

/* An escape inside a class, at s->p + at: its length, 0 to refuse. *low is its character when it may start a range, -1
** when that is unknown. */
static size_t class_escape(const struct scanner *s, size_t at, int *low, bool *risky) {
  struct scanner here = {.p = s->p + at, .end = s->end};
  int c = peek(&here, 1);
  unsigned long code = 0;
  size_t n;
  *low = -1;
  if (c < 0) return 0;
  if (!isalnum(c)) {
    *low = c;
    *risky |= c == '\n';
    return 2;
  }
  switch (c) {
    case 'w':
    case 'd':
    case 'S':
    case 'h':
    case 'V':
    case 't':
    case 'r':
    case 'f':
    case 'e':
    case 'a':
    case 'b': return 2;
    case 's':
    case 'W':
    case 'D':
    case 'H':
    case 'v':
    case 'n': *risky = true; return 2;
    case 'p':
    case 'P':
      *risky = true;
      n = peek(&here, 2) == '{' ? 2 + braces(&here, 2) : 3;
      return n < 3 ? 0 : n;
    case 'x':
      n = hex_escape(&here, &code);
      *risky |= code == '\n';
      *low = code > 127 ? 127 : (int)code;
      return n;
    default: return 0;
  }
}

/* Find the end of the class that starts at s->p; `at` is behind "[" or "[^". 0 to refuse. */
static size_t class_end(const struct scanner *s, size_t at, bool *risky) {
  int low = -1;
  for (size_t start = at; s->p + at < s->end;) {
    int c = peek(s, at), next = peek(s, at + 1);
    size_t n = 1;
    if (c == ']' && at > start) return at + 1;
    if (c == '[' && (next == '.' || next == '=')) return 0;
    if (c == '[' && next == ':') {
      n = posix_class(s->p + at, s->end, risky);
      low = -1;
    } else if (c == '\\') {
      n = class_escape(s, at, &low, risky);
    } else if (c == '-' && at > start && next != ']') {
      *risky |= low <= '\n'; /* a range from below a newline, or from something unknown */
      low = c;
    } else {
      *risky |= c == '\n';
      low = c;
    }
    if (n == 0) return 0;
    at += n;
  }
  return 0;
}

static int character_class(struct scanner *s) {
  bool negated = peek(s, 1) == '^', risky = false;
  size_t open = negated ? 2 : 1, n = class_end(s, open, &risky);
  if (n == 0 || (peek(s, 1) == '[' && peek(s, 2) == ':' && (peek(s, 3) == '<' || peek(s, 3) == '>'))) return REFUSED;
  if (!negated) return risky ? guard(s, n) : copy(s, n);
  int r = replace(s, 2, "[^\\n");
  if (r == DONE && peek(s, 0) == ']') r = puts_(s, "\\"); /* it was the first, hence a member */
  return r == DONE ? copy(s, n - 2) : r;
}

/* (?ims-ims) or (?ims-ims: without s, and without turning m off */
static int options(struct scanner *s) {
  bool off = false;
  size_t n = 2;
  int r = puts_(s, "(?"), c;
  for (; r == DONE && (c = peek(s, n)) != ')' && c != ':'; n++) {
    if (c == '-') off = true;
    else if (c == 'x' || !isalpha(c)) return REFUSED;
    if (c != 's' && !(off && c == 'm')) r = put(s, s->p + n, 1);
  }
  s->p += n;
  return r;
}

static int comment(struct scanner *s, char until) {
  const char *close = memchr(s->p, until, (size_t)(s->end - s->p));
  return copy(s, close ? (size_t)(close + 1 - s->p) : (size_t)(s->end - s->p));
}

static int group(struct scanner *s) {
  int c = peek(s, 1), d = peek(s, 2), e = peek(s, 3);
  if (c == '*') return REFUSED;
  if (c != '?') return copy(s, 1);
  if (d < 0 || d == 'C' || d == '^') return REFUSED;
  if (d == '#') return comment(s, ')');
  if (d == '(' && !(e == 'D' && peek(s, 4) == 'E')) return REFUSED; /* a condition, but not (?(DEFINE) */
  if (d == 'P' && e == '=') return REFUSED;                         /* a back reference */
  if (d == '-' && isdigit(e)) return copy(s, 3);                    /* (?-1): a call, not an option */
  if (d == '-' || (isalpha(d) && d != 'P' && d != 'R')) return options(s);
  return copy(s, 2);
}

static int step(struct scanner *s) {
  switch (*s->p) {
    case '\\': return escape(s);
    case '[': return character_class(s);
    case '(': return group(s);
    case '#': return s->extended ? comment(s, '\n') : copy(s, 1);
    case '\n': return s->extended ? copy(s, 1) : replace(s, 1, "[^\\s\\S]");
    default: return copy(s, 1);
  }
}

int lineform(const char *pattern, size_t n, bool extended, struct buf *out) {
  struct scanner s = {.p = pattern, .end = pattern + n, .extended = extended, .out = out};
  int r = DONE;
  while (r == DONE && s.p < s.end) r = step(&s);
  return r;
}
