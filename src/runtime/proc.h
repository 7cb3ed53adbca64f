/* proc: the only place that forks, waits for and kills workers. Programs and feeders of fifos are command.h. */
#ifndef PAPY_RUNTIME_PROC_H
#define PAPY_RUNTIME_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
  pid_t pid; /* 0: none */
  int fd;    /* pidfd, or -1 */
};

/* Fork a worker. In the parent: 1 and *p filled, or -1 with errno. In the child: 0, with the child's hygiene done: default
** signal handlers, SIGINT ignored, a process group of its own, killed with it when its parent dies, stdin from nowhere, stdout in
** whole lines. */
int proc_fork(struct proc *p);
/* In the worker: end it. Programs it runs get the end of what it wrote to them and are waited for. */
_Noreturn void proc_leave(void);
/* true once the process is gone and its group is killed (reaped, *status as waitpid reports it); never waits */
bool proc_gone(struct proc *p, int *status);
/* wait until it is gone or the deadline passes */
bool proc_wait(struct proc *p, int64_t deadline, int *status);
/* with its group */
void proc_kill(struct proc *p);
/* send the group a signal; may be called from a signal handler */
void proc_signal(const struct proc *p, int sig);
/* "killed by signal 9 (Killed)", "exited with status 3" */
void proc_cause(int status, char *text, size_t n);

#endif
