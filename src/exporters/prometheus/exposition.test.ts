import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { prometheusText } from "./exposition.ts";

function setUp() {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  return { env, registry, router: registry.root.scope("rt", "edge") };
}

const textOf = (registry: MetricsRegistry, prefix = "") => [...prometheusText(registry.root, prefix)].join("");
const samplesOf = (registry: MetricsRegistry) =>
  textOf(registry)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

test("Scopes outside routers are joined by colons", () => {
  const { registry } = setUp();
  registry.root.scope("admin", "pages").counter("served").add(2);
  registry.root.scope("process").gauge("cpu-seconds.total", () => 1.5);
  expect(textOf(registry)).toBe(
    "# TYPE admin:pages:served counter\nadmin:pages:served 2\n# TYPE process:cpu_seconds_total gauge\nprocess:cpu_seconds_total 1.5\n",
  );
});

test("A prefix that begins with a digit gets an underscore before it: no name of Prometheus does", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  registry.root.counter("requests").inc();
  expect(textOf(registry, "1x")).toContain("\n_1xrequests 1");
});

test("The configured prefix comes before every name", () => {
  const { registry } = setUp();
  registry.root.scope("store").counter("size");
  expect(textOf(registry, "linkerd_")).toContain("\nlinkerd_store:size 0\n");
});

test("Routers, servers, services and clients become labels, and a client's services too", () => {
  const { registry, router } = setUp();
  router.scope("server", "127.0.0.1/4140").counter("requests").add(1);
  router.scope("service", "svc/users").counter("requests").add(2);
  router.scope("client", "#/io.l5d.fs/users").counter("requests").add(3);
  router.scope("client", "#/io.l5d.fs/users", "service", "svc/users").counter("requests").add(4);
  expect(samplesOf(registry)).toEqual([
    'rt:server:requests{rt="edge", server="127.0.0.1/4140"} 1',
    'rt:service:requests{rt="edge", service="svc/users"} 2',
    'rt:client:requests{rt="edge", client="#/io.l5d.fs/users"} 3',
    'rt:client:service:requests{rt="edge", client="#/io.l5d.fs/users", service="svc/users"} 4',
  ]);
});

test("Scopes inside an entity stay in the name, and binding caches are entities too", () => {
  const { registry, router } = setUp();
  router.scope("client", "#/io.l5d.fs/users", "loadbalancer").counter("adds").add(1);
  router.scope("bindcache", "path").counter("misses").add(2);
  router.gauge("originator", () => 1);
  expect(samplesOf(registry)).toEqual([
    'rt:client:loadbalancer:adds{rt="edge", client="#/io.l5d.fs/users"} 1',
    'rt:bindcache:misses{rt="edge", bindcache="path"} 2',
    'rt:originator{rt="edge"} 1',
  ]);
});

test("What hangs below failures and exn becomes the exception label, chains joined by colons", () => {
  const { registry, router } = setUp();
  const client = router.scope("client", "#/io.l5d.fs/users");
  client.counter("failures").add(9);
  client.scope("failures").counter("upstream.connect.refused").add(4);
  client.scope("failures", "a", "b").counter("c").add(2);
  client.scope("exn").counter("upstream.reset").add(3);
  client.scope("service", "svc/users", "failures").counter("a").add(1);
  expect(samplesOf(registry)).toEqual([
    'rt:client:failures{rt="edge", client="#/io.l5d.fs/users"} 9',
    'rt:client:failures{rt="edge", client="#/io.l5d.fs/users", exception="upstream.connect.refused"} 4',
    'rt:client:failures{rt="edge", client="#/io.l5d.fs/users", exception="a:b:c"} 2',
    'rt:client:exceptions{rt="edge", client="#/io.l5d.fs/users", exception="upstream.reset"} 3',
    'rt:client:service:failures{rt="edge", client="#/io.l5d.fs/users", service="svc/users", exception="a"} 1',
  ]);
});

test("Label values are escaped", () => {
  const { registry, router } = setUp();
  router.scope("service", 'a"b\\c\nd').counter("requests");
  expect(samplesOf(registry)).toEqual(['rt:service:requests{rt="edge", service="a\\"b\\\\c\\nd"} 0']);
});

test("A distribution is a summary with eight quantiles, and its average a gauge beside it", () => {
  const { registry } = setUp();
  for (const value of [1, 2]) registry.root.scope("store").stat("size").record(value);
  expect(textOf(registry)).toBe(
    `# TYPE store:size summary
store:size{quantile="0"} 1
store:size{quantile="0.5"} 1
store:size{quantile="0.9"} 2
store:size{quantile="0.95"} 2
store:size{quantile="0.99"} 2
store:size{quantile="0.999"} 2
store:size{quantile="0.9999"} 2
store:size{quantile="1"} 2
store:size_sum 3
store:size_count 2
# TYPE store:size_avg gauge
store:size_avg 1.5
`,
  );
});

test("A summary's count and sum never fall; its quantiles leave when nothing was seen for two windows", () => {
  const { env, registry, router } = setUp();
  router.scope("server", "x").latency("request_latency_ms").record(1.5);
  env.advance(120_001);
  expect(samplesOf(registry)).toEqual([
    'rt:server:request_latency_ms_sum{rt="edge", server="x"} 1.5',
    'rt:server:request_latency_ms_count{rt="edge", server="x"} 1',
  ]);
});

test("Distributions that never saw a value are not printed", () => {
  const { registry } = setUp();
  registry.root.stat("empty");
  expect(samplesOf(registry)).toEqual([]);
});

test("A gauge may be infinite or not a number", () => {
  const { registry } = setUp();
  registry.root.gauge("a", () => Number.NaN);
  registry.root.gauge("b", () => Number.POSITIVE_INFINITY);
  registry.root.gauge("c", () => Number.NEGATIVE_INFINITY);
  expect(samplesOf(registry)).toEqual(["a NaN", "b +Inf", "c -Inf"]);
});

test("Each family has one TYPE line and stands together, in small pieces, also while clients come and go", () => {
  const { registry, router } = setUp();
  const clients = Array.from({ length: 2_000 }, (_, n) => router.scope("client", `/#/io.l5d.fs/${n}`));
  for (const client of clients) {
    for (const name of ["requests", "success"]) client.counter(name).inc();
    client.latency("request_latency_ms").record(1);
  }
  const walk = prometheusText(registry.root, "");
  const pieces: string[] = [];
  for (const piece of walk) {
    pieces.push(piece);
    if (pieces.length === 20) for (const client of clients.slice(1_000)) registry.prune(client);
  }
  expect(pieces.length).toBeGreaterThan(50);
  for (const piece of pieces) expect(piece.length).toBeLessThan(20_000);
  const lines = pieces.join("").trimEnd().split("\n");
  expect(lines.filter((line) => line.startsWith("# TYPE"))).toEqual([
    "# TYPE rt:client:requests counter",
    "# TYPE rt:client:success counter",
    "# TYPE rt:client:request_latency_ms summary",
    "# TYPE rt:client:request_latency_ms_avg gauge",
  ]);
  const names = lines.filter((line) => !line.startsWith("#")).map((line) => line.slice(0, line.indexOf("{")));
  const changes = names.filter(
    (name, at) => at > 0 && name !== names[at - 1] && !name.startsWith("rt:client:request_latency_ms"),
  );
  expect(changes).toEqual(["rt:client:success"]);
  expect(lines.at(-1)).toContain('client="/#/io.l5d.fs/999"');
});
