// What a configuration file may contain: the parts their owners declare, put together.
import { admin } from "../admin/config.ts";
import { kindOf } from "../config/kinds.ts";
import { bool, int, list, object, refused, text, unavailable } from "../config/schema.ts";
import { influxdbTelemeter } from "../exporters/influxdb/config.ts";
import { prometheusTelemeter } from "../exporters/prometheus/config.ts";
import { recentRequestsTelemeter } from "../exporters/recent-requests/config.ts";
import { statsdTelemeter } from "../exporters/statsd/config.ts";
import { tracelogTelemeter } from "../exporters/tracelog/config.ts";
import { zipkinHttpTelemeter, zipkinScribeTelemeter } from "../exporters/zipkin/config.ts";
import { fsNamer } from "../namers/fs/config.ts";
import { filesNamer } from "../namers/fs/named-config.ts";
import { rewriteNamer } from "../namers/rewrite/config.ts";
import { staticNamer } from "../namers/static/config.ts";
import { httpClientKeys, httpRouterKeys, httpServerKeys } from "../protocols/http1/config.ts";
import { http2ClientKeys, http2RouterKeys, http2ServerKeys, http2ServiceKeys } from "../protocols/http2/config.ts";
import { http2ResponseClassifier, responseClassifier } from "../resilience/config.ts";
import {
  clientKeys,
  clientPolicies,
  routerKeys,
  serverKeys,
  serversOf,
  serviceKeys,
  servicePolicies,
} from "../router/config.ts";
import { http2HostConnectionPool } from "../sessions/config.ts";
import { checkAccessLogs, checkAdminPaths, checkExpandEnv, checkLabels, checkListeners } from "./config-checks.ts";
import { checkServices, services } from "./services/schema.ts";

/** Policies of http routers, per bound name and per logical name. */
export const httpPolicies = {
  client: { ...clientKeys, ...httpClientKeys },
  service: { ...serviceKeys, responseClassifier },
};

/** Policies of h2 routers. */
export const http2Policies = {
  client: { ...clientKeys, hostConnectionPool: http2HostConnectionPool, ...http2ClientKeys },
  service: { ...serviceKeys, responseClassifier: http2ResponseClassifier, ...http2ServiceKeys },
};

const httpRouter = object(
  { doc: "HTTP/1.1 and HTTP/1.0, as reverse and forward proxy." },
  {
    ...routerKeys,
    ...httpRouterKeys,
    servers: serversOf({ ...serverKeys(4140), ...httpServerKeys }),
    service: servicePolicies(httpPolicies.service),
    client: clientPolicies(httpPolicies.client),
  },
);

const http2Router = object(
  { doc: "HTTP/2, gRPC included." },
  {
    ...routerKeys,
    ...http2RouterKeys,
    servers: serversOf({ ...serverKeys(4142), ...http2ServerKeys }),
    service: servicePolicies(http2Policies.service),
    client: clientPolicies(http2Policies.client),
  },
);

const useHttp = "use http; each protocol comes in a release of its own";

const router = kindOf(
  {
    doc: "Takes requests of one protocol and sends each to an endpoint of the name it asks for.",
    tag: "protocol",
    open: "protocol",
  },
  {
    http: httpRouter,
    h2: http2Router,
    thrift: unavailable("Thrift, framed or buffered.", useHttp),
    thriftmux: unavailable("ThriftMux towards callers, Thrift towards endpoints.", useHttp),
    mux: unavailable("Mux.", useHttp),
  },
);

const useFiles = "use io.l5d.fs, with files written by a program that knows this source";

const namer = kindOf(
  { doc: "A source of endpoints. Of two with the same prefix the later one is asked first.", open: "namer" },
  {
    "io.l5d.fs": fsNamer,
    "io.l5d.rewrite": rewriteNamer,
    "fairlead.static": staticNamer,
    "fairlead.files": filesNamer,
    "io.l5d.consul": unavailable("Services of Consul.", useFiles),
    "io.l5d.k8s": unavailable("Services of Kubernetes.", useFiles),
    "io.l5d.k8s.ns": unavailable("Services of one Kubernetes namespace.", useFiles),
    "io.l5d.k8s.external": unavailable("Load balancers of Kubernetes services.", useFiles),
    "io.l5d.k8s.istio": unavailable("Istio; deprecated since Linkerd 1.5.", useFiles),
    "io.l5d.marathon": unavailable("Marathon.", useFiles),
    "io.l5d.serversets": unavailable("Server sets in ZooKeeper.", useFiles),
    "io.l5d.zkLeader": unavailable("The leader of a ZooKeeper election.", useFiles),
    "io.l5d.curator": unavailable("Curator services in ZooKeeper.", useFiles),
    "io.l5d.dnssrv": unavailable(
      "DNS SRV records.",
      "use /$/inet/host/port in the dtab, which looks up addresses in DNS",
    ),
    "io.l5d.rancher": unavailable("Rancher.", useFiles),
  },
);

const telemeter = kindOf(
  { doc: "Something that reports what happens." },
  {
    "io.l5d.prometheus": prometheusTelemeter,
    "io.l5d.influxdb": influxdbTelemeter,
    "io.l5d.statsd": statsdTelemeter,
    "io.l5d.recentRequests": recentRequestsTelemeter,
    "io.l5d.tracelog": tracelogTelemeter,
    "io.l5d.zipkin": zipkinScribeTelemeter,
    "io.zipkin.http": zipkinHttpTelemeter,
  },
);

/** Everything a configuration file may contain. */
export const configSchema = object(
  {
    doc: "A configuration file.",
    checks: [checkServices, checkListeners, checkLabels, checkAdminPaths, checkAccessLogs, checkExpandEnv],
  },
  {
    fairlead: int({
      doc: "`1` asks for the defaults of today. Without it the file is a Linkerd 1.x file and gets the defaults of Linkerd 1.x.",
      min: 1,
      max: 1,
      origin: "fairlead",
    }),
    expandEnv: bool({
      doc: "Replaces `${NAME}` and `${NAME:-default}` in values by environment variables; `$${` stands for `${`. Needs `fairlead: 1`; for other files there is `--expand-env`.",
      default: false,
      origin: "fairlead",
    }),
    plugins: list(
      {
        doc: "Plug-ins, which add kinds and protocols (docs/plugins.md): files, by paths that begin in the directory of this file, or installed packages.",
        default: [],
        origin: "fairlead",
      },
      text({ doc: "`./plugins/mine.js`, or the name of a package." }),
    ),
    workers: int({
      doc: "How many threads requests are shared out to, which listen on the same ports; `auto` for as many as the process may use processors. With one, the default, everything is done in the main thread. Totals such as `maxConcurrentRequests` are those of the process. A change takes a restart.",
      min: 1,
      max: 256,
      auto: 0,
      default: 1,
      origin: "fairlead",
    }),
    admin,
    services,
    routers: list({ doc: "What this process does.", required: true, unless: "services", minLength: 1 }, router),
    namers: list({ doc: "Where endpoints are found.", default: [] }, namer),
    telemetry: list(
      { doc: "Where metrics and traces go.", default: [], modernDefault: [{ kind: "io.l5d.prometheus" }] },
      telemeter,
    ),
    usage: object(
      {
        doc: "Reports about the use of Linkerd 1.x to its vendor.",
        accepted: "has no effect: nothing is reported to anybody",
        differs: {
          says: "Linkerd 1.x reports its use to its vendor unless this is switched off; fairlead never does.",
          where: "left out",
        },
      },
      { enabled: bool({ doc: "Whether to report." }), orgId: text({ doc: "Who reports." }) },
    ),
    tracers: refused({
      doc: "Where traces go.",
      because: "is no key of Linkerd 1.x any more",
      instead: "write telemetry",
    }),
  },
);
