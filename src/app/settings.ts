// From configuration to what the running parts take: every "unset" becomes a number.
import { invariant } from "../base/invariant.ts";
import type { Classifier } from "../core/classifier.ts";
import { PathMatcher } from "../core/path-matcher.ts";
import { pathFrom } from "../core/path.ts";
import { grpcClassifier } from "../protocols/grpc/classifiers.ts";
import { statusClassifier } from "../protocols/http/classifiers.ts";
import type { Http1Limits } from "../protocols/http1/limits.ts";
import type { TunnelPolicy } from "../protocols/http1/upgrade.ts";
import { type Http2Limits, type Http2Settings, http2Defaults } from "../protocols/http2/limits.ts";
import type { RouterProtocol } from "../plugin/protocol.ts";
import { mergePolicies } from "../router/policies.ts";
import type { ClientSettings, Policies, ServiceSettings } from "../router/settings.ts";
import { socketTimeouts } from "../transport/config.ts";
import type { LineWriterFile } from "../telemetry/line-writer.ts";
import { parseRollPolicy } from "../telemetry/roll-policy.ts";
import type { ClientPolicy, HttpRouterConfig, RouterConfig, ServerConfig, ServicePolicy } from "./config.ts";
import { LiveShare, sharedBudget, WHOLE } from "./share.ts";

const KB = 1024;
/** `l5d-err` of routers whose own limit on headers is far above what callers accept: that of http routers. */
const MAX_ERR_BYTES = 8 * KB;
/** What HTTP/2 counts for each field besides its name and value (RFC 9113 §6.5.2). */
const FIELD_BYTES = 32;

/** Bounds of a server's HTTP/1 connections. */
export function serverLimits(router: RouterConfig, server: ServerConfig): Http1Limits {
  return {
    head: headLimits(router, server),
    maxErrBytes: maxErrBytes(router),
    headerTimeoutMs: server.limits.headerTimeoutMs,
    bodyIdleTimeoutMs: server.limits.bodyIdleTimeoutMs,
    writeStallTimeoutMs: server.limits.writeStallTimeoutMs,
    tunnelIdleTimeoutMs: server.limits.tunnelIdleTimeoutMs,
    tunnelHalfClosedTimeoutMs: server.limits.tunnelHalfClosedTimeoutMs,
    idleTimeoutMs: server.serverSession.idleTimeMs ?? 0,
    lifeTimeMs: server.serverSession.lifeTimeMs ?? 0,
  };
}

function headLimits(router: RouterConfig, server: ServerConfig): Http1Limits["head"] {
  const maxFields = server.limits.maxHeaders;
  if (router.protocol === "http") {
    return { maxLineBytes: router.maxInitialLineKB * KB, maxFieldsBytes: router.maxHeadersKB * KB, maxFields };
  }
  const maxBytes = maxHeaderListBytes(router, server); // of h2 routers there is one bound for the whole head
  return { maxLineBytes: maxBytes, maxFieldsBytes: maxBytes, maxFields };
}

function maxErrBytes(router: RouterConfig): number {
  return router.protocol === "http" ? router.maxHeadersKB * KB : MAX_ERR_BYTES;
}

/** Bounds of the HTTP/1 sessions of a router: those of its first server, which say what it is prepared to hold. */
export function sessionLimits(router: RouterConfig): Http1Limits {
  return serverLimits(router, firstServer(router));
}

function firstServer(router: RouterConfig): ServerConfig {
  return router.servers[0] as ServerConfig; // the schema wants at least one server
}

/** Do its requests carry their traces in `x-b3-*` headers? */
export function usesB3(router: RouterConfig): boolean {
  return !router.plugged && router.tracePropagator.kind === "io.l5d.zipkin";
}

/** What a server lets become a tunnel. */
export function tunnelPolicy({ connect, upgrades }: ServerConfig): TunnelPolicy {
  return { connect, upgrades: new Set(upgrades.map((protocol) => protocol.toLowerCase())) };
}

/** What a server announces to callers that speak HTTP/2. */
export function http2ServerSettings(router: RouterConfig, server: ServerConfig): Http2Settings {
  const ownKeys = "windowUpdateRatio" in server;
  return {
    ...announced(ownKeys ? server : http2Defaults),
    maxHeaderListBytes: maxHeaderListBytes(router, server),
    maxConcurrentStreams: ownKeys ? server.maxConcurrentStreamsPerConnection : http2Defaults.maxConcurrentStreams,
  };
}

/** What is announced to endpoints that speak HTTP/2. */
export function http2ClientSettings(router: RouterConfig, policy: ClientPolicy): Http2Settings {
  const ownKeys = "windowUpdateRatio" in policy;
  return {
    ...announced(ownKeys ? policy : http2Defaults),
    maxHeaderListBytes: ownKeys ? policy.maxHeaderListBytes : maxHeaderListBytes(router, firstServer(router)),
    maxConcurrentStreams: 0,
  };
}

type Announced = Omit<Http2Settings, "maxHeaderListBytes" | "maxConcurrentStreams">;

function announced({ headerTableBytes, initialStreamWindowBytes, maxFrameBytes, windowUpdateRatio }: Announced) {
  return { headerTableBytes, initialStreamWindowBytes, maxFrameBytes, windowUpdateRatio };
}

/** An http router takes the same heads in either version. */
function maxHeaderListBytes(router: RouterConfig, server: ServerConfig): number {
  if ("maxHeaderListBytes" in server) return server.maxHeaderListBytes;
  if (router.protocol !== "http") return http2Defaults.maxHeaderListBytes;
  return (router.maxInitialLineKB + router.maxHeadersKB) * KB + server.limits.maxHeaders * FIELD_BYTES;
}

/** Bounds of a server's HTTP/2 connections. */
export function http2ServerLimits(router: RouterConfig, server: ServerConfig): Http2Limits {
  const { limits } = server;
  const ownKeys = "streamIdleTimeoutMs" in limits;
  return {
    headerTimeoutMs: limits.headerTimeoutMs,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
    streamIdleTimeoutMs: ownKeys ? limits.streamIdleTimeoutMs : http2Defaults.streamIdleTimeoutMs,
    writeStallTimeoutMs: limits.writeStallTimeoutMs,
    idleTimeoutMs: server.serverSession.idleTimeMs ?? 0,
    lifeTimeMs: server.serverSession.lifeTimeMs ?? 0,
    maxFields: limits.maxHeaders,
    maxErrBytes: maxErrBytes(router),
    maxResetsPerMinute: ownKeys ? limits.maxResetsPerMinute : http2Defaults.maxResetsPerMinute,
    pingIntervalMs: ownKeys ? limits.keepAlivePingMs : http2Defaults.pingIntervalMs,
    pingTimeoutMs: ownKeys ? limits.keepAliveTimeoutMs : http2Defaults.pingTimeoutMs,
  };
}

/** Bounds of HTTP/2 connections to endpoints: of messages those of the router's first server, of the rest those of the policy. */
export function http2ClientLimits(router: RouterConfig, policy: ClientPolicy): Http2Limits {
  const ownKeys = "pingIntervalMs" in policy;
  return {
    ...http2ServerLimits(router, firstServer(router)),
    idleTimeoutMs: policy.clientSession.idleTimeMs ?? 0,
    lifeTimeMs: policy.clientSession.lifeTimeMs ?? 0,
    maxResetsPerMinute: 0, // an endpoint may refuse what it likes; failure accrual sees to it
    pingIntervalMs: ownKeys ? policy.pingIntervalMs : http2Defaults.pingIntervalMs,
    pingTimeoutMs: ownKeys ? policy.pingTimeoutMs : http2Defaults.pingTimeoutMs,
  };
}

/** Most HTTP/2 connections to one endpoint. */
export function http2MaxConnections(policy: ClientPolicy): number {
  return "maxConnectionsPerEndpoint" in policy
    ? policy.maxConnectionsPerEndpoint
    : http2Defaults.maxConnectionsPerEndpoint;
}

/** Where lines about the requests of a router go, and in which form. */
interface AccessLogPlace {
  readonly path: string;
  readonly format: HttpRouterConfig["httpAccessLogFormat"];
  readonly file: LineWriterFile;
}

/** The access log of a router; null when it has none. */
export function accessLogOf(router: RouterConfig): AccessLogPlace | null {
  if (router.plugged) return null; // its lines are those of HTTP
  const isHttp = router.protocol === "http";
  const path = isHttp ? router.httpAccessLog : router.h2AccessLog;
  if (path === undefined) return null;
  const format = isHttp ? router.httpAccessLogFormat : router.h2AccessLogFormat;
  const policy = parseRollPolicy(isHttp ? router.httpAccessLogRollPolicy : router.h2AccessLogRollPolicy);
  invariant(policy !== null, "the schema takes roll policies only");
  const append = isHttp ? router.httpAccessLogAppend : router.h2AccessLogAppend;
  const keep = isHttp ? router.httpAccessLogRotateCount : router.h2AccessLogRotateCount;
  return { path, format, file: { policy, append, keep } };
}

function clientSettings(policy: ClientPolicy): ClientSettings {
  const pool = policy.hostConnectionPool;
  return {
    balancer: policy.loadBalancer,
    accrual: policy.failureAccrual,
    maxEjectionPercent: policy.maxEjectionPercent,
    slowStartMs: policy.slowStartMs,
    failFast: policy.failFast,
    healthCheck: policy.healthCheck,
    pool: {
      minSize: pool.minSize,
      maxSize: pool.maxSize ?? Number.POSITIVE_INFINITY,
      maxWaiters: pool.maxWaiters ?? Number.POSITIVE_INFINITY,
      idleTimeMs: pool.idleTimeMs ?? 0,
      sessionIdleMs: policy.clientSession.idleTimeMs ?? 0,
      sessionLifeMs: policy.clientSession.lifeTimeMs ?? 0,
    },
    attemptTimeoutMs: policy.requestAttemptTimeoutMs ?? 0,
    connectTimeoutMs: policy.connectTimeoutMs,
    requeueBudget: policy.requeueBudget,
    concurrencyLimit: policy.concurrencyLimit,
    hedge: policy.hedge ?? null,
    noDelay: policy.socketOptions.noDelay,
    keepAlive: policy.socketOptions.keepAlive,
    timeouts: socketTimeouts(policy.socketOptions),
  };
}

/** Policy of a router by name, from its `client` and `service` sections (linkerd1 §1.6). @param protocol of a plug-in; null for those of HTTP. */
export function policiesOf(
  router: RouterConfig,
  share = new LiveShare(WHOLE),
  protocol: RouterProtocol | null = null,
): Policies {
  return {
    client: (id) => clientSettings(clientPolicy(router, id)),
    service: (path) => serviceSettings(servicePolicy(router, path), share, protocol),
  };
}

/** What the `client` section of a router says about one bound name. */
export function clientPolicy({ client }: RouterConfig, id: string): ClientPolicy {
  return mergePolicies<ClientPolicy>(client, matching(id));
}

function servicePolicy({ service }: RouterConfig, path: string): ServicePolicy {
  return mergePolicies<ServicePolicy>(service, matching(path));
}

function serviceSettings(policy: ServicePolicy, share: LiveShare, protocol: RouterProtocol | null): ServiceSettings {
  const retries = { ...policy.retries, budget: sharedBudget(policy.retries.budget, share) };
  const classifier = protocol?.classifier(policy) ?? classifierOf(policy.responseClassifier);
  const buffers = "retryBufferSize" in policy ? policy.retryBufferSize : null;
  return {
    totalTimeoutMs: policy.totalTimeoutMs ?? 0,
    classifier,
    retries,
    perTryTimeoutMs: retries.perTryTimeoutMs ?? 0,
    hold:
      "classificationTimeoutMs" in policy && buffers !== null && classifier.late
        ? { responseBytes: buffers.responseBytes, timeoutMs: policy.classificationTimeoutMs }
        : null,
    replayBytes: buffers === null ? REPLAY_BYTES : buffers.requestBytes,
  };
}

/** Http routers have no key for it. */
const REPLAY_BYTES = 16 * KB;

function classifierOf(spec: ServicePolicy["responseClassifier"]): Classifier {
  const classifier = grpcClassifier(spec) ?? statusClassifier(spec.kind);
  invariant(classifier !== null, "the schema knows no other kinds");
  return classifier;
}

function matching(name: string): (prefix: string) => boolean {
  const path = pathFrom(name);
  return (prefix) => {
    const matcher = PathMatcher.parse(prefix);
    return matcher instanceof PathMatcher && matcher.match(path) !== null; // the schema has parsed it before
  };
}
