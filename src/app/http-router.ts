// Puts one `http` router together: identifiers, policies, clients, servers.
import { createBalancer } from "../balance/balancer.ts";
import type { EndpointInfo, ToControl } from "../core/border.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Env } from "../base/env.ts";
import type { Identifier } from "../core/identifier.ts";
import type { LoadCell } from "../core/picker.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import type { BindService } from "../naming/bind-service.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { type ForwardedLabels, makeLabeler } from "../protocols/http/forwarded.ts";
import { HeaderIdentifier } from "../protocols/http/identifiers/header.ts";
import { HeaderTokenIdentifier } from "../protocols/http/identifiers/header-token.ts";
import { MethodAndHostIdentifier } from "../protocols/http/identifiers/method-and-host.ts";
import { PathIdentifier } from "../protocols/http/identifiers/path.ts";
import { StaticIdentifier } from "../protocols/http/identifiers/static.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import type { Http1, Http1Server } from "../protocols/http1/protocol.ts";
import { Accrual, accrualCounters } from "../resilience/accrual/accrual.ts";
import { accrualPolicy } from "../resilience/accrual/kinds.ts";
import { Requeue } from "../resilience/requeue.ts";
import { Client, type ClientListener, clientStack } from "../router/client-stack.ts";
import { type AttemptListener, Endpoint, type EndpointShared, EndpointStacks } from "../router/endpoint-stack.ts";
import { RequestStats, StatusStats } from "../router/request-stats.ts";
import { type ExchangeLog, Router } from "../router/router.ts";
import { RouterServer } from "../router/server-stack.ts";
import type { ClientSettings, Policies } from "../router/settings.ts";
import { SessionPool } from "../sessions/pool.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricsRegistry, Scope } from "../telemetry/registry.ts";
import type { IdentifierConfig, RouterConfig, ServerConfig } from "./config.ts";
import { clientConnectionStats, serverConnectionStats } from "./connection-stats.ts";
import { endpointGauges } from "./endpoint-gauges.ts";
import { policiesOf, serverLimits, sessionLimits } from "./settings.ts";

/** What routers of one process share. */
export interface RouterWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
}

/** A router with its listeners, ready to serve. */
export interface RunningRouter {
  readonly config: RouterConfig;
  readonly router: Router;
  readonly bindService: BindService;
  readonly servers: Http1Server[];
  readonly stacks: RouterServer[];
}

/** Makes the data side of a router; `send` takes its messages to control. */
export function makeHttpRouter(
  config: RouterConfig,
  world: RouterWorld,
  log: ExchangeLog,
  send: (message: ToControl) => void,
): Router {
  const policies = policiesOf(config);
  const stacks: ClientStacks = {
    client: clientStack(),
    endpoint: new EndpointStacks(world.loop),
    limits: sessionLimits(config),
  };
  return new Router({
    label: config.label,
    loop: world.loop,
    identifiers: config.identifier.map((written) => makeIdentifier(written, config.dstPrefix)),
    dtab: config.dtab.trim(),
    policies,
    bindingTimeoutMs: config.bindingTimeoutMs,
    bindingCache: { ...config.bindingCache, idleTtlMs: config.bindingCache.idleTtlSecs * 1000 },
    metrics: world.metrics,
    log,
    send,
    makeClient: (id, scope, listener) => makeClient(id, scope, listener, config, policies, stacks, world),
  });
}

function makeIdentifier(written: IdentifierConfig, dstPrefix: string): Identifier {
  const prefix = dstPrefix === "/" ? "" : dstPrefix;
  switch (written.kind) {
    case "io.l5d.header.token":
      return new HeaderTokenIdentifier(prefix, written.header);
    case "io.l5d.header":
      return new HeaderIdentifier(prefix, written.header);
    case "io.l5d.path":
      return new PathIdentifier(prefix, written.segments, written.consume);
    case "io.l5d.methodAndHost":
      return new MethodAndHostIdentifier(prefix, written.httpUriInDst);
    case "io.l5d.static":
      return new StaticIdentifier(prefix, written.path);
  }
}

/** What all clients of a router run through, and have in common. */
interface ClientStacks {
  readonly client: Client["stack"];
  readonly endpoint: EndpointStacks;
  readonly limits: ReturnType<typeof sessionLimits>;
}

function makeClient(
  id: string,
  scope: Scope,
  listener: ClientListener,
  config: RouterConfig,
  policies: Policies,
  stacks: ClientStacks,
  world: RouterWorld,
): Client {
  const { env, loop } = world;
  const settings = policies.client(id);
  const connections = clientConnectionStats(scope);
  const accruals = accrualCounters(scope.scope("failure_accrual"));
  const shared = {
    loop,
    stats: new RequestStats(scope),
    statuses: new StatusStats(scope, false),
    stack: stacks.endpoint.of(settings.attemptTimeoutMs),
    accrualView: accrualView(settings),
  };
  const client = new Client({
    id,
    loop,
    scope,
    balancer: createBalancer<Endpoint>(settings.balancer, env, scope.scope("loadbalancer")),
    requeue: new Requeue(settings.requeueBudget, loop, scope.scope("retries")),
    stack: stacks.client,
    maxIdleServices: config.bindingCache.paths,
    bindingTimeoutMs: config.bindingTimeoutMs,
    listener,
    makeEndpoint: (info, cell, attempts) => makeEndpoint(info, cell, attempts),
  });
  connections.watch(() => client.endpoints);
  endpointGauges(scope.scope("endpoints"), client, env.clock);
  return client;

  function makeEndpoint(info: EndpointInfo, cell: LoadCell, attempts: AttemptListener): Endpoint {
    const connect = world.http1.connector(
      { host: info.host, port: info.port, noDelay: settings.noDelay, keepAlive: settings.keepAlive },
      { limits: stacks.limits, connectTimeoutMs: settings.connectTimeoutMs },
      connections,
    );
    const accrual = new Accrual(accrualPolicy(settings.accrual, env.random), accruals, {
      died: (forMs, again) =>
        world.logger.info(`${id} marked endpoint ${info.key} dead for ${forMs} ms${again ? ": its probe failed" : ""}`),
      revived: () => world.logger.info(`${id} found endpoint ${info.key} alive again`),
    });
    const pool = new SessionPool(connect, loop, settings.pool, connections);
    const parts: EndpointShared = { ...shared, listener: attempts };
    return new Endpoint(info.key, info.weight, cell, accrual, pool, parts);
  }
}

function accrualView({ accrual }: ClientSettings): EndpointShared["accrualView"] {
  return accrual.kind === "none" ? { kind: accrual.kind } : { kind: accrual.kind, failures: accrual.failures };
}

/** Opens one server of a router. */
export async function openServer(
  server: ServerConfig,
  config: RouterConfig,
  router: Router,
  world: RouterWorld,
): Promise<{ server: Http1Server; stack: RouterServer }> {
  const scope = world.metrics.root.scope("rt", config.label, "server", `${server.ip}/${server.port}`);
  const settings = { maxConcurrentRequests: server.maxConcurrentRequests ?? 0, timeoutMs: server.timeoutMs ?? 0 };
  const broken = (error: unknown) => world.logger.error("a request failed after an error of the proxy", error);
  const stack = new RouterServer(router, world.loop, settings, scope, broken);
  const stats = serverConnectionStats(scope);
  const { backlog, keepAlive, noDelay, reusePort } = server.socketOptions;
  const opened = await world.http1.listen(
    { host: server.ip, port: server.port, backlog, keepAlive, noDelay, reusePort },
    {
      limits: serverLimits(config, server),
      admission: admissionOf(server, config, world),
      needsRemote: config.httpAccessLog !== undefined || server.addForwardedHeader !== undefined,
    },
    stack,
    () => stats,
  );
  scope.gauge("connections", () => opened.connections);
  return { server: opened, stack };
}

function admissionOf(server: ServerConfig, config: RouterConfig, world: RouterWorld): AdmissionOptions {
  return {
    clearContext: server.clearContext,
    maxCallDepth: server.maxCallDepth,
    timestampHeader: server.timestampHeader ?? "",
    forwarded: forwardedLabels(server, config, world),
    localDtabs: new LocalDtabs(canonicalDtab, world.env.clock),
  };
}

function canonicalDtab(text: string): ReturnType<LocalDtabs["parse"]> {
  const parsed = parseDtab(text);
  return parsed instanceof SyntaxProblem ? { message: parsed.message, offset: parsed.offset } : parsed.key();
}

function forwardedLabels(server: ServerConfig, config: RouterConfig, world: RouterWorld): ForwardedLabels | null {
  const written = server.addForwardedHeader;
  if (written === undefined) return null;
  const labeler = (end: typeof written.by) =>
    makeLabeler(end.kind, end.kind === "static" ? end.label : config.label, world.env.random);
  return { by: labeler(written.by), for: labeler(written.for) };
}
