#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "message.h"
#include "run.h"

#define READ_BYTES (256 << 10)
#define SOURCE_ADDRESSES 32

static char input[READ_BYTES];
static uint32_t request_counter, address_counter;

static void drop(client *c) {
  loop_close(&c->source);
  free(c->partial);
  c->partial = NULL, c->partial_size = 0;
  c->at = CLIENT_CLOSED;
}

static void fail(client *c, uint64_t *counter) {
  (*counter)++;
  drop(c);
}

// ---- sending

static void send_more(client *c) {
  const request_template *t = request_take(c->number, c->id);
  struct iovec parts[2] = {{t->bytes, t->length}, {(char *)pattern_at(c->id), plan.shape.body_bytes}};
  ssize_t sent = send_from(c->source.fd, parts, 2, c->sent);
  if (sent < 0) return fail(c, &counts.resets);
  c->sent += (size_t)sent;
  counts.bytes_out += (uint64_t)sent;
  bool all = c->sent == t->length + plan.shape.body_bytes;
  if (all) c->at = CLIENT_AWAITING;
  loop_interest(&c->source, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void request(client *c, uint64_t scheduled_ns) {
  c->id = next_id();
  c->number = request_counter++;
  c->sent = 0;
  c->scheduled_ns = scheduled_ns;
  c->at = CLIENT_SENDING;
  c->in_body = false;
  send_more(c);
}

// ---- receiving

/// An answer is right when it is ours, whole, and every byte of its body is the expected one.
static void judge(client *c) {
  uint64_t now = now_ns();
  bool success = c->head.status >= 200 && c->head.status < 300;
  if (!success) counts.non_2xx++;
  else if (!c->head.has_id || c->head.id != c->id) counts.crossings++;
  else if (c->body.mismatch || c->body.position != plan.answer_bytes) counts.bad_bodies++;
  else counts.ok++;
  if (success && c->scheduled_ns >= counted_from_ns) histogram_add(&counts.latency, now - c->scheduled_ns);
  c->at = CLIENT_IDLE;
  if (c->head.close || plan.fresh) drop(c);
  client_answered(c, now);
}

/// Bytes taken for the head; 0 = all kept for later; -1 = the client is gone.
static long take_head(client *c, const char *bytes, size_t size) {
  size_t kept = c->partial_size;
  if (kept) {
    c->partial = realloc(c->partial, kept + size);
    memcpy(c->partial + kept, bytes, size);
    c->partial_size += size, bytes = c->partial, size = c->partial_size;
  }
  long length = head_scan(bytes, size, &c->head);
  if (length < 0) return fail(c, &counts.resets), -1;
  if (length == 0) {
    if (!kept) c->partial = memcpy(malloc(size), bytes, size), c->partial_size = size;
    return 0;
  }
  free(c->partial);
  c->partial = NULL, c->partial_size = 0;
  if (c->head.status < 200) return length - (long)kept;  // 1xx: the real answer follows
  c->in_body = true;
  body_begin(&c->body, &c->head, c->head.status < 300 ? pattern_at(c->id) : NULL, true);
  return length - (long)kept;
}

static void end_of_stream(client *c) {
  if (c->at == CLIENT_IDLE) return fail(c, &counts.idle_closes);
  if (c->in_body && c->body.at == BODY_UNTIL_CLOSE) {
    c->head.close = true;
    return judge(c);
  }
  fail(c, &counts.resets);
}

static void receive(client *c) {
  ssize_t got = recv(c->source.fd, input, sizeof input, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) return fail(c, c->at == CLIENT_IDLE ? &counts.idle_closes : &counts.resets);
  if (got == 0) return end_of_stream(c);
  counts.bytes_in += (uint64_t)got;
  size_t at = 0, size = (size_t)got;
  while (at < size) {
    if (c->at == CLIENT_IDLE || c->at == CLIENT_CLOSED) return fail(c, &counts.crossings);  // bytes nobody asked for
    if (!c->in_body) {
      long taken = take_head(c, input + at, size - at);
      if (taken <= 0) return;
      at += (size_t)taken;
      if (!c->in_body) continue;
    }
    at += body_feed(&c->body, input + at, size - at);
    if (c->body.at != BODY_DONE) return;
    if (at < size) return fail(c, &counts.crossings);  // more than the answer: next would be read as ours
    return judge(c);
  }
}

// ---- a tunnel

static void offer_tunnel(client *c) {
  char bytes[256];
  int host = (int)(c->place % (unsigned)plan.shape.hosts);
  int n = sprintf(bytes, TUNNEL_TARGET "HTTP/1.1\r\nHost: %s%d\r\n", plan.shape.host_name, host);
  n += sprintf(bytes + n, "Connection: Upgrade\r\nUpgrade: bytes\r\n\r\n");
  c->at = CLIENT_UPGRADING;
  if (send(c->source.fd, bytes, (size_t)n, MSG_NOSIGNAL) != n) fail(c, &counts.connect_errors);
}

/// Nothing but the head can have come: the other side waits for us.
static void tunnel_answered(client *c) {
  ssize_t got = recv(c->source.fd, input, sizeof input, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 || head_scan(input, (size_t)got, &c->head) != got || c->head.status != 101) {
    return fail(c, &counts.connect_errors);
  }
  c->at = CLIENT_IDLE;
  client_connected(c);
}

static void client_ready(source *s, uint32_t events) {
  client *c = (client *)s;
  if (c->at == CLIENT_CONNECTING) {
    if (events & (EPOLLERR | EPOLLHUP)) return fail(c, &counts.connect_errors);
    c->at = CLIENT_IDLE;
    loop_interest(&c->source, EPOLLIN);
    return plan.tunnel ? offer_tunnel(c) : client_connected(c);
  }
  if (c->at == CLIENT_UPGRADING) return tunnel_answered(c);
  if (events & EPOLLIN) return receive(c);
  if (events & (EPOLLERR | EPOLLHUP)) return fail(c, c->at == CLIENT_IDLE ? &counts.idle_closes : &counts.resets);
  if (events & EPOLLOUT && c->at == CLIENT_SENDING) send_more(c);
}

// ---- connecting

/// With a connection per request one address runs out of ports: TIME_WAIT keeps them for a second.
static void choose_source_address(int fd) {
  int one = 1;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100 + address_counter++ % SOURCE_ADDRESSES);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  bind(fd, (struct sockaddr *)&from, sizeof from);
}

int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) die("socket: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (plan.fresh) choose_source_address(fd);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.target)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static void open_connection(client *c) {
  c->at = CLIENT_CONNECTING;
  c->scheduled_ns = now_ns();
  c->source = (source){.ready = client_ready, .fd = dial()};
  if (c->source.fd < 0) return fail(c, &counts.connect_errors);
  loop_add(&c->source, EPOLLOUT);
}

static void expire(client *c) { fail(c, &counts.timeouts); }

static void nothing(void) {}

const caller_kind http1_callers = {
    .begin = nothing, .connect = open_connection, .request = request, .expire = expire, .drop = drop, .end = nothing};
