/* idle: waiting for a person while the pools of a state work on. */
#ifndef PAPY_HOST_IDLE_H
#define PAPY_HOST_IDLE_H

#include <lua.h>
#include <stddef.h>

enum idle_end {
  IDLE_INPUT,    /* the descriptor is readable */
  IDLE_INTERRUPT /* Ctrl-C */
};

/* Between the two, SIGINT ends idle_wait instead of the process, and whole lines that workers print go to `print`. */
void idle_start(lua_State *L, void (*print)(const char *text, size_t n));
void idle_stop(void);
/* Let the pools of L work until fd is readable or Ctrl-C comes. Never raises. After Ctrl-C had to end an input that did not return,
** the pools do not work on before idle_go_on. */
enum idle_end idle_wait(lua_State *L, int fd);
void idle_go_on(void);

#endif
