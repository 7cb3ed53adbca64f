/* blocks: cut a stream of bytes that arrive bit by bit into runs of whole records.
**
** Whoever reads the stream puts bytes where blocks_room says and asks for the next block. A block stands in the buffer until
** the next room is asked for. What has no end yet stays; a record longer than a block makes the block longer. */
#ifndef PAPY_SCAN_BLOCKS_H
#define PAPY_SCAN_BLOCKS_H

#include <stdint.h>

#include "base/buf.h"
#include "scan/csvcut.h"
#include "scan/why.h"

struct regex;

/* which block is wanted */
enum blocks_wish {
  BLOCKS_FULL, /* one of BLOCK_BYTES or more */
  BLOCKS_NOW,  /* whole records, however few */
  BLOCKS_LINES, /* whole lines: the last record, too, though more lines of it may come (not of csv, where that is known) */
  BLOCKS_ALL    /* all there is: nothing more will come */
};

struct blocks {
  struct regex *start;  /* borrowed; NULL: records are lines, */
  bool quotes;          /* or those of csv, */
  struct csvcut cutter; /* and where these end: */
  size_t enough;        /* so much of one must be there before that is looked for again */
  struct buf buf;
  size_t given; /* bytes at the front that were handed out */
  size_t cut;   /* where whole records end, as far as is known; 0: no such place was found */
  size_t lines; /* where the last whole line ends */
  size_t seen;  /* bytes looked at */
};

void blocks_init(struct blocks *b, struct regex *start);
/* records are those of csv with this separator (scan/csvcut.h) */
void blocks_of_csv(struct blocks *b, char separator);
void blocks_free(struct blocks *b);
/* Where the next bytes go, and how many of them (at least 1); NULL without memory. The last block is gone. */
void *blocks_room(struct blocks *b, size_t *n);
void blocks_added(struct blocks *b, size_t n);
/* 1 with a block; 0: there is none of that kind yet; -1 with *why: the regex gave up */
int blocks_next(struct blocks *b, enum blocks_wish wish, const char **p, size_t *n, struct why *why);

#endif
