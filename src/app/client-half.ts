// What speaks to the endpoints of a client: HTTP/1, HTTP/2 or a protocol of a plug-in, all as `core/protocol` has it.
import { Nack } from "../core/nack.ts";
import type { ClientHalf } from "../core/protocol.ts";
import { nackOf } from "../protocols/http/nack.ts";
import type { RouterProtocol } from "../plugin/protocol.ts";
import type { Endpoint } from "../router/endpoint-stack.ts";
import type { ClientSettings } from "../router/settings.ts";
import { MultiplexedSessions } from "../sessions/multiplexed.ts";
import { SessionPool } from "../sessions/pool.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { ClientPolicy, RouterConfig } from "./config.ts";
import { clientConnectionStats, http2ClientStats } from "./connection-stats.ts";
import type { RouterWorld } from "./router.ts";
import {
  clientPolicy,
  http2ClientLimits,
  http2ClientSettings,
  http2MaxConnections,
  sessionLimits,
} from "./settings.ts";
import { SharedConnectionLimits, SharedPoolLimits } from "./share.ts";

/** Where a client is. */
interface ClientPlace {
  readonly scope: Scope;
  readonly settings: ClientSettings;
  readonly config: RouterConfig;
  readonly world: RouterWorld;
}

/** The client half for the client of a bound name. @param protocol of a plug-in; null for those of HTTP. */
export function clientHalf(id: string, place: ClientPlace, protocol: RouterProtocol | null): ClientHalf<Endpoint> {
  const policy = clientPolicy(place.config, id);
  if (protocol !== null) return pluggedHalf(protocol, policy, place);
  return policy.protocol === "h2" ? http2Half(policy, place) : http1Half(place);
}

function http1Half({ config, scope, settings, world }: ClientPlace): ClientHalf<Endpoint> {
  const stats = clientConnectionStats(scope);
  const limits = sessionLimits(config);
  return {
    nackOf,
    watch: stats.watch,
    connect: (endpoint) =>
      world.http1.connector(endpoint, { limits, connectTimeoutMs: settings.connectTimeoutMs }, stats),
    pool: (connect) => new SessionPool(connect, world.loop, new SharedPoolLimits(settings.pool, world.share), stats),
  };
}

function http2Half(policy: ClientPolicy, { config, scope, settings, world }: ClientPlace): ClientHalf<Endpoint> {
  const stats = http2ClientStats(scope);
  const limits = http2ClientLimits(config, policy);
  const given = {
    settings: http2ClientSettings(config, policy),
    limits,
    connectTimeoutMs: settings.connectTimeoutMs,
  };
  const total = {
    maxConnections: http2MaxConnections(policy),
    idleTimeMs: limits.idleTimeoutMs,
    sessionLifeMs: limits.lifeTimeMs,
  };
  const bounds = new SharedConnectionLimits(total, world.share);
  return {
    nackOf,
    watch: stats.watch,
    connect: (endpoint) => world.http2.connector(endpoint, given, stats),
    pool: (connect) => new MultiplexedSessions(connect, world.loop, bounds, stats),
  };
}

function pluggedHalf(
  protocol: RouterProtocol,
  policy: ClientPolicy,
  { scope, settings, world }: ClientPlace,
): ClientHalf<Endpoint> {
  const stats = clientConnectionStats(scope);
  return {
    nackOf: (ex, head) => protocol.nackOf?.(ex, head) ?? Nack.none,
    watch: stats.watch,
    connect: (endpoint) => protocol.connector(policy, endpoint, settings.connectTimeoutMs, stats),
    pool: (connect) => new SessionPool(connect, world.loop, new SharedPoolLimits(settings.pool, world.share), stats),
  };
}
