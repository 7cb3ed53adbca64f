/* variants: a deterministic table of genetic variants with remarks in prose, for rows that search lines.
**
**   variants BYTES > file        about BYTES bytes, whole lines, the same on every machine
**
** A line is  identifier  alleles  chromosome  position  frequency  gene  consequence  remarks. Of a thousand lines 40 have an
** rs identifier in front and 10 one among the remarks, 5 the consequence frameshift_variant, 30 a capitalized word in -ing
** (and 350 another capitalized word), 100 a word of DNA; what is nearly one of these is there, too. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const GENES[] = {"BRCA1", "TP53", "EGFR",   "HLA-DRB1", "CYP2D6",
                                    "APOE",  "CFTR", "TCF7L2", "PCSK9",    "LCT"};
static const char *const CONSEQUENCES[] = {"intron_variant",        "intron_variant",     "intergenic_variant",
                                           "upstream_gene_variant", "missense_variant",   "synonymous_variant",
                                           "intron_variant",        "3_prime_UTR_variant"};
static const char *const WORDS[] = {"the",      "of",      "a",       "in",      "and",     "with",      "first",
                                    "observed", "persons", "cohort",  "near",    "version", "risk",      "carriers",
                                    "report",   "by",      "hours",   "course",  "reverse", "sequence",  "is",
                                    "was",      "for",     "users",   "quality", "found",   "beta",      "during",
                                    "region",   "at",      "no",      "depth",   "to",      "recessive", "marker",
                                    "scores",   "model",   "imputed", "strand",  "factors", "disease",   "none"};
static const char *const NAMES[] = {"European", "Table", "Hardy",  "In",  "Springer",
                                    "Kingdom",  "See",   "Ingram", "The", "Asian"};
static const char *const INGS[] = {"Mapping", "Sequencing", "Using", "Filtering", "Comparing", "Testing"};
static const char *const LOOKALIKES[] = {"ers", "nrs", "rs_", "RS"};

#define ONE_OF(a) a[below(sizeof a / sizeof *a)]

static uint64_t state = 0x2545f4914f6cdd1du;

static unsigned below(unsigned n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)((state >> 32) * n >> 32);
}

static char *text(char *p, const char *s) {
  size_t n = strlen(s);
  memcpy(p, s, n);
  return p + n;
}

static char *number(char *p, unsigned n) {
  char digits[12];
  int i = 12;
  do digits[--i] = (char)('0' + n % 10);
  while (n /= 10);
  memcpy(p, digits + i, (size_t)(12 - i));
  return p + 12 - i;
}

static char *dna(char *p, unsigned n) {
  while (n--) *p++ = "ACGT"[below(4)];
  return p;
}

static char *identifier(char *p) {
  unsigned kind = below(1000);
  if (kind < 40) return number(text(p, "rs"), 100 + below(900000000));
  if (kind < 500) return number(text(p, "ss"), 100 + below(2000000000));
  if (kind < 600) return number(text(p, ONE_OF(LOOKALIKES)), below(9000000));
  if (kind < 620) return text(p, "rsid");
  return text(p, ".");
}

static char *remarks(char *p) {
  unsigned n = 3 + below(9), rs = below(1000) < 10 ? below(n) : n, ing = below(1000) < 30 ? below(n) : n;
  unsigned name = below(1000) < 350 ? below(n) : n, bases = below(1000) < 100 ? below(n) : n;
  for (unsigned i = 0; i < n; i++) {
    if (i) *p++ = ' ';
    if (i == rs) p = number(text(p, "rs"), 100 + below(90000000));
    else if (i == ing) p = text(p, ONE_OF(INGS));
    else if (i == bases) p = dna(p, 8 + below(17));
    else if (i == name) p = text(p, ONE_OF(NAMES));
    else p = text(p, ONE_OF(WORDS));
  }
  return p;
}

static char *line(char *p) {
  p = text(identifier(p), "\t");
  p = text(dna(p, 1), "/");
  p = number(text(dna(p, 1), "\tchr"), 1 + below(22));
  p = number(text(p, "\t"), 10000 + below(240000000));
  p = number(text(p, "\t0."), 1000 + below(4000));
  p = text(text(p, "\t"), ONE_OF(GENES));
  p = text(text(p, "\t"), below(1000) < 5 ? "frameshift_variant" : ONE_OF(CONSEQUENCES));
  return text(remarks(text(p, "\t")), "\n");
}

static int put(const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(1, p, n);
    if (w < 0) return -1;
    p += w;
    n -= (size_t)w;
  }
  return 0;
}

int main(int argc, char **argv) {
  static char block[(1 << 18) + 4096];
  char *end;
  uint64_t bytes = argc == 2 ? strtoull(argv[1], &end, 10) : 0;
  if (argc != 2 || *end || end == argv[1]) {
    fprintf(stderr, "usage: variants BYTES > file\n");
    return 2;
  }
  for (uint64_t done = 0; done < bytes;) {
    char *p = block;
    while (p < block + (1 << 18) && done + (uint64_t)(p - block) < bytes) p = line(p);
    if (put(block, (size_t)(p - block)) != 0) {
      perror("variants");
      return 1;
    }
    done += (uint64_t)(p - block);
  }
  return 0;
}
