#include "base/pid.h"

#include <pthread.h>
#include <unistd.h>

pid_t pid_known;

static void renew(void) { pid_known = getpid(); }

__attribute__((constructor)) static void start(void) {
  renew();
  pthread_atfork(NULL, NULL, renew);
}
