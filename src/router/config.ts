// Configuration every router has, whatever its protocol (reference §1.2, §1.3, §1.6, §6).
import { loadBalancer } from "../balance/config.ts";
import { kindOf } from "../config/kinds.ts";
import {
  type Keys,
  bool,
  dtab,
  int,
  ip,
  list,
  object,
  path,
  pathPattern,
  port,
  refused,
  text,
  unavailable,
  unfilled,
  word,
} from "../config/schema.ts";
import { bindingCache, bindingTimeoutMs, interpreter } from "../naming/config.ts";
import { failureAccrual, maxEjectionPercent } from "../resilience/accrual/config.ts";
import {
  failFast,
  requestAttemptTimeoutMs,
  requeueBudget,
  retries,
  slowStartMs,
  totalTimeoutMs,
} from "../resilience/config.ts";
import { healthCheck } from "../resilience/health/config.ts";
import { concurrencyLimit, deadlines, hedge } from "../resilience/overload-config.ts";
import { clientSession, connectTimeoutMs, hostConnectionPool, serverSession } from "../sessions/config.ts";
import { clientSocketOptions, serverSocketOptions, tls, unixSocketKeys } from "../transport/config.ts";

const announcing = "register the address in discovery by other means";

function removed(doc: string, instead: string) {
  return refused({ doc, because: "is no key of Linkerd 1.x any more", instead });
}

/** Chose a network library, long ago. */
const engine = object(
  { doc: "Chose a network library.", accepted: "has no effect: there is only one" },
  { kind: text({ doc: "Its name." }) },
);

const filters = list(
  {
    doc: "What looks at every request of this router before it is named, and at every ending after all else; the first is outermost. There are no kinds but those of plug-ins.",
    default: [],
    origin: "fairlead",
  },
  kindOf({ doc: "A request filter.", open: "filter" }, {}),
);

/** Keys of every router. */
export const routerKeys = {
  label: text({
    doc: "Names the router in metrics, logs and on the admin pages; no two routers may share one.",
    defaultDoc: "the protocol",
  }),
  dtab: dtab({ doc: "The base delegation table.", default: "" }),
  dstPrefix: path({ doc: "Put before the name that is found in a request.", default: "/svc" }),
  interpreter,
  announcers: unavailable("Registers servers in discovery.", announcing),
  bindingTimeoutMs,
  bindingCache,
  originator: bool({
    doc: "Marks this router as the first of two that a request passes, so that dashboards count it once.",
    default: false,
  }),
  deadlines,
  filters,
  overriddenMetrics: word(
    {
      doc: "Where requests under an override are counted: `together` with all others of the name, under `service`, as Linkerd 1.x has it; or `apart`, under `overridden`, with a retry budget of their own, so that an experiment does not show in the figures of the service.",
      default: "together",
      modernDefault: "apart",
      origin: "fairlead",
    },
    ["together", "apart"],
  ),
  baseDtab: removed("The base delegation table.", "write dtab"),
  timeoutMs: removed(
    "A time limit.",
    "write client.requestAttemptTimeoutMs for one attempt, service.totalTimeoutMs for all",
  ),
  failFast: removed("Takes unreachable endpoints out.", "remove it; client.failureAccrual takes dead endpoints out"),
};

/**
 * Keys of every server.
 * @param defaultPort each protocol has its own
 */
export function serverKeys(defaultPort: number) {
  return {
    port: port({ doc: "Port to listen on; 0 lets the system choose.", default: defaultPort }),
    ip: ip({ doc: "Address to listen on; 0.0.0.0 stands for all of IPv4.", default: "127.0.0.1" }),
    ...unixSocketKeys("0660"),
    label: text({ doc: "Names the server in logs.", defaultDoc: "the router's label" }),
    tls,
    socketOptions: serverSocketOptions,
    maxConcurrentRequests: int({
      doc: "Further requests are refused at once while so many are in work.",
      min: 1,
      unit: "requests",
      defaultDoc: "no limit",
      example: 1000,
    }),
    announce: unavailable("Names under which to register the server.", announcing),
    clearContext: bool({
      doc: "For the edge of the mesh: drops all `l5d-*` headers of requests and answers, so that outsiders neither steer nor see it.",
      default: false,
    }),
    engine,
    timeoutMs: int({
      doc: "Answers 503 when a request takes longer.",
      unit: "ms",
      min: 1,
      defaultDoc: "no limit",
      example: 10_000,
    }),
    serverSession,
  };
}

/** Policy per bound name, of every protocol. */
export const clientKeys = {
  loadBalancer,
  failureAccrual,
  maxEjectionPercent,
  slowStartMs,
  healthCheck,
  hostConnectionPool,
  requestAttemptTimeoutMs,
  failFast,
  requeueBudget,
  concurrencyLimit,
  hedge,
  clientSession,
  connectTimeoutMs,
  tls,
  socketOptions: clientSocketOptions,
  engine,
};

/** Policy per logical name, of every protocol; which answers are failures is a matter of the protocol. */
export const serviceKeys = { totalTimeoutMs, retries };

const globalKind = "io.l5d.global";

/** The same policy for all names, or one by prefix of the name. Defaults stay out: see `policies.ts`. */
function policies<const K extends Keys>(keys: K, options: { readonly doc: string; readonly prefixDoc: string }) {
  const given = unfilled(keys);
  const prefix = pathPattern({ doc: options.prefixDoc, required: true });
  const repeats = { keys: Object.keys(keys), of: globalKind };
  const entry = object({ doc: "One prefix and its policy.", repeats }, { prefix, ...given });
  return kindOf(
    { doc: options.doc, omitted: globalKind, default: {} },
    {
      [globalKind]: object({ doc: "The same policy for every name." }, given),
      "io.l5d.static": object(
        {
          doc: "A policy by prefix of the name. All matching entries apply in order; a later one replaces keys of earlier ones.",
        },
        { configs: list({ doc: "The entries.", required: true }, entry) },
      ),
    },
  );
}

/** The servers of a router. */
export function serversOf<const K extends Keys>(keys: K) {
  return list(
    { doc: "Where to listen.", required: true, minLength: 1 },
    object({ doc: "One address to listen on." }, keys),
  );
}

/** Policies by logical name. */
export function servicePolicies<const K extends Keys>(keys: K) {
  return policies(keys, {
    doc: "Policy per logical name, such as `/svc/users`.",
    prefixDoc: "What the logical name must begin with; `*` is any segment, `{word}` captures one.",
  });
}

/** Policies by bound name. */
export function clientPolicies<const K extends Keys>(keys: K) {
  return policies(keys, {
    doc: "Policy per bound name, such as `/#/io.l5d.fs/users`.",
    prefixDoc:
      "What the bound name must begin with, transformer prefixes such as `/%/io.l5d.port/4141` included; `*` is any segment.",
  });
}
