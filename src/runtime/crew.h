/* crew: the workers of one pool, as processes or threads: started, watched, replaced, sent home. */
#ifndef PAPY_RUNTIME_CREW_H
#define PAPY_RUNTIME_CREW_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/channel.h"

/* What a worker does; given by the bindings, since the runtime knows no Lua. `begin` runs in the worker, before its first
** cell; what it returns is handed to the others; NULL: the worker cannot work (it has said why). `apply` computes every
** tasklet of the cell that has no result yet and commits one frame for each. */
struct craft {
  void *ctx;
  void *(*begin)(void *ctx, struct channel *c, uint32_t n, bool thread);
  void (*apply)(void *self, struct cell *cell);
  void (*end)(void *self);
  void (*interrupt)(void *self); /* called by the host: make a thread's tasklet fail soon, if it can be done */
  void (*forget)(void *ctx); /* the last worker that may see ctx has left; may be NULL */
};

struct crew;

/* a worker that is gone */
struct loss {
  uint32_t worker;
  int cell;      /* what it held, or -1 */
  int status;    /* as waitpid reports it */
  bool overtime; /* it was killed because a tasklet took too long, */
  int64_t when;  /* which was found then */
  bool givenup;  /* it is a thread that still computes: the cell's memory is its own until crew_returned */
};

/* `release(owner)` frees what the crew works on, channel and window included: called when a thread that could not be ended
** has left at last */
struct crew *crew_new(struct channel *c, uint32_t workers, bool threads, const struct craft *craft, void (*release)(void *),
                      void *owner);
/* start everybody. 0, or -1 with errno; *started tells how many run. Does not return in a forked worker. */
int crew_start(struct crew *k, uint32_t *started);
/* start the missing ones again; never fails: who cannot be started now is tried again later */
void crew_refill(struct crew *k);
/* the next worker found gone; false when there is none. Never waits. */
bool crew_lost(struct crew *k, struct loss *loss);
/* worker n takes too long: kill it (a thread is given up: it counts as gone at once, its cell as lost) */
void crew_overtime(struct crew *k, uint32_t n);
/* has it been told so, and is not gone yet? */
bool crew_condemned(const struct crew *k, uint32_t n);
/* cells of given-up threads that have come to their end since: -1 when there is none */
int crew_returned(struct crew *k);
uint32_t crew_alive(const struct crew *k);
/* nobody is alive and nobody can be started */
bool crew_hopeless(const struct crew *k);
int crew_errno(const struct crew *k);
uint64_t crew_deaths(const struct crew *k);
int crew_fds(struct crew *k, struct pollfd *f, int room);
/* process id of worker n, 0 when it is gone or a thread */
int crew_pid(const struct crew *k, uint32_t n);
/* send every worker that is a process, and the programs it runs, a signal; from a signal handler, too */
void crew_signal(const struct crew *k, int sig);
/* everybody leaves; who does not by the deadline is killed. True: the crew is freed. False: a thread is still computing; what
** it sees is its own from now on, and released when it leaves. */
bool crew_dismiss(struct crew *k, bool kill_now, int64_t deadline);

#endif
