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
** signal handlers, SIGINT ignored, killed when its parent dies, stdin from nowhere, stdout in whole lines. */
int proc_fork(struct proc *p);
/* true once the process is gone (reaped, *status as waitpid reports it); never waits */
bool proc_gone(struct proc *p, int *status);
/* wait until it is gone or the deadline passes */
bool proc_wait(struct proc *p, int64_t deadline, int *status);
void proc_kill(struct proc *p);
/* "killed by signal 9 (Killed)", "exited with status 3" */
void proc_cause(int status, char *text, size_t n);

#endif
