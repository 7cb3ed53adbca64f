/* The window is the channel: workers claim cells where the host put them, and nothing is copied. */
#include <stdlib.h>

#include "runtime/channel.h"

static void submit(struct channel *c, uint32_t cell) { window_submit(c->window, cell); }
static bool withdraw(struct channel *c, uint32_t cell) { return window_withdraw(c->window, cell); }
static void move(struct channel *c) { (void)c; }

static int fds(struct channel *c, struct pollfd *f, int room) {
  (void)c, (void)f, (void)room;
  return 0; /* the loop's eventfd serves all windows */
}

static int prepare(struct channel *c, uint32_t n) {
  (void)c, (void)n;
  return 0;
}
static void launched(struct channel *c, uint32_t n) { (void)c, (void)n; }
static int reclaim(struct channel *c, uint32_t n) { return window_reclaim(c->window, n); }
static void close_(struct channel *c) { window_close(c->window); }
static void destroy(struct channel *c) { free(c); }
static int attach(struct channel *c, uint32_t n) {
  (void)c, (void)n;
  return 0;
}
static int take(struct channel *c, uint32_t n) { return window_take(c->window, n); }
static void progress(struct channel *c, uint32_t n, uint32_t cell) { (void)c, (void)n, (void)cell; }
static bool complete(struct channel *c, uint32_t n, uint32_t cell) { return window_complete(c->window, n, cell); }

static const struct channel_ops ops = {submit,  withdraw, move,    fds,    prepare, launched, reclaim,
                                       close_, destroy,  attach, take,   progress, complete};

struct channel *channel_window(struct window *w) {
  struct channel *c = malloc(sizeof *c);
  if (c) *c = (struct channel){&ops, w, w->slot};
  return c;
}
