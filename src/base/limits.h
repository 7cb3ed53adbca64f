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
#define LEAST_SPIN_NS 100
#define WAKE_DELAY_NS 100
#define RESERVE_BYTES (1ULL << 32)
#define WARM_BYTES (1ULL << 16)
#define PAGE_ITEMS 2
#define PAGE_BYTES 64
#else
/* results kept for readers that are apart, together: a page of short items costs one malloc for many, and of long ones no
** more is kept than one or two that everybody has read */
#define PAGE_ITEMS 64
#define PAGE_BYTES 16384
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
/* A spin that ended in sleep halves the next one, down to this; one that was answered doubles it. Where host and worker share
** a core (the others are busy), a spinner only keeps the other from answering: 12 k tasklets/s with a fixed spin. Not less
** than an answer takes, or short tasklets never find back. */
#define LEAST_SPIN_NS 4000
/* ready cells wait this long for the awake workers before a sleeper is woken for tasklets known to be short: the host
** takes ten times as long to wake a sleeper as a worker takes for ten cells of x*x */
#define WAKE_DELAY_NS 15000
/* address space reserved for payloads; pages come with their first touch. Halved until the system agrees. */
#define RESERVE_BYTES (1ULL << 40)
/* freed payload blocks keep their pages up to this many bytes (touching fresh pages costs 4x the copy) */
#define WARM_BYTES (256ULL << 20)
#endif

/* tasklets known to be longer than this wake a sleeping worker at once: about the cost of a wake-up */
#define LONG_TASKLET_NS 10000
/* an automatic batch aims at this much work, so that handing over (about 0.5 us) is under one percent */
#define BATCH_WORK_NS 100000
/* bytes a frame of a short item takes: what a batch reserves for each, so that its run does not grow by doubling */
#define SHORT_FRAME 24
/* and is never longer than this */
#define BATCH_MOST 4096
/* an input whose last pull took longer than this is pulled only when a result is missing, never ahead of a ready one */
#define SLOW_PULL_NS 200000
/* and a turn of all pools gives such inputs so much time: whoever waits for something else looks again then */
#define SLOW_TURN_NS 5000000
/* workers that die one after the other before their first tasklet: after so many the pool gives up */
#define STILLBORN_MOST 8
/* how often to look for dead workers while poll is not reached */
#define LOOK_NS 20000000LL
/* missing workers that could not be started are tried again this often */
#define REFILL_NS 100000000LL
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

/* Scan: reading and matching source files. */
#ifdef PAPY_HOSTILE
#define CHUNK_BLOCK 16
#define READ_PIECE 64
#define MAP_AHEAD 4096
#define PIECES_KEPT 256
#define FILES_MOST 1
#define REGEX_KEPT 1
#define REGEX_STACK_START 1024
#else
/* bytes read at once while looking for the newline at a chunk's end: most are found in the first 200 bytes, and a
** 16 KiB block costs 1.5 % of a chunk of 1 MiB while a line of 1 GB still goes by at the speed of memory */
#define CHUNK_BLOCK 16384
/* bytes read and matched at a time: 64 to 256 KiB stay in the cache between the read and the match, 1 MiB does not
** (5 % slower); see scan/file.c */
#define READ_PIECE (128 << 10)
/* a mapping up to this size has its pages put in place at once */
#define MAP_AHEAD (64 << 20)
/* a state's reading buffer that a long line made larger than this is given back */
#define PIECES_KEPT (4 << 20)
/* source files kept open that nobody is reading at the moment */
#define FILES_MOST 32
/* compiled patterns kept for whoever asks again (at least so many, at most twice): one costs about 50 us to compile,
** a few KiB to keep */
#define REGEX_KEPT 64
#define REGEX_STACK_START (32 << 10)
#endif
/* A chunk of a file unless the caller says otherwise: a 64th of the file, so that several workers end together, within
** these bounds. Counting \brs[0-9]+\b in 1 GiB by chunk:count on a pool of two (rg -c: 0.63 s): chunks of 256 KiB
** 0.24 s, 1 MiB 0.15 s, 4 MiB 0.13 s, more no better: one of 4 MiB is worth 1 ms of work, 20 times what waking a worker
** costs. */
#define CHUNK_LEAST (64 << 10)
#define CHUNK_MOST (4 << 20)
#define CHUNK_SHARE 64
/* the JIT's stack may grow to this; beyond it a match goes on, slower, in the interpreter */
#define REGEX_STACK_MOST (1 << 20)
/* steps and KiB of memory that one match may take before it is given up as an error: some 50 ms and 64 MiB */
#define REGEX_MATCH_STEPS 10000000
#define REGEX_MATCH_KIB (64 << 10)

#endif
