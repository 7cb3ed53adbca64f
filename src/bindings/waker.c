#include "bindings/waker.h"

#include <poll.h>

#include "base/clock.h"
#include "base/pid.h"

static struct waker *waker_of(struct member *m) {
  return (struct waker *)m;
}

static bool moved(struct member *m) {
  (void)m;
  return false; /* to have woken is all it does */
}

static bool core_free(struct member *m) {
  (void)m;
  return true;
}

static void told(struct member *m, bool yes) {
  (void)m, (void)yes;
}

static int fds(struct member *m, struct pollfd *f, int room) {
  struct waker *w = waker_of(m);
  if (!w->armed || w->fd < 0) return 0;
  if (room > 0) *f = (struct pollfd){.fd = w->fd, .events = POLLIN};
  return 1;
}

static int64_t deadline(struct member *m) {
  struct waker *w = waker_of(m);
  int64_t when = w->armed ? w->when : FOREVER;
  if (when <= clock_ns()) w->armed = false;
  return when;
}

static void polled(struct member *m) {
  struct waker *w = waker_of(m);
  struct pollfd p = {.fd = w->fd, .events = POLLIN};
  if (w->armed && w->fd >= 0 && poll(&p, 1, 0) != 0) w->armed = false;
}

void waker_arm(struct waker *w, struct loop *loop, int fd, double seconds) {
  if (w->loop && w->pid != pid_own()) w->loop = NULL; /* the loop was the parent's */
  if (!w->loop) {
    w->member = (struct member){.moved = moved,
                                .core_free = core_free,
                                .nudge = told,
                                .sleeping = told,
                                .fds = fds,
                                .deadline = deadline,
                                .polled = polled};
    w->loop = loop;
    w->pid = pid_own();
    loop_join(w->loop, &w->member);
  }
  w->fd = fd;
  w->when = clock_after(seconds);
  w->armed = true;
}

void waker_leave(struct waker *w) {
  if (w->loop && w->pid == pid_own()) loop_leave(w->loop, &w->member);
  w->loop = NULL;
}
