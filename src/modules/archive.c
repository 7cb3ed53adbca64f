/* archive: compressed files and archives as streams of bytes.
**
** gzip goes through zlib, everything else through libarchive, which sees only the formats it can undo by itself (no
** programs are run) and, for tar in gzip, what zlib has undone. Why zlib: libarchive does not compare gzip's checksums,
** so a damaged log would be counted as if it were whole.
**
** What is broken is said where it is met: everything before has been handed out. Members of an archive are parts; those
** that are no regular files are passed over. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "scan/sniff.h"
#include "scan/source.h"

enum { INPUT = 128 << 10, HEAD = SNIFF_BYTES };

struct packed {
  struct source source;
  struct archive *archive; /* NULL: gzip that holds no archive */
  int fd, parts;
  off_t piece;       /* where in the file the library began to read */
  uint64_t given;    /* bytes of this part */
  const char *block; /* the library's, block_n bytes of it not given yet, after a gap of zeros */
  size_t block_n;
  uint64_t gap;
  char *member; /* "path:member", once there was one */
  /* gzip, undone */
  z_stream z;
  bool is_gzip, fresh;           /* fresh: between two members of a file of several */
  unsigned char *input, *output; /* INPUT bytes each; output: for libarchive */
  unsigned char head[HEAD];      /* the first bytes, looked at to see whether they are an archive's */
  size_t head_n, head_at;
  char reason[200]; /* what gzip said, while libarchive reads it */
  char path[];
};

static int broken(struct packed *p, struct why *why, const char *reason) {
  return why_set(why, "cannot read %.700s behind byte %" PRIu64 ": %.200s", p->source.name, p->given, reason);
}

/* {=== gzip === */

static long refill(struct packed *p) {
  ssize_t n;
  do n = read(p->fd, p->input, INPUT);
  while (n < 0 && errno == EINTR);
  p->z.next_in = p->input;
  p->z.avail_in = n > 0 ? (unsigned)n : 0;
  if (n < 0) snprintf(p->reason, sizeof p->reason, "%s", strerror(errno));
  return n;
}

static long gzip_broken(struct packed *p, const char *reason) {
  snprintf(p->reason, sizeof p->reason, "%s", reason);
  return -1;
}

/* Between members: zeros that fill a tape's block are passed over. 1: another member, 0: the end, -1: something else */
static long next_member(struct packed *p) {
  for (;;) {
    while (p->z.avail_in && *p->z.next_in == 0) p->z.next_in++, p->z.avail_in--;
    if (p->z.avail_in) break;
    long n = refill(p);
    if (n <= 0) return n;
  }
  if (*p->z.next_in != 0x1f) return gzip_broken(p, "bytes that are not gzip's follow its end");
  inflateReset(&p->z);
  p->fresh = false;
  return 1;
}

static long gunzip(struct packed *p, void *to, size_t n) {
  p->z.next_out = to;
  p->z.avail_out = n > INT32_MAX ? INT32_MAX : (unsigned)n;
  unsigned room = p->z.avail_out;
  while (p->z.avail_out == room) {
    long more = p->fresh ? next_member(p) : 1;
    if (more <= 0) return more;
    if (!p->z.avail_in && (more = refill(p)) <= 0) return more < 0 ? -1 : gzip_broken(p, "the gzip file is cut short");
    int rc = inflate(&p->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) p->fresh = true;
    else if (rc != Z_OK && rc != Z_BUF_ERROR) return gzip_broken(p, p->z.msg ? p->z.msg : "the gzip file is damaged");
  }
  return (long)(room - p->z.avail_out);
}

/* what gunzip gives, beginning with the head already looked at */
static long gunzip_all(struct packed *p, void *to, size_t n) {
  size_t left = p->head_n - p->head_at;
  if (left == 0) return gunzip(p, to, n);
  if (n > left) n = left;
  memcpy(to, p->head + p->head_at, n);
  p->head_at += n;
  return (long)n;
}

static long read_gzip(struct source *s, void *to, size_t n, struct why *why) {
  struct packed *p = (struct packed *)s;
  long got = gunzip_all(p, to, n);
  if (got < 0) return broken(p, why, p->reason);
  p->given += (uint64_t)got;
  return got;
}

static int part_gzip(struct source *s, struct why *why) {
  (void)why;
  return ((struct packed *)s)->parts++ == 0;
}

/* ===} {=== libarchive === */

static la_ssize_t feed_archive(struct archive *a, void *ctx, const void **block) {
  struct packed *p = ctx;
  *block = p->output;
  long n = gunzip_all(p, p->output, INPUT);
  if (n < 0) archive_set_error(a, EIO, "%s", p->reason);
  return n;
}

static int start_archive(struct packed *p, struct why *why);

static const char *reason_of(struct packed *p) {
  const char *text = archive_error_string(p->archive);
  if (text && strstr(text, "No progress is possible")) return "truncated lzma or xz input"; /* liblzma's words for it */
  return text ? text : "the archive is damaged";
}

/* the library's next block of this part; 1, or 0 at its end */
static int next_block(struct packed *p, struct why *why) {
  const void *block;
  la_int64_t offset;
  int rc;
  do rc = archive_read_data_block(p->archive, &block, &p->block_n, &offset);
  while (rc == ARCHIVE_RETRY);
  if (rc == ARCHIVE_EOF) return 0;
  if (rc != ARCHIVE_OK) return broken(p, why, reason_of(p));
  p->block = block;
  p->gap = (uint64_t)offset > p->given ? (uint64_t)offset - p->given : 0; /* a hole in a sparse file */
  return 1;
}

/* archive_read_data would lose what it has when it meets something broken */
static long read_data(struct packed *p, void *to, size_t n, struct why *why) {
  while (p->gap == 0 && p->block_n == 0) {
    int rc = next_block(p, why);
    if (rc <= 0) return rc;
  }
  if (n > (p->gap ? p->gap : p->block_n)) n = p->gap ? p->gap : p->block_n;
  if (p->gap) {
    memset(to, 0, n);
    p->gap -= n;
  } else {
    memcpy(to, p->block, n);
    p->block += n;
    p->block_n -= n;
  }
  p->given += n;
  return (long)n;
}

/* The library takes an empty piece (lz4's) for the end. What it has not looked at may be a further piece, or nothing but zeros.
** 1: go on reading; 0: this was all */
static int next_piece(struct packed *p, struct why *why) {
  unsigned char head[HEAD];
  off_t end = p->piece + archive_filter_bytes(p->archive, -1);
  ssize_t n = p->is_gzip || archive_format(p->archive) != ARCHIVE_FORMAT_RAW ? 0 : pread(p->fd, head, HEAD, end);
  if (n < 0) return broken(p, why, strerror(errno));
  if (n == 0 || memcmp(head, (char[HEAD]){0}, (size_t)n) == 0) return 0;
  if (sniff(head, (size_t)n) != SNIFF_PACKED) return broken(p, why, "bytes that are not compressed follow its end");
  archive_read_free(p->archive);
  p->archive = NULL;
  p->piece = lseek(p->fd, end, SEEK_SET);
  if (p->piece < 0) return broken(p, why, strerror(errno));
  struct archive_entry *e;
  if (start_archive(p, why) != 0) return SOURCE_BROKEN;
  int rc = archive_read_next_header(p->archive, &e);
  return rc == ARCHIVE_OK ? 1 : rc == ARCHIVE_EOF ? next_piece(p, why) : broken(p, why, reason_of(p));
}

static long read_archive(struct source *s, void *to, size_t n, struct why *why) {
  struct packed *p = (struct packed *)s;
  long got, more = 1;
  while ((got = read_data(p, to, n, why)) == 0 && more > 0) {
    more = next_piece(p, why);
    if (more < 0) return more;
  }
  return got;
}

static int name_member(struct packed *p, struct archive_entry *e, struct why *why) {
  const char *name = archive_entry_pathname(e);
  p->source.name = p->path;
  if (archive_format(p->archive) == ARCHIVE_FORMAT_RAW || !name) return 0;
  free(p->member);
  if (asprintf(&p->member, "%s:%s", p->path, name) < 0) {
    p->member = NULL;
    return broken(p, why, "out of memory");
  }
  p->source.name = p->member;
  return 0;
}

static int part_archive(struct source *s, struct why *why) {
  struct packed *p = (struct packed *)s;
  struct archive_entry *e;
  for (;;) {
    int rc = archive_read_next_header(p->archive, &e);
    if (rc == ARCHIVE_EOF) return 0;
    if (rc == ARCHIVE_RETRY) continue;
    if (rc < ARCHIVE_WARN) return broken(p, why, reason_of(p));
    p->given = p->gap = p->block_n = 0;
    bool raw = archive_format(p->archive) == ARCHIVE_FORMAT_RAW;
    if (!raw && (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))) continue;
    return name_member(p, e, why) == 0 ? 1 : SOURCE_BROKEN;
  }
}

static int start_archive(struct packed *p, struct why *why) {
  struct archive *a = p->archive = archive_read_new();
  p->source.part = part_archive;
  p->source.read = read_archive;
  if (!a) return broken(p, why, "out of memory");
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_compress(a);
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_lz4(a);
  archive_read_support_filter_lzip(a);
  archive_read_support_filter_lzma(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_format_empty(a);
  archive_read_support_format_raw(a);
  archive_read_support_format_tar(a);
  archive_read_support_format_zip(a);
  int rc = p->is_gzip ? archive_read_open(a, p, NULL, feed_archive, NULL) : archive_read_open_fd(a, p->fd, INPUT);
  return rc == ARCHIVE_OK ? 0 : broken(p, why, reason_of(p));
}

/* ===} {=== the source === */

static void close_packed(struct source *s) {
  struct packed *p = (struct packed *)s;
  if (p->archive) archive_read_free(p->archive);
  if (p->is_gzip) inflateEnd(&p->z);
  if (p->fd >= 0) close(p->fd);
  free(p->input);
  free(p->output);
  free(p->member);
  p->archive = NULL;
  p->is_gzip = false;
  p->fd = -1;
  p->input = p->output = NULL;
  p->member = NULL;
  p->source.name = p->path;
}

static int start_gzip(struct packed *p, struct why *why) {
  p->input = malloc(INPUT);
  p->output = malloc(INPUT);
  if (!p->input || !p->output || inflateInit2(&p->z, 16 + MAX_WBITS) != Z_OK) return broken(p, why, "out of memory");
  p->is_gzip = true;
  long n;
  while (p->head_n < HEAD && (n = gunzip(p, p->head + p->head_n, HEAD - p->head_n)) > 0) p->head_n += (size_t)n;
  if (sniff(p->head, p->head_n) == SNIFF_TAR) return start_archive(p, why);
  p->source.part = part_gzip; /* what was broken so early is met again when the head has been read */
  p->source.read = read_gzip;
  return 0;
}

static int start(struct packed *p, struct why *why) {
  unsigned char magic[2] = {0};
  p->fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (p->fd < 0) return why_set(why, "cannot open %.700s:", p->path);
  ssize_t n = pread(p->fd, magic, 2, 0);
  if (n < 0) return why_set(why, "cannot read %.700s:", p->path);
  return n == 2 && magic[0] == 0x1f && magic[1] == 0x8b ? start_gzip(p, why) : start_archive(p, why);
}

/* open(path) -> a source that reads the file, undoing what it is recognised as by its content: gzip (several members, too),
** bzip2, xz, lzma, lzip, zstd, lz4, compress; tar inside any of these or bare, and zip, give one part for each member.
** nil and a sentence when it cannot be opened. */
static int open_(lua_State *L) {
  struct why why;
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, strlen(path) == n, 1, "path contains a zero byte");
  struct packed *p = lua_newuserdatauv(L, sizeof *p + n + 1, 0);
  memset(p, 0, sizeof *p);
  p->fd = p->source.fd = -1;
  p->source.close = close_packed;
  p->source.name = memcpy(p->path, path, n + 1);
  luaL_setmetatable(L, SOURCE_CLASS);
  if (start(p, &why) == 0) return 1;
  close_packed(&p->source);
  lua_pushnil(L);
  lua_pushstring(L, why.text);
  return 2;
}

static const luaL_Reg functions[] = {{"open", open_}, {NULL, NULL}};

int luaopen_papy_archive(lua_State *L);
int luaopen_papy_archive(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
