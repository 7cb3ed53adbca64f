/* The end of the last whole record is looked for from the back, line by line, and only in what is new: so a stream of lines costs
** one memrchr a block, records of some lines a few searches, and a record of a gigabyte is looked through once. Records of csv
** are looked for one after the other; one that is not whole is looked through again with the next newline, or if it is large, when
** it has grown by an eighth. */
#include "scan/blocks.h"

#include <string.h>

#include "base/limits.h"
#include "scan/regex.h"

void blocks_init(struct blocks *b, struct regex *start) {
  memset(b, 0, sizeof *b);
  buf_heap(&b->buf);
  b->start = start;
}

void blocks_of_csv(struct blocks *b, char separator) {
  b->quotes = true;
  csvcut_init(&b->cutter, separator);
}

void blocks_free(struct blocks *b) {
  buf_free(&b->buf);
  b->given = b->cut = b->lines = b->seen = 0;
}

/* one record was huge; that is no reason to stay so */
static void shrink(struct blocks *b) {
  struct buf small;
  buf_heap(&small);
  if (buf_add(&small, b->buf.p, b->buf.n) != 0) return;
  buf_free(&b->buf);
  b->buf = small;
}

/* the block handed out makes room: what is left moves to the front */
static void keep_rest(struct blocks *b) {
  size_t rest = b->buf.n - b->given;
  if (b->given == 0) return;
  if (rest) memmove(b->buf.p, b->buf.p + b->given, rest);
  b->cut = b->cut > b->given ? b->cut - b->given : 0;
  b->lines = b->lines > b->given ? b->lines - b->given : 0;
  b->seen = b->seen > b->given ? b->seen - b->given : 0;
  b->buf.n = rest;
  b->given = 0;
  if (b->buf.cap > 4 * BLOCK_BYTES && rest <= BLOCK_BYTES) shrink(b);
}

void *blocks_room(struct blocks *b, size_t *n) {
  keep_rest(b);
  size_t want = b->buf.n < BLOCK_BYTES ? BLOCK_BYTES - b->buf.n : 0;
  if (want < BLOCK_STEP) want = BLOCK_STEP;
  if (want < b->buf.n && b->buf.n > BLOCK_BYTES) want = b->buf.n;
  if (buf_more(&b->buf, want) != 0) return NULL;
  *n = want;
  return b->buf.p + b->buf.n;
}

void blocks_added(struct blocks *b, size_t n) {
  b->buf.n += n;
}

/* does the line that begins at `at` begin a record? */
static int begins(struct blocks *b, size_t at, size_t end, struct why *why) {
  return regex_search(b->start, (const char *)b->buf.p + at, end - at, 0, REGEX_LINES, why);
}

/* look at the whole lines that are new for the last one that begins a record; nothing but the first line ends before it */
static int find_record(struct blocks *b, size_t from, size_t end, struct why *why) {
  const char *p = (const char *)b->buf.p;
  while (end > from) {
    const char *nl = end - from > 1 ? memrchr(p + from, '\n', end - 1 - from) : NULL;
    size_t at = nl ? (size_t)(nl + 1 - p) : from;
    if (at == b->given) return 0;
    int rc = begins(b, at, end, why);
    if (rc > 0) b->cut = at;
    if (rc != 0) return rc;
    end = at;
  }
  return 0;
}

/* in what is there of the record under way and those behind it */
static void find_quoted(struct blocks *b) {
  const char *p = (const char *)b->buf.p, *end;
  size_t from = b->cut > b->given ? b->cut : b->given, rest = b->buf.n - from;
  if (rest < b->enough) return;
  csvcut_begin(&b->cutter, p + from, rest, false);
  while ((end = csvcut_next(&b->cutter)) != NULL) b->cut = (size_t)(end - p);
  rest = (size_t)(b->cutter.end - b->cutter.record);
  b->enough = rest > BLOCK_BYTES ? rest + rest / 8 : 0;
}

static int look(struct blocks *b, struct why *why) {
  size_t from = b->lines;
  const uint8_t *nl = b->seen < b->buf.n ? memrchr(b->buf.p + b->seen, '\n', b->buf.n - b->seen) : NULL;
  b->seen = b->buf.n;
  if (!nl) return 0;
  b->lines = (size_t)(nl + 1 - b->buf.p);
  if (b->quotes) return find_quoted(b), 0;
  if (b->start) return find_record(b, from > b->given ? from : b->given, b->lines, why);
  b->cut = b->lines;
  return 0;
}

int blocks_next(struct blocks *b, enum blocks_wish wish, const char **p, size_t *n, struct why *why) {
  if (look(b, why) < 0) return -1;
  size_t end = wish == BLOCKS_ALL ? b->buf.n : wish == BLOCKS_LINES && !b->quotes ? b->lines : b->cut;
  if (end <= b->given || (wish == BLOCKS_FULL && b->buf.n - b->given < BLOCK_BYTES)) return 0;
  *p = (const char *)b->buf.p + b->given;
  *n = end - b->given;
  b->given = end;
  return 1;
}
