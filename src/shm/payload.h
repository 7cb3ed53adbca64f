/* payload: the bytes of a cell's request or result, as a run of frames.
**
** A frame is one item: a header of 8 bytes, then its body, padded to 8:
**
**   | len << 12 | step << 4 | kind |  body              kinds are bits, see below
**   inline        body = len bytes of codec
**   FRAME_OUT     body = the ref (8 bytes) of a block that holds the len bytes
**   FRAME_LIST    len parts follow, each a frame itself (never a list): the items of a join, or an inbox
**   FRAME_FAULT   body = struct fault: the runtime's own words for an item whose worker is gone
**   FRAME_ERROR   (with inline or OUT) the bytes are an error value, to be raised or handed on, never called with; `step` is
**                 which of the composed functions of its task has failed, from 1; 0: the item came as an error
**
** The run sits in the cell while it fits there, else in one block. Only committed frames count (`n`): a writer that dies
** in the middle of a frame leaves the earlier ones valid. Out-of-line blocks belong to the frame: whoever clears the
** payload drops them; a reader that hands a frame on takes a hold of its own.
**
** When you change a frame: payload.c's body_size, drop_frames, payload_relay; out_frame of the pipe channel, which sends
** frames with their blocks in line; the readers in bindings (lnext.c, lwork.c). */
#ifndef PAPY_SHM_PAYLOAD_H
#define PAPY_SHM_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "shm/heap.h"

enum { FRAME_ERROR = 1, FRAME_OUT = 2, FRAME_LIST = 4, FRAME_FAULT = 8 };

struct payload {
  uint64_t n; /* committed bytes */
  ref block;  /* 0: the bytes are in `in` */
  uint8_t in[CELL_INLINE];
};

enum fault_cause { FAULT_DIED, FAULT_TIMEOUT, FAULT_NO_WORKER, FAULT_NO_MEMORY };
enum { STEP_MOST = 255 };
struct fault {
  uint32_t cause;
  int32_t status;    /* as waitpid reports it */
  uint32_t attempts; /* how often the tasklet was tried */
  uint32_t worker;
};

/* one frame as a reader sees it; the pointers are borrowed from the payload */
struct frame {
  unsigned kind, step;
  uint64_t len;        /* bytes, or parts of a list */
  const uint8_t *body; /* the codec's bytes, the fault, or the first part */
  ref block;           /* of FRAME_OUT */
  size_t size;         /* bytes of the whole frame in the run */
};

/* Writes one frame at a time. `bytes` is the buffer to encode into; it lives in the cell, in the run's block or, past
** FRAME_INLINE, in a block of its own, whose ref stands in *loose until the frame is committed. */
struct writer {
  struct buf bytes;
  struct heap *heap;
  struct payload *to;
  ref *loose;
  size_t start; /* of the open frame */
  bool out;
};

void payload_init(struct payload *p);
static inline uint8_t *payload_at(struct heap *h, struct payload *p) {
  return p->block ? heap_at(h, p->block) : p->in;
}
/* drop everything the payload owns and leave it empty */
void payload_clear(struct heap *h, struct payload *p);
/* hand all of `from` to `to` (which must be empty); `from` is empty afterwards */
void payload_move(struct payload *to, struct payload *from);

/* make room for about n more bytes of frames at once; a failure shows at the frame that needs it */
void payload_room(struct heap *h, struct payload *p, size_t n);

/* Open a frame at the end of p; *loose keeps the ref of a block that is no frame's yet (drop it if the writer dies).
** 0, or -1 with errno. A frame that was opened and never committed is forgotten by the next begin. */
int frame_begin(struct writer *w, struct heap *h, struct payload *p, ref *loose);
/* close it: kind is 0 or frame_error(step) */
void frame_commit(struct writer *w, unsigned kind);
static inline unsigned frame_error(unsigned step) { return (step < STEP_MOST ? step : STEP_MOST) << 4 | FRAME_ERROR; }
/* forget it */
void frame_cancel(struct writer *w);
/* append a FRAME_FAULT */
int payload_fault(struct heap *h, struct payload *p, const struct fault *f, unsigned step);
/* append the header of a list of `parts` frames, which must follow */
int payload_list(struct heap *h, struct payload *p, unsigned parts);
/* append a copy of a frame of another payload of the same heap; large bodies by reference */
int payload_relay(struct heap *h, struct payload *p, const struct frame *f);
/* append copies of the frames that stand from offset `at` up to `end` of another payload of the same heap */
int payload_relay_run(struct heap *h, struct payload *p, struct payload *from, size_t at, size_t end);
/* forget what was appended after the run was n bytes long */
void payload_cut(struct heap *h, struct payload *p, uint64_t n);

/* read the frame at offset `at`; false at the end of the run or when the bytes are no frame */
bool frame_read(struct heap *h, struct payload *p, size_t at, struct frame *f);
/* the next part of a list; *at starts as 0 */
bool frame_part(struct heap *h, const struct frame *list, size_t *at, struct frame *part);
/* the writer died: drop its loose block, unless it had just become a frame's */
void payload_rescue(struct heap *h, struct payload *p, ref *loose);
/* how many frames have been committed */
uint32_t payload_count(struct heap *h, struct payload *p);

#endif
