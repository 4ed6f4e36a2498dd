import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { readMetrics } from "../../../test/support/metrics-lint.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { exposition } from "./exposition.ts";
import { OPEN_METRICS, PLAIN_TEXT } from "./format.ts";

function setUp() {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  return { env, registry, router: registry.root.scope("rt", "edge") };
}

const textOf = ({ root }: MetricsRegistry, format = PLAIN_TEXT) => [...exposition(root, format)].join("");
const samplesOf = (registry: MetricsRegistry) =>
  textOf(registry)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

test("The text format names counters with _total everywhere and knows no units", () => {
  const { registry, router } = setUp();
  router.scope("server", "127.0.0.1/4140").counter("sent_bytes").add(20);
  registry.root.scope("process").gauge("uptime_ms", () => 1500);
  expect(textOf(registry)).toBe(`# HELP fairlead_server_sent_bytes_total Bytes written to connections.
# TYPE fairlead_server_sent_bytes_total counter
fairlead_server_sent_bytes_total{router="edge",server="127.0.0.1/4140"} 20
# HELP fairlead_process_uptime_seconds Time since the start.
# TYPE fairlead_process_uptime_seconds gauge
fairlead_process_uptime_seconds 1.5
`);
});

test("OpenMetrics names families without _total, tells units and marks its end", () => {
  const { registry, router } = setUp();
  router.scope("server", "127.0.0.1/4140").counter("sent_bytes").add(20);
  router.scope("server", "127.0.0.1/4140").counter("requests").inc();
  expect(textOf(registry, OPEN_METRICS))
    .toBe(`# HELP fairlead_server_requests Requests that ended, well or badly: success plus failures.
# TYPE fairlead_server_requests counter
fairlead_server_requests_total{router="edge",server="127.0.0.1/4140"} 1
# HELP fairlead_server_sent_bytes Bytes written to connections.
# TYPE fairlead_server_sent_bytes counter
# UNIT fairlead_server_sent_bytes bytes
fairlead_server_sent_bytes_total{router="edge",server="127.0.0.1/4140"} 20
# EOF
`);
  expect(textOf(new MetricsRegistry(new ManualEnv()), OPEN_METRICS)).toBe("# EOF\n");
});

test("A distribution is a histogram in base units that goes on from the start, whatever its windows forget", () => {
  const { env, registry, router } = setUp();
  const latency = router.scope("service", "svc/users").latency("request_latency_ms");
  for (const ms of [0.4, 2, 70_000]) latency.record(ms);
  env.advance(600_000);
  latency.record(30);
  const labels = 'router="edge",service="svc/users"';
  const bucket = `fairlead_service_request_latency_seconds_bucket{${labels},le=`;
  expect(samplesOf(registry)).toEqual([
    `${bucket}"0.001"} 1`,
    `${bucket}"0.0025"} 2`,
    `${bucket}"0.005"} 2`,
    `${bucket}"0.01"} 2`,
    `${bucket}"0.025"} 2`,
    ...["0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0"].map((le) => `${bucket}"${le}"} 3`),
    `${bucket}"+Inf"} 4`,
    `fairlead_service_request_latency_seconds_sum{${labels}} 70.0324`,
    `fairlead_service_request_latency_seconds_count{${labels}} 4`,
  ]);
});

test("Distributions that never saw a value are left out, with the words above them", () => {
  const { registry, router } = setUp();
  router.scope("service", "svc/users").latency("request_latency_ms");
  expect(textOf(registry)).toBe("");
});

test("What varies becomes labels: causes, statuses without their classes, caches, a client's services", () => {
  const { registry, router } = setUp();
  const client = router.scope("client", "#/io.l5d.fs/users");
  client.scope("failures").counter("upstream.connect.refused").add(4);
  client.scope("failures", "a").counter("b").add(2);
  client.counter("failures").add(6);
  for (const status of ["200", "2XX", "error"]) client.scope("status").counter(status).inc();
  client.scope("service", "svc/users").counter("requests").add(4);
  router.scope("bindcache", "path").counter("misses").add(2);
  const labels = 'router="edge",client="#/io.l5d.fs/users"';
  expect(samplesOf(registry)).toEqual([
    `fairlead_client_failures_total{${labels}} 6`,
    `fairlead_client_failures_by_cause_total{${labels},cause="upstream.connect.refused"} 4`,
    `fairlead_client_failures_by_cause_total{${labels},cause="a/b"} 2`,
    `fairlead_client_responses_total{${labels},status="200"} 1`,
    `fairlead_client_responses_total{${labels},status="error"} 1`,
    `fairlead_client_service_requests_total{${labels},service="svc/users"} 4`,
    'fairlead_router_bindcache_misses_total{router="edge",cache="path"} 2',
  ]);
});

test("Label values are escaped, and a strict reader gets them back", () => {
  const { registry, router } = setUp();
  const path = 'a"b\\c\nd,e="f"}';
  router.scope("service", path).counter("requests");
  expect(samplesOf(registry)[0]).toBe(
    'fairlead_service_requests_total{router="edge",service="a\\"b\\\\c\\nd,e=\\"f\\"}"} 0',
  );
  for (const format of [PLAIN_TEXT, OPEN_METRICS]) {
    const { problems, samples } = readMetrics(textOf(registry, format), format.open);
    expect(problems).toEqual([]);
    expect(samples[0]?.labels.get("service")).toBe(path);
  }
});

test("A gauge may be infinite or not a number", () => {
  const { registry, router } = setUp();
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [n, value] of values.entries()) router.scope("service", `${n}`).gauge("pending", () => value);
  expect(samplesOf(registry).map((line) => line.split(" ")[1])).toEqual(["NaN", "+Inf", "-Inf"]);
});

test("Families stay together in small pieces while clients come, go and come back", () => {
  const { registry, router } = setUp();
  const make = (n: number) => {
    const client = router.scope("client", `#/io.l5d.fs/${n}`);
    client.counters("requests", "success", "failures").inc(0);
    client.latency("request_latency_ms").record(n);
    return client;
  };
  const clients = Array.from({ length: 2_000 }, (_, n) => make(n));
  const pieces: string[] = [];
  for (const piece of exposition(registry.root, OPEN_METRICS)) {
    expect(piece.length).toBeLessThan(20_000);
    pieces.push(piece);
    if (pieces.length !== 30) continue;
    for (const client of clients.slice(500)) registry.prune(client);
    for (let n = 500; n < 3_000; n++) make(n);
  }
  expect(pieces.length).toBeGreaterThan(50);
  const { problems, samples } = readMetrics(pieces.join(""), true);
  expect(problems).toEqual([]);
  expect(samples.filter(({ name }) => name === "fairlead_client_failures_total")).toHaveLength(500);
});
