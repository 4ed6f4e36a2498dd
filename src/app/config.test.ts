import { expect, expectTypeOf, test } from "vitest";
import { configOf, problemsIn } from "../../test/support/linker-config.ts";
import { PathMatcher } from "../core/path-matcher.ts";
import { pathFrom } from "../core/path.ts";
import { mergePolicies } from "../router/policies.ts";
import { type ClientPolicy, type NamerConfig, type RouterConfig, type ServerConfig, loadConfig } from "./config.ts";

async function routerOf(keys: string): Promise<RouterConfig> {
  const [router] = (await configOf(`routers:\n- protocol: http\n  servers: [{}]\n${keys}`)).routers;
  if (router === undefined) throw new Error("no router");
  return router;
}

/** Loads one http router with these keys below it, and one server. */
function problemsInRouter(keys: string): Promise<string[]> {
  return problemsIn(`routers:\n- protocol: http\n  servers: [{port: 4140}]\n${keys}`);
}

test("the smallest Linkerd 1.x file gets the defaults of Linkerd 1.x", async () => {
  const { mode, admin, routers, namers, telemetry } = await configOf(
    "routers:\n- protocol: http\n  servers:\n  - {}\n",
  );
  expect({ mode, namers, telemetry }).toEqual({ mode: "linkerd", namers: [], telemetry: [] });
  expect(admin).toMatchObject({ ip: "127.0.0.1", port: 9990, shutdownGraceMs: 10_000 });
  expect(routers[0]).toMatchObject({
    protocol: "http",
    label: "http",
    dtab: "",
    dstPrefix: "/svc",
    identifier: [{ kind: "io.l5d.header.token", header: "Host" }],
    interpreter: { kind: "default" },
    bindingTimeoutMs: 10_000,
    bindingCache: { paths: 1000, trees: 1000, bounds: 1000, clients: 1000, idleTtlSecs: 600 },
    originator: false,
    deadlines: "report",
    maxHeadersKB: 8,
    maxInitialLineKB: 4,
    maxErrResponseKB: 5120,
    servers: [
      {
        port: 4140,
        ip: "127.0.0.1",
        label: "http",
        clearContext: false,
        maxCallDepth: 1000,
        socketMode: "0660",
        socketOptions: { noDelay: true, reuseAddr: true, reusePort: false, keepAlive: false },
        serverSession: {},
      },
    ],
  });
  expect(routers[0]?.client.defaults).toEqual({
    loadBalancer: { kind: "p2c", maxEffort: 5, enableProbation: false },
    failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 5 },
    maxEjectionPercent: 100,
    slowStartMs: 0,
    healthCheck: { kind: "none" },
    hostConnectionPool: { minSize: 0 },
    failFast: false,
    requeueBudget: { minRetriesPerSec: 10, percentCanRetry: 0.2, ttlSecs: 10 },
    clientSession: {},
    concurrencyLimit: { kind: "none" },
    connectTimeoutMs: 1000,
    socketOptions: { noDelay: true, keepAlive: false },
    forwardClientCert: false,
    protocol: "http/1.1",
  });
  expect(routers[0]?.service.defaults).toEqual({
    retries: { budget: { minRetriesPerSec: 10, percentCanRetry: 0.2, ttlSecs: 10 } },
    responseClassifier: { kind: "io.l5d.http.nonRetryable5XX" },
  });
});

test("the smallest h2 router gets the defaults of Linkerd 1.x, and a limit on headers", async () => {
  const { routers } = await configOf("routers:\n- protocol: h2\n  servers: [{}]\n");
  const settings = {
    windowUpdateRatio: 0.99,
    headerTableBytes: 4096,
    initialStreamWindowBytes: 65_535,
    maxFrameBytes: 16_384,
    maxHeaderListBytes: 65_536,
  };
  expect(routers[0]).toMatchObject({
    protocol: "h2",
    label: "h2",
    identifier: [{ kind: "io.l5d.header.token", header: ":authority" }],
    servers: [
      {
        ...settings,
        port: 4142,
        label: "h2",
        maxConcurrentStreamsPerConnection: 1000,
        maxCallDepth: 1000,
        http1: false,
        limits: { bodyIdleTimeoutMs: 0, streamIdleTimeoutMs: 0, keepAlivePingMs: 0, maxResetsPerMinute: 1000 },
      },
    ],
  });
  expect(routers[0]?.client.defaults).toMatchObject({ ...settings, protocol: "h2", maxConnectionsPerEndpoint: 8 });
  expect(routers[0]?.service.defaults.responseClassifier).toEqual({ kind: "io.l5d.h2.nonRetryable5XX" });
});

test("a gRPC configuration of Linkerd 1.x is read", async () => {
  const text = [
    "routers:",
    "- protocol: h2",
    "  label: grpc",
    "  experimental: false",
    "  h2AccessLog: /dev/stdout",
    "  identifier: {kind: io.l5d.header.path, segments: 1}",
    "  servers: [{port: 4340, ip: 0.0.0.0, initialStreamWindowBytes: 1048576, windowUpdateRatio: 0.5}]",
    "  client: {initialStreamWindowBytes: 131072, requestAttemptTimeoutMs: 1000}",
    "  service: {responseClassifier: {kind: io.l5d.h2.allSuccessful}}",
  ].join("\n");
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment: {} });
  expect(problems).toEqual([]);
  expect(config?.routers[0]).toMatchObject({
    label: "grpc",
    h2AccessLog: "/dev/stdout",
    identifier: [{ kind: "io.l5d.header.path", header: ":path", segments: 1 }],
    servers: [{ port: 4340, initialStreamWindowBytes: 1_048_576, windowUpdateRatio: 0.5 }],
  });
});

test.for([
  [
    "  httpAccessLog: /dev/stdout",
    '4:3 routers[0].httpAccessLog: unknown key "httpAccessLog"; did you mean "h2AccessLog"?',
  ],
  [
    "  identifier: {kind: io.l5d.methodAndHost}",
    '4:22 routers[0].identifier.kind: unknown kind "io.l5d.methodAndHost"; write one of ',
  ],
  ["  identifier: {kind: io.l5d.ingress}", '4:22 routers[0].identifier.kind: "io.l5d.ingress" is not available'],
  [
    '  identifier: {kind: io.l5d.header.token, header: ":host"}',
    "4:52 routers[0].identifier.header: not well-formed as a header or pseudo-header name: requests have the pseudo-headers",
  ],
  ["  client: {windowUpdateRatio: 1}", "4:31 routers[0].client.windowUpdateRatio: must lie between 0 and 1"],
  [
    "  client: {maxFrameBytes: 16383}",
    "4:27 routers[0].client.maxFrameBytes: expected a whole number of bytes from 16384",
  ],
  ["  client: {protocol: h3}", '4:22 routers[0].client.protocol: unknown word "h3"; did you mean "h2"?'],
  [
    "  service: {responseClassifier: {kind: io.l5d.h2.grpc.default, successStatusCodes: [17]}}",
    "4:85 routers[0].service.responseClassifier.successStatusCodes[0]: expected a whole number from 0 to 16",
  ],
  [
    "  service: {responseClassifier: {kind: io.l5d.http.allSuccessful}}",
    '4:40 routers[0].service.responseClassifier.kind: unknown kind "io.l5d.http.allSuccessful"; did you mean',
  ],
] as const)("%s in an h2 router is refused at its place", async ([keys, start]) => {
  const problems = await problemsIn(`routers:\n- protocol: h2\n  servers: [{port: 4142}]\n${keys}`);
  expect(problems.length).toBe(1);
  expect(problems[0]?.startsWith(start) ? start : problems[0]).toBe(start);
});

test("what has no effect in an h2 router is a warning", async () => {
  const text = [
    "routers:",
    "- protocol: h2",
    "  servers: [{}]",
    "  client: {hostConnectionPool: {maxSize: 5}}",
    "  service:",
    "    classificationTimeoutMs: 50",
    "    retryBufferSize: {requestBytes: 1000}",
    "    responseClassifier: {kind: io.l5d.h2.retryableAll5XX}",
  ].join("\n");
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment: {} });
  expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
    "warning routers[0].client.hostConnectionPool",
  ]);
  expect(config?.routers[0]?.client.entries[0]?.params.hostConnectionPool?.maxSize).toBe(5);
});

test("a file with fairlead: 1 gets the defaults of today", async () => {
  const { mode, routers, telemetry } = await configOf("fairlead: 1\nrouters:\n- protocol: http\n  servers: [{}]\n");
  expect({ mode, telemetry }).toEqual({
    mode: "fairlead",
    telemetry: [{ kind: "io.l5d.prometheus", path: "/admin/metrics/prometheus", prefix: "" }],
  });
  expect(routers[0]).toMatchObject({ servers: [{ serverSession: { idleTimeMs: 600_000 } }] });
  expect(routers[0]?.client.defaults).toMatchObject({
    hostConnectionPool: { minSize: 0, idleTimeMs: 60_000 },
    failureAccrual: { kind: "fairlead.successRateOrFailures", successRate: 0.8, window: 30, failures: 5 },
    maxEjectionPercent: 50,
    slowStartMs: 10_000,
  });
});

test("the configuration is typed as it is read", () => {
  expectTypeOf<ServerConfig["port"]>().toEqualTypeOf<number>();
  expectTypeOf<ServerConfig["label"]>().toEqualTypeOf<string>();
  expectTypeOf<ServerConfig["maxConcurrentRequests"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<RouterConfig["dtab"]>().toEqualTypeOf<string>();
  expectTypeOf<RouterConfig["protocol"]>().toEqualTypeOf<"http" | "h2">();
  expectTypeOf<ClientPolicy["protocol"]>().toEqualTypeOf<"http/1.1" | "h2">();
  expectTypeOf<ClientPolicy["loadBalancer"]["kind"]>().toEqualTypeOf<
    "p2c" | "ewma" | "aperture" | "heap" | "roundRobin" | "fairlead.bestOf"
  >();
  expectTypeOf<NamerConfig["kind"]>().toEqualTypeOf<
    "io.l5d.fs" | "io.l5d.rewrite" | "fairlead.static" | "fairlead.files"
  >();
});

test.for([
  ["", '1:1 routers: "routers" is missing; add routers: what this process does'],
  ["routers: []", "1:10 routers: an empty list; give at least 1"],
  ["routers:\n- servers: [{}]", '2:3 routers[0].protocol: "protocol" is missing; write protocol: with one of http, h2'],
  [
    "routers:\n- protocol: htpt\n  servers: [{}]",
    '2:13 routers[0].protocol: unknown protocol "htpt"; did you mean "http"?',
  ],
  [
    "routers:\n- protocol: thrift\n  servers: [{}]",
    '2:13 routers[0].protocol: "thrift" is not available in this release; use http; each protocol comes in a release of its own',
  ],
  ["routers:\n- protocol: http", '2:3 routers[0].servers: "servers" is missing; add servers: where to listen'],
  [
    "fairlead: 2\nrouters:\n- protocol: http\n  servers: [{}]",
    "1:11 fairlead: expected a whole number from 1 to 1, got the number 2; write a number such as 1",
  ],
  [
    "expandEnv: true\nrouters:\n- protocol: http\n  servers: [{}]",
    "1:12 expandEnv: variables are expanded only in files with fairlead: 1; add fairlead: 1, or start with --expand-env instead",
  ],
  [
    "routers:\n- protocol: http\n  servers: [{}]\nnamers:\n- kind: io.l5d.consl",
    '5:9 namers[0].kind: unknown kind "io.l5d.consl"; did you mean "io.l5d.consul"?',
  ],
  [
    "routers:\n- protocol: http\n  servers: [{}]\nnamers:\n- kind: io.l5d.fs",
    '5:3 namers[0].rootDir: "rootDir" is missing; add rootDir: the directory with the files',
  ],
  [
    "routers:\n- protocol: http\n  servers: [{}]\ntelemetry:\n- kind: prometheus\n- kind: io.l5d.zipkin",
    '5:9 telemetry[0].kind: unknown kind "prometheus"; did you mean "io.l5d.prometheus"?',
  ],
  [
    'routers:\n- protocol: http\n  servers: [{}]\nnamers:\n- {kind: io.l5d.rewrite, prefix: /x, pattern: "/{a}", name: "/b/{c}"}',
    "5:61 namers[0].name: {c} is not captured by the pattern; add {c} to the pattern, or use one of {a}",
  ],
] as const)("%s is refused at its place", async ([text, problem]) => {
  expect((await problemsIn(text))[0]).toBe(problem);
});

test.for([
  ["  tls: {}", '4:3 routers[0].tls: unknown key "tls"; it belongs under "servers"'],
  ["  loadBalancer: {kind: p2c}", '4:3 routers[0].loadBalancer: unknown key "loadBalancer"; it belongs under "client"'],
  ["  baseDtab: /a => /b", "4:3 routers[0].baseDtab: is no key of Linkerd 1.x any more; write dtab"],
  ["  dtab: |\n    /svc => /a;\n    /svc/x => /b |;", "6:19 routers[0].dtab: "],
  ["  dstPrefix: svc", "4:14 routers[0].dstPrefix: "],
  ["  deadlines: sometimes", '4:14 routers[0].deadlines: unknown word "sometimes"'],
  ["  streamingEnabled: false", "4:21 routers[0].streamingEnabled: cannot be switched off"],
  ["  compressionLevel: 6", "4:21 routers[0].compressionLevel: compression is not available in this release; write 0"],
  [
    "  httpAccessLogRollPolicy: monthly",
    "4:28 routers[0].httpAccessLogRollPolicy: is no roll policy; write never, hourly",
  ],
  ["  httpAccessLogRotateCount: -2", "4:29 routers[0].httpAccessLogRotateCount: expected a whole number, at least -1"],
  [
    "  interpreter: {kind: io.l5d.mesh, dst: /$/inet/x/1}",
    '4:23 routers[0].interpreter.kind: "io.l5d.mesh" is not available',
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.port}]}",
    '4:48 routers[0].interpreter.transformers[0].port: "port" is missing',
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.port, port: 0}]}",
    "4:73 routers[0].interpreter.transformers[0].port: expected a whole number from 1 to 65535, got the number 0",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.specificHost, host: web}]}",
    "4:81 routers[0].interpreter.transformers[0].host: not well-formed as an IP address: this is neither IPv4 nor IPv6",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.replace, path: inet/1}]}",
    "4:76 routers[0].interpreter.transformers[0].path: ",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.const, path: /#/io.l5d.fs/web}]}",
    "4:74 routers[0].interpreter.transformers[0].path: /#/io.l5d.fs/web does not begin with /$; write a path for a built-in",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.const, path: /$/inet/web}]}",
    "4:74 routers[0].interpreter.transformers[0].path: /$/inet/web names nothing; write a path for a built-in namer",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.const, path: /$/innet/web/80}]}",
    "4:74 routers[0].interpreter.transformers[0].path: there is no built-in namer /$/innet; known are /$/inet, ",
  ],
  [
    "  interpreter: {kind: default, transformers: [{kind: io.l5d.k8s.daemonset, port: 4141}]}",
    '4:54 routers[0].interpreter.transformers[0].kind: "io.l5d.k8s.daemonset" is not available',
  ],
  ["  client: {tls: {commonName: x}}", "4:12 routers[0].client.tls: is not available"],
  [
    "  client: {loadBalancer: {kind: aperture, lowLoad: 2}}",
    "4:52 routers[0].client.loadBalancer.lowLoad: lowLoad 2 is not below highLoad 2; write a smaller number",
  ],
  [
    "  client: {loadBalancer: {kind: aperture, peer: {id: 3, count: 3}}}",
    "4:54 routers[0].client.loadBalancer.peer.id: id 3 is not below count 3; count from 0: write at most 2",
  ],
  [
    "  client: {failureAccrual: {kind: io.l5d.successRate, successRate: 90, requests: 20}}",
    "4:68 routers[0].client.failureAccrual.successRate: expected a number from 0 to 1, got the number 90",
  ],
  [
    '  client: {healthCheck: {kind: fairlead.http, path: "/ok HTTP/1.1"}}',
    "4:53 routers[0].client.healthCheck.path: a path begins with a slash",
  ],
  [
    "  client: {healthCheck: {kind: fairlead.http, minStatus: 300}}",
    "4:58 routers[0].client.healthCheck.minStatus: minStatus 300 is above maxStatus 299",
  ],
  [
    "  client: {failureAccrual: {kind: io.l5d.consecutiveFailures}}",
    '4:29 routers[0].client.failureAccrual.failures: "failures" is missing',
  ],
  ["  client: {forwardClientCert: true}", "4:31 routers[0].client.forwardClientCert: is not available"],
  [
    "  client: {requestAuthorizers: [{kind: io.l5d.k8s.istio}]}",
    "4:12 routers[0].client.requestAuthorizers: is not available",
  ],
  [
    "  client: {hostConnectionPool: {minSize: 3, maxSize: 2}}",
    "4:42 routers[0].client.hostConnectionPool.minSize: minSize 3 is larger than maxSize 2",
  ],
  [
    "  client:\n    kind: io.l5d.static\n    configs:\n    - loadBalancer: {kind: p2c}",
    '7:7 routers[0].client.configs[0].prefix: "prefix" is missing',
  ],
  [
    "  client:\n    kind: io.l5d.static\n    configs:\n    - prefix: /a/{b",
    "7:18 routers[0].client.configs[0].prefix: ",
  ],
  ["  client:\n    configs: []", '5:5 routers[0].client.configs: unknown key "configs"'],
  [
    "  service: {retries: {budget: {ttlSecs: 61}}}",
    "4:41 routers[0].service.retries.budget.ttlSecs: expected a whole number of seconds from 1 to 60",
  ],
  [
    "  service: {retries: {backoff: {kind: jittered, minMs: 5, maxMs: 2}}}",
    "4:56 routers[0].service.retries.backoff.minMs: minMs 5 is larger than maxMs 2",
  ],
] as const)("%s in a router is refused at its place", async ([keys, start]) => {
  const problems = await problemsInRouter(keys);
  expect(problems.length).toBe(1);
  expect(problems[0]?.startsWith(start) ? start : problems[0]).toBe(start);
});

test("problems of different parts of a file are told in one go, in the order of the file", async () => {
  const text =
    "admin: {prot: 1}\nrouters:\n- protocol: http\n  label: 3\n  servers: [{port: x}]\n  dtab: /a >= /b\nnamers:\n- {}\nusage: {}\n";
  expect((await problemsIn(text)).map((problem) => problem.split(": ")[0])).toEqual([
    "1:9 admin.prot",
    "4:10 routers[0].label",
    "5:20 routers[0].servers[0].port",
    "6:12 routers[0].dtab",
    "8:3 namers[0].kind",
    "9:1 usage",
  ]);
});

test("what has no effect is a warning, and the file is used", async () => {
  const text = [
    "admin: {workerThreads: 2}",
    "usage: {enabled: false}",
    "routers:",
    "- protocol: http",
    "  experimental: true",
    "  compressionLevel: -1",
    "  streamAfterContentLengthKB: 10",
    "  maxRequestKB: 5",
    "  servers: [{engine: {kind: netty4}}]",
    "  client: {socketOptions: {backlog: 5}}",
    "  service: {retries: {}, responseClassifier: {kind: io.l5d.http.retryableRead5XX}}",
  ].join("\n");
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment: {} });
  expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
    "warning admin.workerThreads",
    "warning usage",
    "warning routers[0].experimental",
    "warning routers[0].compressionLevel",
    "warning routers[0].streamAfterContentLengthKB",
    "warning routers[0].maxRequestKB",
    "warning routers[0].servers[0].engine",
    "warning routers[0].client.socketOptions.backlog",
  ]);
  expect(config?.routers[0]?.service.entries[0]?.params.responseClassifier?.kind).toBe("io.l5d.http.retryableRead5XX");
});

test("identifiers are always a list", async () => {
  expect((await routerOf("  identifier: {kind: io.l5d.path, segments: 2}")).identifier).toEqual([
    { kind: "io.l5d.path", segments: 2, consume: false },
  ]);
  const list = "  identifier:\n  - kind: io.l5d.header\n  - kind: io.l5d.static\n    path: /x";
  expect((await routerOf(list)).identifier).toEqual([
    { kind: "io.l5d.header", header: "l5d-name" },
    { kind: "io.l5d.static", path: "/x" },
  ]);
});

test("a Forwarded header without details labels both sides at random", async () => {
  const config = await configOf("routers:\n- protocol: http\n  servers:\n  - addForwardedHeader: {}\n");
  expect(config.routers[0]?.servers[0]?.addForwardedHeader).toEqual({
    by: { kind: "requestRandom" },
    for: { kind: "requestRandom" },
  });
});

test("a global policy is one entry for every name, and only holds what was given", async () => {
  const { client } = await routerOf("  client:\n    requestAttemptTimeoutMs: 5\n    loadBalancer: {kind: ewma}");
  expect(client.entries).toEqual([
    {
      prefix: null,
      params: {
        requestAttemptTimeoutMs: 5,
        loadBalancer: { kind: "ewma", maxEffort: 5, enableProbation: false, decayTimeMs: 10_000 },
      },
    },
  ]);
});

test("static policies merge by pattern, with the defaults below", async () => {
  const { client } = await routerOf(
    [
      "  client:",
      "    kind: io.l5d.static",
      "    configs:",
      "    - prefix: /",
      "      requestAttemptTimeoutMs: 1000",
      '    - prefix: "/#/io.l5d.fs/{service}-v2"',
      "      requestAttemptTimeoutMs: 2000",
      "      hostConnectionPool: {maxSize: 3}",
      "    - prefix: /#/*/slow-v2",
      "      failureAccrual: {kind: none}",
    ].join("\n"),
  );
  const policyFor = (id: string): ClientPolicy => {
    return mergePolicies(client, (prefix) => {
      const pattern = PathMatcher.parse(prefix);
      return pattern instanceof PathMatcher && pattern.match(pathFrom(id)) !== null;
    });
  };
  expect(policyFor("/#/io.l5d.fs/web")).toEqual({ ...client.defaults, requestAttemptTimeoutMs: 1000 });
  expect(policyFor("/#/io.l5d.fs/slow-v2")).toEqual({
    ...client.defaults,
    requestAttemptTimeoutMs: 2000,
    hostConnectionPool: { minSize: 0, maxSize: 3 },
    failureAccrual: { kind: "none" },
  });
});

test("variables are expanded when the file or the command asks, and never otherwise", async () => {
  const body = "routers:\n- protocol: http\n  label: ${LABEL}\n  servers: [{port: '${PORT:-4242}'}]\n";
  const environment = { LABEL: "edge" };
  const fromFile = await configOf(`fairlead: 1\nexpandEnv: true\n${body}`, environment);
  const fromCommand = await configOf(body, environment, true);
  for (const { routers } of [fromFile, fromCommand]) {
    expect(routers[0]).toMatchObject({ label: "edge", servers: [{ port: 4242, label: "edge" }] });
  }
  expect((await problemsIn(body))[0]).toContain('got the text "${PORT:-4242}"');
});

test("what requests bring along: off in Linkerd 1.x files, followed with fairlead: 1, for everybody unless there is a list", async () => {
  const file = (first: string, keys = "") => `${first}routers:\n- protocol: h2\n  servers: [{${keys}}]\n`;
  const settings = async (text: string) => {
    const [router] = (await configOf(text)).routers;
    return [router?.overriddenMetrics, router?.servers[0]?.overrides];
  };
  expect(await settings(file(""))).toEqual(["together", { baggage: "off" }]);
  expect(await settings(file("fairlead: 1\n"))).toEqual(["apart", { baggage: "follow" }]);
  const list = "overrides: {allow: [{names: /svc/users}, {from: [10.0.0.0/8, 'fd00::/8'], names: ['*', '/svc/*/eu']}]}";
  expect((await settings(file("", list)))[1]).toEqual({
    baggage: "off",
    allow: [
      { from: ["*"], names: ["/svc/users"] },
      { from: ["10.0.0.0/8", "fd00::/8"], names: ["*", "/svc/*/eu"] },
    ],
  });
});

test.for([
  ["{from: web, names: /svc}", "from: is no range of addresses"],
  ["{from: [10.0.0.0/33], names: /svc}", "from[0]: is no range of addresses"],
  ["{names: svc}", "names: is no beginning of a name"],
  ["{names: ['/svc/{x}']}", "names[0]: is no beginning of a name"],
  ["{from: 10.0.0.1}", "names"],
] as const)("an entry of the list of overrides that means nothing is a problem: %s", async ([entry, problem]) => {
  const text = `routers:\n- protocol: http\n  servers: [{overrides: {allow: [${entry}]}}]\n`;
  const [first = "", ...more] = await problemsIn(text);
  expect(more).toEqual([]);
  expect(first).toContain("overrides.allow[0]");
  expect(first.replace(/.*allow\[0\]\.?/, "")).toContain(problem);
});
