// What the callers (client.c, http2_client.c) and the life of a run (run.c) know of each other.
#pragma once
#include "client.h"
#include "loop.h"
#include "message.h"
#include "session.h"

/// Who sends one request at a time: a connection of HTTP/1.1, or one of the streams of an HTTP/2 connection.
typedef struct client {
  source source;  // HTTP/1.1
  enum { CLIENT_CLOSED, CLIENT_CONNECTING, CLIENT_UPGRADING, CLIENT_IDLE, CLIENT_SENDING, CLIENT_AWAITING } at;
  bool in_body, served, waits;  // waits: among the idle of idle.c
  uint32_t place;  // among all callers
  uint32_t number;
  uint64_t id, scheduled_ns;
  size_t sent;
  head head;
  body body;
  char *partial;  // an incomplete head
  size_t partial_size;
  struct client *next_idle;
  stream stream;  // HTTP/2; its id is 0 when there is none
  hpack_head answer;
  content_in content;
} client;

/// A protocol as the run sees it.
typedef struct {
  void (*begin)(void);
  void (*connect)(client *c);
  void (*request)(client *c, uint64_t scheduled_ns);
  void (*expire)(client *c);
  void (*drop)(client *c);
  void (*end)(void);
} caller_kind;

extern const caller_kind http1_callers, http2_callers;

extern run_plan plan;
extern run_counts counts;
extern uint64_t counted_from_ns;  // latencies of requests scheduled before are not recorded

extern client *clients;

/// Unique and without visible order.
uint64_t next_id(void);

/// A socket on its way to the target; -1 when that is refused at once.
int dial(void);

/// Called by the protocols: the connection stands, or an answer came (the connection may be closed by now).
void client_connected(client *c);
void client_answered(client *c, uint64_t now);
