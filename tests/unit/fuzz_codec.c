/* fuzz_codec: foreign bytes never harm the decoder.
**
** One claim, for any bytes: codec_decode_plain gives a value or raises a string, leaves the Lua stack as it was but for
** that, and takes no more memory than a small multiple of the bytes. If it gives a value, that value's own encoding
** decodes, and encodes to as many bytes again.
**
** With libFuzzer:     clang -fsanitize=fuzzer,address,undefined ... fuzz_codec.c
** Without (-DFUZZ_MAIN): fuzz_codec [rounds [seed]] mutates valid encodings with a generator of its own, so that a
** run is the same everywhere; a failure prints round, seed and bytes before it aborts. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/codec.h"

/* Room that a value may take for each byte of its encoding, and for any: an empty table takes 4 bytes and 56 of
** memory (64 under a heap's rounding), a slot for a pair 2 and 40; a list of references doubles while it grows. */
enum { PER_BYTE = 100, AT_LEAST = 1 << 14 };

struct memory {
  size_t in_use, most;
};

static void *watch(void *ud, void *p, size_t osize, size_t nsize) {
  struct memory *m = ud;
  if (!p) osize = 0;
  if (nsize == 0) {
    free(p);
    m->in_use -= osize;
    return NULL;
  }
  void *q = realloc(p, nsize);
  if (!q) return NULL;
  m->in_use += nsize - osize;
  if (m->in_use > m->most) m->most = m->in_use;
  return q;
}

struct bytes {
  const void *p;
  size_t n;
};

static int decode(lua_State *L) {
  struct bytes *in = lua_touserdata(L, 1);
  codec_decode_plain(L, in->p, in->n);
  return 1;
}

static int encode(lua_State *L) {
  codec_encode(L, 1, lua_touserdata(L, 2), "value");
  return 0;
}

static int box_unpack(lua_State *L) {
  luaL_checkany(L, 1);
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, "box");
  return 1;
}

static int box_pack(lua_State *L) {
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static const luaL_Reg box[] = {{"__pack", box_pack}, {"__unpack", box_unpack}, {NULL, NULL}};

/* A state with two classes: P of tables, B of userdata. */
static lua_State *new_state(struct memory *m) {
  lua_State *L = lua_newstate(watch, m);
  if (!L) abort();
  luaL_openlibs(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "P");
  codec_class(L, "P");
  luaL_newmetatable(L, "box");
  luaL_setfuncs(L, box, 0);
  codec_class(L, "B");
  lua_register(L, "box", box_unpack);
  return L;
}

static void claim(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "fuzz_codec: %s\n", what);
  abort();
}

/* Pops the value; its encoding stands in out. False when it cannot be encoded, which is then said. */
static int encoded(lua_State *L, struct buf *out) {
  out->n = 0;
  lua_pushcfunction(L, encode);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, out);
  int ok = lua_pcall(L, 2, 0, 0) == LUA_OK;
  if (!ok) {
    claim(lua_isstring(L, -1), "encoding raised no string");
    lua_pop(L, 1);
  }
  return ok;
}

static int decoded(lua_State *L, const void *p, size_t n) {
  struct bytes in = {p, n};
  lua_pushcfunction(L, decode);
  lua_pushlightuserdata(L, &in);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return 1;
  claim(lua_isstring(L, -1), "decoding raised no string");
  lua_pop(L, 1);
  return 0;
}

static lua_State *state;
static struct memory memory;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  static unsigned runs;
  if (!state) state = new_state(&memory);
  if (runs++ % 64 == 0) lua_gc(state, LUA_GCCOLLECT);
  size_t before = memory.most = memory.in_use;
  uint8_t *exact = malloc(n ? n : 1);  /* so that reading one byte too far is seen */
  if (!exact) abort();
  memcpy(exact, p, n);
  if (decoded(state, exact, n)) {
    claim(memory.most - before <= AT_LEAST + n * PER_BYTE, "decoding took too much memory");
    struct buf first, second;
    buf_heap(&first);
    buf_heap(&second);
    if (encoded(state, &first)) {
      claim(decoded(state, first.p, first.n), "an encoding did not decode");
      claim(encoded(state, &second), "a decoded value did not encode");
      claim(first.n <= second.n + n && second.n <= first.n + n, "a value changed its size");
    }
    buf_free(&first);
    buf_free(&second);
  } else {
    claim(memory.most - before <= AT_LEAST + n * PER_BYTE, "failing to decode took too much memory");
  }
  claim(lua_gettop(state) == 0, "the stack is not as it was");
  free(exact);
  return 0;
}

#ifdef FUZZ_MAIN

#include <signal.h>

static uint64_t seed;

static uint64_t next_random(void) { /* xorshift64*: small, and the same everywhere */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return seed * UINT64_C(2685821657736338717);
}

static size_t below(size_t n) { return n ? (size_t)(next_random() >> 11) % n : 0; }

/* Every tag is met by one of these. */
static const char *const values[] = {
    "nil", "true", "7", "-3", "-100", "1000", "100000", "1 << 40", "1.5", "'abc'", "('x'):rep(100)", "{}", "{1, 2, 3}",
    "{1, nil, 3, a = {b = {c = false}}, [2.5] = 'x'}", "(function() local t = {} t.t = t t[1] = {t} t[2] = t[1] return t end)()",
    "(function() local t = {} for i = 1, 40 do t[i] = {i} end for i = 1, 40 do t[i + 40] = t[i] end return t end)()",
    "box(1)", "(function() local b = box{1} return {b, b, box(b)} end)()", "print", "{string, _G}",
    "(function() local n = 0 return {function() n = n + 1 end, function() return n end} end)()",
    "setmetatable({1, x = 2}, P)"};

static const uint8_t tempting[] = {0x00, 0x01, 0x20, 0x7f, 0x80, 0xbf, 0xd0, 0xd3, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde,
                                   0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe6, 0xe7, 0xff};

static void mutate(struct buf *b) {
  switch (below(6)) {
    case 0: b->n = below(b->n + 1); break;  /* cut */
    case 1: if (b->n) b->p[below(b->n)] ^= (uint8_t)(1u << below(8)); break;
    case 2: if (b->n) b->p[below(b->n)] = tempting[below(sizeof tempting)]; break;
    case 3: if (b->n) b->p[below(b->n)] = (uint8_t)next_random(); break;
    case 4: {  /* repeat a piece at the end */
      size_t from = below(b->n), len = below(b->n - from < 64 ? b->n - from : 64);
      if (buf_more(b, len) != 0) abort();
      memcpy(b->p + b->n, b->p + from, len);
      b->n += len;
      break;
    }
    default: {  /* insert */
      size_t at = below(b->n + 1);
      if (buf_byte(b, 0) != 0) abort();
      memmove(b->p + at + 1, b->p + at, b->n - at - 1);
      b->p[at] = tempting[below(sizeof tempting)];
    }
  }
}

static void valid(lua_State *L, struct buf *b) {
  lua_pushfstring(L, "return %s", values[below(sizeof values / sizeof *values)]);
  if (luaL_dostring(L, lua_tostring(L, -1)) != LUA_OK) {
    fprintf(stderr, "fuzz_codec: %s\n", lua_tostring(L, -1));
    abort();
  }
  lua_remove(L, -2);
  if (!encoded(L, b)) abort();
}

static const struct buf *current;
static long current_round;

static void tell(int signal) {
  (void)signal;
  fprintf(stderr, "fuzz_codec: round %ld:", current_round);
  for (size_t i = 0; i < current->n; i++) fprintf(stderr, " %02x", current->p[i]);
  fprintf(stderr, "\n");
}

int main(int argc, char **argv) {
  long rounds = argc > 1 ? atol(argv[1]) : 200000;
  seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240601;
  if (seed == 0) seed = 1;
  signal(SIGABRT, tell);
  struct memory m = {0};
  lua_State *L = new_state(&m);
  struct buf b;
  buf_heap(&b);
  current = &b;
  for (current_round = 1; current_round <= rounds; current_round++) {
    valid(L, &b);
    for (size_t times = below(8); times > 0; times--) mutate(&b);
    LLVMFuzzerTestOneInput(b.p, b.n);
  }
  printf("fuzz_codec: %ld rounds\n", rounds);
  buf_free(&b);
  lua_close(L);
  lua_close(state);
  return 0;
}

#endif
