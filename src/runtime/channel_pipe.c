/* A pair of pipes per worker. What travels is a cell: a head, then the run of frames as it stands in the payload, then the
** blocks its frames refer to, one after the other. The receiver takes blocks of its own for those and writes their refs
** into the run. Host and worker read with the same small machine, the host without waiting.
**
**   | struct head | run: head.n bytes | block of the 1st FRAME_OUT | block of the 2nd | ...
**
** A worker says when it is ready for its first cell (NO_CELL): the time it needs to begin is not its first tasklet's. The host
** says when there will be no more: the end of the pipe may never come, since workers of later pools hold copies of it. A worker
** answers each tasklet with a message of its own, so that after a death the host knows how far it came. Beside
** the cell it computes it may have one more in its pipe when tasklets are short, so that it need not wait for the host; those
** cells are not begun and go to others when it dies.
**
** When you change struct head: begin_sending and answer fill it, host_got and take read it. Both ends are one binary. */
#include "runtime/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

struct head {
  uint64_t n, first;
  uint32_t cell, task, count, done; /* done: tasklets that have their result already; in an answer, 1: the last one */
  int64_t taken, finished;
};

#define NO_CELL UINT32_MAX /* in an empty message */

/* one direction of one pipe: how far the message under way has come */
struct traffic {
  struct head head;
  struct payload *run;
  size_t at;      /* bytes of the present part that are through */
  uint32_t part;  /* 0: head, 1: run, 2...: blocks */
  bool busy;
  bool placed; /* receiving: the present part has its block */
};

enum { AHEAD = 2 };

struct line { /* the host's end of one worker */
  int out, in;
  int child_in, child_out; /* between prepare and launched */
  struct traffic tx, rx;
  struct payload answer;
  int cell[AHEAD]; /* cells it has, the first is the one it computes */
  uint32_t cells;
  int64_t took; /* nanoseconds its tasklets take, averaged; 0: not known */
};

struct pipes {
  struct channel channel; /* first */
  struct window *window;
  uint32_t *queue; /* cells waiting for a worker: a ring as large as the window */
  uint32_t first, waiting;
  bool closed;
  struct line *line;
  /* in a worker */
  int in, out;
  bool greeted;
  uint32_t sent; /* result frames of the present cell that have been sent, */
  size_t sent_at; /* and where the next one starts */
};

static struct pipes *pipes_of(struct channel *c) { return (struct pipes *)c; }

/* ---- moving one message ---- */

/* the block of the k-th FRAME_OUT of a run, counting list parts; NULL when there are fewer */
static uint8_t *out_frame(struct heap *h, struct payload *run, uint32_t k, uint64_t *len) {
  uint8_t *p = payload_at(h, run), *end = p + run->n;
  while (end - p >= 8) { /* the body's ref may not be one of this heap yet: only headers are looked at */
    uint64_t header;
    memcpy(&header, p, 8);
    unsigned kind = header & 15;
    *len = header >> 12;
    if (kind & FRAME_OUT && k-- == 0) return p + 8;
    size_t body = kind & FRAME_LIST ? 0 : kind & FRAME_FAULT ? sizeof(struct fault) : kind & FRAME_OUT ? 8 : (*len + 7) & ~7ULL;
    p += 8 + body;
  }
  return NULL;
}

/* the memory of the present part; false: there is no such part, the message is through */
static bool part_of(struct heap *h, struct traffic *t, bool receiving, uint8_t **p, uint64_t *n) {
  if (t->part == 0) {
    *p = (uint8_t *)&t->head;
    *n = sizeof t->head;
    return true;
  }
  if (t->part == 1) {
    *p = payload_at(h, t->run);
    *n = t->head.n;
    return true;
  }
  uint8_t *at = out_frame(h, t->run, t->part - 2, n);
  if (!at) return false;
  ref r;
  memcpy(&r, at, sizeof r);
  if (receiving && !t->placed) {
    r = heap_take(h, *n);
    memcpy(at, &r, sizeof r);
    t->placed = true;
  }
  *p = r ? heap_at(h, r) : NULL; /* no memory: as if the other side had gone */
  return true;
}

/* 1: the message is through; 0: would have to wait; -1: the other side is gone */
static int pump(struct heap *h, int fd, struct traffic *t, bool receiving) {
  uint8_t *p;
  uint64_t n;
  while (part_of(h, t, receiving, &p, &n)) {
    if (!p) return -1;
    while (t->at < n) {
      ssize_t r = receiving ? read(fd, p + t->at, n - t->at) : write(fd, p + t->at, n - t->at);
      if (r > 0) t->at += (size_t)r;
      if (r == 0) return -1;
      if (r < 0 && errno == EAGAIN) return 0;
      if (r < 0 && errno != EINTR) return -1;
    }
    if (receiving && t->part == 0) { /* the head tells how much room the run needs */
      if (t->head.n > CELL_INLINE && !(t->run->block = heap_take(h, t->head.n))) return -1;
      t->run->n = t->head.n;
    }
    t->part++;
    t->at = 0;
    t->placed = false;
  }
  t->part = 0;
  return 1;
}

/* Sending to a worker that is just dying must not kill the host with SIGPIPE, and the host's own SIGPIPE (its output into a
** closed pipe) must stay as it is: so the signal is held back and, if it was ours, taken away. */
static int quiet_pump(struct heap *h, int fd, struct traffic *t) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  int r = pump(h, fd, t, false);
  if (r < 0 && !sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return r;
}

/* ---- host ---- */

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void shut(struct line *l) {
  close_fd(&l->in);
  close_fd(&l->out);
  close_fd(&l->child_in);
  close_fd(&l->child_out);
}

static void begin_sending(struct pipes *s, struct line *l, uint32_t c) {
  struct cell *cell = &s->window->cell[c];
  l->tx.head = (struct head){.n = cell->request.n, .first = cell->first, .cell = c, .task = cell->task, .count = cell->count,
                             .done = payload_count(s->window->heap, &cell->result)};
  l->tx.run = &cell->request;
  l->tx.part = 0;
  l->tx.at = 0;
  l->tx.busy = true;
}

static void set_state(struct window *w, uint32_t c, enum cell_state st, uint32_t owner) {
  atomic_store(&w->cell[c].state, (uint64_t)owner << 8 | st);
}

/* the worker now computes the first of its cells (or none), once it has begun */
static void show_current(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  struct slot *slot = &s->window->slot[n];
  bool works = l->cells && atomic_load(&slot->started);
  if (works) {
    int64_t now = clock_ns();
    struct cell *c = &s->window->cell[l->cell[0]];
    c->taken = now;
    atomic_store(&c->since, now);
  }
  atomic_store(&slot->cell, works ? (uint32_t)l->cell[0] + 1 : 0);
}

/* may worker n have one more cell? A second one only while what it computes is quickly done. */
static bool wants(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  if (l->out < 0 || l->tx.busy || l->cells >= AHEAD) return false;
  if (l->cells == 0) return true;
  for (uint32_t i = 0; i < s->window->workers; i++)
    if (s->line[i].out >= 0 && s->line[i].cells == 0) return false;
  return l->took > 0 && l->took < LONG_TASKLET_NS;
}

static void give(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  uint32_t c = s->queue[s->first];
  s->first = (s->first + 1) % s->window->cells;
  s->waiting--;
  set_state(s->window, c, CELL_TAKEN, n);
  l->cell[l->cells++] = (int)c;
  if (l->cells == 1) show_current(s, n);
  begin_sending(s, l, c);
}

static void send_on(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  if (l->tx.busy && quiet_pump(s->window->heap, l->out, &l->tx) != 0) l->tx.busy = false; /* a dead end shows by itself */
}

static void dispatch(struct pipes *s) {
  bool moved = true;
  while (s->waiting && moved) {
    moved = false;
    for (uint32_t n = 0; n < s->window->workers && s->waiting; n++)
      if (wants(s, n)) {
        give(s, n);
        send_on(s, n);
        moved = true;
      }
  }
}

static void submit(struct channel *c, uint32_t cell) {
  struct pipes *s = pipes_of(c);
  set_state(s->window, cell, CELL_READY, 0);
  s->queue[(s->first + s->waiting++) % s->window->cells] = cell;
  dispatch(s);
}

static bool withdraw(struct channel *c, uint32_t cell) {
  struct pipes *s = pipes_of(c);
  for (uint32_t i = 0; i < s->waiting; i++) {
    if (s->queue[(s->first + i) % s->window->cells] != cell) continue;
    for (; i + 1 < s->waiting; i++)
      s->queue[(s->first + i) % s->window->cells] = s->queue[(s->first + i + 1) % s->window->cells];
    s->waiting--;
    set_state(s->window, cell, CELL_FREE, 0);
    return true;
  }
  return false;
}

/* an answer has come whole: its frame joins the cell's results; false: no memory, as if it had never come */
static bool host_got(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  struct heap *h = s->window->heap;
  struct slot *slot = &s->window->slot[n];
  atomic_store(&slot->started, l->rx.head.finished);
  if (l->rx.head.cell == NO_CELL) {
    show_current(s, n);
    return true;
  }
  struct cell *cell = &s->window->cell[l->rx.head.cell];
  struct frame f;
  bool good = true;
  if (cell->result.n == 0 && l->rx.head.done)
    payload_move(&cell->result, &l->answer);
  else
    good = frame_read(h, &l->answer, 0, &f) && payload_relay(h, &cell->result, &f) == 0;
  payload_clear(h, &l->answer);
  if (!good) return false;
  int64_t took = l->rx.head.finished - l->rx.head.taken;
  l->took = l->took ? l->took + (took - l->took) / 4 : took + 1;
  atomic_store(&cell->since, clock_ns());
  if (!l->rx.head.done) return true;
  cell->taken = l->rx.head.taken;
  cell->done = l->rx.head.finished;
  slot->working += took;
  memmove(l->cell, l->cell + 1, sizeof l->cell - sizeof l->cell[0]);
  l->cells--;
  window_finish(s->window, l->rx.head.cell);
  show_current(s, n);
  return true;
}

static void receive(struct pipes *s, uint32_t n) {
  struct line *l = &s->line[n];
  int r = 1;
  while (l->in >= 0 && r > 0) {
    r = pump(s->window->heap, l->in, &l->rx, true);
    if (r > 0 && !host_got(s, n)) r = -1;
  }
  if (r < 0) shut(l); /* it is gone, or goes now: its pidfd tells */
}

static void move(struct channel *c) {
  struct pipes *s = pipes_of(c);
  for (uint32_t n = 0; n < s->window->workers; n++) {
    receive(s, n);
    send_on(s, n);
  }
  dispatch(s);
}

static int fds(struct channel *c, struct pollfd *f, int room) {
  struct pipes *s = pipes_of(c);
  int n = 0;
  for (uint32_t i = 0; i < s->window->workers; i++) {
    struct line *l = &s->line[i];
    if (l->in < 0) continue;
    if (n < room) f[n] = (struct pollfd){.fd = l->in, .events = POLLIN};
    n++;
    if (!l->tx.busy) continue;
    if (n < room) f[n] = (struct pollfd){.fd = l->out, .events = POLLOUT};
    n++;
  }
  return n;
}

static int prepare(struct channel *c, uint32_t n) {
  struct pipes *s = pipes_of(c);
  struct line *l = &s->line[n];
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) != 0) return -1;
  if (pipe2(up, O_CLOEXEC) != 0) {
    int why = errno;
    close(down[0]);
    close(down[1]);
    errno = why;
    return -1;
  }
  fcntl(down[1], F_SETPIPE_SZ, 1 << 20); /* a refusal leaves 64 KiB: slower, nothing else */
  fcntl(up[0], F_SETPIPE_SZ, 1 << 20);
  fcntl(down[1], F_SETFL, O_NONBLOCK);
  fcntl(up[0], F_SETFL, O_NONBLOCK);
  shut(l);
  *l = (struct line){.out = down[1], .in = up[0], .child_in = down[0], .child_out = up[1]};
  l->rx.run = &l->answer;
  return 0;
}

static void launched(struct channel *c, uint32_t n) {
  struct pipes *s = pipes_of(c);
  close_fd(&s->line[n].child_in);
  close_fd(&s->line[n].child_out);
  if (!s->closed) dispatch(s);
}

/* the bytes of blocks that had not all come yet belong to nobody */
static void drop_half(struct heap *h, struct traffic *t) {
  if (t->part >= 2) { /* blocks from this part on were never taken: blank their refs */
    uint64_t len;
    uint32_t k = t->part - 2 + t->placed;
    for (uint8_t *at; (at = out_frame(h, t->run, k, &len)); k++) memset(at, 0, sizeof(ref));
    payload_clear(h, t->run);
  } else {
    heap_drop(h, t->run->block);
    payload_init(t->run);
  }
}

static int reclaim(struct channel *c, uint32_t n) {
  struct pipes *s = pipes_of(c);
  struct line *l = &s->line[n];
  receive(s, n); /* what it said before it died counts */
  if (l->rx.part || l->rx.at) drop_half(s->window->heap, &l->rx);
  bool began = atomic_load(&s->window->slot[n].started);
  int held = began && l->cells ? l->cell[0] : -1;
  for (uint32_t i = l->cells; i-- > began;) { /* not begun: back to the front of the queue */
    s->first = (s->first + s->window->cells - 1) % s->window->cells;
    s->queue[s->first] = (uint32_t)l->cell[i];
    s->waiting++;
    set_state(s->window, (uint32_t)l->cell[i], CELL_READY, 0);
  }
  l->cells = 0;
  l->tx.busy = false;
  shut(l);
  atomic_store(&s->window->slot[n].cell, 0);
  atomic_store(&s->window->slot[n].started, 0);
  return held;
}

static void dismiss(struct pipes *s, struct line *l) {
  struct payload nothing;
  payload_init(&nothing);
  l->tx = (struct traffic){.head = {.cell = NO_CELL}, .run = &nothing};
  quiet_pump(s->window->heap, l->out, &l->tx);
}

static void close_(struct channel *c) {
  struct pipes *s = pipes_of(c);
  s->closed = true;
  for (uint32_t n = 0; n < s->window->workers; n++) {
    struct line *l = &s->line[n];
    if (l->out >= 0 && !l->tx.busy) dismiss(s, l);
    shut(l);
  }
}

static void destroy(struct channel *c) {
  struct pipes *s = pipes_of(c);
  close_(c);
  for (uint32_t n = 0; n < s->window->workers; n++) {
    struct line *l = &s->line[n];
    if (l->rx.part || l->rx.at) drop_half(s->window->heap, &l->rx); /* the run may name blocks that have not come */
    payload_clear(s->window->heap, &l->answer);
  }
  free(s->line);
  free(s->queue);
  free(s);
}

/* ---- worker: waits in read and write, on a small window and a heap of its own ---- */

static int attach(struct channel *c, uint32_t n) {
  struct pipes *s = pipes_of(c);
  struct line *mine = &s->line[n];
  s->in = dup(mine->child_in);
  s->out = dup(mine->child_out);
  if (s->in < 0 || s->out < 0) return -1;
  for (uint32_t i = 0; i < s->window->workers; i++) shut(&s->line[i]); /* else a sibling's end never comes */
  struct heap *heap = heap_new();
  struct window *own = heap ? window_new(1, 1, heap, false, -1) : NULL;
  if (!own) return -1;
  c->window = own;
  return 0;
}

static bool greet(struct pipes *s) {
  struct payload nothing;
  payload_init(&nothing);
  struct traffic t = {.head = {.cell = NO_CELL, .finished = clock_ns()}, .run = &nothing};
  s->greeted = true;
  return pump(s->channel.window->heap, s->out, &t, false) > 0;
}

static int take(struct channel *c, uint32_t n) {
  struct pipes *s = pipes_of(c);
  struct cell *cell = &c->window->cell[0];
  struct traffic t = {.run = &cell->request};
  (void)n;
  if (!s->greeted && !greet(s)) return -1;
  payload_clear(c->window->heap, &cell->request);
  payload_clear(c->window->heap, &cell->result);
  if (pump(c->window->heap, s->in, &t, true) < 0 || t.head.cell == NO_CELL) return -1;
  cell->remote = t.head.cell;
  cell->first = t.head.first;
  cell->task = t.head.task;
  cell->count = t.head.count;
  cell->elsewhere = t.head.done;
  cell->taken = clock_ns();
  s->sent = 0;
  s->sent_at = 0;
  return 0;
}

/* send the result frames that have not been sent; the last one ends the cell */
static void answer(struct pipes *s, struct cell *cell) {
  struct heap *h = s->channel.window->heap;
  struct frame f;
  for (; frame_read(h, &cell->result, s->sent_at, &f); s->sent_at += f.size) {
    struct payload one;
    payload_init(&one);
    if (payload_relay(h, &one, &f) != 0) _exit(1);
    struct traffic t = {.run = &one};
    t.head = (struct head){.n = one.n, .cell = cell->remote, .taken = cell->taken, .finished = clock_ns(),
                           .done = cell->elsewhere + ++s->sent >= cell->count};
    if (pump(h, s->out, &t, false) < 0) _exit(0); /* the host is gone */
    payload_clear(h, &one);
  }
}

static void progress(struct channel *c, uint32_t n, uint32_t cell) {
  (void)n;
  answer(pipes_of(c), &c->window->cell[cell]);
}

static bool complete(struct channel *c, uint32_t n, uint32_t cell) {
  progress(c, n, cell);
  struct cell *mine = &c->window->cell[cell];
  if (mine->elsewhere + pipes_of(c)->sent < mine->count) _exit(1); /* no memory for a result: then it is a death's */
  return true;
}

static const struct channel_ops ops = {submit,  withdraw, move,   fds,  prepare,  launched, reclaim,
                                       close_,  destroy,  attach, take, progress, complete};

struct channel *channel_pipe(struct window *w) {
  struct pipes *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->channel = (struct channel){&ops, w, w->slot};
  s->window = w;
  s->queue = calloc(w->cells, sizeof *s->queue);
  s->line = calloc(w->workers, sizeof *s->line);
  if (s->queue && s->line) {
    for (uint32_t n = 0; n < w->workers; n++)
      s->line[n] = (struct line){.out = -1, .in = -1, .child_in = -1, .child_out = -1};
    return &s->channel;
  }
  free(s->queue);
  free(s->line);
  free(s);
  return NULL;
}
