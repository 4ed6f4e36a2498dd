// The callers: connections that send requests to one port and check what comes back.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "requests.h"

#define MAX_WATCHED 64

typedef struct {
  int target;           // port on 127.0.0.1
  int connections;
  bool http2;           // else HTTP/1.1
  int streams;          // callers on each connection; 1 with HTTP/1.1
  int callers;          // connections × streams
  uint32_t messages;    // gRPC messages of an answer; above 1 each of them counts as an answer
  double rate;          // requests per second, open loop; 0 = closed loop
  bool fresh;           // a new connection for every request, closed by us after the answer
  bool spin;            // look for events without sleeping while the run sends
  bool tunnel;          // each connection is upgraded before its first request: what passes then are bytes
  bool hold;            // one request per connection, then stay connected and idle; HTTP/2: its stream stays open as well
  uint64_t warmup;      // 2xx before the window starts
  uint64_t warmup_cap_ns;
  uint64_t window_ns;
  uint64_t limit;       // the window ends early after so many 2xx; 0 = no limit
  uint32_t answer_bytes;
  request_shape shape;
  int watched[MAX_WATCHED];  // processes whose CPU time is read at both edges of the window
  int watched_count;
} run_plan;

typedef struct {
  uint64_t ok, non_2xx, connect_errors, resets, timeouts, crossings, bad_bodies, idle_closes, bytes_in, bytes_out;
  histogram latency;
} run_counts;

void run_begin(const run_plan *plan);

/// Moves the run on: opens, sends what is due, ends windows. Returns how long the loop may sleep, in ms.
int run_tick(uint64_t now);

/// Ends the run before its time, or lets go of held connections.
void run_release(void);

bool run_active(void);
