/* json: the splitter of JSON records, and whole JSON values for Lua, by simdjson.
**
** A record is one object on a line. A name reaches into nested objects with dots ("http.status"); a key that is itself
** written with dots is found, too. Numbers, booleans and null keep their kind, nested objects and arrays are raw text, which
** becomes a table for Lua. Where a key occurs twice, the first counts. What is no whole JSON object, in valid UTF-8, does
** not fit.
**
** simdjson wants readable bytes behind the text, so each record is copied to a padded buffer (a tenth of the parsing); what
** it finds there is translated back to the record's own text, and only strings with escapes are written anew. Its parser
** finds the structure with SIMD chosen at run time and then walks over it on demand: what nobody wants is skipped.
** This file is C++ because the library is; it uses error codes and no exceptions, and no C++ of it outlives a call but the
** parser. */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include <lua.hpp>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* which C fills with zeros */
extern "C" {
#include "scan/splitter.h"
}
#pragma GCC diagnostic pop

namespace od = simdjson::ondemand;

namespace {

/* a name on the way into nested objects: what is left of it from `at` on is looked for in objects of this depth */
struct want {
  text name;
  size_t at, depth;
  bool found;
};

struct json {
  od::parser parser;
  char *padded;
  size_t room;
  want *wants; /* one per slot */
  text *names; /* owned; wants point into them */
  size_t n;
  bool trial;
};

enum { FITS = 1, FITS_NOT = 0, FAILED = -1 };

int no_memory(why *why) {
  return why_set(why, "json:");
}

/* what a search needs: the record, where its bytes lie in the padded copy, and where to put what is found */
struct search {
  json *j;
  const record *r;
  want *wants;
  value *found;
  size_t n, missing;
  bool all; /* go on to the end of the record */
  why *reason;

  const char *own(const char *in_copy) const {
    return r->text + (in_copy - j->padded);
  }
};

int copy_padded(json *j, const record *r, why *why) {
  if (r->length > UINT32_MAX - simdjson::SIMDJSON_PADDING) return FITS_NOT;
  size_t need = r->length + simdjson::SIMDJSON_PADDING;
  if (need > j->room) {
    size_t room = need > 2 * j->room ? need : 2 * j->room;
    char *p = static_cast<char *>(realloc(j->padded, room));
    if (!p || j->parser.allocate(room)) return free(p), j->padded = nullptr, j->room = 0, no_memory(why);
    j->padded = p;
    j->room = room;
  }
  memcpy(j->padded, r->text, r->length);
  memset(j->padded + r->length, 0, simdjson::SIMDJSON_PADDING);
  return FITS;
}

int fits_unless(simdjson::error_code error, why *why) {
  if (error == simdjson::MEMALLOC) return no_memory(why);
  return error ? FITS_NOT : FITS;
}

int open_document(json *j, const record *r, od::document *document, od::object *object, why *why) {
  int rc = copy_padded(j, r, why);
  if (rc != FITS) return rc;
  simdjson::padded_string_view view(j->padded, r->length, j->room);
  rc = fits_unless(j->parser.iterate(view).get(*document), why);
  return rc == FITS ? fits_unless(document->get_object().get(*object), why) : rc;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

text trimmed(std::string_view token) {
  size_t n = token.size();
  while (n > 0 && is_blank(token[n - 1])) n--;
  return text{token.data(), n};
}

/* written by the parser into its own buffer, which the next record takes: keep it with the record */
int keep(search &s, std::string_view in, text *to) {
  char *p = static_cast<char *>(arena_take(s.r->arena, in.size()));
  if (!p) return no_memory(s.reason);
  if (!in.empty()) memcpy(p, in.data(), in.size());
  *to = text{p, in.size()};
  return FITS;
}

/* The key as the record has it, or without its escapes. */
int key_of(search &s, simdjson::simdjson_result<od::field> &field, text *key) {
  od::raw_json_string raw;
  if (field.key().get(raw)) return FITS_NOT;
  const char *start = raw.raw(), *end = start;
  while (*end != '"' && *end != '\\') end++; /* the parser has made sure that it ends */
  if (*end == '"') {
    *key = text{s.own(start), static_cast<size_t>(end - start)};
    return FITS;
  }
  std::string_view plain;
  if (field.unescaped_key().get(plain)) return FITS_NOT;
  return keep(s, plain, key);
}

int string_value(search &s, od::value &from, const text &token, value *to) {
  if (token.n < 2 || token.p[token.n - 1] != '"') return FITS_NOT;
  if (!memchr(token.p, '\\', token.n)) {
    *to = value_of_text(s.own(token.p + 1), token.n - 2);
    return FITS;
  }
  std::string_view plain;
  text kept{nullptr, 0};
  if (from.get_string().get(plain)) return FITS_NOT;
  int rc = keep(s, plain, &kept);
  if (rc == FITS) *to = value_of_text(kept.p, kept.n);
  return rc;
}

int raw_value(search &s, simdjson::simdjson_result<std::string_view> nested, value *to) {
  std::string_view raw;
  if (std::move(nested).get(raw)) return FITS_NOT;
  text t = trimmed(raw);
  *to = value_of_text(s.own(t.p), t.n);
  to->kind = VALUE_RAW;
  return FITS;
}

int word_value(const text &token, const char *word, value meant, value *to) {
  *to = meant;
  return text_is(token, word, strlen(word)) ? FITS : FITS_NOT;
}

/* a number that no double can hold stays text */
int number_value(search &s, const text &token, value *to) {
  value_parse(s.own(token.p), token.n, to);
  return token.p[0] == '-' || (token.p[0] >= '0' && token.p[0] <= '9') ? FITS : FITS_NOT;
}

int value_of(search &s, od::value from, value *to) {
  text token = trimmed(from.raw_json_token());
  if (token.n == 0) return FITS_NOT;
  switch (token.p[0]) {
    case '"': return string_value(s, from, token, to);
    case '{': {
      od::object object;
      return from.get_object().get(object) ? +FITS_NOT : raw_value(s, object.raw_json(), to);
    }
    case '[': {
      od::array array;
      return from.get_array().get(array) ? +FITS_NOT : raw_value(s, array.raw_json(), to);
    }
    case 't': return word_value(token, "true", value_boolean(1), to);
    case 'f': return word_value(token, "false", value_boolean(0), to);
    case 'n': return word_value(token, "null", value_null(), to);
    default: return number_value(s, token, to);
  }
}

/* ---- wanted fields ---- */

text rest_of(const want &w) {
  return text{w.name.p + w.at, w.name.n - w.at};
}

bool leads_into(const text &key, const text &name) {
  return name.n > key.n && name.p[key.n] == '.' && memcmp(name.p, key.p, key.n) == 0;
}

int walk_object(search &s, od::object object, size_t depth);

/* go into an object with the wants that its key leads to */
int descend(search &s, od::object &object, const text &key, size_t depth) {
  for (want *w = s.wants; w < s.wants + s.n; w++) {
    if (w->found || w->depth != depth || !leads_into(key, rest_of(*w))) continue;
    w->at += key.n + 1;
    w->depth++;
  }
  int rc = walk_object(s, object, depth + 1);
  for (want *w = s.wants; w < s.wants + s.n; w++) {
    if (w->depth != depth + 1) continue;
    w->at -= key.n + 1;
    w->depth--;
  }
  return rc;
}

/* the slot that this key fills, or nullptr; *nested: is something inside its value wanted? */
value *claim_slot(search &s, const text &key, size_t depth, bool *nested) {
  value *slot = nullptr;
  *nested = false;
  for (size_t i = 0; i < s.n; i++) {
    want &w = s.wants[i];
    if (w.found || w.depth != depth) continue;
    *nested |= leads_into(key, rest_of(w));
    if (!text_is(rest_of(w), key.p, key.n)) continue;
    w.found = true;
    s.missing--;
    slot = &s.found[i];
  }
  return slot;
}

/* an object may be wanted itself and for what is in it */
int take_object(search &s, od::value from, value *slot, const text &key, size_t depth) {
  od::object object;
  if (from.get_object().get(object)) return FITS_NOT;
  if (slot) {
    int rc = raw_value(s, object.raw_json(), slot);
    if (rc != FITS || object.reset().error()) return FITS_NOT;
  }
  return descend(s, object, key, depth);
}

int take_field(search &s, od::value from, const text &key, size_t depth) {
  bool nested;
  od::json_type type;
  value *slot = claim_slot(s, key, depth, &nested);
  if (!nested) return slot ? value_of(s, from, slot) : +FITS;
  if (from.type().get(type)) return FITS_NOT;
  if (type == od::json_type::object) return take_object(s, from, slot, key, depth);
  return slot ? value_of(s, from, slot) : +FITS;
}

int walk_object(search &s, od::object object, size_t depth) {
  for (auto field : object) {
    text key{nullptr, 0};
    od::value from;
    if (field.error()) return FITS_NOT;
    int rc = key_of(s, field, &key);
    if (rc == FITS && field.value().get(from)) rc = FITS_NOT;
    if (rc == FITS) rc = take_field(s, from, key, depth);
    if (rc != FITS) return rc;
    if (s.missing == 0 && !s.all) break;
  }
  return FITS;
}

/* nothing behind the object? */
int ends(od::document &document) {
  const char *behind;
  return document.current_location().get(behind) == simdjson::OUT_OF_BOUNDS ? FITS : FITS_NOT;
}

int run(search &s) {
  od::document document;
  od::object object;
  for (size_t i = 0; i < s.n; i++) {
    s.wants[i].at = s.wants[i].depth = 0;
    s.wants[i].found = false;
    s.found[i] = value_none();
  }
  int rc = open_document(s.j, s.r, &document, &object, s.reason);
  if (rc == FITS) rc = walk_object(s, object, 0);
  return rc == FITS && s.all ? ends(document) : rc;
}

int json_split(void *self, record *r, why *why) {
  json *j = static_cast<json *>(self);
  search s{j, r, j->wants, r->field, j->n, j->n, j->trial, why};
  return run(s);
}

int json_lookup(void *self, const record *r, text name, value *v, why *why) {
  want one{name, 0, 0, false};
  search s{static_cast<json *>(self), r, &one, v, 1, 1, false, why};
  int rc = run(s);
  if (rc == FITS && one.found) return 1;
  *v = value_none();
  return rc == FAILED ? -1 : 0;
}

int json_each(void *self, const record *r, field_visitor visit, void *ctx, why *why) {
  json *j = static_cast<json *>(self);
  search s{j, r, nullptr, nullptr, 0, 0, true, why};
  od::document document;
  od::object object;
  int rc = open_document(j, r, &document, &object, why);
  if (rc != FITS) return rc;
  for (auto field : object) {
    text key{nullptr, 0};
    od::value from;
    value v;
    if (field.error()) return FITS_NOT;
    rc = key_of(s, field, &key);
    if (rc == FITS && field.value().get(from)) rc = FITS_NOT;
    if (rc == FITS) rc = value_of(s, from, &v);
    if (rc != FITS) return rc;
    if (visit(ctx, key, &v) != 0) return FAILED;
  }
  return ends(document);
}

int json_name(void *, size_t, text *) {
  return 0;
}
bool json_knows(void *, text) {
  return true;
}

void json_free(void *self) {
  json *j = static_cast<json *>(self);
  free(j->padded);
  free(j->wants);
  free(j->names);
  delete j;
}

const splitter_ops json_ops = {json_split, json_lookup, json_each, json_name, json_knows, json_free};

int json_make(splitter *s, const slots *slots, why *why) {
  json *j = new (std::nothrow) json();
  if (!j) return no_memory(why);
  j->n = slots->n;
  j->trial = slots->trial;
  j->names = slots_copy(slots);
  j->wants = static_cast<want *>(calloc(slots->n + 1, sizeof *j->wants));
  if (!j->names || !j->wants) {
    json_free(j);
    return no_memory(why);
  }
  for (size_t i = 0; i < j->n; i++) j->wants[i].name = j->names[i];
  *s = splitter{&json_ops, j};
  return 0;
}

/* json.splitter(slots [, trial]): a splitter for the array of names `slots`; see papy.core.fields */
int l_splitter(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t n = lua_rawlen(L, 1);
  splitter *s = static_cast<splitter *>(lua_newuserdatauv(L, sizeof *s, 1));
  *s = splitter{nullptr, nullptr};
  luaL_setmetatable(L, SPLITTER_HANDLE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  text *names = static_cast<text *>(lua_newuserdatauv(L, (n + 1) * sizeof *names, 0));
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, 1, static_cast<lua_Integer>(i + 1)) != LUA_TSTRING) return luaL_argerror(L, 1, "names expected");
    names[i].p = lua_tolstring(L, -1, &names[i].n); /* the table holds it */
    lua_pop(L, 1);
  }
  slots wanted{names, n, lua_toboolean(L, 2) != 0};
  why reason;
  if (json_make(s, &wanted, &reason) != 0) return luaL_error(L, "%s", reason.text);
  lua_pop(L, 1);
  return 1;
}

/* ---- whole values for Lua ---- */

const char *const PARSER = "papy.json.parser";

using parser_box = simdjson::dom::parser *;

int parser_gc(lua_State *L) {
  parser_box *box = static_cast<parser_box *>(luaL_checkudata(L, 1, PARSER));
  delete *box;
  *box = nullptr;
  return 0;
}

void push_parser(lua_State *L) {
  parser_box *box = static_cast<parser_box *>(lua_newuserdatauv(L, sizeof *box, 0));
  *box = nullptr;
  luaL_setmetatable(L, PARSER);
  *box = new (std::nothrow) simdjson::dom::parser();
  if (!*box) luaL_error(L, "json: out of memory");
}

void push_string(lua_State *L, std::string_view s) {
  lua_pushlstring(L, s.data(), s.size());
}

/* an element of a type that is known */
template <class T>
T as(simdjson::dom::element e) {
  T v{};
  return e.get(v) ? T{} : v;
}

void push_element(lua_State *L, simdjson::dom::element e);

void push_array(lua_State *L, simdjson::dom::array array) {
  lua_Integer i = 0;
  lua_newtable(L);
  for (simdjson::dom::element one : array) {
    push_element(L, one);
    lua_rawseti(L, -2, ++i);
  }
}

void push_object(lua_State *L, simdjson::dom::object object) {
  lua_newtable(L);
  for (simdjson::dom::key_value_pair pair : object) {
    push_string(L, pair.key);
    push_element(L, pair.value);
    lua_rawset(L, -3);
  }
}

/* Lua may leave this by longjmp: nothing in it needs a destructor. The parser bounds how deep values nest. */
void push_element(lua_State *L, simdjson::dom::element e) {
  using type = simdjson::dom::element_type;
  luaL_checkstack(L, 4, "json: nested too deeply");
  switch (e.type()) {
    case type::ARRAY: return push_array(L, as<simdjson::dom::array>(e));
    case type::OBJECT: return push_object(L, as<simdjson::dom::object>(e));
    case type::INT64: return lua_pushinteger(L, as<int64_t>(e));
    case type::UINT64: return lua_pushnumber(L, static_cast<lua_Number>(as<uint64_t>(e)));
    case type::DOUBLE: return lua_pushnumber(L, as<double>(e));
    case type::STRING: return push_string(L, as<std::string_view>(e));
    case type::BOOL: return lua_pushboolean(L, as<bool>(e));
    default: return lua_pushlightuserdata(L, nullptr);
  }
}

/* json.decode(text): tables, strings, numbers (whole ones that fit as integers), booleans, papy.null; or nil and what is wrong.
** A key that occurs twice has its last value. */
int l_decode(lua_State *L) {
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  parser_box *box = static_cast<parser_box *>(lua_touserdata(L, lua_upvalueindex(1)));
  simdjson::dom::element root;
  simdjson::error_code error = (*box)->parse(p, n).get(root);
  if (error) {
    luaL_pushfail(L);
    lua_pushfstring(L, "json: %s", simdjson::error_message(error));
    return 2;
  }
  push_element(L, root);
  return 1;
}

const luaL_Reg functions[] = {{"splitter", l_splitter}, {nullptr, nullptr}};

} // namespace

extern "C" __attribute__((visibility("default"))) int luaopen_papy_json(lua_State *L) {
  luaL_newmetatable(L, PARSER);
  lua_pushcfunction(L, parser_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, functions);
  push_parser(L);
  lua_pushcclosure(L, l_decode, 1);
  lua_setfield(L, -2, "decode");
  return 1;
}
