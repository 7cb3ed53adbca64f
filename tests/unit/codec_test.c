/* codec: what goes in comes out, what cannot go says where it is, and nothing in the bytes is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "bindings/bindings.h"
#include "codec/codec.h"

/* Helpers of every Lua snippet below. same(a, b) is equality of everything that travels: values with all their bits,
** keys, sharing and cycles, classes. */
static const char prelude[] =
    "enc, dec, class = codec.encode, codec.decode, codec.class\n"
    "function trip(v) return dec(enc(v)) end\n"
    "local function bits(v) return string.pack('n', v) end\n"
    "function same(a, b, pairs_of, back)\n"
    "  if math.type(a) ~= math.type(b) or type(a) ~= type(b) then return false end\n"
    "  if math.type(a) == 'float' then return bits(a) == bits(b) end\n"
    "  if type(a) ~= 'table' then return a == b end\n"
    "  pairs_of, back = pairs_of or {}, back or {}\n"
    "  if pairs_of[a] or back[b] then return pairs_of[a] == b and back[b] == a end\n"
    "  pairs_of[a], back[b] = b, a\n"
    "  if getmetatable(a) ~= getmetatable(b) then return false end\n"
    "  local n = 0\n"
    "  for k, v in next, a do n = n + 1; if not same(v, rawget(b, k), pairs_of, back) then return false end end\n"
    "  for k in next, b do n = n - 1 end\n"
    "  return n == 0\n"
    "end\n"
    "function refuses(v, message, what)\n"
    "  local ok, e = pcall(enc, v, what or 'item')\n"
    "  if ok then error('this was sent', 2) end\n"
    "  if e ~= message then error(e, 2) end\n"
    "end\n"
    "function spoilt(bytes, message)\n"
    "  local ok, e = pcall(dec, bytes)\n"
    "  if ok then error('this was decoded', 2) end\n"
    "  if not string.find(e, message, 1, true) then error(e, 2) end\n"
    "end\n";

static void load_helpers(lua_State *L) {
  luaL_openlibs(L);
  luaL_requiref(L, "codec", luaopen_papy_core_codec, 1);
  lua_pop(L, 1);
  if (luaL_dostring(L, prelude) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
}

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  load_helpers(L);
  return L;
}

static void run_in(lua_State *L, const char *code) {
  int top = lua_gettop(L);
  if (luaL_loadbuffer(L, code, strlen(code), "=test") != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK)
    fail_msg("%s", lua_tostring(L, -1));
  assert_int_equal(lua_gettop(L), top);
}

static void run(const char *code) {
  lua_State *L = new_state();
  run_in(L, code);
  lua_close(L);
}

/* {====== scalars ====== */

static void test_scalars_keep_all_their_bits(void **state) {
  (void)state;
  run("for _, v in ipairs{0, 1, 127, 128, 255, 256, -1, -16, -17, -128, -129, 32767, 32768, -32768, -32769, 65536,\n"
      "    2147483647, 2147483648, -2147483648, -2147483649, math.maxinteger, math.mininteger,\n"
      "    0.0, -0.0, 1.0, 1.5, 2^53, 1/0, -1/0, 0/0, -(0/0), 5e-324, 1.7976931348623157e308, true, false,\n"
      "    '', 'a', '\\0', '\\0\\255\\n', ('x'):rep(63), ('x'):rep(64), ('x'):rep(127), ('x'):rep(128)} do\n"
      "  assert(same(v, trip(v)), tostring(v))\n"
      "end\n"
      "assert(trip(nil) == nil)");
}

static void test_small_integers_take_one_byte_and_others_no_more_than_nine(void **state) {
  (void)state;
  run("assert(#enc(0) == 1 and #enc(127) == 1 and #enc(-16) == 1)\n"
      "assert(#enc(128) == 3 and #enc(-17) == 2 and #enc(32767) == 3 and #enc(40000) == 5)\n"
      "assert(#enc(math.mininteger) == 9 and #enc('abc') == 4)");
}

static void test_null_is_the_light_userdata_null(void **state) {
  (void)state;
  lua_State *L = new_state();
  lua_pushlightuserdata(L, NULL);
  lua_setglobal(L, "null");
  lua_pushlightuserdata(L, L);
  lua_setglobal(L, "other");
  run_in(L, "assert(trip(null) == null and trip{a = null}.a == null and trip{[null] = 1}[null] == 1)\n"
            "refuses({other}, 'cannot send item[1]: a light userdata')");
  lua_close(L);
}

static void test_long_strings_come_back_whole(void **state) {
  (void)state;
  run("local s = ('0123456789abcdef'):rep(65536); assert(trip(s) == s and #enc(s) == #s + 4)");
}

/* ====== } */

/* {====== tables ====== */

static void test_tables_keep_every_key_and_kind_of_number(void **state) {
  (void)state;
  run("for _, t in ipairs{{}, {1, 2, 3}, {a = 1}, {1, 2, x = 3}, {[1.5] = 1, [-0.0] = 2, [2^53] = 3}, {[true] = 1, [false] = 2},\n"
      "    {[math.maxinteger] = 1, [math.mininteger] = 2, [0] = 3, [-1] = 4}, {1.0, 2, 3.0}, {0/0, -0.0},\n"
      "    {['1'] = 'string', [1] = 'integer'}, {{{}}, {}}, {[{}] = nil, {}}} do assert(same(t, trip(t))) end\n"
      "local r = trip{[{1}] = 'table key'}; local k, v = next(r); assert(k[1] == 1 and v == 'table key')");
}

static void test_tables_with_holes_come_back_exactly(void **state) {
  (void)state;
  run("local t = {1, nil, 3}; assert(same(t, trip(t)))\n"
      "t = {nil, nil, 3}; assert(same(t, trip(t)))\n"
      "t = {}; for i = 1, 100 do t[i] = i end; for i = 1, 100, 3 do t[i] = nil end; assert(same(t, trip(t)))\n"
      "t = {}; for i = 1, 1000 do t[i] = i end; for i = 2, 999 do t[i] = nil end; assert(same(t, trip(t)))\n"
      "t = {}; for i = 0, 62 do t[1 << i] = i end; assert(same(t, trip(t)))\n"  /* a border of 2^62 */
      "t = {}; for i = 10, 1, -1 do t[i] = i end; assert(same(t, trip(t)) and #trip(t) == 10)\n"
      "t = table.pack(nil, 2, nil, nil, 5, nil); assert(same(t, trip(t)))");
}

static void test_shared_references_and_cycles_are_kept(void **state) {
  (void)state;
  run("local t = {}; t.self = t; t[t] = t; local r = trip(t); assert(r.self == r and r[r] == r)\n"
      "local a = {}; r = trip{a, a, {a}}; assert(r[1] == r[2] and r[3][1] == r[1] and r[1] ~= r[3])\n"
      "r = trip{{}, {}}; assert(r[1] ~= r[2])\n"
      "local many = {}; for i = 1, 200 do many[i] = {i} end; for i = 1, 200 do many[i + 200] = many[i] end\n"
      "assert(same(many, trip(many)))");
}

static void test_deep_nesting_travels_up_to_a_limit_with_a_name(void **state) {
  (void)state;
  lua_State *L = new_state();
  lua_pushinteger(L, CODEC_DEPTH);
  lua_setglobal(L, "DEPTH");
  run_in(L, "local function nest(n) local t = {}; for i = 2, n do t = {t} end; return t end\n"
            "assert(same(nest(50), trip(nest(50)))); trip(nest(DEPTH))\n"
            "local ok, e = pcall(enc, nest(DEPTH + 1), 'item')\n"
            "assert(not ok and e == 'cannot send item[1][1][1][1][1][1] ... [1][1][1][1][1][1]: nested deeper than ' .. DEPTH .. ' levels', e)\n"
            "ok, e = pcall(enc, nest(DEPTH * 100)); assert(not ok)\n"
            "spoilt(('\\xe0\\1\\0'):rep(DEPTH + 1), 'nested deeper')");
  lua_close(L);
}

static void test_tables_of_a_class_keep_it(void **state) {
  (void)state;
  run("local P = {__index = {len = function(p) return p.x end}}; class('Point', P); class('Point', P)\n"
      "local p = setmetatable({x = 3}, P); local r = trip{p, p, q = p}\n"
      "assert(r[1]:len() == 3 and r[1] == r[2] and r.q == r[1] and getmetatable(r[1]) == P)\n"
      "p.self = p; r = trip(p); assert(r.self == r and getmetatable(r) == P)");
}

static void test_no_metamethod_is_called(void **state) {
  (void)state;
  run("local function never() error 'called' end\n"
      "local M = {__index = never, __newindex = never, __pairs = never, __len = never, __eq = never, __metatable = false, __name = 'M'}\n"
      "class('M', M); local r = trip(setmetatable({1, 2, a = 'b'}, M)); assert(rawget(r, 'a') == 'b' and rawlen(r) == 2)");
}

static void test_names_and_metatables_of_classes_are_taken_once(void **state) {
  (void)state;
  run("local A, B = {}, {}; class('A', A)\n"
      "local ok, e = pcall(class, 'A', B); assert(not ok and e:find(\"class 'A' has another metatable already\"), e)\n"
      "ok, e = pcall(class, 'B', A); assert(not ok and e:find(\"this metatable is class 'A' already\"), e)\n"
      "class('B', B); assert(not pcall(class, 'C', 3))");
}

static void test_a_class_unknown_to_the_receiver_is_an_error_naming_it(void **state) {
  (void)state;
  lua_State *sender = new_state(), *receiver = new_state();
  struct buf b;
  buf_heap(&b);
  run_in(sender, "local P = {}; class('Point', P); item = setmetatable({}, P)");
  lua_getglobal(sender, "item");
  codec_encode(sender, -1, &b, "item");
  lua_pushlstring(receiver, (char *)b.p, b.n);
  lua_setglobal(receiver, "bytes");
  run_in(receiver, "spoilt(bytes, \"no class 'Point' is registered here\")");
  buf_free(&b);
  lua_close(sender);
  lua_close(receiver);
}

/* ====== } */

/* {====== userdata of a class ====== */

static int new_box(lua_State *L) {
  lua_newuserdatauv(L, 1, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, "box");
  return 1;
}

static int open_box(lua_State *L) {
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static lua_State *state_with_box(void) {
  lua_State *L = new_state();
  luaL_newmetatable(L, "box");
  lua_setglobal(L, "Box");
  lua_register(L, "box", new_box);
  lua_register(L, "unbox", open_box);
  return L;
}

static void test_userdata_travels_as_what_its_class_packs(void **state) {
  (void)state;
  lua_State *L = state_with_box();
  run_in(L, "Box.__pack = function(b) return {unbox(b)} end; Box.__unpack = function(t) return box(t[1]) end; class('box', Box)\n"
            "assert(unbox(trip(box(5))) == 5)\n"
            "local b, shared = box('x'), {}; local r = trip{b, b, {b}, box(box(1)), shared, box(shared)}\n"
            "assert(r[1] == r[2] and r[3][1] == r[1] and unbox(r[1]) == 'x' and unbox(unbox(r[4])) == 1 and unbox(r[6]) == r[5])\n"
            "local many = {}; for i = 1, 300 do many[i] = box(i) end; r = trip(many)\n"  /* packed values are garbage at once: */
            "for i = 1, 300 do assert(unbox(r[i]) == i) end");                          /* no address may be taken for another */
  lua_close(L);
}

static void test_userdata_errors_name_what_is_missing(void **state) {
  (void)state;
  lua_State *L = state_with_box();
  run_in(L, "refuses({b = box(1)}, 'cannot send item.b: a userdata (box)')\n"
            "class('box', Box); refuses({b = box(1)}, 'cannot send item.b: a userdata whose class has no __pack')\n"
            "Box.__pack = function() error('pack failed', 0) end; refuses(box(1), 'pack failed')\n"
            "Box.__pack = function(b) return {inner = coroutine.create(print)} end\n"
            "refuses({b = box(1)}, 'cannot send item.b.inner: a coroutine')\n"
            "local b = box(1); Box.__pack = function(b) return {b} end; assert(not pcall(enc, b))\n"
            "Box.__pack = function() return 1 end; spoilt(enc(box(1)), 'without __unpack')");
  lua_close(L);
}

/* ====== } */

/* {====== functions ====== */

static void test_functions_travel_with_their_upvalues(void **state) {
  (void)state;
  run("local k, t = 3, {4}; local f = trip(function(x) return x * k + t[1] end); assert(f(2) == 10)\n"
      "k = 100; assert(f(2) == 10)\n"
      "assert(trip(function(...) return select('#', ...), ... end)(nil, nil) == 2)\n"
      "local g = trip{run = function() return nil end}; assert(g.run() == nil)");
}

static void test_functions_of_one_value_share_their_variables(void **state) {
  (void)state;
  run("local n = 0; local r = trip{inc = function() n = n + 1 end, get = function() return n end}\n"
      "r.inc(); r.inc(); assert(r.get() == 2 and n == 0)\n"
      "local function f() n = n + 1; return n end; local function g() return f, n end\n"
      "r = trip{f, g}; r[1](); local f2, n2 = r[2](); assert(f2 == r[1] and n2 == 1)");
}

static void test_recursive_functions_find_themselves(void **state) {
  (void)state;
  run("local function fact(n) return n < 2 and 1 or n * fact(n - 1) end; assert(trip(fact)(10) == 3628800)\n"
      "local even, odd; function even(n) return n == 0 or odd(n - 1) end; function odd(n) return n ~= 0 and even(n - 1) end\n"
      "assert(trip(even)(10) and not trip(odd)(10))\n"
      "local t = {}; function t.me() return t end; local r = trip(t); assert(r.me() == r)");
}

static void test_functions_use_the_globals_of_the_receiver(void **state) {
  (void)state;
  lua_State *sender = new_state(), *receiver = new_state();
  struct buf b;
  buf_heap(&b);
  run_in(sender, "name = 'sender'; item = {function() return name, _G, _ENV end, _G, string}");
  run_in(receiver, "name = 'receiver'");
  lua_getglobal(sender, "item");
  codec_encode(sender, -1, &b, "item");
  codec_decode(receiver, b.p, b.n);
  lua_setglobal(receiver, "item");
  run_in(receiver, "local n, g, e = item[1](); assert(n == 'receiver' and g == _G and e == _G and item[2] == _G and item[3] == string)");
  buf_free(&b);
  lua_close(sender);
  lua_close(receiver);
}

static void test_tracebacks_of_shipped_functions_name_the_file(void **state) {
  (void)state;
  run("local f = load('local function inner() error(\"bad\") end return inner', '@job.lua')()\n"
      "local ok, e = pcall(trip(f)); assert(e == 'job.lua:1: bad', e)");
}

static void test_c_functions_and_modules_go_by_name(void **state) {
  (void)state;
  run("for _, f in ipairs{print, string.format, io.write, table.concat, coroutine.wrap, codec.encode, require} do assert(trip(f) == f) end\n"
      "for _, m in ipairs{string, math, io, codec, package} do assert(trip(m) == m) end\n"
      "local s = string; assert(trip(function() return s end)() == string)\n"
      "fmt = string.format; assert(enc(string.format):find('string', 1, true))\n"
      "refuses({f = string.gmatch('', '')}, 'cannot send item.f: a C function of no loaded module')");
}

static void test_modules_loaded_after_the_first_sending_are_found(void **state) {
  (void)state;
  run("assert(trip(print) == print)\n"
      "local deep = {sub = {at = string.gmatch('', '')}, co = coroutine.create(print)}; package.loaded.deep = deep\n"
      "assert(trip(deep.sub.at) == deep.sub.at and trip(deep) == deep)\n"
      "local lazy = setmetatable({}, {}); package.loaded.lazy = lazy; assert(trip(lazy) == lazy)\n"
      "package.loaded.out = io.stdout; assert(trip(io.stdout) == io.stdout)\n"
      "local data = {{1}, {2}}; package.loaded.data = data; assert(trip(data) ~= data and same(data, trip(data)))");
}

static void test_a_module_met_late_in_its_own_table_leaves_no_trace(void **state) {
  (void)state;
  run("local m = {}; for i = 1, 40 do m[i] = {i} end; m.shared = m[1]; m.f = function() end; package.loaded.m = m\n"
      "local r = trip{first = m, again = m, inner = m[40], twice = {m[40], m[40]}}\n"
      "assert(r.first == m and r.again == m and r.inner[1] == 40 and r.inner ~= m[40] and r.twice[1] == r.inner and r.twice[2] == r.inner)");
}

static void test_modules_are_required_where_they_are_not_loaded(void **state) {
  (void)state;
  run("local m = {f = function() return 1 end}; package.loaded.mine = m; local bytes = enc{m}\n"
      "package.loaded.mine = nil; package.preload.mine = function() return {f = function() return 2 end} end\n"
      "assert(dec(bytes)[1].f() == 2)\n"
      "package.loaded.mine, package.preload.mine = nil, nil; spoilt(bytes, \"module 'mine' not found\")\n"
      "package.loaded.mine = {f = string.gmatch('', '')}; bytes = enc(package.loaded.mine.f); package.loaded.mine = {}\n"
      "spoilt(bytes, \"module 'mine' has no C function 'f' here\")");
}

/* ====== } */

static void test_errors_name_the_path(void **state) {
  (void)state;
  run("local co, out = coroutine.create(print), io.stdout\n"
      "refuses(co, 'cannot send result: a coroutine', 'result')\n"
      "refuses({a = {1, 2, {f = co}}}, 'cannot send item.a[3].f: a coroutine')\n"
      "refuses({x = setmetatable({}, {})}, 'cannot send item.x: a table whose metatable is no registered class; see papy.class')\n"
      "refuses({['a b'] = {[1.5] = {[true] = {[-3] = out}}}}, 'cannot send item[\"a b\"][1.5][true][-3]: a file')\n"
      "refuses({['\\n\"'] = out}, 'cannot send item[\"\\\\10\\\\\"\"]: a file')\n"
      "refuses({[('k'):rep(99)] = out}, 'cannot send item[\"' .. ('k'):rep(40) .. '...\"]: a file')\n"
      "refuses({x = {[co] = 1}}, 'cannot send item.x[a thread as key]: a coroutine')\n"
      "refuses({x = {[{y = co}] = 1}}, 'cannot send item.x[a table as key].y: a coroutine')");
}

static void test_errors_name_the_upvalue_and_its_function(void **state) {
  (void)state;
  run("local cfg = {out = io.stdout}\n"
      "local function job() return cfg end\n"
      "local function outer() return job end\n"
      "refuses(job, \"cannot send upvalue 'cfg' of function at test:2: cfg.out is a file\")\n"
      "refuses({run = job}, \"cannot send item.run: upvalue 'cfg' of function at test:2: cfg.out is a file\")\n"
      "refuses(outer, \"cannot send upvalue 'job' of function at test:3: upvalue 'cfg' of function at test:2: cfg.out is a file\")\n"
      "local co = coroutine.create(print); local t = {go = function() return co end}\n"
      "refuses(function() return t end, \"cannot send upvalue 't' of function at test:8: t.go: upvalue 'co' of function at test:7: co is a coroutine\")");
}

/* {====== bytes ====== */

static void test_every_cut_of_an_encoding_is_an_error(void **state) {
  (void)state;
  run("local function f() return f end; local t = {1, -5, 1e5, 1e10 | 0, 1.5, 'abc', ('x'):rep(100), true, {a = {b = 1}}, f, print, string, _G, x = 'y'}\n"
      "t.self = t; local bytes = enc(t); dec(bytes)\n"
      "for i = 0, #bytes - 1 do local ok, e = pcall(dec, bytes:sub(1, i)); assert(not ok and type(e) == 'string') end\n"
      "spoilt(bytes .. '\\0', 'bytes follow the value'); spoilt('', 'cut short')");
}

static void test_lengths_are_not_believed(void **state) {
  (void)state;
  run("spoilt('\\xd9\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x7f', 'cut short')\n"
      "spoilt('\\xd9' .. ('\\xff'):rep(20), 'too long')\n"
      "spoilt('\\xe0\\xff\\xff\\xff\\x7f\\0', 'larger than its bytes')\n"
      "for h = 8, 255 do spoilt('\\xe0\\0' .. string.char(h) .. '\\xd0', 'larger than its bytes') end\n"
      "spoilt('\\xda\\0', 'no object'); spoilt('\\xe1\\1\\0\\xda\\5\\xd0', 'no object'); spoilt('\\xdb\\0\\0', 'unknown tag')\n"
      "spoilt('\\xe0\\0\\1\\xd8\\0\\0\\0\\0\\0\\0\\xf8\\x7f\\1\\xd0', 'not a number')\n"
      "for tag = 0xe8, 0xff do spoilt(string.char(tag), 'unknown tag') end");
}

static int decode_plain(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  codec_decode_plain(L, s, n);
  return 1;
}

static void test_plain_decoding_takes_data_and_no_code(void **state) {
  (void)state;
  lua_State *L = new_state();
  lua_register(L, "plain", decode_plain);
  run_in(L, "local t = {1, {2}, a = 'b'}; t.t = t; assert(same(t, plain(enc(t))))\n"
            "for _, v in ipairs{function() end, print, string, _G} do\n"
            "  local ok, e = pcall(plain, enc{v}); assert(not ok and e:find('only plain values are taken', 1, true), e)\n"
            "end");
  lua_close(L);
}

/* ====== } */

/* {====== memory ====== */

/* An allocator that fails the n-th allocation from now, and every one after it until it is told otherwise. */
struct memory {
  long left;  /* allocations still granted; -1: no limit */
  long in_use;
};

static void *grant(void *ud, void *p, size_t osize, size_t nsize) {
  struct memory *m = ud;
  if (nsize == 0) {
    if (p) m->in_use--;
    free(p);
    return NULL;
  }
  if ((!p || nsize > osize) && m->left >= 0 && m->left-- == 0) return m->left = 0, NULL;
  void *q = realloc(p, nsize);
  if (q && !p) m->in_use++;
  return q;
}

/* What papy holds outside Lua: one buffer, whose growth fails in turn, too. */
static struct memory *buf_memory;

static int grow_granted(struct buf *b, size_t need) {
  void *p = grant(buf_memory, b->p, b->cap, need);
  if (!p) return -1;
  b->p = p;
  b->cap = need;
  return 0;
}

static int round_trip(lua_State *L) {
  struct buf *b = lua_touserdata(L, 1);
  lua_getglobal(L, "item");
  b->n = 0;
  codec_encode(L, -1, b, "item");
  codec_decode(L, b->p, b->n);
  return 1;
}

static void test_every_failing_allocation_ends_in_an_error_and_leaks_nothing(void **state) {
  (void)state;
  struct memory m = {.left = -1};
  buf_memory = &m;
  lua_State *L = lua_newstate(grant, &m);
  assert_non_null(L);
  load_helpers(L);
  luaL_newmetatable(L, "box");
  lua_setglobal(L, "Box");
  lua_register(L, "box", new_box);
  lua_register(L, "unbox", open_box);
  run_in(L, "Box.__pack = function(b) return {unbox(b)} end; Box.__unpack = function(t) return box(t[1]) end; class('box', Box)\n"
            "local P = {}; class('Point', P); local n = 0; local function f() n = n + 1; return f end\n"
            "item = {1, 'two', {3}, box(4), box{5}, f, function() return n end, print, string.format, string, setmetatable({}, P), ('x'):rep(999)}\n"
            "for i = 1, 30 do item[i + 20] = {i} end; item.self = item");
  int done = 0;
  for (long granted = 0; !done; granted++) {
    struct buf b = {.grow = grow_granted};
    lua_pushcfunction(L, round_trip);
    lua_pushlightuserdata(L, &b);
    m.left = granted;
    int result = lua_pcall(L, 1, 1, 0);
    m.left = -1;
    done = result == LUA_OK;
    if (!done) assert_int_equal(lua_type(L, -1), LUA_TSTRING);
    else assert_true(granted > 50);
    if (b.p) grant(&m, b.p, b.cap, 0);
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT);
  }
  run_in(L, "assert(trip(item)[6]())");
  lua_close(L);
  assert_int_equal(m.in_use, 0);
}

static void test_decoding_takes_a_small_multiple_of_the_bytes(void **state) {
  (void)state;
  run("local hostile = {}\n"  /* each level claims all that is left */
      "local n = 20000; local bytes = {}\n"
      "for i = 1, 190 do bytes[#bytes + 1] = '\\xe0\\xa0\\x9c\\x01\\0' end\n"
      "bytes = table.concat(bytes) .. ('\\1'):rep(n)\n"
      "collectgarbage(); collectgarbage('stop'); local before = collectgarbage 'count'\n"
      "pcall(dec, bytes); assert(collectgarbage 'count' - before < #bytes * 40 / 1024 + 8)");
}

/* ====== } */

/* Random values: every kind, holes, sharing and cycles. */
static void test_random_values_come_back_the_same(void **state) {
  (void)state;
  run("math.randomseed(20240601)\n"
      "local R = math.random\n"
      "local Point = {}; class('Point', Point)\n"
      "local made\n"
      "local scalars = {\n"
      "  function() return R(0) >> R(0, 63) end, function() return -(R(0) >> R(1, 63)) end, function() return R(-20, 130) end,\n"
      "  function() return (R() - 0.5) * 2.0 ^ R(-1000, 1000) end, function() return (string.unpack('n', string.pack('j', R(0)))) end,\n"
      "  function() return R(2) == 1 end, function() local s = {}; for i = 1, R(0, 80) do s[i] = string.char(R(0, 255)) end; return table.concat(s) end}\n"
      "local function value(depth)\n"
      "  if depth == 0 or R(3) == 1 then return scalars[R(#scalars)]() end\n"
      "  if #made > 0 and R(5) == 1 then return made[R(#made)] end\n"
      "  local t = {}; made[#made + 1] = t\n"
      "  if R(6) == 1 then setmetatable(t, Point) end\n"
      "  for i = 1, R(0, 12) do if R(6) > 1 then t[i] = value(depth - 1) end end\n"
      "  for i = 1, R(0, 4) do\n"
      "    local k = scalars[R(#scalars)](); if k == k then t[k] = value(depth - 1) end\n"
      "  end\n"
      "  for i = 1, R(0, 8) do t[R(16)] = nil end\n"
      "  return t\n"
      "end\n"
      "for i = 1, 3000 do made = {}; local v = value(R(0, 5)); local r = trip(v); assert(same(v, r)); assert(same(r, trip(r))) end");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scalars_keep_all_their_bits),
      cmocka_unit_test(test_small_integers_take_one_byte_and_others_no_more_than_nine),
      cmocka_unit_test(test_null_is_the_light_userdata_null),
      cmocka_unit_test(test_long_strings_come_back_whole),
      cmocka_unit_test(test_tables_keep_every_key_and_kind_of_number),
      cmocka_unit_test(test_tables_with_holes_come_back_exactly),
      cmocka_unit_test(test_shared_references_and_cycles_are_kept),
      cmocka_unit_test(test_deep_nesting_travels_up_to_a_limit_with_a_name),
      cmocka_unit_test(test_tables_of_a_class_keep_it),
      cmocka_unit_test(test_no_metamethod_is_called),
      cmocka_unit_test(test_names_and_metatables_of_classes_are_taken_once),
      cmocka_unit_test(test_a_class_unknown_to_the_receiver_is_an_error_naming_it),
      cmocka_unit_test(test_userdata_travels_as_what_its_class_packs),
      cmocka_unit_test(test_userdata_errors_name_what_is_missing),
      cmocka_unit_test(test_functions_travel_with_their_upvalues),
      cmocka_unit_test(test_functions_of_one_value_share_their_variables),
      cmocka_unit_test(test_recursive_functions_find_themselves),
      cmocka_unit_test(test_functions_use_the_globals_of_the_receiver),
      cmocka_unit_test(test_tracebacks_of_shipped_functions_name_the_file),
      cmocka_unit_test(test_c_functions_and_modules_go_by_name),
      cmocka_unit_test(test_modules_loaded_after_the_first_sending_are_found),
      cmocka_unit_test(test_a_module_met_late_in_its_own_table_leaves_no_trace),
      cmocka_unit_test(test_modules_are_required_where_they_are_not_loaded),
      cmocka_unit_test(test_errors_name_the_path),
      cmocka_unit_test(test_errors_name_the_upvalue_and_its_function),
      cmocka_unit_test(test_every_cut_of_an_encoding_is_an_error),
      cmocka_unit_test(test_lengths_are_not_believed),
      cmocka_unit_test(test_plain_decoding_takes_data_and_no_code),
      cmocka_unit_test(test_every_failing_allocation_ends_in_an_error_and_leaks_nothing),
      cmocka_unit_test(test_decoding_takes_a_small_multiple_of_the_bytes),
      cmocka_unit_test(test_random_values_come_back_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
