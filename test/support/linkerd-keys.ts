// Every configuration key and kind of Linkerd 1.x as the reference lists them, and the class each has in this release.

export interface KeyGroup {
  /** Section of the reference. */
  readonly source: string;
  /** What stands before each name; see `Place.path` in src/config/walk.ts. */
  readonly below: string;
  /** Names, separated by blanks; `[x]` is the kind x. */
  readonly effective?: string;
  readonly accepted?: string;
  readonly refused?: string;
}

const kubernetesIdentifiers = [
  "[io.l5d.ingress] [io.l5d.ingress].namespace [io.l5d.ingress].ingressClassAnnotation [io.l5d.ingress].ignoreDefaultBackends",
  "[io.l5d.ingress].host [io.l5d.ingress].port [io.l5d.k8s.istio] [io.l5d.k8s.istio].discoveryHost [io.l5d.k8s.istio].discoveryPort",
  "[io.l5d.k8s.istio].apiserverHost [io.l5d.k8s.istio].apiserverPort [io.l5d.k8s.istio-ingress]",
].join(" ");

/** What may stand in the list `transformers` of an interpreter or a namer. */
function transformersOf(owner: string): KeyGroup {
  return {
    source: "§5.1",
    below: `${owner}.transformers`,
    effective: [
      "[io.l5d.localhost] [io.l5d.localhost].prefix [io.l5d.specificHost] [io.l5d.specificHost].host [io.l5d.specificHost].prefix",
      "[io.l5d.port] [io.l5d.port].port [io.l5d.port].prefix [io.l5d.replace] [io.l5d.replace].path [io.l5d.replace].prefix",
      "[io.l5d.const] [io.l5d.const].path [io.l5d.const].prefix",
    ].join(" "),
    refused: [
      "[io.l5d.k8s.daemonset] [io.l5d.k8s.daemonset].k8sHost [io.l5d.k8s.daemonset].namespace [io.l5d.k8s.localnode]",
      "[io.l5d.k8s.localnode].hostNetwork",
    ].join(" "),
  };
}

/** What `http` and `h2` have in common. */
function ofEveryRouter(router: string): readonly KeyGroup[] {
  const server = `${router}.servers[]`;
  const client = `${router}.client[io.l5d.global]`;
  const service = `${router}.service[io.l5d.global]`;
  return [
    {
      source: "§1.2",
      below: router,
      effective:
        "servers service client dtab dstPrefix identifier interpreter bindingTimeoutMs bindingCache label originator",
      accepted: "experimental",
      refused: "announcers",
    },
    { source: "§0, removed", below: router, refused: "baseDtab failFast timeoutMs" },
    {
      source: "§1.3",
      below: server,
      effective: "port ip label socketOptions maxConcurrentRequests clearContext timeoutMs serverSession",
      refused: "tls announce",
    },
    { source: "§0, removed", below: server, accepted: "engine engine.kind" },
    { source: "§1.3", below: `${server}.serverSession`, effective: "idleTimeMs lifeTimeMs" },
    { source: "§1.4", below: `${router}.bindingCache`, effective: "paths trees bounds clients idleTtlSecs" },
    {
      source: "§1.5",
      below: `${server}.socketOptions`,
      effective: "noDelay reuseAddr reusePort readTimeoutMs writeTimeoutMs keepAlive backlog",
    },
    {
      source: "§1.5",
      below: `${client}.socketOptions`,
      effective: "noDelay readTimeoutMs writeTimeoutMs keepAlive",
      accepted: "reuseAddr reusePort backlog",
    },
    {
      source: "§1.6",
      below: `${router}.client`,
      effective: "[io.l5d.global] [io.l5d.static] [io.l5d.static].configs [io.l5d.static].configs[].prefix",
    },
    {
      source: "§1.6",
      below: `${router}.service`,
      effective: "[io.l5d.global] [io.l5d.static] [io.l5d.static].configs [io.l5d.static].configs[].prefix",
    },
    { source: "§2.6.4", below: `${router}.tracePropagator`, effective: "[io.l5d.default] [io.l5d.zipkin]" },
    { source: "§2.1.2, §2.2", below: server, effective: "addForwardedHeader maxCallDepth" },
    ...["by", "for"].map((name) => ({
      source: "§2.1.2",
      below: `${server}.addForwardedHeader`,
      effective: [
        "",
        "[ip]",
        "[ip:port]",
        "[connectionRandom]",
        "[requestRandom]",
        "[router]",
        "[static]",
        "[static].label",
      ]
        .map((rest) => `${name}${rest}`)
        .join(" "),
    })),
    {
      source: "§2.1.3, §2.2",
      below: client,
      effective: "forwardClientCert",
      refused: "requestAuthorizers requestAuthorizers.mixerHost requestAuthorizers.mixerPort",
    },
    { source: "§4.13", below: `${router}.announcers[io.l5d.serversets]`, refused: "prefix zkAddrs pathPrefix" },
    ...["default", "io.l5d.fs"].map((kind) => transformersOf(`${router}.interpreter[${kind}]`)),
    {
      source: "§5.2",
      below: `${router}.interpreter`,
      effective: "[default] [default].transformers [io.l5d.fs] [io.l5d.fs].dtabFile [io.l5d.fs].transformers",
      refused: [
        "[io.l5d.k8s.configMap] [io.l5d.k8s.configMap].name [io.l5d.k8s.configMap].filename",
        "[io.l5d.consul.interpreter] [io.l5d.consul.interpreter].pathPrefix [io.l5d.consul.interpreter].backoff [io.l5d.namerd] [io.l5d.namerd].dst",
        "[io.l5d.namerd].retry.baseSeconds [io.l5d.namerd].failureThreshold.minPeriodMs [io.l5d.mesh] [io.l5d.mesh].root",
        "[io.l5d.mesh].initialStreamWindowSizeKB [io.l5d.namerd.http] [io.l5d.k8s.istio]",
      ].join(" "),
    },
    {
      source: "§6.1",
      below: client,
      effective:
        "loadBalancer failureAccrual requestAttemptTimeoutMs failFast requeueBudget clientSession socketOptions",
      refused: "tls",
    },
    { source: "§0, removed", below: client, accepted: "engine engine.kind" },
    { source: "§6.1", below: `${client}.clientSession`, effective: "idleTimeMs lifeTimeMs" },
    {
      source: "§6.2",
      below: `${client}.loadBalancer`,
      effective: [
        "[p2c] [p2c].maxEffort [p2c].enableProbation [ewma] [ewma].maxEffort [ewma].decayTimeMs [ewma].enableProbation",
        "[aperture] [aperture].maxEffort [aperture].smoothWindowMs [aperture].lowLoad [aperture].highLoad [aperture].minAperture",
        "[aperture].enableProbation [heap] [heap].enableProbation [roundRobin] [roundRobin].maxEffort [roundRobin].enableProbation",
      ].join(" "),
    },
    {
      source: "§6.3",
      below: `${client}.failureAccrual`,
      effective: [
        "[io.l5d.consecutiveFailures] [io.l5d.consecutiveFailures].failures [io.l5d.consecutiveFailures].backoff",
        "[io.l5d.consecutiveFailures].backoff[constant] [io.l5d.consecutiveFailures].backoff[constant].ms",
        "[io.l5d.consecutiveFailures].backoff[jittered] [io.l5d.consecutiveFailures].backoff[jittered].minMs",
        "[io.l5d.consecutiveFailures].backoff[jittered].maxMs [none]",
        ...["[io.l5d.successRate]", "[io.l5d.successRateWindowed]"].map((kind) =>
          [
            `${kind} ${kind}.successRate ${kind}.backoff ${kind}.backoff[constant] ${kind}.backoff[constant].ms`,
            `${kind}.backoff[jittered] ${kind}.backoff[jittered].minMs ${kind}.backoff[jittered].maxMs`,
          ].join(" "),
        ),
        "[io.l5d.successRate].requests [io.l5d.successRateWindowed].window",
      ].join(" "),
      accepted:
        "[none].backoff [none].backoff[constant] [none].backoff[constant].ms [none].backoff[jittered] [none].backoff[jittered].minMs [none].backoff[jittered].maxMs",
    },
    {
      source: "§6.5",
      below: `${server}.tls`,
      refused: "certPath keyPath intermediateCertsPath caCertPath requireClientAuth protocols ciphers",
    },
    {
      source: "§6.5",
      below: `${client}.tls`,
      refused:
        "enabled commonName trustCertsBundle trustCerts disableValidation clientAuth.certPath clientAuth.keyPath clientAuth.intermediateCertsPath protocols",
    },
    { source: "§6.6", below: service, effective: "totalTimeoutMs responseClassifier retries" },
    {
      source: "§6.6.1",
      below: `${service}.retries`,
      effective: [
        "budget budget.minRetriesPerSec budget.percentCanRetry budget.ttlSecs",
        "backoff backoff[constant] backoff[constant].ms backoff[jittered] backoff[jittered].minMs backoff[jittered].maxMs",
      ].join(" "),
    },
    { source: "§6.6.2", below: `${client}.requeueBudget`, effective: "minRetriesPerSec percentCanRetry ttlSecs" },
  ];
}

/** What only `http` has, or has in a way of its own. */
const http: readonly KeyGroup[] = [
  { source: "§0, removed", below: "routers[http]", accepted: "maxRequestKB maxResponseKB maxChunkKB" },
  {
    source: "§2.1.1",
    below: "routers[http]",
    effective:
      "httpAccessLog httpAccessLogRollPolicy httpAccessLogAppend httpAccessLogRotateCount streamingEnabled maxHeadersKB maxInitialLineKB maxErrResponseKB compressionLevel tracePropagator",
    accepted: "streamAfterContentLengthKB",
  },
  { source: "§2.1.2", below: "routers[http].servers[]", effective: "timestampHeader" },
  {
    source: "§2.1.4",
    below: "routers[http].identifier",
    effective: [
      "[io.l5d.header.token] [io.l5d.header.token].header [io.l5d.methodAndHost] [io.l5d.methodAndHost].httpUriInDst",
      "[io.l5d.path] [io.l5d.path].segments [io.l5d.path].consume [io.l5d.header] [io.l5d.header].header [io.l5d.static] [io.l5d.static].path",
    ].join(" "),
    refused: kubernetesIdentifiers,
  },
  { source: "§6.1", below: "routers[http].client[io.l5d.global]", effective: "hostConnectionPool" },
  {
    source: "§6.1",
    below: "routers[http].client[io.l5d.global].hostConnectionPool",
    effective: "minSize maxSize idleTimeMs maxWaiters",
  },
  {
    source: "§6.7",
    below: "routers[http].service[io.l5d.global].responseClassifier",
    effective: [
      "[io.l5d.http.nonRetryable5XX] [io.l5d.http.allSuccessful]",
      "[io.l5d.http.retryableRead5XX] [io.l5d.http.retryableIdempotent5XX] [io.l5d.http.retryableAll5XX]",
    ].join(" "),
  },
];

/** The settings of one end of an HTTP/2 connection. */
const settings = "windowUpdateRatio headerTableBytes initialStreamWindowBytes maxFrameBytes maxHeaderListBytes";

/** What only `h2` has, or has in a way of its own. */
const h2: readonly KeyGroup[] = [
  {
    source: "§2.2",
    below: "routers[h2]",
    effective: "h2AccessLog h2AccessLogRollPolicy h2AccessLogAppend h2AccessLogRotateCount tracePropagator",
  },
  { source: "§2.2", below: "routers[h2].servers[]", effective: `${settings} maxConcurrentStreamsPerConnection` },
  { source: "§2.2", below: "routers[h2].client[io.l5d.global]", effective: settings },
  {
    source: "§2.2",
    below: "routers[h2].identifier",
    effective: [
      "[io.l5d.header.token] [io.l5d.header.token].header",
      "[io.l5d.header.path] [io.l5d.header.path].header [io.l5d.header.path].segments",
    ].join(" "),
    refused: kubernetesIdentifiers,
  },
  {
    source: "§2.2",
    below: "routers[h2].service[io.l5d.global]",
    effective: "classificationTimeoutMs retryBufferSize retryBufferSize.requestBytes retryBufferSize.responseBytes",
  },
  {
    source: "§6.1",
    below: "routers[h2].client[io.l5d.global].hostConnectionPool",
    accepted: "minSize maxSize idleTimeMs maxWaiters",
  },
  { source: "§6.1", below: "routers[h2].client[io.l5d.global]", accepted: "hostConnectionPool" },
  {
    source: "§6.7",
    below: "routers[h2].service[io.l5d.global].responseClassifier",
    effective: [
      "[io.l5d.h2.nonRetryable5XX] [io.l5d.h2.allSuccessful]",
      "[io.l5d.h2.retryableRead5XX] [io.l5d.h2.retryableIdempotent5XX] [io.l5d.h2.retryableAll5XX]",
      "[io.l5d.h2.grpc.default] [io.l5d.h2.grpc.default].successStatusCodes",
      "[io.l5d.h2.grpc.compliant] [io.l5d.h2.grpc.compliant].successStatusCodes",
      "[io.l5d.h2.grpc.alwaysRetryable] [io.l5d.h2.grpc.alwaysRetryable].successStatusCodes",
      "[io.l5d.h2.grpc.neverRetryable] [io.l5d.h2.grpc.neverRetryable].successStatusCodes",
      "[io.l5d.h2.grpc.retryableStatusCodes] [io.l5d.h2.grpc.retryableStatusCodes].successStatusCodes",
      "[io.l5d.h2.grpc.retryableStatusCodes].retryableStatusCodes",
    ].join(" "),
  },
];

export const linkerdKeys: readonly KeyGroup[] = [
  { source: "§1.1", below: "", effective: "admin routers namers telemetry", accepted: "usage" },
  { source: "§0, removed", below: "", refused: "tracers" },
  { source: "§7.1", below: "usage", accepted: "enabled orgId" },
  { source: "§1.2", below: "routers", effective: "[http] [h2]", refused: "[thrift] [thriftmux] [mux]" },
  {
    source: "§1.5",
    below: "admin.socketOptions",
    effective: "noDelay reuseAddr reusePort readTimeoutMs writeTimeoutMs keepAlive backlog",
  },
  ...ofEveryRouter("routers[http]"),
  ...http,
  ...ofEveryRouter("routers[h2]"),
  ...h2,
  {
    source: "§2.3",
    below: "routers[thrift]",
    refused:
      "thriftMethodInDst thriftProtocol servers[].thriftFramed client.thriftFramed client.attemptTTwitterUpgrade",
  },
  {
    source: "§2.4",
    below: "routers[thriftmux]",
    refused: "thriftMethodInDst thriftProtocol servers[].thriftFramed client.attemptTTwitterUpgrade",
  },
  { source: "§2.5", below: "routers[mux]", refused: "servers client service dtab" },
  {
    source: "§4",
    below: "namers[io.l5d.fs]",
    effective: "prefix rootDir transformers",
    accepted: "experimental",
  },
  {
    source: "§4.12",
    below: "namers[io.l5d.rewrite]",
    effective: "prefix pattern name transformers",
    accepted: "experimental",
  },
  ...["io.l5d.fs", "io.l5d.rewrite"].map((kind) => transformersOf(`namers[${kind}]`)),
  { source: "§4", below: "namers", effective: "[io.l5d.fs] [io.l5d.rewrite]" },
  {
    source: "§4.2",
    below: "namers[io.l5d.consul]",
    refused:
      "host port includeTag useHealthCheck healthStatuses token setHost consistencyMode failFast preferServiceAddress weights fixedLengthStreamedAfterKB transferMetadata tls prefix",
  },
  { source: "§4.3", below: "namers[io.l5d.k8s]", refused: "host port labelSelector prefix" },
  { source: "§4.4", below: "namers[io.l5d.k8s.ns]", refused: "host port envVar" },
  { source: "§4.5", below: "namers[io.l5d.k8s.external]", refused: "host port" },
  { source: "§4.6", below: "namers[io.l5d.k8s.istio]", refused: "host port" },
  {
    source: "§4.7",
    below: "namers[io.l5d.marathon]",
    refused: "host port uriPrefix ttlMs jitterMs dst useHealthCheck tls",
  },
  { source: "§4.8", below: "namers[io.l5d.serversets]", refused: "zkAddrs" },
  { source: "§4.9", below: "namers[io.l5d.zkLeader]", refused: "zkAddrs" },
  { source: "§4.10", below: "namers[io.l5d.curator]", refused: "zkAddrs basePath" },
  { source: "§4.11", below: "namers[io.l5d.dnssrv]", refused: "refreshIntervalSeconds dnsHosts" },
  { source: "§4.12", below: "namers[io.l5d.rancher]", refused: "portMappings maxWait" },
  {
    source: "§4",
    below: "namers",
    refused:
      "[io.l5d.consul] [io.l5d.k8s] [io.l5d.k8s.ns] [io.l5d.k8s.external] [io.l5d.k8s.istio] [io.l5d.marathon] [io.l5d.serversets] [io.l5d.zkLeader] [io.l5d.curator] [io.l5d.dnssrv] [io.l5d.rancher]",
  },
  {
    source: "§7.1",
    below: "telemetry",
    effective: [
      "[io.l5d.prometheus] [io.l5d.prometheus].path [io.l5d.prometheus].prefix [io.l5d.influxdb]",
      "[io.l5d.statsd] [io.l5d.statsd].prefix [io.l5d.statsd].hostname [io.l5d.statsd].port [io.l5d.statsd].gaugeIntervalMs",
      "[io.l5d.statsd].sampleRate [io.l5d.recentRequests] [io.l5d.recentRequests].sampleRate [io.l5d.recentRequests].capacity",
      "[io.l5d.tracelog] [io.l5d.tracelog].sampleRate [io.l5d.tracelog].level [io.l5d.zipkin] [io.l5d.zipkin].host [io.l5d.zipkin].port",
      "[io.l5d.zipkin].sampleRate [io.zipkin.http] [io.zipkin.http].host [io.zipkin.http].hostHeader [io.zipkin.http].compressionEnabled",
      "[io.zipkin.http].initialSampleRate",
    ].join(" "),
  },
  {
    source: "§7.5",
    below: "admin",
    effective:
      "ip port httpIdentifierPort socketOptions shutdownGraceMs security security.uiEnabled security.controlEnabled security.diagnosticsEnabled security.pathWhitelist security.pathBlacklist",
    accepted: "workerThreads",
    refused: "tls",
  },
];
