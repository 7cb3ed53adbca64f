/* Spin a little, then sleep in poll. The order of the last looks matters: first every pool is told that the host sleeps,
** then every pool is looked at once more; a worker does the reverse (finish, then look whether the host sleeps), so one of
** the two always sees the other. */
#include "runtime/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "shm/futex.h"

struct loop {
  struct member *members;
  int wake_fd, watched;
  atomic_int interrupted; /* lock-free: set by a signal handler */
  struct pollfd *fds;
  int room;
  int64_t spin; /* how long to wait with open eyes */
};

struct loop *loop_new(void) {
  struct loop *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->watched = -1;
  l->spin = HOST_SPIN_NS;
  l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  l->room = 8;
  l->fds = malloc((size_t)l->room * sizeof *l->fds);
  if (l->wake_fd >= 0 && l->fds) return l;
  loop_free(l);
  return NULL;
}

void loop_free(struct loop *l) {
  if (!l) return;
  if (l->wake_fd >= 0) close(l->wake_fd);
  free(l->fds);
  free(l);
}

void loop_interrupt(struct loop *l) {
  uint64_t one = 1;
  int keep = errno;
  atomic_store(&l->interrupted, 1);
  if (write(l->wake_fd, &one, sizeof one) < 0) { /* full: it is awake anyway */
  }
  errno = keep;
}

bool loop_interrupted(const struct loop *l) { return atomic_load(&l->interrupted); }
bool loop_uninterrupt(struct loop *l) { return atomic_exchange(&l->interrupted, 0); }

void loop_signal(struct loop *l, int sig) {
  for (struct member *m = l->members; m; m = m->next)
    if (m->signal) m->signal(m, sig);
}

void loop_watch(struct loop *l, int fd) { l->watched = fd; }
int loop_wake_fd(const struct loop *l) { return l->wake_fd; }

void loop_join(struct loop *l, struct member *m) {
  m->next = l->members;
  l->members = m;
}

void loop_leave(struct loop *l, struct member *m) {
  struct member **at = &l->members;
  while (*at && *at != m) at = &(*at)->next;
  if (*at) *at = m->next;
}

static bool any_moved(const struct loop *l) {
  for (struct member *m = l->members; m; m = m->next)
    if (m->moved(m)) return true;
  return false;
}

static bool core_free(const struct loop *l) {
  for (struct member *m = l->members; m; m = m->next)
    if (!m->core_free(m)) return false;
  return l->members != NULL;
}

static void nudge(const struct loop *l, bool sleeping) {
  for (struct member *m = l->members; m; m = m->next) m->nudge(m, sleeping);
}

static void announce(const struct loop *l, bool sleeping) {
  for (struct member *m = l->members; m; m = m->next) m->sleeping(m, sleeping);
}

/* a short wait with open eyes; true when something moved */
static bool watch(const struct loop *l, int64_t deadline) {
  int64_t began = 0;
  bool nudged = false;
  for (unsigned i = 1; !atomic_load_explicit(&l->interrupted, memory_order_relaxed); i++) {
    relax();
    if (any_moved(l)) return true;
    if (i % 32) continue;
    int64_t now = clock_ns();
    if (!began) began = now;
    if (!core_free(l)) break;
    if (now - began > l->spin || now >= deadline) break;
    if (!nudged && now - began > WAKE_DELAY_NS) {
      nudge(l, false);
      nudged = true;
    }
  }
  return false;
}

static bool spin(struct loop *l, int64_t deadline) {
  if (!core_free(l)) return false;
  bool answered = watch(l, deadline);
  l->spin = spin_next(l->spin, answered, HOST_SPIN_NS, LEAST_SPIN_NS);
  return answered;
}

/* the descriptors of everybody; returns how many, or -1 without memory */
static int gather(struct loop *l) {
  for (;;) {
    int n = 0;
    l->fds[n++] = (struct pollfd){.fd = l->wake_fd, .events = POLLIN};
    l->fds[n++] = (struct pollfd){.fd = l->watched, .events = POLLIN}; /* -1 is passed over by poll */
    for (struct member *m = l->members; m; m = m->next)
      n += m->fds(m, n < l->room ? l->fds + n : NULL, n < l->room ? l->room - n : 0);
    if (n <= l->room) return n;
    struct pollfd *more = realloc(l->fds, (size_t)n * 2 * sizeof *more);
    if (!more) return -1;
    l->fds = more;
    l->room = n * 2;
  }
}

static int64_t earliest(const struct loop *l, int64_t deadline) {
  for (struct member *m = l->members; m; m = m->next) {
    int64_t d = m->deadline(m);
    if (d < deadline) deadline = d;
  }
  return deadline;
}

/* poll counts in milliseconds, too coarse for short waits; ppoll in nanoseconds */
static int sleep_in_poll(struct loop *l, int n, int64_t until) {
  if (until == FOREVER) return poll(l->fds, (nfds_t)n, -1);
  int64_t left = until - clock_ns();
  if (left < 0) left = 0;
  struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
  return ppoll(l->fds, (nfds_t)n, &t, NULL);
}

enum loop_news loop_wait(struct loop *l, int64_t deadline) {
  uint64_t count;
  if (loop_uninterrupt(l)) return LOOP_INTERRUPT;
  if (any_moved(l)) return LOOP_MOVED;
  if (spin(l, deadline)) return LOOP_MOVED;
  nudge(l, true);
  announce(l, true);
  int n = any_moved(l) ? 0 : gather(l);
  int64_t until = n > 0 ? earliest(l, deadline) : 0;
  int ready = n > 0 ? sleep_in_poll(l, n, until) : 0;
  announce(l, false);
  for (struct member *m = l->members; ready > 0 && m; m = m->next) m->polled(m);
  if (n < 0) return LOOP_TIME; /* no memory for the descriptors: as good as a very short wait */
  if (ready > 0 && l->fds[0].revents && read(l->wake_fd, &count, sizeof count) < 0) { /* somebody else read it */
  }
  if (loop_uninterrupt(l)) return LOOP_INTERRUPT;
  if (ready > 0 && l->fds[1].revents) return LOOP_INPUT;
  if (n == 0 || ready > 0 || any_moved(l) || (until < deadline && clock_ns() >= until)) return LOOP_MOVED;
  return clock_ns() >= deadline ? LOOP_TIME : LOOP_MOVED;
}
