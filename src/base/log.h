/* log: one line per event, from any process or thread, to a file that rotates or to a descriptor.
**
** The settings belong to the process: threads share them, forked workers inherit them. A line is one write to a file opened
** for appending, so lines of many writers never mix; whoever finds the file full rotates it, under a lock on the file. */
#ifndef PAPY_BASE_LOG_H
#define PAPY_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* Replace the settings. file: a path or NULL; full: its size in bytes beyond which it rotates, 0: never; number: how many old
** files stay, as file.1 (the newest) to file.number; fd: a descriptor to write to as well, or -1. Returns 0, or -1 without
** memory. */
int log_set(enum log_level least, const char *file, uint64_t full, unsigned number, int fd);
enum log_level log_least(void);
/* Write "LEVEL HH:MM:SS,mmm [name] - text"; control characters in the text become escapes. Returns 0, or -1 with errno of the
** file. What is below the least level is not written. */
int log_write(enum log_level level, const char *name, const char *text, size_t n);

#endif
