/* Numbers are read in one pass into a 64-bit mantissa and a power of ten. When the mantissa has at most 53 bits and the power
** is at most 22, both are exact as doubles, and one multiplication or division rounds correctly (Clinger's fast path): that
** is nearly every number in a log. What remains goes to the C library, in the "C" locale whatever the program's is. */
#include "scan/value.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* a decimal needs at most 768 digits to be rounded; what is longer is hardly meant as a number */
#define NUMBER_LONGEST 1000
#define EXACT_MOST (UINT64_C(1) << 53)
#define POWER_MOST 22
#define DIGITS_MOST 19 /* that always fit 64 bits */

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* a number as it is written: (-1)^minus * mantissa * 10^power; digits counts those of the mantissa */
struct decimal {
  uint64_t mantissa;
  int64_t power;
  int digits;
  bool minus, whole; /* whole: neither point nor exponent */
};

static bool is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}
static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* leading zeros do not count as digits */
static const char *read_digits(const char *p, const char *end, struct decimal *d) {
  for (; p < end && is_digit(*p); p++) {
    if (d->digits < DIGITS_MOST) d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
    if (d->digits || *p != '0') d->digits++;
  }
  return p;
}

static const char *read_exponent(const char *p, const char *end, int64_t *power) {
  const char *start = p++;
  bool minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end || !is_digit(*p)) return start; /* an e that begins no exponent */
  int64_t e = 0;
  for (; p < end && is_digit(*p); p++)
    if (e < 100000) e = e * 10 + (*p - '0');
  *power += minus ? -e : e;
  return p;
}

/* is all of it one number? */
static bool read_decimal(const char *p, const char *end, struct decimal *d) {
  *d = (struct decimal){.whole = true};
  d->minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  const char *start = p;
  p = read_digits(p, end, d);
  size_t written = (size_t)(p - start);
  if (p < end && *p == '.') {
    start = ++p;
    p = read_digits(p, end, d);
    written += (size_t)(p - start);
    d->power = start - p;
    d->whole = false;
  }
  if (written == 0) return false;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p = read_exponent(p, end, &d->power);
    d->whole = false;
  }
  return p == end;
}

static locale_t c_locale(void) {
  return newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant of the C library: costs nothing, is never freed */
}

/* text that read_decimal has accepted */
static double library_double(const char *p, size_t n) {
  char copy[NUMBER_LONGEST + 1];
  memcpy(copy, p, n);
  copy[n] = 0;
  return strtod_l(copy, NULL, c_locale());
}

static enum value_kind give_integer(const struct decimal *d, struct value *to) {
  *to = value_integer(d->minus ? (int64_t)-d->mantissa : (int64_t)d->mantissa);
  return VALUE_INTEGER;
}

static bool fits_integer(const struct decimal *d) {
  return d->whole && d->digits <= DIGITS_MOST && d->mantissa <= (uint64_t)INT64_MAX + d->minus;
}

static bool is_exact(const struct decimal *d) {
  return d->digits <= DIGITS_MOST && d->mantissa <= EXACT_MOST && d->power >= -POWER_MOST && d->power <= POWER_MOST;
}

static double exact_double(const struct decimal *d) {
  double m = (double)d->mantissa;
  m = d->power < 0 ? m / powers[-d->power] : m * powers[d->power];
  return d->minus ? -m : m;
}

static enum value_kind no_number(const char *p, size_t n, struct value *to) {
  *to = value_of_text(p, n);
  return VALUE_TEXT;
}

enum value_kind value_parse(const char *text, size_t length, struct value *to) {
  const char *p = text, *end = text + length;
  while (p < end && is_blank(*p)) p++;
  while (p < end && is_blank(end[-1])) end--;
  if (p == end || (end - p == 1 && *p == '-')) {
    *to = value_none();
    return VALUE_NONE;
  }
  struct decimal d;
  if (end - p > NUMBER_LONGEST || !read_decimal(p, end, &d)) return no_number(text, length, to);
  if (fits_integer(&d)) return give_integer(&d, to);
  double number = is_exact(&d) ? exact_double(&d) : library_double(p, (size_t)(end - p));
  if (isinf(number)) return no_number(text, length, to);
  *to = value_number(number);
  return VALUE_NUMBER;
}

enum value_kind value_numeric_slow(const struct value *v, struct value *to) {
  switch (v->kind) {
    case VALUE_TEXT: return value_parse(v->text, v->length, to);
    case VALUE_BOOLEAN: *to = value_integer(v->integer); return VALUE_INTEGER;
    case VALUE_INTEGER:
    case VALUE_NUMBER: *to = *v; return v->kind;
    case VALUE_RAW: return no_number(v->text, v->length, to);
    default: *to = value_none(); return VALUE_NONE;
  }
}

static struct text integer_text(int64_t i, char *scratch) {
  char *end = scratch + VALUE_SCRATCH, *p = end;
  uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
  do *--p = (char)('0' + u % 10);
  while (u /= 10);
  if (i < 0) *--p = '-';
  return (struct text){p, (size_t)(end - p)};
}

static struct text number_text(double d, char *scratch) {
  locale_t c = c_locale(), before = uselocale(c);
  int n = 0;
  for (int digits = 15; digits <= 17; digits++) {
    n = snprintf(scratch, VALUE_SCRATCH, "%.*g", digits, d);
    if (strtod_l(scratch, NULL, c) == d) break;
  }
  uselocale(before);
  if (!strpbrk(scratch, ".en")) n += snprintf(scratch + n, VALUE_SCRATCH - (size_t)n, ".0");
  return (struct text){scratch, (size_t)n};
}

struct text value_text(const struct value *v, char scratch[VALUE_SCRATCH]) {
  switch (v->kind) {
    case VALUE_TEXT:
    case VALUE_RAW: return (struct text){v->text, v->length};
    case VALUE_INTEGER: return integer_text(v->integer, scratch);
    case VALUE_NUMBER: return number_text(v->number, scratch);
    case VALUE_BOOLEAN: return text_of(v->integer ? "true" : "false");
    case VALUE_NULL: return text_of("null");
    default: return text_of("");
  }
}

static int sign(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

/* the double is cut to an integer where it fits one; its fraction decides between equals */
static int compare_mixed(int64_t i, double d) {
  if (d >= 0x1p63) return -1;
  if (d < -0x1p63) return 1;
  int64_t cut = (int64_t)d;
  if (i != cut) return sign(i, cut);
  double fraction = d - (double)cut;
  return (fraction < 0) - (fraction > 0);
}

int value_compare_numbers(const struct value *a, const struct value *b) {
  if (a->kind == VALUE_INTEGER)
    return b->kind == VALUE_INTEGER ? sign(a->integer, b->integer) : compare_mixed(a->integer, b->number);
  if (b->kind == VALUE_INTEGER) return -compare_mixed(b->integer, a->number);
  return (a->number > b->number) - (a->number < b->number);
}

static int compare_texts(const struct value *a, const struct value *b) {
  char sa[VALUE_SCRATCH], sb[VALUE_SCRATCH];
  struct text x = value_text(a, sa), y = value_text(b, sb);
  size_t n = x.n < y.n ? x.n : y.n;
  int c = n ? memcmp(x.p, y.p, n) : 0;
  return c ? c : sign((int64_t)x.n, (int64_t)y.n);
}

static bool is_number(enum value_kind k) {
  return k == VALUE_INTEGER || k == VALUE_NUMBER;
}

int value_compare(const struct value *a, const struct value *b) {
  struct value x, y;
  if (is_number(value_numeric(a, &x)) && is_number(value_numeric(b, &y))) return value_compare_numbers(&x, &y);
  return compare_texts(a, b);
}

/* the place of its kind in the order of sort; *number is set for numbers */
static int order_class(const struct value *v, struct value *number) {
  if (v->kind == VALUE_BOOLEAN) return 1;
  enum value_kind k = value_numeric(v, number);
  return k == VALUE_NONE ? 0 : is_number(k) ? 2 : 3;
}

int value_order(const struct value *a, const struct value *b) {
  struct value x, y;
  int ca = order_class(a, &x), cb = order_class(b, &y);
  if (ca != cb) return sign(ca, cb);
  switch (ca) {
    case 1: return sign(a->integer, b->integer);
    case 2: return value_compare_numbers(&x, &y);
    case 3: return compare_texts(a, b);
    default: return 0;
  }
}
