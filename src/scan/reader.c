#include "scan/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

static int part(struct source *s, struct why *why) {
  (void)why;
  return ((struct reader *)s)->begun++ == 0;
}

static long take_ahead(struct reader *r, void *to, size_t n) {
  if (n > r->ahead_n) n = r->ahead_n;
  memcpy(to, r->ahead, n);
  r->ahead += n;
  r->ahead_n -= n;
  return (long)n;
}

static int has_news(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, 0) != 0;
}

static long read_fd(struct source *s, void *to, size_t n, struct why *why) {
  struct reader *r = (struct reader *)s;
  if (r->ahead_n) return take_ahead(r, to, n);
  for (;;) {
    if (r->waits && !has_news(r->fd)) return SOURCE_LATER;
    ssize_t got = read(r->fd, to, n);
    if (got >= 0) return (long)got;
    if (errno == EAGAIN) return SOURCE_LATER;
    if (errno != EINTR) return why_set(why, "cannot read %.700s:", s->name);
  }
}

static void close_fd(struct source *s) {
  struct reader *r = (struct reader *)s;
  if (r->fd >= 0) close(r->fd);
  r->fd = s->fd = -1;
}

void reader_init(struct reader *r, int fd, const char *name, const char *ahead, size_t ahead_n) {
  struct stat st;
  *r = (struct reader){.fd = fd, .ahead = ahead, .ahead_n = ahead_n};
  r->waits = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
  if (r->waits) fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* refused, or no pipe: it does as it is */
  r->source = (struct source){.part = part, .read = read_fd, .close = close_fd, .name = name, .fd = r->waits ? fd : -1};
}
