/* A parser of patterns that needs to understand only what is common, and of that only what must be there: a group that
** may be absent says nothing, a look around says nothing, a back reference says nothing. Where a construct might change
** the meaning of what stands around it (verbs, conditions, \Q, \K, options other than i, m and s) it gives up. What a
** class or an escape matches is not decided here but asked of PCRE2, so that no table of this file can be wrong.
**
** With UTF-8 one character is one to four bytes, and ignoring case may lead from ASCII out of it (k and the Kelvin
** sign): only plain characters and plain classes of ASCII are known then, and an end of the text may be anywhere, since
** what is not valid splits it.
**
** \b between two bytes of which one is known to be a word's says that the other is not; it waits for what follows it. */
#include "scan/signform.h"

#include <ctype.h>
#include <string.h>

struct parser {
  const struct signform *form;
  const char *p, *end;
  bool caseless;
  int depth;
  struct byteset word, other; /* what \w matches for certain; what is next to it at \b */
};

/* what an atom is besides its part */
enum kind { REFUSED, CONSUMES, EMPTY, EDGE, ABSENT };

static int peek(const struct parser *s, size_t ahead) {
  return ahead < (size_t)(s->end - s->p) ? (unsigned char)s->p[ahead] : -1;
}

static bool blank(int c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* comments, and in extended mode blanks, are nothing, not even between an atom and its repetition */
static void skip(struct parser *s) {
  for (;;) {
    const char *close = NULL;
    if (peek(s, 0) == '(' && peek(s, 1) == '?' && peek(s, 2) == '#') close = memchr(s->p, ')', (size_t)(s->end - s->p));
    else if (s->form->extended && peek(s, 0) == '#') close = memchr(s->p, '\n', (size_t)(s->end - s->p));
    else if (s->form->extended && blank(peek(s, 0))) close = s->p;
    else return;
    s->p = close ? close + 1 : s->end;
  }
}

/* ===} {=== atoms that match a byte === */

static enum kind unknown(struct parser *s, size_t n, struct part *part) {
  *part = part_unknown();
  s->p += n;
  return CONSUMES;
}

/* the next n bytes are an atom that matches one byte; nothing matches a newline within a line */
static enum kind ask(struct parser *s, size_t n, struct part *part) {
  struct byteset set = BYTESET_NONE;
  if (n == 0 || n > (size_t)(s->end - s->p)) return REFUSED;
  if (s->form->utf) return unknown(s, n, part);
  if (!s->form->bytes(s->form->ctx, s->p, n, s->caseless, &set)) return REFUSED;
  byteset_drop(&set, '\n');
  *part = part_byte(&set);
  s->p += n;
  return CONSUMES;
}

/* a character beyond ASCII, in a pattern of UTF-8 */
static enum kind character(struct parser *s, struct part *part) {
  size_t n = 1;
  while ((peek(s, n) & 0xc0) == 0x80 && peek(s, n) >= 0) n++;
  if (s->caseless) return unknown(s, n, part);
  *part = part_empty();
  for (size_t i = 0; i < n; i++) {
    struct byteset set = byteset_of((uint8_t)s->p[i]);
    struct part byte = part_byte(&set);
    part_then(part, &byte);
  }
  s->p += n;
  return CONSUMES;
}

/* the character that is the last of the next n bytes */
static enum kind literal(struct parser *s, size_t n, struct part *part) {
  int c = peek(s, n - 1);
  if (c >= 0x80) return s->form->utf ? n == 1 ? character(s, part) : REFUSED : ask(s, n, part);
  if (s->caseless && s->form->utf && strchr("kKsS", c)) return unknown(s, n, part);
  struct byteset set = byteset_of((uint8_t)c);
  if (s->caseless && isalpha(c)) byteset_add(&set, (uint8_t)(c ^ 0x20));
  byteset_drop(&set, '\n');
  *part = part_byte(&set);
  s->p += n;
  return CONSUMES;
}

/* length of [:name:] at p[at]; 0 when it is none that is known by its form */
static size_t posix_class(const struct parser *s, size_t at) {
  size_t n = 2;
  while (islower(peek(s, at + n)) || peek(s, at + n) == '^') n++;
  return peek(s, at + n) == ':' && peek(s, at + n + 1) == ']' ? n + 2 : 0;
}

/* the length of the class that begins here, 0 to refuse; *plain: it says nothing but characters and ranges of ASCII */
static size_t class_length(const struct parser *s, bool *plain) {
  size_t at = peek(s, 1) == '^' ? 2 : 1, start = at;
  *plain = at == 1;
  for (int c; (c = peek(s, at)) >= 0;) {
    size_t n = 1;
    if (c == ']' && at > start) return at + 1;
    if (c == '[' && (peek(s, at + 1) == ':' || peek(s, at + 1) == '.' || peek(s, at + 1) == '=')) {
      n = peek(s, at + 1) == ':' ? posix_class(s, at) : 0;
      *plain = false;
    } else if (c == '\\') {
      n = peek(s, at + 1) >= 0 && !strchr("QEc", peek(s, at + 1)) ? 2 : 0;
      *plain = *plain && !isalnum(peek(s, at + 1)) && peek(s, at + 1) < 0x80;
    }
    if (c >= 0x80) *plain = false;
    if (n == 0) return 0;
    at += n;
  }
  return 0;
}

static enum kind character_class(struct parser *s, struct part *part) {
  bool plain;
  struct byteset set = BYTESET_NONE;
  size_t n = class_length(s, &plain);
  if (n == 0 || !s->form->utf || !plain || s->caseless) return ask(s, n, part);
  if (!s->form->bytes(s->form->ctx, s->p, n, false, &set)) return REFUSED;
  byteset_drop(&set, '\n');
  *part = part_byte(&set);
  s->p += n;
  return CONSUMES;
}

/* ===} {=== atoms that match a place === */

static enum kind place(struct parser *s, size_t n, struct part *part) {
  *part = part_empty();
  s->p += n;
  return EMPTY;
}

/* an end of the line: behind it (or before it) is a newline */
static enum kind anchor(struct parser *s, size_t n, bool start, struct part *part) {
  struct byteset newline = byteset_of('\n');
  place(s, n, part);
  if (s->form->utf) part->exact = false;
  else if (start) part->head.before = newline;
  else part->head.after = newline;
  part->tail = part->best = part->head;
  return EMPTY;
}

static enum kind vague_place(struct parser *s, size_t n, struct part *part) {
  place(s, n, part);
  part->exact = false;
  return EMPTY;
}

/* ===} {=== escapes === */

/* \xHH or \x{H...}: how long, 0 for other forms */
static size_t hex_length(const struct parser *s) {
  size_t n = 2;
  if (peek(s, 2) == '{') {
    for (n = 3; isxdigit(peek(s, n)); n++) continue;
    return n > 3 && n < 8 && peek(s, n) == '}' ? n + 1 : 0;
  }
  return isxdigit(peek(s, 2)) && isxdigit(peek(s, 3)) ? 4 : 0;
}

static size_t property_length(const struct parser *s) {
  if (peek(s, 2) != '{') return 3;
  const char *close = memchr(s->p, '}', (size_t)(s->end - s->p));
  return close ? (size_t)(close + 1 - s->p) : 0;
}

/* a back reference, or a character in octal */
static enum kind number(struct parser *s, struct part *part) {
  size_t n = 2;
  while (isdigit(peek(s, n))) n++;
  return unknown(s, n, part);
}

static enum kind escape(struct parser *s, struct part *part) {
  int c = peek(s, 1);
  if (c < 0) return REFUSED;
  if (isdigit(c)) return number(s, part);
  if (!isalnum(c)) return literal(s, 2, part);
  switch (c) {
    case 'b': place(s, 2, part); return EDGE;
    case 'B': return vague_place(s, 2, part);
    case 'A': return anchor(s, 2, true, part);
    case 'z':
    case 'Z': return anchor(s, 2, false, part);
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 's':
    case 'S':
    case 'h':
    case 'H':
    case 'v':
    case 'V':
    case 't':
    case 'r':
    case 'n':
    case 'f':
    case 'e':
    case 'a': return ask(s, 2, part);
    case 'N': return peek(s, 2) == '{' ? REFUSED : ask(s, 2, part);
    case 'x': return ask(s, hex_length(s), part);
    case 'p':
    case 'P': return ask(s, property_length(s), part);
    case 'R':
    case 'X': return unknown(s, 2, part);
    default: return REFUSED;
  }
}

/* ===} {=== groups === */

static bool choice(struct parser *s, struct part *part);

/* what is in the parentheses, when s->p is behind what opens them */
static bool inside(struct parser *s, struct part *part) {
  bool caseless = s->caseless;
  if (++s->depth > SIGN_DEPTH || !choice(s, part) || peek(s, 0) != ')') return false;
  s->caseless = caseless;
  s->depth--;
  s->p++;
  return true;
}

static enum kind group(struct parser *s, size_t opening, struct part *part) {
  s->p += opening;
  return inside(s, part) ? CONSUMES : REFUSED;
}

static enum kind look_around(struct parser *s, size_t opening, struct part *part) {
  if (group(s, opening, part) == REFUSED) return REFUSED;
  return vague_place(s, 0, part);
}

/* behind (?<, (?P< or (?' : a name */
static enum kind named(struct parser *s, size_t opening, char until, struct part *part) {
  while (isalnum(peek(s, opening)) || peek(s, opening) == '_' || peek(s, opening) >= 0x80) opening++;
  return peek(s, opening) == until ? group(s, opening + 1, part) : REFUSED;
}

/* (?i-ms) or (?i-ms: */
static enum kind options(struct parser *s, struct part *part) {
  bool on = true, caseless = s->caseless;
  size_t n = 2;
  for (int c; (c = peek(s, n)) != ')' && c != ':'; n++) {
    if (c == '-' && on) on = false;
    else if (c == 'i') caseless = on;
    else if (c != 'm' && c != 's') return REFUSED;
  }
  bool outside = s->caseless, whole = peek(s, n) == ')';
  s->caseless = caseless;
  if (whole) { /* for the rest of the group around it */
    s->p += n + 1;
    return ABSENT;
  }
  enum kind kind = group(s, n + 1, part);
  s->caseless = outside;
  return kind;
}

static enum kind parenthesis(struct parser *s, struct part *part) {
  int c = peek(s, 2), d = peek(s, 3);
  if (peek(s, 1) == '*') return REFUSED;
  if (peek(s, 1) != '?') return group(s, 1, part);
  switch (c) {
    case ':':
    case '>':
    case '|': return group(s, 3, part);
    case '=':
    case '!': return look_around(s, 3, part);
    case '<': return d == '=' || d == '!' ? look_around(s, 4, part) : named(s, 3, '>', part);
    case 'P': return d == '<' ? named(s, 4, '>', part) : REFUSED;
    case '\'': return named(s, 3, '\'', part);
    default: return options(s, part);
  }
}

/* ===} {=== sequences === */

/* a brace that may begin a repetition, in one version of PCRE2 or another, must be one that all know */
static bool doubtful_brace(const struct parser *s) {
  int c = peek(s, 1);
  return peek(s, 0) == '{' && (isdigit(c) || c == ',' || blank(c));
}

static enum kind atom(struct parser *s, struct part *part) {
  switch (*s->p) {
    case '\\': return escape(s, part);
    case '[': return character_class(s, part);
    case '(': return parenthesis(s, part);
    case '.': return ask(s, 1, part);
    case '^': return anchor(s, 1, true, part);
    case '$': return anchor(s, 1, false, part);
    case '*':
    case '+':
    case '?': return REFUSED;
    default: return doubtful_brace(s) ? REFUSED : literal(s, 1, part);
  }
}

static unsigned digits(const struct parser *s, size_t *n) {
  unsigned value = 0;
  for (; isdigit(peek(s, *n)); ++*n) value = value < 100000 ? value * 10 + (unsigned)(peek(s, *n) - '0') : value;
  return value;
}

/* {n}, {n,} or {n,m}: its length, 0 when it is none */
static size_t braces(const struct parser *s, unsigned *least, enum repeat *how) {
  size_t n = 1, most;
  if (!isdigit(peek(s, 1))) return 0;
  *least = digits(s, &n);
  *how = REPEAT_FIXED;
  if (peek(s, n) == '}') return n + 1;
  if (peek(s, n) != ',') return 0;
  most = ++n;
  unsigned to = digits(s, &n);
  *how = n == most ? REPEAT_MOST : to == *least ? REPEAT_FIXED : REPEAT_MORE;
  return peek(s, n) == '}' ? n + 1 : 0;
}

/* the repetition that follows an atom, if one does */
static bool repetition(struct parser *s, enum kind kind, struct part *part) {
  unsigned least = 0;
  enum repeat how = REPEAT_MORE;
  size_t n = 1;
  skip(s);
  switch (peek(s, 0)) {
    case '*': how = REPEAT_MOST; break;
    case '?': break;
    case '+':
      how = REPEAT_MOST;
      least = 1;
      break;
    case '{':
      if (!doubtful_brace(s)) return true;
      if ((n = braces(s, &least, &how)) == 0) return false;
      break;
    default: return true;
  }
  if (kind != CONSUMES) return false;
  s->p += n;
  if (peek(s, 0) == '?' && how == REPEAT_MOST) how = REPEAT_MORE; /* not as often as it goes */
  if (peek(s, 0) == '?' || peek(s, 0) == '+') s->p++;
  part_repeat(part, least, how);
  return true;
}

/* the byte before `sign`, or behind it, is no word's */
static bool edge_before(const struct parser *s, struct sign *sign) {
  if (sign->n == 0 || !byteset_within(&sign->at[0], &s->word)) return false;
  byteset_and(&sign->before, &s->other);
  return true;
}
static bool edge_behind(const struct parser *s, struct sign *sign) {
  if (sign->n == 0 || !byteset_within(&sign->at[sign->n - 1], &s->word)) return false;
  byteset_and(&sign->after, &s->other);
  return true;
}

/* \b behind a part: has all of it been said? */
static bool tell_behind(const struct parser *s, struct part *part) {
  if (!edge_behind(s, &part->tail)) return false;
  if (part->whole) return edge_behind(s, &part->head);
  if (part->runs && byteset_within(&part->run, &s->word)) byteset_and(&part->end, &s->other);
  return part->runs && byteset_within(&part->run, &s->word);
}

static bool sequence(struct parser *s, struct part *all) {
  bool edge = false, told = false; /* there was a \b since the last byte; its meaning is in the sign */
  *all = part_empty();
  for (skip(s); s->p < s->end && *s->p != '|' && *s->p != ')'; skip(s)) {
    struct part part;
    enum kind kind = atom(s, &part);
    if (kind == REFUSED) return false;
    if (kind == ABSENT) continue;
    if (!repetition(s, kind, &part)) return false;
    if (kind == EDGE) {
      edge = true;
      told = tell_behind(s, all);
    } else if (kind == CONSUMES && edge) {
      bool known = edge_before(s, &part.head);
      if (part.whole && known) edge_before(s, &part.tail);
      if (part.whole && known) part.best = part.head;
      if (!known && !told) all->exact = all->runs = false;
      edge = false;
    }
    part_then(all, &part);
  }
  if (edge && !told) all->exact = all->runs = false;
  return true;
}

static bool choice(struct parser *s, struct part *part) {
  if (!sequence(s, part)) return false;
  while (peek(s, 0) == '|') {
    struct part other;
    s->p++;
    if (!sequence(s, &other)) return false;
    part_or(part, &other);
  }
  return true;
}

/* ===} */

static bool beyond_ascii(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)p[i] >= 0x80) return true;
  return false;
}

bool signform(const struct signform *form, struct part *part) {
  struct parser s = {.form = form,
                     .p = form->pattern,
                     .end = form->pattern + form->n,
                     .caseless = form->caseless,
                     .word = BYTESET_NONE};
  if (form->utf && form->extended && beyond_ascii(form->pattern, form->n)) return false; /* some are blanks */
  if (!form->bytes(form->ctx, "\\w", 2, false, &s.word)) return false;
  s.other = byteset_not(&s.word);
  if (!choice(&s, part) || s.p < s.end) return false;
  if (form->utf) part->exact = part->runs = false;
  return part->head.n > 0 || part->best.n > 0;
}
