/* suspend: Ctrl-Z stops the workers with the program, `fg` continues them. */
#ifndef PAPY_HOST_SUSPEND_H
#define PAPY_HOST_SUSPEND_H

struct loop;

/* The workers of this loop's pools stop and continue with the process from now on; NULL: no more. */
void suspend_with(struct loop *loop);

#endif
