// The kinds a plug-in may add: identifiers, namers, accrual policies, request filters. Each says once what it is called, what may be
// configured and counted; what was configured reaches its maker checked, with defaults filled in, and typed.
import type { Backoff } from "../base/backoff.ts";
import type { Env } from "../base/env.ts";
import type { Random } from "../base/random.ts";
import { type Keys, object, type ObjectOf, type Schema } from "../config/schema.ts";
import type { Check } from "../config/spec.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Namer } from "../core/namer.ts";
import type { Path } from "../core/path.ts";
import type { Slot } from "../core/slots.ts";
import type { BackoffSpec } from "../resilience/accrual/kinds.ts";
import type { AccrualPolicy } from "../resilience/accrual/policy.ts";
import type { RequestFilter } from "../router/request-filters.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricDeclarations, MetricsOf } from "./metrics.ts";

/** What every kind says of itself. */
export interface KindParts<K extends Keys, M extends MetricDeclarations> {
  /** One sentence, for the reference. */
  readonly doc: string;
  /** Its keys besides `kind`. */
  readonly keys: K;
  /** Conditions over several keys. */
  readonly checks?: readonly Check<ObjectOf<K>>[];
  readonly metrics?: M;
}

/** What makers of every kind are given. */
export interface KindContext<M extends MetricDeclarations> {
  /** Time, timers and chance; a plug-in that takes them from here can be tested in simulated time. */
  readonly env: Env;
  readonly logger: Logger;
  readonly metrics: MetricsOf<M>;
}

/** What makers of identifiers are given. */
export interface IdentifierContext<M extends MetricDeclarations> extends KindContext<M> {
  /** Label of the router. */
  readonly router: string;
  /** `http`, `h2`, or a protocol of a plug-in. */
  readonly protocol: string;
  /** Done when the router is no more: after a reload, and at the end. */
  atClose(act: () => void): void;
  /** `dstPrefix`, to put before the name: `/svc`, or empty. */
  readonly prefix: string;
}

/** Names requests: see `core/identifier`. */
export interface RequestIdentifier {
  /** What of the request decides its name; null when this identifier does not apply. Runs per request. */
  key(ex: Exchange): string | null;
  /** The name for a key, as path text such as `/svc/users`. Runs once per key that is new. */
  path(key: string): string;
  /** Changes the request on its way, once identified. */
  apply?(ex: Exchange): void;
}

/** What makers of filters are given. A filter is made once per router and serves all its servers. */
export interface FilterContext<M extends MetricDeclarations> extends KindContext<M> {
  readonly router: string;
  readonly protocol: string;
  /** Done when the router is no more: after a reload, and at the end. */
  atClose(act: () => void): void;
  /** A place in every exchange. To be asked for while the filter is made. */
  slot<T>(initial: T): Slot<T>;
}

/** What makers of accrual policies are given. A policy is made for each endpoint. */
export interface AccrualContext<M extends MetricDeclarations> {
  readonly random: Random;
  /** Monotonic time now. */
  readonly nowMs: number;
  readonly metrics: MetricsOf<M>;
  /** How long an endpoint is dead each time, as configured by a key made of `backoff`; without one as for all other kinds. */
  backoff(configured: BackoffSpec | undefined): Backoff;
}

/** What makers of namers are given. */
export interface NamerContext<M extends MetricDeclarations> extends KindContext<M> {
  /** `/#` and the configured prefix: what names begin with that come here, and what ids of bound names must begin with. */
  readonly prefix: Path;
}

/** A kind whose types have been checked where it was defined. */
interface Kind<T extends string, C, R> {
  readonly type: T;
  readonly schema: Schema<unknown>;
  readonly keys: Keys;
  readonly doc: string;
  readonly metrics: MetricDeclarations;
  make(config: unknown, context: C): R;
}

export type IdentifierKind = Kind<"identifier", IdentifierContext<MetricDeclarations>, RequestIdentifier>;
export type FilterKind = Kind<"filter", FilterContext<MetricDeclarations>, RequestFilter>;
export type AccrualKind = Kind<"accrual", AccrualContext<MetricDeclarations>, AccrualPolicy>;
export type NamerKind = Kind<"namer", NamerContext<MetricDeclarations>, Omit<Namer, "prefix">>;

/** No metrics. */
type None = Readonly<Record<string, never>>;

/** What decides names of requests, by `identifier: {kind: …}` of http and h2 routers. */
export function defineIdentifier<const K extends Keys, const M extends MetricDeclarations = None>(
  parts: KindParts<K, M> & { make(config: ObjectOf<K>, context: IdentifierContext<M>): RequestIdentifier },
): IdentifierKind {
  return erased("identifier", parts);
}

/** What looks at requests and answers, by `filters: [{kind: …}]` of any router. */
export function defineFilter<const K extends Keys, const M extends MetricDeclarations = None>(
  parts: KindParts<K, M> & { make(config: ObjectOf<K>, context: FilterContext<M>): RequestFilter },
): FilterKind {
  return erased("filter", parts);
}

/** When an endpoint counts as dead, by `failureAccrual: {kind: …}` of clients. */
export function defineAccrual<const K extends Keys, const M extends MetricDeclarations = None>(
  parts: KindParts<K, M> & { make(config: ObjectOf<K>, context: AccrualContext<M>): AccrualPolicy },
): AccrualKind {
  return erased("accrual", parts);
}

/** A source of endpoints, by `namers: [{kind: …}]`. Every namer also has the keys `prefix` and `transformers`. */
export function defineNamer<const K extends Keys, const M extends MetricDeclarations = None>(
  parts: KindParts<K, M> & { make(config: ObjectOf<K>, context: NamerContext<M>): Omit<Namer, "prefix"> },
): NamerKind {
  return erased("namer", parts);
}

// What is read by the schema of a kind is what its maker takes, and its metrics are those it declared: `define…` has checked both.
function erased<T extends string, K extends Keys, M extends MetricDeclarations, C, R>(
  type: T,
  parts: KindParts<K, M> & { make(config: ObjectOf<K>, context: never): R },
): Kind<T, C, R> {
  const { checks = [], doc, keys, metrics = {} } = parts;
  return {
    type,
    doc,
    keys,
    metrics,
    schema: object({ doc, checks, origin: "fairlead" }, keys),
    make: (config, context) => parts.make(config as ObjectOf<K>, context as never),
  };
}
