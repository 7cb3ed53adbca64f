#include "host/script.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bindings/bindings.h"
#include "host/call.h"
#include "host/modules.h"
#include "host/options.h"
#include "host/state.h"
#include "host/suspend.h"
#include "host/texts.h"

struct run {
  const struct options *o;
  prompt_fn prompt;
  enum call_end end;
  int status; /* of a run that was done */
};

/* `arg` as in lua: the script is 0, what stands before it has negative indices */
static void set_arg(lua_State *L, const struct options *o) {
  int script = o->script < o->argc ? o->script : 0;
  lua_createtable(L, o->argc - script, script + 1);
  for (int i = 0; i < o->argc; i++) {
    lua_pushstring(L, o->argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Run the chunk on top of the stack, or report why there is none. */
static enum call_end run_chunk(lua_State *L, int load_status, int nargs) {
  enum call_end end = load_status == LUA_OK ? call_run(L, nargs, 0) : CALL_FAILED;
  if (end != CALL_DONE) call_report(L, "papy");
  return end;
}

/* Load text that no file holds, and keep it. */
static int load_text(lua_State *L, const char *text, size_t n, const char *name) {
  bindings_keep_text(L, name, text, n);
  return luaL_loadbuffer(L, text, n, name);
}

static enum call_end run_code(lua_State *L, const struct options *o) {
  enum call_end end = CALL_DONE;
  int i = o->first_option;
  const char *code;
  for (int n = 1; end == CALL_DONE && (code = options_next_code(o, &i)); n++) {
    char name[40];
    snprintf(name, sizeof name, n == 1 ? "=(command line)" : "=(command line %d)", n);
    end = run_chunk(L, load_text(L, code, strlen(code), name), 0);
  }
  return end;
}

static int load_stdin(lua_State *L) {
  luaL_Buffer b;
  size_t n;
  luaL_buffinit(L, &b);
  while ((n = fread(luaL_prepbuffer(&b), 1, LUAL_BUFFERSIZE, stdin)) > 0) luaL_addsize(&b, n);
  luaL_pushresult(&b);
  if (ferror(stdin)) {
    lua_pushfstring(L, "cannot read stdin: %s", strerror(errno));
    return LUA_ERRFILE;
  }
  const char *text = lua_tolstring(L, -1, &n);
  size_t skip = *text == '#' ? strcspn(text, "\n") : 0; /* a first line for the system */
  int status = load_text(L, text + skip, n - skip, "=stdin");
  lua_remove(L, -2);
  return status;
}

/* path: NULL for stdin */
static enum call_end run_file(lua_State *L, const char *path, char **args, int nargs) {
  if (path) texts_keep_file(L, path);
  int status = path ? luaL_loadfile(L, path) : load_stdin(L);
  if (status == LUA_OK) {
    luaL_checkstack(L, nargs, "too many arguments to script");
    for (int i = 0; i < nargs; i++) lua_pushstring(L, args[i]);
  }
  return run_chunk(L, status, nargs);
}

static int has_script(const struct options *o) {
  return o->script < o->argc;
}

static enum call_end run_script(lua_State *L, const struct options *o) {
  const char *path = o->argv[o->script];
  char **args = o->argv + o->script + 1;
  return run_file(L, strcmp(path, "-") == 0 ? NULL : path, args, o->argc - o->script - 1);
}

static void set_option(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* -q and -n: lua/shell.lua does the work and says the exit status */
static enum call_end run_shell(lua_State *L, const struct options *o, int *status) {
  modules_require(L, "papy.shell");
  lua_createtable(L, o->argc - o->script, 5);
  set_option(L, "query", o->query);
  set_option(L, "body", o->body);
  set_option(L, "at_end", o->at_end);
  set_option(L, "fields", o->fields);
  lua_pushboolean(L, o->json);
  lua_setfield(L, -2, "json");
  for (int i = o->script; i < o->argc; i++) {
    lua_pushstring(L, o->argv[i]);
    lua_rawseti(L, -2, i - o->script + 1);
  }
  enum call_end end = call_run(L, 1, 1);
  if (end == CALL_DONE) *status = (int)lua_tointeger(L, -1);
  else call_report(L, "papy");
  return end;
}

/* Everything that may raise, under one protected call. */
static int run(lua_State *L) {
  struct run *r = lua_touserdata(L, 1);
  const struct options *o = r->o;
  if (o->query || o->body) {
    set_arg(L, o);
    r->end = run_code(L, o);
    if (r->end == CALL_DONE) r->end = run_shell(L, o, &r->status);
    return 0;
  }
  int nothing_to_run = !o->has_code && !has_script(o);
  int prompt = o->prompt || (nothing_to_run && isatty(STDIN_FILENO));
  set_arg(L, o);
  r->end = run_code(L, o);
  if (r->end == CALL_DONE && has_script(o)) r->end = run_script(L, o);
  if (r->end == CALL_DONE && nothing_to_run && !prompt) r->end = run_file(L, NULL, NULL, 0);
  if (!prompt) return 0;
  r->end = CALL_DONE; /* whatever happened is on the screen, and can be looked into at the prompt */
  r->prompt(L);
  return 0;
}

static void die_of_interrupt(void) {
  signal(SIGINT, SIG_DFL);
  raise(SIGINT);
}

/* What a full disk swallowed is a failure of the run, even when the script did not ask. */
static int output_is_written(void) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return 1;
  fprintf(stderr, "papy: cannot write to stdout%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
  return 0;
}

static int execute(const struct options *o, prompt_fn prompt) {
  struct state_config config = {
      .script = has_script(o) && strcmp(o->argv[o->script], "-") != 0 ? o->argv[o->script] : NULL,
      .lua_dir = o->lua_dir,
      .no_environment = o->no_environment,
  };
  struct run r = {.o = o, .prompt = prompt, .end = CALL_FAILED};
  state_configure(&config);
  lua_State *L = state_new();
  if (!L) return 1;
  suspend_with(state_loop(L));
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, &r);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    call_report(L, "papy");
    r.end = CALL_FAILED;
  }
  suspend_with(NULL);
  lua_close(L); /* stops the pools */
  int written = output_is_written();
  if (r.end == CALL_INTERRUPTED) die_of_interrupt();
  if (r.end == CALL_DONE && written) return r.status;
  return o->query || o->body ? 2 : 1; /* as grep's */
}

/* lua/papy.lua knows the version */
static int print_version(void) {
  static char *argv[] = {"papy", "-E", "-e", "print(('papy %s (%s)'):format(papy.version, _VERSION))", NULL};
  return script_main(4, argv, NULL);
}

int script_main(int argc, char **argv, prompt_fn prompt) {
  struct options o;
  switch (options_parse(&o, argc, argv)) {
    case OPTIONS_RUN: return execute(&o, prompt);
    case OPTIONS_VERSION: return print_version();
    case OPTIONS_HELP: fputs(options_usage, stdout); return output_is_written() ? 0 : 1;
    case OPTIONS_WRONG: fprintf(stderr, "papy: %s\n%s", o.wrong, options_usage); break;
  }
  return 2;
}
