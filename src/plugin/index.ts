// The public entry for plug-ins, `fairlead/plugin`: everything a plug-in may stand on. docs/plugins.md shows how.

export { definePlugin, API_VERSION } from "./define.ts";
export type { Plugin, PluginParts } from "./define.ts";
export { defineAccrual, defineFilter, defineIdentifier, defineNamer } from "./kinds.ts";
export type {
  AccrualContext,
  AccrualKind,
  FilterContext,
  FilterKind,
  IdentifierContext,
  IdentifierKind,
  KindContext,
  KindParts,
  NamerContext,
  NamerKind,
  RequestIdentifier,
} from "./kinds.ts";
export { addField, httpRequest, refuse } from "./helpers.ts";
export { counter, gauge, stat } from "./metrics.ts";
export type { MetricDeclaration, MetricDeclarations, MetricsOf } from "./metrics.ts";

// What may be configured.
export {
  bool,
  dtab,
  headerName,
  http2HeaderName,
  int,
  ip,
  list,
  number,
  object,
  oneOrMany,
  path,
  pathPattern,
  pathTemplate,
  port,
  text,
  word,
} from "../config/schema.ts";
export type { Infer, Keys, ObjectOf, Schema } from "../config/schema.ts";
export { kindOf } from "../config/kinds.ts";
export type { Check, Report } from "../config/spec.ts";
export { backoff } from "../resilience/config.ts";

// Requests and answers.
export type { Exchange } from "../core/exchange.ts";
export type { MessageHead } from "../core/message-head.ts";
export { Down } from "../core/filter.ts";
export { Failure } from "../core/failure.ts";
export { causes } from "../core/cause.ts";
export type { Cause } from "../core/cause.ts";
export { Outcome } from "../core/outcome.ts";
export type { Slot } from "../core/slots.ts";
export type { RequestFilter } from "../router/request-filters.ts";
export type { Refusal } from "../router/filter-wait.ts";
export type { HttpMessage } from "../protocols/http/message.ts";

// Failure accrual.
export { STAY } from "../resilience/accrual/policy.ts";
export type { AccrualPolicy } from "../resilience/accrual/policy.ts";
export type { Backoff } from "../base/backoff.ts";

// Names.
export { Activity } from "../core/activity.ts";
export type { ActivityState } from "../core/activity.ts";
export { Constant, Source, Var, whileObserved } from "../core/var.ts";
export { Path, pathFrom, showSegment } from "../core/path.ts";
export { alt, empty, fail, leaf, neg, union } from "../core/name-tree.ts";
export type { NameTree } from "../core/name-tree.ts";
export type { AddressState, BoundName, EndpointAddress } from "../core/endpoint.ts";
export type { NamedTree, Namer } from "../core/namer.ts";

// The world.
export type { Env } from "../base/env.ts";
export type { Clock } from "../base/clock.ts";
export type { Timer, Timers } from "../base/timers.ts";
export type { Random } from "../base/random.ts";
export type { Logger } from "../telemetry/log.ts";

// Protocols.
export { defineProtocol } from "./protocol.ts";
export type { ProtocolContext, ProtocolKind, ProtocolParts, RouterProtocol } from "./protocol.ts";
export type { ClientFigures, ProtocolServer, ServerFigures } from "../core/protocol.ts";
export type {
  ByteReader,
  ByteStream,
  Connector,
  ConnectOptions,
  Listener,
  ListenOptions,
  Transport,
} from "../core/byte-stream.ts";
export type { BodySink, BodySource, Trailers } from "../core/body.ts";
export type { Attempt, AttemptOwner, Upstream } from "../core/attempt.ts";
export type { Downstream } from "../core/exchange.ts";
export type { ExchangeHandler } from "../core/exchange-handler.ts";
export { SessionStatus } from "../core/session.ts";
export type { Connect, Session, SessionOwner } from "../core/session.ts";
export { Verdict } from "../core/classifier.ts";
export type { Classifier } from "../core/classifier.ts";
export { Nack } from "../core/nack.ts";
export type { DataLoop } from "../core/data-loop.ts";
export { WheelTimer } from "../base/timer-wheel.ts";
export { Connections } from "../protocols/http/connections.ts";
export { connectFailure } from "../protocols/http/connect-failure.ts";
