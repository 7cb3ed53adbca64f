/* fuzz_csvcut: where random csv is cut, against a cutter written the plain way.
**
** The bytes of one input: separator, the most bytes of a record with newlines in quotes, seed of the sizes of reads, text. What is
** compared: the records of the whole text, with every loop; those of the text cut off at every byte, as far as it
** goes; those of the blocks of a stream that arrives bit by bit; those of chunks, as flows put them together. */
#include <string.h>

#include "fuzz.h"
#include "base/limits.h"
#include "scan/blocks.h"
#include "scan/csvcut.h"

enum { TEXT_MOST_ = 9000 };

static char separator;
static ptrdiff_t most;
static size_t end_of[TEXT_MOST_ + 1]; /* of the record that begins there; 0: none does */

static bool closes(const char *text, size_t n, size_t at) {
  if (at == n || text[at] == separator || text[at] == '\n') return true;
  return text[at] == '\r' && (at + 1 == n || text[at + 1] == '\n');
}

static size_t line_end(const char *text, size_t n, size_t at) {
  while (at < n)
    if (text[at++] == '\n') break;
  return at;
}

static size_t plain_end(const char *text, size_t n, size_t from) {
  size_t at = from + (n - from >= 3 && memcmp(text + from, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
  for (;; at++) {
    if (at < n && text[at] == '"') {
      size_t close = at + 1;
      while (close < n && (text[close] != '"' || (close + 1 < n && text[close + 1] == '"')))
        close += 1 + (text[close] == '"');
      if (close >= n || (ptrdiff_t)(close - from) >= most || !closes(text, n, close + 1)) return line_end(text, n, at);
      at = close + 1;
    }
    while (at < n && text[at] != separator && text[at] != '\n') at++;
    if (at == n) return n;
    if (text[at] == '\n') return at + 1;
  }
}

static void find_ends(const char *text, size_t n) {
  memset(end_of, 0, sizeof end_of);
  for (size_t at = 0; at < n; at = end_of[at]) end_of[at] = plain_end(text, n, at);
}

static struct csvcut cutter(void) {
  struct csvcut c;
  csvcut_init(&c, separator);
  c.most = most;
  return c;
}

/* the records from `from` on must be those that were found; where they end */
static size_t must_be_records(struct csvcut *c, const char *text, size_t from, size_t to, bool whole) {
  const char *end;
  csvcut_begin(c, text + from, to - from, whole);
  while ((end = csvcut_next(c)) != NULL) {
    MUST((size_t)(end - text) == end_of[from]);
    from = end_of[from];
    MUST(c->record == text + from);
  }
  MUST(!whole || from == to);
  return from;
}

static void by_loops(const char *text, size_t n) {
  struct csvcut c = cutter();
  for (unsigned i = 0; (c.scan = csvcut_scan_at(i)) != NULL; i++) must_be_records(&c, text, 0, n, true);
}

static void cut_off(const char *text, size_t n) {
  struct csvcut c = cutter();
  for (size_t to = 0, done = 0; to <= n; to++) {
    size_t now = must_be_records(&c, text, 0, to, false);
    MUST(now >= done);
    done = now;
    size_t sure = done + (size_t)most; /* no newline behind that is inside quotes */
    MUST(to <= sure || !memchr(text + sure, '\n', to - sure));
    if (n > 300) to += n / 100;
  }
}

static void by_blocks(const char *text, size_t n, uint8_t by) {
  struct why why;
  struct blocks b;
  struct csvcut c = cutter();
  const char *p;
  size_t done = 0, len, room;
  blocks_init(&b, NULL);
  blocks_of_csv(&b, separator);
  b.cutter.most = most;
  for (size_t at = 0; at <= n;) {
    size_t want = 1 + (by = (uint8_t)(by * 77 + 13)) % 50;
    void *to = blocks_room(&b, &room);
    MUST(to != NULL);
    if (want > room) want = room;
    if (want > n - at) want = n - at;
    memcpy(to, text + at, want);
    blocks_added(&b, want);
    at += want;
    enum blocks_wish wish = at == n ? BLOCKS_ALL : by & 64 ? BLOCKS_NOW : by & 32 ? BLOCKS_LINES : BLOCKS_FULL;
    while (blocks_next(&b, wish, &p, &len, &why) > 0) {
      MUST(memcmp(p, text + done, len) == 0 && (end_of[done + len] || done + len == n));
      must_be_records(&c, text, done, done + len, true);
      done += len;
    }
    if (at == n) break;
  }
  MUST(done == n);
  blocks_free(&b);
}

/* Each chunk is begun where a guess says; where that was wrong it is begun again. */
static void by_chunks(const char *text, size_t n, uint8_t by) {
  struct csvcut c = cutter();
  size_t done = 0;
  for (size_t first = 0, behind; first < n; first = behind) {
    size_t size = (by = (uint8_t)(by * 77 + 13)) % 60;
    behind = size < n - first ? line_end(text, n, first + size) : n;
    size_t guess = first + (first ? csvcut_guess(&c, text + first, behind - first) : 0);
    MUST(guess == first || guess == behind || (guess < behind && text[guess - 1] == '\n'));
    while (done < behind) {
      size_t from = done;
      csvcut_begin(&c, text + from, n - from, true);
      const char *end = csvcut_next(&c);
      MUST(end && (size_t)(end - text) == end_of[from]);
      done = end_of[from];
    }
  }
  MUST(done == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n < 3) return 0;
  const char *text = (const char *)data + 3;
  separator = strchr("\"\r\n", data[0]) && data[0] ? ',' : (char)data[0];
  most = data[1] ? data[1] : CSV_RECORD_MOST;
  n = n - 3 < TEXT_MOST_ ? n - 3 : TEXT_MOST_;
  find_ends(text, n);
  by_loops(text, n);
  cut_off(text, n);
  by_blocks(text, n, data[2]);
  by_chunks(text, n, data[2]);
  return 0;
}

#ifdef FUZZ_MAIN

static size_t add(uint8_t *to, size_t n, const char *text) {
  size_t len = strlen(text);
  memcpy(to + n, text, len);
  return n + len;
}

/* csv as it should be, here and there with something that it should not have */
static size_t input(uint8_t *to, size_t limit) {
  static const char *const parts[] = {
      ",",     "\n",   "\r\n",         "\"", "\"\"", "a",        "bc",     "long text without an end",
      "\",\"", "\"\n", "\xef\xbb\xbf", "\r", ",\"",  "\"x\ny\"", "\"\"\"", "\n\n"};
  size_t n = 3, end = 3 + (below(20) ? below(200) : below(limit - 40)), wild = 1 + below(12);
  to[0] = (uint8_t)(below(10) ? ',' : below(4) ? ';' : below(256));
  to[1] = (uint8_t)(below(2) ? 0 : 1 + below(100));
  to[2] = (uint8_t)below(256);
  while (n < end) {
    if (below(wild) == 0) {
      n = add(to, n, parts[below(sizeof parts / sizeof *parts)]);
    } else {
      n = add(to, n, below(3) ? "value" : below(3) ? "\"two\n\"\"lines\"\"\"" : "\"one\"");
      n = add(to, n, below(3) ? "," : below(4) ? "\n" : "\r\n");
    }
  }
  return n;
}

static void one(void) {
  static uint8_t bytes[TEXT_MOST_ + 3];
  LLVMFuzzerTestOneInput(bytes, input(bytes, sizeof bytes));
}

int main(int argc, char **argv) {
  return fuzz(argc, argv, 20000, one);
}

#endif
