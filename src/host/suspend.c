/* The terminal sends SIGTSTP to its foreground group only, and workers lead groups of their own. So the host passes it on,
** with SIGSTOP, which no program can miss, before it stops itself. When it goes on, so do they. */
#include "host/suspend.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "runtime/loop.h"

/* for the signal handler */
static struct loop *suspended;

static void on_stop(int sig) {
  int keep = errno;
  struct sigaction ours, theirs = {.sa_handler = SIG_DFL};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, sig);
  loop_signal(suspended, SIGSTOP);
  sigaction(sig, &theirs, &ours);
  raise(sig);
  sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
  sigprocmask(SIG_BLOCK, &set, NULL);
  sigaction(sig, &ours, NULL);
  loop_signal(suspended, SIGCONT);
  errno = keep;
}

void suspend_with(struct loop *loop) {
  struct sigaction act = {.sa_handler = loop ? on_stop : SIG_DFL, .sa_flags = SA_RESTART}, before;
  suspended = loop;
  sigaction(SIGTSTP, NULL, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGTSTP, &act, NULL); /* else a shell without job control started us */
}
