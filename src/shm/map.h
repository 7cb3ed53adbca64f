/* map: the one place that maps memory. */
#ifndef PAPY_SHM_MAP_H
#define PAPY_SHM_MAP_H

#include <stddef.h>

/* zeroed memory shared with every process forked later; NULL with errno */
void *map_shared(size_t n);
/* reserve about `want` bytes of shared address space whose pages come with their first touch; halves the wish until
** the system agrees (never below `least`), tells what it got; NULL with errno */
void *map_reserve(size_t want, size_t least, size_t *got);
/* give the pages of [p, p+n) back; reading them again yields zeros */
void map_drop(void *p, size_t n);
void map_free(void *p, size_t n);

#endif
