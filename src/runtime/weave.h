/* weave: whose turn it is to submit. Pure arithmetic over task numbers (from 0), stride and ended inputs.
**
** Strides of task 0, 1, …, T-1, 0, 1, …; an ended task is passed over. The order depends on nothing else: not on time,
** not on the order in which results are taken. A turn is closed by exactly one of pulled, ended. */
#ifndef PAPY_RUNTIME_WEAVE_H
#define PAPY_RUNTIME_WEAVE_H

#include <stdbool.h>
#include <stdint.h>

struct weave {
  uint32_t tasks, stride;
  uint32_t task, done; /* whose stride it is, and how much of it is done */
  uint32_t live;       /* tasks whose input has not ended */
  bool *ended;         /* caller's array, one per task */
};

/* the first turn; `ended` is cleared */
void weave_start(struct weave *w, uint32_t tasks, uint32_t stride, bool *ended);
/* the task whose turn it is, or -1 when every input has ended. Asking twice gives the same answer. */
int weave_turn(struct weave *w);
/* the task of this turn has had one item submitted */
void weave_pulled(struct weave *w);
/* the input of `task` has ended; if it is its turn, the turn passes on */
void weave_ended(struct weave *w, uint32_t task);

#endif
