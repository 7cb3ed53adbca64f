#include "scan/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DIR_LONGEST 3500

static int open_named(const char *dir) {
  char path[DIR_LONGEST + 32];
  snprintf(path, sizeof path, "%s/papy_XXXXXX", dir);
  int fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0) unlink(path);
  return fd;
}

int tempfile_open(struct tempfile *f, const char *dir, struct why *why) {
  if (!dir) dir = getenv("TMPDIR");
  if (!dir || !*dir) dir = "/tmp";
  *f = (struct tempfile){.fd = -1};
  snprintf(f->dir, sizeof f->dir, "%.*s", (int)sizeof f->dir - 1, dir);
  f->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  /* file systems without nameless files say so in several ways */
  if (f->fd < 0 && snprintf(NULL, 0, "%s", dir) < DIR_LONGEST) f->fd = open_named(dir);
  return f->fd < 0 ? why_set(why, "cannot make a temporary file in %s:", f->dir) : 0;
}

void tempfile_close(struct tempfile *f) {
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
}

void tempfile_cut(struct tempfile *f, uint64_t end) {
  f->end = end;
  while (ftruncate(f->fd, (off_t)end) != 0 && errno == EINTR) continue; /* else it stays longer, which harms nobody */
}

int tempfile_append(struct tempfile *f, const void *bytes, size_t n, struct why *why) {
  const char *p = bytes;
  while (n > 0) {
    ssize_t w = pwrite(f->fd, p, n, (off_t)f->end);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) return why_set(why, "cannot write to a temporary file in %s:", f->dir);
    p += w;
    n -= (size_t)w;
    f->end += (uint64_t)w;
  }
  return 0;
}

int tempfile_read(const struct tempfile *f, uint64_t at, void *to, size_t n, struct why *why) {
  char *p = to;
  while (n > 0) {
    ssize_t r = pread(f->fd, p, n, (off_t)at);
    if (r < 0 && errno == EINTR) continue;
    if (r == 0) errno = EIO; /* shorter than what was written */
    if (r <= 0) return why_set(why, "cannot read from a temporary file in %s:", f->dir);
    p += r;
    n -= (size_t)r;
    at += (uint64_t)r;
  }
  return 0;
}
