// The servers behind the proxies: several ports, HTTP/1.1 keep-alive, an answer once the whole request is read. A
// connection that begins with the preface of HTTP/2 is handed to http2_backend.c.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t bytes;     // size of the answer's body
  bool chunked;       // Transfer-Encoding: chunked instead of Content-Length
  uint64_t delay_ns;  // wait before answering
  uint32_t upload;    // HTTP/2: size of a request's body or message
  uint32_t messages;  // HTTP/2, gRPC: messages of an answer
  bool hold;          // HTTP/2, gRPC: answer the first message and leave the stream open
  uint32_t barrier;   // hold answers until so many requests wait (0 = off)
} answer_plan;

/// Starts listening on 127.0.0.1.
void backend_listen(int port);

/// How requests that arrive from now on are answered.
void backend_plan(const answer_plan *plan);

/// Sends what is due. Returns how long the loop may sleep, in ms.
int backend_tick(uint64_t now);

/// Uploaded bodies that were not the bytes sent, since the start.
uint64_t backend_mismatches(void);

/// Prints one JSON array: requests, open connections and the time of the last request, per port.
void backend_print(void);
