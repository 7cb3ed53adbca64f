/* Reads whole lines as the terminal, a pipe or a file hands them over. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "repl/line.h"

static const struct line_hooks *hooks;
static struct buf input;   /* read, but not yet handed out */
static const char *typing; /* the prompt of the line under way; NULL: none */

static void plain_open(const struct line_hooks *h, const char *history) {
  (void)history;
  hooks = h;
  buf_heap(&input);
}

static void plain_close(void) {
  buf_free(&input);
}

/* 1: more bytes; 0: the end */
static int more(void) {
  if (buf_more(&input, 4096) != 0) return 0;
  ssize_t n;
  do n = read(STDIN_FILENO, input.p + input.n, input.cap - input.n);
  while (n < 0 && (errno == EINTR || errno == EAGAIN));
  if (n > 0) input.n += (size_t)n;
  return n > 0;
}

/* Hand out the first `n` bytes and forget `taken`. Bytes of zero end a line of text for good; they become spaces. */
static char *take(size_t n, size_t taken) {
  char *text = malloc(n + 1);
  if (text) {
    for (size_t i = 0; i < n; i++) text[i] = input.p[i] ? (char)input.p[i] : ' ';
    text[n] = '\0';
  }
  input.n -= taken;
  memmove(input.p, input.p + taken, input.n);
  return text;
}

static enum line_end next_line(char **text) {
  size_t seen = 0;
  for (;;) {
    uint8_t *newline = input.n > seen ? memchr(input.p + seen, '\n', input.n - seen) : NULL;
    if (newline) {
      size_t n = (size_t)(newline - input.p);
      *text = take(n, n + 1);
      return *text ? LINE_TEXT : LINE_EOF;
    }
    seen = input.n;
    if (!hooks->wait(hooks->ctx, STDIN_FILENO)) {
      input.n = 0;
      return LINE_CANCELLED;
    }
    if (!more()) {
      if (input.n == 0) return LINE_EOF;
      *text = take(input.n, input.n);
      return *text ? LINE_TEXT : LINE_EOF;
    }
  }
}

static enum line_end plain_read(const char *prompt, char **text) {
  fputs(prompt, stdout);
  fflush(stdout);
  typing = prompt;
  enum line_end end = next_line(text);
  typing = NULL;
  if (end != LINE_TEXT) {
    putchar('\n');
    fflush(stdout);
  }
  return end;
}

static void plain_remember(const char *entry) {
  (void)entry;
}

static void plain_print_above(const char *text, size_t n) {
  if (typing) putchar('\n');
  fwrite(text, 1, n, stdout);
  if (n > 0 && text[n - 1] != '\n') putchar('\n');
  if (typing) fputs(typing, stdout);
  fflush(stdout);
}

const struct line_reader line_plain = {plain_open, plain_read, plain_remember, plain_print_above, plain_close};
