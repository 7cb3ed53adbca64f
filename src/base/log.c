/* Settings are never changed, only replaced as a whole and kept for whoever still reads the old ones; they are few. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

struct settings {
  struct settings *before; /* reachable, for leak checkers */
  enum log_level least;
  uint64_t full;
  unsigned number;
  int fd;
  char file[]; /* "": none */
};

static _Atomic(struct settings *) current;

int log_set(enum log_level least, const char *file, uint64_t full, unsigned number, int fd) {
  size_t n = file ? strlen(file) : 0;
  struct settings *s = malloc(sizeof *s + n + 1);
  if (!s) return -1;
  *s = (struct settings){.least = least, .full = full, .number = number, .fd = fd};
  memcpy(s->file, file ? file : "", n + 1);
  s->before = atomic_load(&current);
  atomic_store(&current, s);
  return 0;
}

enum log_level log_least(void) {
  struct settings *s = atomic_load(&current);
  return s ? s->least : LOG_OFF;
}

/* file.i in `to`; file itself for 0 */
static void numbered(char *to, size_t size, const char *file, unsigned i) {
  if (i) snprintf(to, size, "%s.%u", file, i);
  else snprintf(to, size, "%s", file);
}

static void rotate(const struct settings *s) {
  size_t size = strlen(s->file) + 16;
  char from[size], to[size];
  if (!s->number) unlink(s->file);
  for (unsigned i = s->number; i > 0; i--) {
    numbered(from, size, s->file, i - 1);
    numbered(to, size, s->file, i);
    rename(from, to);
  }
}

/* does the path still name the open file? */
static int same_file(int fd, const char *path, struct stat *st) {
  struct stat named;
  return fstat(fd, st) == 0 && stat(path, &named) == 0 && named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

static int open_file(const struct settings *s, size_t more) {
  for (int i = 0; i < 100; i++) {
    struct stat st;
    int fd = open(s->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || !s->full || fstat(fd, &st) != 0) return fd;
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size + more <= s->full) return fd;
    /* full: one of all who see it rotates, the others find another file under the name */
    if (flock(fd, LOCK_EX) != 0) return fd;
    if (same_file(fd, s->file, &st)) rotate(s);
    close(fd);
  }
  return open(s->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static int write_line(int fd, const struct buf *line) {
  ssize_t w;
  do w = write(fd, line->p, line->n);
  while (w < 0 && errno == EINTR);
  return w < 0 ? -1 : 0;
}

static int to_file(const struct settings *s, const struct buf *line) {
  int fd = open_file(s, line->n);
  if (fd < 0) return -1;
  int rc = write_line(fd, line), why = errno;
  close(fd);
  errno = why;
  return rc;
}

static int add_head(struct buf *line, enum log_level level, const char *name) {
  static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR"};
  char head[64];
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &tm);
  int n = snprintf(head, sizeof head, "%s %02d:%02d:%02d,%03d [", levels[level], tm.tm_hour, tm.tm_min, tm.tm_sec,
                   (int)(now.tv_nsec / 1000000));
  return buf_add(line, head, (size_t)n) || buf_add(line, name, strlen(name)) || buf_add(line, "] - ", 4) ? -1 : 0;
}

static int add_text(struct buf *line, const char *p, size_t n) {
  for (; n; p++, n--) {
    unsigned char c = (unsigned char)*p;
    char escape[8];
    int rc = 0;
    if (c == '\n') rc = buf_add(line, "\\n", 2);
    else if (c == '\t' || (c >= 32 && c != 127)) rc = buf_byte(line, c);
    else rc = buf_add(line, escape, (size_t)snprintf(escape, sizeof escape, "\\x%02x", c));
    if (rc != 0) return -1;
  }
  return buf_byte(line, '\n');
}

int log_write(enum log_level level, const char *name, const char *text, size_t n) {
  struct settings *s = atomic_load(&current);
  if (!s || level < s->least || level >= LOG_OFF) return 0;
  struct buf line;
  buf_heap(&line);
  int rc = add_head(&line, level, name) || add_text(&line, text, n) ? -1 : 0;
  if (rc == 0 && s->fd >= 0) write_line(s->fd, &line); /* a terminal that is gone is no error of the work */
  if (rc == 0 && s->file[0]) rc = to_file(s, &line);
  int why = errno;
  buf_free(&line);
  errno = why;
  return rc;
}
