import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { MergedTree, snapshotOf } from "../../telemetry/snapshot.ts";
import { influxdbText } from "./exposition.ts";

function setUp() {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  return { env, registry, router: registry.root.scope("rt", "incoming") };
}

const textOf = ({ root }: MetricsRegistry, host = "none") => [...influxdbText(root, host)].join("");

test("Metrics of one place are the fields of one line, in order of their names", () => {
  const { registry } = setUp();
  const place = registry.root.scope("foo", "bar");
  place.counter("def").add(2);
  place.counter("abc").add(1);
  place.gauge("share", () => 0.5);
  expect(textOf(registry)).toBe("foo:bar,host=none abc=1,def=2,share=0.5\n");
});

test("Metrics without a scope are of the measurement root", () => {
  const { registry } = setUp();
  registry.root.counter("bas").inc();
  expect(textOf(registry)).toBe("root,host=none bas=1\n");
});

test("A distribution is eleven fields", () => {
  const { registry } = setUp();
  const stat = registry.root.scope("foo", "bar").stat("bas");
  stat.record(1);
  expect(textOf(registry)).toBe(
    "foo:bar,host=none bas_avg=1,bas_count=1,bas_max=1,bas_min=1,bas_p50=1,bas_p90=1,bas_p95=1,bas_p99=1,bas_p999=1,bas_p9999=1,bas_sum=1\n",
  );
  stat.record(2);
  expect(textOf(registry)).toBe(
    "foo:bar,host=none bas_avg=1.5,bas_count=2,bas_max=2,bas_min=1,bas_p50=1,bas_p90=2,bas_p95=2,bas_p99=2,bas_p999=2,bas_p9999=2,bas_sum=3\n",
  );
});

test("A distribution is left out until it has seen a value, and is its count alone when it sees none any more", () => {
  const { env, registry } = setUp();
  const stat = registry.root.scope("foo").latency("took_ms");
  expect(textOf(registry)).toBe("");
  stat.record(1.5);
  env.advance(120_001);
  expect(textOf(registry)).toBe("foo,host=none took_ms_count=0\n");
});

test("Routers, servers, services and clients are tags, in order of their names", () => {
  const { registry, router } = setUp();
  router.scope("service", "svc/foo").counter("requests").inc();
  router.scope("client", "#/bar").counter("requests").inc();
  router.scope("client", "#/bar", "service", "svc/foo").counter("requests").inc();
  router.scope("server", "127.0.0.1/4141").counter("requests").inc();
  router.scope("server", "127.0.0.1/4141", "failures").counter("upstream.reset").add(3);
  router.scope("bindcache", "path").counter("misses");
  expect(textOf(registry, "127.0.0.1:9990")).toBe(
    `rt:service,host=127.0.0.1:9990,rt=incoming,service=svc/foo requests=1
rt:client:service,client=#/bar,host=127.0.0.1:9990,rt=incoming,service=svc/foo requests=1
rt:client,client=#/bar,host=127.0.0.1:9990,rt=incoming requests=1
rt:server:failures,host=127.0.0.1:9990,rt=incoming,server=127.0.0.1/4141 upstream.reset=3
rt:server,host=127.0.0.1:9990,rt=incoming,server=127.0.0.1/4141 requests=1
rt:bindcache:path,host=127.0.0.1:9990,rt=incoming misses=0
`,
  );
});

test("What callers choose ends no tag, no field and no line", () => {
  const { registry, router } = setUp();
  router.scope("service", "svc/a b,c=d\nrt:x e=1").counter("re quests").inc();
  expect(textOf(registry, "a,b c")).toBe(
    "rt:service,host=a\\,b\\ c,rt=incoming,service=svc/a\\ b\\,c\\=d_rt:x\\ e\\=1 re\\ quests=1\n",
  );
});

test("A backslash escapes nothing of ours", () => {
  const { registry, router } = setUp();
  router.scope("service", "svc/\\x61\\").counter("a\\").inc();
  expect(textOf(registry, "h\\\\, \t")).toBe("rt:service,host=h_\\,\\ _,rt=incoming,service=svc/\\x61_ a_=1\n");
});

test("What is no number is no field", () => {
  const { registry } = setUp();
  registry.root.scope("foo").gauge("a", () => Number.NaN);
  expect(textOf(registry)).toBe("");
  registry.root.scope("foo").counter("b");
  expect(textOf(registry)).toBe("foo,host=none b=0\n");
});

test("Of several event loops counters are sums", () => {
  const [a, b] = [setUp(), setUp()];
  a.router.scope("service", "svc/a").counter("requests").add(2);
  b.router.scope("service", "svc/a").counter("requests").add(3);
  const merged = new MergedTree([snapshotOf(a.registry.root), snapshotOf(b.registry.root)]);
  expect([...influxdbText(merged, "h")].join("")).toBe("rt:service,host=h,rt=incoming,service=svc/a requests=5\n");
});
