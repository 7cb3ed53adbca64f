/* channel: how cells reach the workers and come back. Two kinds behind one seam: the shared window itself, and a pair of
** pipes per worker. (A third, to other machines, would stand here.)
**
** For the host a cell is always a cell of its own window; the pipe channel moves its frames through the pipe and sets the
** same states a worker would. For a worker, too: it finds its cell in channel->window, which in a worker on a pipe is a
** small private one. */
#ifndef PAPY_RUNTIME_CHANNEL_H
#define PAPY_RUNTIME_CHANNEL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/window.h"

struct channel;

struct channel_ops {
  /* host: hand a filled cell over */
  void (*submit)(struct channel *c, uint32_t cell);
  /* host: a READY cell nobody has begun, taken back */
  bool (*withdraw)(struct channel *c, uint32_t cell);
  /* host: move bytes as far as they go without waiting */
  void (*move)(struct channel *c);
  int (*fds)(struct channel *c, struct pollfd *f, int room);
  /* host: before and after the fork of worker n; 0 or -1 with errno */
  int (*prepare)(struct channel *c, uint32_t n);
  void (*launched)(struct channel *c, uint32_t n);
  /* host: worker n is gone; returns its unfinished cell or -1. Cells it had not begun go back to the queue. */
  int (*reclaim)(struct channel *c, uint32_t n);
  /* host: no more cells will come; workers leave */
  void (*close)(struct channel *c);
  void (*destroy)(struct channel *c);
  /* worker n, in its own process or thread: 0 or -1 with errno */
  int (*attach)(struct channel *c, uint32_t n);
  /* the next cell, or -1: leave */
  int (*take)(struct channel *c, uint32_t n);
  /* one more result frame is committed (a cell of several tasklets) */
  void (*progress)(struct channel *c, uint32_t n, uint32_t cell);
  /* false: the host gave the cell up, leave */
  bool (*complete)(struct channel *c, uint32_t n, uint32_t cell);
};

struct channel {
  const struct channel_ops *ops;
  struct window *window;
  struct slot *slot; /* the workers', always those the host sees */
};

/* cells go through the window's own queue */
struct channel *channel_window(struct window *w);
/* cells go through pipes */
struct channel *channel_pipe(struct window *w);

#endif
