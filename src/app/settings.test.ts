import { expect, test } from "vitest";
import { type Http2RouterConfig, type HttpRouterConfig, type RouterConfig, loadConfig } from "./config.ts";
import {
  accessLogOf,
  clientPolicy,
  http2ClientLimits,
  http2ClientSettings,
  http2MaxConnections,
  http2ServerLimits,
  http2ServerSettings,
  policiesOf,
  serverLimits,
  sessionLimits,
} from "./settings.ts";

async function routerOf(protocol: RouterConfig["protocol"], keys: string): Promise<RouterConfig> {
  const text = `routers:\n- protocol: ${protocol}\n${keys}`;
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment: {} });
  const router = config?.routers[0];
  if (router === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return router;
}

const httpRouter = async (keys = "  servers: [{}]") => (await routerOf("http", keys)) as HttpRouterConfig;
const http2Router = async (keys = "  servers: [{}]") => (await routerOf("h2", keys)) as Http2RouterConfig;

const defaultSettings = {
  headerTableBytes: 4096,
  initialStreamWindowBytes: 65_535,
  maxFrameBytes: 16_384,
  maxHeaderListBytes: 65_536,
  windowUpdateRatio: 0.99,
};

test("an h2 server announces what its keys say", async () => {
  const router = await http2Router("  servers: [{maxFrameBytes: 20000, maxConcurrentStreamsPerConnection: 7}]");
  expect(http2ServerSettings(router, router.servers[0]!)).toEqual({
    ...defaultSettings,
    maxFrameBytes: 20_000,
    maxConcurrentStreams: 7,
  });
});

test("an http server announces the defaults, with the limits on headers that hold for HTTP/1", async () => {
  const router = await httpRouter("  maxHeadersKB: 2\n  maxInitialLineKB: 1\n  servers: [{limits: {maxHeaders: 10}}]");
  expect(http2ServerSettings(router, router.servers[0]!)).toEqual({
    ...defaultSettings,
    maxHeaderListBytes: 3 * 1024 + 10 * 32,
    maxConcurrentStreams: 1000,
  });
});

test("a client announces what its policy says, and lets endpoints open no streams", async () => {
  const router = await http2Router("  servers: [{}]\n  client: {headerTableBytes: 0, maxHeaderListBytes: 8192}");
  const expected = { ...defaultSettings, headerTableBytes: 0, maxHeaderListBytes: 8192, maxConcurrentStreams: 0 };
  expect(http2ClientSettings(router, clientPolicy(router, "/#/io.l5d.fs/web"))).toEqual(expected);
});

test("a client of an http router takes heads as long as its servers do", async () => {
  const router = await httpRouter("  servers: [{}]\n  client: {protocol: h2}");
  const policy = clientPolicy(router, "/#/io.l5d.fs/web");
  expect(policy.protocol).toBe("h2");
  expect(http2ClientSettings(router, policy)).toEqual({
    ...defaultSettings,
    maxHeaderListBytes: 12 * 1024 + 128 * 32,
    maxConcurrentStreams: 0,
  });
  expect(http2MaxConnections(policy)).toBe(8);
});

test("bounds of an h2 server are those of its keys", async () => {
  const router = await http2Router(
    [
      "  servers:",
      "  - serverSession: {idleTimeMs: 5, lifeTimeMs: 6}",
      "    limits:",
      "      {headerTimeoutMs: 1, bodyIdleTimeoutMs: 2, streamIdleTimeoutMs: 3, writeStallTimeoutMs: 4, maxHeaders: 7,",
      "       keepAlivePingMs: 8, keepAliveTimeoutMs: 9, maxResetsPerMinute: 10}",
    ].join("\n"),
  );
  expect(http2ServerLimits(router, router.servers[0]!)).toEqual({
    headerTimeoutMs: 1,
    bodyIdleTimeoutMs: 2,
    streamIdleTimeoutMs: 3,
    writeStallTimeoutMs: 4,
    idleTimeoutMs: 5,
    lifeTimeMs: 6,
    maxFields: 7,
    maxErrBytes: 8192,
    maxResetsPerMinute: 10,
    pingIntervalMs: 8,
    pingTimeoutMs: 9,
  });
});

test("bounds of HTTP/2 on an http server are its own where it has them, and the defaults else", async () => {
  const router = await httpRouter("  servers: [{limits: {bodyIdleTimeoutMs: 2}}]");
  expect(http2ServerLimits(router, router.servers[0]!)).toEqual({
    headerTimeoutMs: 10_000,
    bodyIdleTimeoutMs: 2,
    streamIdleTimeoutMs: 0,
    writeStallTimeoutMs: 60_000,
    idleTimeoutMs: 0,
    lifeTimeMs: 0,
    maxFields: 128,
    maxErrBytes: 8192,
    maxResetsPerMinute: 1000,
    pingIntervalMs: 0,
    pingTimeoutMs: 20_000,
  });
});

test("bounds towards endpoints come from the first server and from the policy of the name", async () => {
  const router = await http2Router(
    [
      "  servers: [{limits: {headerTimeoutMs: 1, keepAlivePingMs: 2}, serverSession: {idleTimeMs: 3}}]",
      "  client:",
      "    kind: io.l5d.static",
      "    configs:",
      "    - {prefix: /#/io.l5d.fs/web, pingIntervalMs: 4, pingTimeoutMs: 5, clientSession: {lifeTimeMs: 6}}",
    ].join("\n"),
  );
  const web = http2ClientLimits(router, clientPolicy(router, "/#/io.l5d.fs/web"));
  expect(web).toMatchObject({
    headerTimeoutMs: 1,
    pingIntervalMs: 4,
    pingTimeoutMs: 5,
    idleTimeoutMs: 0,
    lifeTimeMs: 6,
  });
  expect(web.maxResetsPerMinute).toBe(0);
  const other = http2ClientLimits(router, clientPolicy(router, "/#/io.l5d.fs/other"));
  expect(other).toMatchObject({ headerTimeoutMs: 1, pingIntervalMs: 0, pingTimeoutMs: 20_000, lifeTimeMs: 0 });
});

test("HTTP/1 on an h2 server takes heads as long as HTTP/2 there", async () => {
  const router = await http2Router("  servers: [{maxHeaderListBytes: 5000, http1: true}]");
  const limits = serverLimits(router, router.servers[0]!);
  expect(limits.head).toEqual({ maxLineBytes: 5000, maxFieldsBytes: 5000, maxFields: 128 });
  expect(sessionLimits(router)).toEqual(limits);
});

test("policies of an h2 router come to the same settings as those of an http router", async () => {
  const keys = "  servers: [{}]\n  client: {requestAttemptTimeoutMs: 5}\n  service: {totalTimeoutMs: 6}";
  const [http, http2] = [policiesOf(await httpRouter(keys)), policiesOf(await http2Router(keys))];
  expect(http2.client("/#/io.l5d.fs/web")).toEqual(http.client("/#/io.l5d.fs/web"));
  expect(http2.service("/svc/web")).toMatchObject({
    totalTimeoutMs: 6,
    classifier: { kind: "io.l5d.h2.nonRetryable5XX" },
  });
  expect(http2.service("/svc/web").retries).toEqual(http.service("/svc/web").retries);
});

test("the classifier of a service is that of its kind", async () => {
  for (const protocol of ["http", "h2"] as const) {
    const keys = `  servers: [{}]\n  service: {responseClassifier: {kind: io.l5d.${protocol}.allSuccessful}}`;
    const { classifier } = policiesOf(await routerOf(protocol, keys)).service("/svc/web");
    expect(classifier).toMatchObject({ kind: `io.l5d.${protocol}.allSuccessful`, retries: false, late: false });
  }
});

test("the access log of a router is found under the key of its protocol", async () => {
  expect(accessLogOf(await httpRouter())).toBeNull();
  expect(accessLogOf(await http2Router())).toBeNull();
  const format = { kind: "combined" };
  expect(accessLogOf(await httpRouter("  httpAccessLog: /a\n  servers: [{}]"))).toEqual({
    path: "/a",
    format,
    file: { policy: { at: "never" }, keep: -1, append: true },
  });
  const rolled = "  h2AccessLogRollPolicy: weekly(2)\n  h2AccessLogAppend: false\n  h2AccessLogRotateCount: 3";
  expect(accessLogOf(await http2Router(`  h2AccessLog: /b\n  servers: [{}]\n${rolled}`))).toEqual({
    path: "/b",
    format,
    file: { policy: { at: "weekly", day: 1 }, keep: 3, append: false },
  });
});
