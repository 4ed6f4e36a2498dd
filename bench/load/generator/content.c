#include "content.h"

#include <string.h>

#include "message.h"

#define PREFIX 5  // a flag for compression and a length of 32 bits

static uint32_t prefix_of(bool framed) { return framed ? PREFIX : 0; }

/// Each message of a stream has its own slice of the pattern, so that two that change places differ.
static const char *slice(uint64_t id, uint32_t message) { return pattern_at(id + message); }

static uint64_t unit(const content_out *c) { return (uint64_t)c->size + prefix_of(c->framed); }

uint64_t content_left(const content_out *c) { return unit(c) * c->messages - c->position; }

size_t content_piece(const content_out *c) { return (size_t)(unit(c) - c->position % unit(c)); }

static char prefix_byte(uint32_t size, uint32_t at) { return at ? (char)(size >> (8 * (PREFIX - 1 - at))) : 0; }

void content_write(content_out *c, char *to, size_t size) {
  uint32_t message = (uint32_t)(c->position / unit(c)), at = (uint32_t)(c->position % unit(c)), prefix = prefix_of(c->framed);
  c->position += size;
  for (; size && at < prefix; size--) *to++ = prefix_byte(c->size, at++);
  if (size) memcpy(to, slice(c->id, message) + (at - prefix), size);
}

void content_begin(content_in *c, uint64_t id, bool framed, uint32_t size) {
  *c = (content_in){.id = id, .framed = framed, .size = size};
}

static size_t feed_prefix(content_in *c, const char *bytes, size_t size) {
  size_t taken = 0;
  for (; taken < size && c->seen < PREFIX; taken++)
    if (bytes[taken] != prefix_byte(c->size, c->seen++)) c->mismatch = true;
  return taken;
}

void content_feed(content_in *c, const char *bytes, size_t size) {
  uint32_t prefix = prefix_of(c->framed), end = c->size + prefix;
  while (size && !c->mismatch) {
    size_t taken = 0;
    if (c->seen < prefix) taken = feed_prefix(c, bytes, size);
    size_t rest = size - taken, left = end - c->seen, compared = rest < left ? rest : left;
    if (c->seen >= prefix && compared) {
      if (memcmp(slice(c->id, c->messages) + (c->seen - prefix), bytes + taken, compared) != 0) c->mismatch = true;
      c->seen += (uint32_t)compared, taken += compared;
    }
    if (c->framed && c->seen == end) c->messages++, c->seen = 0;
    if (!taken) c->mismatch = true;  // more than there may be
    bytes += taken, size -= taken;
  }
}

bool content_complete(const content_in *c, uint32_t messages) {
  if (c->mismatch) return false;
  return c->framed ? c->messages == messages && c->seen == 0 : c->seen == c->size;
}
