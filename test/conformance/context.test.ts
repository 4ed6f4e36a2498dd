// Headers that carry context from hop to hop (linkerd1 §2.6, §2.1.2), and what an edge makes of them.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { causeOf } from "../support/http-client.ts";
import { type Message, valueOf, valuesOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

/** The numbers of an `l5d-ctx-trace`: span, parent, trace, flags. */
function traceOf(message: Message): string[] {
  const bytes = Buffer.from(valueOf(message, "l5d-ctx-trace") ?? "", "base64");
  return [0, 8, 16, 24, 32].filter((at) => at < bytes.length).map((at) => bytes.subarray(at, at + 8).toString("hex"));
}

function trace(span: string, parent: string, root: string, flags: string, extra = ""): string {
  return Buffer.from(span + parent + root + flags + extra, "hex").toString("base64");
}

const SPAN = "1111111111111111";
const PARENT = "2222222222222222";
const ROOT = "3333333333333333";

test("a request without a trace starts one: span, parent and root are the same", async () => {
  await using scene = await memoryScene();
  await scene.connect().ask(get());
  const [span, parent, root, flags] = traceOf(scene.backend.last);
  expect(span).toMatch(/^[0-9a-f]{16}$/);
  expect([parent, root, flags]).toEqual([span, span, "0000000000000000"]);
  expect(valueOf(scene.backend.last, "l5d-reqid")).toBe(root);
});

test("a received trace goes on in a child span", async () => {
  await using scene = await memoryScene();
  await scene.connect().ask(get("/", { "l5d-ctx-trace": trace(SPAN, PARENT, ROOT, "0000000000000006") }));
  const [span, parent, root, flags] = traceOf(scene.backend.last);
  expect(span).not.toBe(SPAN);
  expect([parent, root, flags]).toEqual([SPAN, ROOT, "0000000000000006"]);
  expect(valueOf(scene.backend.last, "l5d-reqid")).toBe(ROOT);
  expect(valuesOf(scene.backend.last, "l5d-ctx-trace")).toHaveLength(1);
});

test("a trace of 128 bits stays one", async () => {
  await using scene = await memoryScene();
  await scene
    .connect()
    .ask(get("/", { "l5d-ctx-trace": trace(SPAN, PARENT, ROOT, "0000000000000000", "4444444444444444") }));
  const [, parent, root, , extra] = traceOf(scene.backend.last);
  expect([parent, root, extra]).toEqual([SPAN, ROOT, "4444444444444444"]);
  expect(valueOf(scene.backend.last, "l5d-reqid")).toBe("44444444444444443333333333333333");
});

test("a trace that cannot be decoded reads as none", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  for (const value of ["", "AAAA", "!".repeat(44), `${trace(SPAN, PARENT, ROOT, "00").slice(0, 40)}====`]) {
    await client.ask(get("/", { "l5d-ctx-trace": value }));
    const [span, parent, root] = traceOf(scene.backend.last);
    expect([parent, root]).toEqual([span, span]);
  }
});

test("l5d-sample decides an undecided trace, and is consumed", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  const flagsFor = async (fields: Record<string, string>) => {
    await client.ask(get("/", fields));
    expect(valueOf(scene.backend.last, "l5d-sample")).toBeUndefined();
    return Number.parseInt(traceOf(scene.backend.last)[3] ?? "", 16);
  };
  expect(await flagsFor({ "l5d-sample": "1.0" })).toBe(6);
  expect(await flagsFor({ "l5d-sample": "0" })).toBe(2);
  expect(await flagsFor({ "l5d-sample": "17" })).toBe(6);
  expect(await flagsFor({ "l5d-sample": "-1" })).toBe(2);
  expect(await flagsFor({ "l5d-sample": "often" })).toBe(0);
  const undecided = trace(SPAN, PARENT, ROOT, "0000000000000000");
  const decided = trace(SPAN, PARENT, ROOT, "0000000000000002");
  expect(await flagsFor({ "l5d-ctx-trace": undecided, "l5d-sample": "1" })).toBe(6);
  expect(await flagsFor({ "l5d-ctx-trace": decided, "l5d-sample": "1" })).toBe(2);
});

test("l5d-dtab routes one request, is consumed, and travels on as l5d-ctx-dtab", async () => {
  await using scene = await memoryScene();
  const other = await Backend.start(scene.world);
  const client = scene.connect();
  const entry = `/svc/web => ${other.name}`;
  await client.ask(get("/", { "l5d-dtab": `  ${entry} ;` }));
  expect(valueOf(other.last, "l5d-ctx-dtab")).toBe(`/svc/web=>${other.name}`);
  expect(valueOf(other.last, "l5d-dtab")).toBeUndefined();
  await client.ask(get());
  expect(scene.backend.requests).toHaveLength(1);
  expect(valueOf(scene.backend.last, "l5d-ctx-dtab")).toBeUndefined();
});

test("overrides of earlier hops come first, so that the caller's own win; several headers are joined", async () => {
  await using scene = await memoryScene();
  const [first, second] = [await Backend.start(scene.world), await Backend.start(scene.world)];
  await scene
    .connect()
    .ask(
      `GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: /svc/web=>/svc/x\r\nl5d-dtab: /svc/x=>${second.name}\r\nl5d-ctx-dtab: /svc/web=>${first.name}\r\n\r\n`,
    );
  expect(second.requests).toHaveLength(1);
  expect(valueOf(second.last, "l5d-ctx-dtab")).toBe(`/svc/web=>${first.name};/svc/web=>/svc/x;/svc/x=>${second.name}`);
});

test("a malformed override is answered 400 with the place of the fault, and the connection stays", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  for (const name of ["l5d-dtab", "l5d-ctx-dtab"]) {
    const answer = await client.ask(get("/", { [name]: "/svc/web => !!" }));
    expect(answer.status).toBe(400);
    expect(valueOf(answer, "fairlead-cause")).toMatch(/^downstream\.context\.bad-dtab;at=\d+$/);
    expect(valueOf(answer, "l5d-err")).toBeDefined();
  }
  expect(scene.backend.requests).toHaveLength(0);
  expect((await client.ask(get())).status).toBe(200);
});

test("dtab-local of Finagle is not interpreted", async () => {
  await using scene = await memoryScene();
  await scene.connect().ask(get("/", { "dtab-local": "/svc/web=>/$/inet/127.0.0.1/1" }));
  expect(valueOf(scene.backend.last, "dtab-local")).toBe("/svc/web=>/$/inet/127.0.0.1/1");
});

test("deadlines combine to the latest timestamp and the earliest deadline, and unreadable ones count for nothing", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(
    "GET / HTTP/1.1\r\nHost: web\r\nl5d-ctx-deadline: 100 900\r\nl5d-ctx-deadline: soon\r\nl5d-ctx-deadline: 200 1000\r\n\r\n",
  );
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual(["200 900"]);
  await client.ask(get());
  expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toBeUndefined();
});

test("a timeout of the service sets the deadline, the earlier of both", async () => {
  await using scene = await memoryScene({ service: { totalTimeoutMs: 1000 } });
  const now = BigInt(scene.world.env.clock.epochMs()) * 1_000_000n;
  const client = scene.connect();
  await client.ask(get());
  expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toBe(`${now} ${now + 1_000_000_000n}`);
  await client.ask(get("/", { "l5d-ctx-deadline": `5 ${now + 10n}` }));
  expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toBe(`${now} ${now + 10n}`);
});

test("the service is told the names it was reached by, and no spoofed ones", async () => {
  await using scene = await memoryScene();
  await scene
    .connect()
    .ask(get("/", { "l5d-dst-service": "x", "l5d-dst-client": "x", "l5d-dst-residual": "x", "l5d-reqid": "x" }));
  const { last } = scene.backend;
  expect(valueOf(last, "l5d-dst-service")).toBe("/svc/web");
  expect(valueOf(last, "l5d-dst-client")).toBe(scene.backend.name);
  expect(valueOf(last, "l5d-dst-residual")).toBeUndefined();
  expect(valueOf(last, "l5d-reqid")).not.toBe("x");
});

test("what binding leaves over travels in l5d-dst-residual", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  await using proxy = await Proxy.start(world, { dtab: `/svc => ${backend.name};` });
  await proxy.connect().ask(get());
  expect(valueOf(backend.last, "l5d-dst-residual")).toBe("/web");
});

test("client certificates that a caller claims to have are never passed on", async () => {
  await using scene = await memoryScene();
  await scene.connect().ask(get("/", { "X-Forwarded-Client-Cert": "Hash=00" }));
  expect(valueOf(scene.backend.last, "x-forwarded-client-cert")).toBeUndefined();
});

test("Via grows by one entry each way", async () => {
  await using scene = await memoryScene(
    {},
    { request: (_, connection) => connection.reply(200, "", { Via: "1.1 behind" }) },
  );
  const answer = await scene.connect().ask(get("/", { Via: "1.0 before" }));
  expect(valuesOf(scene.backend.last, "via")).toEqual(["1.0 before", "1.1 fairlead"]);
  expect(valuesOf(answer, "via")).toEqual(["1.1 behind", "1.1 fairlead"]);
});

test("a request that has passed more proxies than maxCallDepth is answered 400", async () => {
  await using scene = await memoryScene({ server: { maxCallDepth: 3 } });
  const client = scene.connect();
  expect((await client.ask(get("/", { Via: "1.1 a, 1.1 b, 1.1 c" }))).status).toBe(200);
  const refused = await client.ask("GET / HTTP/1.1\r\nHost: web\r\nVia: 1.1 a, 1.1 b\r\nVia: 1.1 c, 1.1 d\r\n\r\n");
  expect(refused.status).toBe(400);
  expect(valueOf(refused, "fairlead-cause")).toBe("downstream.context.call-depth;max=3");
});

test("two proxies that route to each other stop at the call depth instead of going round for ever", async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, {
    dtab: "/svc/web => /$/inet/127.0.0.1/4140",
    server: { port: 4140, maxCallDepth: 20 },
  });
  const answer = await proxy.connect().ask(get());
  expect(answer.status).toBe(400);
  expect(causeOf(answer)).toBe("downstream.context.call-depth");
  expect(proxy.records).toHaveLength(22);
});

test("the verdict on an answer is told in l5d-success-class; the one of a proxy nearer to the service goes first", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(request, connection) {
        const [, status, said] = request.target.split("/");
        connection.reply(Number(status), "", said === "" ? {} : { "l5d-success-class": said ?? "" });
      },
    },
  );
  const client = scene.connect();
  const verdict = async (status: number, said = "") => {
    const answer = await client.ask(get(`/${status}/${said}`));
    return valuesOf(answer, "l5d-success-class");
  };
  expect(await verdict(200)).toEqual(["1.0"]);
  expect(await verdict(404)).toEqual(["1.0"]);
  expect(await verdict(500)).toEqual(["0.0"]);
  expect(await verdict(200, "0.0")).toEqual(["0.0"]);
  expect(await verdict(500, "1.0")).toEqual(["1.0"]);
  expect(await verdict(200, "good")).toEqual(["1.0"]);
});

test("a service's own l5d-err passes, so that the first cause in a chain of proxies is kept", async () => {
  await using scene = await memoryScene(
    {},
    {
      request: (_, connection) =>
        connection.reply(502, "", { "l5d-err": "inner", "fairlead-cause": "upstream.http.chunk" }),
    },
  );
  const answer = await scene.connect().ask(get());
  expect(valuesOf(answer, "l5d-err")).toEqual(["inner"]);
  expect(valuesOf(answer, "fairlead-cause")).toEqual(["upstream.http.chunk"]);
});

test("an edge takes nothing from callers and tells them nothing", async () => {
  await using scene = await memoryScene(
    { server: { clearContext: true } },
    {
      request: (_, connection) =>
        connection.reply(200, "ok", {
          "l5d-err": "x",
          "l5d-retryable": "true",
          "l5d-new": "x",
          "fairlead-cause": "x",
          "X-A": "b",
        }),
    },
  );
  const other = await Backend.start(scene.world);
  const answer = await scene.connect().ask(
    get("/", {
      "l5d-dtab": `/svc/web=>${other.name}`,
      "l5d-ctx-dtab": `/svc/web=>${other.name}`,
      "l5d-ctx-trace": trace(SPAN, PARENT, ROOT, "0000000000000006"),
      "l5d-ctx-deadline": "1 2",
      "l5d-sample": "1",
      "l5d-custom": "x",
      "fairlead-custom": "x",
      "X-Mine": "y",
    }),
  );
  const { last } = scene.backend;
  expect(last.fields.map(([name]) => name).sort()).toEqual(
    ["host", "l5d-ctx-trace", "l5d-dst-client", "l5d-dst-service", "l5d-reqid", "via", "x-mine"].sort(),
  );
  expect(traceOf(last)[2]).not.toBe(ROOT);
  expect(answer.fields.map(([name]) => name)).toEqual(["content-length", "x-a", "via"]);
});

test("an edge ignores a malformed override instead of refusing it", async () => {
  await using scene = await memoryScene({ server: { clearContext: true } });
  expect((await scene.connect().ask(get("/", { "l5d-dtab": "nonsense" }))).status).toBe(200);
});

test("the timestamp header tells the time of arrival", async () => {
  await using scene = await memoryScene({ server: { timestampHeader: "X-Start" } });
  await scene.world.pass(1500);
  await scene.connect().ask(get());
  expect(valuesOf(scene.backend.last, "x-start")).toEqual([String(Date.UTC(2026, 0, 1) + 1500)]);
});

test("Forwarded is added, never merged, and names both ends as configured", async () => {
  const forwarded = async (by: object, kind: object, request = get()) => {
    await using scene = await memoryScene({ server: { addForwardedHeader: { by, for: kind } } });
    await scene.connect().ask(request);
    return valuesOf(scene.backend.last, "forwarded");
  };
  expect(await forwarded({ kind: "ip" }, { kind: "ip:port" })).toEqual([
    expect.stringMatching(/^by=127\.0\.0\.1;for="127\.0\.0\.1:\d+";host=web$/),
  ]);
  expect(await forwarded({ kind: "router" }, { kind: "static", label: "edge" })).toEqual([
    "by=_http;for=_edge;host=web",
  ]);
  expect(await forwarded({ kind: "requestRandom" }, { kind: "connectionRandom" })).toEqual([
    expect.stringMatching(/^by=_[A-Za-z0-9]{6};for=_[A-Za-z0-9]{6};host=web$/),
  ]);
  const absolute = "GET http://web/ HTTP/1.1\r\nHost: x\r\nForwarded: for=_old\r\n\r\n";
  expect(await forwarded({ kind: "router" }, { kind: "router" }, absolute)).toEqual([
    "for=_old",
    "by=_http;for=_http;host=web;proto=http",
  ]);
});

test("a random label stays for a connection, or changes with every request", async () => {
  await using scene = await memoryScene({
    server: { addForwardedHeader: { by: { kind: "requestRandom" }, for: { kind: "connectionRandom" } } },
  });
  const client = scene.connect();
  for (let i = 0; i < 3; i++) await client.ask(get());
  await scene.connect().ask(get());
  const parts = scene.backend.requests.map((r) => (valueOf(r, "forwarded") ?? "").split(";"));
  expect(new Set(parts.map(([by]) => by)).size).toBe(4);
  expect(new Set(parts.slice(0, 3).map((p) => p[1])).size).toBe(1);
  expect(parts[3]?.[1]).not.toBe(parts[0]?.[1]);
});
