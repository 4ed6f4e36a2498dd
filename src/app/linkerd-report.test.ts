// What `fairlead check --linkerd` tells of a file: everything that the table of differences has for it, and nothing else.
import { expect, test } from "vitest";
import { placesOf } from "../config/walk.ts";
import { loadConfig } from "./config.ts";
import { configSchema } from "./config-schema.ts";
import { linkerdDifferences, type ReportedDifference, runsUnchanged } from "./linkerd-report.ts";

async function reported(text: string): Promise<ReportedDifference[]> {
  return linkerdDifferences(await loadConfig(text, { file: "l.yaml", environment: {} }));
}

/** `lines path` of all of one kind. */
function shown(all: readonly ReportedDifference[], what: ReportedDifference["what"]): string[] {
  return all.filter((one) => one.what === what).map(({ lines, path }) => `${lines.join(",")} ${path}`);
}

const SMALL =
  "routers:\n- protocol: http\n  servers:\n  - port: 4140\n  - port: 4141\n- protocol: h2\n  servers: [{}]\n";

test("differences that files meet by leaving keys out are told once, with the lines of what they would stand in", async () => {
  const all = await reported(SMALL);
  expect(runsUnchanged(all)).toBe(true);
  expect(shown(all, "is different")).toEqual([
    "2 routers[0].compressionLevel",
    "4,5,7 routers[].servers[].limits.headerTimeoutMs",
    "4,5 routers[].servers[].limits.bodyIdleTimeoutMs",
    "4,5,7 routers[].servers[].limits.writeStallTimeoutMs",
    "4,5,7 routers[].servers[].limits.maxHeaders",
    "4,5 routers[].servers[].http2",
    "7 routers[1].servers[0].maxHeaderListBytes",
    "7 routers[1].servers[0].limits.maxResetsPerMinute",
    "6 routers[1].client.maxHeaderListBytes",
    "6 routers[1].client.maxConnectionsPerEndpoint",
    "1 usage",
  ]);
  const [first] = all.filter(({ path }) => path.endsWith("headerTimeoutMs"));
  expect(first).toEqual({
    what: "is different",
    lines: [4, 5, 7],
    path: "routers[].servers[].limits.headerTimeoutMs",
    message: "Linkerd 1.x waits for the rest of a request head as long as it takes. Not written, it is 10000 here.",
    advice: "write limits: {headerTimeoutMs: 0} on the server",
  });
});

test("what is written as it is needed is told no more", async () => {
  const all = await reported(
    SMALL.replace(
      "servers: [{}]",
      "servers: [{maxHeaderListBytes: 99999}]\n  client: {kind: io.l5d.static, configs: [{prefix: /a, maxHeaderListBytes: 99999}]}",
    )
      .replace("- protocol: http", "- protocol: http\n  compressionLevel: 0")
      .replace("- port: 4141", "- {port: 4141, http2: false, limits: {headerTimeoutMs: 0}}"),
  );
  const paths = all.filter(({ what }) => what === "is different").map(({ path }) => path);
  expect(paths).not.toContain("routers[0].compressionLevel");
  expect(paths.filter((path) => path.endsWith("maxHeaderListBytes"))).toEqual([]);
  expect(shown(all, "is different")).toContain("5 routers[0].servers[0].http2");
  expect(shown(all, "is different")).toContain("5,8 routers[].servers[].limits.headerTimeoutMs");
});

test("other defaults with fairlead: 1 are told where the file does not say them itself", async () => {
  const all = await reported(
    "routers:\n- protocol: http\n  deadlines: off\n  client: {maxEjectionPercent: 10, failureAccrual: {kind: none}}\n  servers: [{serverSession: {idleTimeMs: 5}}]\n",
  );
  const those = all.filter(({ what }) => what === "other default with fairlead: 1");
  expect(those.map(({ lines, message, path }) => `${lines.join(",")} ${path}: ${message}`)).toEqual([
    "2 routers[0].overriddenMetrics: together here, apart there",
    "5 routers[0].servers[0].overrides.baggage: off here, follow there",
    "5 routers[0].servers[0].upgrades: [] here, [websocket] there",
    "4 routers[0].client.slowStartMs: 0 here, 10000 there",
    "4 routers[0].client.hostConnectionPool.idleTimeMs: no limit here, 60000 there",
    "1 telemetry: [] here, [{kind: io.l5d.prometheus}] there",
  ]);
});

test("what must be changed and what has no effect are the problems of the file", async () => {
  const all = await reported(
    "admin: {tls: {}}\nnamers: [{kind: io.l5d.consul}]\nrouters:\n- protocol: thrift\n- protocol: http\n  compressionLevel: 5\n  maxChunkKB: 8\n  servers: [{tls: {}}]\n",
  );
  expect(shown(all, "must be changed")).toEqual([
    "1 admin.tls",
    "2 namers[0].kind",
    "4 routers[0].protocol",
    "6 routers[1].compressionLevel",
    "8 routers[1].servers[0].tls",
  ]);
  expect(shown(all, "has no effect")).toEqual(["7 routers[1].maxChunkKB"]);
  expect(all.filter(({ what }) => what === "must be changed").every(({ advice }) => advice !== "")).toBe(true);
  expect(runsUnchanged(all)).toBe(false);
});

test("a file with timeouts of sockets, traces of Zipkin and the HTTP identifier can be run unchanged", async () => {
  const all = await reported(`
admin: {httpIdentifierPort: 9991, socketOptions: {readTimeoutMs: 60000, writeTimeoutMs: 60000}}
routers:
- protocol: http
  tracePropagator: {kind: io.l5d.zipkin}
  servers: [{socketOptions: {readTimeoutMs: 60000}}]
  client: {socketOptions: {readTimeoutMs: 60000, writeTimeoutMs: 1}}
- protocol: h2
  tracePropagator: {kind: io.l5d.zipkin}
  servers: [{socketOptions: {writeTimeoutMs: 60000}}]
`);
  expect(shown(all, "must be changed")).toEqual([]);
  expect(shown(all, "has no effect")).toEqual([]);
  expect(runsUnchanged(all)).toBe(true);
});

test("every difference of the schema is met by some file", async () => {
  const transformers = "transformers: [{kind: io.l5d.localhost}]";
  const all = await reported(`
admin: {httpIdentifierPort: 9991}
namers:
- {kind: io.l5d.fs, rootDir: /a, ${transformers}}
- {kind: io.l5d.rewrite, prefix: /x, pattern: /a, name: /b, ${transformers}}
telemetry:
- {kind: io.l5d.statsd}
- {kind: io.l5d.recentRequests, sampleRate: 0.1}
- {kind: io.l5d.tracelog}
- {kind: io.zipkin.http}
- {kind: io.l5d.zipkin}
routers:
- protocol: http
  httpAccessLog: /dev/stdout
  httpAccessLogRollPolicy: daily
  httpAccessLogRotateCount: 3
  servers: [{}]
  client: {loadBalancer: {kind: aperture}}
- protocol: h2
  h2AccessLog: /dev/stdout
  h2AccessLogRollPolicy: daily
  h2AccessLogRotateCount: 3
  servers: [{}]
  client: {loadBalancer: {kind: aperture}}
  service: {responseClassifier: {kind: io.l5d.h2.grpc.compliant}}
`);
  const messages = all.map(({ message }) => message);
  const declared = [...placesOf(configSchema.spec)].flatMap(({ spec }) => spec.differs?.says ?? []);
  expect(declared.length).toBeGreaterThan(15);
  expect(declared.filter((says) => !messages.some((message) => message.startsWith(says)))).toEqual([]);
});
