// Puts one router together: identifiers, policies, clients, servers. Which protocol its callers and its endpoints speak is decided here.
import type { Env } from "../base/env.ts";
import type { ToControl } from "../core/border.ts";
import { addressText, isUnixPath, plainAddressText } from "../core/socket-address.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { type ForwardedLabels, makeLabeler } from "../protocols/http/forwarded.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import { OverrideRules } from "../protocols/http/override-rules.ts";
import { noWords, requestWords } from "../protocols/http/traced-request.ts";
import type { OverrideSettings } from "../protocols/http/overrides.ts";
import type { Http1 } from "../protocols/http1/protocol.ts";
import type { Http2 } from "../protocols/http2/protocol.ts";
import { ClientStacks } from "../router/client-filters.ts";
import { EndpointStacks } from "../router/endpoint-stack.ts";
import { type ExchangeLog, Router } from "../router/router.ts";
import { RouterServer } from "../router/server-stack.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricsRegistry, Scope } from "../telemetry/registry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { listenAddress } from "../transport/config.ts";
import { type ClientParts, makeClient } from "./client.ts";
import type { RouterConfig, ServerConfig } from "./config.ts";
import type { Extensions, PluginList } from "./extensions.ts";
import type { OpenServer } from "./open-server.ts";
import { makeFilters, makeIdentifiers, protocolOf } from "./plugged.ts";
import { policiesOf, usesB3 } from "./settings.ts";
import { type LiveShare, SharedTotal } from "./share.ts";
import type { ChosenPorts } from "./worker-messages.ts";

/** What routers of one process share. */
export interface RouterWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly http2: Http2;
  readonly metrics: MetricsRegistry;
  readonly tracing: Tracing;
  /** What the plug-ins of its configuration add. */
  readonly extensions: Extensions;
  readonly logger: Logger;
  /** What part of the process's totals this event loop may use up. */
  readonly share: LiveShare;
  /** Several event loops listen on the same ports; null when this is the only one. */
  readonly ports: ChosenPorts | null;
  /** Failure accrual has taken an endpoint out. */
  readonly tripped: (client: string, endpoint: string, deadMs: number) => void;
  /** Done when the router is no more. */
  readonly atClose: (act: () => void) => void;
}

/** A router of a configuration, and what control and data call it: a router that is changed gets another key. */
export interface RouterPlan {
  readonly key: string;
  readonly config: RouterConfig;
  readonly plugins: PluginList;
}

/** A router with its listeners, ready to serve. */
export interface RunningRouter {
  readonly key: string;
  /** Of the configuration in force: its dtab and interpreter may have changed since the router was made. */
  config: RouterConfig;
  readonly router: Router;
  /** One for each server of the configuration, in its order. */
  servers: readonly OpenServer[];
  readonly stacks: readonly RouterServer[];
  /** It has done its last exchange. */
  close(): void;
}

/** Makes the data side of a router; `send` takes its messages to control. */
export function makeRouter(
  { key, config }: RouterPlan,
  world: RouterWorld,
  log: ExchangeLog,
  send: (message: ToControl) => void,
): Router {
  const protocol = protocolOf(config, world)?.protocol ?? null;
  const parts: ClientParts = {
    config,
    protocol,
    policies: policiesOf(config, world.share, protocol),
    clientStacks: new ClientStacks(world.loop),
    endpointStacks: new EndpointStacks(world.loop),
    world,
  };
  return new Router({
    label: config.label,
    key,
    loop: world.loop,
    identifiers: makeIdentifiers(config, world),
    filters: makeFilters(config, world),
    dtab: config.dtab.trim(),
    policies: parts.policies,
    bindingTimeoutMs: config.bindingTimeoutMs,
    bindingCache: { ...config.bindingCache, idleTtlMs: config.bindingCache.idleTtlSecs * 1000 },
    overriddenApart: config.overriddenMetrics === "apart",
    metrics: world.metrics,
    log,
    tracing: world.tracing,
    send,
    makeClient: (id, scope, listener) => makeClient(id, scope, listener, parts),
  });
}

/** Where the figures of a server stand: in the original's form for the network; a path is one part of the name, its slashes included. */
export function serverScope(server: ServerConfig, config: RouterConfig, world: RouterWorld): Scope {
  const place = listenAddress(server);
  const called = isUnixPath(place.host) ? addressText(place) : `${server.ip}/${server.port}`;
  return world.metrics.root.scope("rt", config.label, "server", called);
}

/** The server side of one of a router's servers. */
export function makeServerStack(
  server: ServerConfig,
  config: RouterConfig,
  router: Router,
  world: RouterWorld,
): RouterServer {
  const scope = serverScope(server, config, world);
  const settings = {
    maxConcurrentRequests:
      server.maxConcurrentRequests === undefined ? null : new SharedTotal(server.maxConcurrentRequests, world.share),
    timeoutMs: server.timeoutMs ?? 0,
    deadlines: config.deadlines,
    traced: {
      router: config.label,
      address: plainAddressText(listenAddress(server)),
      words: config.plugged ? noWords : requestWords,
    },
  };
  const broken = (error: unknown) => world.logger.error("a request failed after an error of the proxy", error);
  return new RouterServer(router, world.loop, settings, scope, broken);
}

/** What is done to requests before they are known to be in order. */
export function admissionOf(
  server: ServerConfig,
  config: RouterConfig,
  world: RouterWorld,
  scope: Scope,
): AdmissionOptions {
  return {
    clearContext: server.clearContext,
    b3: usesB3(config),
    maxCallDepth: server.maxCallDepth,
    timestampHeader: ("timestampHeader" in server ? server.timestampHeader : undefined) ?? "",
    forwarded: forwardedLabels(server, config, world),
    localDtabs: new LocalDtabs(canonicalDtab, world.env.clock),
    overrides: overridesOf(server, scope.scope("overrides")),
  };
}

function overridesOf({ overrides }: ServerConfig, scope: Scope): OverrideSettings {
  const { allow, baggage } = overrides;
  return {
    baggage,
    allow: allow === undefined ? null : { rules: new OverrideRules(allow), denied: scope.counter("denied") },
    notInBaggage: baggage === "off" ? null : scope.counter("not_in_baggage"),
  };
}

/** An override in its canonical form, or what is wrong with it. */
export function canonicalDtab(text: string): ReturnType<LocalDtabs["parse"]> {
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
