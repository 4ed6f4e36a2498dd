#define _GNU_SOURCE
#include "backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http2_backend.h"
#include "loop.h"
#include "message.h"

#define MAX_LISTENERS 8
#define HEADS 64
#define READ_BYTES (256 << 10)

typedef struct {
  source source;
  int port;
  uint32_t open;
  uint64_t requests, last_request_ns;
} listener;

typedef struct peer {
  source source;
  listener *owner;
  char *partial;  // an incomplete head
  size_t partial_size;
  body body;
  bool heard, in_body, answering;
  uint64_t id, due_ns;
  size_t sent;
  struct peer *before, *after;  // in the queue of delayed answers
  bool queued;
} peer;

static listener listeners[MAX_LISTENERS];
static int listener_count;
static answer_plan plan;
static struct {
  char bytes[512];
  size_t length, id_at;
} heads[HEADS];
static peer queue = {.before = &queue, .after = &queue};
static uint32_t queue_size;
static uint64_t mismatches;
static char input[READ_BYTES];

// ---- answers

/// Heads that differ in values and sizes, as real ones do.
static void write_head(int i) {
  char *to = heads[i].bytes;
  int n = sprintf(to, "HTTP/1.1 200 OK\r\nDate: Mon, 05 Jan 2026 10:00:%02d GMT\r\n", i % 60);
  n += sprintf(to + n, "Content-Type: application/octet-stream\r\n");
  n += sprintf(to + n, "ETag: \"%016llx\"\r\nCache-Control: max-age=%d\r\nX-Bench-Id: ", i * 0x9e3779b97f4a7c15ull, i * i);
  heads[i].id_at = (size_t)n;
  n += sprintf(to + n, "0000000000000000\r\nX-Node: node-%.*s\r\n", i % 24, "abcdefghijklmnopqrstuvwxyz");
  if (plan.chunked) n += sprintf(to + n, "Transfer-Encoding: chunked\r\n\r\n");
  else n += sprintf(to + n, "Content-Length: %u\r\n\r\n", plan.bytes);
  heads[i].length = (size_t)n;
}

void backend_plan(const answer_plan *next) {
  plan = *next;
  for (int i = 0; i < HEADS; i++) write_head(i);
  http2_backend_plan(next);
}

static void peer_close(peer *p);

/// Chunked answers go out as two chunks.
static int answer_parts(peer *p, struct iovec *parts, char *sizes) {
  int i = (int)(p->id >> 20 & (HEADS - 1));
  const char *bytes = pattern_at(p->id);
  write_id(heads[i].bytes + heads[i].id_at, p->id);
  parts[0] = (struct iovec){heads[i].bytes, heads[i].length};
  parts[1] = (struct iovec){(char *)bytes, plan.bytes};
  if (!plan.chunked) return 2;
  uint32_t first = plan.bytes / 2, second = plan.bytes - first;
  int n = sprintf(sizes, "%x\r\n", first), m = sprintf(sizes + 16, "\r\n%x\r\n", second);
  parts[1] = (struct iovec){sizes, (size_t)n};
  parts[2] = (struct iovec){(char *)bytes, first};
  parts[3] = (struct iovec){sizes + 16, (size_t)m};
  parts[4] = (struct iovec){(char *)bytes + first, second};
  parts[5] = (struct iovec){"\r\n0\r\n\r\n", 7};
  return 6;
}

static void answer(peer *p) {
  struct iovec parts[6];
  char sizes[32];
  int count = answer_parts(p, parts, sizes);
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  ssize_t sent = send_from(p->source.fd, parts, count, p->sent);
  if (sent < 0) return peer_close(p);
  p->sent += (size_t)sent;
  if (p->sent == total) p->answering = false;
  loop_interest(&p->source, p->answering ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// ---- delayed answers, oldest first

static void enqueue(peer *p) {
  p->before = queue.before, p->after = &queue;
  queue.before->after = p, queue.before = p;
  p->queued = true;
  queue_size++;
}

static void dequeue(peer *p) {
  if (!p->queued) return;
  p->before->after = p->after, p->after->before = p->before;
  p->queued = false;
  queue_size--;
}

int backend_tick(uint64_t now) {
  bool opened = plan.barrier && queue_size >= plan.barrier;
  if (opened) plan.barrier = 0;
  while (queue.after != &queue && !plan.barrier && (opened || queue.after->due_ns <= now)) {
    peer *p = queue.after;
    dequeue(p);
    answer(p);
  }
  if (queue.after == &queue || plan.barrier) return 10;
  uint64_t left_ms = (queue.after->due_ns - now) / 1000000;
  return left_ms > 10 ? 10 : (int)left_ms;
}

static peer *graveyard;  // freed at the next accept: a handler may still look at the fd of what it closed

static void bury(peer *p) {
  p->after = graveyard;
  graveyard = p;
}

static void empty_graveyard(void) {
  while (graveyard) {
    peer *p = graveyard;
    graveyard = p->after;
    free(p);
  }
}

// ---- requests

void backend_heard(void *of, bool mismatch) {
  listener *l = of;
  l->requests++;
  l->last_request_ns = now_ns();
  mismatches += mismatch;
}

void backend_left(void *of) { ((listener *)of)->open--; }

static void request_complete(peer *p) {
  listener *l = p->owner;
  backend_heard(l, p->body.mismatch);
  p->in_body = false, p->answering = true, p->sent = 0;
  if (!plan.delay_ns && !plan.barrier) return answer(p);
  p->due_ns = l->last_request_ns + plan.delay_ns;
  enqueue(p);
}

static void keep_partial(peer *p, const char *bytes, size_t size) {
  p->partial = realloc(p->partial, p->partial_size + size);
  memcpy(p->partial + p->partial_size, bytes, size);
  p->partial_size += size;
}

static bool wants_tunnel(const char *bytes, size_t size) {
  size_t length = sizeof TUNNEL_TARGET - 1;
  return size >= length && memcmp(bytes, TUNNEL_TARGET, length) == 0;
}

/// What comes next is read like the requests of any other connection.
static bool open_tunnel(peer *p) {
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n";
  ssize_t length = sizeof answer - 1;
  return send(p->source.fd, answer, (size_t)length, MSG_NOSIGNAL) == length;
}

/// Bytes of `bytes` that belong to the head; 0 when all were kept for later; -1 when the peer is gone.
static long take_head(peer *p, const char *bytes, size_t size) {
  head h;
  size_t kept = p->partial_size;
  if (kept) keep_partial(p, bytes, size), bytes = p->partial, size = p->partial_size;
  long length = head_scan(bytes, size, &h);
  bool tunnel = length > 0 && wants_tunnel(bytes, size);
  if (length < 0 || (length > 0 && !h.has_id && !(tunnel && open_tunnel(p)))) return peer_close(p), -1;
  if (length == 0) return kept ? 0 : (keep_partial(p, bytes, size), 0);
  free(p->partial);
  p->partial = NULL, p->partial_size = 0;
  if (tunnel) return length - (long)kept;
  p->id = h.id, p->in_body = true;
  body_begin(&p->body, &h, pattern_at(h.id), false);
  return length - (long)kept;
}

static void peer_read(peer *p) {
  ssize_t got = recv(p->source.fd, input, sizeof input, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return peer_close(p);
  size_t at = 0, size = (size_t)got;
  if (!p->heard && size >= 3 && memcmp(input, "PRI", 3) == 0) {
    http2_backend_adopt(&p->source, p->owner, input, size);
    return bury(p);
  }
  p->heard = true;
  while (at < size) {
    if (p->answering) return peer_close(p);  // a proxy that pipelines towards us: not played here
    if (!p->in_body) {
      long taken = take_head(p, input + at, size - at);
      if (taken <= 0) return;
      at += (size_t)taken;
      if (!p->in_body) continue;
    }
    at += body_feed(&p->body, input + at, size - at);
    if (p->body.at != BODY_DONE) return;
    request_complete(p);
    if (p->source.fd < 0) return;
  }
}

static void peer_ready(source *s, uint32_t events) {
  peer *p = (peer *)s;
  if (events & (EPOLLERR | EPOLLHUP)) return peer_close(p);
  if (events & EPOLLIN) return peer_read(p);
  if (events & EPOLLOUT && p->answering && !p->queued) answer(p);
}

static void peer_close(peer *p) {
  dequeue(p);
  p->owner->open--;
  loop_close(&p->source);
  free(p->partial);
  p->partial = NULL;
  bury(p);
}

// ---- listening

static void accept_ready(source *s, uint32_t events) {
  (void)events;
  listener *l = (listener *)s;
  empty_graveyard();
  for (int i = 0; i < 64; i++) {
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer *p = calloc(1, sizeof *p);
    p->source = (source){.ready = peer_ready, .fd = fd};
    p->owner = l;
    l->open++;
    loop_add(&p->source, EPOLLIN);
  }
}

void backend_listen(int port) {
  if (listener_count == MAX_LISTENERS) die("more than %d backends", MAX_LISTENERS);
  listener *l = &listeners[listener_count++];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
    die("cannot listen on 127.0.0.1:%d: %s", port, strerror(errno));
  *l = (listener){.source = {.ready = accept_ready, .fd = fd}, .port = port};
  loop_add(&l->source, EPOLLIN);
}

uint64_t backend_mismatches(void) { return mismatches; }

void backend_print(void) {
  printf("[");
  for (int i = 0; i < listener_count; i++) {
    const listener *l = &listeners[i];
    printf("%s{\"port\":%d,\"open\":%u", i ? "," : "", l->port, l->open);
    printf(",\"requests\":%" PRIu64 ",\"lastRequestNs\":%" PRIu64 "}", l->requests, l->last_request_ns);
  }
  printf("]");
}
