/* fuzz: what the fuzzers share. Each is an entry for libFuzzer, and with -DFUZZ_MAIN a program of its own, NAME [ROUNDS [SEED]],
** whose run is the same everywhere. */
#ifndef PAPY_TESTS_FUZZ_H
#define PAPY_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(condition)                                                         \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s: line %d: not %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                  \
    }                                                                           \
  } while (0)

#ifdef FUZZ_MAIN

static uint64_t seed;

static inline size_t below(size_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed >> 11) % n;
}

/* the program: as many rounds as it is told, else `rounds` */
static inline int fuzz(int argc, char **argv, long rounds, void (*one)(void)) {
  if (argc > 1) rounds = atol(argv[1]);
  seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240601;
  if (seed == 0) seed = 1;
  for (long i = 0; i < rounds; i++) one();
  printf("%s: %ld rounds\n", argv[0], rounds);
  return 0;
}

#endif

#endif
