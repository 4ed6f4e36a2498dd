#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int epoll_fd = -1;

void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "loadgen: ");
  vfprintf(stderr, format, args);
  fprintf(stderr, "\n");
  va_end(args);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void loop_open(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) die("epoll_create1: %s", strerror(errno));
}

static void control(int operation, source *s) {
  struct epoll_event event = {.events = s->interest, .data.ptr = s};
  if (epoll_ctl(epoll_fd, operation, s->fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
}

void loop_add(source *s, uint32_t interest) {
  s->interest = interest;
  control(EPOLL_CTL_ADD, s);
}

void loop_interest(source *s, uint32_t interest) {
  if (s->interest == interest) return;
  s->interest = interest;
  control(EPOLL_CTL_MOD, s);
}

void loop_close(source *s) {
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}

void loop_move(source *from, source *to) {
  to->fd = from->fd, to->interest = from->interest;
  from->fd = -1;
  control(EPOLL_CTL_MOD, to);
}

void loop_turn(int timeout_ms) {
  struct epoll_event events[256];
  int count = epoll_wait(epoll_fd, events, 256, timeout_ms);
  if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
  for (int i = 0; i < count; i++) {
    source *s = events[i].data.ptr;
    s->ready(s, events[i].events);
  }
}
