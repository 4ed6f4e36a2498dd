// Which service a request of HTTP/2 goes to (linkerd1 §2.2).
import { expect, test } from "vitest";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs } from "../support/h2-frames.ts";
import { get, memoryH2Scene, request, startH2Proxy, tcpH2Scene } from "../support/h2-scene.ts";
import { H2Service } from "../support/h2-service.ts";
import { memoryWorld } from "../support/world.ts";

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s a request is named by its :authority and arrives as it was sent", async (_, makeScene) => {
  await using scene = await makeScene();
  const answer = await scene.connect().ask(get("/a?b=c", [["x-one", "1"]]));
  expect([answer.status, answer.body]).toEqual([200, "ok"]);
  expect(scene.service.last.head?.slice(0, 4)).toEqual(get("/a?b=c"));
  expect(scene.service.last.value("x-one")).toBe("1");
  await scene.proxy.recorded(1);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, cause: "", outcome: "success", service: "/svc/web" });
});

test("Host names a request that has no :authority, and stays what it is", async () => {
  await using scene = await memoryH2Scene();
  const head: FieldPairs = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    ["host", "web"],
  ];
  expect((await scene.connect().ask(head)).status).toBe(200);
  expect(scene.service.last.value("host")).toBe("web");
  expect(scene.service.last.value(":authority")).toBeUndefined();
});

test("Host and :authority may say the same, in whatever case", async () => {
  await using scene = await memoryH2Scene();
  expect((await scene.connect().ask(get("/", [["host", "WEB"]]))).status).toBe(200);
});

test("Host and :authority that differ are malformed: one would be routed by, the other served", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  expect((await caller.ask(get("/", [["host", "other"]]))).reset).toBe(Code.protocol);
  expect((await caller.ask(get())).status).toBe(200);
  expect(scene.service.requests).toHaveLength(1);
});

test.each<[string, object, FieldPairs, string]>([
  ["header.token takes the whole :authority", {}, request("GET", "/", [], "a.b:80"), "/svc/a.b:80"],
  [
    "header.token takes the last of several values",
    { kind: "io.l5d.header.token", header: "My-Name" },
    get("/", [
      ["my-name", "one"],
      ["my-name", "two"],
    ]),
    "/svc/two",
  ],
  ["header.path takes the whole :path", { kind: "io.l5d.header.path" }, get("/a.B/C?q=/d"), "/svc/a.B/C"],
  [
    "header.path takes as many segments as it is told",
    { kind: "io.l5d.header.path", segments: 1 },
    get("/a.B/C"),
    "/svc/a.B",
  ],
  [
    "header.path takes the path of another header",
    { kind: "io.l5d.header.path", header: "my-uri", segments: 2 },
    get("/", [["my-uri", "/x/y/z"]]),
    "/svc/x/y",
  ],
])("%s", async (_, identifier, head, name) => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world);
  await using proxy = await startH2Proxy(world, {
    dtab: `${name} => ${service.name};`,
    router: "kind" in identifier ? { identifier } : {},
  });
  const answer = await new H2Caller(world, proxy.port()).ask(head);
  expect(answer.status).toBe(200);
  expect(proxy.lastRecord.service).toBe(name);
  expect(service.last.path).toBe(head.find(([field]) => field === ":path")?.[1]);
});

test("header.path with fewer segments than it wants, or empty ones, names nothing", async () => {
  await using scene = await memoryH2Scene({ router: { identifier: { kind: "io.l5d.header.path", segments: 2 } } });
  const caller = scene.connect();
  for (const path of ["/only", "/", "//x", "/a//b"]) {
    const answer = await caller.ask(get(path));
    expect([answer.status, answer.cause]).toEqual([400, "proxy.identify.unidentified"]);
  }
});

test("of several identifiers the first that finds a name is taken", async () => {
  await using scene = await memoryH2Scene({
    router: { identifier: [{ kind: "io.l5d.header.token", header: "my-name" }, { kind: "io.l5d.header.token" }] },
  });
  const caller = scene.connect();
  await caller.ask(get());
  await caller.ask(request("GET", "/", [["my-name", "web"]], "elsewhere"));
  expect(scene.proxy.records.map(({ service }) => service)).toEqual(["/svc/web", "/svc/web"]);
});

test("l5d-dtab sends one request of a connection elsewhere, next to others", async () => {
  await using scene = await memoryH2Scene();
  const other = await H2Service.start(scene.world, { request: (stream) => stream.reply(200, "other") });
  const caller = scene.connect();
  const streams = [
    caller.request(get()),
    caller.request(get("/", [["l5d-dtab", `/svc/web=>${other.name}`]])),
    caller.request(get()),
  ];
  await caller.finished(...streams);
  expect(streams.map(({ body }) => body)).toEqual(["ok", "other", "ok"]);
});
