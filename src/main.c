/* main: argv to exit status. */
#include <malloc.h>

#include "host/script.h"
#include "repl/repl.h"

/* A string of a megabyte is an ordinary item. By default malloc maps each one freshly and unmaps it again, so that
** every item pays for touching new pages; let such blocks come from the heap, and the heap keep what it has. */
static void keep_large_blocks(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc takes */
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
}

int main(int argc, char **argv) {
  keep_large_blocks();
  return script_main(argc, argv, repl_run);
}
