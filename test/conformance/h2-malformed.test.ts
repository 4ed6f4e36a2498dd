// Messages that break the rules of HTTP/2 (RFC 9113 §8.1.1) or are too large: told to whoever sent them, and no harm to their neighbours.
import { expect, test } from "vitest";
import { Code, type FieldPairs, frame, literalBlock, Type } from "../support/h2-frames.ts";
import { get, memoryH2Scene, post, request } from "../support/h2-scene.ts";
import { answers, silent } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";

const big = (bytes: number) => "x".repeat(bytes);

test.each<[string, FieldPairs[], boolean]>([
  ["101", [[[":status", "101"]]], false],
  ["an interim answer that ends the stream", [[[":status", "103"]]], true],
  ["a storm of interim answers", Array.from({ length: 17 }, (): FieldPairs => [[":status", "103"]]), false],
  ["a head without :status", [[["x-a", "b"]]], true],
  ["a :status that is no number", [[[":status", "abc"]]], true],
  [
    "a :path in an answer",
    [
      [
        [":status", "200"],
        [":path", "/"],
      ],
    ],
    true,
  ],
  [
    "a pseudo-header field behind others",
    [
      [
        ["x-a", "b"],
        [":status", "200"],
      ],
    ],
    true,
  ],
  [
    "an upper-case name",
    [
      [
        [":status", "200"],
        ["X-A", "b"],
      ],
    ],
    true,
  ],
  [
    "a field of the connection",
    [
      [
        [":status", "200"],
        ["connection", "close"],
      ],
    ],
    true,
  ],
  [
    "a line break in a value",
    [
      [
        [":status", "200"],
        ["x-a", "b\r\nc: d"],
      ],
    ],
    true,
  ],
  [
    "two lengths",
    [
      [
        [":status", "200"],
        ["content-length", "1"],
        ["content-length", "2"],
      ],
    ],
    false,
  ],
])("%s from a service is a 502 that says so, and the connection stays", async (_, heads, end) => {
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream) {
        if (stream.path === "/fine") stream.reply(200, "ok");
        else heads.forEach((head, i) => stream.sendHead(head, { end: end && i === heads.length - 1 }));
      },
    },
  );
  const caller = scene.connect();
  const answer = await caller.ask(get());
  expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.malformed"]);
  expect(answer.value("fairlead-cause")).toMatch(/;why=/);
  expect(scene.service.last.reset).toBe(Code.protocol);
  expect((await caller.ask(get("/fine"))).status).toBe(200);
  expect(scene.service.connections).toHaveLength(1);
  expect(scene.proxy.metric("client", scene.service.name.slice(1), "h2", "malformed")).toBe(1);
});

test("a content-length from a service that sends no body is a 502 that says so", async () => {
  await using scene = await memoryH2Scene(
    {},
    { request: (stream) => stream.reply(200, "", [["content-length", "1"]]) },
  );
  const caller = scene.connect();
  const stream = caller.request(get());
  scene.world.settle();
  expect([stream.status, stream.cause]).toEqual([502, "upstream.h2.malformed"]);
});

test.each<[string, string, string]>([
  ["longer", "5", "too long"],
  ["shorter", "500", "short"],
])("an answer that is %s than its content-length is reset at the caller", async (_, length, body) => {
  await using scene = await memoryH2Scene({}, answers(200, body, [["content-length", length]]));
  const caller = scene.connect();
  const answer = await caller.ask(get());
  expect([answer.status, answer.reset, answer.ended]).toEqual([200, Code.internal, false]);
  expect(scene.service.last.reset).toBe(Code.protocol);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "upstream.h2.malformed", outcome: "failure" });
});

test.each<[string, string, string]>([
  ["longer", "5", "too long"],
  ["shorter", "500", "short"],
])("a request that is %s than its content-length is reset on both sides", async (_, length, body) => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const stream = caller.request(post("/", [["content-length", length]]), { end: false });
  await scene.service.begun(1);
  stream.write(body, { end: true });
  await caller.finished(stream);
  expect([stream.head, stream.reset]).toEqual([null, Code.protocol]);
  scene.world.settle();
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.h2.malformed");
  expect(scene.proxy.serverMetric("h2", "malformed")).toBe(1);
});

// Towards HTTP/1 it is dropped; a caller of HTTP/2 gets it.
test.each([
  ["HEAD", 200],
  ["GET", 204],
  ["GET", 304],
] as const)(
  "a body in the answer to %s with %d does not pass: such answers have none (RFC 9110 §6.4.1)",
  async (method, status) => {
    await using scene = await memoryH2Scene({}, answers(status, "body"));
    const stream = await scene.connect().ask(request(method));
    expect([stream.status, stream.bodyBytes]).toEqual([status, 0]);
  },
);

test("a head larger than maxHeaderListBytes is answered 431, and the connection stays", async () => {
  await using scene = await memoryH2Scene({ server: { maxHeaderListBytes: 4096 } });
  const caller = scene.connect();
  const answer = await caller.ask(get("/", [["x-long", big(5000)]]));
  expect([answer.status, answer.cause]).toEqual([431, "downstream.h2.head-too-large"]);
  const many = await caller.ask(
    get(
      "/",
      Array.from({ length: 120 }, (_, i): [string, string] => [`x-${i}`, ""]),
    ),
  );
  expect(many.status).toBe(431);
  expect((await caller.ask(get())).status).toBe(200);
  expect(scene.service.requests).toHaveLength(1);
});

test("a block of headers that never ends costs the caller its connection, not the proxy its memory", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  caller.requestBlock(literalBlock([[":method", "GET"]]), { end: true, pieceBytes: 4 });
  caller.send(frame(Type.headers, 0, 3, literalBlock([["x-a", "b"]])));
  for (let i = 0; i < 100; i++) caller.send(frame(Type.continuation, 0, 3, Buffer.alloc(16_000)));
  await caller.released();
  expect(caller.goaways.at(-1)?.code).toBe(Code.calm);
});

test.each<[string, FieldPairs]>([
  ["no :method", get().slice(1)],
  ["no :path", get().filter(([name]) => name !== ":path")],
  ["an empty :path", request("GET", "")],
  ["two :path", [[":path", "/b"], ...get()]],
  [":status in a request", [[":status", "200"], ...get()]],
  ["an unknown pseudo-header field", [[":odd", "x"], ...get()]],
  ["a pseudo-header field behind others", [...get("/", [["x-a", "b"]]), [":authority", "x"]]],
  ["an upper-case name", get("/", [["X-A", "b"]])],
  ["a field of the connection", get("/", [["connection", "x-a"]])],
  ["te other than trailers", get("/", [["te", "gzip"]])],
  ["a line break in a value", get("/", [["x-a", "b\r\nc"]])],
  ["a space in a name", get("/", [["x a", "b"]])],
  [
    "two hosts",
    get("/", [
      ["host", "web"],
      ["host", "web"],
    ]),
  ],
  ["* as the target of GET", get("*")],
  ["a content-length and no body", get("/", [["content-length", "1"]])],
  ["a content-length that is no number", get("/", [["content-length", "1x"]])],
])("a request with %s is reset and counted, and its neighbours are served", async (_, head) => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  const neighbour = caller.request(post(), { end: false });
  const stream = await caller.ask(head);
  expect([stream.head, stream.reset]).toEqual([null, Code.protocol]);
  neighbour.write("x", { end: true });
  await caller.finished(neighbour);
  expect(neighbour.status).toBe(200);
  expect(scene.proxy.serverMetric("h2", "malformed")).toBe(1);
  expect(scene.service.heads).toHaveLength(1);
});

// Its DATA is held for a head that never comes, and its end is told to nobody: the caller waits for ever.
test.each<[string, (stream: H2Stream) => void]>([
  ["that has no head, only a body", (stream) => stream.data("body", true)],
  [
    "whose body comes before its head",
    (stream) => {
      stream.data("body");
      stream.reply(200, "ok");
    },
  ],
  [
    "that ends after its interim heads",
    (stream) => {
      stream.sendHead([[":status", "103"]]);
      stream.data("", true);
    },
  ],
])("an answer %s is a 502 that says so", async (_, answer) => {
  await using scene = await memoryH2Scene({}, { request: answer });
  const caller = scene.connect();
  const stream = caller.request(get());
  scene.world.settle();
  expect([stream.status, stream.cause]).toEqual([502, "upstream.h2.malformed"]);
  expect(scene.service.last.reset).toBe(Code.protocol);
});

test.each<[string, FieldPairs, boolean]>([
  ["that do not end the stream", [["x-sum", "1"]], false],
  ["with a pseudo-header field", [[":path", "/"]], true],
  ["with an upper-case name", [["X-Sum", "1"]], true],
])("trailers of a request %s break it, on both sides", async (_, fields, end) => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const stream = caller.request(post(), { end: false });
  await scene.service.begun(1);
  stream.sendHead(fields, { end });
  await caller.finished(stream);
  scene.world.settle();
  expect([stream.reset, scene.service.heads[0]?.reset]).toEqual([Code.protocol, Code.cancel]);
});

test.each<[string, FieldPairs, boolean]>([
  ["that do not end the stream", [["x-sum", "1"]], false],
  ["with a pseudo-header field", [[":status", "200"]], true],
  ["with an upper-case name", [["X-Sum", "1"]], true],
])("trailers of an answer %s break it, on both sides", async (_, fields, end) => {
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream) {
        stream.sendHead([[":status", "200"]]);
        stream.sendHead(fields, { end });
      },
    },
  );
  const stream = await scene.connect().ask(get());
  expect([stream.status, stream.reset, scene.service.last.reset]).toEqual([200, Code.internal, Code.protocol]);
});
