/* value: what a field of a record holds, in 16 bytes, and how values are numbers, text and ordered.
**
** Text and raw values borrow their bytes from the record's block or from its arena: they are valid as long as the record
** is. Fields split from text are text; they become numbers where a number is asked for (value_numeric), so "0200" stays
** the text that it is until someone calculates with it. Only JSON gives values that have a kind from the start.
** Nothing here allocates. */
#ifndef PAPY_SCAN_VALUE_H
#define PAPY_SCAN_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/text.h"
#include "scan/word.h"

enum value_kind {
  VALUE_NONE,    /* the record has no such field */
  VALUE_TEXT,    /* any bytes */
  VALUE_INTEGER, /* fits 64 bits */
  VALUE_NUMBER,  /* a finite double */
  VALUE_BOOLEAN, /* integer is 0 or 1 */
  VALUE_NULL,    /* JSON's null */
  VALUE_RAW      /* a nested JSON array or object, as its text */
};

struct value {
  union {
    const char *text;
    int64_t integer;
    double number;
  };
  union {
    struct { /* length of text; 0 for the other kinds */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      uint64_t length : 56, kind : 8;
#else
      uint64_t kind : 8, length : 56;
#endif
    };
    uint64_t length_and_kind; /* to set both at once */
  };
};

static inline struct value value_none(void) {
  return (struct value){.kind = VALUE_NONE};
}
static inline struct value value_null(void) {
  return (struct value){.kind = VALUE_NULL};
}
static inline struct value value_integer(int64_t i) {
  return (struct value){.integer = i, .kind = VALUE_INTEGER};
}
static inline struct value value_number(double d) {
  return (struct value){.number = d, .kind = VALUE_NUMBER};
}
static inline struct value value_boolean(int b) {
  return (struct value){.integer = b != 0, .kind = VALUE_BOOLEAN};
}
static inline struct value value_of_text(const char *p, size_t n) {
  return (struct value){.text = p, .length_and_kind = n | (uint64_t)VALUE_TEXT << 56};
}

/* Text as a number: blanks, sign, digits, fraction, exponent, blanks; no hexadecimal, infinity or NaN, and nothing longer
** than NUMBER_LONGEST. Integers that fit 64 bits are exact, all else is the nearest double (which may be infinite: then
** it is no number). The kind of *to: VALUE_INTEGER, VALUE_NUMBER; VALUE_NONE when the text is missing: empty, blank or
** "-"; VALUE_TEXT (then *to is that text) when it is something else. */
enum value_kind value_parse(const char *p, size_t n, struct value *to);

/* The number that 1 to 8 digits are, -1 when there are other bytes among them. They are moved to the end of a word that
** begins with zeros; then neighbours are put together three times: to numbers of two digits, of four, of eight. */
static inline int64_t value_digits(const char *p, size_t n) {
  uint64_t w = (word_of(p, n) ^ 0x3030303030303030u) << (64 - 8 * n);
  if ((w | (w + 0x7676767676767676u)) & 0x8080808080808080u) return -1;
  w = w * 10 + (w >> 8);
  w = (w & 0x000000ff000000ffu) * (100 + (1000000ull << 32)) + (w >> 16 & 0x000000ff000000ffu) * (1 + (10000ull << 32));
  return (int64_t)(w >> 32);
}

/* The number that a text of 1 to 16 digits is, which is what nearly every sum is made of; -1 for any other value */
static inline int64_t value_whole(const struct value *v) {
  size_t n = v->length;
  if (v->kind != VALUE_TEXT || n - 1 >= 16) return -1;
  if (n <= 8) return value_digits(v->text, n);
  int64_t high = value_digits(v->text, n - 8), low = value_digits(v->text + n - 8, 8);
  return (high | low) < 0 ? -1 : high * 100000000 + low;
}

/* The value as a number, *to as above. Booleans count as 0 and 1; NONE and NULL are missing; RAW is VALUE_TEXT. */
enum value_kind value_numeric_slow(const struct value *v, struct value *to);
static inline enum value_kind value_numeric(const struct value *v, struct value *to) {
  int64_t i = value_whole(v);
  if (i < 0) return value_numeric_slow(v, to);
  *to = value_integer(i);
  return VALUE_INTEGER;
}
/* the same as a double, for means and quantiles */
static inline double value_double(const struct value *number) {
  return number->kind == VALUE_INTEGER ? (double)number->integer : number->number;
}

static inline int value_is_there(const struct value *v) {
  return v->kind != VALUE_NONE && v->kind != VALUE_NULL;
}

/* No value: NONE, NULL, empty text or "-", as logs write it? */
static inline int value_missing(const struct value *v) {
  if (v->kind == VALUE_TEXT) return v->length == 0 || (v->length == 1 && v->text[0] == '-');
  return v->kind == VALUE_NONE || v->kind == VALUE_NULL;
}

/* room for any number as text */
#define VALUE_SCRATCH 32
/* The value as text: text and raw as they are, integers and the shortest form that reads back as the same double (with
** ".0" when that would look like an integer) in scratch, "true", "false", "null", and nothing for NONE. */
struct text value_text(const struct value *v, char scratch[VALUE_SCRATCH]);

/* The order of sort, total: missing values, false, true, numbers (text that looks like one, too) by size, text by bytes. */
int value_order(const struct value *a, const struct value *b);
/* the same, rising or falling, but that missing values come last either way */
static inline int value_sort_order(const struct value *a, const struct value *b, int descending) {
  if (a->kind == VALUE_INTEGER && b->kind == VALUE_INTEGER) {
    int order = (a->integer > b->integer) - (a->integer < b->integer);
    return descending ? -order : order;
  }
  int missing = value_missing(a), other = value_missing(b);
  if (missing || other) return missing - other;
  return descending ? value_order(b, a) : value_order(a, b);
}
/* The order of expressions: by size when both look like numbers, else by the bytes of their text. */
int value_compare(const struct value *a, const struct value *b);
/* numbers (INTEGER or NUMBER) by size, exactly: 2^53+1 is more than 2^53 as a double */
int value_compare_numbers(const struct value *a, const struct value *b);

#endif
