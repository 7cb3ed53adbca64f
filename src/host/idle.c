/* A pool that works on while a person types may run the person's Lua: the inputs that it pulls. The first Ctrl-C is meant
** for the line being typed; only when that is not answered, because some input does not return, the second one breaks
** into the running Lua. */
#include "host/idle.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "bindings/bindings.h"
#include "host/call.h"
#include "host/state.h"
#include "runtime/loop.h"

/* for the signal handler */
static lua_State *idle_state;
static struct loop *idle_loop;
static volatile sig_atomic_t presses; /* not yet answered */
static struct sigaction before;

static void on_interrupt(int sig) {
  presses++;
  loop_interrupt(idle_loop);
  if (presses >= 2) call_break(idle_state);
  if (presses >= 3) signal(sig, SIG_DFL);
}

static int turn(lua_State *L) {
  int moves = bindings_turn(L);
  call_unbreak(L);
  return moves;
}

void idle_start(lua_State *L, void (*print)(const char *text, size_t n)) {
  if (bindings_capture(L, print) != 0) perror("papy: workers print where they like");
  struct sigaction act = {.sa_handler = on_interrupt};
  idle_state = L;
  idle_loop = state_loop(L);
  sigaction(SIGINT, &act, &before);
}

void idle_stop(void) {
  bindings_release(idle_state);
  sigaction(SIGINT, &before, NULL);
}

enum idle_end idle_wait(lua_State *L, int fd) {
  struct loop *loop = idle_loop;
  enum loop_news news;
  loop_watch(loop, fd);
  int moves = turn(L); /* there may be work from before the wait */
  do {
    news = presses ? LOOP_INTERRUPT : loop_wait(loop, moves ? 0 : FOREVER);
    if (news == LOOP_MOVED || news == LOOP_TIME) moves = turn(L);
  } while (news != LOOP_INPUT && news != LOOP_INTERRUPT);
  presses = 0;
  loop_uninterrupt(loop); /* an input may have been broken in its place, and the line is given up all the same */
  loop_watch(loop, -1);
  return news == LOOP_INPUT ? IDLE_INPUT : IDLE_INTERRUPT;
}
