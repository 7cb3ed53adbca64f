#include "runtime/weave.h"

#include <string.h>

void weave_start(struct weave *w, uint32_t tasks, uint32_t stride, bool *ended) {
  *w = (struct weave){.tasks = tasks, .stride = stride, .live = tasks, .ended = ended};
  memset(ended, 0, tasks * sizeof *ended);
}

static void next_task(struct weave *w) {
  w->task = w->task + 1 == w->tasks ? 0 : w->task + 1;
  w->done = 0;
}

int weave_turn(struct weave *w) {
  if (w->live == 0) return -1;
  if (w->done == w->stride) next_task(w);
  while (w->ended[w->task]) next_task(w);
  return (int)w->task;
}

void weave_pulled(struct weave *w) { w->done++; }

void weave_ended(struct weave *w, uint32_t task) {
  if (w->ended[task]) return;
  w->ended[task] = true;
  w->live--;
}
