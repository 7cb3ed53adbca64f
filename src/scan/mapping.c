/* The handler of SIGBUS is installed while some thread reads a mapping, and belongs to nobody else: the one before it comes back
** with the last reader, and gets every SIGBUS that is not of a mapping. Which mapping a thread reads, and where it goes when it
** breaks, is the thread's own. */
#include "scan/mapping.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

struct guard {
  sigjmp_buf back;
  const char *from, *to;
};

static __thread struct guard *volatile guard; /* for the signal handler */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned readers;
static struct sigaction before;

static void on_bus(int sig, siginfo_t *info, void *context) {
  struct guard *g = guard;
  (void)sig, (void)context;
  if (g && (const char *)info->si_addr >= g->from && (const char *)info->si_addr < g->to) siglongjmp(g->back, 1);
  sigaction(SIGBUS, &before, NULL); /* not ours: the access is repeated, and meets whoever was there before */
}

static void enter(void) {
  struct sigaction act = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
  pthread_mutex_lock(&lock);
  if (readers++ == 0) sigaction(SIGBUS, &act, &before);
  pthread_mutex_unlock(&lock);
}

static void leave(void) {
  pthread_mutex_lock(&lock);
  if (--readers == 0) sigaction(SIGBUS, &before, NULL);
  pthread_mutex_unlock(&lock);
}

/* threads start with all signals blocked, and a blocked SIGBUS ends the process */
static void let_through(sigset_t *old) {
  sigset_t bus;
  sigemptyset(&bus);
  sigaddset(&bus, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &bus, old);
}

/* A fault brings in the pages of the cache around it. Touching one byte of each such run costs less than asking for all of them
** (MADV_POPULATE_READ looks at every page again), and less than faults in the middle of the search. */
static void touch(const volatile char *p, size_t n) {
  for (size_t i = 0; i < n; i += MAP_AROUND) (void)p[i];
}

static int read_guarded(struct guard *g, const char *p, size_t n, mapping_reader reader, void *ctx, struct why *why) {
  volatile int rc;
  if (sigsetjmp(g->back, 0) == 0) {
    guard = g;
    if (n <= MAP_AHEAD) touch(g->from, (size_t)(g->to - g->from));
    rc = reader(ctx, p, n, why);
  } else {
    rc = MAPPING_BROKEN;
  }
  guard = NULL;
  return rc;
}

static bool is_whole(const struct file *f, uint64_t last) {
  struct stat st;
  return fstat(f->fd, &st) == 0 && (uint64_t)st.st_size > last;
}

int mapping_read(struct file *f, uint64_t first, uint64_t last, mapping_reader reader, void *ctx, struct why *why) {
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = first & ~(page - 1), n = last + 1 - start;
  sigset_t old;
  char *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, f->fd, (off_t)start);
  if (p == MAP_FAILED) return MAPPING_NONE;
  struct guard g = {.from = p, .to = p + ((n + page - 1) & ~(page - 1))};
  enter();
  let_through(&old);
  int rc = read_guarded(&g, p + (first - start), last + 1 - first, reader, ctx, why);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  leave();
  munmap(p, n);
  if (rc != MAPPING_BROKEN && is_whole(f, last)) return rc;
  char c; /* reading the last byte says what is wrong in the words of all readers */
  if (file_read(f, last, &c, 1, why) == 0)
    why_set(why, "cannot read %.700s: it changed while it was read", f->ref.path);
  return MAPPING_BROKEN;
}
