// Headers that carry context from hop to hop over HTTP/2 (linkerd1 §2.6), and what an edge makes of them.
import { expect, test } from "vitest";
import type { FieldPairs } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, startH2Proxy } from "../support/h2-scene.ts";
import { answers, H2Service, trailersOnly } from "../support/h2-service.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { valuesOf } from "../support/http-text.ts";
import { memoryWorld } from "../support/world.ts";

const namesOf = (fields: FieldPairs | null) => (fields ?? []).map(([name]) => name);
const all = (fields: FieldPairs | null, name: string) => valuesOf({ fields: fields ?? [] }, name);

test("the service is told the names it was reached by, and no spoofed ones", async () => {
  await using scene = await memoryH2Scene();
  const spoofed: FieldPairs = ["l5d-dst-service", "l5d-dst-client", "l5d-dst-residual", "l5d-reqid"].map((name) => [
    name,
    "spoofed",
  ]);
  await scene.connect().ask(get("/", spoofed));
  const { head } = scene.service.last;
  expect(all(head, "l5d-dst-service")).toEqual(["/svc/web"]);
  expect(all(head, "l5d-dst-client")).toEqual([scene.service.name]);
  expect(all(head, "l5d-dst-residual")).toEqual([]);
  expect(all(head, "l5d-reqid")).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
});

test("what binding leaves over travels in l5d-dst-residual", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world);
  await using proxy = await startH2Proxy(world, {
    dtab: `/svc => ${service.name};`,
    router: { identifier: { kind: "io.l5d.header.path", segments: 2 } },
  });
  await new H2Caller(world, proxy.port()).ask(get("/a/b/c"));
  expect(service.last.value("l5d-dst-residual")).toBe("/a/b");
});

test("a received trace goes on in a child span", async () => {
  await using scene = await memoryH2Scene();
  const [span, parent, root] = ["1111111111111111", "2222222222222222", "3333333333333333"];
  const trace = Buffer.from(`${span}${parent}${root}0000000000000006`, "hex").toString("base64");
  await scene.connect().ask(get("/", [["l5d-ctx-trace", trace]]));
  const passed = Buffer.from(scene.service.last.value("l5d-ctx-trace") ?? "", "base64").toString("hex");
  expect(passed.slice(16)).toBe(`${span}${root}0000000000000006`);
  expect(passed.slice(0, 16)).not.toBe(span);
  expect(scene.service.last.value("l5d-reqid")).toBe(root);
});

test("l5d-dtab is consumed and travels on as l5d-ctx-dtab, behind the overrides of earlier hops", async () => {
  await using scene = await memoryH2Scene();
  const fields: FieldPairs = [
    ["l5d-dtab", "/b => /c"],
    ["l5d-ctx-dtab", "/a => /b"],
    ["l5d-dtab", "/c => /d"],
  ];
  await scene.connect().ask(get("/", fields));
  expect(all(scene.service.last.head, "l5d-ctx-dtab")).toEqual(["/a=>/b;/b=>/c;/c=>/d"]);
  expect(all(scene.service.last.head, "l5d-dtab")).toEqual([]);
});

test("a malformed override is answered 400 with the place of the fault", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  const answer = await caller.ask(get("/", [["l5d-dtab", "nonsense"]]));
  expect(answer.status).toBe(400);
  expect(answer.value("fairlead-cause")).toMatch(/^downstream\.context\.bad-dtab;at=\d+$/);
  expect((await caller.ask(get())).status).toBe(200);
});

test("a deadline passes on, and a timeout of the service makes it earlier", async () => {
  await using scene = await memoryH2Scene({ service: { totalTimeoutMs: 500 } });
  const nowNs = BigInt(scene.world.env.clock.epochMs()) * 1_000_000n;
  const caller = scene.connect();
  await caller.ask(get("/", [["l5d-ctx-deadline", `${nowNs} ${nowNs + 100_000_000n}`]]));
  expect(scene.service.last.value("l5d-ctx-deadline")).toBe(`${nowNs} ${nowNs + 100_000_000n}`);
  await caller.ask(get());
  expect(scene.service.last.value("l5d-ctx-deadline")).toBe(`${nowNs} ${nowNs + 500_000_000n}`);
});

test("grpc-timeout joins the deadline, and is passed on as it is", async () => {
  await using scene = await memoryH2Scene({}, trailersOnly(0));
  const nowNs = BigInt(scene.world.env.clock.epochMs()) * 1_000_000n;
  const caller = scene.connect();
  const deadlineFor = async (fields: FieldPairs) => {
    await caller.ask(call(fields));
    return scene.service.last.value("l5d-ctx-deadline");
  };
  expect(await deadlineFor([["grpc-timeout", "250m"]])).toBe(`${nowNs} ${nowNs + 250_000_000n}`);
  expect(scene.service.last.value("grpc-timeout")).toBe("250m");
  expect(await deadlineFor([["grpc-timeout", "2S"]])).toBe(`${nowNs} ${nowNs + 2_000_000_000n}`);
  const earlier: FieldPairs = [["l5d-ctx-deadline", `${nowNs} ${nowNs + 1_000_000n}`]];
  expect(await deadlineFor([["grpc-timeout", "1H"], ...earlier])).toBe(`${nowNs} ${nowNs + 1_000_000n}`);
  expect(await deadlineFor([["grpc-timeout", "soon"]])).toBeUndefined();
});

test("Via grows by one entry each way, and a request that has passed too many proxies is answered 400", async () => {
  await using scene = await memoryH2Scene({ server: { maxCallDepth: 2 } }, answers(200, "ok", [["via", "1.1 inner"]]));
  const caller = scene.connect();
  const answer = await caller.ask(get("/", [["via", "1.1 a, 2 b"]]));
  expect(all(scene.service.last.head, "via").join(", ")).toBe("1.1 a, 2 b, h2 fairlead");
  expect(all(answer.head, "via").join(", ")).toBe("1.1 inner, h2 fairlead");
  const refused = await caller.ask(get("/", [["via", "1.1 a, 2 b, h2 c"]]));
  expect([refused.status, refused.cause]).toEqual([400, "downstream.context.call-depth"]);
});

test("the verdict on an answer is told in l5d-success-class; the one of a proxy nearer to the service goes first", async () => {
  const verdict = async (status: number, fields: FieldPairs = []) => {
    await using scene = await memoryH2Scene({}, answers(status, "", fields));
    return all((await scene.connect().ask(get())).head, "l5d-success-class");
  };
  expect(await verdict(200)).toEqual(["1.0"]);
  expect(await verdict(404)).toEqual(["1.0"]);
  expect(await verdict(500)).toEqual(["0.0"]);
  expect(await verdict(200, [["l5d-success-class", "0.0"]])).toEqual(["0.0"]);
  expect(await verdict(500, [["l5d-success-class", "1.0"]])).toEqual(["1.0"]);
});

test("an edge takes nothing from callers and tells them nothing", async () => {
  const told: FieldPairs = [
    ["l5d-err", "x"],
    ["l5d-new", "x"],
    ["fairlead-cause", "x"],
    ["x-a", "b"],
  ];
  await using scene = await memoryH2Scene({ server: { clearContext: true } }, answers(200, "ok", told));
  const other = await H2Service.start(scene.world);
  const caller = scene.connect();
  const fields: FieldPairs = [
    ["l5d-dtab", `/svc/web=>${other.name}`],
    ["l5d-ctx-dtab", `/svc/web=>${other.name}`],
    ["l5d-ctx-deadline", "1 2"],
    ["l5d-custom", "x"],
    ["fairlead-custom", "x"],
    ["x-mine", "y"],
  ];
  const answer = await caller.ask(get("/", fields));
  expect(namesOf(answer.head)).toEqual([":status", "x-a", "via"]);
  expect(namesOf(scene.service.last.head).slice(4).sort()).toEqual(
    ["l5d-ctx-trace", "l5d-dst-client", "l5d-dst-service", "l5d-reqid", "via", "x-mine"].sort(),
  );
  expect((await caller.ask(get("/", [["l5d-dtab", "nonsense"]]))).status).toBe(200);
});

test("TE: trailers reaches the service, and headers for proxies do not", async () => {
  await using scene = await memoryH2Scene();
  await scene.connect().ask(
    get("/", [
      ["te", "trailers"],
      ["proxy-authorization", "x"],
      ["x-b", "c"],
    ]),
  );
  expect(scene.service.last.value("te")).toBe("trailers");
  expect(scene.service.last.value("proxy-authorization")).toBeUndefined();
  expect(scene.service.last.value("x-b")).toBe("c");
});

test("Forwarded is added and never merged, with authority= in place of host=", async () => {
  await using scene = await memoryH2Scene({
    server: { addForwardedHeader: { by: { kind: "router" }, for: { kind: "ip" } } },
  });
  await scene.connect().ask(get("/", [["forwarded", "for=_old"]]));
  expect(all(scene.service.last.head, "forwarded")).toEqual(["for=_old", "by=_h2;for=127.0.0.1;authority=web"]);
});
