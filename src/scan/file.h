/* file: source files that many processes read at the same time.
**
** A file is named so that any process of the job can find it again (struct file_ref), whether it was forked before or
** after the file was opened. Only positioned reads: the offset of a shared descriptor is never moved, so any number of
** workers may read through one.
** `struct files` is the set of files a Lua state has open; it belongs to one thread. It keeps at most FILES_MOST
** files that nobody holds and closes the one not used for longest. */
#ifndef PAPY_SCAN_FILE_H
#define PAPY_SCAN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "scan/why.h"

/* which file, whatever its name: `born` tells it from a later file that was given the same inode (0: unknown) */
struct file_id {
  uint64_t dev, ino;
  int64_t born;
};

/* what travels: how to find the file again. `path` is borrowed. */
struct file_ref {
  const char *path; /* as the user wrote it */
  struct file_id id;
  int pid, fd;   /* who opened it first, and the descriptor there */
  uint64_t size; /* when it was opened */
};

struct file {
  struct file_ref ref; /* ref.path is owned by the file */
  int fd;              /* in this process */
  int holders;
  int checked_by; /* the process that last made sure that fd is this file */
  struct file *next;
};

struct files {
  struct file *first; /* most recently used first */
  int idle_most;      /* FILES_MOST, less when descriptors run out */
};

/* who the open file is, its size, its mode; 0, or -1 with errno */
int file_identify(int fd, struct file_id *id, uint64_t *size, mode_t *mode);
int file_same(const struct file_id *a, const struct file_id *b);

void files_init(struct files *all);
/* close everything; files still held are closed too, so let go of them first */
void files_close(struct files *all);

/* Open a regular file by its path, or adopt an open descriptor (duplicated; the caller keeps its own). The file is held
** until file_let. NULL with *why when it cannot be opened or is not a regular file. */
struct file *files_open(struct files *all, const char *path, struct why *why);
struct file *files_adopt(struct files *all, int fd, struct why *why);
/* Find the file that was opened elsewhere: among those open here, by the opener's descriptor number, by its path, by
** /proc of the opener; held until file_let. NULL with *why when none of these is that file. */
struct file *files_find(struct files *all, const struct file_ref *ref, struct why *why);
/* let go; the file stays open for whoever asks next */
void file_let(struct files *all, struct file *f);

/* Read exactly n bytes at offset `at`. -1 with *why when the file cannot be read or has become shorter than that. */
int file_read(struct file *f, uint64_t at, void *to, size_t n, struct why *why);
/* the size now; -1 with *why */
int64_t file_size(struct file *f, struct why *why);

#endif
