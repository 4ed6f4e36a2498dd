#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (256 << 10)
#define FRAME_HEAD 9
#define MAX_FRAME 16384           // SETTINGS_MAX_FRAME_SIZE is left at its default, also where the peer allows more
#define MAX_BLOCK 16384
#define DEFAULT_WINDOW 65535
#define STREAM_WINDOW (1 << 20)   // what we grant, in the middle of what gRPC libraries do
#define SESSION_WINDOW (16 << 20)
#define MOST_STREAMS 1000
#define ENOUGH_OUT (128 << 10)    // content waits in its stream rather than here once so much is unsent
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_SIZE 24

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 32 };
enum { HEADER_TABLE_SIZE = 1, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE };

static char input[READ_BYTES + FRAME_HEAD + MAX_FRAME];
static session **dirty;
static size_t dirty_count, dirty_room;

static uint32_t read_32(const char *at) {
  const unsigned char *b = (const unsigned char *)at;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static char *write_32(char *to, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *to++ = (char)(value >> shift);
  return to;
}

// ---- output

static void mark(session *s) {
  if (s->dirty) return;
  s->dirty = true;
  if (dirty_count == dirty_room) dirty = realloc(dirty, (dirty_room = dirty_room * 2 + 64) * sizeof *dirty);
  dirty[dirty_count++] = s;
}

static char *reserve(session *s, size_t size) {
  if (s->out_sent > ENOUGH_OUT) {
    memmove(s->out, s->out + s->out_sent, s->out_size - s->out_sent);
    s->out_size -= s->out_sent, s->out_sent = 0;
  }
  if (s->out_size + size > s->out_room) {
    s->out_room = (s->out_size + size) * 2;
    s->out = realloc(s->out, s->out_room);
  }
  mark(s);
  return s->out + s->out_size;
}

/// Writes a frame's head in front of a payload of `size` bytes that is there, or is about to be written.
static void frame(session *s, char *at, size_t size, int type, int flags, uint32_t id) {
  at[0] = (char)(size >> 16), at[1] = (char)(size >> 8), at[2] = (char)size;
  at[3] = (char)type, at[4] = (char)flags;
  write_32(at + 5, id);
  s->out_size += FRAME_HEAD + size;
}

static void frame_32(session *s, int type, uint32_t id, uint32_t value) {
  char *at = reserve(s, FRAME_HEAD + 4);
  write_32(at + FRAME_HEAD, value);
  frame(s, at, 4, type, 0, id);
}

static char *write_setting(char *to, int name, uint32_t value) {
  *to++ = 0, *to++ = (char)name;
  return write_32(to, value);
}

void session_greet(session *s) {
  char *at = reserve(s, PREFACE_SIZE);
  if (!s->is_server) memcpy(at, PREFACE, PREFACE_SIZE), s->out_size += PREFACE_SIZE;
  at = reserve(s, FRAME_HEAD + 12);
  char *to = write_setting(at + FRAME_HEAD, s->is_server ? MAX_CONCURRENT_STREAMS : ENABLE_PUSH, s->is_server ? MOST_STREAMS : 0);
  to = write_setting(to, INITIAL_WINDOW_SIZE, STREAM_WINDOW);
  frame(s, at, 12, SETTINGS, 0, 0);
  frame_32(s, WINDOW_UPDATE, 0, SESSION_WINDOW - DEFAULT_WINDOW);
}

char *session_block(session *s) {
  return hpack_start_block(&s->encoder, reserve(s, FRAME_HEAD + MAX_BLOCK) + FRAME_HEAD);
}

void session_head(session *s, uint32_t id, char *block_end, bool end) {
  char *at = s->out + s->out_size;
  frame(s, at, (size_t)(block_end - at) - FRAME_HEAD, HEADERS, END_HEADERS | (end ? END_STREAM : 0), id);
}

void session_reset(session *s, stream *st, uint32_t code) {
  frame_32(s, RST_STREAM, st->id, code);
  session_forget(s, st);
}

// ---- content

static void enqueue(session *s, stream *st) {
  if (st->queued) return;
  st->queued = true, st->next_queued = NULL;
  *s->queue_end = st;
  s->queue_end = &st->next_queued;
}

static void dequeue(session *s, stream *st) {
  if (!st->queued) return;
  stream **at = &s->queue;
  while (*at != st) at = &(*at)->next_queued;
  if (!(*at = st->next_queued)) s->queue_end = at;
  st->queued = false;
}

static bool may_send(const session *s, const stream *st) {
  return s->window > 0 && st->window > 0 && s->out_size - s->out_sent < ENOUGH_OUT;
}

static void send_piece(session *s, stream *st) {
  size_t size = content_piece(&st->content);
  if (size > MAX_FRAME) size = MAX_FRAME;
  if ((int64_t)size > s->window) size = (size_t)s->window;
  if ((int64_t)size > st->window) size = (size_t)st->window;
  char *at = reserve(s, FRAME_HEAD + size);
  content_write(&st->content, at + FRAME_HEAD, size);
  bool last = content_left(&st->content) == 0 && st->then == THEN_END;
  frame(s, at, size, DATA, last ? END_STREAM : 0, st->id);
  s->window -= (int64_t)size, st->window -= (int64_t)size;
}

/// True when all of the stream is out.
static bool send_pieces(session *s, stream *st) {
  while (content_left(&st->content) && may_send(s, st)) send_piece(s, st);
  return content_left(&st->content) == 0;
}

void session_send(session *s, stream *st) {
  if (send_pieces(s, st)) s->events->sent(s, st);
  else enqueue(s, st);
}

/// Goes on with what waited for a window or for the kernel.
static void send_queued(session *s) {
  for (stream *st = s->queue, *next; st; st = next) {
    next = st->next_queued;
    if (!send_pieces(s, st)) continue;
    dequeue(s, st);
    s->events->sent(s, st);
  }
}

// ---- streams

static stream **bucket(session *s, uint32_t id) { return &s->buckets[(id >> 1) % STREAM_BUCKETS]; }

void session_add(session *s, stream *st, uint32_t id) {
  st->id = id;
  st->window = s->stream_window;
  st->uncredited = 0, st->queued = false;
  st->next = *bucket(s, id);
  *bucket(s, id) = st;
}

stream *session_find(const session *s, uint32_t id) {
  stream *st = s->buckets[(id >> 1) % STREAM_BUCKETS];
  while (st && st->id != id) st = st->next;
  return st;
}

void session_forget(session *s, stream *st) {
  dequeue(s, st);
  stream **at = bucket(s, st->id);
  while (*at && *at != st) at = &(*at)->next;
  if (*at) *at = st->next;
  st->id = 0;
}

// ---- ends

void session_close(session *s) {
  if (s->dirty) {
    size_t at = 0;
    while (at < dirty_count && dirty[at] != s) at++;  // not there while it is being flushed
    if (at < dirty_count) dirty[at] = dirty[--dirty_count];
  }
  loop_close(&s->source);
  free(s->rest), free(s->out), free(s->block);
  s->rest = s->out = s->block = NULL;
  s->rest_size = s->out_size = s->out_sent = s->out_room = s->block_size = 0;
  s->dirty = false, s->at = SESSION_CLOSED;
}

static void fail(session *s) {
  if (s->at == SESSION_CLOSED) return;
  session_close(s);
  s->events->closed(s);
}

// ---- frames that arrive

static void take_block(session *s, uint32_t id, int flags, const char *block, size_t size) {
  hpack_head head;
  if (!hpack_decode(&s->decoder, block, size, &head)) return fail(s);
  s->events->head(s, session_find(s, id), id, &head, flags & END_STREAM);
}

/// A block in several frames is gathered first.
static void take_block_part(session *s, uint32_t id, int flags, const char *bytes, size_t size) {
  if (!s->block && flags & END_HEADERS) return take_block(s, id, flags, bytes, size);
  if (!s->block) s->block_flags = (uint8_t)flags;
  s->block = realloc(s->block, s->block_size + size + 1);
  memcpy(s->block + s->block_size, bytes, size);
  s->block_size += size;
  if (!(flags & END_HEADERS)) return;
  char *block = s->block;
  size = s->block_size;
  s->block = NULL, s->block_size = 0;
  take_block(s, id, s->block_flags, block, size);
  free(block);
}

/// Credit goes back once half of a window is used (RFC 9113 §5.2.2 leaves the moment to the receiver).
static void credit(session *s, stream *st, size_t size, bool end) {
  s->uncredited += (uint32_t)size;
  if (s->uncredited >= SESSION_WINDOW / 2) frame_32(s, WINDOW_UPDATE, 0, s->uncredited), s->uncredited = 0;
  if (!st || end) return;
  st->uncredited += (uint32_t)size;
  if (st->uncredited >= STREAM_WINDOW / 2) frame_32(s, WINDOW_UPDATE, st->id, st->uncredited), st->uncredited = 0;
}

static void take_settings(session *s, int flags, const char *at, size_t size) {
  if (flags & ACK) return;
  for (const char *end = at + size; at + 6 <= end; at += 6) {
    uint32_t name = read_32(at) >> 16, value = read_32(at + 2);
    if (name == HEADER_TABLE_SIZE) hpack_limit(&s->encoder, value);
    if (name != INITIAL_WINDOW_SIZE) continue;
    int64_t change = (int64_t)value - s->stream_window;
    s->stream_window = value;
    for (int i = 0; i < STREAM_BUCKETS; i++)
      for (stream *st = s->buckets[i]; st; st = st->next) st->window += change;
  }
  char *to = reserve(s, FRAME_HEAD);
  frame(s, to, 0, SETTINGS, ACK, 0);
}

static void take_window(session *s, uint32_t id, uint32_t increment) {
  stream *st = id ? session_find(s, id) : NULL;
  if (!id) s->window += increment;
  else if (st) st->window += increment;
  if (s->queue) mark(s);
}

static void take_ping(session *s, int flags, const char *payload) {
  if (flags & ACK) return;
  char *to = reserve(s, FRAME_HEAD + 8);
  memcpy(to + FRAME_HEAD, payload, 8);
  frame(s, to, 8, PING, ACK, 0);
}

static void take_reset(session *s, uint32_t id) {
  stream *st = session_find(s, id);
  if (!st) return;
  session_forget(s, st);
  s->events->reset(s, st);
}

static void take_data(session *s, uint32_t id, int flags, const char *bytes, size_t size, size_t flow_size) {
  stream *st = session_find(s, id);
  credit(s, st, flow_size, flags & END_STREAM);
  if (st) s->events->data(s, st, bytes, size, flags & END_STREAM);
}

/// Lengths are trusted no further than reading them is safe: the peers' conformance is not the subject here.
static void take_frame(session *s, int type, int flags, uint32_t id, const char *at, size_t size) {
  size_t flow_size = size;
  if ((type == DATA || type == HEADERS) && flags & PADDED) {
    if (size < 1 || (unsigned char)*at >= size) return fail(s);
    size -= 1 + (size_t)(unsigned char)*at, at++;
  }
  if (type == HEADERS && flags & WITH_PRIORITY) {
    if (size < 5) return fail(s);
    at += 5, size -= 5;
  }
  if ((type == RST_STREAM || type == WINDOW_UPDATE) && size != 4) return fail(s);
  if (type == PING && size != 8) return fail(s);
  switch (type) {
    case DATA: return take_data(s, id, flags, at, size, flow_size);
    case HEADERS:
    case CONTINUATION: return take_block_part(s, id, flags, at, size);
    case RST_STREAM: return take_reset(s, id);
    case SETTINGS: return take_settings(s, flags, at, size);
    case PING: return take_ping(s, flags, at);
    case WINDOW_UPDATE: return take_window(s, id, read_32(at) & 0x7fffffff);
    case GOAWAY:  // nothing in a run gives a reason for it: what was in flight counts as lost
    case PUSH_PROMISE: return fail(s);
  }
}

static size_t take_frames(session *s, const char *bytes, size_t size) {
  size_t at = 0;
  if (s->is_server && !s->greeted) {
    if (size < PREFACE_SIZE) return 0;
    if (memcmp(bytes, PREFACE, PREFACE_SIZE) != 0) return fail(s), size;
    s->greeted = true, at = PREFACE_SIZE;
  }
  while (size - at >= FRAME_HEAD) {
    size_t length = read_32(bytes + at) >> 8;
    if (length > MAX_FRAME) return fail(s), size;
    if (size - at < FRAME_HEAD + length) return at;
    take_frame(s, bytes[at + 3], bytes[at + 4], read_32(bytes + at + 5) & 0x7fffffff, bytes + at + FRAME_HEAD, length);
    if (s->at == SESSION_CLOSED) return size;
    at += FRAME_HEAD + length;
  }
  return at;
}

void session_receive(session *s, const char *bytes, size_t size) {
  size_t taken = take_frames(s, bytes, size);
  if (taken == size) return;
  s->rest_size = size - taken;
  s->rest = memcpy(malloc(s->rest_size), bytes + taken, s->rest_size);
}

static void read_more(session *s) {
  size_t kept = s->rest_size;
  ssize_t got = recv(s->source.fd, input + kept, READ_BYTES, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return fail(s);
  *s->bytes_in += (uint64_t)got;
  if (kept) memcpy(input, s->rest, kept);
  free(s->rest);
  s->rest = NULL, s->rest_size = 0;
  session_receive(s, input, kept + (size_t)got);
}

void session_ready(source *source, uint32_t events) {
  session *s = (session *)source;
  if (s->at == SESSION_CLOSED) return;
  if (s->at == SESSION_CONNECTING) {
    if (events & (EPOLLERR | EPOLLHUP)) return fail(s);
    s->at = SESSION_OPEN;
    loop_interest(&s->source, EPOLLIN);
    session_greet(s);
    return s->events->connected(s);
  }
  if (events & EPOLLOUT) mark(s);
  if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_more(s);
}

void session_begin(session *s, const session_events *events, void *owner, bool is_server) {
  s->events = events, s->owner = owner, s->is_server = is_server;
  s->greeted = s->dirty = false;
  s->at = is_server ? SESSION_OPEN : SESSION_CONNECTING;
  hpack_begin(&s->encoder), hpack_decoder_begin(&s->decoder);
  s->window = s->stream_window = DEFAULT_WINDOW;
  s->uncredited = 0, s->next_id = 1;
  memset(s->buckets, 0, sizeof s->buckets);
  s->queue = NULL, s->queue_end = &s->queue;
}

// ---- the end of a turn

/// False when the kernel takes no more for now, or the connection is gone.
static bool write_out(session *s) {
  ssize_t sent = send(s->source.fd, s->out + s->out_sent, s->out_size - s->out_sent, 0);
  if (sent < 0 && errno != EAGAIN) return fail(s), false;
  if (sent > 0) s->out_sent += (size_t)sent, *s->bytes_out += (uint64_t)sent;
  if (s->out_sent < s->out_size) return false;
  s->out_size = s->out_sent = 0;
  return true;
}

static void flush(session *s) {
  do send_queued(s);
  while (s->out_size && write_out(s));
  if (s->at == SESSION_CLOSED) return;
  s->dirty = false;
  loop_interest(&s->source, s->out_size ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void sessions_flush(void) {
  while (dirty_count) {
    session *s = dirty[--dirty_count];
    s->dirty = true;  // until it is flushed: what it writes meanwhile leaves with the rest
    if (s->at == SESSION_OPEN) flush(s);
    else s->dirty = false;
  }
}
