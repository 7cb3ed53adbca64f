/* limits: every tuned number of papy, each with the experiment that chose it.
** The hostile build (-DPAPY_HOSTILE) makes the rare common: buffers that start at a byte, payload blocks of 64 bytes,
** a yield at every change of a cell's state. */
#ifndef PAPY_BASE_LIMITS_H
#define PAPY_BASE_LIMITS_H

#ifdef PAPY_HOSTILE
#define BUF_START 1
#define HEAP_SMALLEST 64
#define FRAME_INLINE 16
#define CELL_INLINE 24
#define HOST_SPIN_NS 1000
#define WORKER_SPIN_NS 1000
#define WAKE_DELAY_NS 100
#define RESERVE_BYTES (1ULL << 32)
#define WARM_BYTES (1ULL << 16)
#define STATE_CHANGE() sched_yield()
#else
#define BUF_START 256
/* the smallest payload block; a request or result that does not fit the cell needs at least this */
#define HEAP_SMALLEST 128
/* a value longer than this gets a block of its own, so that it can be handed on by reference; shorter ones are
** copied with their batch: copying 4 KiB costs about what finding and returning a block costs (0.1 us) */
#define FRAME_INLINE 4096
/* bytes of request and of result that sit in the cell itself: with these, a cell is four cache lines, and a number
** there and back touches two of them */
#define CELL_INLINE 72
/* How long to spin before sleeping, when a core is free. Waking a sleeper costs about 60 us round trip by futex, pipe
** or eventfd alike, spinning 0.2 us (2-core virtual machine): spin about as long as the sleep would cost. */
#define HOST_SPIN_NS 60000
#define WORKER_SPIN_NS 60000
/* ready cells wait this long for the awake workers before a sleeper is woken for tasklets known to be short: the host
** takes ten times as long to wake a sleeper as a worker takes for ten cells of x*x */
#define WAKE_DELAY_NS 15000
/* address space reserved for payloads; pages come with their first touch. Halved until the system agrees. */
#define RESERVE_BYTES (1ULL << 40)
/* freed payload blocks keep their pages up to this many bytes (touching fresh pages costs 4x the copy) */
#define WARM_BYTES (256ULL << 20)
#define STATE_CHANGE() ((void)0)
#endif

/* tasklets known to be longer than this wake a sleeping worker at once: about the cost of a wake-up */
#define LONG_TASKLET_NS 10000
/* an automatic batch aims at this much work, so that handing over (about 0.5 us) is under one percent */
#define BATCH_WORK_NS 100000
/* and is never longer than this */
#define BATCH_MOST 4096
/* an input whose last pull took longer than this is pulled only when a result is missing, never ahead of a ready one */
#define SLOW_PULL_NS 200000
/* workers that die one after the other before their first tasklet: after so many the pool gives up */
#define STILLBORN_MOST 8
/* how long a worker told to leave may take before it is killed */
#define LEAVE_NS 2000000000LL
/* how long a thread that was interrupted may take to notice */
#define THREAD_GRACE_NS 100000000LL

/* Codec: how deep values may nest. Both directions recurse on the C stack, some 300 bytes a level (1 KB under the
** sanitizers): 2000 levels fit a thread's smallest usual stack many times, and linked lists of some length travel. */
#ifdef PAPY_HOSTILE
#define CODEC_DEPTH 200
#else
#define CODEC_DEPTH 2000
#endif
/* Codec: objects of an item that are told apart by comparing addresses, before a Lua table is made for it. Comparing
** 16 costs about what one lookup in the table costs; the table itself costs ten times that. */
#ifdef PAPY_HOSTILE
#define CODEC_FEW 1
#else
#define CODEC_FEW 16
#endif
/* Codec: nils written for a gap in an array rather than ending it. A nil takes one byte, a key up to nine. */
#define CODEC_GAP 8

#endif
