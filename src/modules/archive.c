/* archive: compressed files and archives as streams of bytes.
**
** Two layers. The lower one undoes the compression: gzip through zlib, everything else through libarchive, which sees only
** what it can undo by itself (no programs are run). If what comes out begins as tar does, the upper one, libarchive again, reads
** its members from the lower one; a bare tar or zip it reads from the file.
**
** Why zlib: libarchive does not compare gzip's checksums, so a damaged log would be counted as if it were whole. Why not
** libarchive for both layers at once: it stops reading behind the last member, before the checksums at the end.
**
** What is broken is said where it is met: everything before has been handed out. Members are parts; those that are no regular
** files are passed over, and one that is compressed itself stays so. */
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

/* an entry that libarchive reads */
struct entry {
  struct archive *archive;
  const char *block; /* the library's, n bytes of it not given yet, behind a gap of zeros */
  size_t n;
  uint64_t gap, given;
};

struct packed {
  struct source source;
  int fd, parts;
  uint64_t given; /* bytes of this part */
  char *member;   /* "path:member", once there was one */
  /* the lower layer: gzip, or (raw.archive) another compression, or neither */
  bool is_gzip, fresh; /* fresh: between two pieces of a gzip file */
  z_stream z;
  unsigned char *input;
  struct entry raw;
  bool raw_open; /* it has an entry */
  bool is_spoilt;
  off_t piece;              /* where in the file libarchive began to read */
  unsigned char head[HEAD]; /* what it gave first, looked at to see whether it is tar */
  size_t head_n, head_at;
  /* the upper layer */
  struct entry members;
  unsigned char *output;
  char reason[200]; /* what is wrong with the lower one */
  char path[];
};

static int broken(struct packed *p, struct why *why, const char *reason) {
  return why_set(why, "cannot read %.700s behind byte %" PRIu64 ": %.200s", p->source.name, p->given, reason);
}

/* the lower layer is broken, for good */
static long spoilt(struct packed *p, const char *reason) {
  p->is_spoilt = true;
  snprintf(p->reason, sizeof p->reason, "%s", reason);
  return -1;
}

/* {=== gzip === */

static long refill(struct packed *p) {
  ssize_t n;
  do n = read(p->fd, p->input, INPUT);
  while (n < 0 && errno == EINTR);
  p->z.next_in = p->input;
  p->z.avail_in = n > 0 ? (unsigned)n : 0;
  return n < 0 ? spoilt(p, strerror(errno)) : n;
}

/* Between pieces: zeros that fill a tape's block are passed over. 1: another piece, 0: the end, -1: something else */
static long next_gzip(struct packed *p) {
  for (;;) {
    while (p->z.avail_in && *p->z.next_in == 0) p->z.next_in++, p->z.avail_in--;
    if (p->z.avail_in) break;
    long n = refill(p);
    if (n <= 0) return n;
  }
  if (*p->z.next_in != 0x1f) return spoilt(p, "bytes that are not gzip's follow its end");
  inflateReset(&p->z);
  p->fresh = false;
  return 1;
}

static long gunzip(struct packed *p, void *to, size_t n) {
  p->z.next_out = to;
  p->z.avail_out = n > INT32_MAX ? INT32_MAX : (unsigned)n;
  unsigned room = p->z.avail_out;
  while (p->z.avail_out == room) {
    long more = p->fresh ? next_gzip(p) : 1;
    if (more <= 0) return more;
    if (!p->z.avail_in && (more = refill(p)) <= 0) return more < 0 ? -1 : spoilt(p, "the gzip file is cut short");
    int rc = inflate(&p->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) p->fresh = true;
    else if (rc != Z_OK && rc != Z_BUF_ERROR) return spoilt(p, p->z.msg ? p->z.msg : "the gzip file is damaged");
  }
  return (long)(room - p->z.avail_out);
}

/* ===} {=== libarchive === */

static const char *reason_of(struct archive *a) {
  const char *text = archive_error_string(a);
  if (text && strstr(text, "No progress is possible")) return "truncated lzma or xz input"; /* liblzma's words for it */
  return text ? text : "the archive is damaged";
}

static struct archive *forget(struct archive *a) {
  if (a) archive_read_free(a);
  return NULL;
}

/* the library's next block of this entry; 1, 0 at its end, -1 */
static int next_block(struct entry *e) {
  const void *block;
  la_int64_t offset;
  int rc;
  do rc = archive_read_data_block(e->archive, &block, &e->n, &offset);
  while (rc == ARCHIVE_RETRY);
  if (rc != ARCHIVE_OK) e->n = 0;
  if (rc != ARCHIVE_OK) return rc == ARCHIVE_EOF ? 0 : -1;
  e->block = block;
  e->gap = (uint64_t)offset > e->given ? (uint64_t)offset - e->given : 0; /* a hole in a sparse file */
  return 1;
}

/* archive_read_data would lose what it has when it meets something broken */
static long unpack(struct entry *e, void *to, size_t n) {
  while (e->gap == 0 && e->n == 0) {
    int rc = next_block(e);
    if (rc <= 0) return rc;
  }
  if (n > (e->gap ? e->gap : e->n)) n = e->gap ? e->gap : e->n;
  if (e->gap) {
    memset(to, 0, n);
    e->gap -= n;
  } else {
    memcpy(to, e->block, n);
    e->block += n;
    e->n -= n;
  }
  e->given += n;
  return (long)n;
}

/* ===} {=== the lower layer === */

/* 1; 0: there is nothing; -1 */
static long start_raw(struct packed *p) {
  struct archive_entry *e;
  struct archive *a = archive_read_new();
  p->raw = (struct entry){.archive = a};
  if (!a) return spoilt(p, "out of memory");
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_compress(a);
  archive_read_support_filter_lz4(a);
  archive_read_support_filter_lzip(a);
  archive_read_support_filter_lzma(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_format_empty(a);
  archive_read_support_format_raw(a);
  int rc = archive_read_open_fd(a, p->fd, INPUT);
  if (rc == ARCHIVE_OK) rc = archive_read_next_header(a, &e);
  p->raw_open = rc == ARCHIVE_OK;
  return rc == ARCHIVE_OK ? 1 : rc == ARCHIVE_EOF ? 0 : spoilt(p, reason_of(a));
}

/* The library takes an empty piece (lz4's) for the end. What it has not looked at may be a further piece, or nothing but zeros.
** 1: go on reading; 0: this was all; -1 */
static long next_raw(struct packed *p) {
  unsigned char head[HEAD];
  off_t end = p->piece + archive_filter_bytes(p->raw.archive, -1);
  ssize_t n = pread(p->fd, head, HEAD, end);
  if (n < 0) return spoilt(p, strerror(errno));
  if (n == 0 || memcmp(head, (char[HEAD]){0}, (size_t)n) == 0) return 0;
  if (end == p->piece || sniff(head, (size_t)n) != SNIFF_PACKED)
    return spoilt(p, "bytes that are not compressed follow its end");
  p->raw.archive = forget(p->raw.archive);
  p->piece = lseek(p->fd, end, SEEK_SET);
  long rc = p->piece < 0 ? spoilt(p, strerror(errno)) : start_raw(p);
  return rc == 0 ? next_raw(p) : rc;
}

static long unraw(struct packed *p, void *to, size_t n) {
  for (;;) {
    long got = p->raw_open ? unpack(&p->raw, to, n) : 0;
    if (got < 0) return spoilt(p, reason_of(p->raw.archive));
    if (got > 0) return got;
    p->raw_open = false;
    long more = next_raw(p);
    if (more <= 0) return more;
  }
}

static long undo_more(struct packed *p, void *to, size_t n) {
  return p->is_spoilt ? -1 : p->is_gzip ? gunzip(p, to, n) : unraw(p, to, n);
}

/* at most n bytes of what the lower layer gives, beginning with the head already looked at: how many, 0 at the end, -1 */
static long undo(struct packed *p, void *to, size_t n) {
  size_t left = p->head_n - p->head_at;
  if (left == 0) return undo_more(p, to, n);
  if (n > left) n = left;
  memcpy(to, p->head + p->head_at, n);
  p->head_at += n;
  return (long)n;
}

static long read_undone(struct source *s, void *to, size_t n, struct why *why) {
  struct packed *p = (struct packed *)s;
  long got = undo(p, to, n);
  if (got < 0) return broken(p, why, p->reason);
  p->given += (uint64_t)got;
  return got;
}

static int part_undone(struct source *s, struct why *why) {
  (void)why;
  return ((struct packed *)s)->parts++ == 0;
}

/* ===} {=== the upper layer === */

static la_ssize_t feed(struct archive *a, void *ctx, const void **block) {
  struct packed *p = ctx;
  *block = p->output;
  long n = undo(p, p->output, INPUT);
  if (n < 0) archive_set_error(a, EIO, "%s", p->reason);
  return n;
}

/* behind the last member: what is left below is looked at for its checksums' sake */
static int finish(struct packed *p, struct why *why) {
  long n = 0;
  if (p->is_gzip || p->raw.archive) do
      n = undo(p, p->output, INPUT);
    while (n > 0);
  return n < 0 ? broken(p, why, p->reason) : 0;
}

static long read_member(struct source *s, void *to, size_t n, struct why *why) {
  struct packed *p = (struct packed *)s;
  long got = unpack(&p->members, to, n);
  if (got < 0) return broken(p, why, reason_of(p->members.archive));
  p->given = p->members.given;
  return got;
}

static int name_member(struct packed *p, const char *name, struct why *why) {
  p->source.name = p->path;
  free(p->member);
  if (asprintf(&p->member, "%s:%s", p->path, name ? name : "?") < 0) {
    p->member = NULL;
    return broken(p, why, "out of memory");
  }
  p->source.name = p->member;
  return 1;
}

static int part_member(struct source *s, struct why *why) {
  struct packed *p = (struct packed *)s;
  struct archive_entry *e;
  for (;;) {
    int rc = archive_read_next_header(p->members.archive, &e);
    if (rc == ARCHIVE_EOF) return finish(p, why);
    if (rc == ARCHIVE_RETRY) continue;
    if (rc < ARCHIVE_WARN) return broken(p, why, reason_of(p->members.archive));
    p->members = (struct entry){.archive = p->members.archive};
    p->given = 0;
    if (archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e))
      return name_member(p, archive_entry_pathname(e), why);
  }
}

static int start_members(struct packed *p, struct why *why) {
  struct archive *a = p->members.archive = archive_read_new();
  bool below = p->is_gzip || p->raw.archive;
  p->output = below ? malloc(INPUT) : NULL;
  p->source.part = part_member;
  p->source.read = read_member;
  if (!a || (below && !p->output)) return broken(p, why, "out of memory");
  archive_read_support_format_tar(a);
  archive_read_support_format_zip(a);
  int rc = below ? archive_read_open(a, p, NULL, feed, NULL) : archive_read_open_fd(a, p->fd, INPUT);
  return rc == ARCHIVE_OK ? 0 : broken(p, why, reason_of(a));
}

/* ===} {=== the source === */

static void close_packed(struct source *s) {
  struct packed *p = (struct packed *)s;
  p->members.archive = forget(p->members.archive);
  p->raw.archive = forget(p->raw.archive);
  if (p->is_gzip) inflateEnd(&p->z);
  if (p->fd >= 0) close(p->fd);
  free(p->input);
  free(p->output);
  free(p->member);
  p->is_gzip = false;
  p->fd = -1;
  p->input = p->output = NULL;
  p->member = NULL;
  p->source.name = p->path;
}

static int start_gzip(struct packed *p, struct why *why) {
  p->input = malloc(INPUT);
  if (!p->input || inflateInit2(&p->z, 16 + MAX_WBITS) != Z_OK) return broken(p, why, "out of memory");
  p->is_gzip = true;
  return 0;
}

/* what is broken so early is met again when the head has been read */
static void look_ahead(struct packed *p) {
  for (long n = 1; n > 0 && p->head_n<HEAD; p->head_n += n> 0 ? (size_t)n : 0)
    n = undo_more(p, p->head + p->head_n, HEAD - p->head_n);
}

static int start(struct packed *p, struct why *why) {
  unsigned char head[HEAD];
  p->fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (p->fd < 0) return why_set(why, "cannot open %.700s:", p->path);
  ssize_t n = pread(p->fd, head, HEAD, 0);
  if (n < 0) return why_set(why, "cannot read %.700s:", p->path);
  if (sniff(head, (size_t)n) != SNIFF_PACKED) return start_members(p, why);
  bool gzip = head[0] == 0x1f && head[1] == 0x8b;
  if (gzip ? start_gzip(p, why) != 0 : start_raw(p) < 0) return gzip ? -1 : broken(p, why, p->reason);
  look_ahead(p);
  if (sniff(p->head, p->head_n) == SNIFF_TAR) return start_members(p, why);
  p->source.part = part_undone;
  p->source.read = read_undone;
  return 0;
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
