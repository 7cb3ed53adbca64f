/* A worker belongs to one process and dies with it: PR_SET_PDEATHSIG is set first thing, and the parent is looked at once
** more in case it died before. The parent holds a pidfd, so that a death is seen in poll at once and a signal never
** reaches a stranger that got the number again. Nobody else's children are touched: the wait is for this one only. */
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

static void own_nothing(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  for (int s = 1; s < NSIG; s++)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  signal(SIGINT, SIG_IGN);
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
  pid_t r;
  do r = waitpid(p->pid, status, WNOHANG);
  while (r < 0 && errno == EINTR);
  if (r == 0) return false;
  if (r < 0) *status = 0; /* somebody else (a module that waits for any child) has reaped it */
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
  if (p->pid) syscall(SYS_pidfd_send_signal, p->fd, SIGKILL, NULL, 0);
}

void proc_cause(int status, char *text, size_t n) {
  if (WIFSIGNALED(status))
    snprintf(text, n, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    snprintf(text, n, "exited with status %d", WEXITSTATUS(status));
}
