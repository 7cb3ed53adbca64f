/* engine: what the bindings keep per Lua state: the loop it waits in, the heap its pools share, the pools themselves.
**
** A forked worker inherits the engine of its parent. The first time it asks for it, it gets a new loop and an empty heap
** of its own, and the inherited pools are forgotten: they are the parent's. */
#ifndef PAPY_BINDINGS_ENGINE_H
#define PAPY_BINDINGS_ENGINE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bindings/bindings.h"
#include "bindings/waker.h"

struct heap;
struct loop;
struct lpool;

struct engine {
  struct loop *loop;
  struct heap *heap; /* NULL until the first pool starts */
  struct lpool *pools;
  state_maker make;
  pid_t pid;
  int refs;         /* registry reference of the weak table from pools' numbers to their userdata */
  lua_Integer numbers; /* given so far */
  bool news;        /* something has finished that not everybody may have looked for since */
  unsigned taken;   /* counts what pipelines have moved: an input may take results and yet have nothing to give */
  unsigned version; /* counts pools started and stopped */
  unsigned searches; /* counts walks from pool to pool */
  uint32_t workers; /* of its running pools, */
  uint32_t workers_most; /* and how many there may be before the collector looks for pools nobody holds */
  size_t settled;   /* bytes in use when the collector was last made to see everything as old */
  bool haunted;     /* a thread that never ends still uses the heap */
  struct waker alarm; /* whoever waits has to look around then */
  int64_t expected;   /* until then an input may have something by itself, so that nothing stands still for good */
  bool turning;     /* the functions of on_turn are being called */
  bool captured;    /* this process is a worker and prints to a prompt */
  struct output *output; /* where workers print while a prompt runs, or NULL */
  bool own_loop;    /* made here, after a fork */
};

/* the engine of L, made fit for this process; raises without memory */
struct engine *engine_of(lua_State *L);
/* its heap, made at the first call; raises without memory */
struct heap *engine_heap(lua_State *L, struct engine *e);
/* read what workers printed and hand whole lines on (loutput.c) */
void loutput_drain(struct engine *e);
/* in a forked worker: print into the pipe, if there is one; where it prints, or NULL when that is no prompt */
FILE *loutput_redirect(const struct engine *e);
/* for threads: the pipe, as a descriptor of the caller's; -1: there is none */
int loutput_fd(const struct engine *e);
/* make the state of a thread print there; the file is the state's. NULL: it cannot. Raises without memory. */
FILE *loutput_divert(lua_State *L, int fd);
/* end the line that a tasklet has begun */
void loutput_end_line(FILE *f);
void engine_open(lua_State *L, struct loop *loop, state_maker make);

#endif
