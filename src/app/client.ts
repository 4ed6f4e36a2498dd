// Puts one client of a router together: its balancer, its endpoints, and their connections in the protocol the endpoints speak.
import { createBalancer } from "../balance/balancer.ts";
import type { EndpointInfo } from "../core/border.ts";
import type { LoadCell } from "../core/picker.ts";
import type { SessionSource } from "../core/session.ts";
import type { RouterProtocol } from "../plugin/protocol.ts";
import { accrualCounters, type AccrualOwner } from "../resilience/accrual/accrual.ts";
import { EjectionLimit } from "../resilience/accrual/ejection-cap.ts";
import { accrualView } from "../resilience/accrual/kinds.ts";
import { adaptiveLimit } from "../resilience/adaptive-limit.ts";
import { FailFast, failFastCounters, type FailFastOwner } from "../resilience/fail-fast.ts";
import { CheckedSource } from "../resilience/health/checked-source.ts";
import { HealthCheck, healthCounters, type HealthOwner } from "../resilience/health/health-check.ts";
import { HedgePolicy } from "../resilience/hedge-policy.ts";
import { NackAdmission } from "../resilience/nack-admission.ts";
import { Requeue } from "../resilience/requeue.ts";
import { SlowStart } from "../resilience/slow-start.ts";
import { Standing, type StandingShared } from "../resilience/standing.ts";
import type { ClientStacks } from "../router/client-filters.ts";
import { Client, type ClientListener } from "../router/client-stack.ts";
import { type AttemptListener, Endpoint, type EndpointShared, type EndpointStacks } from "../router/endpoint-stack.ts";
import { RequestStats, StatusStats } from "../router/request-stats.ts";
import type { ClientSettings, Policies } from "../router/settings.ts";
import type { Scope } from "../telemetry/registry.ts";
import { clientHalf } from "./client-half.ts";
import type { RouterConfig } from "./config.ts";
import { endpointGauges } from "./endpoint-gauges.ts";
import { accrualPolicies } from "./plugged.ts";
import type { RouterWorld } from "./router.ts";
import { sharedBudget } from "./share.ts";

/** What all clients of a router run through, and have in common. */
export interface ClientParts {
  readonly config: RouterConfig;
  readonly policies: Policies;
  readonly clientStacks: ClientStacks;
  readonly endpointStacks: EndpointStacks;
  readonly world: RouterWorld;
  /** What the router speaks, where a plug-in brings it; null for HTTP. */
  readonly protocol: RouterProtocol | null;
}

/** Makes a client without endpoints. */
export function makeClient(id: string, scope: Scope, listener: ClientListener, parts: ClientParts): Client {
  const { config, world } = parts;
  const { env, loop, logger } = world;
  const settings = parts.policies.client(id);
  const accrualScope = scope.scope("failure_accrual");
  const { connect, nackOf, pool, watch } = clientHalf(id, { scope, settings, config, world }, parts.protocol);
  const endpoints = () => client.endpoints;
  const standings: StandingShared = {
    counters: accrualCounters(accrualScope),
    cap: new EjectionLimit(settings.maxEjectionPercent, endpoints, accrualScope.counter("ejections_capped")),
    slowStart: new SlowStart(settings.slowStartMs, env.random, endpoints),
  };
  const shared = {
    loop,
    stats: new RequestStats(scope),
    statuses: new StatusStats(scope, false),
    stack: parts.endpointStacks.of(settings.attemptTimeoutMs),
    nackOf,
    accrualView: accrualView(settings.accrual),
  };
  const accrual = accrualPolicies(settings.accrual, accrualScope, config, world);
  const failFastOf = new WeakMap<Standing, FailFast>();
  const failFasts = settings.failFast
    ? failFastCounters(scope.scope("failfast"), () =>
        endpoints().flatMap(({ accrual }) => failFastOf.get(accrual) ?? []),
      )
    : null;
  const { healthCheck } = settings;
  const checks = healthCheck.kind === "none" ? null : healthCounters(scope.scope("health_check"), endpoints);
  const client: Client = new Client({
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
    requeue: new Requeue(sharedBudget(settings.requeueBudget, world.share), loop, scope.scope("retries")),
    stack: parts.clientStacks.of(settings.concurrencyLimit.kind !== "none", settings.hedge !== null),
    maxIdleServices: config.bindingCache.paths,
    bindingTimeoutMs: config.bindingTimeoutMs,
    listener,
    makeEndpoint: (info, cell, attempts) => makeEndpoint(info, cell, attempts),
  });
  watch(endpoints);
  endpointGauges(scope.scope("endpoints"), client, env.clock);
  return client;

  function makeEndpoint(info: EndpointInfo, cell: LoadCell, attempts: AttemptListener): Endpoint {
    const owner: AccrualOwner = {
      died: (forMs, again) => {
        logger.info(`${id} marked endpoint ${info.key} dead for ${forMs} ms${again ? ": its probe failed" : ""}`);
        if (!again) world.tripped(id, info.key, forMs);
      },
      revived: () => logger.info(`${id} found endpoint ${info.key} alive again`),
    };
    const standing = new Standing(accrual(loop.nowMs), standings, owner);
    if (client.endpoints.length > 0) standing.ramp(loop.nowMs); // with the first set there are no others
    const endpointShared: EndpointShared = { ...shared, listener: attempts };
    return new Endpoint(info.key, info.weight, cell, standing, checked(info, standing), endpointShared);
  }

  function sessions(info: EndpointInfo, standing: Standing): SessionSource {
    const { host, port } = info;
    const { keepAlive, noDelay, timeouts } = settings;
    const open = connect({ host, port, noDelay, keepAlive, timeouts });
    if (failFasts === null) return pool(open);
    const owner: FailFastOwner = {
      alone: () => client.endpoints.length <= 1,
      marked(why) {
        logger.info(`${id} takes endpoint ${info.key} out until it can be connected to: ${why.message}`);
        standings.slowStart.changed();
      },
      reached(afterMs) {
        logger.info(`${id} reached endpoint ${info.key} again after ${Math.round(afterMs)} ms`);
        standing.ramp(loop.nowMs);
        standings.slowStart.changed();
      },
    };
    const failFast = new FailFast(open, pool, info.key, loop, failFasts, owner);
    failFastOf.set(standing, failFast);
    return failFast;
  }

  function checked(info: EndpointInfo, standing: Standing): SessionSource {
    const source = sessions(info, standing);
    if (healthCheck.kind === "none" || checks === null) return source;
    const owner: HealthOwner = {
      failed(why) {
        if (!standing.fail()) return false;
        logger.info(`${id} takes endpoint ${info.key} out, for its health checks fail: ${why}`);
        return true;
      },
      recovered() {
        standing.recover(loop.nowMs);
        logger.info(`${id} takes endpoint ${info.key} back: its health checks succeed again`);
      },
    };
    const parts = { env, loop, transport: world.http1.transport };
    return new CheckedSource(source, new HealthCheck(healthCheck, info, parts, checks, owner));
  }
}

function hedgeOf({ hedge }: ClientSettings, scope: Scope, nowMs: number) {
  if (hedge === null) return null;
  return { policy: new HedgePolicy(hedge, scope.scope("backups"), nowMs), methods: hedge.methods };
}
