/* How Ctrl-C reaches what runs: the signal handler may touch nothing of a running Lua state but its hook, so it sets
** one that raises at the next instruction, and it wakes the loop in case the state sleeps there. Whoever is first takes the
** interrupt out of the loop; so it is raised once, and a press that finds it still there knows that nobody answers.
**
** What is raised may be caught, in a loop around pcall for ever. Whoever presses again soon after, or at the prompt for the third
** time, means it: then the hook stays and raises at every instruction until the call is left. */
#include "host/call.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "host/state.h"
#include "runtime/loop.h"

/* who presses Ctrl-C again within this time is not content with what the first press has done */
#define AGAIN_NS (3 * NS_PER_S)

static const char interrupted[] = "interrupted!";

/* what the handler needs of the call under way */
static struct {
  lua_State *L;
  struct loop *loop;
} running;
/* the innermost coroutine that runs in this thread; NULL: the main one of its state */
static __thread lua_State *volatile coroutine;
static volatile sig_atomic_t unanswered; /* presses */
static volatile sig_atomic_t signalled; /* presses during this call */
static volatile sig_atomic_t insists;
static volatile int64_t pressed; /* when, last */
static int patience = 2;

static void on_interrupt(int sig);
static const struct sigaction catch = {.sa_handler = on_interrupt}; /* no SA_RESTART: a blocked read ends, too */

void call_set_patience(int n) {
  patience = n;
}

/* Only in Lua code: papy's C calls its own C functions under protection (to encode an item, say), and an interrupt there would
** be taken for theirs. A wait in C is ended by the loop, which leaves nothing to raise here. */
static void raise_interrupted(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  if (*ar->what == 'C') return;
  bool wanted = loop_uninterrupt(state_loop(L)) || insists;
  if (!insists) lua_sethook(L, NULL, 0, 0);
  if (signalled) sigaction(SIGINT, &catch, NULL); /* it was answered: the next one is no reason to die */
  if (!wanted) return;
  lua_pushstring(L, interrupted);
  lua_error(L);
}

void call_break(lua_State *L) {
  if (coroutine) L = coroutine;
  lua_sethook(L, raise_interrupted, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void call_unbreak(lua_State *L) {
  if (lua_gethook(L) == raise_interrupted) lua_sethook(L, NULL, 0, 0);
}

lua_State *call_enter(lua_State *co) {
  lua_State *before = coroutine;
  coroutine = co;
  return before;
}

/* an interrupt that came too late for the coroutine is for whoever resumed it */
void call_leave(lua_State *co, lua_State *before) {
  coroutine = before;
  if (lua_gethook(co) != raise_interrupted) return;
  lua_sethook(co, NULL, 0, 0);
  call_break(running.L);
}

static void on_interrupt(int sig) {
  static const char stuck[] = "\npapy: busy in a C function; interrupt once more to end papy\n";
  int64_t now = clock_ns();
  unanswered = loop_interrupted(running.loop) ? unanswered + 1 : 1;
  signalled++;
  if (signalled > 1 && now - pressed < AGAIN_NS) insists = 1;
  if (signalled > 2 && patience > 2) insists = 1;
  pressed = now;
  if (unanswered >= patience - 1) signal(sig, SIG_DFL);
  if (unanswered == 2) (void)!write(STDERR_FILENO, stuck, sizeof stuck - 1);
  call_break(running.L);
  loop_interrupt(running.loop);
}

static bool is_papy_error(lua_State *L, int arg) {
  if (!lua_getmetatable(L, arg)) return false;
  luaL_getmetatable(L, "papy.Error");
  bool yes = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return yes;
}

/* the message of any error value, with the traceback of where it was raised */
static int add_traceback(lua_State *L) {
  const char *message = lua_tostring(L, 1);
  if (!message) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) message = lua_tostring(L, -1);
    else message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  ltraceback(L, message, 1, is_papy_error(L, 1));
  if (lua_type(L, 1) == LUA_TTABLE) { /* an item's error knows where it was raised in the worker */
    lua_pushliteral(L, "index");
    int item = lua_rawget(L, 1) != LUA_TNIL;
    lua_pushliteral(L, "traceback");
    if (lua_rawget(L, 1) == LUA_TSTRING && item) {
      lua_pushfstring(L, "%s\nin the worker, %s", lua_tostring(L, -3), lua_tostring(L, -1));
      return 1;
    }
    lua_pop(L, 2);
  }
  return 1;
}

/* an error that took the place of a caught interrupt is an ordinary one */
static enum call_end judge(lua_State *L, int status, bool pressed_once) {
  if (status == LUA_OK) return CALL_DONE;
  const char *message = lua_tostring(L, -1);
  return pressed_once && message && strstr(message, interrupted) ? CALL_INTERRUPTED : CALL_FAILED;
}

enum call_end call_run(lua_State *L, int nargs, int nresults) {
  struct sigaction before;
  int function = lua_gettop(L) - nargs;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, function);
  running.L = L;
  running.loop = state_loop(L);
  unanswered = signalled = insists = 0;
  sigaction(SIGINT, &catch, &before);
  if (before.sa_handler == SIG_IGN) sigaction(SIGINT, &before, NULL); /* in the background of a script, say */
  int status = lua_pcall(L, nargs, nresults, function);
  sigaction(SIGINT, &before, NULL);
  bool pressed_once = signalled > 0;
  signalled = insists = 0;
  call_unbreak(L);
  if (pressed_once) loop_uninterrupt(running.loop);
  lua_remove(L, function);
  return judge(L, status, pressed_once);
}

void call_report(lua_State *L, const char *progname) {
  const char *message = lua_tostring(L, -1);
  fflush(stdout); /* what was printed before the error stands before it */
  if (progname) fprintf(stderr, "%s: ", progname);
  fprintf(stderr, "%s\n", message ? message : "(error without a message)");
  lua_pop(L, 1);
}
