/* sniff: what a file is, by its first bytes, whatever its name. */
#ifndef PAPY_SCAN_SNIFF_H
#define PAPY_SCAN_SNIFF_H

#include <stddef.h>

/* how many bytes the answer may depend on: a header of tar */
#define SNIFF_BYTES 512

enum sniff {
  SNIFF_PLAIN,  /* nothing we know: text, as far as we are concerned */
  SNIFF_PACKED, /* gzip, bzip2, xz, zstd, lz4, lzma, lzip, compress */
  SNIFF_TAR,
  SNIFF_ZIP,
  SNIFF_UTF16 /* text, but no bytes of it are what they seem */
};

/* the first n bytes of the file, SNIFF_BYTES or all it has */
enum sniff sniff(const void *head, size_t n);

#endif
