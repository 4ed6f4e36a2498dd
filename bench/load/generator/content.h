// What DATA frames carry: the bytes of one body, or gRPC messages, each behind its prefix of five bytes. Written piece by
// piece as windows allow; every byte that arrives is compared with what the id says it must be.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t id;
  uint32_t size;      // of the body or of each message, prefix not counted
  uint32_t messages;  // 1 for a body
  bool framed;        // gRPC
  uint64_t position;
} content_out;

uint64_t content_left(const content_out *c);

/// Bytes up to the end of the current message: a frame does not reach beyond it, as with real callers.
size_t content_piece(const content_out *c);

void content_write(content_out *c, char *to, size_t size);

typedef struct {
  uint64_t id;
  uint32_t size, seen;   // of the current message or body; prefix included in `seen`
  uint32_t messages;     // whole ones
  bool framed, mismatch;
} content_in;

/// `size`: what a body or message must have.
void content_begin(content_in *c, uint64_t id, bool framed, uint32_t size);
void content_feed(content_in *c, const char *bytes, size_t size);

/// Whether nothing is missing: of gRPC so many whole messages, else the whole body.
bool content_complete(const content_in *c, uint32_t messages);
