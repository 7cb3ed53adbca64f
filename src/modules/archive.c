/* archive: compressed files and archives as streams of bytes.
**
** Layers, each of which pulls from the one below: the file; what its compression hid (gzip through zlib, everything else
** through libarchive, which sees only what it can undo by itself: no programs are run); if that begins as tar does, the
** members, libarchive again (a bare tar or zip it reads from the file); and what the compression of a member hid, for a tar of
** rotated logs is a tar of .gz files. An archive in an archive stays one.
**
** Why zlib: libarchive does not compare gzip's checksums, so a damaged log would be counted as if it were whole. Why not
** libarchive for both layers at once: it stops reading behind the last member, before the checksums at the end.
**
** What is broken is said where it is met: everything before has been handed out. Members are parts; those that are no regular
** files are passed over. */
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

enum { INPUT = 128 << 10, KEPT = 64, HEAD = SNIFF_BYTES };

struct packed;

/* at most n bytes of a layer: how many, 0 at the end, -1 with p->reason */
typedef long (*pull)(struct packed *p, void *to, size_t n);

/* an entry that libarchive reads */
struct entry {
  struct archive *archive;
  const char *block; /* the library's, n bytes of it not given yet, behind a gap of zeros */
  size_t n;
  uint64_t gap, given;
};

/* what was pulled first, and looked at to see what it is */
struct head {
  unsigned char bytes[HEAD];
  size_t n, at;
  bool is_broken; /* behind these bytes */
};

/* a compression that is undone */
struct undo {
  struct packed *p;
  pull from;
  enum { NONE, GZIP, OTHER } kind;
  bool is_spoilt;
  unsigned char *input; /* KEPT + INPUT */
  /* gzip */
  z_stream z;
  bool fresh; /* between two pieces */
  /* others */
  struct entry raw;
  bool raw_open;       /* it has an entry */
  uint64_t fed;        /* bytes the library was given of this piece */
  size_t input_n, due; /* bytes of the input, the last ones given; or those to be given first */
};

struct packed {
  struct source source;
  int fd, parts;
  uint64_t given; /* bytes of this part */
  char *member;   /* "path:member", once there was one */
  struct undo file;
  struct head undone; /* of it */
  struct entry members;
  unsigned char *output;
  struct head stored; /* of this member */
  struct undo inner;  /* the member's */
  char reason[200];   /* what is wrong with a layer */
  char path[];
};

static int broken(struct packed *p, struct why *why) {
  return why_set(why, "cannot read %.700s behind byte %" PRIu64 ": %.200s", p->source.name, p->given, p->reason);
}

static long fail(struct packed *p, const char *reason) {
  snprintf(p->reason, sizeof p->reason, "%s", reason);
  return -1;
}

/* broken for good */
static long spoilt(struct undo *u, const char *reason) {
  u->is_spoilt = true;
  return fail(u->p, reason);
}

static long pull_input(struct undo *u, unsigned char *to, size_t n) {
  long got = u->from(u->p, to, n);
  if (got < 0) u->is_spoilt = true;
  return got;
}

/* {=== heads === */

static void look_ahead(struct packed *p, struct head *h, pull from) {
  long n = 1;
  h->n = h->at = 0;
  while (n > 0 && h->n < HEAD)
    if ((n = from(p, h->bytes + h->n, HEAD - h->n)) > 0) h->n += (size_t)n;
  h->is_broken = n < 0;
}

static long pull_through(struct packed *p, struct head *h, pull from, void *to, size_t n) {
  size_t left = h->n - h->at;
  if (left == 0) return h->is_broken ? -1 : from(p, to, n);
  if (n > left) n = left;
  memcpy(to, h->bytes + h->at, n);
  h->at += n;
  return (long)n;
}

/* ===} {=== gzip === */

static long refill(struct undo *u) {
  long n = pull_input(u, u->input, INPUT);
  u->z.next_in = u->input;
  u->z.avail_in = n > 0 ? (unsigned)n : 0;
  return n;
}

/* Between pieces: zeros that fill a tape's block are passed over. 1: another piece, 0: the end, -1: something else */
static long next_gzip(struct undo *u) {
  for (;;) {
    while (u->z.avail_in && *u->z.next_in == 0) u->z.next_in++, u->z.avail_in--;
    if (u->z.avail_in) break;
    long n = refill(u);
    if (n <= 0) return n;
  }
  if (*u->z.next_in != 0x1f) return spoilt(u, "bytes that are not gzip's follow its end");
  inflateReset(&u->z);
  u->fresh = false;
  return 1;
}

static long gunzip(struct undo *u, void *to, size_t n) {
  u->z.next_out = to;
  u->z.avail_out = n > INT32_MAX ? INT32_MAX : (unsigned)n;
  unsigned room = u->z.avail_out;
  while (u->z.avail_out == room) {
    long more = u->fresh ? next_gzip(u) : 1;
    if (more <= 0) return more;
    if (!u->z.avail_in && (more = refill(u)) <= 0) return more < 0 ? -1 : spoilt(u, "the gzip file is cut short");
    int rc = inflate(&u->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) u->fresh = true;
    else if (rc != Z_OK && rc != Z_BUF_ERROR) return spoilt(u, u->z.msg ? u->z.msg : "the gzip file is damaged");
  }
  return (long)(room - u->z.avail_out);
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

/* ===} {=== other compressions === */

static const char behind_its_end[] = "bytes that are not compressed follow its end";

/* The end of the block before stays in front of the next one: the library may have looked from one into the other. */
static la_ssize_t feed_raw(struct archive *a, void *ctx, const void **block) {
  struct undo *u = ctx;
  size_t kept = u->due > 0 ? 0 : u->input_n < KEPT ? u->input_n : KEPT;
  if (kept) memmove(u->input, u->input + u->input_n - kept, kept);
  long n = u->due > 0 ? (long)u->due : pull_input(u, u->input + kept, INPUT);
  u->due = 0;
  if (n < 0) archive_set_error(a, EIO, "%s", u->p->reason);
  if (n < 0) return -1;
  u->input_n = kept + (size_t)n;
  u->fed += (uint64_t)n;
  *block = u->input + kept;
  return n;
}

/* 1; 0: there is nothing; -1. What the library does not know, it would hand out as it is. */
static long start_raw(struct undo *u) {
  struct archive_entry *e;
  struct archive *a = archive_read_new();
  u->raw = (struct entry){.archive = a};
  u->fed = 0;
  if (!a) return spoilt(u, "out of memory");
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_compress(a);
  archive_read_support_filter_lz4(a);
  archive_read_support_filter_lzip(a);
  archive_read_support_filter_lzma(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  archive_read_support_format_empty(a);
  archive_read_support_format_raw(a);
  int rc = archive_read_open(a, u, NULL, feed_raw, NULL);
  if (rc == ARCHIVE_OK) rc = archive_read_next_header(a, &e);
  if (rc == ARCHIVE_OK && archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE)
    return spoilt(u, "the header of a compressed piece is damaged");
  u->raw_open = rc == ARCHIVE_OK;
  return rc == ARCHIVE_OK ? 1 : rc == ARCHIVE_EOF ? 0 : spoilt(u, reason_of(a));
}

/* zeros that fill a tape's block */
static void drop_zeros(struct undo *u) {
  size_t zeros = 0;
  while (zeros < u->input_n && u->input[zeros] == 0) zeros++;
  u->input_n -= zeros;
  memmove(u->input, u->input + zeros, u->input_n);
}

/* What the library was given and has not used comes first; then as much as shows what it is. 0, or -1 */
static long gather_rest(struct undo *u, uint64_t rest) {
  long n = 1;
  if (rest > u->input_n) return spoilt(u, behind_its_end);
  memmove(u->input, u->input + u->input_n - rest, rest);
  u->input_n = rest;
  for (drop_zeros(u); n > 0 && u->input_n < HEAD; drop_zeros(u))
    if ((n = pull_input(u, u->input + u->input_n, INPUT - u->input_n)) > 0) u->input_n += (size_t)n;
  return n < 0 ? -1 : 0;
}

/* The library takes an empty piece (lz4's) for the end. What it has not looked at may be a further piece, or nothing but zeros.
** 1: go on reading; 0: this was all; -1 */
static long next_raw(struct undo *u) {
  long rc;
  do {
    uint64_t used = (uint64_t)archive_filter_bytes(u->raw.archive, -1);
    if (gather_rest(u, u->fed - used) != 0) return -1;
    u->raw.archive = forget(u->raw.archive);
    if (u->input_n == 0) return 0;
    if (used == 0 || sniff(u->input, u->input_n) != SNIFF_PACKED) return spoilt(u, behind_its_end);
    u->due = u->input_n;
    rc = start_raw(u);
  } while (rc == 0);
  return rc;
}

static long unraw(struct undo *u, void *to, size_t n) {
  while (u->raw.archive) {
    long got = u->raw_open ? unpack(&u->raw, to, n) : 0;
    if (got < 0) return spoilt(u, reason_of(u->raw.archive));
    if (got > 0) return got;
    u->raw_open = false;
    long more = next_raw(u);
    if (more <= 0) return more;
  }
  return 0;
}

/* ===} {=== any compression === */

static long undo(struct undo *u, void *to, size_t n) {
  return u->is_spoilt ? -1 : u->kind == GZIP ? gunzip(u, to, n) : unraw(u, to, n);
}

static void undo_end(struct undo *u) {
  forget(u->raw.archive);
  if (u->kind == GZIP) inflateEnd(&u->z);
  free(u->input);
  *u = (struct undo){.kind = NONE};
}

/* begin to undo what begins with the two bytes at head; 0, or -1 */
static long undo_start(struct undo *u, struct packed *p, pull from, const unsigned char *head) {
  *u = (struct undo){.p = p, .from = from, .input = malloc(KEPT + INPUT)};
  if (!u->input) return spoilt(u, "out of memory");
  if (head[0] == 0x1f && head[1] == 0x8b) {
    if (inflateInit2(&u->z, 16 + MAX_WBITS) != Z_OK) return spoilt(u, "out of memory");
    u->kind = GZIP;
    return 0;
  }
  u->kind = OTHER;
  return start_raw(u) < 0 ? -1 : 0;
}

/* ===} {=== layers === */

static long pull_file(struct packed *p, void *to, size_t n) {
  ssize_t got;
  do got = read(p->fd, to, n);
  while (got < 0 && errno == EINTR);
  return got < 0 ? fail(p, strerror(errno)) : got;
}

static long undo_file(struct packed *p, void *to, size_t n) {
  return undo(&p->file, to, n);
}

static long pull_undone(struct packed *p, void *to, size_t n) {
  return pull_through(p, &p->undone, undo_file, to, n);
}

static long unpack_stored(struct packed *p, void *to, size_t n) {
  long got = unpack(&p->members, to, n);
  return got < 0 ? fail(p, reason_of(p->members.archive)) : got;
}

static long pull_stored(struct packed *p, void *to, size_t n) {
  return pull_through(p, &p->stored, unpack_stored, to, n);
}

static long pull_member(struct packed *p, void *to, size_t n) {
  return p->inner.kind ? undo(&p->inner, to, n) : pull_stored(p, to, n);
}

/* ===} {=== a compressed file === */

static long pull_part(struct packed *p, pull from, void *to, size_t n, struct why *why) {
  long got = from(p, to, n);
  if (got < 0) return broken(p, why);
  p->given += (uint64_t)got;
  return got;
}

static long read_undone(struct source *s, void *to, size_t n, struct why *why) {
  return pull_part((struct packed *)s, pull_undone, to, n, why);
}

static int part_undone(struct source *s, struct why *why) {
  (void)why;
  return ((struct packed *)s)->parts++ == 0;
}

/* ===} {=== an archive === */

static la_ssize_t feed(struct archive *a, void *ctx, const void **block) {
  struct packed *p = ctx;
  *block = p->output;
  long n = pull_undone(p, p->output, INPUT);
  if (n < 0) archive_set_error(a, EIO, "%s", p->reason);
  return n;
}

/* behind the last member: what is left below is looked at for its checksums' sake */
static int finish(struct packed *p, struct why *why) {
  long n = 0;
  if (p->file.kind) do
      n = pull_undone(p, p->output, INPUT);
    while (n > 0);
  return n < 0 ? broken(p, why) : 0;
}

static long read_member(struct source *s, void *to, size_t n, struct why *why) {
  return pull_part((struct packed *)s, pull_member, to, n, why);
}

static int name_member(struct packed *p, const char *name) {
  p->source.name = p->path;
  free(p->member);
  if (asprintf(&p->member, "%s:%s", p->path, name ? name : "?") < 0) {
    p->member = NULL;
    return (int)fail(p, "out of memory");
  }
  p->source.name = p->member;
  return 0;
}

/* 1, or -1 */
static int begin_member(struct packed *p, const char *name, struct why *why) {
  p->members = (struct entry){.archive = p->members.archive};
  p->given = 0;
  if (name_member(p, name) != 0) return broken(p, why);
  look_ahead(p, &p->stored, unpack_stored);
  bool packed = sniff(p->stored.bytes, p->stored.n) == SNIFF_PACKED;
  if (packed && undo_start(&p->inner, p, pull_stored, p->stored.bytes) != 0) return broken(p, why);
  return 1;
}

static int part_member(struct source *s, struct why *why) {
  struct packed *p = (struct packed *)s;
  struct archive_entry *e;
  undo_end(&p->inner);
  for (;;) {
    int rc = archive_read_next_header(p->members.archive, &e);
    if (rc == ARCHIVE_EOF) return finish(p, why);
    if (rc == ARCHIVE_RETRY) continue;
    if (rc < ARCHIVE_WARN) return fail(p, reason_of(p->members.archive)), broken(p, why);
    if (archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e))
      return begin_member(p, archive_entry_pathname(e), why);
  }
}

static int start_members(struct packed *p, struct why *why) {
  struct archive *a = p->members.archive = archive_read_new();
  bool below = p->file.kind;
  p->output = below ? malloc(INPUT) : NULL;
  p->source.part = part_member;
  p->source.read = read_member;
  if (!a || (below && !p->output)) return fail(p, "out of memory"), broken(p, why);
  archive_read_support_format_tar(a);
  archive_read_support_format_zip(a);
  int rc = below ? archive_read_open(a, p, NULL, feed, NULL) : archive_read_open_fd(a, p->fd, INPUT);
  return rc == ARCHIVE_OK ? 0 : (fail(p, reason_of(a)), broken(p, why));
}

/* ===} {=== the source === */

static void close_packed(struct source *s) {
  struct packed *p = (struct packed *)s;
  undo_end(&p->inner);
  p->members.archive = forget(p->members.archive);
  undo_end(&p->file);
  if (p->fd >= 0) close(p->fd);
  free(p->output);
  free(p->member);
  p->fd = -1;
  p->output = NULL;
  p->member = NULL;
  p->source.name = p->path;
}

static int start(struct packed *p, struct why *why) {
  unsigned char head[HEAD];
  p->fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (p->fd < 0) return why_set(why, "cannot open %.700s:", p->path);
  ssize_t n = pread(p->fd, head, HEAD, 0);
  if (n < 0) return why_set(why, "cannot read %.700s:", p->path);
  if (sniff(head, (size_t)n) != SNIFF_PACKED) return start_members(p, why);
  if (undo_start(&p->file, p, pull_file, head) != 0) return broken(p, why);
  look_ahead(p, &p->undone, undo_file);
  if (sniff(p->undone.bytes, p->undone.n) == SNIFF_TAR) return start_members(p, why);
  p->source.part = part_undone;
  p->source.read = read_undone;
  return 0;
}

/* open(path) -> a source that reads the file, undoing what it is recognised as by its content: gzip (several members, too),
** bzip2, xz, lzma, lzip, zstd, lz4, compress; tar inside any of these or bare, and zip, give one part for each member, undone
** in its turn if it is compressed.
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
