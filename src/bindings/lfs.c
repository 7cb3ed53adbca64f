/* core.fs: what Lua's io and os libraries cannot do with files. No policy and no options: lua/fs.lua has them.
**
** Except for wrong arguments nothing here raises: a function returns its result, or nil, the sentence and errno. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bindings/bindings.h"

#define DIRECTORY "papy.directory"

const char *path_arg(lua_State *L, int arg) {
  size_t n;
  const char *path = luaL_checklstring(L, arg, &n);
  luaL_argcheck(L, strlen(path) == n, arg, "path contains a zero byte");
  return path;
}

/* true, or nil with what errno says */
static int done(lua_State *L, int rc, const char *path) { return luaL_fileresult(L, rc == 0, path); }

static const char *kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISFIFO(mode)) return "fifo";
  return "other";
}

/* stat(path) -> {kind = "file" | "directory" | "fifo" | "other", size =, mtime =, mode =} */
static int fs_stat(lua_State *L) {
  struct stat st;
  const char *path = path_arg(L, 1);
  if (stat(path, &st) != 0) return luaL_fileresult(L, 0, path);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind_of(st.st_mode));
  lua_setfield(L, -2, "kind");
  lua_pushinteger(L, (lua_Integer)st.st_size);
  lua_setfield(L, -2, "size");
  lua_pushnumber(L, (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9);
  lua_setfield(L, -2, "mtime");
  lua_pushinteger(L, st.st_mode & 07777);
  lua_setfield(L, -2, "mode");
  return 1;
}

/* mkdir(path) -> true; true as well when the directory is there already */
static int fs_mkdir(lua_State *L) {
  struct stat st;
  const char *path = path_arg(L, 1);
  int rc = mkdir(path, 0777);
  if (rc != 0 && errno == EEXIST && stat(path, &st) == 0) {
    if (S_ISDIR(st.st_mode)) rc = 0;
    else errno = ENOTDIR;
  }
  return done(L, rc, path);
}

/* chmod(path, mode) -> true */
static int fs_chmod(lua_State *L) {
  const char *path = path_arg(L, 1);
  return done(L, chmod(path, (mode_t)luaL_checkinteger(L, 2)), path);
}

static int dir_close(lua_State *L) {
  DIR **d = luaL_checkudata(L, 1, DIRECTORY);
  if (*d) closedir(*d);
  *d = NULL;
  return 0;
}

/* list(directory) -> array of names, unsorted, without "." and ".." */
static int fs_list(lua_State *L) {
  const char *path = path_arg(L, 1);
  DIR **d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = NULL;
  luaL_setmetatable(L, DIRECTORY);
  lua_toclose(L, -1);
  *d = opendir(path);
  if (!*d) return luaL_fileresult(L, 0, path);
  struct dirent *e;
  lua_newtable(L);
  for (lua_Integer n = 0; (e = readdir(*d));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
      lua_pushstring(L, e->d_name);
      lua_rawseti(L, -2, ++n);
    }
  return 1;
}

/* realpath(path) -> the absolute path without links; the file must exist */
static int fs_realpath(lua_State *L) {
  char real[PATH_MAX];
  const char *path = path_arg(L, 1);
  if (!realpath(path, real)) return luaL_fileresult(L, 0, path);
  lua_pushstring(L, real);
  return 1;
}

/* symlink(text, path) -> true: whoever comes first says what path means */
static int fs_symlink(lua_State *L) {
  const char *path = path_arg(L, 2);
  return done(L, symlink(path_arg(L, 1), path), path);
}

static int fs_readlink(lua_State *L) {
  char text[PATH_MAX];
  const char *path = path_arg(L, 1);
  ssize_t n = readlink(path, text, sizeof text);
  if (n < 0) return luaL_fileresult(L, 0, path);
  lua_pushlstring(L, text, (size_t)n);
  return 1;
}

static int write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR) continue;
    if (w < 0) return -1;
    p += w;
    n -= (size_t)w;
  }
  return 0;
}

/* write(file, text) -> true: an open file of the io library, after what it has not written yet, with one system call for the
** whole text, so that what several processes write into one file does not get mixed */
static int fs_write(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, s->closef, 1, "the file is closed");
  if (fflush(s->f) != 0) return done(L, -1, NULL);
  return done(L, write_all(fileno(s->f), text, n), NULL);
}

static void random_name(char name[13]) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
  unsigned char bytes[12];
  if (getentropy(bytes, sizeof bytes) != 0) memset(bytes, 0, sizeof bytes); /* then a name in use is an error */
  for (int i = 0; i < 12; i++) name[i] = letters[bytes[i] & 31];
  name[12] = 0;
}

static int make_file(const char *path, const char *text, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  int rc = write_all(fd, text, n), why = errno;
  if (close(fd) != 0 && rc == 0) {
    rc = -1;
    why = errno;
  }
  if (rc == 0) return 0;
  unlink(path);
  errno = why;
  return -1;
}

/* temp(kind, prefix, suffix [, text]) -> path: a new "file" with that text, "fifo" or "directory" under a name nobody else
** has, for the owner's eyes only */
static int fs_temp(lua_State *L) {
  static const char *const kinds[] = {"file", "fifo", "directory", NULL};
  int kind = luaL_checkoption(L, 1, NULL, kinds), rc = -1;
  const char *prefix = path_arg(L, 2), *suffix = path_arg(L, 3), *path = prefix;
  size_t n;
  const char *text = luaL_optlstring(L, 4, "", &n);
  for (int i = 0; i < 100; i++) {
    char name[13];
    random_name(name);
    path = lua_pushfstring(L, "%s%s%s", prefix, name, suffix);
    rc = kind == 0 ? make_file(path, text, n) : kind == 1 ? mkfifo(path, 0600) : mkdir(path, 0700);
    if (rc == 0) return 1;
    if (errno != EEXIST) break;
    lua_pop(L, 1);
    path = prefix;
  }
  return luaL_fileresult(L, 0, path);
}

/* program() -> path of the papy that runs */
static int fs_program(lua_State *L) {
  lua_settop(L, 0);
  lua_pushliteral(L, "/proc/self/exe");
  return fs_readlink(L);
}

static const luaL_Reg functions[] = {{"stat", fs_stat},         {"mkdir", fs_mkdir},       {"list", fs_list},
                                     {"realpath", fs_realpath}, {"symlink", fs_symlink},   {"readlink", fs_readlink},
                                     {"write", fs_write},       {"temp", fs_temp},         {"program", fs_program},
                                     {"chmod", fs_chmod},       {NULL, NULL}};

static const luaL_Reg dir_metamethods[] = {{"__gc", dir_close}, {"__close", dir_close}, {NULL, NULL}};

int luaopen_papy_core_fs(lua_State *L) {
  if (luaL_newmetatable(L, DIRECTORY)) luaL_setfuncs(L, dir_metamethods, 0);
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
