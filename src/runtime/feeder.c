/* A feeder is a child of the worker that dumped the item, but not bound to it: a worker may leave while its item waits for
** a reader. It is bound to the process the person started (`root`), and to its timeout. It holds no descriptor of papy's but
** its own, so that nobody waits for the end of a pipe because of it.
**
** A fifo cannot be opened for writing without a reader unless one waits in open(), where neither the timeout nor the death of
** the root could be seen. So the feeder tries, and sleeps between its tries until inotify tells that somebody has opened the
** fifo (papy's own reader opens without waiting) or, for programs that wait in their own open(), for a short while.
**
** A reader may leave in the middle, and another one come before that is noticed: then the second gets the rest. inotify tells
** of such a close; the feeder begins again in a new fifo under the same name, and papy's reader, who knows how many bytes it
** must get, reads again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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
  int root, news; /* a pidfd; inotify, or -1 */
  bool left;      /* somebody has closed the fifo */
};

_Noreturn static void give_up(const struct feeder *f) {
  unlink(f->path);
  _exit(1);
}

static void read_news(struct feeder *f) {
  _Alignas(struct inotify_event) char bytes[4096];
  ssize_t n = f->news < 0 ? 0 : read(f->news, bytes, sizeof bytes);
  for (ssize_t at = 0; at < n;) {
    const struct inotify_event *e = (const struct inotify_event *)(bytes + at);
    if (e->mask & IN_CLOSE) f->left = true;
    at += (ssize_t)(sizeof *e + e->len);
  }
}

/* sleep until fd is ready for `events`, there is news of the fifo or `longest` has passed; does not return when it is over */
static void rest(struct feeder *f, int fd, short events, int64_t longest) {
  struct pollfd fds[] = {{f->root, POLLIN, 0}, {f->news, POLLIN, 0}, {fd, events, 0}};
  int64_t left = f->deadline == FOREVER ? FOREVER : f->deadline - clock_ns();
  if (left > longest) left = longest;
  if (left < 0) left = 0;
  struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
  ppoll(fds, 3, &t, NULL);
  if (fds[0].revents || clock_ns() >= f->deadline) give_up(f);
}

static int wait_for_reader(struct feeder *f) {
  for (int64_t nap = NS_PER_S / 1000;; nap = nap < TRY_NS / 2 ? 2 * nap : TRY_NS) {
    read_news(f);
    int fd = open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno != ENXIO && errno != EINTR) _exit(1); /* removed: nobody wants it any more */
    rest(f, -1, 0, nap);
  }
}

/* true when all of it was written and taken, false when a reader went away before */
static bool write_all(struct feeder *f, int fd, const char *p, size_t n) {
  f->left = false;
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
  for (int waiting; ioctl(fd, FIONREAD, &waiting) == 0 && waiting;) {
    struct pollfd gone = {.fd = fd};
    if (poll(&gone, 1, 0) > 0) return false; /* no reader is left */
    rest(f, -1, 0, NS_PER_S / 1000);
  }
  read_news(f);
  return !f->left;
}

static void listen_to(struct feeder *f) {
  if (f->news >= 0) close(f->news);
  f->left = false;
  f->news = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (f->news >= 0) inotify_add_watch(f->news, f->path, IN_OPEN | IN_CLOSE);
}

/* Put an empty fifo in the place of the one in which bytes were lost, before its reader learns that it has ended: so the
** next look at the path finds the new one. Does not return when the old one is not wanted any more. */
static void renew(struct feeder *f, int fd) {
  char fresh[PATH_MAX];
  struct stat ours, there;
  size_t n = strlen(f->path);
  if (n + 5 > sizeof fresh || fstat(fd, &ours) != 0 || stat(f->path, &there) != 0 || ours.st_ino != there.st_ino) _exit(1);
  memcpy(fresh, f->path, n);
  memcpy(fresh + n, ".new", 5);
  if (mkfifo(fresh, 0600) != 0) give_up(f);
  if (rename(fresh, f->path) != 0) {
    unlink(fresh);
    give_up(f);
  }
  listen_to(f);
}

static void own_nothing(void) {
  sigset_t none;
  sigemptyset(&none);
  setpgid(0, 0); /* out of the worker's group, which is killed with it */
  for (int s = 1; s < NSIG; s++)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close_range(0, ~0U, 0);
}

_Noreturn static void feed(const char *path, const void *bytes, size_t n, int64_t deadline, int root) {
  own_nothing();
  struct feeder f = {.path = path, .deadline = deadline, .root = (int)syscall(SYS_pidfd_open, root, 0), .news = -1};
  if (f.root < 0) give_up(&f);
  listen_to(&f);
  for (;;) {
    int fd = wait_for_reader(&f);
    if (write_all(&f, fd, bytes, n)) _exit(0);
    renew(&f, fd);
    close(fd);
  }
}

int feeder_start(const char *path, const void *bytes, size_t n, int64_t timeout_ns, int root) {
  int64_t deadline = timeout_ns == FOREVER ? FOREVER : clock_ns() + timeout_ns;
  pid_t pid = fork();
  if (pid == 0) feed(path, bytes, n, deadline, root);
  if (pid > 0) setpgid(pid, pid); /* before the worker, and with it its group, can end */
  return pid;
}

bool feeder_gone(int pid) {
  pid_t r;
  do r = waitpid(pid, NULL, WNOHANG);
  while (r < 0 && errno == EINTR);
  return r != 0;
}
