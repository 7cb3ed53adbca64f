/* fuzz_records: the records of random texts, cut in every way, against those of the whole text.
**
** The bytes of one input: chunk size (2 bytes), seed of the sizes of reads (1 byte), length of the pattern (1 byte),
** pattern, text. What is compared: records of the whole text, line by line; those that begin in each chunk of a file;
** those of the blocks of a stream that arrives bit by bit. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "base/buf.h"
#include "scan/blocks.h"
#include "scan/chunks.h"
#include "scan/records.h"
#include "scan/regex.h"

/* records as bytes: length and text of each */
static void note(struct buf *out, const char *p, size_t n) {
  MUST(buf_add(out, &n, sizeof n) == 0 && buf_add(out, p, n) == 0);
}

static size_t without_end(const char *text, size_t from, size_t end) {
  if (end > from && text[end - 1] == '\n') {
    end--;
    if (end > from && text[end - 1] == '\r') end--;
  }
  return end;
}

/* the plain way; -1 when the regex gives up */
static int line_by_line(const char *text, size_t n, struct regex *start, struct buf *out) {
  struct why why;
  size_t from = 0;
  for (size_t at = 0; at < n;) {
    const char *nl = memchr(text + at, '\n', n - at);
    size_t end = nl ? (size_t)(nl - text) : n, next = nl ? end + 1 : n;
    int rc = start ? regex_search(start, text + at, end - at, 0, 0, &why) : 1;
    if (rc < 0) return -1;
    if (rc > 0 && at > from) {
      note(out, text + from, without_end(text, from, at) - from);
      from = at;
    }
    at = next;
  }
  if (n > from) note(out, text + from, without_end(text, from, n) - from);
  return 0;
}

static int walk(const char *text, size_t n, struct regex *start, struct buf *out) {
  struct why why;
  struct records r;
  const char *p;
  size_t len;
  int rc;
  records_begin(&r, text, n, start);
  while ((rc = records_next(&r, &p, &len, &why)) > 0) note(out, p, len);
  MUST(rc < 0 || r.at == n);
  return rc;
}

static int by_chunks(struct file *f, const char *text, size_t n, uint64_t size, struct regex *start, struct buf *out) {
  static struct chunks c;
  struct why why;
  struct buf buf;
  uint64_t first, last;
  int rc = 0;
  buf_heap(&buf);
  MUST(chunks_start(&c, f, size, &why) == 0);
  while (rc >= 0 && chunks_next(&c, &first, &last, &why) == 1) {
    rc = start ? records_of_range(f, n, &first, &last, start, &buf, &why) : 1;
    MUST(rc <= 0 || (first <= last && last < n));
    if (rc > 0) rc = walk(text + first, last + 1 - first, start, out);
  }
  buf_free(&buf);
  return rc < 0 ? -1 : 0;
}

static int give_blocks(struct blocks *b, enum blocks_wish wish, struct regex *start, struct buf *out) {
  struct why why;
  const char *p;
  size_t n;
  int rc;
  while ((rc = blocks_next(b, wish, &p, &n, &why)) > 0) {
    MUST(n > 0);
    if (walk(p, n, start, out) < 0) return -1;
  }
  return rc;
}

static int by_blocks(const char *text, size_t n, uint8_t seed, struct regex *start, struct buf *out) {
  struct blocks b;
  int rc = 0;
  blocks_init(&b, start);
  for (size_t at = 0; rc >= 0 && at < n;) {
    size_t room, want = 1 + (seed = (uint8_t)(seed * 77 + 13)) % 50;
    void *to = blocks_room(&b, &room);
    MUST(to && room > 0);
    if (want > room) want = room;
    if (want > n - at) want = n - at;
    memcpy(to, text + at, want);
    blocks_added(&b, want);
    at += want;
    rc = give_blocks(&b, seed & 64 ? BLOCKS_NOW : BLOCKS_FULL, start, out);
  }
  if (rc >= 0) rc = give_blocks(&b, BLOCKS_ALL, start, out);
  blocks_free(&b);
  return rc;
}

static void must_agree(const struct buf *wanted, struct buf *got, int rc) {
  MUST(rc < 0 || (wanted->n == got->n && (got->n == 0 || memcmp(wanted->p, got->p, got->n) == 0)));
  got->n = 0;
}

static void compare(struct file *f, const char *text, size_t n, uint64_t size, uint8_t seed, struct regex *start) {
  struct buf wanted, got;
  buf_heap(&wanted);
  buf_heap(&got);
  if (line_by_line(text, n, start, &wanted) == 0) {
    must_agree(&wanted, &got, walk(text, n, start, &got));
    must_agree(&wanted, &got, by_chunks(f, text, n, size, start, &got));
    must_agree(&wanted, &got, by_blocks(text, n, seed, start, &got));
  }
  buf_free(&wanted);
  buf_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n < 4) return 0;
  uint64_t size = 1 + (data[0] | (uint64_t)data[1] << 8);
  size_t pattern = data[3] < n - 4 ? data[3] : n - 4;
  struct why why;
  struct files all;
  struct regex *start = regex_new((const char *)data + 4, pattern, 0, &why);
  const char *text = (const char *)data + 4 + pattern;
  n -= 4 + pattern;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  MUST(fd >= 0 && write(fd, text, n) == (ssize_t)n);
  files_init(&all);
  struct file *f = files_adopt(&all, fd, &why);
  MUST(f != NULL);
  compare(f, text, n, size, data[2], NULL);
  if (start) compare(f, text, n, size, data[2], start);
  file_let(&all, f);
  files_close(&all);
  close(fd);
  regex_free(start);
  return 0;
}

#ifdef FUZZ_MAIN

static size_t input(uint8_t *to, size_t most) {
  static const char *const patterns[] = {"^a", "^\\S", "a", "^$", "b\\s*a", "\\bab", "^[ab]+$", "x", "\\z", "(?<=b)a"};
  static const char letters[] = "ab \n\n\ta\r";
  const char *pattern = patterns[below(sizeof patterns / sizeof *patterns)];
  size_t n = 4 + strlen(pattern), end = n + (below(20) ? below(200) : below(most - n)), wild = below(8) ? 0 : 4;
  to[0] = (uint8_t)below(below(3) ? 20 : 256);
  to[1] = (uint8_t)(below(4) ? 0 : below(64));
  to[2] = (uint8_t)below(256);
  to[3] = (uint8_t)strlen(pattern);
  memcpy(to + 4, pattern, strlen(pattern));
  for (; n < end; n++)
    to[n] = wild && below(wild) == 0 ? (uint8_t)below(256) : (uint8_t)letters[below(sizeof letters - 1)];
  return end;
}

static void one(void) {
  static uint8_t bytes[3000];
  LLVMFuzzerTestOneInput(bytes, input(bytes, sizeof bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
