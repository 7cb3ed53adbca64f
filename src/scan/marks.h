/* marks: where in a record a few kinds of bytes stand, 64 bytes at a time.
**
** Walking from separator to separator with a search for each costs a load, a compare and a branch per field, each waiting
** for the one before. Here a window of 64 bytes is compared with all kinds at once, into a word of bits per kind; the
** steps from field to field within the window are then a shift and a count of zeros. (Access log, up to status and bytes: 30 ns a
** line against 40 with a search of 16 bytes at a time.)
** Nothing outside the record is read: a window that would reach over its end is moved back, and a record under 64 bytes
** is copied.
** The instructions are chosen when the marks are made: AVX-512, AVX2, SSE2, or plain C. */
#ifndef PAPY_SCAN_MARKS_H
#define PAPY_SCAN_MARKS_H

#include <stddef.h>
#include <stdint.h>

#define MARKS_WINDOW 64
#define MARKS_MOST 256 /* every byte */

typedef void (*marks_kernel)(const char *window, const char *kind, size_t kinds, uint64_t *at);

struct marks {
  const char *window, *text, *end; /* the text is the record, the end is its */
  marks_kernel kernel;
  size_t kinds;
  char kind[MARKS_MOST];
  uint64_t at[MARKS_MOST]; /* bit i: window[i] is of this kind */
};

/* no kinds yet */
void marks_init(struct marks *m);
/* the number of a kind, new or known */
int marks_kind(struct marks *m, char byte);
/* the kernels that this machine can run, the best first; NULL behind the last (for tests) */
marks_kernel marks_kernel_at(size_t i);

/* the window that is the whole record, of less than MARKS_WINDOW bytes */
void marks_look_at_copy(struct marks *m);

/* the window that starts at p, or before it when the record ends sooner */
static inline void marks_look(struct marks *m, const char *p) {
  if (m->end - m->text < MARKS_WINDOW) {
    marks_look_at_copy(m);
    return;
  }
  m->window = m->end - p < MARKS_WINDOW ? m->end - MARKS_WINDOW : p;
  m->kernel(m->window, m->kind, m->kinds, m->at);
}

static inline void marks_start(struct marks *m, const char *text, size_t n) {
  m->text = text;
  m->end = text + n;
  marks_look(m, text);
}

/* the first byte at p or behind it that is of a kind whose bits (&m->at[kind]) are `some` or `others`; NULL when there is none */
static inline const char *marks_seek(struct marks *m, const uint64_t *some, const uint64_t *others, const char *p) {
  for (;;) {
    size_t i = (size_t)(p - m->window);
    if (i < MARKS_WINDOW) {
      uint64_t bits = (*some | *others) >> i;
      if (bits) return p + __builtin_ctzll(bits);
      p = m->window + MARKS_WINDOW;
    }
    if (p >= m->end) return NULL;
    marks_look(m, p);
  }
}

/* the first byte of the kind */
static inline const char *marks_next(struct marks *m, int kind, const char *p) {
  return marks_seek(m, &m->at[kind], &m->at[kind], p);
}

/* the first byte of either kind */
static inline const char *marks_next_of(struct marks *m, int kind, int other, const char *p) {
  return marks_seek(m, &m->at[kind], &m->at[other], p);
}

#endif
