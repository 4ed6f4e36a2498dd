// What the connections (client.c) and the life of a run (run.c) know of each other.
#pragma once
#include "client.h"
#include "loop.h"
#include "message.h"

typedef struct client {
  source source;
  enum { CLIENT_CLOSED, CLIENT_CONNECTING, CLIENT_IDLE, CLIENT_SENDING, CLIENT_AWAITING } at;
  bool in_body, served;
  uint32_t number;
  uint64_t id, scheduled_ns;
  size_t sent;
  head head;
  body body;
  char *partial;  // an incomplete head
  size_t partial_size;
  struct client *next_idle;
} client;

extern run_plan plan;
extern run_counts counts;
extern uint64_t counted_from_ns;  // latencies of requests scheduled before are not recorded

void client_connect(client *c);
void client_request(client *c, uint64_t scheduled_ns);
void client_expire(client *c);
void client_drop(client *c);

/// Called by client.c: the connection stands, or an answer came (the connection may be closed by now).
void client_connected(client *c);
void client_answered(client *c, uint64_t now);
