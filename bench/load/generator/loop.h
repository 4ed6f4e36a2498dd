// The event loop everything here hangs on: one epoll set, one thread, level-triggered.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Anything with a descriptor in the loop. First member of the struct it belongs to.
/// A handler may close its own descriptor; others are closed only between turns.
typedef struct source {
  void (*ready)(struct source *self, uint32_t events);
  int fd;
  uint32_t interest;
} source;

/// CLOCK_MONOTONIC in nanoseconds: the clock of `process.hrtime` as well.
uint64_t now_ns(void);

void loop_open(void);
void loop_add(source *s, uint32_t interest);
void loop_interest(source *s, uint32_t interest);
void loop_close(source *s);

/// Hands the descriptor of one source to another.
void loop_move(source *from, source *to);

/// Waits up to timeout_ms (0 = look and return) and calls the handlers of what is ready.
void loop_turn(int timeout_ms);

/// Ends the program with a message: for a broken environment, never for a broken peer.
void die(const char *format, ...);
