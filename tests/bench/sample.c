/* sample: a deterministic VCF-like file for the main job.
**
**   sample BYTES > file        exactly BYTES bytes, lines of 50 to 90, the same on every machine
**
** One line in seven has an rs identifier in its ID column, one in thirty another one in its INFO column;
** identifiers that only look like one (ers12, rs_12, RS12, rs) are there, too, so that a careless pattern counts
** wrong. Numbers are written by hand: with printf the disk would have to wait. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HEADER[] =
    "##fileformat=VCFv4.2\n"
    "##source=papy sample\n"
    "##reference=GRCh38\n"
    "##contig=<ID=1,length=248956422>\n"
    "##INFO=<ID=AF,Number=A,Type=Float,Description=\"Allele frequency\">\n"
    "##INFO=<ID=DP,Number=1,Type=Integer,Description=\"Read depth\">\n"
    "##INFO=<ID=GENE,Number=1,Type=String,Description=\"Gene\">\n"
    "##INFO=<ID=OLD,Number=.,Type=String,Description=\"Former identifiers\">\n"
    "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tNA12878\tNA12891\n";

static const char *const GENES[] = {"BRCA1", "BRCA2", "TP53", "EGFR", "APOE", "CFTR", "HBB", "KRAS"};
static const char *const LOOKALIKES[] = {"ers", "nrs", "rs_", "RS", "ss", "esv"};
static const char *const GENOTYPES[] = {"0/0", "0/1", "1/1", "./."};

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static char *text(char *p, const char *s) {
  size_t n = strlen(s);
  memcpy(p, s, n);
  return p + n;
}

static char *number(char *p, uint64_t n) {
  char digits[20];
  int i = 20;
  do digits[--i] = (char)('0' + n % 10);
  while (n /= 10);
  memcpy(p, digits + i, (size_t)(20 - i));
  return p + 20 - i;
}

static char *identifier(char *p, uint64_t r) {
  unsigned kind = r % 64;
  r >>= 8;
  if (kind < 9) return number(text(p, "rs"), r % 900000000 + 100);
  if (kind < 15) return number(text(p, LOOKALIKES[kind - 9]), r % 9000000);
  if (kind == 15) return text(p, "rs");
  *p = '.';
  return p + 1;
}

static char *line(char *p, uint64_t row) {
  uint64_t a = random_bits(), b = random_bits();
  p = number(p, 1 + row / 300000 % 22);
  *p++ = '\t';
  p = number(p, 10000 + row % 300000 * 800 + a % 800);
  *p++ = '\t';
  p = identifier(p, a >> 10);
  *p++ = '\t';
  *p++ = "ACGT"[b & 3];
  *p++ = '\t';
  *p++ = "ACGT"[((b & 3) + 1 + (b >> 2) % 3) & 3];
  *p++ = '\t';
  p = number(p, 10 + (b >> 6) % 90);
  p = text(p, (b >> 13) % 10 ? "\tPASS\tAF=0." : "\tq10\tAF=0.");
  p = number(p, 1000 + (b >> 17) % 9000);
  p = number(text(p, ";DP="), 5 + (b >> 30) % 200);
  p = text(text(p, ";GENE="), GENES[(b >> 38) % 8]);
  if ((b >> 41) % 32 == 0) p = number(text(p, ";OLD=rs"), (b >> 46) + 100);
  p = text(text(p, "\tGT\t"), GENOTYPES[(b >> 50) & 3]);
  p = text(text(p, "\t"), GENOTYPES[(b >> 52) & 3]);
  *p++ = '\n';
  return p;
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
  char *end, *p = text(block, HEADER);
  uint64_t left = argc == 2 ? strtoull(argv[1], &end, 10) : 0;
  if (argc != 2 || *end || end == argv[1]) {
    fprintf(stderr, "usage: sample BYTES > file\n");
    return 2;
  }
  for (uint64_t row = 0; left > 0; p = block) {
    while (p < block + (1 << 18)) p = line(p, row++);
    size_t n = (size_t)(p - block) < left ? (size_t)(p - block) : left;
    left -= n;
    if (left == 0) block[n - 1] = '\n';
    if (put(block, n) != 0) {
      perror("sample");
      return 1;
    }
  }
  return 0;
}
