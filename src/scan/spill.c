#include "scan/spill.h"

int spill_open(struct spill *s, const char *dir, struct why *why) {
  buf_heap(&s->pieces);
  return tempfile_open(&s->file, dir, why);
}

void spill_close(struct spill *s) {
  tempfile_close(&s->file);
  buf_free(&s->pieces);
}

struct spill_mark spill_mark(const struct spill *s) {
  return (struct spill_mark){s->file.end, s->pieces.n};
}

void spill_back(struct spill *s, struct spill_mark mark) {
  tempfile_cut(&s->file, mark.end);
  s->pieces.n = mark.pieces;
}

int spill_write(struct spill *s, unsigned part, const void *p, size_t n, struct why *why) {
  struct spill_piece piece = {s->file.end, n, part};
  if (n == 0) return 0;
  if (tempfile_append(&s->file, p, n, why) != 0) return -1;
  return buf_add(&s->pieces, &piece, sizeof piece) != 0 ? why_set(why, "cannot note where groups are on disk:") : 0;
}

int spill_read(const struct spill *s, unsigned part, size_t *at, struct buf *to, struct why *why) {
  const struct spill_piece *pieces = (const struct spill_piece *)s->pieces.p;
  size_t n = s->pieces.n / sizeof *pieces;
  while (*at < n && pieces[*at].part != part) ++*at;
  if (*at == n) return 0;
  const struct spill_piece *piece = &pieces[(*at)++];
  to->n = 0;
  if (buf_more(to, piece->n) != 0) return why_set(why, "cannot read groups back from disk:");
  to->n = piece->n;
  return tempfile_read(&s->file, piece->at, to->p, piece->n, why) != 0 ? -1 : 1;
}
