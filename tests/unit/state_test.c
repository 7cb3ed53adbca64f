/* The constructor of states when memory is short: it gives up without a leak, whichever allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/call.h"
#include "host/state.h"

struct memory {
  long left;  /* allocations that still succeed */
  long alive; /* blocks in use, apart from the bare state's */
};

static void *alloc(void *ud, void *p, size_t old, size_t n) {
  struct memory *m = ud;
  (void)old;
  if (n == 0) {
    m->alive -= p != NULL;
    free(p);
    return NULL;
  }
  if (m->left <= 0 && (!p || n > old)) return NULL;
  m->left -= !p || n > old;
  void *q = realloc(p, n);
  m->alive += q && !p;
  return q;
}

static void test_state_survives_any_failing_allocation(void **unused) {
  (void)unused;
  lua_State *L = NULL;
  for (long n = 0; !L && n < 1000000; n += 1 + n / 64) { /* each of the first, then fewer and fewer */
    struct memory m = {.left = n};
    L = state_new_in(alloc, &m);
    if (!L) continue;
    m.left = 1 << 30;
    lua_close(L);
    assert_true(n > 100);
  }
  assert_non_null(L); /* with memory, it works */
}

static void test_state_owns_its_loop(void **unused) {
  (void)unused;
  lua_State *a = state_new(), *b = state_new();
  assert_non_null(a);
  assert_non_null(b);
  assert_ptr_not_equal(state_loop(a), state_loop(b));
  lua_close(a);
  lua_close(b);
}

static void test_call_adds_a_traceback(void **unused) {
  (void)unused;
  lua_State *L = state_new();
  assert_int_equal(luaL_loadstring(L, "local x = ... error('bad ' .. x, 0)"), LUA_OK);
  lua_pushliteral(L, "day");
  assert_int_equal(call_run(L, 1, 0), CALL_FAILED);
  assert_int_equal(lua_gettop(L), 1);
  assert_memory_equal(lua_tostring(L, 1), "bad day\nstack traceback:", 24);
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_state_survives_any_failing_allocation),
      cmocka_unit_test(test_state_owns_its_loop),
      cmocka_unit_test(test_call_adds_a_traceback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
