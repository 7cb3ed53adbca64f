/* lchunks_count: what matches in a chunk, counted piece by piece, and the methods of regexes on chunks. */
#include <string.h>

#include "base/limits.h"
#include "bindings/lchunks.h"
#include "bindings/ltext.h"
#include "scan/records.h"
#include "scan/regex.h"

/* what is counted, and how far the count is */
struct count {
  const struct chunk *chunk;
  struct regex *re;
  int by_match, skip; /* skip: a line that PCRE2 gives up on is counted as failed, else it is an error */
  uint64_t n, failed;
  uint64_t done; /* bytes before those looked at */
  uint64_t at;   /* the line in the file, by its first byte, on which the pattern gave up */
};

static int gave_up(struct count *t, size_t at) {
  t->at = t->chunk->first + t->done + at;
  return -1;
}

static int add(struct count *t, const char *p, size_t size, struct why *why) {
  for (size_t at = 0; at < size; at += regex_failed(t->re).end + 1, t->failed++) {
    int rc = t->by_match ? regex_count(t->re, p + at, size - at, REGEX_LINES, &t->n, why)
                         : regex_count_lines(t->re, p + at, size - at, &t->n, why);
    if (rc == 0) break;
    if (!t->skip) return gave_up(t, at + regex_failed(t->re).start);
  }
  t->done += size;
  return 0;
}

static int add_lines(void *ctx, const char *p, size_t size, struct why *why) {
  return add(ctx, p, size, why);
}

static int add_each(struct count *t, const char *p, size_t size, struct why *why) {
  struct records all;
  const char *text;
  size_t n;
  records_begin(&all, p, size, NULL);
  while (records_next(&all, &text, &n, why) > 0) {
    int rc = regex_search(t->re, text, n, 0, 0, why);
    if (rc < 0 && !t->skip) return gave_up(t, (size_t)(text - p));
    t->n += rc > 0;
    t->failed += rc < 0;
  }
  t->done += size;
  return 0;
}

/* Records that match: lines without a carriage return at their end. A search over many lines does not know that they end
** before it, so it is looked for, in pieces that then still are in the processor's cache. */
static int add_records(void *ctx, const char *p, size_t size, struct why *why) {
  for (const char *end = p + size; p < end;) {
    const char *nl =
        (size_t)(end - p) > READ_PIECE ? memchr(p + READ_PIECE, '\n', (size_t)(end - p) - READ_PIECE) : NULL;
    size_t n = (size_t)((nl ? nl + 1 : end) - p);
    if ((memchr(p, '\r', n) ? add_each : add)(ctx, p, n, why) != 0) return -1;
    p += n;
  }
  return 0;
}

/* Matching lines, or matches: 0, or what chunk_show says. UTF-8 is checked before it is matched, so its bytes must stand still. */
static int count_chunk(lua_State *L, int idx, struct count *t, mapping_reader reader, struct why *why) {
  struct count fresh = *t;
  int rc = chunk_show(L, idx, regex_is_utf(t->re), reader, t, why);
  if (rc != SHOW_TORN) return rc;
  *t = fresh;
  return chunk_show(L, idx, 1, reader, t, why);
}

static int raise(lua_State *L, const struct count *t, int rc, const struct why *why) {
  if (rc == SHOW_UNREADABLE) return luaL_error(L, "%s", why->text);
  return luaL_error(L, "%s, line at byte %I: %s", t->chunk->path, (LUAI_UACINT)t->at, why->text);
}

lua_Integer chunk_matches(lua_State *L, int idx, struct regex *re) {
  struct count t = {.chunk = luaL_testudata(L, idx, CHUNK_CLASS), .re = re, .by_match = 1};
  struct why why;
  if (!t.chunk) return -1;
  int rc = count_chunk(L, idx, &t, add_lines, &why);
  if (rc != 0) raise(L, &t, rc, &why);
  return (lua_Integer)t.n;
}

/* {on_error = "skip"} or {on_error = "raise"} or nil at idx: skip? */
static int skips(lua_State *L, int idx) {
  static const char *const choices[] = {"raise", "skip", NULL};
  if (lua_isnoneornil(L, idx)) return 0;
  luaL_checktype(L, idx, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "on_error") != 0)
      luaL_error(L, "chunk:count: unknown option '%s'; the option is on_error", luaL_tolstring(L, -2, NULL));
  lua_getfield(L, idx, "on_error");
  lua_replace(L, idx);
  return luaL_checkoption(L, idx, "raise", choices);
}

/* chunk:count(regex [, opts]) -> how many of its lines match, as grep -c counts them; with "skip", also how many failed.
** regex: a regex, or a pattern (compiled once per worker). opts: {on_error = "raise" (default) or "skip"}: what to do with
** a line on which the pattern takes more steps or memory than a match may: raise an error that names pattern, file and the
** line's place in it, or leave the line out and count it as failed. */
static int f_count(lua_State *L) {
  struct count t = {.chunk = chunk_check(L, 1)};
  struct why why;
  lua_settop(L, 3);
  t.skip = skips(L, 3);
  t.re = regex_arg(L, 2);
  int rc = count_chunk(L, 1, &t, add_lines, &why);
  if (rc != 0) return raise(L, &t, rc, &why);
  lua_pushinteger(L, (lua_Integer)t.n);
  if (t.skip) lua_pushinteger(L, (lua_Integer)t.failed);
  return t.skip ? 2 : 1;
}

/* count_records(chunk, regex, skip) -> how many of its records match, how many failed: as count, but that a carriage return
** at the end of a line belongs to the newline. A sentence follows, and the counts are those of what came before, where the
** file cannot be read; and where a match takes too long, unless skip is true: then also the offset of the line. */
int chunk_count_records(lua_State *L) {
  struct count t = {.chunk = chunk_check(L, 1), .re = regex_arg(L, 2), .skip = lua_toboolean(L, 3)};
  struct why why;
  int rc = count_chunk(L, 1, &t, add_records, &why);
  lua_pushinteger(L, (lua_Integer)t.n);
  lua_pushinteger(L, (lua_Integer)t.failed);
  if (rc != 0) lua_pushstring(L, why.text);
  if (rc == SHOW_REFUSED) lua_pushinteger(L, (lua_Integer)t.at);
  return rc == SHOW_REFUSED ? 4 : rc != 0 ? 3 : 2;
}

/* chunk:find(regex [, init]), chunk:match(...), chunk:gmatch(...): the regex's method (upvalue 1) on the chunk */
static int f_by_regex(lua_State *L) {
  chunk_check(L, 1);
  lua_settop(L, 3);
  regex_arg(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_gettable(L, 2);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_call(L, 3, LUA_MULTRET);
  return lua_gettop(L) - 3;
}

void chunk_add_counting(lua_State *L) {
  static const char *const by_regex[] = {"find", "match", "gmatch"};
  lua_pushcfunction(L, f_count);
  lua_setfield(L, -2, "count");
  for (int i = 0; i < 3; i++) {
    lua_pushstring(L, by_regex[i]);
    lua_pushcclosure(L, f_by_regex, 1);
    lua_setfield(L, -2, by_regex[i]);
  }
}
