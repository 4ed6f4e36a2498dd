// The trace propagator `io.l5d.zipkin` in a whole proxy (linkerd1 §2.6.4), in both versions of HTTP and between them.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { get as h2Get, memoryH2Scene } from "../support/h2-scene.ts";
import { H2Service } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import type { FieldPairs } from "../support/h2-frames.ts";
import { compose, type Message, valuesOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const NAMES = [
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "b3",
  "l5d-ctx-trace",
  "l5d-reqid",
];
const WIDE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "05e3ac9a4f6e3b90";
const zipkin = { router: { tracePropagator: { kind: "io.l5d.zipkin" } } };
const FIELDS: FieldPairs = [
  ["x-b3-traceid", WIDE],
  ["x-b3-spanid", SPAN],
  ["x-b3-parentspanid", "e457b5a2e4d86bd1"],
  ["x-b3-sampled", "1"],
  ["l5d-ctx-trace", Buffer.alloc(32, 1).toString("base64")],
];
const EXPECTED = {
  "x-b3-traceid": [WIDE],
  "x-b3-spanid": [expect.stringMatching(/^[0-9a-f]{16}$/)],
  "x-b3-parentspanid": [SPAN],
  "x-b3-sampled": ["1"],
};

function traceIn(valuesOfName: (name: string) => readonly string[]): Record<string, readonly string[]> {
  const found = NAMES.map((name) => [name, valuesOfName(name)] as const).filter(([, values]) => values.length > 0);
  return Object.fromEntries(found);
}

function traceOf(message: Message): Record<string, readonly string[]> {
  return traceIn((name) => valuesOf(message, name));
}

function h2TraceOf({ head: fields }: H2Stream): Record<string, readonly string[]> {
  return traceIn((name) => (fields ?? []).flatMap(([key, value]) => (key === name ? [value] : [])));
}

test("a trace in x-b3-* headers goes on in a child span, its 128 bits unchanged, and in no other headers", async () => {
  await using scene = await memoryScene(zipkin);
  await scene.connect().ask(get("/", Object.fromEntries(FIELDS)));
  expect(traceOf(scene.backend.last)).toEqual(EXPECTED);
  await scene.connect().ask(get("/", { b3: `${WIDE}-${SPAN}-1` }));
  expect(traceOf(scene.backend.last)).toEqual(EXPECTED);
});

test("a request without one starts one, a root without a parent", async () => {
  await using scene = await memoryScene(zipkin);
  const client = scene.connect();
  await client.ask(get());
  const first = traceOf(scene.backend.last);
  expect(Object.keys(first)).toEqual(["x-b3-traceid", "x-b3-spanid"]);
  await client.ask(get());
  expect(traceOf(scene.backend.last)).not.toEqual(first);
});

test("l5d-sample decides where nothing else has", async () => {
  await using scene = await memoryScene(zipkin);
  const wordFor = async (fields: Record<string, string>) => {
    await scene.connect().ask(get("/", fields));
    return traceOf(scene.backend.last)["x-b3-sampled"];
  };
  const ids = { "x-b3-traceid": WIDE, "x-b3-spanid": SPAN };
  expect(await wordFor({ "l5d-sample": "1" })).toEqual(["1"]);
  expect(await wordFor({ ...ids, "l5d-sample": "1" })).toEqual(["1"]);
  expect(await wordFor({ ...ids, "l5d-sample": "0" })).toEqual(["0"]);
  expect(await wordFor({ ...ids, "x-b3-sampled": "0", "l5d-sample": "1" })).toEqual(["0"]);
  expect(await wordFor(ids)).toBeUndefined();
});

test("an edge takes no trace from outside", async () => {
  await using scene = await memoryScene({ ...zipkin, server: { clearContext: true } });
  await scene.connect().ask(get("/", Object.fromEntries(FIELDS)));
  const { "x-b3-traceid": traceId, ...rest } = traceOf(scene.backend.last);
  expect(traceId).not.toEqual([WIDE]);
  expect(Object.keys(rest)).toEqual(["x-b3-spanid"]);
});

test("with the default propagator x-b3-* headers pass untouched, and are not looked at", async () => {
  await using scene = await memoryScene();
  const fields = { "x-b3-traceid": WIDE, "x-b3-spanid": SPAN, "X-B3-Sampled": "nonsense", b3: "1" };
  await scene.connect().ask(get("/", fields));
  const { "l5d-ctx-trace": own, "l5d-reqid": id, ...rest } = traceOf(scene.backend.last);
  expect(rest).toEqual({ "x-b3-traceid": [WIDE], "x-b3-spanid": [SPAN], "x-b3-sampled": ["nonsense"], b3: ["1"] });
  expect([own?.length, id?.length]).toEqual([1, 1]);
});

test("h2: the same", async () => {
  await using scene = await memoryH2Scene(zipkin);
  const caller = scene.connect();
  for (let i = 0; i < 3; i++) {
    await caller.ask(h2Get("/", FIELDS));
    expect(h2TraceOf(scene.service.last)).toEqual(EXPECTED);
  }
  await caller.ask(h2Get("/", [["b3", `${WIDE}-${SPAN}-d`]]));
  const { "x-b3-sampled": _, ...ids } = EXPECTED;
  expect(h2TraceOf(scene.service.last)).toEqual({ ...ids, "x-b3-flags": ["1"] });
  await caller.ask(h2Get());
  expect(Object.keys(h2TraceOf(scene.service.last))).toEqual(["x-b3-traceid", "x-b3-spanid"]);
});

test("h2: with the default propagator they pass untouched", async () => {
  await using scene = await memoryH2Scene();
  await scene.connect().ask(h2Get("/", FIELDS.slice(0, 4)));
  const { "l5d-ctx-trace": own, "l5d-reqid": id, ...rest } = h2TraceOf(scene.service.last);
  expect(rest).toEqual(Object.fromEntries(FIELDS.slice(0, 4).map(([name, value]) => [name, [value]])));
  expect([own?.length, id?.length]).toEqual([1, 1]);
});

test("from one version to the other it goes on all the same", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [backend, service] = [await Backend.start(world), await H2Service.start(world)];
  await using up = await Proxy.start(world, {
    ...zipkin,
    dtab: `/svc/web => ${service.name};`,
    client: { protocol: "h2" },
  });
  await up.connect().ask(compose("GET / HTTP/1.1", { Host: "web", ...Object.fromEntries(FIELDS) }));
  expect(h2TraceOf(service.last)).toEqual(EXPECTED);
  await using down = await Proxy.start(world, {
    router: { protocol: "h2", ...zipkin.router },
    dtab: `/svc/web => ${backend.name};`,
    client: { protocol: "http/1.1" },
  });
  await new H2Caller(world, down.port()).ask(h2Get("/", FIELDS));
  expect(traceOf(backend.last)).toEqual(EXPECTED);
});

test("a reload to it holds for new connections; those that are there go with their next answer, traced as before", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(get());
  await scene.proxy.reload({ ...zipkin, dtab: `/svc/web => ${scene.backend.name};` });
  const next = scene.connect();
  await next.ask(get("/", Object.fromEntries(FIELDS)));
  expect(traceOf(scene.backend.last)).toEqual(EXPECTED);
  await client.ask(get());
  expect(Object.keys(traceOf(scene.backend.last))).toEqual(["l5d-ctx-trace", "l5d-reqid"]);
  await client.released();
});
