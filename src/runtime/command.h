/* command: a program of somebody else's, run to its end with its output captured, and nothing of it left behind.
**
** The caller forks a guardian, the guardian starts the program in a session (and process group) of its own and waits for
** it, for its time to be up, and for the death of whoever called. However it ends, the guardian kills what is left of the
** process group and reports. So a program and all its children end with its timeout, with the worker that runs it and
** with papy itself, kill -9 included. Only a process that leaves the group (setsid) gets away.
**
** Nothing here waits: the caller polls command_fd and then pumps. */
#ifndef PAPY_RUNTIME_COMMAND_H
#define PAPY_RUNTIME_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct command_spec {
  char *const *argv;  /* the program, looked for in PATH unless it has a slash, and its arguments; ends with NULL */
  char *const *envp;  /* ends with NULL */
  const char *dir;    /* where it runs; NULL: here */
  const void *input;  /* its standard input; none: /dev/null */
  size_t input_n;
  int64_t timeout_ns; /* FOREVER: none. Then SIGTERM for the group, and SIGKILL after COMMAND_GRACE_NS */
  size_t most;        /* bytes kept of each output: the last ones */
};

struct command;

struct command_end {
  int error;      /* errno when the program could not be started, else 0 */
  int status;     /* as waitpid reports it */
  bool timed_out;
  bool unknown;   /* the guardian was killed: how the program ended nobody knows */
  struct buf out, err; /* borrowed from the command */
  bool out_cut, err_cut; /* more was printed than `most` */
};

/* Start a program. All of the spec is copied or used before this returns. NULL with errno. */
struct command *command_start(const struct command_spec *spec);
/* readable whenever pumping may move something */
int command_fd(const struct command *c);
/* read what there is, without waiting; true once the program has ended and all its output was read */
bool command_pump(struct command *c);
/* how it ended; only after command_pump has returned true */
void command_result(const struct command *c, struct command_end *end);
/* forget it; one that runs is killed first, with its group */
void command_free(struct command *c);

/* Feed a fifo from a process of its own: fork one that waits for a reader, writes all the bytes and ends. A reader that
** goes away too early loses nothing: the next one gets the bytes from the start. After `timeout_ns`, or when process `root`
** is gone, the feeder removes the fifo and ends. Returns its pid, or -1 with errno. */
int feeder_start(const char *path, const void *bytes, size_t n, int64_t timeout_ns, int root);
/* Has the feeder ended (or is it no child of this process)? Never waits. */
bool feeder_gone(int pid);

#endif
