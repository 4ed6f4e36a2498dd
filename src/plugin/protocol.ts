// A protocol from outside: what it brings is its two halves and its keys; naming, balancing, retries, limits and figures are the router's.
import type { Env } from "../base/env.ts";
import type { Json } from "../config/node.ts";
import type { Keys, ObjectOf } from "../config/schema.ts";
import type { ConnectOptions, ListenOptions, Transport } from "../core/byte-stream.ts";
import type { Classifier } from "../core/classifier.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange } from "../core/exchange.ts";
import type { ExchangeHandler } from "../core/exchange-handler.ts";
import type { MessageHead } from "../core/message-head.ts";
import type { Nack } from "../core/nack.ts";
import type { ClientFigures, ProtocolServer, ServerFigures } from "../core/protocol.ts";
import type { Session, SessionOwner } from "../core/session.ts";
import type { serverKeys } from "../router/config.ts";
import type { Logger } from "../telemetry/log.ts";
import type { IdentifierKind } from "./kinds.ts";
import type { MetricDeclarations, MetricsOf } from "./metrics.ts";

/** What a protocol is made with: once per router. */
export interface ProtocolContext<M extends MetricDeclarations> {
  /** Label of the router. */
  readonly router: string;
  readonly env: Env;
  /** Clock reading, pools of exchanges and attempts, timers of the event loop. */
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly logger: Logger;
  /** Done when the router is no more: after a reload, and at the end. Connections of its servers may live on, for the router that replaces it. */
  atClose(act: () => void): void;
  /** Below `rt/<router>/protocol/<protocol>`. */
  readonly metrics: MetricsOf<M>;
}

/** Keys that every server has. */
export type CommonServer = ObjectOf<ReturnType<typeof serverKeys>>;

/** A protocol of one router. `S`, `C` and `V` are its own keys of servers, clients and services. */
export interface RouterProtocol<S = unknown, C = unknown, V = unknown> {
  /**
   * Opens a server. Each request becomes an exchange of `loop.exchanges` and goes to `handler`, which leads it to exactly one answer
   * through `ex.downstream`; see `ExchangeHandler` and `Downstream`. To listen, pass the options on to the transport of the context, and
   * return the listener it gives: after a reload the socket may be that of the server before this one.
   */
  listen(config: S, options: ListenOptions, handler: ExchangeHandler, figures: ServerFigures): Promise<ProtocolServer>;
  /**
   * What opens sessions to an endpoint. A session carries one attempt at a time; they are pooled.
   * @param connectTimeoutMs 0 = no limit.
   */
  connector(
    config: C,
    endpoint: ConnectOptions,
    connectTimeoutMs: number,
    figures: ClientFigures,
  ): (owner: SessionOwner) => Session;
  /** Which answers are failures. */
  classifier(config: V): Classifier;
  /** What an answer with `attempt.status` 503 says of having worked on the request; nothing unless this is there. */
  nackOf?(ex: Exchange, head: MessageHead): Nack;
}

/** What a protocol says of itself. */
export interface ProtocolParts<
  R extends Keys,
  S extends Keys,
  C extends Keys,
  V extends Keys,
  M extends MetricDeclarations,
> {
  /** One sentence, for the reference. */
  readonly doc: string;
  /** Where its servers listen unless told otherwise. */
  readonly port: number;
  /** How its requests are named, by kind; those of HTTP do not apply. */
  readonly identifiers: Readonly<Record<string, IdentifierKind>>;
  /** The identifier of routers that name none, such as `{ kind: "resp.keyPrefix" }`. */
  readonly defaultIdentifier: Json;
  /** Keys besides those of every router, server, client and service. */
  readonly routerKeys: R;
  readonly serverKeys: S;
  readonly clientKeys: C;
  readonly serviceKeys: V;
  readonly metrics?: M;
  make(
    config: ObjectOf<R>,
    context: ProtocolContext<M>,
  ): RouterProtocol<CommonServer & ObjectOf<S>, ObjectOf<C>, ObjectOf<V>>;
}

/** A protocol whose types have been checked where it was defined. */
export interface ProtocolKind extends Omit<ProtocolParts<Keys, Keys, Keys, Keys, MetricDeclarations>, "make"> {
  readonly type: "protocol";
  readonly metrics: MetricDeclarations;
  make(config: unknown, context: ProtocolContext<MetricDeclarations>): RouterProtocol;
}

type None = Readonly<Record<string, never>>;

/** A protocol, by `protocol:` of routers. */
export function defineProtocol<
  const R extends Keys,
  const S extends Keys,
  const C extends Keys,
  const V extends Keys,
  const M extends MetricDeclarations = None,
>(parts: ProtocolParts<R, S, C, V, M>): ProtocolKind {
  const { metrics = {} } = parts;
  return {
    ...parts,
    type: "protocol",
    metrics,
    // Configuration is read by the schemas beside it, and metrics are those declared: the types above hold them together.
    make: (config, context) => parts.make(config as ObjectOf<R>, context as ProtocolContext<M>),
  };
}
