/* packed: numbers, texts and values as bytes and back; what encoded tallies and sorted runs are made of.
**
** Numbers are varints (seven bits a byte, low ones first; signed ones zigzag), so that small ones take a byte. A reader
** never reads beyond its end: it then is `bad`, reads nothing but zeros and empty texts from there on, and whoever
** reads asks once, behind a loop or before a size is believed. */
#ifndef PAPY_SCAN_PACKED_H
#define PAPY_SCAN_PACKED_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "scan/text.h"
#include "scan/value.h"

struct packed {
  const uint8_t *p, *end;
  int bad;
};

static inline struct packed packed_of(const void *p, size_t n) {
  return (struct packed){p, (const uint8_t *)p + n, 0};
}

static inline size_t packed_left(const struct packed *r) {
  return (size_t)(r->end - r->p);
}

static inline void packed_spoil(struct packed *r) {
  r->bad = 1;
  r->p = r->end;
}

/* longest form of a number */
#define PACKED_MOST 10

static inline uint8_t *packed_write(uint8_t *p, uint64_t v) {
  for (; v > 0x7f; v >>= 7) *p++ = (uint8_t)(0x80 | v);
  *p++ = (uint8_t)v;
  return p;
}

static inline int packed_put(struct buf *out, uint64_t v) {
  if (out->cap - out->n < PACKED_MOST && buf_more(out, PACKED_MOST) != 0) return -1;
  out->n = (size_t)(packed_write(out->p + out->n, v) - out->p);
  return 0;
}

static inline uint64_t packed_get_long(struct packed *r) {
  uint64_t v = 0;
  for (int shift = 0; r->p < r->end && shift < 64; shift += 7) {
    uint8_t byte = *r->p++;
    v |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80 && !(shift == 63 && byte > 1)) return v;
  }
  packed_spoil(r);
  return 0;
}

static inline uint64_t packed_get(struct packed *r) {
  if (r->p < r->end && *r->p < 0x80) return *r->p++;
  return packed_get_long(r);
}

static inline uint64_t packed_zigzag(int64_t v) {
  return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t packed_unzigzag(uint64_t v) {
  return (int64_t)(v >> 1 ^ -(v & 1));
}

static inline int packed_put_signed(struct buf *out, int64_t v) {
  return packed_put(out, packed_zigzag(v));
}

static inline int64_t packed_get_signed(struct packed *r) {
  return packed_unzigzag(packed_get(r));
}

static inline int packed_put_double(struct buf *out, double v) {
  return buf_add(out, &v, sizeof v);
}

static inline double packed_get_double(struct packed *r) {
  double v = 0;
  if (packed_left(r) < sizeof v) {
    packed_spoil(r);
    return 0;
  }
  memcpy(&v, r->p, sizeof v);
  r->p += sizeof v;
  return v;
}

static inline int packed_put_text(struct buf *out, const void *p, size_t n) {
  return packed_put(out, n) != 0 ? -1 : buf_add(out, p, n);
}

/* borrowed from what is read */
static inline struct text packed_get_text(struct packed *r) {
  uint64_t n = packed_get(r);
  if (n > packed_left(r)) packed_spoil(r), n = 0;
  struct text t = {(const char *)r->p, (size_t)n};
  r->p += n;
  return t;
}

/* A value in its normal form: numbers without a fraction become integers, so that 2 and 2.0 are the same bytes. */
static inline struct value packed_normal(struct value v) {
  if (v.kind == VALUE_NUMBER && v.number >= -0x1p63 && v.number < 0x1p63 && (double)(int64_t)v.number == v.number)
    return value_integer((int64_t)v.number);
  return v;
}

static inline int packed_put_value(struct buf *out, struct value v) {
  if (buf_byte(out, v.kind) != 0) return -1;
  switch ((enum value_kind)v.kind) {
    case VALUE_TEXT:
    case VALUE_RAW: return packed_put_text(out, v.text, v.length);
    case VALUE_INTEGER: return packed_put_signed(out, v.integer);
    case VALUE_NUMBER: return packed_put_double(out, v.number);
    case VALUE_BOOLEAN: return buf_byte(out, v.integer != 0);
    case VALUE_NONE:
    case VALUE_NULL: break;
  }
  return 0;
}

/* borrowed from what is read */
static inline struct value packed_get_value(struct packed *r) {
  uint64_t kind = packed_get(r);
  switch ((enum value_kind)kind) {
    case VALUE_TEXT:
    case VALUE_RAW: {
      struct text t = packed_get_text(r);
      struct value v = value_of_text(t.p, t.n);
      v.kind = kind;
      return v;
    }
    case VALUE_INTEGER: return value_integer(packed_get_signed(r));
    case VALUE_NUMBER: return value_number(packed_get_double(r));
    case VALUE_BOOLEAN: return value_boolean(packed_get(r) != 0);
    case VALUE_NULL: return value_null();
    case VALUE_NONE: return value_none();
  }
  packed_spoil(r);
  return value_none();
}

#endif
