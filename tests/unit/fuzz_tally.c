/* fuzz_tally: damaged bytes never harm the merging of tallies.
**
** For any bytes tally_merge gives 0, or -1 with a sentence. When it gives 0, every group can be read in every column,
** ranked, and what the tally then encodes merges into another with as many groups.
**
** With libFuzzer:     clang -fsanitize=fuzzer,address,undefined ... fuzz_tally.c
** Without (-DFUZZ_MAIN): fuzz_tally [rounds [seed]] mutates encodings of random tallies; the same run everywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/ranking.h"
#include "scan/tally.h"

#define MUST(condition) \
  ((condition) ? (void)0 : (fprintf(stderr, "fuzz_tally: line %d: %s\n", __LINE__, #condition), abort()))

static const struct tally_spec spec = {.keys = 2,
                                       .args = 2,
                                       .columns = 13,
                                       .column = {{.kind = AGGREGATE_COUNT, .arg = NO_ARGUMENT},
                                                  {.kind = AGGREGATE_SUM},
                                                  {.kind = AGGREGATE_MEAN, .arg = 1},
                                                  {.kind = AGGREGATE_STDDEV},
                                                  {.kind = AGGREGATE_MIN, .arg = 1},
                                                  {.kind = AGGREGATE_MAX},
                                                  {.kind = AGGREGATE_QUANTILE, .number = 0.9},
                                                  {.kind = AGGREGATE_DISTINCT, .limit = 20},
                                                  {.kind = AGGREGATE_TOP, .arg = 1, .limit = 3},
                                                  {.kind = AGGREGATE_FIRST, .arg = 1},
                                                  {.kind = AGGREGATE_LAST},
                                                  {.kind = AGGREGATE_HISTOGRAM, .number = 3},
                                                  {.kind = AGGREGATE_HISTOGRAM}}};

static struct tally *fresh(void) {
  struct why why;
  struct tally *t = tally_new(&spec, &why);
  MUST(t != NULL);
  return t;
}

static void read_row(const struct tally_row *row) {
  struct buf list;
  struct value v;
  buf_heap(&list);
  for (unsigned i = 0; i < spec.keys; i++) tally_key(row, i, &v);
  for (unsigned i = 0; i < spec.columns; i++) {
    tally_result(row, i, &v);
    MUST(tally_list(row, i, &list) == 0);
  }
  buf_free(&list);
}

static void rank_rows(struct tally *t) {
  struct tally_order by[] = {{3, 1}, {6, 0}};
  struct why why;
  struct tally_row row;
  struct ranking *r = ranking_of(t, by, 2, 3, &why);
  MUST(r != NULL);
  while (ranking_next(r, &row) > 0) read_row(&row);
  ranking_free(r);
}

static void read_all(struct tally *t) {
  struct tally *again = fresh();
  struct tally_row row;
  struct why why;
  struct buf out;
  buf_heap(&out);
  struct tally_reader *r = tally_read(t, &why);
  while (tally_next(r, &row, &why) > 0) read_row(&row);
  tally_read_end(r);
  rank_rows(t);
  MUST(tally_encode(t, &out, &why) == 0);
  MUST(tally_merge(again, out.p, out.n, TALLY_ITEM_KEPT, &why) == 0);
  MUST(tally_size(again, &why) == tally_size(t, &why));
  tally_free(again);
  buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  struct why why = {""};
  struct tally *t = fresh();
  uint8_t *exact = malloc(n ? n : 1); /* so that reading one byte too far is seen */
  MUST(exact != NULL);
  memcpy(exact, p, n);
  if (tally_merge(t, exact, n, 1, &why) == 0) read_all(t);
  else MUST(why.text[0] != 0);
  tally_clear(t);
  MUST(tally_size(t, &why) == 0);
  tally_free(t);
  free(exact);
  return 0;
}

#ifdef FUZZ_MAIN

static uint64_t seed;

static size_t below(size_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed >> 11) % n;
}

static struct value some_value(void) {
  static const char bytes[] = "a\0 -12e.5zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
  switch (below(8)) {
    case 0: return value_none();
    case 1: return value_null();
    case 2: return value_boolean((int)below(2));
    case 3: return value_number((double)below(1000) / 8);
    case 4: return value_of_text(bytes + below(8), below(30));
    default: return value_integer((int64_t)below(100) - 20);
  }
}

static void encode_some(struct buf *out) {
  struct tally *t = fresh();
  struct why why;
  size_t few = 1 + below(4);
  for (size_t n = below(400); n > 0; n--) {
    struct value key = value_integer((int64_t)below(few)), other = some_value(), args[] = {some_value(), some_value()};
    if (below(3)) other = value_none();
    MUST(tally_add(t, (const struct value *[]){&key, &other, &args[0], &args[1]}, &why) == 0);
  }
  out->n = 0;
  MUST(tally_encode(t, out, &why) == 0);
  tally_free(t);
}

static const uint8_t tempting[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0xff, 0x40, 0x3f, 0x20};

static void mutate(struct buf *b) {
  if (b->n <= 12) return;
  uint8_t *at = b->p + 12 + below(b->n - 12); /* the head before it is checked by two comparisons */
  switch (below(5)) {
    case 0: b->n = (size_t)(at - b->p); break;
    case 1: *at ^= (uint8_t)(1u << below(8)); break;
    case 2: *at = tempting[below(sizeof tempting)]; break;
    case 3: *at = (uint8_t)below(256); break;
    default: { /* remove some bytes */
      size_t left = b->n - (size_t)(at - b->p), some = below(left < 16 ? left : 16);
      memmove(at, at + some, left - some);
      b->n -= some;
    }
  }
}

int main(int argc, char **argv) {
  long rounds = argc > 1 ? atol(argv[1]) : 200000;
  seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240601;
  if (seed == 0) seed = 1;
  struct buf whole, b;
  buf_heap(&whole);
  buf_heap(&b);
  for (long i = 0; i < rounds; i++) {
    if (i % 20 == 0) encode_some(&whole);
    b.n = 0;
    MUST(buf_add(&b, whole.p, whole.n) == 0);
    for (size_t times = below(4); times > 0; times--) mutate(&b);
    LLVMFuzzerTestOneInput(b.p, b.n);
  }
  printf("fuzz_tally: %ld rounds\n", rounds);
  buf_free(&whole);
  buf_free(&b);
  return 0;
}

#endif
