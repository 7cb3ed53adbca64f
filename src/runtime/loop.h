/* loop: the one place where the process sleeps.
**
** It knows the pools of this process (its members), the interrupt, and (at the prompt) the terminal. Whoever waits —
** next, wait, papy.sleep, the prompt — calls loop_wait, then lets every pool move, then looks whether it has what it wanted. */
#ifndef PAPY_RUNTIME_LOOP_H
#define PAPY_RUNTIME_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

enum loop_news {
  LOOP_MOVED,     /* some pool moved: a tasklet finished or a worker died */
  LOOP_TIME,      /* the deadline has passed */
  LOOP_INTERRUPT, /* loop_interrupt was called (Ctrl-C); the flag is cleared by this answer */
  LOOP_INPUT      /* the watched descriptor is readable */
};

/* NULL with errno when descriptors or memory are out */
struct loop *loop_new(void);
void loop_free(struct loop *l);
/* sleep until there is news or the deadline (clock_ns) passes */
enum loop_news loop_wait(struct loop *l, int64_t deadline);
/* wake the loop from a signal handler: async-signal-safe, sticky until loop_wait reports it */
void loop_interrupt(struct loop *l);
/* is there one that nobody has answered? */
bool loop_interrupted(const struct loop *l);
/* answer it, or forget it: true if there was one */
bool loop_uninterrupt(struct loop *l);
/* also wake for input on fd (the terminal); -1: no longer */
void loop_watch(struct loop *l, int fd);

/* send the workers of all members a signal; async-signal-safe, in the loop's own thread */
void loop_signal(struct loop *l, int sig);

/* What the loop wants to know of a pool. All functions are quick and never wait. */
struct member {
  struct member *next;
  bool (*moved)(struct member *m);             /* anything new since it was last collected? */
  bool (*core_free)(struct member *m);         /* may the host spin? */
  void (*nudge)(struct member *m, bool sleeping); /* wake workers for waiting cells; sleeping: the host is about to sleep */
  void (*sleeping)(struct member *m, bool yes);   /* workers must (need no longer) write to the eventfd */
  int (*fds)(struct member *m, struct pollfd *f, int room); /* fill in at most room; returns how many there are */
  int64_t (*deadline)(struct member *m);       /* when it wants to be collected in any case */
  void (*polled)(struct member *m);               /* poll has found something, perhaps a worker's death */
  void (*signal)(struct member *m, int sig);      /* pass a signal on to its workers; NULL: it has none */
};
void loop_join(struct loop *l, struct member *m);
void loop_leave(struct loop *l, struct member *m);
/* the eventfd workers write to */
int loop_wake_fd(const struct loop *l);

#endif
