#include "repl/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fits(int n, size_t size) {
  return n >= 0 && (size_t)n < size;
}

/* Write the path; a missing directory of the XDG place is made. */
static int find_path(char *path, size_t size) {
  const char *own = getenv("PAPY_HISTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  if (own) return *own && fits(snprintf(path, size, "%s", own), size);
  if (state && *state) {
    if (!fits(snprintf(path, size, "%s/papy/history", state), size)) return 0;
    snprintf(path, size, "%s/papy", state);
    mkdir(state, 0700);
    mkdir(path, 0700);
    return fits(snprintf(path, size, "%s/papy/history", state), size);
  }
  return home && *home && fits(snprintf(path, size, "%s/.papy_history", home), size);
}

const char *history_file(char *path, size_t size) {
  if (!find_path(path, size)) return NULL;
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return NULL;
  close(fd);
  return path;
}
