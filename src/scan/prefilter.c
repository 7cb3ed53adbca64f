/* A few bytes of a sign are enough to leave out nearly all of a text: the rarest are probed, of bytes equally rare those
** farthest apart, because neighbours come together. Probing more costs little, since memory is slower than the probes,
** but a probe that holds nearly everywhere says nothing.
**
** The first and the last place of a text, which have an end of the text where others have a byte before or behind, are
** looked at one by one; so no probe reads beyond the text. */
#include "scan/prefilter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* ===} {=== the choice of probes === */

/* position i of a sign, from -1 (before) to n (behind) */
static const struct byteset *set_at(const struct sign *s, int i) {
  return i < 0 ? &s->before : i < (int)s->n ? &s->at[i] : &s->after;
}

static int distance(const struct probes *probes, int at) {
  int least = SIGN_MOST + 2;
  for (int i = 0; i < probes->n; i++) {
    int d = abs(probes->probe[i].at - at);
    if (d < least) least = d;
  }
  return least;
}

/* the best further position; `rarity` of it */
static int next_probe(const struct prefilter *f, double *rarity) {
  int best = -1, far = 0;
  *rarity = 0;
  for (int i = -1; i <= (int)f->sign.n; i++) {
    double r = byteset_rarity(set_at(&f->sign, i));
    int d = distance(&f->probes, i);
    if (d == 0 || r < *rarity || (r == *rarity && d <= far)) continue;
    *rarity = r;
    far = d;
    best = i;
  }
  return best;
}

static void choose_probes(struct prefilter *f) {
  double sum = 0, rarity;
  f->probes = (struct probes){0};
  while (f->probes.n < PROBES_MOST && sum < PROBES_RARITY) {
    int at = next_probe(f, &rarity);
    if (rarity < PROBE_RARITY) break;
    probes_add(&f->probes, at, set_at(&f->sign, at));
    sum += rarity;
  }
}

bool prefilter_make(struct prefilter *f, const struct signform *form, bool by_place) {
  struct part part;
  if (!signform(form, &part)) return false;
  double head = sign_rarity(&part.head), best = sign_rarity(&part.best);
  f->runs = part.runs;
  f->run = part.run;
  f->end = part.end;
  f->exact = part.exact || f->runs;
  f->starts = f->exact || (by_place && head > 0 && head + SIGN_START >= best);
  f->sign = f->starts ? part.head : part.best;
  f->search = simd_best();
  if (sign_rarity(&f->sign) < SIGN_RARITY) return false;
  choose_probes(f);
  return f->probes.n > 0;
}

/* ===} {=== finding === */

static uint8_t byte_at(const uint8_t *text, size_t n, size_t at) {
  return at < n ? text[at] : '\n';
}

/* Does the sign stand at `at`? *end is then behind it; else it is where the place after that starts at which it may, at the
** earliest. For a sign with a run: all that reach the same end of the run fail together, which keeps long runs cheap. */
static bool shows(const struct prefilter *f, const uint8_t *text, size_t n, size_t at, size_t *end) {
  const struct sign *s = &f->sign;
  size_t behind = at + s->n;
  *end = at + 1;
  if (!byteset_has(&s->before, at > 0 ? text[at - 1] : '\n')) return false;
  for (unsigned i = 0; i < s->n; i++)
    if (!byteset_has(&s->at[i], text[at + i])) return false;
  if (!byteset_has(&s->after, byte_at(text, n, behind))) return false;
  if (f->runs) {
    while (behind < n && byteset_has(&f->run, text[behind])) behind++;
    *end = behind - s->n + 1;
    if (!byteset_has(&f->end, byte_at(text, n, behind))) return false;
  }
  *end = behind;
  return true;
}

size_t prefilter_find(const struct prefilter *f, const char *text, size_t n, size_t from, size_t *end) {
  const uint8_t *t = (const uint8_t *)text;
  if (n < f->sign.n || from > n - f->sign.n) return n;
  size_t last = n - f->sign.n;
  *end = from;
  if (from == 0 && shows(f, t, n, 0, end)) return 0;
  while ((from = *end) < last && (from = (size_t)(f->search(&f->probes, t + from, t + last) - t)) < last)
    if (shows(f, t, n, from, end)) return from;
  return from == last && shows(f, t, n, last, end) ? last : n;
}

/* ===} {=== saying what is looked for === */

static void put(FILE *out, unsigned c) {
  if (c == '\t') fputs("\\t", out);
  else if (c < ' ' || c > '~') fprintf(out, "\\x%02x", c);
  else if (strchr("\\[]{}()|.*+?^$", (int)c)) fprintf(out, "\\%c", (int)c);
  else fputc((int)c, out);
}

static void put_set(FILE *out, const struct byteset *set) {
  unsigned members = 0;
  for (int i = 0; i < 4; i++) members += (unsigned)__builtin_popcountll(set->word[i]);
  bool most = members > 128;
  struct byteset shown = most ? byteset_not(set) : *set;
  if (most) byteset_drop(&shown, '\n');
  bool single = members == 1;
  fputs(single ? "" : most ? "[^" : "[", out);
  for (unsigned c = 0, end; c < 256; c = end + 1) {
    for (end = c; byteset_has(&shown, (uint8_t)c) && end < 255 && byteset_has(&shown, (uint8_t)(end + 1));) end++;
    if (!byteset_has(&shown, (uint8_t)c)) continue;
    put(out, c);
    if (end > c + 1) fputc('-', out);
    if (end > c) put(out, end);
  }
  fputs(single ? "" : "]", out);
}

void prefilter_describe(const struct prefilter *f, char *out, size_t size) {
  const struct sign *s = &f->sign;
  const struct byteset all = BYTESET_ALL;
  FILE *to = fmemopen(out, size, "w");
  if (!to) return;
  if (!byteset_equal(&s->before, &all)) put_set(to, &s->before);
  for (unsigned i = 0, times; i < s->n; i += times) {
    for (times = 1; i + times < s->n && byteset_equal(&s->at[i], &s->at[i + times]);) times++;
    bool repeat = times > 2;
    if (!repeat) times = 1;
    put_set(to, &s->at[i]);
    if (repeat) fprintf(to, "{%u}", times);
  }
  if (!byteset_equal(&s->after, &all)) put_set(to, &s->after);
  if (f->runs) put_set(to, &f->run), fputc('*', to);
  if (f->runs && !byteset_equal(&f->end, &all)) put_set(to, &f->end);
  fclose(to);
  out[size - 1] = 0;
}
