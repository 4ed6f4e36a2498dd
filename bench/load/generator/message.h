// HTTP/1.1 messages as far as a generator and a backend need them: find the end of a head, read the few
// fields that matter, check every byte of a body.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define MAX_BODY (8u << 20)
#define MAX_HEAD (64u << 10)
#define ID_DIGITS 16
#define TUNNEL_TARGET "GET /tunnel "

/// Body bytes are a slice of one fixed pseudo-random pattern; where the slice starts follows from the message's id,
/// so a body that belongs to another request, or lost or gained a byte, differs.
void pattern_fill(void);
const char *pattern_at(uint64_t id);

/// Writes an id as 16 hexadecimal digits.
void write_id(char *to, uint64_t id);

typedef struct {
  int status;  // of an answer; 0 for a request
  bool has_id, has_length, chunked, close;
  uint64_t id, length;
} head;

/// Length of the head at the start of `bytes`; 0 = not complete yet; -1 = not HTTP/1.
long head_scan(const char *bytes, size_t size, head *out);

typedef struct {
  enum { BODY_DONE, BODY_LENGTH, BODY_UNTIL_CLOSE, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER } at;
  uint64_t left;         // of the length or of the chunk
  uint64_t position;     // body bytes seen so far
  const char *expected;  // null = do not compare
  unsigned line;         // bytes of the current trailer line
  bool mismatch;
} body;

void body_begin(body *b, const head *h, const char *expected, bool is_answer);

/// Takes what belongs to the body and says how many bytes that was.
size_t body_feed(body *b, const char *bytes, size_t size);

/// Sends the parts, leaving out the first `offset` bytes of them all. Bytes sent, 0 = kernel full, -1 = broken.
ssize_t send_from(int fd, const struct iovec *parts, int count, size_t offset);
