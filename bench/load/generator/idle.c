#include "idle.h"

#include <stdlib.h>

typedef struct {
  client *first, **last;
} queue;

static queue *queues;
static int count, turn;

void idle_begin(int wanted) {
  free(queues);
  queues = calloc((size_t)wanted, sizeof *queues);
  count = wanted, turn = 0;
  for (int i = 0; i < count; i++) queues[i].last = &queues[i].first;
}

static queue *queue_of(const client *c) { return &queues[(uint64_t)c->place * (uint64_t)count / (uint64_t)plan.callers]; }

void idle_push(client *c) {
  if (c->waits) return;
  queue *q = queue_of(c);
  c->waits = true, c->next_idle = NULL;
  *q->last = c;
  q->last = &c->next_idle;
}

static client *take(queue *q) {
  client *c = q->first;
  q->first = c->next_idle;
  if (!q->first) q->last = &q->first;
  c->waits = false;
  return c;
}

client *idle_pop(void) {
  for (int tries = 0; tries < count; tries++) {
    queue *q = &queues[turn];
    turn = (turn + 1) % count;
    if (q->first) return take(q);
  }
  return NULL;
}
