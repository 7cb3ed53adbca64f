#include "scan/pieces.h"

#include <string.h>

#include "base/limits.h"
#include "scan/regex.h"

void pieces_start(struct pieces *s, struct file *file, uint64_t first, uint64_t last, struct buf *buf) {
  *s = (struct pieces){.file = file, .at = first, .end = last + 1, .buf = buf, .step = READ_PIECE};
  buf->n = 0;
}

/* the line cut off by the end of the last piece moves to the front */
static void keep_rest(struct pieces *s) {
  size_t rest = s->buf->n - s->given;
  if (rest && s->given) memmove(s->buf->p, s->buf->p + s->given, rest);
  s->buf->n = rest;
  s->given = 0;
}

void pieces_keep(struct pieces *s, size_t n) {
  s->given -= n;
}

void pieces_extend(struct pieces *s, uint64_t last) {
  s->end = last + 1;
  s->step = READ_LOOK;
}

/* read on: a piece, or as much again as the unfinished line already has */
static int more(struct pieces *s, struct why *why) {
  uint64_t n = s->buf->n > s->step ? s->buf->n : s->step;
  if (s->step < READ_PIECE) s->step *= 2;
  if (n > s->end - s->at) n = s->end - s->at;
  if (buf_more(s->buf, n + REGEX_BEYOND) != 0)
    return why_set(why, "cannot read %.700s: out of memory", s->file->ref.path);
  if (file_read(s->file, s->at, s->buf->p + s->buf->n, n, why) != 0) return -1;
  s->buf->n += n;
  s->at += n;
  return 0;
}

int pieces_next(struct pieces *s, const char **p, size_t *n, struct why *why) {
  keep_rest(s);
  const uint8_t *nl = NULL;
  while (!nl && s->at < s->end) {
    size_t seen = s->buf->n;
    if (more(s, why) != 0) return -1;
    nl = memrchr(s->buf->p + seen, '\n', s->buf->n - seen);
  }
  s->given = nl ? (size_t)(nl + 1 - s->buf->p) : s->buf->n; /* no newline: the rest of the range */
  *p = (const char *)s->buf->p;
  *n = s->given;
  return s->given > 0;
}
