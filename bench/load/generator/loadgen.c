// Load generator and backends in one epoll loop, driven by lines on standard input:
//   run target=PORT connections=64 seconds=1.5 warmup=20000 …   one run; ends with one line of JSON
//   answers answer=1024 upload=0 …                               how the backends answer, when somebody else runs
//   stat                                                         what the backends saw so far
//   release                                                      ends a run early, or lets held connections go
//   quit
// Started as: loadgen BACKEND_PORT…   (the keys of `run` are read in `parse_run` below)
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend.h"
#include "client.h"
#include "hpack.h"
#include "http2_backend.h"
#include "loop.h"
#include "message.h"
#include "session.h"

static char line[8192];
static size_t line_size;

/// Value of ` key=` in a command, or null.
static const char *text_of(const char *command, const char *key) {
  char pattern[48];
  snprintf(pattern, sizeof pattern, " %s=", key);
  const char *found = strstr(command, pattern);
  return found ? found + strlen(pattern) : NULL;
}

static double number_of(const char *command, const char *key, double otherwise) {
  const char *text = text_of(command, key);
  return text ? strtod(text, NULL) : otherwise;
}

static void parse_watched(const char *text, run_plan *plan) {
  while (text && *text >= '0' && *text <= '9' && plan->watched_count < MAX_WATCHED) {
    char *end;
    plan->watched[plan->watched_count++] = (int)strtol(text, &end, 10);
    text = *end == ',' ? end + 1 : NULL;
  }
}

static void parse_shape(const char *command, request_shape *shape) {
  memset(shape, 0, sizeof *shape);
  shape->hosts = (int)number_of(command, "hosts", 100);
  shape->headers = (int)number_of(command, "headers", 12);
  shape->body_bytes = (uint32_t)number_of(command, "upload", 0);
  shape->close = (int)number_of(command, "close", 0);
  shape->grpc = (int)number_of(command, "grpc", 0);
  shape->unique_paths = (int)number_of(command, "uniquePaths", 0);
  shape->steady = (int)number_of(command, "steady", 0);
  shape->stored_ids = (int)number_of(command, "storedIds", 0);
  const char *name = text_of(command, "hostName");
  snprintf(shape->host_name, sizeof shape->host_name, "%.*s", name ? (int)strcspn(name, " ") : 3, name ? name : "svc");
}

/// How the backends answer, from the same keys as a run.
static void obey_answers(const char *command) {
  answer_plan answers = {0};
  answers.bytes = (uint32_t)number_of(command, "answer", 1024);
  answers.chunked = number_of(command, "chunked", 0) != 0;
  answers.delay_ns = (uint64_t)(number_of(command, "delayMs", 0) * 1e6);
  answers.barrier = (uint32_t)number_of(command, "barrier", 0);
  answers.upload = (uint32_t)number_of(command, "upload", 0);
  answers.messages = (uint32_t)number_of(command, "messages", 1);
  answers.hold = number_of(command, "http2", 0) != 0 && number_of(command, "hold", 0) != 0;
  if (answers.bytes > MAX_BODY || answers.upload > MAX_BODY) die("a body above %u bytes: %s", MAX_BODY, command);
  backend_plan(&answers);
}

static void parse_run(const char *command) {
  run_plan plan = {0};
  plan.target = (int)number_of(command, "target", 0);
  plan.connections = (int)number_of(command, "connections", 64);
  plan.http2 = number_of(command, "http2", 0) != 0;
  plan.streams = plan.http2 ? (int)number_of(command, "streams", 1) : 1;
  plan.callers = plan.connections * plan.streams;
  plan.messages = (uint32_t)number_of(command, "messages", 1);
  plan.rate = number_of(command, "rate", 0);
  plan.fresh = number_of(command, "fresh", 0) != 0;
  plan.spin = number_of(command, "spin", 1) != 0;
  plan.tunnel = number_of(command, "tunnel", 0) != 0;
  plan.hold = number_of(command, "hold", 0) != 0;
  plan.warmup = (uint64_t)number_of(command, "warmup", 0);
  plan.warmup_cap_ns = (uint64_t)(number_of(command, "warmupCap", 5) * 1e9);
  plan.window_ns = (uint64_t)(number_of(command, "seconds", 1.5) * 1e9);
  plan.limit = (uint64_t)number_of(command, "limit", 0);
  plan.answer_bytes = (uint32_t)number_of(command, "answer", 1024);
  parse_watched(text_of(command, "watch"), &plan);
  parse_shape(command, &plan.shape);
  if (plan.http2 && (plan.fresh || plan.streams <= 0)) die("HTTP/2 has streams, and no fresh connections: %s", command);
  if (plan.target <= 0 || plan.connections <= 0 || plan.shape.hosts <= 0) die("bad command: %s", command);
  obey_answers(command);
  run_begin(&plan);
}

static void obey(const char *command) {
  if (strncmp(command, "run ", 4) == 0) return parse_run(command);
  if (strncmp(command, "answers", 7) == 0) return obey_answers(command);
  if (strcmp(command, "release") == 0) return run_release();
  if (strcmp(command, "quit") == 0) exit(0);
  if (strcmp(command, "stat") != 0) die("unknown command: %s", command);
  printf("{\"event\":\"stat\",\"nowNs\":%llu,\"backends\":", (unsigned long long)now_ns());
  backend_print();
  printf("}\n");
}

static bool commands_waiting;

static void input_ready(source *s, uint32_t events) {
  (void)s, (void)events;
  commands_waiting = true;  // obeyed between turns: a command may close connections
}

static void read_commands(void) {
  commands_waiting = false;
  ssize_t got = read(0, line + line_size, sizeof line - 1 - line_size);
  if (got == 0) exit(0);  // whoever started us is gone
  if (got < 0) return;
  line_size += (size_t)got;
  for (char *end; (end = memchr(line, '\n', line_size));) {
    *end = 0;
    obey(line);
    line_size -= (size_t)(end + 1 - line);
    memmove(line, end + 1, line_size);
  }
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  raise_descriptor_limit();
  pattern_fill();
  hpack_fill();
  http2_backend_fill();
  loop_open();
  backend_plan(&(answer_plan){.bytes = 1024, .messages = 1});
  for (int i = 1; i < argc; i++) backend_listen(atoi(argv[i]));
  static source input = {.ready = input_ready, .fd = 0};
  fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  loop_add(&input, 1 /* EPOLLIN */);
  printf("{\"event\":\"ready\"}\n");
  for (;;) {
    uint64_t now = now_ns();
    int run_ms = run_tick(now), backend_ms = backend_tick(now);
    sessions_flush();
    loop_turn(run_ms < backend_ms ? run_ms : backend_ms);
    if (commands_waiting) read_commands();
  }
}
