/* A pool that works on while a person types may run the person's Lua: the inputs that it pulls. The first Ctrl-C is meant
** for the line being typed; only when that is not answered, because some input does not return, the second one breaks
** into the running Lua. The next pull of that input would not return either, and nobody could ever type a line: so the pools
** rest until one has been typed. */
#include "host/idle.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

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
static bool resting;
static void (*say)(const char *text, size_t n);

static void on_interrupt(int sig) {
  presses++;
  loop_interrupt(idle_loop);
  if (presses >= 2) call_break(idle_state);
  if (presses >= 3) signal(sig, SIG_DFL);
}

static const struct sigaction catch = {.sa_handler = on_interrupt};

static int turn(lua_State *L) {
  int moves = bindings_turn(L);
  call_unbreak(L);
  return moves;
}

void idle_start(lua_State *L, void (*print)(const char *text, size_t n)) {
  if (bindings_capture(L, print) != 0) perror("papy: workers print where they like");
  say = print;
  idle_state = L;
  idle_loop = state_loop(L);
  sigaction(SIGINT, &catch, &before);
}

void idle_stop(void) {
  bindings_release(idle_state);
  sigaction(SIGINT, &before, NULL);
}

void idle_go_on(void) {
  resting = false;
}

static void rest(void) {
  static const char why[] = "papy: an input did not return; the pools rest until the next line\n";
  resting = true;
  say(why, sizeof why - 1);
}

/* no pool moves */
static enum loop_news wait_at_rest(int fd) {
  struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = loop_wake_fd(idle_loop), .events = POLLIN}};
  uint64_t count;
  while (!presses && !fds[0].revents)
    if (poll(fds, 2, -1) > 0 && fds[1].revents && read(fds[1].fd, &count, sizeof count) < 0) {
    } /* somebody else read it */
  return presses ? LOOP_INTERRUPT : LOOP_INPUT;
}

static enum loop_news wait_and_work(lua_State *L, int fd) {
  struct loop *loop = idle_loop;
  enum loop_news news;
  loop_watch(loop, fd);
  int moves = turn(L); /* there may be work from before the wait */
  do {
    news = presses ? LOOP_INTERRUPT : loop_wait(loop, moves ? 0 : FOREVER);
    if (news == LOOP_MOVED || news == LOOP_TIME) moves = turn(L);
  } while (news != LOOP_INPUT && news != LOOP_INTERRUPT);
  loop_watch(loop, -1);
  if (presses > 1) rest();
  return news;
}

enum idle_end idle_wait(lua_State *L, int fd) {
  enum loop_news news = resting ? wait_at_rest(fd) : wait_and_work(L, fd);
  if (presses > 2) sigaction(SIGINT, &catch, NULL); /* it was answered: the next one is no reason to die */
  presses = 0;
  loop_uninterrupt(idle_loop); /* an input may have been broken in its place, and the line is given up all the same */
  return news == LOOP_INPUT ? IDLE_INPUT : IDLE_INTERRUPT;
}
