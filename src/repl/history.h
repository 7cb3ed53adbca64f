/* history: where the lines typed at the prompt are kept across runs. */
#ifndef PAPY_REPL_HISTORY_H
#define PAPY_REPL_HISTORY_H

#include <stddef.h>

/* The file: PAPY_HISTORY, else XDG_STATE_HOME/papy/history, else ~/.papy_history. It exists afterwards, readable for its
** owner only. Returns `path`, or NULL when there is no place for it (or PAPY_HISTORY is empty). */
const char *history_file(char *path, size_t size);

#endif
