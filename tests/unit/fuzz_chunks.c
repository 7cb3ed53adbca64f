/* fuzz_chunks: random files, chunk sizes, pieces and patterns against the plain way.
**
** The bytes of one input: chunk size (2 bytes), length of the pattern (1 byte), pattern, text. The chunks must
** follow one another to the end of the file and end at newlines; lines counted chunk by chunk, piece by piece, are
** those of each line alone. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "scan/chunks.h"
#include "scan/pieces.h"
#include "scan/regex.h"

static uint64_t count_each_line(struct regex *re, const char *text, size_t n) {
  struct why why;
  uint64_t count = 0;
  for (size_t at = 0; at < n;) {
    const char *nl = memchr(text + at, '\n', n - at);
    size_t end = nl ? (size_t)(nl - text) : n;
    int rc = regex_search(re, text + at, end - at, 0, 0, &why);
    if (rc < 0) return UINT64_MAX;
    count += (uint64_t)rc;
    at = end + 1;
  }
  return count;
}

/* what chunk:count does; UINT64_MAX when the regex gives up */
static uint64_t count_pieces(struct regex *re, struct file *f, uint64_t first, uint64_t last) {
  struct why why;
  struct buf buf;
  struct pieces s;
  const char *p;
  size_t n;
  uint64_t count = 0, seen = 0;
  int rc;
  buf_heap(&buf);
  pieces_start(&s, f, first, last, &buf);
  while ((rc = pieces_next(&s, &p, &n, &why)) == 1) {
    MUST(n > 0);
    seen += n;
    if (regex_count_lines(re, p, n, &count, &why) != 0) break;
  }
  buf_free(&buf);
  if (rc == 1) return UINT64_MAX;
  MUST(rc == 0 && seen == last - first + 1);
  return count;
}

static void run(struct file *f, const char *text, size_t n, uint64_t size, struct regex *re) {
  static struct chunks c;
  struct why why;
  uint64_t first, last, at = 0, count = 0, expected = re ? count_each_line(re, text, n) : 0;
  int gave_up = expected == UINT64_MAX;
  MUST(chunks_start(&c, f, size, &why) == 0);
  while (chunks_next(&c, &first, &last, &why) == 1) {
    MUST(first == at && last >= first && last < n);
    MUST(last == n - 1 || text[last] == '\n');
    at = last + 1;
    uint64_t here = re ? count_pieces(re, f, first, last) : 0;
    gave_up |= here == UINT64_MAX;
    count += here;
  }
  MUST(at == n);
  MUST(gave_up || count == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n < 3) return 0;
  uint64_t size = 1 + (data[0] | (uint64_t)data[1] << 8);
  size_t pattern = data[2] < n - 3 ? data[2] : n - 3;
  struct why why;
  struct files all;
  struct regex *re = regex_new((const char *)data + 3, pattern, 0, &why);
  const char *text = (const char *)data + 3 + pattern;
  n -= 3 + pattern;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  MUST(fd >= 0 && write(fd, text, n) == (ssize_t)n);
  files_init(&all);
  struct file *f = files_adopt(&all, fd, &why);
  MUST(f != NULL);
  run(f, text, n, size, re);
  file_let(&all, f);
  files_close(&all);
  close(fd);
  regex_free(re);
  return 0;
}

#ifdef FUZZ_MAIN

/* mostly small texts of few letters, in which patterns do match; now and then any bytes */
static size_t input(uint8_t *to, size_t most) {
  static const char *const patterns[] = {"a",  "^$",  "b\\s*a", "[^b]+$", "\\bab",     "(a|b)*\\z",
                                         "x*", "\\W", "\\n",    "a.b",    "(?<=\\s)b", "^\\s"};
  static const char letters[] = "ab \n\n\ta\r";
  const char *pattern = patterns[below(sizeof patterns / sizeof *patterns)];
  size_t n = 3 + strlen(pattern), end = n + (below(20) ? below(100) : below(most - n)), wild = below(8) ? 0 : 4;
  to[0] = (uint8_t)below(below(3) ? 20 : 256);
  to[1] = (uint8_t)(below(4) ? 0 : below(64));
  to[2] = (uint8_t)strlen(pattern);
  memcpy(to + 3, pattern, strlen(pattern));
  for (; n < end; n++)
    to[n] = wild && below(wild) == 0 ? (uint8_t)below(256) : (uint8_t)letters[below(sizeof letters - 1)];
  return end;
}

static void one(void) {
  static uint8_t bytes[40000];
  LLVMFuzzerTestOneInput(bytes, input(bytes, sizeof bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
