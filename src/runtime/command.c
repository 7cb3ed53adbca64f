/* The guardian comes from a plain fork of a process that may have threads and locks: until it ends it calls nothing but
** system calls. All signals are blocked in it, and it waits for three of them: SIGCHLD (something below has ended), SIGTERM
** (the caller has died, which PR_SET_PDEATHSIG tells, or wants an end). It is a subreaper, so that what the program leaves
** behind becomes its child and can be waited for: when the report is read, the group is gone. */
#include "runtime/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* how long a program may take to end after SIGTERM, at its timeout */
#define COMMAND_GRACE_NS NS_PER_S
/* how long the guardian waits for killed processes to be gone */
#define COMMAND_REAP_NS NS_PER_S

struct report {
  int error, status;
  bool timed_out;
};

struct stream {
  int fd; /* -1: at its end */
  bool cut;
  struct buf kept;
};

struct command {
  pid_t guardian;
  int epoll, report_fd;
  size_t most;
  bool ended, reported;
  struct stream out, err;
  struct report report;
};

/* {=== the guardian's side === */

/* the descriptors of the guardian, all above the ones it sets up */
struct ends {
  int in, out, err, report;
};

static void empty_handlers(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int s = 1; s < NSIG; s++)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* in the child of vfork: become the program. `error` is the parent's memory. */
static void become(const struct command_spec *spec, volatile int *error) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  empty_handlers();
  if (!spec->dir || chdir(spec->dir) == 0) execvpe(spec->argv[0], spec->argv, spec->envp);
  *error = errno;
  _exit(127);
}

/* wait for a signal until the deadline; 0 when the time is up */
static int next_signal(const sigset_t *set, int64_t deadline) {
  for (;;) {
    int64_t left = deadline == FOREVER ? 3600 * NS_PER_S : deadline - clock_ns();
    if (left < 0) left = 0;
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    int s = sigtimedwait(set, NULL, &t);
    if (s > 0) return s;
    if (errno == EAGAIN && deadline != FOREVER && clock_ns() >= deadline) return 0;
  }
}

/* the program has ended when its own status is known; others are reaped on the way */
static bool has_ended(pid_t program, int *status) {
  int s;
  pid_t p;
  bool ended = false;
  while ((p = waitpid(-1, &s, WNOHANG)) > 0)
    if (p == program) {
      *status = s;
      ended = true;
    }
  return ended;
}

static void watch(pid_t program, int64_t deadline, struct report *r) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  while (!has_ended(program, &r->status)) {
    int s = next_signal(&set, deadline);
    if (s == SIGCHLD) continue;
    bool gently = s == 0 && !r->timed_out;
    if (s == 0) r->timed_out = true;
    kill(-program, gently ? SIGTERM : SIGKILL);
    if (gently) kill(-program, SIGCONT); /* a stopped one must hear it, too */
    deadline = gently ? clock_ns() + COMMAND_GRACE_NS : FOREVER;
  }
  kill(-program, SIGKILL);
  for (int64_t until = clock_ns() + COMMAND_REAP_NS;;) {
    has_ended(program, &r->status);
    if (kill(-program, 0) != 0 || next_signal(&set, until) == 0) break;
  }
}

static void set_up(pid_t caller, struct ends e) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGCHLD, SIG_DFL); /* an ignored one is not waited for */
  signal(SIGTERM, SIG_DFL);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (getppid() != caller) _exit(0);
  dup2(e.in, 0);
  dup2(e.out, 1);
  dup2(e.err, 2);
  dup3(e.report, 3, O_CLOEXEC);
  close_range(4, ~0U, 0);
}

/* the program's pid, or -1 with *error */
static pid_t launch(const struct command_spec *spec, int *error) {
  volatile int why = 0;
  pid_t program = vfork();
  if (program == 0) become(spec, &why);
  *error = program < 0 ? errno : why;
  for (int fd = 0; fd < 3; fd++) close(fd);
  return program;
}

_Noreturn static void guard(const struct command_spec *spec, pid_t caller, struct ends e) {
  struct report report = {0};
  set_up(caller, e);
  int64_t deadline = spec->timeout_ns == FOREVER ? FOREVER : clock_ns() + spec->timeout_ns;
  pid_t program = launch(spec, &report.error);
  if (program > 0) watch(program, deadline, &report);
  if (write(3, &report, sizeof report) < 0) { /* nobody wants to know */
  }
  _exit(0);
}

/* ===} {=== the caller's side === */

/* a descriptor that is out of the way of 0 to 3; takes fd over */
static int high(int fd) {
  if (fd < 0 || fd > 3) return fd;
  int up = fcntl(fd, F_DUPFD_CLOEXEC, 4), why = errno;
  close(fd);
  errno = why;
  return up;
}

static int make_pipe(int *read_end, int *write_end) {
  int p[2];
  if (pipe2(p, O_CLOEXEC) != 0) return -1;
  *read_end = high(p[0]);
  *write_end = high(p[1]);
  return *read_end < 0 || *write_end < 0 || fcntl(*read_end, F_SETFL, O_NONBLOCK) != 0 ? -1 : 0;
}

/* a file in memory: the program reads at its own pace and nobody has to feed it */
static int open_input(const struct command_spec *spec) {
  if (!spec->input_n) return high(open("/dev/null", O_RDONLY | O_CLOEXEC));
  int fd = high(memfd_create("papy-stdin", MFD_CLOEXEC));
  const char *p = spec->input;
  for (size_t left = spec->input_n; fd >= 0 && left;) {
    ssize_t n = write(fd, p, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int why = errno;
      close(fd);
      errno = why;
      return -1;
    }
    p += n;
    left -= (size_t)n;
  }
  if (fd >= 0) lseek(fd, 0, SEEK_SET);
  return fd;
}

static void shut(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void shut_ends(struct ends *e) {
  shut(&e->in);
  shut(&e->out);
  shut(&e->err);
  shut(&e->report);
}

static int watch_fd(struct command *c, int fd) {
  struct epoll_event ev = {.events = EPOLLIN};
  return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int open_all(struct command *c, struct ends *e, const struct command_spec *spec) {
  if ((c->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) return -1;
  if ((e->in = open_input(spec)) < 0) return -1;
  if (make_pipe(&c->out.fd, &e->out) != 0 || make_pipe(&c->err.fd, &e->err) != 0) return -1;
  if (make_pipe(&c->report_fd, &e->report) != 0) return -1;
  return watch_fd(c, c->out.fd) || watch_fd(c, c->err.fd) || watch_fd(c, c->report_fd) ? -1 : 0;
}

struct command *command_start(const struct command_spec *spec) {
  struct command *c = calloc(1, sizeof *c);
  struct ends e = {-1, -1, -1, -1};
  if (!c) return NULL;
  c->epoll = c->report_fd = c->out.fd = c->err.fd = -1;
  c->most = spec->most;
  buf_heap(&c->out.kept);
  buf_heap(&c->err.kept);
  pid_t caller = getpid();
  if (open_all(c, &e, spec) == 0 && (c->guardian = fork()) == 0) guard(spec, caller, e);
  int why = errno;
  shut_ends(&e);
  if (c->guardian > 0) return c;
  c->guardian = 0;
  command_free(c);
  errno = why;
  return NULL;
}

int command_fd(const struct command *c) { return c->epoll; }

/* keep the last `most` bytes, moving them only once in a while */
static void keep(struct stream *s, size_t most, const char *p, size_t n) {
  if (n > most) {
    p += n - most;
    n = most;
    s->cut = true;
    s->kept.n = 0;
  }
  if (s->kept.n > most && s->kept.n + n > 2 * most) {
    s->cut = true;
    memmove(s->kept.p, s->kept.p + s->kept.n - most, most);
    s->kept.n = most;
  }
  if (buf_add(&s->kept, p, n) != 0) { /* no memory for it: what is newest goes on top of nothing */
    s->cut = true;
    s->kept.n = 0;
  }
}

/* all that is there now; true at the end of the stream */
static bool drain(struct stream *s, size_t most) {
  char piece[65536];
  while (s->fd >= 0) {
    ssize_t n = read(s->fd, piece, sizeof piece);
    if (n > 0) keep(s, most, piece, (size_t)n);
    else if (n < 0 && errno == EINTR) continue;
    else if (n < 0 && errno == EAGAIN) return false;
    else shut(&s->fd);
  }
  return true;
}

bool command_pump(struct command *c) {
  if (c->ended) return true;
  ssize_t n = read(c->report_fd, &c->report, sizeof c->report);
  bool over = n >= 0 || (errno != EAGAIN && errno != EINTR);
  /* what was printed before the report stands in the pipes by now; who still holds them has left the group */
  drain(&c->out, c->most);
  drain(&c->err, c->most);
  if (!over) return false;
  c->reported = n == (ssize_t)sizeof c->report;
  c->ended = true;
  while (waitpid(c->guardian, NULL, 0) < 0 && errno == EINTR) continue;
  c->guardian = 0;
  return true;
}

/* only the last `most`; what was kept beyond them was never asked for */
static struct buf last(const struct stream *s, size_t most, bool *cut) {
  struct buf b = s->kept;
  *cut = s->cut || b.n > most;
  if (b.n > most) {
    b.p += b.n - most;
    b.n = most;
  }
  return b;
}

void command_result(const struct command *c, struct command_end *end) {
  *end = (struct command_end){.error = c->report.error,
                              .status = c->report.status,
                              .timed_out = c->report.timed_out,
                              .unknown = !c->reported};
  end->out = last(&c->out, c->most, &end->out_cut);
  end->err = last(&c->err, c->most, &end->err_cut);
}

void command_free(struct command *c) {
  if (c->guardian) {
    kill(c->guardian, SIGTERM);
    while (waitpid(c->guardian, NULL, 0) < 0 && errno == EINTR) continue;
  }
  shut(&c->report_fd);
  shut(&c->out.fd);
  shut(&c->err.fd);
  shut(&c->epoll);
  buf_free(&c->out.kept);
  buf_free(&c->err.kept);
  free(c);
}

/* ===} */
