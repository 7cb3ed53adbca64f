/* losses: workers that died or took too long, and what becomes of their tasklets. */
#ifndef PAPY_RUNTIME_LOSSES_H
#define PAPY_RUNTIME_LOSSES_H

#include <stdint.h>

struct pool;

/* kill whoever is over its time limit, see who died, settle what they held, replace them; quick when there is nothing to do */
void losses_collect(struct pool *p);
/* when losses_collect must be called in any case: a limit runs out, missing workers are to be started again */
int64_t losses_deadline(struct pool *p);

#endif
