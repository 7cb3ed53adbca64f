/* A worker belongs to one process and dies with it, and so do the programs it runs (os.execute, io.popen): it leads a
** process group of its own, and whoever ends a worker kills its group. Three cases:
**   the parent ends it, or finds it dead: it kills the group before it reaps the leader, whose number is the group's until then
**   the parent dies, even of SIGKILL: the kernel sends SIGHUP (PR_SET_PDEATHSIG), whose handler kills the group, itself included.
**   A stopped worker cannot run a handler, but the kernel wakes a stopped group that is left alone with SIGHUP and SIGCONT.
**   it leaves: it lets its programs see the end of what it wrote to them and waits for them; the parent's patience ends that
** A program that makes a session of its own (setsid) has left the group and is left alone.
**
** In a group of its own the worker is in the background of the terminal. What it runs may write there, but not read: SIGTTIN is
** ignored, so that a read fails rather than stops. Ctrl-Z does not reach it: the host passes it on (host/suspend.c).
**
** The parent holds a pidfd, so that a death is seen in poll at once and a signal never reaches a stranger that got the
** number again. Nobody else's children are touched: the wait is for this one only. */
#include "runtime/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* of this worker, for its signal handler */
static pid_t parent_pid;

/* the parent has died (or only its thread that forked), or nobody is left to continue a stopped group; a stranger's signal does
** what it would do anyway */
static void on_hangup(int sig, siginfo_t *info, void *context) {
  (void)context;
  if (info->si_code == SI_KERNEL || info->si_pid == parent_pid) kill(0, SIGKILL);
  signal(sig, SIG_DFL);
  raise(sig);
}

static void die_with(pid_t parent) {
  struct sigaction hangup = {.sa_sigaction = on_hangup, .sa_flags = SA_SIGINFO};
  parent_pid = parent;
  sigaction(SIGHUP, &hangup, NULL);
  prctl(PR_SET_PDEATHSIG, SIGHUP);
  if (getppid() != parent) _exit(0); /* it died before */
}

static void own_nothing(pid_t parent) {
  setpgid(0, 0);
  for (int s = 1; s < NSIG; s++)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  signal(SIGINT, SIG_IGN);
  signal(SIGTTIN, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  die_with(parent);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* what is typed, and what the script was read from, is the parent's; what it had read ahead too */
  int nowhere = open("/dev/null", O_RDONLY);
  if (nowhere > 0) {
    dup2(nowhere, 0);
    close(nowhere);
  }
  __fpurge(stdin);
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

int proc_fork(struct proc *p) {
  pid_t parent = getpid();
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) {
    own_nothing(parent);
    return 0;
  }
  setpgid(pid, pid); /* the child does it, too: whoever comes first */
  p->pid = pid;
  p->fd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
  if (p->fd >= 0) return 1;
  int why = errno;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  p->pid = 0;
  errno = why;
  return -1;
}

static void forget(struct proc *p) {
  close(p->fd);
  p->pid = 0;
  p->fd = -1;
}

bool proc_gone(struct proc *p, int *status) {
  siginfo_t end = {0};
  int r;
  do r = waitid(P_PID, (id_t)p->pid, &end, WEXITED | WNOHANG | WNOWAIT);
  while (r < 0 && errno == EINTR);
  if (r == 0 && end.si_pid == 0) return false;
  *status = 0; /* r < 0: somebody else (a module that waits for any child) has reaped it */
  if (r == 0) {
    kill(-p->pid, SIGKILL);
    waitpid(p->pid, status, 0);
  }
  forget(p);
  return true;
}

bool proc_wait(struct proc *p, int64_t deadline, int *status) {
  for (;;) {
    if (proc_gone(p, status)) return true;
    int64_t left = deadline == FOREVER ? -1 : deadline - clock_ns();
    if (deadline != FOREVER && left <= 0) return false;
    struct pollfd f = {.fd = p->fd, .events = POLLIN};
    poll(&f, 1, left < 0 ? -1 : (int)(left / 1000000 + 1));
  }
}

void proc_kill(struct proc *p) {
  if (p->pid && syscall(SYS_pidfd_send_signal, p->fd, SIGKILL, NULL, 0) == 0) kill(-p->pid, SIGKILL);
}

void proc_signal(const struct proc *p, int sig) {
  if (p->pid) kill(-p->pid, sig);
}

void proc_leave(void) {
  fflush(NULL);
  close_range(3, ~0U, 0);
  while (waitpid(0, NULL, 0) > 0 || errno == EINTR) continue;
  _exit(0);
}

void proc_cause(int status, char *text, size_t n) {
  if (WIFSIGNALED(status)) snprintf(text, n, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else snprintf(text, n, "exited with status %d", WEXITSTATUS(status));
}
