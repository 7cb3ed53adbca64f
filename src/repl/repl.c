/* The prompt in one loop: read a line, see whether the block it belongs to is complete, run it, show its values.
** What a complete block is and how values look is said in lua/repl.lua. */
#include "repl/repl.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/call.h"
#include "host/idle.h"
#include "host/modules.h"
#include "repl/history.h"
#include "repl/line.h"

static const struct line_reader *reader; /* repl_print_above has nothing to hang it on */

struct session {
  lua_State *L;
  int module; /* stack index of papy.repl */
  int block;  /* stack index of the lines so far; an empty string between blocks */
};

/* ---- what the reader asks ---- */

static int wait(void *ctx, int fd) {
  struct session *s = ctx;
  return idle_wait(s->L, fd) == IDLE_INPUT;
}

struct completion {
  const char *word, *line;
  size_t n; /* of the line, before the word */
  char **found;
};

static int complete_protected(lua_State *L) {
  struct completion *c = lua_touserdata(L, 1);
  modules_require(L, "papy.complete");
  lua_pushstring(L, c->word);
  lua_pushvalue(L, lua_upvalueindex(1)); /* the lines of the block before this one */
  lua_pushliteral(L, "\n");
  lua_pushlstring(L, c->line, c->n);
  lua_concat(L, 3);
  lua_call(L, 2, 1);
  size_t n = lua_rawlen(L, -1);
  c->found = calloc(n + 1, sizeof *c->found);
  for (size_t i = 0; c->found && i < n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    c->found[i] = strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
    if (!c->found[i]) break;
  }
  return 0;
}

/* A failing completion completes nothing: no error may pass through the reader. */
static char **complete(void *ctx, const char *word, const char *line, size_t n) {
  struct session *s = ctx;
  struct completion c = {word, line, n, NULL};
  lua_pushvalue(s->L, s->block);
  lua_pushcclosure(s->L, complete_protected, 1);
  lua_pushlightuserdata(s->L, &c);
  if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) lua_pop(s->L, 1);
  return c.found;
}

/* ---- blocks ---- */

static int block_is_empty(struct session *s) {
  return lua_rawlen(s->L, s->block) == 0;
}

static void clear_block(struct session *s) {
  lua_pushliteral(s->L, "");
  lua_replace(s->L, s->block);
}

static void add_line(struct session *s, char *line) {
  lua_State *L = s->L;
  if (block_is_empty(s)) lua_pushstring(L, line);
  else lua_pushfstring(L, "%s\n%s", lua_tostring(L, s->block), line);
  free(line);
  lua_replace(L, s->block);
}

/* papy.repl.load(block, final, pasted): an array of pieces to run one after the other; nil when more lines are needed;
** false and a message when no line could help */
static int load_block(struct session *s, int final, int pasted) {
  lua_State *L = s->L;
  lua_getfield(L, s->module, "load");
  lua_pushvalue(L, s->block);
  lua_pushboolean(L, final);
  lua_pushboolean(L, pasted);
  if (call_run(L, 3, 2) != CALL_DONE || lua_isboolean(L, -2)) {
    call_report(L, NULL);
    return 0;
  }
  lua_pop(L, 1);
  return lua_istable(L, -1);
}

static enum call_end show(struct session *s, int nvalues) {
  if (!lua_checkstack(s->L, LUA_MINSTACK)) {
    lua_pushliteral(s->L, "too many results to show");
    return CALL_FAILED;
  }
  lua_getfield(s->L, s->module, "show");
  lua_insert(s->L, -nvalues - 1);
  return call_run(s->L, nvalues, 0);
}

/* run the piece on top of the stack, show its values */
static enum call_end run_piece(struct session *s) {
  lua_State *L = s->L;
  int piece = lua_gettop(L);
  lua_getfield(L, piece, "skip");
  int skip = (int)lua_tointeger(L, -1);
  lua_getfield(L, piece, "run");
  enum call_end end = call_run(L, 0, LUA_MULTRET);
  return end == CALL_DONE ? show(s, lua_gettop(L) - piece - 1 - skip) : end;
}

/* Run the pieces of the array on top of the stack up to the first that fails. */
static void run_pieces(struct session *s) {
  lua_State *L = s->L;
  int pieces = lua_gettop(L);
  for (lua_Integer i = 1; lua_geti(L, pieces, i) == LUA_TTABLE; i++) {
    enum call_end end = run_piece(s);
    if (end == CALL_DONE) continue;
    if (end == CALL_INTERRUPTED) clearerr(stdout); /* a write that was broken off is no failure of the session */
    call_report(L, NULL);
    break;
  }
}

/* The block is as it is: final when the input has ended, and nothing can complete it. */
static void take_block(struct session *s, int final, int pasted) {
  lua_State *L = s->L;
  int top = lua_gettop(L);
  int loaded = load_block(s, final, pasted);
  if (!loaded && lua_gettop(L) > top && lua_isnil(L, -1)) { /* unfinished */
    lua_settop(L, top);
    return;
  }
  reader->remember(lua_tostring(L, s->block));
  if (loaded) run_pieces(s);
  lua_settop(L, top);
  clear_block(s);
  fflush(stdout);
}

/* ---- the loop ---- */

static void read_blocks(struct session *s) {
  for (;;) {
    char *line = NULL;
    switch (reader->read(block_is_empty(s) ? "papy> " : "    > ", &line)) {
      case LINE_TEXT: {
        int pasted = strchr(line, '\n') != NULL;
        add_line(s, line);
        take_block(s, 0, pasted);
        idle_go_on();
        break;
      }
      case LINE_CANCELLED: clear_block(s); break;
      case LINE_EOF:
        if (block_is_empty(s)) return;
        take_block(s, 1, 1);
        break;
    }
  }
}

static const struct line_reader *choose_reader(void) {
#ifdef PAPY_READLINE
  const char *term = getenv("TERM");
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0)
    return &line_readline;
#endif
  return &line_plain;
}

void repl_print_above(const char *text, size_t n) {
  if (reader) {
    reader->print_above(text, n);
  } else {
    fwrite(text, 1, n, stdout);
    fflush(stdout);
  }
}

void repl_run(lua_State *L) {
  char path[PATH_MAX];
  struct session s = {.L = L};
  struct line_hooks hooks = {wait, complete, &s};
  modules_require(L, "papy.repl");
  s.module = lua_gettop(L);
  lua_pushliteral(L, "");
  s.block = lua_gettop(L);
  reader = choose_reader();
  reader->open(&hooks, history_file(path, sizeof path));
  idle_start(L, repl_print_above);
  call_set_patience(3);
  read_blocks(&s);
  idle_stop();
  reader->close();
  reader = NULL;
}
