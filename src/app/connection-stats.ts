// Figures of connections under their metric names (linkerd1 §7.4).
import type { ClientConnectionStats } from "../protocols/http1/client-context.ts";
import type { ServerConnectionStats, TunnelStats } from "../protocols/http1/server-context.ts";
import type { Http2ClientStats } from "../protocols/http2/client-context.ts";
import type { Http2Stats } from "../protocols/http2/context.ts";
import type { Http2ServerStats } from "../protocols/http2/server-context.ts";
import type { PoolStats } from "../sessions/pool.ts";
import type { Scope } from "../telemetry/registry.ts";

/** Figures of a server's accepted connections. */
export function serverConnectionStats(scope: Scope): ServerConnectionStats {
  const connects = scope.counter("connects");
  const closes = scope.counter("closes");
  const duration = scope.latency("connection_duration");
  const requests = scope.stat("connection_requests");
  return {
    sentBytes: scope.counter("sent_bytes"),
    receivedBytes: scope.counter("received_bytes"),
    opened: () => connects.inc(),
    closed(durationMs, served) {
      closes.inc();
      duration.record(durationMs);
      requests.record(served);
    },
    tunnels: null,
  };
}

/** Figures of the tunnels that a server's connections have become. */
function tunnelStats(scope: Scope): TunnelStats {
  const [opened, ended] = [scope.counter("opened"), scope.counter("closed")];
  const [received, sent] = [scope.counter("received_bytes"), scope.counter("sent_bytes")];
  const duration = scope.latency("duration_ms");
  scope.gauge("active", () => opened.value - ended.value);
  return {
    opened: () => opened.inc(),
    closed(durationMs, receivedBytes, sentBytes) {
      ended.inc();
      duration.record(durationMs);
      received.add(receivedBytes);
      sent.add(sentBytes);
    },
  };
}

/** What the pool gauges read. */
interface PoolHolder {
  readonly pool: { readonly size: number; readonly idle: number; readonly waiters: number };
}

/** Figures of a client's connections and pools, over all its endpoints. */
export function clientConnectionStats(
  scope: Scope,
): ClientConnectionStats & PoolStats & { watch(endpoints: () => readonly PoolHolder[]): void } {
  const connects = scope.counter("connects");
  const failed = scope.latency("failed_connect_latency_ms");
  const latency = scope.latency("connect_latency_ms");
  const duration = scope.latency("connection_duration");
  const cancelled = scope.counter("cancelled_connects");
  const waited = scope.counter("pool_num_waited");
  const tooMany = scope.counter("pool_num_too_many_waiters");
  const closes = scope.counter("closes");
  const unexpected = scope.scope("exn").counter("unexpected_bytes");
  return {
    sentBytes: scope.counter("sent_bytes"),
    receivedBytes: scope.counter("received_bytes"),
    connected(ms) {
      connects.inc();
      latency.record(ms);
    },
    connectFailed: (ms) => failed.record(ms),
    connectCancelled: () => cancelled.inc(),
    unexpected: () => unexpected.inc(),
    waited: () => waited.inc(),
    tooManyWaiters: () => tooMany.inc(),
    closed(ageMs) {
      closes.inc();
      duration.record(ageMs);
    },
    watch(endpoints) {
      const sum = (read: (holder: PoolHolder) => number) => () => endpoints().reduce((total, e) => total + read(e), 0);
      scope.gauge(
        "connections",
        sum((e) => e.pool.size),
      );
      scope.gauge(
        "pool_size",
        sum((e) => e.pool.size),
      );
      scope.gauge(
        "pool_cached",
        sum((e) => e.pool.idle),
      );
      scope.gauge(
        "pool_waiters",
        sum((e) => e.pool.waiters),
      );
    },
  };
}

/** Figures of streams and frames, besides those of connections. */
function http2Stats(scope: Scope): Omit<Http2Stats, "sentBytes" | "receivedBytes"> {
  const http2 = scope.scope("h2");
  const stream = scope.scope("stream");
  const [success, failures] = [stream.counter("stream_success"), stream.counter("stream_failures")];
  const duration = stream.latency("stream_duration_ms");
  return {
    requestBytes: scope.scope("request", "stream").counter("data_bytes"),
    responseBytes: scope.scope("response", "stream").counter("data_bytes"),
    streamEnded(whole, durationMs) {
      (whole ? success : failures).inc();
      duration.record(durationMs);
    },
    resetsReceived: http2.counter("resets_received"),
    resetsSent: http2.counter("resets_sent"),
    goawaysReceived: http2.counter("goaways_received"),
    goawaysSent: http2.counter("goaways_sent"),
    connectionErrors: http2.counter("connection_errors"),
    malformed: http2.counter("malformed"),
  };
}

/** Figures of a port that speaks both versions. */
export function portStats(scope: Scope): ServerConnectionStats & Http2ServerStats {
  return { ...serverConnectionStats(scope), ...http2Stats(scope), tunnels: tunnelStats(scope.scope("tunnels")) };
}

/** Figures of a client's HTTP/2 connections, over all its endpoints. */
export function http2ClientStats(
  scope: Scope,
): Http2ClientStats & PoolStats & { watch(endpoints: () => readonly PoolHolder[]): void } {
  return { ...clientConnectionStats(scope), ...http2Stats(scope) };
}
