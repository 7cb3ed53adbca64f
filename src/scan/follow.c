/* Why looking, some times a second, and no inotify: it would have to be told of the file, of the directory, of each directory a
** link goes through, and sees nothing of what another machine writes; a look costs two system calls. */
#include "scan/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

static int open_next(struct follow *f, struct why *why) {
  uint64_t size;
  mode_t mode;
  int fd = open(f->source.name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) return SOURCE_LATER;
  if (fd < 0) return why_set(why, "cannot open %.700s:", f->source.name);
  if (file_identify(fd, &f->id, &size, &mode) != 0 || !S_ISREG(mode)) {
    close(fd);
    return why_set(why, "cannot follow %.700s: it is not a regular file", f->source.name);
  }
  f->fd = fd;
  f->at = 0;
  return 1;
}

/* behind the last newline there is */
static uint64_t last_line(int fd) {
  char block[4096];
  struct stat st;
  if (fstat(fd, &st) != 0) return 0;
  for (off_t end = st.st_size; end > 0;) {
    off_t from = end > (off_t)sizeof block ? end - (off_t)sizeof block : 0;
    ssize_t n = pread(fd, block, (size_t)(end - from), from);
    const char *nl = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;
    if (nl) return (uint64_t)(from + (nl + 1 - block));
    end = from;
  }
  return 0;
}

static int part(struct source *s, struct why *why) {
  struct follow *f = (struct follow *)s;
  int rc = f->fd < 0 ? open_next(f, why) : 1;
  if (rc > 0 && f->at_end) f->at = last_line(f->fd);
  if (rc != SOURCE_BROKEN) f->at_end = false; /* a file that appears later is new from its first byte */
  return rc;
}

static bool has_shrunk(const struct follow *f) {
  struct stat st;
  return fstat(f->fd, &st) == 0 && (uint64_t)st.st_size < f->at;
}

/* does another file have the name now? */
static bool was_replaced(const struct follow *f) {
  struct file_id id;
  uint64_t size;
  mode_t mode;
  int fd = open(f->source.name, O_PATH | O_CLOEXEC);
  if (fd < 0) return false;
  bool other = file_identify(fd, &id, &size, &mode) == 0 && !file_same(&id, &f->id);
  close(fd);
  return other;
}

static long read_more(struct follow *f, void *to, size_t n, struct why *why) {
  ssize_t got;
  do got = pread(f->fd, to, n, (off_t)f->at);
  while (got < 0 && errno == EINTR);
  if (got < 0) return why_set(why, "cannot read %.700s:", f->source.name);
  f->at += (uint64_t)got;
  return (long)got;
}

static long read_grown(struct source *s, void *to, size_t n, struct why *why) {
  struct follow *f = (struct follow *)s;
  if (has_shrunk(f)) {
    f->at = 0;
    return 0;
  }
  long got = read_more(f, to, n, why);
  if (got != 0) return got;
  if (!was_replaced(f)) return SOURCE_LATER;
  got = read_more(f, to, n, why); /* what was written between the two looks */
  if (got != 0) return got;
  close(f->fd);
  f->fd = -1;
  return 0;
}

static void close_follow(struct source *s) {
  struct follow *f = (struct follow *)s;
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
}

void follow_init(struct follow *f, const char *path, bool at_end, double wait) {
  *f = (struct follow){.fd = -1, .at_end = at_end};
  f->source = (struct source){.part = part,
                              .read = read_grown,
                              .close = close_follow,
                              .name = path,
                              .fd = -1,
                              .wait = wait,
                              .quiet = FOLLOW_QUIET};
}
