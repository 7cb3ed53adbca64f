/* pid: which process this is, for a nanosecond. glibc asks the system every time (100 ns, three times per item: more
** than all else the host does for a short tasklet). The number is renewed in every child of fork; a bare clone is not
** seen. */
#ifndef PAPY_BASE_PID_H
#define PAPY_BASE_PID_H

#include <sys/types.h>

extern pid_t pid_known; /* of this process; written at its start and after a fork only */

static inline pid_t pid_own(void) { return pid_known; }

#endif
