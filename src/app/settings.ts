// From configuration to what the running parts take: every "unset" becomes a number.
import { PathMatcher } from "../core/path-matcher.ts";
import { pathFrom } from "../core/path.ts";
import type { Http1Limits } from "../protocols/http1/limits.ts";
import { mergePolicies } from "../router/policies.ts";
import type { ClientSettings, Policies, ServiceSettings } from "../router/settings.ts";
import type { ClientPolicy, RouterConfig, ServerConfig } from "./config.ts";

const KB = 1024;

/** Bounds of a server's connections. */
export function serverLimits(router: RouterConfig, server: ServerConfig): Http1Limits {
  return {
    head: {
      maxLineBytes: router.maxInitialLineKB * KB,
      maxFieldsBytes: router.maxHeadersKB * KB,
      maxFields: server.limits.maxHeaders,
    },
    maxErrBytes: router.maxHeadersKB * KB,
    headerTimeoutMs: server.limits.headerTimeoutMs,
    bodyIdleTimeoutMs: server.limits.bodyIdleTimeoutMs,
    writeStallTimeoutMs: server.limits.writeStallTimeoutMs,
    idleTimeoutMs: server.serverSession.idleTimeMs ?? 0,
    lifeTimeMs: server.serverSession.lifeTimeMs ?? 0,
  };
}

/** Bounds of the sessions of a router: those of its first server, which say what it is prepared to hold. */
export function sessionLimits(router: RouterConfig): Http1Limits {
  const [first] = router.servers;
  return serverLimits(router, first as ServerConfig); // the schema wants at least one server
}

function clientSettings(policy: ClientPolicy): ClientSettings {
  const pool = policy.hostConnectionPool;
  return {
    balancer: policy.loadBalancer,
    accrual: policy.failureAccrual,
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
    noDelay: policy.socketOptions.noDelay,
    keepAlive: policy.socketOptions.keepAlive,
  };
}

/** Policy of a router by name, from its `client` and `service` sections (linkerd1 §1.6). */
export function policiesOf(router: RouterConfig): Policies {
  return {
    client: (id) => clientSettings(mergePolicies(router.client, matching(id))),
    service: (path) => serviceSettings(mergePolicies(router.service, matching(path))),
  };
}

function serviceSettings(policy: RouterConfig["service"]["defaults"]): ServiceSettings {
  return {
    totalTimeoutMs: policy.totalTimeoutMs ?? 0,
    allSuccessful: policy.responseClassifier.kind === "io.l5d.http.allSuccessful",
  };
}

function matching(name: string): (prefix: string) => boolean {
  const path = pathFrom(name);
  return (prefix) => {
    const matcher = PathMatcher.parse(prefix);
    return matcher instanceof PathMatcher && matcher.match(path) !== null; // the schema has parsed it before
  };
}
