// Real requests through a whole proxy: every metric has its sentence, every sentence its metric, and the names that dashboards of
// Linkerd 1.x read are there (linkerd1 §7.4).
import { expect, test } from "vitest";
import { exposition } from "../../src/exporters/openmetrics/exposition.ts";
import { FAMILIES, sampleName } from "../../src/exporters/openmetrics/families.ts";
import { OPEN_METRICS, PLAIN_TEXT } from "../../src/exporters/openmetrics/format.ts";
import { omissionOf } from "../../src/exporters/openmetrics/omissions.ts";
import { prometheusText } from "../../src/exporters/prometheus/exposition.ts";
import { TIMES } from "../../src/telemetry/bounds.ts";
import { Histogram } from "../../src/telemetry/histogram.ts";
import { docOf, METRICS } from "../../src/telemetry/names.ts";
import type { Metric, Place } from "../../src/telemetry/registry.ts";
import { get as h2Get, memoryH2Scene } from "../support/h2-scene.ts";
import { readMetrics, type Sample } from "../support/metrics-lint.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import { undeclaredMetrics } from "../support/undeclared-metrics.ts";

/** The names below each kind of scope that exist for http. */
const LINKERD = {
  server: `requests success failures request_latency_ms pending load connections connects closes connection_duration
    connection_requests sent_bytes received_bytes transit_latency_ms status/200 status/502 status/2XX status/5XX time/2XX time/5XX
    dtab/size`,
  service: "requests success failures request_latency_ms pending",
  client: `requests success failures request_latency_ms pending status/200 status/2XX connections connects connect_latency_ms
    failed_connect_latency_ms cancelled_connects connection_duration sent_bytes received_bytes pool_size pool_cached pool_waiters
    pool_num_waited pool_num_too_many_waiters failure_accrual/removals failure_accrual/revivals failure_accrual/probes
    failure_accrual/removed_for_ms loadbalancer/size loadbalancer/available loadbalancer/busy loadbalancer/closed
    loadbalancer/load loadbalancer/adds loadbalancer/removes loadbalancer/updates loadbalancer/rebuilds
    loadbalancer/max_effort_exhausted retries/requeues retries/requeues_per_request retries/budget retries/budget_exhausted
    retries/request_limit retries/cannot_retry retries/not_open`,
  bindcache: ["path", "tree", "bound", "client"]
    .map((c) => `${c}/misses ${c}/evicts ${c}/expires ${c}/oneshots`)
    .join(" "),
};

const words = (text: string) => text.split(/\s+/);

/** The names of all metrics below a scope, as segments. */
function namesBelow(scope: Place, above: readonly string[] = []): (readonly string[])[] {
  const own = scope.metric === null ? [] : [above];
  return [...own, ...[...scope.children].flatMap((child) => namesBelow(child, [...above, child.segment]))];
}

/** A proxy that has met success, a name without a service, a service that refuses, an override and a deadline. */
async function busyScene(): Promise<Scene> {
  const s = await memoryScene({
    dtab: "/svc/down => /$/inet/127.0.0.1/1; /svc/none => /nothing; ",
    client: {
      hedge: {},
      concurrencyLimit: { kind: "fairlead.gradient" },
      failFast: true,
      healthCheck: { kind: "fairlead.tcp" },
    },
  });
  const caller = s.connect();
  await caller.ask(get());
  await caller.ask(get("/", { Host: "none" }));
  await caller.ask(get("/", { Host: "down" }));
  await caller.ask(get("/", { "l5d-dtab": "/svc/a => /svc/web; /svc/b => /svc/web" }));
  const sentMs = s.world.env.clock.epochMs() - 40;
  await caller.ask(get("/", { "l5d-ctx-deadline": `${sentMs}000000 ${sentMs + 60_000}000000` }));
  caller.close();
  await s.world.pass(100);
  return s;
}

function apertureScene(keys: object): Promise<Scene> {
  return memoryScene({ client: { loadBalancer: { kind: "aperture", ...keys } } });
}

/** Proxies that between them have every metric there is. */
async function allScenes(stack: AsyncDisposableStack): Promise<readonly { readonly proxy: Scene["proxy"] }[]> {
  const busy = stack.use(await busyScene());
  const h2 = stack.use(
    await memoryH2Scene({
      router: { deadlines: "enforce", overriddenMetrics: "apart" },
      server: { overrides: { baggage: "follow", allow: [{ names: "*" }] } },
      service: { responseClassifier: { kind: "io.l5d.h2.grpc.default" } },
    }),
  );
  await h2.connect().ask(h2Get());
  await h2.connect().ask(h2Get("/", [["l5d-dtab", "/svc/web => !"]]));
  const random = stack.use(await apertureScene({}));
  const ring = stack.use(await apertureScene({ peer: { id: 0, count: 2 } }));
  for (const scene of [random, ring]) await scene.connect().ask(get());
  const plugged = stack.use(
    await memoryScene({
      plugins: ["./test/plugin/faulty.ts"],
      namers: [{ kind: "faulty.namer" }],
      router: { filters: [{ kind: "faulty.filter", at: "end" }] },
      telemetry: [{ kind: "io.l5d.statsd" }, { kind: "io.zipkin.http" }],
    }),
  );
  await plugged.connect().ask(get());
  return [busy, h2, random, ring, plugged];
}

test("every metric is declared with its kind, and every declared family exists", async () => {
  await using stack = new AsyncDisposableStack();
  const roots = (await allScenes(stack)).map(({ proxy }) => proxy.linker.metrics.root);
  expect(roots.flatMap((root) => undeclaredMetrics(root))).toEqual([]);
  const seen = new Set(roots.flatMap((root) => namesBelow(root)).map((segments) => docOf(segments)?.pattern));
  const unseen = METRICS.map(({ pattern }) => pattern).filter((pattern) => !seen.has(pattern));
  // The proxy of the test kit keeps a record of exchanges of its own in place of access logs; it has no file, and no threads.
  expect(unseen.filter((pattern) => !/^(?:access_log|config|workers)\//.test(pattern))).toEqual([]);
});

test("every metric has its series at /metrics, with all that varies in its labels, or is omitted with a reason", async () => {
  await using stack = new AsyncDisposableStack();
  for (const { proxy } of await allScenes(stack)) {
    const { metrics } = proxy.linker;
    const { root } = metrics;
    const names = namesBelow(root).filter((segments) => !isLeftOut(metrics.find(...segments), segments));
    for (const format of [OPEN_METRICS, PLAIN_TEXT]) {
      const { problems, samples } = readMetrics([...exposition(root, format)].join(""), format.open);
      expect(problems).toEqual([]);
      const written = samples.filter(({ name }) => !/_(?:sum|bucket)$/.test(name)).map(seriesOf);
      expect(written.toSorted()).toEqual(names.map(seriesFor).toSorted());
    }
  }
});

/** Distributions that never saw a value, and what is in the list. */
function isLeftOut(metric: Metric | null, segments: readonly string[]): boolean {
  if (metric?.kind === "stat") return metric.totalCount === 0;
  const omission = omissionOf(docOf(segments)?.pattern ?? "");
  return omission !== undefined && omission.only?.test(segments.at(-1) ?? "") !== false;
}

/** Name and label values, in order. */
function seriesOf({ labels, name }: Sample): string {
  return [name, ...labels.values()].join(" ");
}

/** The same, of the metric with this name. */
function seriesFor(segments: readonly string[]): string {
  const pattern = docOf(segments)?.pattern ?? "";
  const family = FAMILIES.find((known) => known.pattern === pattern);
  if (family === undefined) return `nothing for ${segments.join("/")}`;
  const varying = pattern.split("/").flatMap((word, i) => (word.startsWith("<") ? (segments[i] ?? "") : []));
  return [family.type === "histogram" ? `${family.name}_count` : sampleName(family), ...varying].join(" ");
}

test("distributions of lengths of time, and no others, are told in seconds", async () => {
  await using stack = new AsyncDisposableStack();
  const scenes = await allScenes(stack);
  const wrong = scenes.flatMap(({ proxy: { linker } }) =>
    namesBelow(linker.metrics.root).filter((segments) => {
      const metric = linker.metrics.find(...segments);
      return metric instanceof Histogram && (metric.bounds === TIMES) !== (docOf(segments)?.unit === "ms");
    }),
  );
  expect(wrong).toEqual([]);
});

test("the names of Linkerd 1.x are there", async () => {
  await using s = await busyScene();
  const { root } = s.proxy.linker.metrics;
  const names = new Set(namesBelow(root).map((segments) => segments.join("/")));
  const client = `rt/http/client/${s.backend.name.slice(1)}`;
  const expected = [
    ...words(LINKERD.server).map((name) => `rt/http/server/127.0.0.1/0/${name}`),
    ...words(LINKERD.service).map((name) => `rt/http/service/svc/web/${name}`),
    ...words(LINKERD.client).map((name) => `${client}/${name}`),
    ...words("requests success failures request_latency_ms").map((name) => `${client}/service/svc/web/${name}`),
    ...words(LINKERD.bindcache).map((name) => `rt/http/bindcache/${name}`),
    "rt/http/originator",
  ];
  expect(expected.filter((name) => !names.has(name))).toEqual([]);
});

test("overrides and deadlines that requests bring along are measured", async () => {
  await using s = await busyScene();
  const server = s.proxy.linker.metrics.root.scope("rt", "http", "server", "127.0.0.1/0");
  const size = server.existing("dtab")?.existing("size")?.metric;
  const transit = server.existing("transit_latency_ms")?.metric;
  expect(size instanceof Histogram && size.snapshot()).toMatchObject({ count: 1, max: 2 });
  expect(transit instanceof Histogram && transit.snapshot()).toMatchObject({ count: 1, max: 40 });
});

test("for Prometheus a server is one label, address and port together", async () => {
  await using s = await busyScene();
  const text = [...prometheusText(s.proxy.linker.metrics.root, "")].join("");
  const lines = text.split("\n");
  expect(lines).toContain('rt:server:requests{rt="http", server="127.0.0.1/0"} 5');
  expect(lines).toContain('rt:service:requests{rt="http", service="svc/web"} 3');
  const client = s.backend.name.slice(1);
  expect(lines).toContain(`rt:client:service:success{rt="http", client="${client}", service="svc/web"} 3`);
  expect(lines).toContain('rt:server:failures{rt="http", server="127.0.0.1/0", exception="proxy.bind.no-such-name"} 1');
  expect(text).toContain("process:memory:rss_bytes ");
});
