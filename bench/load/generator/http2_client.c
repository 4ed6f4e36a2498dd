// Callers that share HTTP/2 connections: each has one stream at a time.
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "calls.h"
#include "client.h"
#include "run.h"

#define CANCEL 8
#define NO_ERROR 0

static session *sessions;
static uint32_t call_counter;

static uint32_t connection_of(const client *c) { return c->place / (uint32_t)plan.streams; }

static client *client_of(stream *st) { return (client *)((char *)st - offsetof(client, stream)); }

static void close_caller(client *c, uint64_t *counter) {
  if (counter) (*counter)++;
  c->at = CLIENT_CLOSED;
}

// ---- calls

static void request(client *c, uint64_t scheduled_ns) {
  session *s = &sessions[connection_of(c)];
  c->id = next_id();
  c->scheduled_ns = scheduled_ns;
  c->at = CLIENT_AWAITING;
  c->in_body = false;
  char *end = call_put(&s->encoder, connection_of(c), call_counter++, c->id, session_block(s));
  bool empty = !plan.shape.grpc && plan.shape.body_bytes == 0;
  session_add(s, &c->stream, s->next_id);
  s->next_id += 2;
  session_head(s, c->stream.id, end, empty);
  c->stream.content = (content_out){.id = c->id, .size = plan.shape.body_bytes, .messages = 1, .framed = plan.shape.grpc};
  c->stream.then = empty || plan.hold ? THEN_NOTHING : THEN_END;
  if (!empty) session_send(s, &c->stream);
}

static bool succeeded(const client *c) {
  return c->answer.status >= 200 && c->answer.status < 300 && (!plan.shape.grpc || c->answer.grpc_status == 0);
}

static bool is_ours(const client *c) { return c->answer.has_id && c->answer.id == c->id; }

static void leave_stream(session *s, client *c) {
  if (!c->stream.id) return;
  if (c->stream.queued) session_reset(s, &c->stream, NO_ERROR);  // an answer before all of the request was wanted
  else session_forget(s, &c->stream);
}

/// An answer is right when it is ours, whole, of status 0 when it is gRPC, and every byte of it is the expected one.
static void judge(session *s, client *c) {
  uint64_t now = now_ns();
  bool success = succeeded(c);
  if (!success) counts.non_2xx++;
  else if (!is_ours(c)) counts.crossings++;
  else if (!content_complete(&c->content, plan.messages)) counts.bad_bodies++;
  else if (plan.messages == 1) counts.ok++;
  if (success && c->scheduled_ns >= counted_from_ns) histogram_add(&counts.latency, now - c->scheduled_ns);
  leave_stream(s, c);
  c->at = CLIENT_IDLE;
  client_answered(c, now);
}

/// The first message has come and the stream stays open.
static void rest(client *c) {
  if (c->at != CLIENT_AWAITING || c->content.messages != 1) return;
  if (is_ours(c) && !c->content.mismatch) counts.ok++;
  else counts.crossings++;
  c->at = CLIENT_IDLE;
  client_answered(c, now_ns());
}

static void on_head(session *s, stream *st, uint32_t id, const hpack_head *head, bool end) {
  (void)id;
  if (!st) return;  // given up meanwhile
  client *c = client_of(st);
  if (!c->in_body) {
    if (head->status < 200) return;
    c->answer = *head, c->in_body = true;
    content_begin(&c->content, c->id, plan.shape.grpc, plan.answer_bytes);
  } else {
    c->answer.grpc_status = head->grpc_status;
  }
  if (end) judge(s, c);
}

static void on_data(session *s, stream *st, const char *bytes, size_t size, bool end) {
  client *c = client_of(st);
  uint32_t before = c->content.messages;
  if (c->in_body) content_feed(&c->content, bytes, size);
  if (plan.messages > 1 && is_ours(c) && !c->content.mismatch) counts.ok += c->content.messages - before;
  if (end) judge(s, c);
  else if (plan.hold) rest(c);
}

static void on_reset(session *s, stream *st) {
  (void)s;
  client *c = client_of(st);
  close_caller(c, c->at == CLIENT_IDLE ? &counts.idle_closes : &counts.resets);
}

static void on_sent(session *s, stream *st) { (void)s, (void)st; }

// ---- connections

static client *callers_of(const session *s) { return &clients[(s - sessions) * plan.streams]; }

static void on_connected(session *s) {
  client *callers = callers_of(s);
  for (int i = 0; i < plan.streams && s->at == SESSION_OPEN; i++) {
    if (callers[i].at != CLIENT_CONNECTING) continue;
    callers[i].at = CLIENT_IDLE;
    client_connected(&callers[i]);
  }
}

/// Each call in flight is lost; that nothing could be connected, or that all rested, is one event.
static void on_closed(session *s) {
  client *callers = callers_of(s);
  bool connecting = false, lost = false;
  for (int i = 0; i < plan.streams; i++) {
    connecting |= callers[i].at == CLIENT_CONNECTING;
    bool in_flight = callers[i].at == CLIENT_AWAITING;
    lost |= in_flight;
    callers[i].stream.id = 0;
    close_caller(&callers[i], in_flight ? &counts.resets : NULL);
  }
  if (connecting) counts.connect_errors++;
  else if (!lost) counts.idle_closes++;
}

static const session_events events = {
    .head = on_head, .data = on_data, .reset = on_reset, .sent = on_sent, .connected = on_connected, .closed = on_closed};

static void open_connection(session *s) {
  int fd = dial();
  s->source = (source){.ready = session_ready, .fd = fd};
  s->bytes_in = &counts.bytes_in, s->bytes_out = &counts.bytes_out;
  session_begin(s, &events, NULL, false);
  if (fd >= 0) return loop_add(&s->source, EPOLLOUT);
  session_close(s);
  on_closed(s);
}

static void connect_caller(client *c) {
  session *s = &sessions[connection_of(c)];
  if (s->at == SESSION_OPEN) {
    c->at = CLIENT_IDLE;
    return client_connected(c);
  }
  c->at = CLIENT_CONNECTING;
  c->scheduled_ns = now_ns();
  if (s->at == SESSION_CLOSED) open_connection(s);
}

// ---- for the run

static void begin(void) {
  sessions = calloc((size_t)plan.connections, sizeof *sessions);
  for (int i = 0; i < plan.connections; i++) sessions[i].source.fd = -1;
}

static void expire(client *c) {
  if (c->stream.id) session_reset(&sessions[connection_of(c)], &c->stream, CANCEL);
  close_caller(c, &counts.timeouts);
}

static void drop(client *c) {
  if (c->stream.id) session_forget(&sessions[connection_of(c)], &c->stream);
  close_caller(c, NULL);
}

static void end(void) {
  for (int i = 0; i < plan.connections; i++) session_close(&sessions[i]);
  free(sessions);
  sessions = NULL;
}

const caller_kind http2_callers = {
    .begin = begin, .connect = connect_caller, .request = request, .expire = expire, .drop = drop, .end = end};
