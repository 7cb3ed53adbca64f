/* wire: the bytes of an encoded value, drawn once.
**
** A message is one value. A value is a tag byte and what the tag asks for; numbers are little-endian.
**
**   00..7f              integer 0..127                 d4 INT1   i8
**   80..bf bytes        string of length 0..63         d5 INT2   i16
**   c0..cf              integer -16..-1                d6 INT4   i32
**   d0 NIL  d1 FALSE  d2 TRUE  d3 NULL (papy.null)     d7 INT8   i64
**   d8 FLOAT  f64, all bits                            d9 STRING varint(length) bytes
**
**   da REF      varint(k)                   object k of this message again
**   db UPVALUE  varint(k) u8(j)             only in place of an upvalue: the variable that is upvalue j of object k
**   dc GLOBALS                              the receiver's table of globals
**   dd MODULE   string                      what `require` gives for that name
**   de CFUNC    u8(n) n strings             module, then the fields that lead to a C function
**
**   e0 TABLE    varint(elements) u8(h) element... (key value)... NIL
**   e2 OBJECT   string(class) and as TABLE
**   e4 FUNCTION u32(length) code u8(upvalues) (value | UPVALUE)...
**   e6 PACKED   string(class) value         a userdata, as what its __pack returned
**
** Objects are numbered from 0 in the order of their tags; only PACKED takes its number after its value, because
** it cannot be made before. The lowest bit of the first tag of a message (e1, e3, ...) says that a REF or an UPVALUE
** follows somewhere: without it the decoder keeps no list of objects.
**
** h is the room to make for pairs: 0 for none, else 2^(h-1) slots, the least power of two that holds them (so does
** Lua). The encoder learns the number of elements and of pairs while it walks, in one pass, and patches both bytes;
** so a varint may be longer than it need be. Every element takes a byte and every pair two, hence the room asked
** for by all tables of a message together is never more slots than the message has bytes; the decoder insists.
**
** Whoever changes this:
**   - encode.c and decode.c, ship.c for da..de and e4, in one commit; old bytes are never kept, so no versions
**   - the first tag keeps its spare lowest bit, so a new object's tag is even and lies in e0..ee
**   - a new tag that can run code or reach outside the value is refused by codec_decode_plain
**   - every count is checked against what remains, and room is charged to dec.room
**   - the round trips and the seeds of tests/unit/fuzz_codec.c know the new tag */
#ifndef PAPY_CODEC_WIRE_H
#define PAPY_CODEC_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum {
  TAG_SHORT = 0x80,      /* plus the length of a short string */
  TAG_MINUS = 0xd0,      /* plus a small negative integer: c0..cf */
  TAG_NIL = 0xd0, TAG_FALSE, TAG_TRUE, TAG_NULL,
  TAG_INT1, TAG_INT2, TAG_INT4, TAG_INT8, TAG_FLOAT, TAG_STRING,
  TAG_REF, TAG_UPVALUE, TAG_GLOBALS, TAG_MODULE, TAG_CFUNC,
  TAG_TABLE = 0xe0, TAG_OBJECT = 0xe2, TAG_FUNCTION = 0xe4, TAG_PACKED = 0xe6,
  TAG_LAST = 0xe7,
  SHORT_MAX = 63,        /* longest string whose length is in its tag */
  HEAD_MAX = 11          /* a tag and the longest varint */
};

/* room for n more bytes, or NULL with errno set */
static inline uint8_t *wire_room(struct buf *b, size_t n) {
  return b->cap - b->n >= n || buf_more(b, n) == 0 ? b->p + b->n : NULL;
}

static inline void wire_le(uint8_t *p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t wire_from_le(const uint8_t *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

/* Write v in at least `width` bytes; returns how many. */
static inline size_t wire_varint(uint8_t *p, uint64_t v, size_t width) {
  size_t n = 0;
  for (; v > 0x7f || n + 1 < width; v >>= 7) p[n++] = (uint8_t)(0x80 | (v & 0x7f));
  p[n++] = (uint8_t)v;
  return n;
}

static inline size_t wire_integer(uint8_t *p, int64_t v) {
  int bytes;
  if ((uint64_t)v <= 0x7f || (v < 0 && v >= -16)) return *p = (uint8_t)(v < 0 ? TAG_MINUS + v : v), 1;
  if (v == (int8_t)v) *p = TAG_INT1, bytes = 1;
  else if (v == (int16_t)v) *p = TAG_INT2, bytes = 2;
  else if (v == (int32_t)v) *p = TAG_INT4, bytes = 4;
  else *p = TAG_INT8, bytes = 8;
  wire_le(p + 1, (uint64_t)v, bytes);
  return 1 + (size_t)bytes;
}

static inline size_t wire_float(uint8_t *p, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  *p = TAG_FLOAT;
  wire_le(p + 1, bits, 8);
  return 9;
}

/* Write what stands before the bytes of a string. */
static inline size_t wire_string_head(uint8_t *p, size_t len) {
  if (len <= SHORT_MAX) return *p = (uint8_t)(TAG_SHORT + len), 1;
  *p = TAG_STRING;
  return 1 + wire_varint(p + 1, len, 1);
}

/* how many slots for pairs h stands for */
static inline uint64_t wire_slots(uint8_t h) { return h ? UINT64_C(1) << (h - 1) : 0; }

#endif
