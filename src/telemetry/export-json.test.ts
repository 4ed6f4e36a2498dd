import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { type JsonOptions, metricsJson } from "./export-json.ts";
import { MetricsRegistry } from "./registry.ts";

const FLAT: JsonOptions = { prefix: "", tree: false, pretty: false };

function small() {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  const server = registry.root.scope("rt", "http", "server", "127.0.0.1/4140");
  server.counter("requests").add(3);
  server.gauge("pending", () => 1.5);
  const client = registry.root.scope("rt", "http", "client", "#/io.l5d.fs/web");
  client.counter("failures").inc();
  client.scope("failures").counter("upstream.connect.refused").inc();
  return { env, registry, server, client };
}

const text = (registry: MetricsRegistry, options: Partial<JsonOptions> = {}) =>
  [...metricsJson(registry.root, { ...FLAT, ...options })].join("");

test("metrics.json is one flat object of counters and gauges by name", () => {
  expect(text(small().registry)).toBe(
    '{"rt/http/server/127.0.0.1/4140/requests":3,"rt/http/server/127.0.0.1/4140/pending":1.5,' +
      '"rt/http/client/#/io.l5d.fs/web/failures":1,"rt/http/client/#/io.l5d.fs/web/failures/upstream.connect.refused":1}\n',
  );
});

test("metrics.json expands a distribution to eleven numbers", () => {
  const { registry, server } = small();
  for (const ms of [1, 2, 4.5]) server.latency("request_latency_ms").record(ms);
  const name = "rt/http/server/127.0.0.1/4140/request_latency_ms";
  expect(JSON.parse(text(registry, { prefix: name }))).toEqual({
    [`${name}.count`]: 3,
    [`${name}.max`]: 4.5,
    [`${name}.min`]: 1,
    [`${name}.avg`]: 2.5,
    [`${name}.sum`]: 7.5,
    [`${name}.p50`]: 1.9995, // the middle of the bucket from 1.984 to 2.015
    [`${name}.p90`]: 4.5,
    [`${name}.p95`]: 4.5,
    [`${name}.p99`]: 4.5,
    [`${name}.p9990`]: 4.5,
    [`${name}.p9999`]: 4.5,
  });
});

test("metrics.json still shows the last window's distribution at the start of the next one, and only a zero count after two idle ones", () => {
  const { env, registry, server } = small();
  server.latency("request_latency_ms").record(7);
  const ask = () => JSON.parse(text(registry, { prefix: "rt/http/server/127.0.0.1/4140/request_latency_ms" }));
  env.advance(60_001);
  expect(ask()).toMatchObject({ "rt/http/server/127.0.0.1/4140/request_latency_ms.p99": 7 });
  env.advance(60_000);
  expect(ask()).toEqual({ "rt/http/server/127.0.0.1/4140/request_latency_ms.count": 0 });
});

test("metrics.json nests scopes in the tree form, with the kind as the key of a leaf", () => {
  const { registry, client } = small();
  client.stat("sizes").record(2);
  const tree = JSON.parse(text(registry, { tree: true }));
  expect(tree.rt.http.server["127.0.0.1/4140"]).toEqual({ requests: { counter: 3 }, pending: { gauge: 1.5 } });
  expect(tree.rt.http.client["#/io.l5d.fs/web"].failures).toEqual({
    counter: 1,
    "upstream.connect.refused": { counter: 1 },
  });
  expect(tree.rt.http.client["#/io.l5d.fs/web"].sizes).toMatchObject({
    "stat.count": 1,
    "stat.p50": 2,
    "stat.p9999": 2,
  });
});

test("metrics.json keeps only names that begin with the prefix, in both forms", () => {
  const { registry } = small();
  expect(text(registry, { prefix: "rt/http/server/127.0.0.1/4140/req" })).toBe(
    '{"rt/http/server/127.0.0.1/4140/requests":3}\n',
  );
  expect(text(registry, { prefix: "rt/http/server/127.0.0.1/4140/req", tree: true })).toBe(
    '{"rt":{"http":{"server":{"127.0.0.1/4140":{"requests":{"counter":3}}}}}}\n',
  );
  expect(text(registry, { prefix: "nothing/here" })).toBe("{}\n");
  expect(text(registry, { prefix: "nothing/here", tree: true })).toBe("{}\n");
});

test("metrics.json in pretty form is indented and in order", () => {
  const { registry } = small();
  expect(text(registry, { prefix: "rt/http/server", pretty: true })).toBe(
    '{\n  "rt/http/server/127.0.0.1/4140/pending": 1.5,\n  "rt/http/server/127.0.0.1/4140/requests": 3\n}\n',
  );
  expect(JSON.parse(text(registry, { tree: true, pretty: true }))).toEqual(JSON.parse(text(registry, { tree: true })));
});

test("metrics.json escapes names and writes null for what is not a number", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  registry.root.gauge('a "quoted"\n name', () => Number.NaN);
  expect(JSON.parse(text(registry))).toEqual({ 'a "quoted"\n name': null });
});

test("metrics.json of many metrics comes in small pieces, also while clients come and go", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  const clients = Array.from({ length: 1_000 }, (_, n) =>
    registry.root.scope("rt", "http", "client", `#/io.l5d.fs/${n}`),
  );
  for (const client of clients) for (const name of ["requests", "success", "failures"]) client.counter(name).inc();
  for (const tree of [false, true]) {
    const pieces = [...metricsJson(registry.root, { ...FLAT, tree })];
    expect(pieces.length).toBeGreaterThan(5);
    for (const piece of pieces) expect(piece.length).toBeLessThan(20_000);
  }
  const walk = metricsJson(registry.root, FLAT);
  let all = walk.next().value ?? "";
  for (const client of clients.slice(0, 900)) registry.prune(client);
  registry.root.scope("rt", "http", "client", "new").counter("requests").inc();
  for (const piece of walk) all += piece;
  const parsed: object = JSON.parse(all);
  expect(parsed).toHaveProperty(["rt/http/client/new/requests"], 1);
  expect(parsed).toHaveProperty(["rt/http/client/#/io.l5d.fs/999/requests"], 1);
});
