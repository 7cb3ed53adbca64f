#include "base/hostile.h"

#ifdef PAPY_HOSTILE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int armed, changes;

void hostile_arm(void) {
  const char *at = getenv("PAPY_DIE_AT");
  armed = at ? atoi(at) : 0;
  changes = 0;
}

void hostile_point(void) {
  if (armed && ++changes == armed) kill(getpid(), SIGKILL);
  sched_yield();
}
#else
typedef int hostile_is_empty; /* a file without a declaration is not C */
#endif
