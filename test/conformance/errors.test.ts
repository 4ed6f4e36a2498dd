// Answers that the proxy makes itself, to the letter (linkerd1 §2.1.7).
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene, post } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const failFast = { failureAccrual: { kind: "none" } };

test("a request that no identifier can name is answered 400", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  const answer = await client.ask("GET / HTTP/1.1\r\nHost:\r\n\r\n");
  expect(answer.raw).toBe(
    [
      "HTTP/1.1 400 Bad Request",
      "l5d-err: Unknown%20destination%3A%20no%20identifier%20of%20router%20http%20applies%20to%20the%20request%20(io.l5d.header.token)",
      "l5d-success-class: 0.0",
      "fairlead-cause: proxy.identify.unidentified",
      "Content-Type: text/plain",
      "Content-Length: 91",
      "Via: 1.1 fairlead",
      "",
      "Unknown destination: no identifier of router http applies to the request (io.l5d.header.token)\n",
    ]
      .join("\r\n")
      .replace("Content-Length: 91", `Content-Length: ${answer.body.length}`),
  );
  expect((await client.ask(get())).status).toBe(200);
});

test("a name that leads nowhere is answered 502, with the names and both dtabs", async () => {
  await using scene = await memoryScene();
  const answer = await scene.connect().ask(compose("GET / HTTP/1.1", { Host: "nobody", "l5d-dtab": "/a => /b" }));
  expect(answer.status).toBe(502);
  expect(answer.body).toBe(
    `Unable to route request! service name: /svc/nobody, dtab: /svc/web => ${scene.backend.name};, override: /a=>/b\n`,
  );
  expect(decodeURIComponent(valueOf(answer, "l5d-err") ?? "")).toBe(answer.body.trimEnd());
  expect(valueOf(answer, "fairlead-cause")).toBe("proxy.bind.no-such-name;service=/svc/nobody");
  expect(valueOf(answer, "l5d-retryable")).toBeUndefined();
});

test("a service that refuses connections is answered 502, retryable, with names and address", async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, { dtab: "/svc/web => /$/inet/127.0.0.1/9", client: failFast });
  const answer = await proxy.connect().ask(get());
  expect(answer.status).toBe(502);
  expect(answer.body).toBe(
    "Unable to establish connection to 127.0.0.1:9 (ECONNREFUSED); service name: /svc/web, client name: /$/inet/127.0.0.1/9\n",
  );
  expect(valueOf(answer, "l5d-retryable")).toBe("true");
  expect(valueOf(answer, "fairlead-cause")).toBe(
    "upstream.connect.refused;endpoint=127.0.0.1:9;error=ECONNREFUSED;service=/svc/web;client=/$/inet/127.0.0.1/9;attempts=26",
  );
});

test("timeouts are answered 503, not 504", async () => {
  await using scene = await memoryScene({ service: { totalTimeoutMs: 100 } }, { request: () => undefined });
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(300);
  await client.answered(1);
  const [answer] = client.answers;
  expect(answer?.line).toBe("HTTP/1.1 503 Service Unavailable");
  expect(answer?.body).toBe("The request, with all its retries, took longer than totalTimeoutMs.\n");
  expect(client.over).toBe(false);
});

test("beyond the concurrency limit a retryable nack is sent, without l5d-err", async () => {
  await using scene = await memoryScene({ server: { maxConcurrentRequests: 1 } }, { request: () => undefined });
  scene.connect().send(get());
  scene.world.settle();
  const refused = scene.connect();
  const answer = await refused.ask(get());
  expect(answer.raw).toBe(
    [
      "HTTP/1.1 503 Service Unavailable",
      "l5d-success-class: 0.0",
      "fairlead-cause: proxy.limit.concurrent-requests;limit=1",
      "finagle-http-nack: true",
      "Retry-After: 0",
      "Content-Type: text/plain",
      "Content-Length: 78",
      "Via: 1.1 fairlead",
      "",
      "Request was not processed by the server due to an error and is safe to retry",
    ]
      .join("\r\n")
      .replace("78", String(answer.body.length)),
  );
  expect(scene.backend.requests).toHaveLength(1);
  expect(refused.over).toBe(false);
});

test("beyond the concurrency limit a request with a body gets a final nack, unless its caller has kept the body", async () => {
  await using scene = await memoryScene({ server: { maxConcurrentRequests: 1 } }, { request: () => undefined });
  scene.connect().send(get());
  scene.world.settle();
  const final = await scene.connect().ask(post("hello"));
  expect(valueOf(final, "finagle-http-nonretryable-nack")).toBe("true");
  expect(valueOf(final, "finagle-http-nack")).toBeUndefined();
  expect(valueOf(final, "retry-after")).toBeUndefined();
  const kept = await scene.connect().ask(post("hello", { "finagle-http-retryable-request": "" }));
  expect(valueOf(kept, "finagle-http-nack")).toBe("true");
});

test("a malformed answer of the service is answered 502 and tells which endpoint", async () => {
  await using scene = await memoryScene({}, { request: (_, connection) => connection.send("nonsense\r\n\r\n") });
  const answer = await scene.connect().ask(get());
  expect(answer.status).toBe(502);
  expect(answer.body).toBe(
    `The service's status line is malformed; it may not speak HTTP/1.x. (endpoint ${scene.backend.address})\n`,
  );
  expect(valueOf(answer, "fairlead-cause")).toBe(
    `upstream.http.status-line;endpoint=${scene.backend.address};reused=false`,
  );
});

test("l5d-err is cut to maxHeadersKB at a whole escape", async () => {
  await using scene = await memoryScene({ router: { maxHeadersKB: 1 } });
  const host = "b".repeat(500);
  const answer = await scene
    .connect()
    .ask(compose("GET / HTTP/1.1", { Host: host, "l5d-dtab": `/${"c".repeat(200)} => /${"e".repeat(200)}` }));
  const text = valueOf(answer, "l5d-err") ?? "";
  expect(text.length).toBeGreaterThan(1000);
  expect(text.length).toBeLessThanOrEqual(1024);
  expect(answer.body.startsWith(decodeURIComponent(text))).toBe(true);
});

test("an edge tells nothing about the inside: no l5d header, no body", async () => {
  await using scene = await memoryScene({ server: { clearContext: true } });
  for (const request of [
    compose("GET / HTTP/1.1", { Host: "nobody" }),
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET /\r\n\r\n",
  ]) {
    const answer = await scene.connect().ask(request);
    expect(answer.fields.map(([name]) => name)).toEqual(expect.arrayContaining(["content-length", "via"]));
    expect(answer.raw).not.toMatch(/l5d|fairlead-|inet|web/i);
    expect(answer.body).toBe("");
  }
});

test("an answer that the dtab itself gives has its status and no body", async () => {
  await using scene = await memoryScene({
    dtab: "/svc/gone => /$/io.buoyant.http.status/410; /svc/down => /$/io.buoyant.http.status/503; /svc/none => /$/io.buoyant.http.status/204;",
  });
  const client = scene.connect();
  for (const [host, status, line] of [
    ["gone", 410, "HTTP/1.1 410 Gone"],
    ["down", 503, "HTTP/1.1 503 Service Unavailable"],
    ["none", 204, "HTTP/1.1 204 No Content"],
  ] as const) {
    const answer = await client.ask(compose("GET / HTTP/1.1", { Host: host }));
    expect(answer.status).toBe(status);
    expect(answer.line).toBe(line);
    expect(answer.body).toBe("");
    expect(valueOf(answer, "l5d-success-class")).toBe(status === 503 ? "0.0" : "1.0");
    expect(scene.proxy.lastRecord).toMatchObject({ status, outcome: status === 503 ? "failure" : "success" });
  }
  const withBody = await client.ask(compose("POST / HTTP/1.1", { Host: "gone" }, "hello"));
  expect(withBody.status).toBe(410);
});

test("at the edge an answer that the dtab itself gives says nothing about the inside", async () => {
  await using scene = await memoryScene({
    dtab: "/svc/gone => /$/io.buoyant.http.status/410;",
    server: { clearContext: true },
  });
  const answer = await scene.connect().ask(compose("GET / HTTP/1.1", { Host: "gone" }));
  expect(answer.status).toBe(410);
  expect(answer.raw).not.toMatch(/l5d|fairlead-/i);
});

test("every way a request can fail leaves the service's other callers alone", async () => {
  await using scene = await memoryScene();
  const other = await Backend.start(scene.world);
  await other.stop();
  const steady = scene.connect();
  for (const request of [
    compose("GET / HTTP/1.1", { Host: "nobody" }),
    "GET /\r\n\r\n",
    get("/", { "l5d-dtab": "nonsense" }),
  ]) {
    await scene.connect().ask(request);
    expect((await steady.ask(get())).status).toBe(200);
  }
  expect(steady.over).toBe(false);
});
