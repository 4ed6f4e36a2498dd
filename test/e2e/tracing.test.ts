// Requests as telemeters tell of them: which are sampled, what is told, and that nothing is when nobody asked. Whole proxies in simulated time.
import { expect, test } from "vitest";
import type { TracedRequest } from "../../src/telemetry/traced-request.ts";
import { get as h2Get, memoryH2Scene } from "../support/h2-scene.ts";
import { HttpClient } from "../support/http-client.ts";
import { compose, type Message, valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";

type Shown = Omit<TracedRequest, "draw" | "flags" | "startMs"> & { readonly time: string };

type Shower = Pick<Scene, "proxy" | "world">;

async function requests(scene: Shower): Promise<Shown[]> {
  const answer = await page(scene, "/requests.json");
  return JSON.parse(answer.body) as Shown[]; // as documented
}

async function page(scene: Shower, target: string, fields: Readonly<Record<string, string>> = {}) {
  const port = scene.proxy.linker.admin?.listener.port ?? expect.fail("there is no admin server");
  const client = new HttpClient(scene.world, port);
  return client.ask(compose(`GET ${target} HTTP/1.1`, { Host: "localhost", ...fields }));
}

/** Span, parent, trace and flags that the service was told. */
function sent(message: Message): string[] {
  const hex = Buffer.from(valueOf(message, "l5d-ctx-trace") ?? "", "base64").toString("hex");
  return [0, 16, 32, 48].map((at) => hex.slice(at, at + 16));
}

function trace(flags: number, root = "00000000000000aa"): string {
  const hex = `00000000000000cc00000000000000bb${root}${flags.toString(16).padStart(16, "0")}`;
  return Buffer.from(hex, "hex").toString("base64");
}

const recent = (sampleRate: number, capacity = 10) => ({ kind: "io.l5d.recentRequests", sampleRate, capacity });

test("A request is told of with its names, its two spans, its times and what was decided for it", async () => {
  await using scene = await memoryScene({ telemetry: [recent(1)] });
  await scene.connect().ask(get("/users/7?token=secret", { "l5d-ctx-trace": trace(6) }));
  const [told] = await requests(scene);
  const [span, parent, root, flags] = sent(scene.backend.last);
  expect([parent, root, flags]).toEqual(["00000000000000cc", "00000000000000aa", "0000000000000006"]);
  expect(told).toEqual({
    time: expect.stringMatching(/^2026-/),
    traceId: root,
    serverSpan: "00000000000000cc",
    parentSpan: "00000000000000bb",
    clientSpan: span,
    received: true,
    durationMs: expect.any(Number),
    sentAfterMs: expect.any(Number),
    answeredAfterMs: expect.any(Number),
    router: "http",
    server: "127.0.0.1:0",
    remote: expect.stringMatching(/:\d+$/),
    method: "GET",
    uri: "/users/7",
    host: "web",
    version: "HTTP/1.1",
    service: "/svc/web",
    client: scene.backend.name,
    residual: "",
    endpoint: expect.stringMatching(/:\d+$/),
    override: "",
    status: 200,
    outcome: "success",
    cause: "",
    callStatus: -1,
    attempts: 1,
    retries: 0,
    requestBytes: 0,
    responseBytes: 2,
    decisions: [expect.stringMatching(/ms: attempt 1 to .* \(alive/)],
  });
});

test("A new root has a span of its own, and the service gets a child of it", async () => {
  await using scene = await memoryScene({ telemetry: [recent(1)] });
  await scene.connect().ask(get());
  const [told] = await requests(scene);
  const [span, parent, root, flags] = sent(scene.backend.last);
  expect(flags).toBe("0000000000000000"); // it decides for nobody else
  expect(parent).toBe(root);
  expect(span).not.toBe(root);
  expect(told).toMatchObject({ traceId: root, serverSpan: root, parentSpan: null, clientSpan: span, received: false });
});

test("HTTP/2 is told of in the same words", async () => {
  await using scene = await memoryH2Scene({ telemetry: [recent(1)] });
  await scene.connect().ask(h2Get());
  expect(await requests(scene)).toEqual([
    expect.objectContaining({ router: "h2", method: "GET", version: "HTTP/2.0", service: "/svc/web", status: 200 }),
  ]);
});

test("What led nowhere, and what was refused before it had a name, is told of with its cause", async () => {
  await using scene = await memoryScene({ telemetry: [recent(1)] });
  await scene.connect().ask(get("/", { Host: "nobody" }));
  await scene.connect().ask(compose("GET / HTTP/1.1", { Host: "web", "Transfer-Encoding": "gzip" }));
  const [refused, unbound] = await requests(scene);
  expect(unbound).toMatchObject({
    status: 502,
    outcome: "failure",
    service: "/svc/nobody",
    clientSpan: null,
    attempts: 0,
  });
  expect(unbound?.cause).toMatch(/^proxy\.bind\./);
  expect(refused).toMatchObject({ outcome: "failure", service: "", clientSpan: null, endpoint: "" });
  expect(refused?.cause).not.toBe("");
});

test.each([
  "GARBAGE\r\n\r\n",
  "GET\r\n\r\n",
  " / HTTP/1.1\r\nHost: web\r\n\r\n",
  "GET / HTTP/9.9\r\nHost: web\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost web\r\n\r\n",
  `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: web\r\n\r\n`,
  "\r\n\0\0\0\0",
])(
  "What cannot be read is told of as far as it could be, and never in the words of another request: %j",
  async (bytes) => {
    await using scene = await memoryScene({ telemetry: [recent(1)] });
    await scene.connect().ask(get("/another", { "l5d-ctx-trace": trace(6) }));
    const peer = Peer.connect(scene.world, scene.proxy.port());
    peer.send(bytes);
    await scene.world.until("an answer", () => peer.received !== "" || peer.closed);
    const [told, ...others] = await requests(scene);
    if (others.length === 0) return; // there was nothing that could be called a request
    expect(told).toMatchObject({ service: "", attempts: 0, clientSpan: null, received: false, outcome: "failure" });
    expect(`${told?.method} ${told?.uri} ${told?.host}`).not.toContain("another");
    expect(told?.traceId).not.toBe("00000000000000aa");
    peer.destroy();
  },
);

test("The last ones are kept, the latest first, and a reload that changes something else keeps them", async () => {
  await using scene = await memoryScene({ telemetry: [recent(1, 2)] });
  for (const target of ["/1", "/2", "/3"]) {
    await scene.world.pass(5);
    await scene.connect().ask(get(target));
  }
  const uris = async () => (await requests(scene)).map(({ uri }) => uri);
  expect(await uris()).toEqual(["/3", "/2"]);
  const dtab = `/svc/web => ${scene.backend.name}; /svc/x => /svc/web`;
  await scene.proxy.reload({ telemetry: [recent(1, 2), { kind: "io.l5d.influxdb" }], dtab });
  expect(await uris()).toEqual(["/3", "/2"]);
  await scene.proxy.reload({ telemetry: [recent(1, 3)], dtab });
  expect(await uris()).toEqual([]);
  await scene.proxy.reload({ dtab });
  expect((await page(scene, "/requests")).status).toBe(404);
  await scene.connect().ask(get("/later"));
  expect(sent(scene.backend.last)[0]).toBe(sent(scene.backend.last)[2]); // a root of one span again
});

test("A rate of nothing keeps what is sampled anyway", async () => {
  await using scene = await memoryScene({ telemetry: [recent(0)] });
  await scene.connect().ask(get("/no"));
  await scene.connect().ask(get("/header", { "l5d-sample": "1.0" }));
  await scene.connect().ask(get("/flags", { "l5d-ctx-trace": trace(6) }));
  await scene.connect().ask(get("/against", { "l5d-ctx-trace": trace(2) }));
  expect((await requests(scene)).map(({ uri }) => uri).toSorted()).toEqual(["/flags", "/header"]);
});

test("The page shows them as text, whatever callers wrote; Accept says in which form", async () => {
  await using scene = await memoryScene({ telemetry: [recent(1)] });
  await scene.connect().ask(get("/<script>alert(1)</script>"));
  const html = await page(scene, "/requests");
  expect(valueOf(html, "content-type")).toBe("text/html; charset=utf-8");
  expect(html.body).toContain("&#60;script&#62;alert(1)&#60;/script&#62;");
  expect(html.body).not.toContain("<script>");
  expect(html.body).toContain("/svc/web");
  const json = await page(scene, "/requests", { Accept: "application/json" });
  expect(valueOf(json, "content-type")).toBe("application/json; charset=utf-8");
  expect(JSON.parse(json.body)).toHaveLength(1);
  expect((await page(scene, "/")).body).toContain('href="/requests"');
  await using other = await memoryScene();
  expect((await page(other, "/requests")).body).toContain("kind: io.l5d.recentRequests");
  expect((await page(other, "/")).body).not.toContain('href="/requests"');
});

test("Sampled requests are lines of the log", async () => {
  await using scene = await memoryScene({ telemetry: [{ kind: "io.l5d.tracelog", level: "WARNING" }] });
  await scene.connect().ask(get("/a b\u00e9".replace(" ", "%20")));
  await scene.connect().ask(get("/against", { "l5d-ctx-trace": trace(2) }));
  const lines = scene.proxy.logLines.filter((line) => line.includes(" io.l5d.tracelog: "));
  expect(lines.length).toBe(1);
  expect(lines[0]).toMatch(/ WARN  io\.l5d\.tracelog: trace=[0-9a-f]{16} span=.* service=\/svc\/web .*status=200 /);
  expect(lines[0]).toMatch(/^[ -~]+\n$/);
});
