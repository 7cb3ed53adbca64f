/* main: argv to exit status. */
#include <malloc.h>

#include "host/script.h"
#include "repl/repl.h"

/* A string of a megabyte is an ordinary item. malloc maps blocks above a threshold freshly and unmaps them again (making
** such strings then takes 8 times as long); it learns from what is freed, but every worker would learn anew, and trims
** the heap at twice the size it has learnt. So say from the start that such blocks are of the heap, and the heap keeps them. */
static void keep_large_blocks(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc takes */
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
}

int main(int argc, char **argv) {
  keep_large_blocks();
  return script_main(argc, argv, repl_run);
}
