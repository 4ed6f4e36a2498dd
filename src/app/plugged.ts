// Kinds of plug-ins made into what the core runs, each with its metrics and with a guard for what it throws.
import { type AccrualSpec, accrualPolicy, deadFor } from "../resilience/accrual/kinds.ts";
import { never } from "../resilience/accrual/none.ts";
import type { AccrualPolicy } from "../resilience/accrual/policy.ts";
import type { Env } from "../base/env.ts";
import type { Transport } from "../core/byte-stream.ts";
import type { FilterView } from "../core/filter.ts";
import type { Identifier } from "../core/identifier.ts";
import type { Namer } from "../core/namer.ts";
import type { Path } from "../core/path.ts";
import { PluginErrors } from "../plugin/errors.ts";
import { GuardedAccrual, GuardedIdentifier, guardedNamer } from "../plugin/guards.ts";
import type { IdentifierKind, NamerKind } from "../plugin/kinds.ts";
import { makeMetrics } from "../plugin/metrics.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import type { RouterFilter } from "../router/request-filters.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { RouterConfig } from "./config.ts";
import { kindIn } from "./extensions.ts";
import { identifiersOf } from "./identifiers.ts";
import { PluggedProtocol, PluggedTransport } from "./plugged-protocol.ts";
import type { RouterWorld } from "./router.ts";

/** Where the metrics of a router's plug-ins are. */
function routerScope({ label }: RouterConfig, { metrics }: RouterWorld): Scope {
  return metrics.root.scope("rt", label);
}

/** @throws what the maker throws, with the kind it is about: the proxy does not start. */
function made<T>(kind: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`plug-in kind ${kind} could not be made: ${why}`, { cause: error });
  }
}

function guarded(errors: PluginErrors, act: () => void): void {
  try {
    act();
  } catch (error) {
    errors.take(error);
  }
}

function errorsOf(kind: string, scope: Scope, logger: Logger, { clock }: Env): PluginErrors {
  return new PluginErrors(kind, scope.scope("plugin_errors").counter(kind), logger, clock);
}

/** The identifiers of a router, those of plug-ins among them. */
export function makeIdentifiers(config: RouterConfig, world: RouterWorld): readonly Identifier[] {
  return identifiersOf(config, (written) => {
    const kind = identifierKind(config, world, written);
    return kind === undefined ? null : pluggedIdentifier(kind, written, config, world);
  });
}

// A protocol of a plug-in has identifiers of its own, and no others.
function identifierKind(
  { plugged, protocol }: RouterConfig,
  { extensions }: RouterWorld,
  written: { readonly kind: string },
): IdentifierKind | undefined {
  return plugged
    ? extensions.protocols.get(protocol)?.identifiers[written.kind]
    : kindIn(extensions.identifiers, written);
}

function pluggedIdentifier(
  kind: IdentifierKind,
  written: { readonly kind: string },
  config: RouterConfig,
  world: RouterWorld,
): Identifier {
  const scope = routerScope(config, world);
  const { env, logger } = world;
  const errors = errorsOf(written.kind, scope, logger, env);
  const inner = made(written.kind, () =>
    kind.make(written, {
      env,
      logger,
      metrics: makeMetrics(kind.metrics, scope.scope("identifier", written.kind)),
      router: config.label,
      protocol: config.protocol,
      atClose: (act) => world.atClose(() => guarded(errors, act)),
      prefix: config.dstPrefix === "/" ? "" : config.dstPrefix,
    }),
  );
  return new GuardedIdentifier(written.kind, inner, errors);
}

/** The request filters of a router. */
export function makeFilters(config: RouterConfig, world: RouterWorld): readonly RouterFilter[] {
  // The schema has taken kinds of plug-ins only.
  return (config.filters as readonly { readonly kind: string }[]).map((written) => makeFilter(written, config, world));
}

function makeFilter(written: { readonly kind: string }, config: RouterConfig, world: RouterWorld): RouterFilter {
  const kind = kindIn(world.extensions.filters, written);
  if (kind === undefined) throw new Error(`no filter ${written.kind}`); // as above
  const scope = routerScope(config, world);
  const { env, logger, loop } = world;
  const errors = errorsOf(written.kind, scope, logger, env);
  const places: number[] = [];
  world.atClose(() => loop.slots.give(places));
  const filter = made(written.kind, () =>
    kind.make(written, {
      env,
      logger,
      metrics: makeMetrics(kind.metrics, scope.scope("filter", written.kind)),
      router: config.label,
      protocol: config.protocol,
      atClose: (act) => world.atClose(() => guarded(errors, act)),
      slot: (initial) => loop.slots.make(initial, places),
    }),
  );
  return {
    name: written.kind,
    doc: kind.doc,
    params: paramsOf(written),
    filter,
    told: loop.slots.make(false, places),
    threw: (error) => errors.take(error),
  };
}

/** What was configured, for people. */
function paramsOf(written: object): FilterView["params"] {
  const entries = Object.entries(written).filter(([key]) => key !== "kind");
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : (value as string)]),
  );
}

/** A namer of a plug-in. */
export function pluggedNamer(
  kind: NamerKind,
  written: { readonly kind: string; readonly prefix: string },
  prefix: Path,
  { env, logger, scope }: { readonly env: Env; readonly logger: Logger; readonly scope: Scope },
): Namer {
  const own = scope.scope("namer", written.prefix.slice(1));
  const errors = new PluginErrors(written.kind, own.counter("errors"), logger, env.clock);
  const metrics = makeMetrics(kind.metrics, own.scope(written.kind));
  return guardedNamer(
    prefix,
    made(written.kind, () => kind.make(written, { env, logger, metrics, prefix })),
    errors,
  );
}

/** Makes the accrual policies of a client's endpoints. */
export function accrualPolicies(
  spec: AccrualSpec,
  scope: Scope,
  config: RouterConfig,
  world: RouterWorld,
): (nowMs: number) => AccrualPolicy {
  const { env, extensions, logger } = world;
  const kind = kindIn(extensions.accruals, spec);
  if (kind === undefined) return (nowMs) => accrualPolicy(spec, env.random, nowMs);
  const errors = errorsOf(spec.kind, routerScope(config, world), logger, env);
  const metrics = makeMetrics(kind.metrics, scope.scope(spec.kind));
  const { random } = env;
  const backoff = (configured: Parameters<typeof deadFor>[0]) => deadFor(configured, random);
  return (nowMs) => {
    try {
      return new GuardedAccrual(kind.make(spec, { random, nowMs, metrics, backoff }), errors);
    } catch (error) {
      errors.take(error);
      return never; // an endpoint more must not stop the proxy
    }
  };
}

/** Protocols by the world of their router, whose servers and clients share one. */
const protocols = new WeakMap<RouterWorld, PluggedProtocol>();

/** The protocol of a router, where a plug-in brings it; null for those of HTTP. */
export function protocolOf(config: RouterConfig, world: RouterWorld): PluggedProtocol | null {
  if (!config.plugged) return null;
  const known = protocols.get(world);
  if (known !== undefined) return known;
  const kind = world.extensions.protocols.get(config.protocol);
  if (kind === undefined) throw new Error(`no protocol ${config.protocol}`); // the configuration has been read with it
  const transport = new PluggedTransport(world.loop, world.http1.transport);
  const made = new PluggedProtocol(makeProtocol(kind, config, world, transport), transport);
  protocols.set(world, made);
  return made;
}

function makeProtocol(kind: ProtocolKind, config: RouterConfig, world: RouterWorld, transport: Transport) {
  const { env, logger, loop } = world;
  return made(config.protocol, () =>
    kind.make(config, {
      router: config.label,
      env,
      loop,
      transport,
      logger,
      atClose: (act) =>
        world.atClose(() => guarded(errorsOf(config.protocol, routerScope(config, world), logger, env), act)),
      metrics: makeMetrics(kind.metrics, routerScope(config, world).scope("protocol", config.protocol)),
    }),
  );
}
