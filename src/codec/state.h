/* state: what the files of this room share while one value is on its way. Nobody outside includes this.
**
** Nothing here owns memory: tables that grow with the value live on the Lua stack, so a raise leaves nothing behind. */
#ifndef PAPY_CODEC_STATE_H
#define PAPY_CODEC_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct buf;

enum {
  CODEC_SLOTS = 12  /* stack slots one level may use, with what a message about it needs */
};

/* "2000 levels" */
#define CODEC_TEXT(number) #number " levels"
#define CODEC_TEXT_OF(macro) CODEC_TEXT(macro)
#define CODEC_LEVELS CODEC_TEXT_OF(CODEC_DEPTH)

/* One step of the path from the root to the value being encoded: kept on the C stack, told only in an error. */
struct step {
  const struct step *up;
  enum { STEP_FIELD, STEP_KEY, STEP_UPVALUE } kind;
  int at;  /* stack index of the key, or of the function */
  int n;   /* which upvalue */
};

struct enc {
  lua_State *L;
  struct buf *out;
  const char *what;            /* root of the path */
  const struct step *path;     /* innermost step */
  const void *globals;         /* the table of globals, once asked for */
  int depth;
  int seen;                    /* stack slot: nil, or the table object -> number, id of upvalue -> number and index */
  int kept;                    /* packed values held in seen[1..kept], so that no address is used twice */
  bool refs;                   /* a REF or an UPVALUE was written */
  size_t objects;              /* numbers given so far */
  const void *few[CODEC_FEW];  /* the first objects; only later ones cost an entry in seen */
};

struct dec {
  lua_State *L;
  const uint8_t *p, *end, *start;
  size_t room;     /* table slots that may still be made ahead */
  size_t objects;  /* numbers given so far */
  int depth;
  int list;        /* stack index of the array of objects; 0 when the message refers to none */
  bool plain;      /* refuse functions and whatever else reaches outside the value */
};

/* encode.c */

/* Encode the value on top of the stack, which stays there. */
void enc_value(struct enc *e);
/* If the object on top was met before, write a reference to it; else give it the next number. */
bool enc_again(struct enc *e);
/* Make sure that e->seen is a table. */
void enc_need_seen(struct enc *e);
void enc_byte(struct enc *e, uint8_t byte);
void enc_varint(struct enc *e, uint64_t v);
void enc_bytes(struct enc *e, const void *p, size_t n);

/* path.c: raise; the message names the path */
_Noreturn void enc_fail(struct enc *e, const char *is);
/* ... because the value on top is of a kind that does not travel */
_Noreturn void enc_refuse(struct enc *e);
/* ... because the buffer did not grow (errno) */
_Noreturn void enc_no_room(struct enc *e);

/* decode.c */

/* Push the next value. */
void dec_value(struct dec *d);
uint8_t dec_byte(struct dec *d);
uint64_t dec_varint(struct dec *d);
/* The next n bytes, which must be there. */
const uint8_t *dec_bytes(struct dec *d, uint64_t n);
/* Push the next value, which must be a string. */
const char *dec_name(struct dec *d);
/* Give the object on top its number. */
void dec_number(struct dec *d);
/* Push object k. */
void dec_object(struct dec *d, uint64_t k);
_Noreturn void dec_bad(struct dec *d, const char *why);

/* class.c */

/* Replace the metatable on top by the name of its class, or by nil. */
bool class_name(lua_State *L);
/* Replace the name on top by the metatable of its class, or by nil. */
bool class_metatable(lua_State *L);

/* ship.c: functions and modules */

void ship_function(struct enc *e);
/* If the value on top is a loaded module, push its name. */
bool ship_is_module(struct enc *e);
/* Write a reference to the module whose name is on top. */
void ship_module(struct enc *e);
void unship_function(struct dec *d);
void unship_cfunction(struct dec *d);
void unship_module(struct dec *d);

#endif
