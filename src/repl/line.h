/* line: how a line is read. The rest of the prompt knows nothing of terminals; line_readline.c alone knows GNU readline,
** line_plain.c serves where there is none: dumb terminals, stdin that is no terminal, builds without it. */
#ifndef PAPY_REPL_LINE_H
#define PAPY_REPL_LINE_H

#include <stddef.h>

enum line_end {
  LINE_TEXT,
  LINE_EOF,      /* Ctrl-D on an empty line, end of the input */
  LINE_CANCELLED /* Ctrl-C: what was typed is gone */
};

/* what a reader needs of the prompt */
struct line_hooks {
  int (*wait)(void *ctx, int fd);                  /* 1: fd is readable; 0: Ctrl-C */
  /* candidates for a word that stands behind the first n bytes of a line, on the heap, NULL at the end; NULL: none */
  char **(*complete)(void *ctx, const char *word, const char *line, size_t n);
  void *ctx;
};

struct line_reader {
  /* hooks are borrowed until close; history: a file, or NULL to keep none */
  void (*open)(const struct line_hooks *hooks, const char *history);
  /* text: on the heap, the caller's, without its newline (a pasted block has newlines inside) */
  enum line_end (*read)(const char *prompt, char **text);
  void (*remember)(const char *entry);
  void (*print_above)(const char *text, size_t n);
  void (*close)(void);
};

extern const struct line_reader line_plain;
#ifdef PAPY_READLINE
extern const struct line_reader line_readline;
#endif

#endif
