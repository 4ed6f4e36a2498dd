// Overrides and deadlines in W3C baggage over HTTP/2, and between the versions.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import type { FieldPairs } from "../support/h2-frames.ts";
import { get, memoryH2Scene, startH2Proxy } from "../support/h2-scene.ts";
import { H2Service } from "../support/h2-service.ts";
import { compose, valuesOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { memoryWorld } from "../support/world.ts";

const all = (fields: FieldPairs | null, name: string) => valuesOf({ fields: fields ?? [] }, name);
const baggage = (...members: readonly string[]): FieldPairs[number] => ["baggage", members.join(",")];
const overriding = (name: string) => `fairlead-dtab=${encodeURIComponent(`/svc/web=>${name}`)}`;

test("an override in baggage routes the request, and goes on in both carriers beside the members of others", async () => {
  await using scene = await memoryH2Scene({ modern: true, service: { totalTimeoutMs: 1000 } });
  const staging = await H2Service.start(scene.world);
  const caller = scene.connect();
  await caller.ask(get("/", [baggage("a=1", ` ${overriding(staging.name)}`), ["x-b", "c"], baggage("b=%zz")]));
  const { head } = staging.last;
  const [deadline = ""] = all(head, "l5d-ctx-deadline");
  expect(all(head, "l5d-ctx-dtab")).toEqual([`/svc/web=>${staging.name}`]);
  expect(all(head, "baggage")).toEqual([
    `fairlead-dtab=/svc/web%3D>${staging.name},fairlead-deadline=${deadline.replace(" ", "%20")},a=1,b=%zz`,
  ]);
  expect(all(head, "x-b")).toEqual(["c"]);
  await caller.ask(get("/", [baggage("a=1"), baggage("foo=2")]));
  expect(all(scene.service.last.head, "baggage")).toEqual(["a=1", "foo=2"]);
  expect(scene.proxy.metric("overridden", "svc/web", "requests")).toBe(1);
  expect(scene.proxy.metric("service", "svc/web", "requests")).toBe(1);
});

test("baggage, then earlier proxies, then the caller: the last entry wins, and the earliest deadline", async () => {
  await using scene = await memoryH2Scene({ modern: true, router: { deadlines: "off" } });
  const staging = await H2Service.start(scene.world);
  await scene
    .connect()
    .ask(
      get("/", [
        ["l5d-dtab", `/svc/web => ${staging.name}`],
        ["l5d-ctx-dtab", "/a => /b"],
        baggage("fairlead-dtab=/c%3D>/d;p", "fairlead-deadline=5+90"),
        ["l5d-ctx-deadline", "7 100"],
      ]),
    );
  const { head } = staging.last;
  expect(all(head, "l5d-ctx-dtab")).toEqual([`/c=>/d;/a=>/b;/svc/web=>${staging.name}`]);
  expect(all(head, "l5d-ctx-deadline")).toEqual(["7 90"]);
  expect(all(head, "baggage")[0]).toContain("fairlead-deadline=7%2090");
});

test("an edge takes nothing of ours from baggage", async () => {
  await using scene = await memoryH2Scene({ server: { clearContext: true } });
  const fields = [baggage("a=1", "fairlead-dtab=/svc/web%3D>/x", "fairlead-x=1", "b=2")];
  await scene.connect().ask(get("/", fields));
  expect(all(scene.service.last.head, "baggage")).toEqual(["a=1,b=2"]);
});

test("a Linkerd 1.x file leaves baggage alone", async () => {
  await using scene = await memoryH2Scene();
  const fields = [baggage("fairlead-dtab=nonsense", "a=1"), baggage("b")];
  await scene.connect().ask(get("/", fields));
  expect(all(scene.service.last.head, "baggage")).toEqual(["fairlead-dtab=nonsense,a=1", "b"]);
});

test("an override that cannot be read is answered 400, and the connection serves on", async () => {
  await using scene = await memoryH2Scene({ modern: true });
  const caller = scene.connect();
  for (const member of ["fairlead-dtab", "fairlead-dtab=%", "fairlead-dtab=nonsense"]) {
    const answer = await caller.ask(get("/", [baggage(member)]));
    expect([answer.status, answer.cause]).toEqual([400, "downstream.context.bad-dtab"]);
  }
  expect((await caller.ask(get())).status).toBe(200);
});

test("entries that no rule covers are dropped and counted", async () => {
  const allow = [{ from: "127.0.0.1", names: "/svc/other" }];
  await using scene = await memoryH2Scene({ modern: true, server: { overrides: { allow } } });
  const staging = await H2Service.start(scene.world);
  await scene.connect().ask(get("/", [baggage(overriding(staging.name)), ["l5d-dtab", "/svc/other=>/y"]]));
  expect(all(scene.service.last.head, "l5d-ctx-dtab")).toEqual(["/svc/other=>/y"]);
  expect(all(scene.service.last.head, "baggage")).toEqual(["fairlead-dtab=/svc/other%3D>/y"]);
  expect(scene.proxy.serverMetric("overrides", "denied")).toBe(1);
  expect(staging.requests).toHaveLength(0);
});

test("a caller of HTTP/1.1 and a service of HTTP/2: the same baggage", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world);
  await using proxy = await Proxy.start(world, {
    modern: true,
    dtab: `/svc/web => ${service.name};`,
    client: { protocol: "h2" },
  });
  const client = proxy.connect();
  await client.ask(compose("GET / HTTP/1.1", { Host: "web", Baggage: "a=1,fairlead-dtab=/x%3D>/y", "x-b": "c" }));
  expect(all(service.last.head, "baggage")).toEqual(["fairlead-dtab=/x%3D>/y,a=1"]);
  expect(all(service.last.head, "x-b")).toEqual(["c"]);
  await client.ask(compose("GET / HTTP/1.1", { Host: "web", Baggage: "a=1" }));
  expect(all(service.last.head, "baggage")).toEqual(["a=1"]);
});

test("a caller of HTTP/2 and a service of HTTP/1.1: the same baggage", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await Backend.start(world);
  await using proxy = await startH2Proxy(world, {
    modern: true,
    dtab: `/svc/web => ${service.name};`,
    client: { protocol: "http/1.1" },
  });
  const caller = new H2Caller(world, proxy.port());
  await caller.ask(get("/", [baggage("a=1"), baggage("fairlead-dtab=/x%3D>/y", "b")]));
  expect(valuesOf(service.last, "baggage")).toEqual(["fairlead-dtab=/x%3D>/y,a=1,b"]);
  await caller.ask(get("/", [baggage("a=1"), baggage("b")]));
  expect(valuesOf(service.last, "baggage")).toEqual(["a=1", "b"]);
});
