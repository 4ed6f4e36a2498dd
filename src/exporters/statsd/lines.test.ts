import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { StatsdLines } from "./lines.ts";

function setUp({ prefix = "linkerd", sampleRate = 1 } = {}) {
  const env = new ManualEnv();
  const { root } = new MetricsRegistry(env);
  const lines = new StatsdLines(prefix, sampleRate, env.random);
  return { root, lines, told: () => [...lines.lines(root)] };
}

test("Names are Linkerd's: segments with dots between them, and nothing in them but letters, digits and underscores", () => {
  const { root, told } = setUp();
  root.scope("rt", "http", "client", "$/inet/127.0.0.1/8080", "status").counter("200").add(7);
  root.scope("rt", "my-router", "service", "svc/web").counter("requests").add(1);
  root.scope("rt", "my-router", "service", "/svc//a b").counter("requests").add(1);
  expect(told()).toEqual([
    "linkerd.rt.http.client._.inet.127_0_0_1.8080.status.200:7|c",
    "linkerd.rt.my_router.service.svc.web.requests:1|c",
    "linkerd.rt.my_router.service.svc.a_b.requests:1|c",
  ]);
});

test("Without a prefix a name begins with its first scope", () => {
  const { root, told } = setUp({ prefix: "" });
  root.scope("admin").counter("connects").inc();
  expect(told()).toEqual(["admin.connects:1|c"]);
});

test("A counter is told by how much it grew, and not while it does not", () => {
  const { root, told } = setUp();
  const counter = root.counter("a");
  expect(told()).toEqual([]);
  counter.add(5);
  expect(told()).toEqual(["linkerd.a:5|c"]);
  expect(told()).toEqual([]);
  counter.add(2);
  expect(told()).toEqual(["linkerd.a:2|c"]);
});

test("A counter that was pruned and came back begins at zero, whether that was seen or not", () => {
  const { root, told } = setUp();
  root.scope("x").counter("a").add(5);
  told();
  root.scope("x").prune();
  root.scope("x").counter("a").add(3);
  expect(told()).toEqual(["linkerd.x.a:3|c"]);
  root.scope("x").prune();
  expect(told()).toEqual([]);
  root.scope("x").counter("a").add(9);
  expect(told()).toEqual(["linkerd.x.a:9|c"]);
});

test("What was there before counts as told when it is skipped", () => {
  const { lines, root, told } = setUp();
  const [counter, stat] = [root.counter("a"), root.stat("size")];
  counter.add(1000);
  stat.record(7);
  lines.takeAsTold(root);
  expect(told()).toEqual([]);
  counter.add(1);
  stat.record(2);
  expect(told()).toEqual(["linkerd.a:1|c", "linkerd.size:2|ms"]);
});

test("Gauges are told each time; one below zero is set by way of zero, what is no number is left out", () => {
  const { root, told } = setUp();
  let value = 1.5;
  root.gauge("a", () => value);
  expect(told()).toEqual(["linkerd.a:1.5|g"]);
  expect(told()).toEqual(["linkerd.a:1.5|g"]);
  value = -2;
  expect(told()).toEqual(["linkerd.a:0|g", "linkerd.a:-2|g"]);
  value = 1e-9;
  expect(told()).toEqual(["linkerd.a:0.000000|g"]);
  value = Number.NaN;
  expect(told()).toEqual([]);
});

test("Small whole numbers are told as they are, each once", () => {
  const { root, told } = setUp();
  const stat = root.stat("per_request");
  for (const value of [0, 1, 1, 2]) stat.record(value);
  expect(told()).toEqual([
    "linkerd.per_request:0|ms",
    "linkerd.per_request:1|ms",
    "linkerd.per_request:1|ms",
    "linkerd.per_request:2|ms",
  ]);
  expect(told()).toEqual([]);
});

test("Times lie between the bounds they were counted between, and between the least and the largest", () => {
  const { root, told } = setUp();
  const stat = root.latency("took_ms");
  for (let i = 0; i < 50; i++) stat.record(6);
  stat.record(70_000);
  const values = told().map((line) => Number(/^linkerd\.took_ms:([\d.]+)\|ms$/.exec(line)?.[1]));
  expect(values.length).toBe(51);
  for (const value of values.slice(0, 50)) {
    expect(value).toBeGreaterThanOrEqual(6);
    expect(value).toBeLessThanOrEqual(10);
  }
  expect(values[50]).toBeGreaterThan(60_000);
  expect(values[50]).toBeLessThanOrEqual(70_000);
});

test("Of distributions a share is told, with the rate beside it, so that counts come out right", () => {
  const { root, told } = setUp({ sampleRate: 0.01 });
  for (let i = 0; i < 5000; i++) root.latency("took_ms").record(1.5);
  const lines = told();
  expect(lines.length).toBe(50);
  expect(new Set(lines)).toEqual(new Set(["linkerd.took_ms:1.5|ms|@0.01"]));
});

test("However many values there were, so many are told at most", () => {
  const { root, told } = setUp({ sampleRate: 1 });
  for (let i = 0; i < 100_000; i++) root.latency("took_ms").record(1.5);
  expect(told()).toEqual(Array.from({ length: 200 }, () => "linkerd.took_ms:1.5|ms|@0.002"));
  expect([...setUp({ sampleRate: 0 }).lines.lines(root)]).toEqual([]);
});

test("Rare values are told now and then, in their share", () => {
  const { root, told } = setUp({ sampleRate: 0.1 });
  let lines = 0;
  for (let i = 0; i < 1000; i++) {
    root.latency("took_ms").record(1.5);
    lines += told().length;
  }
  expect(lines).toBeGreaterThan(70);
  expect(lines).toBeLessThan(130);
});

test("Datagrams hold whole lines, as many as fit into a frame, and a longer line alone", () => {
  const { lines, root } = setUp();
  for (let i = 0; i < 200; i++) root.scope(`scope${i}`).counter("requests").inc();
  root.scope("x".repeat(2000)).counter("a").inc();
  const datagrams = [...lines.datagrams(root)].map(String);
  expect(datagrams.slice(0, -1).filter(({ length }) => length > 1432)).toEqual([]);
  expect(datagrams.slice(0, -2).filter(({ length }) => length < 1380)).toEqual([]);
  expect(datagrams.join("\n").split("\n").length).toBe(201);
  expect(datagrams.at(-1)?.length).toBeGreaterThan(2000);
});

test("A reading that breaks off loses nothing, and tells nothing twice", () => {
  const { lines, root, told } = setUp();
  const first = root.counter("a");
  let broken = false;
  root.gauge("b", () => {
    if (broken) throw new Error("EMFILE");
    return 0;
  });
  const last = root.counter("c");
  root.latency("d").record(1);
  for (const counter of [first, last]) counter.add(5);
  expect(told().filter((line) => !line.endsWith("|g"))).toHaveLength(3);
  for (const counter of [first, last]) counter.add(1);
  broken = true;
  const before: string[] = [];
  expect(() => {
    for (const line of lines.lines(root)) before.push(line);
  }).toThrow("EMFILE");
  broken = false;
  expect([...before, ...told()].filter((line) => !line.endsWith("|g"))).toEqual(["linkerd.a:1|c", "linkerd.c:1|c"]);
});
