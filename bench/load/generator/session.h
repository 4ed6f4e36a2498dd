// One HTTP/2 connection of either side (RFC 9113): frames, field blocks, flow control. What is written within a turn of
// the loop leaves together, by `sessions_flush`. What a stream means is the business of http2_client.c and http2_backend.c.
#pragma once
#include "content.h"
#include "hpack.h"
#include "loop.h"

#define STREAM_BUCKETS 64

typedef struct stream {
  uint32_t id;
  int64_t window;        // what the peer lets us send
  uint32_t uncredited;   // received since our last WINDOW_UPDATE
  content_out content;
  enum { THEN_NOTHING, THEN_END, THEN_TRAILERS } then;
  bool queued;           // has content to send
  struct stream *next, *next_queued;
} stream;

typedef struct session session;

typedef struct {
  /// A whole field block; `s` is null when the stream is not known.
  void (*head)(session *, stream *s, uint32_t id, const hpack_head *head, bool end);
  void (*data)(session *, stream *s, const char *bytes, size_t size, bool end);
  /// The peer gave the stream up; it is forgotten already.
  void (*reset)(session *, stream *s);
  /// All content of a stream is out; THEN_TRAILERS asks for them here.
  void (*sent)(session *, stream *s);
  void (*connected)(session *);
  /// The connection is gone, by whatever cause; its descriptor is closed.
  void (*closed)(session *);
} session_events;

struct session {
  source source;
  const session_events *events;
  void *owner;
  enum { SESSION_CLOSED, SESSION_CONNECTING, SESSION_OPEN } at;
  bool is_server, greeted, dirty;
  hpack_encoder encoder;
  hpack_decoder decoder;
  char *rest, *out, *block;  // an incomplete frame; what is to be sent; an incomplete field block
  size_t rest_size, out_size, out_sent, out_room, block_size;
  uint8_t block_flags;
  int64_t window;
  uint32_t stream_window, uncredited, next_id;
  stream *buckets[STREAM_BUCKETS];
  stream *queue, **queue_end;
  uint64_t *bytes_in, *bytes_out;  // what is counted where
};

/// Puts an accepted or connecting descriptor's session into its first state; the loop knows the source already or is told after.
void session_begin(session *s, const session_events *events, void *owner, bool is_server);

/// Says hello: of the client when its connection stands, of the server at once.
void session_greet(session *s);
void session_ready(source *source, uint32_t events);

/// Takes bytes as if they had just been read.
void session_receive(session *s, const char *bytes, size_t size);

void session_add(session *s, stream *st, uint32_t id);
stream *session_find(const session *s, uint32_t id);
void session_forget(session *s, stream *st);

/// Room for a field block; `session_head` then sends so many bytes of it.
char *session_block(session *s);
void session_head(session *s, uint32_t id, char *block_end, bool end);

/// Sends the stream's content as windows allow, then what `then` says.
void session_send(session *s, stream *st);
void session_reset(session *s, stream *st, uint32_t code);

/// Closes without a word and calls nobody.
void session_close(session *s);

/// Writes what all sessions have to say. Between turns.
void sessions_flush(void);
