// The kernel's share: a proxy that reads and writes and does nothing else. One upstream connection per downstream
// one, bytes passed as they come, round robin over the backends. No HTTP proxy can be cheaper than this.
// Started as: relay PORT BACKEND_PORT…
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256 << 10)

/// One direction's reading end. What the other side did not take yet waits in `pending`, and reading stops.
typedef struct end {
  int fd;
  struct end *other;
  char *pending;  // to be written to this fd
  size_t size, sent;
  struct end *next_dead;
} end;

static int epoll_fd, backend_count, next_backend;
static struct sockaddr_in backends[16];
static char chunk[CHUNK];
static end *dead;

static void watch(end *e, int operation) {
  uint32_t events = (e->other->pending ? 0 : EPOLLIN) | (e->pending ? EPOLLOUT : 0);
  struct epoll_event event = {.events = events, .data.ptr = e};
  epoll_ctl(epoll_fd, operation, e->fd, &event);
}

/// Closes both ends; memory is kept until the batch of events is over.
static void hang_up(end *e) {
  if (e->fd < 0) return;
  close(e->fd), close(e->other->fd);
  e->fd = e->other->fd = -1;
  e->next_dead = dead, dead = e;
}

static void bury(void) {
  while (dead) {
    end *e = dead;
    dead = e->next_dead;
    free(e->pending), free(e->other->pending), free(e->other), free(e);
  }
}

static void pass_on(end *e) {
  ssize_t got = recv(e->fd, chunk, CHUNK, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return hang_up(e);
  ssize_t sent = send(e->other->fd, chunk, (size_t)got, MSG_NOSIGNAL);
  if (sent == got) return;
  if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return hang_up(e);
  if (sent < 0) sent = 0;
  end *to = e->other;
  to->size = (size_t)(got - sent), to->sent = 0;
  to->pending = memcpy(malloc(to->size), chunk + sent, to->size);
  watch(e, EPOLL_CTL_MOD), watch(to, EPOLL_CTL_MOD);
}

static void drain(end *e) {
  if (!e->pending) return;
  ssize_t sent = send(e->fd, e->pending + e->sent, e->size - e->sent, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN ? (void)0 : hang_up(e);
  e->sent += (size_t)sent;
  if (e->sent < e->size) return;
  free(e->pending);
  e->pending = NULL;
  watch(e, EPOLL_CTL_MOD), watch(e->other, EPOLL_CTL_MOD);
}

static void accept_one(int listener) {
  int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  end *down = calloc(1, sizeof *down), *up = calloc(1, sizeof *up);
  down->fd = fd, down->other = up, up->other = down;
  up->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(up->fd, (struct sockaddr *)&backends[next_backend++ % backend_count], sizeof *backends);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(up->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  watch(down, EPOLL_CTL_ADD), watch(up, EPOLL_CTL_ADD);
}

static struct sockaddr_in loopback(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 18) return fprintf(stderr, "usage: relay PORT BACKEND_PORT...\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = loopback(argv[1]);
  for (int i = 2; i < argc; i++) backends[backend_count++] = loopback(argv[i]);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) return perror("relay"), 1;
  epoll_fd = epoll_create1(0);
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
  for (struct epoll_event events[256];; bury()) {
    int count = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      end *e = events[i].data.ptr;
      if (!e) accept_one(listener);
      else if (e->fd < 0) continue;
      else if (events[i].events & EPOLLOUT) drain(e);
      else pass_on(e);
    }
  }
}
