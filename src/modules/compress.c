/* compress: writing gzip, zstd, xz, bzip2 and lz4, through libarchive's filters around nothing.
**
** Bytes go to an open file of the io library that the caller closes: where it is and what becomes of it when this fails
** is not this module's business. A disk that is full, or a reader that has left, is what write and close return. */
#include <archive.h>
#include <archive_entry.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#define WRITER "papy.compress.writer"

struct writer {
  struct archive *archive; /* NULL: closed */
};

static const struct {
  const char *suffix;
  int filter;
} filters[] = {{".gz", ARCHIVE_FILTER_GZIP},   {".zst", ARCHIVE_FILTER_ZSTD}, {".xz", ARCHIVE_FILTER_XZ},
               {".bz2", ARCHIVE_FILTER_BZIP2}, {".lz4", ARCHIVE_FILTER_LZ4},  {NULL, 0}};

/* nil, and what the system said, or else the library */
static int refuse(lua_State *L, struct archive *a) {
  const char *why = archive_errno(a) > 0 ? strerror(archive_errno(a)) : archive_error_string(a);
  lua_pushnil(L);
  lua_pushstring(L, why ? why : "cannot compress");
  return 2;
}

static int start(struct archive *a, int filter, int fd) {
  struct archive_entry *entry = archive_entry_new();
  int rc = entry ? ARCHIVE_OK : ARCHIVE_FATAL;
  if (rc == ARCHIVE_OK) rc = archive_write_set_format_raw(a);
  if (rc == ARCHIVE_OK) rc = archive_write_add_filter(a, filter);
  if (rc == ARCHIVE_OK) archive_write_set_bytes_in_last_block(a, 1); /* no padding */
  if (rc == ARCHIVE_OK) rc = archive_write_open_fd(a, fd);
  if (rc == ARCHIVE_OK) {
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "data");
    rc = archive_write_header(a, entry);
  }
  archive_entry_free(entry);
  return rc;
}

/* writer(file, suffix) -> writer of what the suffix names: ".gz", ".zst", ".xz", ".bz2", ".lz4"; nil and why */
static int writer(lua_State *L) {
  luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  int i = 0;
  const char *suffix = luaL_checkstring(L, 2);
  while (filters[i].suffix && strcmp(filters[i].suffix, suffix) != 0) i++;
  luaL_argcheck(L, filters[i].suffix, 2, "no such compression");
  luaL_argcheck(L, file->closef, 1, "the file is closed");
  fflush(file->f);
  struct writer *w = lua_newuserdatauv(L, sizeof *w, 1);
  w->archive = NULL;
  luaL_setmetatable(L, WRITER);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1); /* the file lives as long as the writer */
  w->archive = archive_write_new();
  if (!w->archive) return luaL_error(L, "not enough memory");
  return start(w->archive, filters[i].filter, fileno(file->f)) == ARCHIVE_OK ? 1 : refuse(L, w->archive);
}

static struct writer *to_writer(lua_State *L) {
  struct writer *w = luaL_checkudata(L, 1, WRITER);
  if (!w->archive) luaL_error(L, "the writer is closed");
  return w;
}

/* w:write(text) -> true; nil and why */
static int w_write(lua_State *L) {
  struct writer *w = to_writer(L);
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  if (n > 0 && archive_write_data(w->archive, text, n) != (la_ssize_t)n) return refuse(L, w->archive);
  lua_pushboolean(L, 1);
  return 1;
}

/* w:close() -> true when everything has reached the file, which stays open; nil and why */
static int w_close(lua_State *L) {
  struct writer *w = to_writer(L);
  int rc = archive_write_close(w->archive), pushed = 1;
  if (rc == ARCHIVE_OK) lua_pushboolean(L, 1);
  else pushed = refuse(L, w->archive);
  archive_write_free(w->archive);
  w->archive = NULL;
  return pushed;
}

/* what was not closed is given up: nothing more is written, for the file may be closed already */
static int w_gc(lua_State *L) {
  struct writer *w = luaL_checkudata(L, 1, WRITER);
  if (w->archive) {
    archive_write_fail(w->archive);
    archive_write_free(w->archive);
  }
  w->archive = NULL;
  return 0;
}

static const luaL_Reg functions[] = {{"writer", writer}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"write", w_write}, {"close", w_close}, {NULL, NULL}};

int luaopen_papy_compress(lua_State *L);
int luaopen_papy_compress(lua_State *L) {
  if (luaL_newmetatable(L, WRITER)) {
    lua_pushcfunction(L, w_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  luaL_newlib(L, functions);
  return 1;
}
