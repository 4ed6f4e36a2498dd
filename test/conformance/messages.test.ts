// How messages follow each other on a connection: pipelining, keep-alive, HTTP/1.0, HEAD, interim answers, early answers.
import { expect, test } from "vitest";
import type { BackendConnection, Received } from "../support/backend.ts";
import { causeOf } from "../support/http-client.ts";
import { chunked, compose, valueOf } from "../support/http-text.ts";
import { get, memoryScene, post } from "../support/scene.ts";

/** Keeps requests until the test answers them. */
class Held {
  readonly waiting: { readonly request: Received; readonly connection: BackendConnection }[] = [];

  request(request: Received, connection: BackendConnection): void {
    this.waiting.push({ request, connection });
  }

  /** Answers the oldest one. */
  answer(status = 200, body = ""): void {
    const first = this.waiting.shift();
    if (first === undefined) throw new Error("no request waits at the service");
    first.connection.reply(status, body === "" ? first.request.target : body);
  }
}

test("pipelined requests are answered in order, one at a time", async () => {
  const held = new Held();
  await using scene = await memoryScene({}, held);
  const client = scene.connect();
  client.send(get("/1") + get("/2") + post("three", {}, "/3") + get("/4"));
  for (const target of ["/1", "/2", "/3", "/4"]) {
    scene.world.settle();
    expect(held.waiting.map((w) => w.request.target)).toEqual([target]);
    held.answer();
  }
  await client.answered(4);
  expect(client.answers.map((a) => a.body)).toEqual(["/1", "/2", "/3", "/4"]);
  expect(scene.backend.connections).toHaveLength(1);
});

test("a caller that pipelines without end is made to wait, not stored", async () => {
  const held = new Held();
  await using scene = await memoryScene({}, held);
  const client = scene.connect();
  const many = get("/n").repeat(5_000);
  client.peer.send(many);
  scene.world.settle();
  expect(client.peer.stream.lent).toBe(true);
  expect(held.waiting).toHaveLength(1);
  scene.backend.behaviour = {};
  held.answer();
  await client.answered(5_000);
  expect(client.peer.stream.lent).toBe(false);
});

test("a caller's requests are not read while it does not take its answers", async () => {
  await using scene = await memoryScene({}, { request: (_, connection) => connection.reply(200, "x".repeat(60_000)) });
  const client = scene.connect();
  client.peer.stream.pause();
  client.peer.send(get("/").repeat(100));
  scene.world.settle();
  const stalled = scene.backend.requests.length;
  expect(stalled).toBeLessThan(10);
  client.peer.stream.resume();
  await client.answered(100);
  expect(client.answers.every((a) => a.body.length === 60_000)).toBe(true);
});

test("requests of one caller and of several use one connection to the service", async () => {
  await using scene = await memoryScene();
  for (let i = 0; i < 3; i++) {
    const client = scene.connect();
    await client.ask(get());
    await client.ask(get());
  }
  expect(scene.backend.connections).toHaveLength(1);
});

test("Connection: close of a caller ends its connection behind the answer, and not the service's", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  const answer = await client.ask(get("/", { Connection: "close" }));
  expect(valueOf(answer, "connection")).toBe("close");
  await client.released();
  expect(valueOf(scene.backend.last, "connection")).toBeUndefined();
  await scene.connect().ask(get());
  expect(scene.backend.connections).toHaveLength(1);
});

test("what a caller sends behind Connection: close is not looked at", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  client.send(get("/1", { Connection: "close" }) + get("/2"));
  await client.released();
  expect(client.answers).toHaveLength(1);
  expect(scene.backend.requests.map((r) => r.target)).toEqual(["/1"]);
});

test("HTTP/1.0 is answered by HTTP/1.1 and closed, and kept alive when asked for", async () => {
  await using scene = await memoryScene();
  const closing = scene.connect();
  const first = await closing.ask(compose("GET / HTTP/1.0", { Host: "web" }));
  expect(first.line).toBe("HTTP/1.1 200 Status");
  expect(valueOf(first, "connection")).toBe("close");
  await closing.released();
  expect(scene.backend.last.line).toBe("GET / HTTP/1.0");
  expect(valueOf(scene.backend.last, "via")).toBe("1.0 fairlead");

  const keeping = scene.connect();
  for (let i = 0; i < 2; i++) {
    const kept = await keeping.ask(compose("GET / HTTP/1.0", { Host: "web", Connection: "keep-alive" }));
    expect(valueOf(kept, "connection")).toBe("keep-alive");
  }
  expect(keeping.over).toBe(false);
});

test("Proxy-Connection: keep-alive keeps an HTTP/1.0 connection", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(compose("GET / HTTP/1.0", { Host: "web", "Proxy-Connection": "Keep-Alive" }));
  await client.ask(compose("GET / HTTP/1.0", { Host: "web", "Proxy-Connection": "Keep-Alive" }));
  expect(valueOf(scene.backend.last, "proxy-connection")).toBeUndefined();
});

test("a chunked answer to an HTTP/1.0 caller comes without the coding and ends with the connection", async () => {
  const body = chunked("hello", " world");
  await using scene = await memoryScene(
    {},
    { request: (_, connection) => connection.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`) },
  );
  const client = scene.connect();
  const answer = await client.ask(compose("GET / HTTP/1.0", { Host: "web", Connection: "keep-alive" }));
  expect(answer.body).toBe("hello world");
  expect(valueOf(answer, "transfer-encoding")).toBeUndefined();
  expect(valueOf(answer, "connection")).toBe("close");
  expect(client.over).toBe(true);
  expect(scene.backend.open).toHaveLength(1);
});

test("an answer that ends with the connection comes chunked to HTTP/1.1 callers, whose connection stays", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.send("HTTP/1.1 200 OK\r\n\r\nhello");
        connection.peer.end();
      },
    },
  );
  const client = scene.connect();
  for (let i = 0; i < 2; i++) {
    const answer = await client.ask(get());
    expect(answer.body).toBe("hello");
    expect(valueOf(answer, "transfer-encoding")).toBe("chunked");
  }
  expect(client.over).toBe(false);
  expect(scene.backend.connections).toHaveLength(2);
});

test("an answer that ends with the connection does so for HTTP/1.0 callers too", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.send("HTTP/1.0 200 OK\r\n\r\nhel", "lo");
        connection.peer.end();
      },
    },
  );
  const client = scene.connect();
  const answer = await client.ask(compose("GET / HTTP/1.0", { Host: "web" }));
  expect(answer.body).toBe("hello");
  await client.released();
});

test("an HTTP/1.0 caller can tell that an answer without length broke off", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.send("HTTP/1.0 200 OK\r\n\r\nhel");
        connection.peer.reset();
      },
    },
  );
  const client = scene.connect();
  client.send(compose("GET / HTTP/1.0", { Host: "web" }));
  await scene.world.until("the reset", () => client.peer.closed);
  expect(client.peer.errorCode).toBe("ECONNRESET");
  expect(scene.proxy.lastRecord.cause).toBe("upstream.http.truncated");
});

test("HEAD, 204 and 304 have no body and leave the connection usable, both ways", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(request, connection) {
        if (request.method === "HEAD") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
        else if (request.target === "/204") connection.send("HTTP/1.1 204 No Content\r\n\r\n");
        else if (request.target === "/304") connection.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
        else connection.reply(200, "whole");
      },
    },
  );
  const client = scene.connect();
  const head = await client.ask(compose("HEAD / HTTP/1.1", { Host: "web" }));
  expect(valueOf(head, "content-length")).toBe("500");
  expect((await client.ask(get("/204"))).status).toBe(204);
  const unmodified = await client.ask(get("/304"));
  expect(valueOf(unmodified, "content-length")).toBe("500");
  expect((await client.ask(get("/"))).body).toBe("whole");
  expect(scene.backend.connections).toHaveLength(1);
});

test("a failure that answers HEAD has the head alone", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  const answer = await client.ask(compose("HEAD / HTTP/1.1", { Host: "nowhere" }));
  expect(answer.status).toBe(502);
  expect(Number(valueOf(answer, "content-length"))).toBeGreaterThan(0);
  expect(answer.body).toBe("");
  expect((await client.ask(get())).status).toBe(200);
});

test("Expect: 100-continue reaches the service, its 100 the caller, and then the body follows", async () => {
  await using scene = await memoryScene(
    {},
    { head: (_, connection) => connection.send("HTTP/1.1 100 Continue\r\n\r\n") },
  );
  scene.backend.behaviour = {
    head: (_, connection) => connection.send("HTTP/1.1 100 Continue\r\n\r\n"),
    request: (request, connection) => connection.reply(200, request.body),
  };
  const client = scene.connect();
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  await scene.world.until("100", () => client.heads.length > 0);
  expect(client.heads[0]?.line).toBe("HTTP/1.1 100 Continue");
  expect(scene.backend.requests).toHaveLength(0);
  client.peer.send("hello");
  await client.answered(1);
  expect(client.answers[0]).toMatchObject({ status: 200, body: "hello", interim: [100] });
  expect(valueOf(scene.backend.last, "expect")).toBe("100-continue");
  expect(client.over).toBe(false);
});

test("a final answer instead of 100 ends the caller's connection, because its body may or may not follow", async () => {
  await using scene = await memoryScene({}, { head: (_, connection) => connection.reply(417, "no") });
  const client = scene.connect();
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n`);
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(417);
  expect(valueOf(client.answers[0] ?? { fields: [] }, "connection")).toBe("close");
  await client.released();
  client.peer.send("GET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n".slice(0, 30));
  scene.world.settle();
  expect(scene.backend.requests).toHaveLength(0);
  await scene.world.until("the service's connection to be closed", () => scene.backend.open.length === 0);
});

test("an HTTP/1.0 caller gets no interim answers", async () => {
  await using scene = await memoryScene(
    {},
    {
      request: (_, connection) =>
        connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    },
  );
  const client = scene.connect();
  const answer = await client.ask(compose("GET / HTTP/1.0", { Host: "web" }));
  expect(answer).toMatchObject({ status: 200, interim: [] });
});

test("an interim answer is passed on at once", async () => {
  const held = new Held();
  await using scene = await memoryScene({}, held);
  const client = scene.connect();
  client.send(get());
  scene.world.settle();
  held.waiting[0]?.connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  scene.world.settle();
  expect(client.heads.map((h) => h.line)).toEqual(["HTTP/1.1 103 Early Hints"]);
  expect(valueOf(client.heads[0] ?? { fields: [] }, "link")).toBe("</a>");
  held.answer();
  await client.answered(1);
});

test("an answer before the end of the request reaches the caller; both connections end, and the rest is not forwarded", async () => {
  await using scene = await memoryScene({}, { head: (_, connection) => connection.reply(413, "too much") });
  const client = scene.connect();
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nabc`);
  await client.answered(1);
  expect(client.answers[0]).toMatchObject({ status: 413, body: "too much" });
  expect(valueOf(client.answers[0] ?? { fields: [] }, "connection")).toBe("close");
  await client.released();
  await scene.world.until("the service's connection to be closed", () => scene.backend.open.length === 0);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 413, cause: "" });
});

test("an early answer that is streamed is passed on while the request still goes up", async () => {
  await using scene = await memoryScene(
    {},
    {
      head: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
      request: (request, connection) => connection.send(chunked(request.body)),
    },
  );
  const client = scene.connect();
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhello`);
  await scene.world.until("the head of the answer", () => client.heads.length === 1);
  client.peer.send("world");
  await client.answered(1);
  expect(client.answers[0]?.body).toBe("helloworld");
});

test("Upgrade is not forwarded, and the connection goes on speaking HTTP", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  const answer = await client.ask(get("/chat", { Connection: "Upgrade", Upgrade: "websocket" }));
  expect(answer.status).toBe(200);
  expect(valueOf(scene.backend.last, "upgrade")).toBeUndefined();
  expect(valueOf(scene.backend.last, "connection")).toBeUndefined();
  expect((await client.ask(get())).status).toBe(200);
});

test("bytes behind an Upgrade are a request like any other, and never forwarded unread", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  client.send(get("/chat", { Connection: "Upgrade", Upgrade: "websocket" }) + "\x81\x05hello");
  await client.answered(2);
  expect(client.answers[1]).toMatchObject({ status: 400 });
  expect(causeOf(client.answers[1] ?? client.answers[0]!)).toBe("downstream.http.request-line");
  expect(scene.backend.requests).toHaveLength(1);
  expect(scene.backend.connections[0]?.reader.midway).toBe(false);
});

test("trailers travel both ways", async () => {
  await using scene = await memoryScene(
    {},
    {
      request: (request, connection) =>
        connection.send(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Back\r\n\r\n2\r\nok\r\n0\r\nX-Back: ${valueOf({ fields: request.trailers }, "x-sum")}\r\n\r\n`,
        ),
    },
  );
  const client = scene.connect();
  const answer = await client.ask(
    "POST / HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n",
  );
  expect(answer.trailers).toEqual([["x-back", "7"]]);
  expect(valueOf(answer, "trailer")).toBe("X-Back");
  expect(valueOf(scene.backend.last, "te")).toBe("trailers");
});
