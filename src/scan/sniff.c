/* Magic numbers of at least three bytes, none of which begins a line of text; tar by the checksum of its header, which old
** ones without a magic number have, too. */
#include "scan/sniff.h"

#include <stdint.h>
#include <string.h>

#define MAGIC(text) \
  { text, sizeof text - 1 }

static const struct magic {
  const char *text;
  size_t n;
} packed[] = {
    MAGIC("\x1f\x8b\x08"),     /* gzip */
    MAGIC("\xfd\x37zXZ\0"),    /* xz */
    MAGIC("\x28\xb5\x2f\xfd"), /* zstd */
    MAGIC("\x04\x22\x4d\x18"), /* lz4 */
    MAGIC("\x02\x21\x4c\x18"), /* lz4, its old format */
    MAGIC("\x5d\0\0\x80\0"),   /* lzma, as written with the usual dictionaries: 8 MiB, */
    MAGIC("\x5d\0\0\x10\0"),   /* 1 MiB */
    MAGIC("\x5d\0\0\0\x01"),   /* 16 MiB */
    MAGIC("\x5d\0\0\0\x04"),   /* 64 MiB */
    MAGIC("LZIP\x01"),         /* lzip */
    MAGIC("\x1f\x9d\x90"),     /* compress */
};

/* "BZh", the block size, and the first block's or the end's number: BZh alone may be somebody's text */
static int is_bzip2(const uint8_t *p, size_t n) {
  static const char block[] = "\x31\x41\x59\x26\x53\x59", end[] = "\x17\x72\x45\x38\x50\x90";
  return n >= 10 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
         (memcmp(p + 4, block, 6) == 0 || memcmp(p + 4, end, 6) == 0);
}

/* zstd and lz4 may begin with a frame to be skipped: 0x184D2A50 to 0x184D2A5F, little end first */
static int is_skippable(const uint8_t *p, size_t n) {
  return n >= 8 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0;
}

enum { SUM_AT = 148, SUM_BYTES = 8 };

/* the sum of all bytes of the header, those of the sum itself taken as blanks */
static int is_tar(const uint8_t *p, size_t n) {
  unsigned long sum = 0, stated = 0;
  int digits = 0;
  if (n < SNIFF_BYTES || p[0] == 0) return 0;
  for (size_t i = 0; i < SNIFF_BYTES; i++) sum += i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : p[i];
  for (const uint8_t *d = p + SUM_AT; d < p + SUM_AT + SUM_BYTES; d++) {
    if (*d >= '0' && *d <= '7') stated = stated * 8 + (*d - '0'), digits++;
    else if (digits || *d != ' ') break;
  }
  return digits > 0 && stated == sum;
}

static int is_zip(const uint8_t *p, size_t n) {
  return n >= 4 && (memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "PK\5\6", 4) == 0);
}

/* the mark of its byte order, then a character of ASCII */
static int is_utf16(const uint8_t *p, size_t n) {
  return n >= 4 && ((memcmp(p, "\xff\xfe", 2) == 0 && p[2] != 0 && p[3] == 0) ||
                    (memcmp(p, "\xfe\xff", 2) == 0 && p[2] == 0 && p[3] != 0));
}

enum sniff sniff(const void *head, size_t n) {
  for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
    if (n >= packed[i].n && memcmp(head, packed[i].text, packed[i].n) == 0) return SNIFF_PACKED;
  if (is_bzip2(head, n) || is_skippable(head, n)) return SNIFF_PACKED;
  if (is_utf16(head, n)) return SNIFF_UTF16;
  return is_zip(head, n) ? SNIFF_ZIP : is_tar(head, n) ? SNIFF_TAR : SNIFF_PLAIN;
}
