/* Signs are joined where two parts meet without anything between them: what stands behind the first and before the
** second then narrows the bytes of the other. A sign longer than SIGN_MOST loses the end that lies farther from where
** the next part is joined. */
#include "scan/sign.h"

#include <math.h>
#include <string.h>

static struct sign empty(void) {
  struct sign s;
  memset(&s, 0, sizeof s);
  s.before = s.after = BYTESET_ALL;
  return s;
}

struct part part_empty(void) {
  struct sign s = empty();
  return (struct part){.head = s, .tail = s, .best = s, .whole = true, .exact = true};
}

struct part part_unknown(void) {
  struct part part = part_empty();
  part.whole = part.exact = false;
  return part;
}

struct part part_byte(const struct byteset *set) {
  struct part part = part_empty();
  part.head.at[0] = *set;
  part.head.n = 1;
  part.tail = part.best = part.head;
  return part;
}

/* ===} {=== joining === */

/* forget the first bytes, or the last */
static void keep_end(struct sign *s, unsigned n) {
  if (s->n <= n) return;
  memmove(s->at, s->at + (s->n - n), n * sizeof *s->at);
  s->before = BYTESET_ALL;
  s->n = n;
}

static void keep_start(struct sign *s, unsigned n) {
  if (s->n <= n) return;
  s->after = BYTESET_ALL;
  s->n = n;
}

/* both as they meet */
static void meet(struct sign *a, struct sign *b) {
  struct byteset behind = a->after;
  if (a->n) byteset_and(&a->at[a->n - 1], &b->before);
  else byteset_and(&b->before, &a->before);
  if (b->n) byteset_and(&b->at[0], &behind);
  else byteset_and(&b->after, &behind);
}

/* a, then b; of what is too long, the start or the end */
static struct sign join(struct sign a, struct sign b, bool start) {
  meet(&a, &b);
  if (start) keep_start(&b, SIGN_MOST - a.n);
  else keep_end(&a, SIGN_MOST - b.n);
  if (a.n == 0) a.before = b.before;
  memcpy(a.at + a.n, b.at, b.n * sizeof *b.at);
  a.n += b.n;
  a.after = b.after;
  return a;
}

static const struct sign *rarer(const struct sign *a, const struct sign *b) {
  return sign_rarity(b) > sign_rarity(a) ? b : a;
}

static bool fit(const struct part *a, const struct part *b) {
  return a->tail.n + b->head.n <= SIGN_MOST;
}

static bool anything(const struct byteset *set) {
  const struct byteset all = BYTESET_ALL;
  return byteset_equal(set, &all);
}

/* a run at the end: of b, or of a when b is no more than what stands behind it */
static void then_runs(struct part *a, const struct part *b) {
  if (a->exact && b->runs && fit(a, b)) {
    a->runs = true;
    a->run = b->run;
    a->end = b->end;
  } else if (a->runs && b->exact && b->head.n == 0 && anything(&b->head.before)) {
    byteset_and(&a->end, &b->head.after);
  } else {
    a->runs = false;
  }
}

void part_then(struct part *a, const struct part *b) {
  struct sign both = join(a->tail, b->head, true);
  bool fits = fit(a, b);
  both = *rarer(&both, &b->best);
  a->best = *rarer(&a->best, &both);
  then_runs(a, b);
  if (a->whole) a->head = join(a->head, b->head, true);
  a->tail = b->whole ? join(a->tail, b->tail, false) : b->tail;
  a->whole = a->whole && b->whole && fits;
  a->exact = a->whole && a->exact && b->exact;
}

/* ===} {=== choosing === */

static struct sign either(const struct sign *a, const struct sign *b, unsigned n) {
  struct sign s = *a;
  byteset_or(&s.before, &b->before);
  byteset_or(&s.after, &b->after);
  for (unsigned i = 0; i < n; i++) byteset_or(&s.at[i], &b->at[i]);
  s.n = n;
  return s;
}

static unsigned smaller(unsigned a, unsigned b) {
  return a < b ? a : b;
}

static struct sign either_start(struct sign a, struct sign b) {
  unsigned n = smaller(a.n, b.n);
  keep_start(&a, n);
  keep_start(&b, n);
  return either(&a, &b, n);
}

static struct sign either_end(struct sign a, struct sign b) {
  unsigned n = smaller(a.n, b.n);
  keep_end(&a, n);
  keep_end(&b, n);
  return either(&a, &b, n);
}

/* in how many places do two signs of one length differ? Only a choice in one place is said exactly by sets. */
static unsigned differences(const struct sign *a, const struct sign *b) {
  unsigned n = !byteset_equal(&a->before, &b->before) + !byteset_equal(&a->after, &b->after);
  for (unsigned i = 0; i < a->n; i++) n += !byteset_equal(&a->at[i], &b->at[i]);
  return n;
}

void part_or(struct part *a, const struct part *b) {
  a->runs = false;
  a->whole = a->whole && b->whole && a->head.n == b->head.n;
  a->exact = a->whole && a->exact && b->exact && differences(&a->head, &b->head) <= 1;
  a->head = either_start(a->head, b->head);
  a->tail = either_end(a->tail, b->tail);
  struct sign best = either_start(a->best, b->best);
  a->best = *rarer(rarer(&a->head, &a->tail), &best);
}

/* ===} {=== repeating === */

void part_repeat(struct part *a, unsigned least, enum repeat how) {
  struct part once = *a;
  a->runs = false;
  if (least == 0 || (a->whole && a->head.n == 0)) {
    *a = part_unknown();
    return;
  }
  unsigned times = 1;
  for (; times < least && a->tail.n < SIGN_MOST && times < SIGN_MOST; times++) part_then(a, &once);
  if (how == REPEAT_FIXED && times == least) return;
  a->runs = how == REPEAT_MOST && a->exact && once.head.n == 1 && times == least && anything(&once.head.before) &&
            anything(&once.head.after);
  a->run = once.head.at[0];
  a->end = BYTESET_ALL;
  a->whole = a->exact = false;
}

/* ===} {=== rarity === */

/* bytes of logs, tables and prose, the most common first */
static const char COMMON[] =
    " etaoinsrl0hdc1u2mp/.-:3g45_f76b98\tvyw\"A=,T;kESICNRDLPOM'x|()zGBFHqUjV[]W%&?+*<>@#XKYJQZ$!{}~\\^`";

/* how often this byte is met: about as the most common of words, the i-th as often as 1/i */
static double share(uint8_t c) {
  const char *at = c ? strchr(COMMON, c) : NULL;
  return at ? 200.0 / (double)(at - COMMON + 4) + 0.5 : c == '\n' ? 10 : 0.5;
}

double byteset_rarity(const struct byteset *set) {
  double all = 0, these = 0.01;
  for (unsigned c = 0; c < 256; c++) {
    all += share((uint8_t)c);
    if (byteset_has(set, (uint8_t)c)) these += share((uint8_t)c);
  }
  return these >= all ? 0 : log2(all / these);
}

/* Bytes of one kind come together: the second says less than the first. A sign without bytes is nothing to look for. */
double sign_rarity(const struct sign *s) {
  double sum = s->n ? byteset_rarity(&s->before) + byteset_rarity(&s->after) : 0;
  for (unsigned i = 0; i < s->n; i++) {
    bool again = i > 0 && byteset_equal(&s->at[i], &s->at[i - 1]);
    sum += byteset_rarity(&s->at[i]) / (again ? 4 : 1);
  }
  return sum;
}
