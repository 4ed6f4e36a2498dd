#include "http2_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "message.h"
#include "session.h"

#define NODES 24
#define ETAGS 64
#define NOTES 16
#define REFUSED 7  // REFUSED_STREAM

typedef struct call {
  stream stream;
  content_in content;
  uint64_t id;
  bool grpc, answered;
  struct call *next_free;
} call;

static answer_plan plan;
static call *free_calls;
static hpack_field ok_status, grpc_type, octets_type, grpc_ok, length_field;
static hpack_field nodes[NODES], etags[ETAGS], dates[60], notes[NOTES];
static uint64_t bytes_in, bytes_out;  // of nobody's interest

/// Fields that differ in values and sizes, as real ones do.
void http2_backend_fill(void) {
  char value[80];
  ok_status = hpack_static(8);
  grpc_type = hpack_prepare("content-type", "application/grpc", HPACK_STORED);
  octets_type = hpack_prepare("content-type", "application/octet-stream", HPACK_STORED);
  grpc_ok = hpack_prepare("grpc-status", "0", HPACK_STORED);
  for (int i = 0; i < NODES; i++) {
    snprintf(value, sizeof value, "node-%.*s", i, "abcdefghijklmnopqrstuvwxyz");
    nodes[i] = hpack_prepare("x-node", value, HPACK_STORED);
  }
  for (int i = 0; i < ETAGS; i++) {
    snprintf(value, sizeof value, "\"%016llx\"", (i + 1) * 0x9e3779b97f4a7c15ull);
    etags[i] = hpack_prepare("etag", value, HPACK_STORED);
  }
  for (int i = 0; i < 60; i++) {
    snprintf(value, sizeof value, "Mon, 05 Jan 2026 10:00:%02d GMT", i);
    dates[i] = hpack_prepare("date", value, HPACK_STORED);
  }
  for (int i = 0; i < NOTES; i++) {
    snprintf(value, sizeof value, "cost=%d;rows=%d;%.*s", i * i, i * 977, i, "abcdefghijklmnop");
    notes[i] = hpack_prepare("x-server-note", value, HPACK_LITERAL);
  }
}

void http2_backend_plan(const answer_plan *next) {
  char value[16];
  plan = *next;
  snprintf(value, sizeof value, "%u", plan.bytes);
  hpack_free(&length_field);
  length_field = hpack_prepare("content-length", value, HPACK_LITERAL);
}

// ---- calls

static call *call_of(stream *s) { return (call *)s; }

static void release(call *c) {
  c->next_free = free_calls;
  free_calls = c;
}

static call *begin_call(session *s, uint32_t id, const hpack_head *head) {
  call *c = free_calls;
  if (c) free_calls = c->next_free;
  else c = malloc(sizeof *c);
  *c = (call){.id = head->id, .grpc = head->grpc};
  session_add(s, &c->stream, id);
  content_begin(&c->content, c->id, c->grpc, plan.upload);
  return c;
}

// ---- answers

static void answer(session *s, call *c) {
  unsigned choice = (unsigned)(c->id >> 20);
  char *to = session_block(s);
  to = hpack_put(&s->encoder, &ok_status, to);
  to = hpack_put(&s->encoder, c->grpc ? &grpc_type : &octets_type, to);
  to = hpack_put_id(&s->encoder, c->id, false, to);
  to = hpack_put(&s->encoder, &nodes[choice % NODES], to);
  if (!c->grpc) {
    to = hpack_put(&s->encoder, &length_field, to);
    to = hpack_put(&s->encoder, &etags[choice % ETAGS], to);
    to = hpack_put(&s->encoder, &dates[choice % 60], to);
  }
  bool empty = !c->grpc && plan.bytes == 0;
  session_head(s, c->stream.id, to, empty);
  c->answered = true;
  c->stream.content = (content_out){.id = c->id, .size = plan.bytes, .messages = c->grpc ? plan.messages : 1, .framed = c->grpc};
  c->stream.then = empty ? THEN_NOTHING : !c->grpc ? THEN_END : plan.hold ? THEN_NOTHING : THEN_TRAILERS;
  session_send(s, &c->stream);
}

static void answer_sent(session *s, stream *st) {
  call *c = call_of(st);
  if (c->grpc && st->then == THEN_NOTHING) return;  // held open
  if (st->then == THEN_TRAILERS) {
    char *to = hpack_put(&s->encoder, &grpc_ok, session_block(s));
    unsigned choice = (unsigned)(c->id >> 26);
    if (choice % 4 == 0) to = hpack_put(&s->encoder, &notes[choice / 4 % NOTES], to);
    session_head(s, st->id, to, true);
  }
  session_forget(s, st);
  release(c);
}

// ---- requests

static void complete(session *s, call *c) {
  backend_heard(s->owner, !content_complete(&c->content, 1));
  if (!c->answered) answer(s, c);
}

static void on_head(session *s, stream *st, uint32_t id, const hpack_head *head, bool end) {
  if (st) {  // trailers
    if (end) complete(s, call_of(st));
    return;
  }
  call *c = begin_call(s, id, head);
  if (head->summed && head->has_sum && head->sum != head->seen) c->content.mismatch = true;
  if (!head->has_id) {
    session_reset(s, &c->stream, REFUSED);
    return release(c);
  }
  if (end) complete(s, c);
}

static void on_data(session *s, stream *st, const char *bytes, size_t size, bool end) {
  call *c = call_of(st);
  content_feed(&c->content, bytes, size);
  if (end) complete(s, c);
  else if (plan.hold && c->content.messages == 1 && !c->answered) {
    backend_heard(s->owner, c->content.mismatch);
    answer(s, c);
  }
}

static void on_reset(session *s, stream *st) {
  (void)s;
  release(call_of(st));
}

static session *buried;  // freed at the next accept: a handler may still look at what it closed

static void on_closed(session *s) {
  for (int i = 0; i < STREAM_BUCKETS; i++)
    for (stream *st = s->buckets[i], *next; st; st = next) next = st->next, release(call_of(st));
  backend_left(s->owner);
  s->owner = buried;
  buried = s;
}

static void unused(session *s) { (void)s; }

static const session_events events = {
    .head = on_head, .data = on_data, .reset = on_reset, .sent = answer_sent, .connected = unused, .closed = on_closed};

void http2_backend_adopt(source *from, void *listener, const char *bytes, size_t size) {
  while (buried) {
    session *s = buried;
    buried = s->owner;
    free(s);
  }
  session *s = calloc(1, sizeof *s);
  s->source.ready = session_ready;
  s->bytes_in = &bytes_in, s->bytes_out = &bytes_out;
  loop_move(from, &s->source);
  session_begin(s, &events, listener, true);
  session_greet(s);
  session_receive(s, bytes, size);
}
