/* codec: Lua values to bytes and back.
**
** Raw access only: no metamethod runs, so no user code runs in the middle of an item (a finalizer excepted).
** Travels: nil, booleans, integers, floats (all bits), strings, tables (shared references and cycles preserved,
** metatables of registered classes), functions (code and upvalues, recursively; C functions of loaded modules by
** name), papy.null (the light userdata NULL), userdata of registered classes.
** Modules travel by name: a table of package.loaded that holds a function (or what else could not travel by value)
** is, on the other side, what that state has loaded or can require under the name. The table of globals becomes the
** other state's, and so does the table that the registry has as CODEC_GLOBALS. A module of plain data travels by value. Nesting is limited (CODEC_DEPTH).
** Anything else raises a string that names the path to it: "cannot send item.a[3].f: a coroutine". */
#ifndef PAPY_CODEC_CODEC_H
#define PAPY_CODEC_CODEC_H

#include <lua.h>
#include <stddef.h>

struct buf;

#define CODEC_GLOBALS "papy.names"

/* As the functions of lua.h, these use the stack space the caller has: one free slot. What more they need, they ask for. */

/* Append the value at idx to out. `what` is the root of the path in messages ("item", "result", "argument").
** Raises a Lua error (a string) when something cannot travel or memory is out; out->n is then meaningless, and
** nothing else is held. Integers, floats, booleans, null and strings take a path of a few nanoseconds. */
void codec_encode(lua_State *L, int idx, struct buf *out, const char *what);

/* Push the one value encoded in p[0..n-1]. Every length is checked: foreign or cut bytes raise a Lua error
** (a string), never crash, never allocate more than a small multiple of n. The bytes are borrowed for the call.
** Code is the exception: it travels as Lua's own bytecode, which nobody can verify. Functions are to be decoded
** only from bytes that this version of papy has encoded on this machine. */
void codec_decode(lua_State *L, const void *p, size_t n);

/* The same for bytes from anywhere else: a function, a module or the globals in them raise. What a class's __unpack is
** given is then foreign, too. */
void codec_decode_plain(lua_State *L, const void *p, size_t n);

/* Register the metatable at the top of the stack (popped) as class `name`, in this state. Tables with this metatable
** travel with it. Userdata with it travel through the C or Lua functions in its raw fields __pack (userdata -> plain
** value) and __unpack (value -> userdata). Raises when the name or the metatable is taken by another class. */
void codec_class(lua_State *L, const char *name);

#endif
