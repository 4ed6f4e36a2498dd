// Puts one router together: identifiers, policies, clients, servers. Which protocol its callers and its endpoints speak is decided here.
import type { Env } from "../base/env.ts";
import { listenHttp, type PortSettings } from "../bridges/http1-http2/port.ts";
import type { ToControl } from "../core/border.ts";
import type { Listener, ListenOptions } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Failure } from "../core/failure.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import type { BindService } from "../naming/bind-service.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import type { NameInterpreter } from "../naming/interpreter.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { type ForwardedLabels, makeLabeler } from "../protocols/http/forwarded.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import type { Http1 } from "../protocols/http1/protocol.ts";
import type { Http2 } from "../protocols/http2/protocol.ts";
import { ClientStacks } from "../router/client-filters.ts";
import { EndpointStacks } from "../router/endpoint-stack.ts";
import { type ExchangeLog, Router } from "../router/router.ts";
import { RouterServer } from "../router/server-stack.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { type ClientParts, makeClient } from "./client.ts";
import type { RouterConfig, ServerConfig } from "./config.ts";
import { http2ServerStats } from "./connection-stats.ts";
import { makeIdentifier } from "./identifiers.ts";
import { accessLogOf, http2ServerLimits, http2ServerSettings, policiesOf, serverLimits } from "./settings.ts";

/** What routers of one process share. */
export interface RouterWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly http2: Http2;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
}

/** A listener and its connections, whatever they speak. */
export interface ProtocolServer {
  readonly listener: Listener | null;
  readonly connections: number;
  /** Stops accepting, lets every exchange finish, and resolves when the last connection is closed. */
  drain(): Promise<void>;
  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void;
}

/** A router with its listeners, ready to serve. */
export interface RunningRouter {
  readonly config: RouterConfig;
  readonly router: Router;
  readonly interpreter: NameInterpreter;
  readonly bindService: BindService;
  readonly servers: ProtocolServer[];
  readonly stacks: RouterServer[];
}

/** Makes the data side of a router; `send` takes its messages to control. */
export function makeRouter(
  config: RouterConfig,
  world: RouterWorld,
  log: ExchangeLog,
  send: (message: ToControl) => void,
): Router {
  const parts: ClientParts = {
    config,
    policies: policiesOf(config),
    clientStacks: new ClientStacks(world.loop),
    endpointStacks: new EndpointStacks(world.loop),
    world,
  };
  return new Router({
    label: config.label,
    loop: world.loop,
    identifiers: config.identifier.map((written) => makeIdentifier(written, config.dstPrefix)),
    dtab: config.dtab.trim(),
    policies: parts.policies,
    bindingTimeoutMs: config.bindingTimeoutMs,
    bindingCache: { ...config.bindingCache, idleTtlMs: config.bindingCache.idleTtlSecs * 1000 },
    metrics: world.metrics,
    log,
    send,
    makeClient: (id, scope, listener) => makeClient(id, scope, listener, parts),
  });
}

/** Opens one server of a router. */
export async function openServer(
  server: ServerConfig,
  config: RouterConfig,
  router: Router,
  world: RouterWorld,
): Promise<{ server: ProtocolServer; stack: RouterServer }> {
  const scope = world.metrics.root.scope("rt", config.label, "server", `${server.ip}/${server.port}`);
  const settings = {
    maxConcurrentRequests: server.maxConcurrentRequests ?? 0,
    timeoutMs: server.timeoutMs ?? 0,
    deadlines: config.deadlines,
  };
  const broken = (error: unknown) => world.logger.error("a request failed after an error of the proxy", error);
  const stack = new RouterServer(router, world.loop, settings, scope, broken);
  const { backlog, keepAlive, noDelay, reusePort } = server.socketOptions;
  const options: ListenOptions = { host: server.ip, port: server.port, backlog, keepAlive, noDelay, reusePort };
  const given = {
    admission: admissionOf(server, config, world),
    needsRemote: accessLogOf(config) !== null || server.addForwardedHeader !== undefined,
  };
  const protocols: PortSettings = {
    ...given,
    http1: speaks(server, config, "http/1.1") ? serverLimits(config, server) : null,
    http2: speaks(server, config, "h2")
      ? { settings: http2ServerSettings(config, server), limits: http2ServerLimits(config, server) }
      : null,
  };
  const opened = await listenHttp(world, options, protocols, stack, http2ServerStats(scope));
  scope.gauge("connections", () => opened.connections);
  scope.scope("h2").gauge("streams", () => opened.streams);
  return { server: opened, stack };
}

// A router's own protocol is always spoken.
function speaks(server: ServerConfig, config: RouterConfig, protocol: "http/1.1" | "h2"): boolean {
  if (protocol === "h2") return config.protocol === "h2" || ("http2" in server && server.http2);
  return config.protocol === "http" || ("http1" in server && server.http1);
}

function admissionOf(server: ServerConfig, config: RouterConfig, world: RouterWorld): AdmissionOptions {
  return {
    clearContext: server.clearContext,
    maxCallDepth: server.maxCallDepth,
    timestampHeader: ("timestampHeader" in server ? server.timestampHeader : undefined) ?? "",
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
