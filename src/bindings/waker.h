/* waker: a member of the loop that has no workers. It wakes whoever sleeps, once, when its descriptor is readable or its time has
** come. Its owner leaves before it gives the memory back. */
#ifndef PAPY_BINDINGS_WAKER_H
#define PAPY_BINDINGS_WAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/loop.h"

/* all zeros: not yet in a loop */
struct waker {
  struct member member;
  struct loop *loop; /* joined by process `pid`; NULL: not yet */
  pid_t pid;
  bool armed;
  int fd; /* -1: none */
  int64_t when;
};

/* wake in `seconds`, or when fd (unless -1) is readable; `armed` is true until then */
void waker_arm(struct waker *w, struct loop *loop, int fd, double seconds);
void waker_leave(struct waker *w);

#endif
