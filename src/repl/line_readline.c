/* GNU readline behind the few functions of line.h.
**
** It runs in callback mode: it is called when the terminal has a byte, never waits itself, so pools work on while a person
** types. The terminal is in readline's mode only while a line is read; a signal that ends or stops the process
** meanwhile gives it back first. Ctrl-C comes through hooks->wait; readline's own signal handling is off. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "repl/line.h"

/* as many entries are kept; the file is cut when it has grown by another quarter */
#define HISTORY_MOST 4000

static const struct line_hooks *hooks;
static const char *history_path;
static char *result;
static int reading, finished;

/* ---- the terminal and signals ---- */

static struct termios cooked;
static pid_t owner;
static struct sigaction stop_before; /* what SIGTSTP does while no line is read */
static const int ending[] = {SIGTERM, SIGHUP, SIGQUIT};

static void give_terminal_back(void) {
  static const char no_bracketed_paste[] = "\033[?2004l\r\n";
  tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
  (void)!write(STDOUT_FILENO, no_bracketed_paste, sizeof no_bracketed_paste - 1);
}

/* a forked worker that was not told otherwise has the handlers, but not the terminal */
static void on_ending(int sig) {
  if (getpid() == owner) give_terminal_back();
  signal(sig, SIG_DFL);
  raise(sig);
}

static void on_stop(int sig) {
  static const char bracketed_paste[] = "\033[?2004h";
  struct termios raw;
  struct sigaction ours;
  sigset_t set;
  if (getpid() != owner) return;
  tcgetattr(STDIN_FILENO, &raw);
  give_terminal_back();
  sigaction(sig, &stop_before, &ours);
  sigemptyset(&set);
  sigaddset(&set, sig);
  raise(sig);
  sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
  sigaction(sig, &ours, NULL);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  (void)!write(STDOUT_FILENO, bracketed_paste, sizeof bracketed_paste - 1);
  (void)!write(STDOUT_FILENO, rl_display_prompt, strlen(rl_display_prompt));
  (void)!write(STDOUT_FILENO, rl_line_buffer, strlen(rl_line_buffer));
}

static void guard_terminal(void) {
  struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) signal(ending[i], on_ending);
  sigaction(SIGTSTP, &stop, &stop_before);
}

static void unguard_terminal(void) {
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) signal(ending[i], SIG_DFL);
  sigaction(SIGTSTP, &stop_before, NULL);
}

/* ---- completion ---- */

static char **complete(const char *word, int start, int end) {
  (void)end;
  char **found = hooks->complete(hooks->ctx, word, rl_line_buffer, (size_t)start);
  size_t n = 0;
  rl_attempted_completion_over = 1;      /* no file names where a name of Lua is expected */
  rl_completion_append_character = '\0'; /* readline forgets it each time */
  while (found && found[n]) n++;
  char **matches = n ? malloc((n + 2) * sizeof *matches) : NULL;
  if (matches) { /* readline wants the common beginning first */
    size_t common = strlen(found[0]);
    for (size_t i = 1; i < n; i++) {
      size_t k = 0;
      while (k < common && found[i][k] == found[0][k]) k++;
      common = k;
    }
    matches[0] = strndup(found[0], common);
    memcpy(matches + 1, found, (n + 1) * sizeof *matches);
    if (n == 1) {
      free(matches[1]);
      matches[1] = NULL;
    }
  }
  free(found);
  return matches;
}

/* ---- history ---- */

static void load_history(void) {
  history_comment_char = '#'; /* time stamps keep blocks of several lines together */
  history_write_timestamps = 1;
  using_history();
  if (!history_path) return;
  read_history(history_path);
  int grown = history_length > HISTORY_MOST + HISTORY_MOST / 4;
  stifle_history(HISTORY_MOST);
  if (grown) write_history(history_path);
}

static void readline_remember(const char *entry) {
  HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
  if (!*entry || (last && strcmp(last->line, entry) == 0)) return;
  add_history(entry);
  if (history_path) append_history(1, history_path); /* at once: another prompt, or a crash, may come first */
}

/* ---- lines ---- */

static void readline_open(const struct line_hooks *h, const char *history) {
  hooks = h;
  history_path = history;
  owner = getpid();
  tcgetattr(STDIN_FILENO, &cooked);
  rl_readline_name = "papy";
  rl_instream = stdin;
  rl_outstream = stdout;
  rl_catch_signals = 0;
  rl_persistent_signal_handlers = 1; /* the size of the window may change between two keys */
  rl_change_environment = 0;
  rl_basic_word_break_characters = " \t\n\"\\'`@$><=;|&{(}[])+-*/%^~#,";
  rl_attempted_completion_function = complete;
  load_history();
  rl_initialize();
}

static void on_line(char *line) {
  rl_callback_handler_remove();
  result = line;
  finished = 1;
}

static void cancel(void) {
  rl_callback_sigcleanup(); /* leaves a search or an argument under way */
  rl_point = rl_end;
  rl_redisplay();
  fputs("^C", rl_outstream);
  rl_free_line_state();
  rl_callback_handler_remove();
  fputc('\n', rl_outstream);
  fflush(rl_outstream);
}

/* Ctrl-D leaves the cursor behind the prompt, unless readline has ended the line with the bracketed paste. */
static void end_prompt_line(void) {
  const char *paste = rl_variable_value("enable-bracketed-paste");
  if (!paste || strcmp(paste, "on") != 0) fputc('\n', rl_outstream);
  fflush(rl_outstream);
}

static enum line_end read_keys(void) {
  while (!finished) {
    if (!hooks->wait(hooks->ctx, STDIN_FILENO)) {
      cancel();
      return LINE_CANCELLED;
    }
    rl_callback_read_char();
  }
  return result ? LINE_TEXT : LINE_EOF;
}

static enum line_end readline_read(const char *prompt, char **text) {
  finished = 0;
  reading = 1;
  guard_terminal();
  rl_callback_handler_install(prompt, on_line);
  enum line_end end = read_keys();
  unguard_terminal();
  reading = 0;
  *text = end == LINE_TEXT ? result : NULL;
  if (end == LINE_EOF) end_prompt_line();
  return end;
}

static void readline_print_above(const char *text, size_t n) {
  if (reading) rl_clear_visible_line();
  fwrite(text, 1, n, rl_outstream);
  if (n > 0 && text[n - 1] != '\n') fputc('\n', rl_outstream);
  fflush(rl_outstream);
  if (!reading) return;
  rl_on_new_line();
  rl_redisplay();
}

static void readline_close(void) {
  clear_history();
}

const struct line_reader line_readline = {readline_open, readline_read, readline_remember, readline_print_above,
                                          readline_close};
