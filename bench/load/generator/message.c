#define _GNU_SOURCE
#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define PATTERN_SPREAD 4096
#define SMALL_MESSAGE 4096

static char *pattern;

void pattern_fill(void) {
  size_t words = (MAX_BODY + PATTERN_SPREAD) / 8;
  uint64_t state = 88172645463325252ull;
  pattern = malloc(words * 8);
  for (size_t i = 0; i < words; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;  // xorshift64
    memcpy(pattern + i * 8, &state, 8);
  }
}

const char *pattern_at(uint64_t id) { return pattern + (id & (PATTERN_SPREAD - 1)); }

void write_id(char *to, uint64_t id) {
  for (int i = 0; i < ID_DIGITS; i++) to[i] = "0123456789abcdef"[(id >> (60 - 4 * i)) & 15];
}

static uint64_t hex_digit(char digit) {
  return (uint64_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10) & 15;
}

static uint64_t read_id(const char *from) {
  uint64_t id = 0;
  for (int i = 0; i < ID_DIGITS; i++) id = id << 4 | hex_digit(from[i]);
  return id;
}

static bool named(const char *line, size_t size, const char *name, size_t length) {
  return size > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

/// One field line; the first letter decides quickly that most lines do not matter.
static void field(const char *line, size_t size, head *out) {
  switch (line[0] | 0x20) {
    case 'x':
      if (!named(line, size, "x-bench-id", 10)) return;
      line += 11;
      while (*line == ' ') line++;
      out->id = read_id(line);
      out->has_id = true;
      return;
    case 'c':
      if (named(line, size, "content-length", 14)) {
        out->length = strtoull(line + 15, NULL, 10);
        out->has_length = true;
      } else if (named(line, size, "connection", 10)) {
        out->close = memmem(line, size, "close", 5) != NULL;
      }
      return;
    case 't':
      if (named(line, size, "transfer-encoding", 17)) out->chunked = true;
      return;
  }
}

long head_scan(const char *bytes, size_t size, head *out) {
  const char *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (!end) return size > MAX_HEAD ? -1 : 0;
  *out = (head){0};
  if (memcmp(bytes, "HTTP/1.", 7) == 0) out->status = atoi(bytes + 9);
  const char *line = memchr(bytes, '\n', size);
  while (line && line < end) {
    line++;
    const char *next = memchr(line, '\n', (size_t)(end + 2 - line));
    if (!next) break;
    field(line, (size_t)(next - line), out);
    line = next;
  }
  return end + 4 - bytes;
}

void body_begin(body *b, const head *h, const char *expected, bool is_answer) {
  *b = (body){.expected = expected};
  if (h->chunked) b->at = CHUNK_SIZE;
  else if (h->has_length) b->at = (b->left = h->length) ? BODY_LENGTH : BODY_DONE;
  else b->at = is_answer ? BODY_UNTIL_CLOSE : BODY_DONE;
}

static size_t take_data(body *b, const char *bytes, size_t size) {
  size_t taken = b->at == BODY_UNTIL_CLOSE || size < b->left ? size : (size_t)b->left;
  if (b->position + taken > MAX_BODY) b->mismatch = true, b->expected = NULL;
  if (b->expected && memcmp(b->expected + b->position, bytes, taken) != 0) b->mismatch = true;
  b->position += taken;
  b->left -= taken;
  return taken;
}

/// Everything of chunked coding that is not data, one byte at a time.
static void take_framing(body *b, char byte) {
  if (b->at == CHUNK_SIZE) {
    if (isxdigit((unsigned char)byte)) b->left = b->left * 16 + hex_digit(byte);
    else if (byte == '\n') b->at = b->left ? CHUNK_DATA : CHUNK_TRAILER, b->line = 0;
  } else if (b->at == CHUNK_END) {
    if (byte == '\n') b->at = CHUNK_SIZE, b->left = 0;
  } else if (byte == '\n') {
    if (b->line == 0) b->at = BODY_DONE;
    b->line = 0;
  } else if (byte != '\r') {
    b->line++;
  }
}

size_t body_feed(body *b, const char *bytes, size_t size) {
  size_t at = 0;
  while (at < size && b->at != BODY_DONE) {
    if (b->at == BODY_LENGTH || b->at == CHUNK_DATA || b->at == BODY_UNTIL_CLOSE) {
      at += take_data(b, bytes + at, size - at);
      if (b->at == BODY_LENGTH && b->left == 0) b->at = BODY_DONE;
      if (b->at == CHUNK_DATA && b->left == 0) b->at = CHUNK_END;
    } else {
      take_framing(b, bytes[at++]);
    }
  }
  return at;
}

/// Small messages go out as one buffer: writev costs more than copying 2 kB.
static ssize_t send_parts(int fd, const struct iovec *parts, int count) {
  static char small[SMALL_MESSAGE];
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  if (count == 1) return send(fd, parts[0].iov_base, parts[0].iov_len, 0);
  if (total > SMALL_MESSAGE) return writev(fd, parts, count);
  char *to = small;
  for (int i = 0; i < count; i++) to = mempcpy(to, parts[i].iov_base, parts[i].iov_len);
  return send(fd, small, total, 0);
}

ssize_t send_from(int fd, const struct iovec *parts, int count, size_t offset) {
  struct iovec rest[8];
  int used = 0;
  for (int i = 0; i < count; i++) {
    if (offset >= parts[i].iov_len) {
      offset -= parts[i].iov_len;
      continue;
    }
    rest[used].iov_base = (char *)parts[i].iov_base + offset;
    rest[used++].iov_len = parts[i].iov_len - offset;
    offset = 0;
  }
  ssize_t sent = send_parts(fd, rest, used);
  return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
}
