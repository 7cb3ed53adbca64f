/* hostile: what the hostile build does at every change of a cell's state. In other builds it is nothing.
**
** It yields the processor, so that other interleavings become common; and a worker told to die at its n-th change does so
** there (environment PAPY_DIE_AT=n), by SIGKILL as from outside: the fault tests walk n through the whole life of a tasklet. */
#ifndef PAPY_BASE_HOSTILE_H
#define PAPY_BASE_HOSTILE_H

#ifdef PAPY_HOSTILE
/* this process is a worker: from now on it may die */
void hostile_arm(void);
void hostile_point(void);
#else
static inline void hostile_arm(void) {}
static inline void hostile_point(void) {}
#endif

#endif
