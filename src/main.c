/* main: argv to exit status. */
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "host/script.h"
#include "repl/repl.h"

/* A string of a megabyte is an ordinary item. malloc maps blocks above a threshold freshly and unmaps them again (making
** such strings then takes 8 times as long); it learns from what is freed, but every worker would learn anew, and trims
** the heap at twice the size it has learnt. So say from the start that such blocks are of the heap, and the heap keeps them. */
static void keep_large_blocks(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc takes */
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
}

/* Who starts papy with stdin closed must not get one of its own descriptors in that place: a worker would lead it nowhere. */
static void fill_standard_files(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  fill_standard_files();
  keep_large_blocks();
  return script_main(argc, argv, repl_run);
}
