#include "runtime/order.h"

void order_start(struct order *o, bool ordered, struct entry *entries) {
  *o = (struct order){.ordered = ordered, .e = entries, .flying = {-1, -1}, .ready = {-1, -1}};
}

static void append(struct entry *e, struct chain *c, int cell) {
  e[cell].next = -1;
  e[cell].prev = c->last;
  if (c->last >= 0)
    e[c->last].next = cell;
  else
    c->first = cell;
  c->last = cell;
}

static void unlink_cell(struct entry *e, struct chain *c, int cell) {
  if (e[cell].prev >= 0)
    e[e[cell].prev].next = e[cell].next;
  else
    c->first = e[cell].next;
  if (e[cell].next >= 0)
    e[e[cell].next].prev = e[cell].prev;
  else
    c->last = e[cell].prev;
}

void order_submit(struct order *o, int cell) {
  o->e[cell] = (struct entry){.count = 1};
  append(o->e, &o->flying, cell);
  o->submitted++;
}

void order_more(struct order *o, int cell) {
  o->e[cell].count++;
  o->submitted++;
}

bool order_overtaken(struct order *o) {
  if (!o->ahead) return false;
  o->ahead--;
  o->submitted++;
  return true;
}

void order_done(struct order *o, int cell) {
  o->e[cell].done = true;
  if (o->ordered) return;
  unlink_cell(o->e, &o->flying, cell);
  append(o->e, &o->ready, cell);
}

static struct chain *chain_of(struct order *o, int cell) {
  return o->ordered || !o->e[cell].done ? &o->flying : &o->ready;
}

bool order_took(struct order *o, int cell) {
  o->out++;
  if (++o->e[cell].cursor < o->e[cell].count) return false;
  unlink_cell(o->e, chain_of(o, cell), cell);
  return true;
}

void order_replace(struct order *o, int cell, int by) {
  struct entry *e = o->e;
  e[by] = e[cell];
  if (e[by].prev >= 0)
    e[e[by].prev].next = by;
  else
    o->flying.first = by;
  if (e[by].next >= 0)
    e[e[by].next].prev = by;
  else
    o->flying.last = by;
}

/* cells in flight stand in order of submission, so their first has the lowest item; a finished one is only skipped over
** when nobody took it in time, which the caller rules out */
int order_skip(struct order *o, bool *last) {
  int cell = o->flying.first;
  if (cell < 0) {
    o->ahead++;
    o->out++;
    return -1;
  }
  *last = order_took(o, cell);
  return cell;
}

int order_waiting(const struct order *o) {
  int c = o->flying.first;
  while (c >= 0 && o->e[c].done) c = o->e[c].next;
  return c;
}
