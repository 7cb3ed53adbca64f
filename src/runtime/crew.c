/* A worker's life: (fork) begin, then take - apply - complete until the channel closes, then leave by _exit.
**
** A process that dies is seen by its pidfd. A thread cannot die alone and cannot be killed; one that takes too long is given
** up: its cell is disowned, so that whatever it completes later counts for nothing, and its place is filled anew. The
** memory of that cell stays its own until it has left the tasklet, which is what `left` tells. */
#include "runtime/crew.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hostile.h"
#include "base/limits.h"
#include "runtime/proc.h"

struct thread {
  struct thread *next; /* among the given-up ones */
  struct crew *crew;
  pthread_t id;
  uint32_t n;
  int cell;         /* what it held when it was given up */
  pthread_mutex_t lock; /* of self */
  void *self;           /* what begin made, while it lasts: for interrupt */
  atomic_bool left; /* it touches no cell any more */
  bool orphan;      /* the host no longer waits for it */
};

struct hand {
  bool alive;
  bool overtime;
  int64_t when; /* of overtime */
  struct proc proc;
  struct thread *thread;
};

struct crew {
  struct channel *channel;
  struct craft craft;
  uint32_t workers, alive, stillborn;
  bool threads;
  void (*release)(void *);
  void *owner;
  pthread_mutex_t lock; /* of `orphans` and of every thread's `orphan` */
  uint32_t orphans;     /* threads that were left alone */
  int why; /* errno of the last start that failed */
  uint64_t deaths;
  struct thread *givenup;
  struct hand hand[];
};

struct crew *crew_new(struct channel *c, uint32_t workers, bool threads, const struct craft *craft, void (*release)(void *),
                      void *owner) {
  struct crew *k = calloc(1, sizeof *k + workers * sizeof *k->hand);
  if (!k) return NULL;
  k->channel = c;
  k->craft = *craft;
  k->workers = workers;
  k->threads = threads;
  k->release = release;
  k->owner = owner;
  pthread_mutex_init(&k->lock, NULL);
  return k;
}

/* let the host find a thread's state */
static void show(struct thread *t, void *self) {
  if (!t) return;
  pthread_mutex_lock(&t->lock);
  t->self = self;
  pthread_mutex_unlock(&t->lock);
}

/* the whole life of a worker, between its birth and its leaving */
static void work(struct crew *k, uint32_t n, struct thread *t) {
  struct channel *c = k->channel;
  if (c->ops->attach(c, n) != 0) return;
  void *self = k->craft.begin(k->craft.ctx, c, n, k->threads);
  if (!self) return;
  show(t, self);
  for (int cell; (cell = c->ops->take(c, n)) >= 0;) {
    k->craft.apply(self, &c->window->cell[cell]);
    if (!c->ops->complete(c, n, (uint32_t)cell)) break;
  }
  show(t, NULL);
  k->craft.end(self);
}

static int start_process(struct crew *k, uint32_t n) {
  struct hand *h = &k->hand[n];
  int r = proc_fork(&h->proc);
  if (r == 0) {
    hostile_arm();
    work(k, n, NULL);
    proc_leave();
  }
  return r < 0 ? -1 : 0;
}

/* The host is told, or, where it went without waiting, the last one out frees everything. */
static void leave(struct thread *t) {
  struct crew *k = t->crew;
  pthread_mutex_lock(&k->lock);
  bool orphan = t->orphan, last = orphan && --k->orphans == 0;
  atomic_store(&t->left, true);
  if (!orphan) window_poke(k->channel->window); /* still there: whoever frees it joins this thread first */
  pthread_mutex_unlock(&k->lock);
  if (orphan) free(t);
  if (!last) return;
  k->release(k->owner);
  free(k);
}

static void *thread_main(void *arg) {
  struct thread *t = arg;
  work(t->crew, t->n, t);
  leave(t);
  return NULL;
}

/* signals are the host's: the thread starts with all of them blocked */
static int start_thread(struct crew *k, uint32_t n) {
  struct thread *t = calloc(1, sizeof *t);
  if (!t) return -1;
  t->crew = k;
  t->n = n;
  t->cell = -1;
  pthread_mutex_init(&t->lock, NULL);
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int r = pthread_create(&t->id, NULL, thread_main, t);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (r != 0) {
    free(t);
    errno = r;
    return -1;
  }
  k->hand[n].thread = t;
  return 0;
}

static int start(struct crew *k, uint32_t n) {
  struct channel *c = k->channel;
  struct hand *h = &k->hand[n];
  *h = (struct hand){.proc = {.fd = -1}};
  if (c->ops->prepare(c, n) != 0 || (k->threads ? start_thread(k, n) : start_process(k, n)) != 0) {
    k->why = errno;
    c->ops->reclaim(c, n); /* nobody will read what was prepared */
    return -1;
  }
  c->ops->launched(c, n);
  h->alive = true;
  k->alive++;
  return 0;
}

int crew_start(struct crew *k, uint32_t *started) {
  for (*started = 0; *started < k->workers; ++*started)
    if (start(k, *started) != 0) {
      errno = k->why;
      return -1;
    }
  return 0;
}

void crew_refill(struct crew *k) {
  for (uint32_t n = 0; n < k->workers && k->stillborn < STILLBORN_MOST; n++)
    if (!k->hand[n].alive && start(k, n) != 0) return;
}

static void died(struct crew *k, struct loss *loss, uint32_t n, int status) {
  struct hand *h = &k->hand[n];
  bool worked = atomic_load(&k->channel->window->slot[n].started) != 0;
  h->alive = false;
  k->alive--;
  k->deaths++;
  *loss = (struct loss){.worker = n, .status = status, .overtime = h->overtime, .when = h->when};
  loss->cell = k->channel->ops->reclaim(k->channel, n);
  k->stillborn = worked || loss->cell >= 0 ? 0 : k->stillborn + 1;
}

/* a thread that left by itself could not begin, or found its cell given up */
static bool thread_lost(struct crew *k, struct loss *loss, uint32_t n) {
  struct hand *h = &k->hand[n];
  struct thread *t = h->thread;
  if (!h->overtime && !atomic_load(&t->left)) return false;
  died(k, loss, n, 0);
  h->thread = NULL;
  if (h->overtime) {
    loss->cell = t->cell;
    loss->givenup = true;
    t->next = k->givenup;
    k->givenup = t;
  } else {
    pthread_join(t->id, NULL);
    free(t);
  }
  return true;
}

bool crew_lost(struct crew *k, struct loss *loss) {
  for (uint32_t n = 0; n < k->workers; n++) {
    struct hand *h = &k->hand[n];
    int status;
    if (!h->alive) continue;
    if (h->thread && thread_lost(k, loss, n)) return true;
    if (h->thread || !proc_gone(&h->proc, &status)) continue;
    died(k, loss, n, status);
    return true;
  }
  return false;
}

static void interrupt(struct crew *k, struct thread *t) {
  pthread_mutex_lock(&t->lock);
  if (t->self) k->craft.interrupt(t->self);
  pthread_mutex_unlock(&t->lock);
}

void crew_overtime(struct crew *k, uint32_t n) {
  struct hand *h = &k->hand[n];
  if (!h->alive || h->overtime) return;
  h->when = clock_ns();
  if (!h->thread) {
    h->overtime = true;
    proc_kill(&h->proc);
    return;
  }
  h->thread->cell = (int)atomic_load(&k->channel->window->slot[n].cell) - 1;
  if (h->thread->cell < 0 || !window_disown(k->channel->window, (uint32_t)h->thread->cell)) return; /* it came in time */
  h->overtime = true;
  interrupt(k, h->thread);
}

bool crew_condemned(const struct crew *k, uint32_t n) { return k->hand[n].overtime; }

int crew_returned(struct crew *k) {
  for (struct thread **at = &k->givenup; *at; at = &(*at)->next) {
    struct thread *t = *at;
    if (!atomic_load(&t->left)) continue;
    int cell = t->cell;
    *at = t->next;
    pthread_join(t->id, NULL);
    free(t);
    return cell;
  }
  return -1;
}

uint32_t crew_alive(const struct crew *k) { return k->alive; }
bool crew_hopeless(const struct crew *k) { return k->alive == 0; }
int crew_errno(const struct crew *k) { return k->why; }
uint64_t crew_deaths(const struct crew *k) { return k->deaths; }
int crew_pid(const struct crew *k, uint32_t n) { return n < k->workers ? (int)k->hand[n].proc.pid : 0; }

void crew_signal(const struct crew *k, int sig) {
  for (uint32_t n = 0; n < k->workers; n++)
    if (k->hand[n].alive) proc_signal(&k->hand[n].proc, sig);
}

int crew_fds(struct crew *k, struct pollfd *f, int room) {
  int n = 0;
  for (uint32_t i = 0; i < k->workers; i++) {
    if (!k->hand[i].alive || k->hand[i].proc.fd < 0) continue;
    if (n < room) f[n] = (struct pollfd){.fd = k->hand[i].proc.fd, .events = POLLIN};
    n++;
  }
  return n;
}

static void dismiss_process(struct hand *h, int64_t deadline) {
  int status;
  if (proc_wait(&h->proc, deadline, &status)) return;
  proc_kill(&h->proc);
  proc_wait(&h->proc, FOREVER, &status);
}

/* true unless the thread has left meanwhile */
static bool leave_alone(struct crew *k, struct thread *t) {
  pthread_mutex_lock(&k->lock);
  bool alone = !atomic_load(&t->left);
  if (alone) {
    t->orphan = true;
    k->orphans++;
    pthread_detach(t->id);
  }
  pthread_mutex_unlock(&k->lock);
  return alone;
}

/* A thread that does not leave cannot be killed. False: it is left alone, with all it sees. */
static bool dismiss_thread(struct crew *k, struct thread *t, int64_t deadline) {
  while (!atomic_load(&t->left)) {
    int64_t late = clock_ns() - deadline;
    if (late > THREAD_GRACE_NS && leave_alone(k, t)) return false;
    if (late > 0) interrupt(k, t);
    usleep(200);
  }
  pthread_join(t->id, NULL);
  free(t);
  return true;
}

bool crew_dismiss(struct crew *k, bool kill_now, int64_t deadline) {
  bool all = true;
  k->orphans = 1; /* the host itself, until it has been through: so that no thread frees the crew meanwhile */
  k->channel->ops->close(k->channel);
  if (kill_now) deadline = clock_ns();
  for (uint32_t n = 0; kill_now && n < k->workers; n++)
    if (k->hand[n].alive && !k->hand[n].thread) proc_kill(&k->hand[n].proc);
  for (uint32_t n = 0; n < k->workers; n++) {
    struct hand *h = &k->hand[n];
    if (!h->alive) continue;
    if (h->thread)
      all = dismiss_thread(k, h->thread, deadline) && all;
    else
      dismiss_process(h, deadline);
  }
  for (struct thread *t = k->givenup, *next; t; t = next) {
    next = t->next;
    all = dismiss_thread(k, t, deadline) && all;
  }
  pthread_mutex_lock(&k->lock);
  bool last = --k->orphans == 0;
  pthread_mutex_unlock(&k->lock);
  if (!all && last) k->release(k->owner); /* they left just now */
  if (last) free(k);
  return all;
}
