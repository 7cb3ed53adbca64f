/* lwork: a worker's hand. Shared by lwork.c (what it does with a cell) and lcraft.c (how it is made); nobody else includes
** this. */
#ifndef PAPY_BINDINGS_LWORK_H
#define PAPY_BINDINGS_LWORK_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "runtime/channel.h"

/* The worker's stack, from the bottom: message handler, compute_all, write_error. The two closures share as their upvalues
** four arrays, one entry per task (of a chain an entry is itself an array), and a table that holds the inbox of the function
** of a chain that is being called. */
enum { HANDLER = 1, COMPUTE, WRITE_ERROR, BASE = WRITE_ERROR };
enum { ARRAYS = 4 };
/* make it of the four arrays on top (popped) */
void lwork_stack(lua_State *L);

enum phase { DECODE, CALL, ENCODE };

/* what it must know of a task */
struct terms {
  uint32_t retries, chain;
  bool limited, boxed, args;
};

struct hand {
  lua_State *L;
  struct channel *channel;
  struct heap *heap;
  const struct terms *terms;
  uint32_t number;
  bool thread;
  FILE *prints; /* to a prompt; NULL: elsewhere */
  /* the cell under way */
  struct cell *cell;
  struct frame request;
  uint32_t item;  /* tasklets before this one are through */
  size_t at;      /* its request's place */
  uint32_t tries; /* of this tasklet, that raised */
  enum phase phase;
  uint32_t step; /* of a chain, from 1 */
  struct buf copy;
  bool broken;  /* there is no memory to go on with this cell */
  bool givenup; /* the host no longer wants this cell from this thread */
};

/* compute what is left of the cell */
void lwork_apply(void *hand, struct cell *cell);

#endif
