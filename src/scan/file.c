/* file: finding and reading source files from any process of the job.
**
** Why both pread and a mapping: counting lines with \brs[0-9]+\b in 1 GiB, warm, two processes (rg -c: 0.53 s):
**     mapping, POPULATE_READ per chunk       0.115 s
**     pread, pieces of 64 to 256 KiB         0.145 s
**     pread, pieces of 1 MiB                 0.150 s     (the piece no longer stays in the cache)
** The copy is a third of the work, so counting maps (mapping.c, where a truncated file is an error like any other).
** Whatever hands bytes to Lua, checks them before it uses them, or must know that they stand still, reads: a truncated file is
** a short read, a broken disk an errno, and the memory is the buffer's, whatever the size of the file.
**
** Why the inode is not enough to know a file: rotation deletes a log and creates the next one, which is often given the
** inode just freed. While the opener still has it open that cannot happen; afterwards the time of birth tells. */
#include "scan/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"

/* O_NONBLOCK: opening a pipe that nobody writes to must not wait; regular files do not care */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

void files_init(struct files *all) {
  all->first = NULL;
  all->idle_most = FILES_MOST;
}

static void drop(struct file *f) {
  if (f->fd >= 0) close(f->fd);
  free((char *)f->ref.path);
  free(f);
}

void files_close(struct files *all) {
  while (all->first) {
    struct file *f = all->first;
    all->first = f->next;
    drop(f);
  }
}

/* keep the `most` files used last; those somebody holds do not count */
static void trim(struct files *all, int most) {
  for (struct file **at = &all->first; *at;) {
    struct file *f = *at;
    if (f->holders > 0 || most-- > 0) {
      at = &f->next;
    } else {
      *at = f->next;
      drop(f);
    }
  }
}

static const char *kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode)) return "a terminal or another device";
  if (S_ISBLK(mode)) return "a block device";
  return "not a regular file";
}

int file_identify(int fd, struct file_id *id, uint64_t *size, mode_t *mode) {
  struct statx st;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) != 0) return -1;
  id->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
  id->ino = st.stx_ino;
  id->born = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * 1000000000LL + st.stx_btime.tv_nsec : 0;
  *size = st.stx_size;
  *mode = st.stx_mode;
  return 0;
}

int file_same(const struct file_id *a, const struct file_id *b) {
  return a->dev == b->dev && a->ino == b->ino && a->born == b->born;
}

static int is_file(int fd, const struct file_id *id) {
  struct file_id now;
  uint64_t size;
  mode_t mode;
  return fd >= 0 && file_identify(fd, &now, &size, &mode) == 0 && S_ISREG(mode) && file_same(&now, id);
}

/* put a new file at the front, held once; takes over fd, also on failure */
static struct file *enter(struct files *all, const struct file_ref *ref, int fd, struct why *why) {
  struct file *f = malloc(sizeof *f);
  char *path = strdup(ref->path);
  if (!f || !path) {
    why_set(why, "cannot open %.700s: out of memory", ref->path);
    free(f);
    free(path);
    close(fd);
    return NULL;
  }
  *f = (struct file){.ref = *ref, .fd = fd, .holders = 1, .checked_by = getpid(), .next = all->first};
  f->ref.path = path;
  all->first = f;
  return f;
}

void file_let(struct files *all, struct file *f) {
  f->holders--;
  trim(all, all->idle_most);
}

/* open, and give up idle files when descriptors are out */
static int open_here(struct files *all, const char *path) {
  int fd = open(path, OPEN_FLAGS);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
    trim(all, 0);
    fd = open(path, OPEN_FLAGS);
  }
  return fd;
}

static int dup_here(struct files *all, int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0 && errno == EMFILE) {
    trim(all, 0);
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  }
  return copy;
}

/* a descriptor just opened becomes a file, if it is a regular one */
static struct file *admit(struct files *all, const char *path, int fd, struct why *why) {
  struct file_ref ref = {.path = path, .pid = getpid(), .fd = fd};
  mode_t mode;
  if (file_identify(fd, &ref.id, &ref.size, &mode) != 0) {
    why_set(why, "cannot open %.700s:", path);
  } else if (!S_ISREG(mode)) {
    why_set(why, "cannot cut %.700s into chunks: it is %s, not a regular file", path, kind_of(mode));
  } else {
    return enter(all, &ref, fd, why);
  }
  close(fd);
  return NULL;
}

struct file *files_open(struct files *all, const char *path, struct why *why) {
  int fd = open_here(all, path);
  if (fd >= 0) return admit(all, path, fd, why);
  why_set(why,
          errno == ENXIO ? "cannot open %.700s: it is a socket, or a device without a driver" : "cannot open %.700s:",
          path);
  return NULL;
}

struct file *files_adopt(struct files *all, int fd, struct why *why) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  snprintf(path + (n < 0 ? 0 : n), n < 0 ? sizeof path : 1, "%s", n < 0 ? link : "");
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY) {
    why_set(why, "cannot read %.700s: it was opened for writing only", path);
    return NULL;
  }
  int copy = flags < 0 ? -1 : dup_here(all, fd);
  if (copy >= 0) return admit(all, path, copy, why);
  why_set(why, "cannot read %.700s:", path);
  return NULL;
}

/* is it open here already? The first look after a fork makes sure that the descriptor survived it. */
static struct file *among_open(struct files *all, const struct file_ref *ref) {
  int pid = getpid();
  for (struct file **at = &all->first; *at; at = &(*at)->next) {
    struct file *f = *at;
    if (f->fd < 0 || !file_same(&f->ref.id, &ref->id)) continue;
    if (f->checked_by != pid && !is_file(f->fd, &ref->id)) {
      f->fd = -1; /* not ours any more, so not closed either */
      continue;
    }
    f->checked_by = pid;
    f->holders++;
    *at = f->next;
    f->next = all->first;
    return all->first = f;
  }
  return NULL;
}

static int keep_if(int fd, const struct file_id *id) {
  if (is_file(fd, id)) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static int by_number(struct files *all, const struct file_ref *ref) {
  if (!is_file(ref->fd, &ref->id) || (fcntl(ref->fd, F_GETFL) & O_ACCMODE) == O_WRONLY) return -1;
  return keep_if(dup_here(all, ref->fd), &ref->id);
}

static int by_opener(struct files *all, const struct file_ref *ref) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", ref->pid, ref->fd);
  return keep_if(open_here(all, path), &ref->id);
}

/* Why by_number copies the descriptor instead of using it: in a thread worker it belongs to another thread, which may
** close it, and the number would then mean another file in the middle of a read. */
struct file *files_find(struct files *all, const struct file_ref *ref, struct why *why) {
  struct file *f = among_open(all, ref);
  if (f) return f;
  int fd = by_number(all, ref), reason = 0;
  if (fd < 0) {
    fd = open_here(all, ref->path);
    reason = fd < 0 ? errno : 0;
    fd = keep_if(fd, &ref->id);
  }
  if (fd < 0 && ref->pid > 0) fd = by_opener(all, ref);
  if (fd >= 0) return enter(all, ref, fd, why);
  if ((errno = reason) != 0) why_set(why, "cannot read chunk of %.700s:", ref->path);
  else why_set(why, "cannot read chunk of %.700s: another file has taken its name since it was cut", ref->path);
  return NULL;
}

int64_t file_size(struct file *f, struct why *why) {
  struct stat st;
  if (fstat(f->fd, &st) == 0) return st.st_size;
  return why_set(why, "cannot read %.700s:", f->ref.path);
}

int file_read(struct file *f, uint64_t at, void *to, size_t n, struct why *why) {
  for (size_t got = 0; got < n;) {
    ssize_t r = pread(f->fd, (char *)to + got, n - got, (off_t)(at + got));
    if (r > 0) {
      got += (size_t)r;
    } else if (r == 0) {
      return why_set(why,
                     "cannot read %.700s at byte %" PRIu64 ": the file has shrunk (it had %" PRIu64
                     " bytes when it was opened)",
                     f->ref.path, at + got, f->ref.size);
    } else if (errno != EINTR) {
      int reason = errno;
      why_set(why, "cannot read %.700s at byte %" PRIu64 ": %s", f->ref.path, at + got, strerror(reason));
      return -1;
    }
  }
  return 0;
}
