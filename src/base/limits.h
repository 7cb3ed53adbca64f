/* limits: every tuned number of papy, each with the experiment that chose it.
** The hostile build (-DPAPY_HOSTILE) makes the rare common: buffers that start at a byte, payload blocks of 64 bytes,
** stride and buffer of 1, a yield at every change of a cell's state. */
#ifndef PAPY_BASE_LIMITS_H
#define PAPY_BASE_LIMITS_H

#ifdef PAPY_HOSTILE
#define BUF_START 1
#else
#define BUF_START 256
#endif

#endif
