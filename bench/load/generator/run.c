// The life of one run: connect, warm up, measure for a window, finish what is in flight, report.
#define _GNU_SOURCE
#include "run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "calls.h"
#include "cpu.h"
#include "idle.h"

#define TIMEOUT_NS 10000000000ull  // an answer that takes longer is an error
#define FINISH_NS 3000000000ull    // requests in flight at the end of the window get this long
#define CONNECTING_AT_ONCE 256
#define SCAN_NS 100000000ull
#define REPAIR_NS 1000000ull       // failed connections are opened again at most so often

run_plan plan;
run_counts counts;
uint64_t counted_from_ns;

static enum { QUIET, WARMING, MEASURING, FINISHING, HOLDING } stage;
client *clients;
static const caller_kind *protocol;
static uint64_t id_counter;
static uint64_t stage_since, last_scan, last_repair, schedule_from, sent_on_schedule;
static uint64_t window_cpu, window_own_cpu, window_mismatches, window_start, window_end, unfinished;

/// An odd multiplier permutes the 64-bit numbers.
uint64_t next_id(void) { return ++id_counter * 0x9e3779b97f4a7c15ull; }

bool run_active(void) { return stage != QUIET; }

static void enter(int next, uint64_t now) {
  stage = next;
  stage_since = now;
}

static bool sending(void) { return stage == WARMING || stage == MEASURING; }

// ---- open loop

static uint64_t due_by(uint64_t now) { return (uint64_t)((double)(now - schedule_from) * plan.rate / 1e9); }

static uint64_t moment_of(uint64_t number) { return schedule_from + (uint64_t)((double)number * 1e9 / plan.rate); }

/// Sends every request whose moment has come. Latency counts from that moment, also when no connection was free.
static void send_due(uint64_t now) {
  uint64_t due = due_by(now);
  for (client *c; sent_on_schedule < due && (c = idle_pop());) {
    if (c->at != CLIENT_IDLE) continue;
    protocol->request(c, moment_of(++sent_on_schedule));
  }
}

// ---- what a caller does next

void client_connected(client *c) {
  if (!sending() || (plan.hold && c->served)) return;
  if (plan.rate > 0) return idle_push(c);
  protocol->request(c, plan.fresh ? c->scheduled_ns : now_ns());
}

void client_answered(client *c, uint64_t now) {
  c->served = true;
  if (plan.limit && counts.ok >= plan.limit && stage == MEASURING) return;  // the tick ends the window
  if (!sending() || plan.hold) return;
  if (c->at == CLIENT_CLOSED) return protocol->connect(c);
  if (plan.rate > 0) return idle_push(c);
  protocol->request(c, now);
}

// ---- upkeep

static int connecting(void) {
  int count = 0;
  for (int i = 0; i < plan.callers; i++) count += clients[i].at == CLIENT_CONNECTING;
  return count;
}

/// Opens what is closed, a bounded number at once.
static void repair(uint64_t now) {
  if (now - last_repair < REPAIR_NS) return;
  last_repair = now;
  int room = CONNECTING_AT_ONCE - connecting();
  for (int i = 0; i < plan.callers && room > 0; i++)
    if (clients[i].at == CLIENT_CLOSED) protocol->connect(&clients[i]), room--;
}

static bool in_flight(const client *c) {
  return c->at == CLIENT_SENDING || c->at == CLIENT_AWAITING || c->at == CLIENT_CONNECTING;
}

static void expire(uint64_t now) {
  if (now - last_scan < SCAN_NS) return;
  last_scan = now;
  for (int i = 0; i < plan.callers; i++)
    if (in_flight(&clients[i]) && now > clients[i].scheduled_ns + TIMEOUT_NS) protocol->expire(&clients[i]);
}

static int answered_once(void) {
  int count = 0;
  for (int i = 0; i < plan.callers; i++) count += clients[i].served;
  return count;
}

static int still_in_flight(void) {
  int count = 0;
  for (int i = 0; i < plan.callers; i++)
    count += clients[i].at == CLIENT_SENDING || clients[i].at == CLIENT_AWAITING;
  return count;
}

// ---- the window

static uint64_t own_cpu(void) {
  int self = getpid();
  return cpu_ns_of(&self, 1);
}

static void start_window(uint64_t now) {
  memset(&counts, 0, sizeof counts);
  enter(MEASURING, now);
  window_mismatches = backend_mismatches();
  window_own_cpu = own_cpu();
  window_cpu = cpu_ns_of(plan.watched, plan.watched_count);
  window_start = counted_from_ns = now_ns();
  printf("{\"event\":\"window\"}\n");
}

/// Counts of the window; errors and latencies of what is still in flight are added until it is reported.
static uint64_t ok_in_window;

static void end_window(uint64_t now) {
  window_end = now_ns();
  window_cpu = cpu_ns_of(plan.watched, plan.watched_count) - window_cpu;
  window_own_cpu = own_cpu() - window_own_cpu;
  ok_in_window = counts.ok;
  enter(FINISHING, now);
}

static void print_count(const char *name, uint64_t value) { printf(",\"%s\":%" PRIu64, name, value); }

static void print_latency(const char *name, double quantile) { print_count(name, histogram_quantile(&counts.latency, quantile)); }

static void report(void) {
  const histogram *latency = &counts.latency;
  printf("{\"event\":\"result\"");
  print_count("ok", ok_in_window), print_count("non2xx", counts.non_2xx);
  print_count("connectErrors", counts.connect_errors), print_count("resets", counts.resets);
  print_count("timeouts", counts.timeouts), print_count("crossings", counts.crossings);
  print_count("badBodies", counts.bad_bodies), print_count("badUploads", backend_mismatches() - window_mismatches);
  print_count("idleCloses", counts.idle_closes), print_count("unfinished", unfinished);
  print_count("bytesIn", counts.bytes_in), print_count("bytesOut", counts.bytes_out);
  print_count("startNs", window_start), print_count("endNs", window_end);
  print_count("proxyCpuNs", window_cpu), print_count("ownCpuNs", window_own_cpu);
  print_count("latencies", latency->count), print_count("mean", latency->count ? latency->sum / latency->count : 0);
  print_latency("p50", 0.5), print_latency("p90", 0.9), print_latency("p99", 0.99);
  print_latency("p999", 0.999), print_latency("p9999", 0.9999), print_count("max", latency->max);
  printf("}\n");
}

static void finish(void) {
  for (int i = 0; i < plan.callers; i++)
    if (clients[i].at != CLIENT_CLOSED) protocol->drop(&clients[i]);
  protocol->end();
  free(clients);
  clients = NULL;
  stage = QUIET;
}

/// What never came back in an open loop, or never found a free connection, waited at least until now: leaving it out would flatter.
static void count_unfinished(uint64_t now) {
  unfinished = (uint64_t)still_in_flight();
  for (int i = 0; i < plan.callers && plan.rate > 0; i++)
    if (in_flight(&clients[i]) && clients[i].scheduled_ns >= counted_from_ns && clients[i].scheduled_ns < now)
      histogram_add(&counts.latency, now - clients[i].scheduled_ns);
  while (plan.rate > 0 && sent_on_schedule < due_by(window_end)) {
    uint64_t moment = moment_of(++sent_on_schedule);
    if (moment >= counted_from_ns) histogram_add(&counts.latency, now - moment), unfinished++;
  }
}

// ---- the outside

void run_begin(const run_plan *next) {
  if (stage != QUIET) finish();
  plan = *next;
  protocol = plan.http2 ? &http2_callers : &http1_callers;
  if (plan.http2) calls_prepare(&plan.shape);
  else requests_prepare(&plan.shape);
  memset(&counts, 0, sizeof counts);
  clients = calloc((size_t)plan.callers, sizeof *clients);
  for (int i = 0; i < plan.callers; i++) clients[i].source.fd = -1, clients[i].place = (uint32_t)i;
  protocol->begin();
  idle_begin(plan.http2 ? plan.connections : 1);
  last_repair = 0, sent_on_schedule = 0, unfinished = 0;
  schedule_from = now_ns();
  enter(WARMING, schedule_from);
  if (plan.hold || !plan.warmup) start_window(schedule_from);
}

void run_release(void) {
  if (stage == HOLDING) finish();
  else if (stage == WARMING) start_window(now_ns()), end_window(now_ns());
  else if (stage == MEASURING) end_window(now_ns());
}

static void advance(uint64_t now) {
  uint64_t elapsed = now - stage_since;
  if (stage == WARMING && (counts.ok >= plan.warmup || elapsed > plan.warmup_cap_ns)) return start_window(now);
  if (stage == MEASURING && plan.hold && answered_once() == plan.callers) {
    end_window(now);
    report();
    return enter(HOLDING, now);
  }
  if (stage == MEASURING && (elapsed >= plan.window_ns || (plan.limit && counts.ok >= plan.limit))) return end_window(now);
  if (stage == FINISHING && (still_in_flight() == 0 || elapsed > FINISH_NS)) {
    count_unfinished(now);
    report();
    finish();
  }
}

int run_tick(uint64_t now) {
  if (stage == QUIET) return 1000;
  expire(now);
  if (sending()) repair(now);
  if (sending() && plan.rate > 0) send_due(now);
  advance(now);
  if (stage == HOLDING) return 1000;
  return sending() && plan.spin ? 0 : 1;
}
