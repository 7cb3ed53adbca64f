/* A feeder is a child of the worker that dumped the item, but not bound to it: a worker may leave while its item waits for
** a reader. It is bound to the process the person started (`root`), and to its timeout. It holds no descriptor of papy's but
** its own, so that nobody waits for the end of a pipe because of it.
**
** A fifo cannot be opened for writing without a reader unless one waits in open(), where neither the timeout nor the death of
** the root could be seen. So the feeder tries, and sleeps between its tries until inotify tells that somebody has opened the
** fifo (papy's own reader opens without waiting) or, for programs that wait in their own open(), for a short while. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/command.h"

/* the longest sleep between two tries: what a reader that waits in open() may wait too long */
#define TRY_NS (50 * NS_PER_S / 1000)

struct feeder {
  const char *path;
  int64_t deadline;
  int root, opened; /* a pidfd; inotify, or -1 */
};

_Noreturn static void give_up(const struct feeder *f) {
  unlink(f->path);
  _exit(1);
}

/* sleep until fd is ready for `events`, the fifo was opened or `longest` has passed; does not return when it is over */
static void rest(const struct feeder *f, int fd, short events, int64_t longest) {
  struct pollfd fds[] = {{f->root, POLLIN, 0}, {f->opened, POLLIN, 0}, {fd, events, 0}};
  int64_t left = f->deadline == FOREVER ? FOREVER : f->deadline - clock_ns();
  if (left > longest) left = longest;
  if (left < 0) left = 0;
  struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
  ppoll(fds, 3, &t, NULL);
  if (fds[0].revents || clock_ns() >= f->deadline) give_up(f);
  char news[4096];
  if (fds[1].revents && read(f->opened, news, sizeof news) < 0) { /* somebody was there, that is all */
  }
}

static int wait_for_reader(const struct feeder *f) {
  for (int64_t nap = NS_PER_S / 1000;; nap = nap < TRY_NS / 2 ? 2 * nap : TRY_NS) {
    int fd = open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno != ENXIO && errno != EINTR) _exit(1); /* removed: nobody wants it any more */
    rest(f, -1, 0, nap);
  }
}

/* true when all of it was written, false when the reader went away */
static bool write_all(const struct feeder *f, int fd, const char *p, size_t n) {
  while (n) {
    ssize_t w = write(fd, p, n);
    if (w > 0) {
      p += w;
      n -= (size_t)w;
    } else if (errno == EAGAIN) {
      rest(f, fd, POLLOUT, NS_PER_S);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

static void own_nothing(void) {
  sigset_t none;
  sigemptyset(&none);
  setsid();
  for (int s = 1; s < NSIG; s++)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close_range(0, ~0U, 0);
}

_Noreturn static void feed(const char *path, const void *bytes, size_t n, int64_t deadline, int root) {
  own_nothing();
  struct feeder f = {.path = path, .deadline = deadline, .root = (int)syscall(SYS_pidfd_open, root, 0)};
  if (f.root < 0) give_up(&f);
  f.opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (f.opened >= 0) inotify_add_watch(f.opened, path, IN_OPEN);
  for (;;) {
    int fd = wait_for_reader(&f);
    if (write_all(&f, fd, bytes, n)) _exit(0);
    close(fd);
  }
}

int feeder_start(const char *path, const void *bytes, size_t n, int64_t timeout_ns, int root) {
  int64_t deadline = timeout_ns == FOREVER ? FOREVER : clock_ns() + timeout_ns;
  pid_t pid = fork();
  if (pid == 0) feed(path, bytes, n, deadline, root);
  return pid;
}

bool feeder_gone(int pid) {
  pid_t r;
  do r = waitpid(pid, NULL, WNOHANG);
  while (r < 0 && errno == EINTR);
  return r != 0;
}
