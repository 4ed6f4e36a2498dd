// Puts one client of a router together: its balancer, its endpoints, and their connections in the protocol the endpoints speak.
import { createBalancer } from "../balance/balancer.ts";
import type { EndpointInfo } from "../core/border.ts";
import type { LoadCell } from "../core/picker.ts";
import type { SessionSource } from "../core/session.ts";
import { Accrual, accrualCounters } from "../resilience/accrual/accrual.ts";
import { accrualPolicy } from "../resilience/accrual/kinds.ts";
import { nackOf } from "../protocols/http/nack.ts";
import { adaptiveLimit } from "../resilience/adaptive-limit.ts";
import { HedgePolicy } from "../resilience/hedge-policy.ts";
import { NackAdmission } from "../resilience/nack-admission.ts";
import { Requeue } from "../resilience/requeue.ts";
import { Client, type ClientListener } from "../router/client-stack.ts";
import { type AttemptListener, Endpoint, type EndpointShared, type EndpointStacks } from "../router/endpoint-stack.ts";
import { RequestStats, StatusStats } from "../router/request-stats.ts";
import type { ClientSettings, Policies } from "../router/settings.ts";
import { MultiplexedSessions } from "../sessions/multiplexed.ts";
import { SessionPool } from "../sessions/pool.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { ClientPolicy, RouterConfig } from "./config.ts";
import { clientConnectionStats, http2ClientStats } from "./connection-stats.ts";
import { endpointGauges } from "./endpoint-gauges.ts";
import type { RouterWorld } from "./router.ts";
import {
  clientPolicy,
  http2ClientLimits,
  http2ClientSettings,
  http2MaxConnections,
  sessionLimits,
} from "./settings.ts";

/** What all clients of a router run through, and have in common. */
export interface ClientParts {
  readonly config: RouterConfig;
  readonly policies: Policies;
  readonly clientStack: Client["stack"];
  readonly endpointStacks: EndpointStacks;
  readonly world: RouterWorld;
}

/** Makes a client without endpoints. */
export function makeClient(id: string, scope: Scope, listener: ClientListener, parts: ClientParts): Client {
  const { config, world } = parts;
  const { env, loop, logger } = world;
  const settings = parts.policies.client(id);
  const accruals = accrualCounters(scope.scope("failure_accrual"));
  const shared = {
    loop,
    stats: new RequestStats(scope),
    statuses: new StatusStats(scope, false),
    stack: parts.endpointStacks.of(settings.attemptTimeoutMs),
    nackOf,
    accrualView: accrualView(settings),
  };
  const policy = clientPolicy(config, id);
  const { sessions, watch } =
    policy.protocol === "h2" ? http2Sessions(scope, policy, settings, parts) : http1Sessions(scope, settings, parts);
  const client = new Client({
    id,
    loop,
    scope,
    balancer: createBalancer<Endpoint>(settings.balancer, env, scope.scope("loadbalancer"), {
      left: ({ pool }) => env.timers.soon(() => void pool.drain()),
      expired: ({ pool }) => env.timers.soon(() => pool.closeIdle()),
    }),
    nacks: new NackAdmission(scope.scope("nack_admission_control"), loop.nowMs),
    limit: adaptiveLimit(settings.concurrencyLimit, scope.scope("concurrency_limit"), loop.nowMs),
    hedge: hedgeOf(settings, scope, loop.nowMs),
    limitKind: settings.concurrencyLimit.kind,
    requeue: new Requeue(settings.requeueBudget, loop, scope.scope("retries")),
    stack: parts.clientStack,
    maxIdleServices: config.bindingCache.paths,
    bindingTimeoutMs: config.bindingTimeoutMs,
    listener,
    makeEndpoint: (info, cell, attempts) => makeEndpoint(info, cell, attempts),
  });
  watch(() => client.endpoints);
  endpointGauges(scope.scope("endpoints"), client, env.clock);
  return client;

  function makeEndpoint(info: EndpointInfo, cell: LoadCell, attempts: AttemptListener): Endpoint {
    const accrual = new Accrual(accrualPolicy(settings.accrual, env.random), accruals, {
      died: (forMs, again) =>
        logger.info(`${id} marked endpoint ${info.key} dead for ${forMs} ms${again ? ": its probe failed" : ""}`),
      revived: () => logger.info(`${id} found endpoint ${info.key} alive again`),
    });
    const endpointShared: EndpointShared = { ...shared, listener: attempts };
    return new Endpoint(info.key, info.weight, cell, accrual, sessions(info), endpointShared);
  }
}

function hedgeOf({ hedge }: ClientSettings, scope: Scope, nowMs: number) {
  if (hedge === null) return null;
  return { policy: new HedgePolicy(hedge, scope.scope("backups"), nowMs), methods: hedge.methods };
}

function accrualView({ accrual }: ClientSettings): EndpointShared["accrualView"] {
  return accrual.kind === "none" ? { kind: accrual.kind } : { kind: accrual.kind, failures: accrual.failures };
}

/** How the endpoints of a client are connected to. */
interface Sessions {
  sessions(info: EndpointInfo): SessionSource;
  watch(endpoints: () => readonly Endpoint[]): void;
}

function http1Sessions(scope: Scope, settings: ClientSettings, { config, world }: ClientParts): Sessions {
  const stats = clientConnectionStats(scope);
  const limits = sessionLimits(config);
  return {
    watch: stats.watch,
    sessions: ({ host, port }) => {
      const endpoint = { host, port, noDelay: settings.noDelay, keepAlive: settings.keepAlive };
      const given = { limits, connectTimeoutMs: settings.connectTimeoutMs };
      return new SessionPool(world.http1.connector(endpoint, given, stats), world.loop, settings.pool, stats);
    },
  };
}

function http2Sessions(
  scope: Scope,
  policy: ClientPolicy,
  settings: ClientSettings,
  { config, world }: ClientParts,
): Sessions {
  const stats = http2ClientStats(scope);
  const limits = http2ClientLimits(config, policy);
  const given = {
    settings: http2ClientSettings(config, policy),
    limits,
    connectTimeoutMs: settings.connectTimeoutMs,
  };
  const bounds = {
    maxConnections: http2MaxConnections(policy),
    idleTimeMs: limits.idleTimeoutMs,
    sessionLifeMs: limits.lifeTimeMs,
  };
  return {
    watch: stats.watch,
    sessions: ({ host, port }) => {
      const endpoint = { host, port, noDelay: settings.noDelay, keepAlive: settings.keepAlive };
      return new MultiplexedSessions(world.http2.connector(endpoint, given, stats), world.loop, bounds, stats);
    },
  };
}
