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
#define WORKERS_UNSEEN 2
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
/* so many workers more than twice those that were left after the last full collection, and the next start makes another: pools
** nobody holds are found by the collector only. A collection of a heap of 550 MB takes 0.15 s, 64 forks of it 1.4 s. */
#define WORKERS_UNSEEN 64
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
/* what a worker prints without a newline is shown at the prompt after this time: more than between the parts of one line */
#define PART_OF_LINE_NS 300000000LL
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

/* Host: text of a loaded file that is kept in memory; what is longer is data, and read again when it is needed. */
#define TEXT_MOST (1 << 20)

/* Scan: reading and matching source files. */
#ifdef PAPY_HOSTILE
#define CHUNK_BLOCK 16
#define READ_PIECE 64
#define READ_LOOK 4
#define BLOCK_BYTES 64
#define BLOCK_STEP 3
#define PIPE_BYTES 4096
#define MAP_AHEAD 4096
#define MAP_AROUND 4096
#define PIECES_KEPT 256
#define CSV_RECORD_MOST 200
#define CSV_LOOK 32
#define FILES_MOST 1
#define REGEX_KEPT 1
#define REGEX_STACK_START 1024
#define ARENA_START 8
#define ARENA_KEPT 64
#else
/* bytes read at once while looking for the newline at a chunk's end: most are found in the first 200 bytes, and a
** 16 KiB block costs 1.5 % of a chunk of 1 MiB while a line of 1 GB still goes by at the speed of memory */
#define CHUNK_BLOCK 16384
/* bytes read and matched at a time: 64 to 256 KiB stay in the cache between the read and the match, 1 MiB does not
** (5 % slower); see scan/file.c */
#define READ_PIECE (128 << 10)
/* the first read of somebody who looks for a line that is most likely near */
#define READ_LOOK 4096
/* a block of a stream that cannot be cut into chunks: large enough that handing it over costs nothing (4 us of 1 ms),
** small enough that the copies of it stay in the cache */
#define BLOCK_BYTES (1 << 20)
#define BLOCK_STEP (64 << 10)
/* what a pipe that is read may hold, so that its writer need not stop whenever we look elsewhere: see scan/reader.c */
#define PIPE_BYTES (1 << 20)
/* a mapping up to this size has its pages put in place at once, by touching it every MAP_AROUND bytes (what Linux maps around
** a fault, unless told otherwise) */
#define MAP_AHEAD (64 << 20)
#define MAP_AROUND (64 << 10)
/* a state's reading buffer that a long line made larger than this is given back */
#define PIECES_KEPT (4 << 20)
/* Bytes of a csv record with newlines in quotes; a quote that is not closed by then is a slip. A stray quote may be looked behind
** so far, and what reads the file has so much of it in memory; fields that hold documents of some MB are met with. */
#define CSV_RECORD_MOST (16 << 20)
/* bytes at the beginning of a chunk that are looked at for signs of quotes: they are read twice */
#define CSV_LOOK (16 << 10)
/* source files kept open that nobody is reading at the moment */
#define FILES_MOST 32
/* compiled patterns kept for whoever asks again (at least so many, at most twice): one costs about 50 us to compile,
** a few KiB to keep */
#define REGEX_KEPT 64
#define REGEX_STACK_START (32 << 10)
/* decoded text of a record: room for a few fields at first; what a huge record needed is given back */
#define ARENA_START 1024
#define ARENA_KEPT (1 << 20)
#endif
/* A chunk of a file unless the caller says otherwise: a 64th of the file, so that several workers end together, within
** these bounds. Counting \brs[0-9]+\b in 1 GiB by chunk:count on a pool of two (rg -c: 0.63 s): chunks of 256 KiB
** 0.24 s, 1 MiB 0.15 s, 4 MiB 0.13 s, more no better: one of 4 MiB is worth 1 ms of work, 20 times what waking a worker
** costs. */
#define CHUNK_LEAST (64 << 10)
#define CHUNK_MOST (4 << 20)
#define CHUNK_SHARE 64
/* Bytes of a pattern's sign, which is looked for before PCRE2 is asked, and parentheses within parentheses that are looked
** into: a longer literal is found by its first 32 bytes as well, and the analysis needs some 12 KB of stack a level. */
#define SIGN_MOST 32
#define SIGN_DEPTH 16
/* Rarity is counted in bits: n bits, one place in 2^n. A sign of less is not looked for: at 5 bits there are two places in
** 64 bytes, and going from place to place costs as much as PCRE2's own search. One that starts the match is preferred to one
** of so many bits more within it, as it tells where to try. Probes are added up to PROBES_RARITY (a place in 64 KiB is as
** good as none), none of less than PROBE_RARITY. */
#define SIGN_RARITY 5
#define SIGN_START 3
#define PROBES_RARITY 16
#define PROBE_RARITY 0.5
/* A place that shows the sign but has no match costs about as much as searching so many bytes without looking for signs:
** 95 ns for a line of 85 bytes, against 1.1 ns a byte of [A-Z][a-z]+ing\b over 256 MiB. When such places have used up the
** credit, PCRE2 searches alone for SIGN_REST bytes, some 20 ms; then the sign has its chance again. */
#define SIGN_ALARM 100
#ifdef PAPY_HOSTILE
#define SIGN_CREDIT 200
#define SIGN_REST 100
#else
#define SIGN_CREDIT (64 << 10)
#define SIGN_REST (16 << 20)
#endif
/* a followed log that says nothing for so many seconds has ended its last record of several lines */
#define FOLLOW_QUIET 1.0
/* the JIT's stack may grow to this; beyond it a match goes on, slower, in the interpreter */
#define REGEX_STACK_MOST (1 << 20)
/* steps and KiB of memory that one match may take before it is given up as an error: some 50 ms and 64 MiB */
#define REGEX_MATCH_STEPS 10000000
#define REGEX_MATCH_KIB (64 << 10)

/* Tallies. */
#ifdef PAPY_HOSTILE
#define BLOCKS_RUN_START 64
#define BLOCKS_RUN_MOST 128
#define BLOCKS_LARGE 64
#define TALLY_START 2
#define GROUPS_START 2
#define SKETCH_EXACT 4
#define DISTINCT_EXACT 16
#define FREQUENT_EXACT 8
#define HISTOGRAM_MOST 8
#define SPILL_LEAST 2
#define SORT_FANIN 2
#define SORT_PIECE 64
#else
/* states are cut from runs of memory that double between these; larger blocks are the C library's own */
#define BLOCKS_RUN_START 4096
#define BLOCKS_RUN_MOST (1 << 20)
#define BLOCKS_LARGE (64 << 10)
/* Slots of a fresh tally. It has a few groups or thousands. Where they are few, every record asks for one of them, so none
** should have to be looked for: of 7 statuses in 16 slots one record in six was found elsewhere than the processor
** guessed, in 256 one in a hundred. */
#define TALLY_START 256
/* the same of a table within a group, of which there are many */
#define GROUPS_START 16
/* values of a group kept one by one before they are counted in buckets: as much memory (512 bytes) as the buckets of
** three octaves, so groups with few values are smaller and exact */
#define SKETCH_EXACT 60
/* different values of a group counted exactly: their hashes then take as much memory as the registers of an estimate */
#define DISTINCT_EXACT 2048
/* different values of a group counted exactly while the most frequent are looked for, or 32 times as many as are wanted
** when that is more */
#define FREQUENT_EXACT 1024
/* buckets of a histogram of given width that are not empty; more than fit on any screen */
#define HISTOGRAM_MOST 4096
/* groups that are worth moving to a file */
#define SPILL_LEAST 64
/* sorted runs merged at a time, and bytes of each read at once: 64 times 256 KiB are 16 MiB */
#define SORT_FANIN 64
#define SORT_PIECE (256 << 10)
#endif
/* memory of a tally, or of a sort, in the host unless the caller says otherwise */
#define TALLY_MEMORY (1 << 30)
#define SORT_MEMORY (256 << 20)

#endif
