// Messages of HTTP/2 through the proxy (RFC 9113 §8): heads, bodies and trailers in every shape that is allowed, and none that is not.
import { expect, test } from "vitest";
import { Code, type FieldPairs, literalBlock, Set, Type } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, post, request, tcpH2Scene } from "../support/h2-scene.ts";
import { answers, earlyAnswer, echo, grpcAnswer, grpcMessage, trailersOnly } from "../support/h2-service.ts";
import { StoryEncoder } from "../support/hpack.ts";

const big = (bytes: number) => "x".repeat(bytes);

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s body and trailers pass both ways", async (_, makeScene) => {
  await using scene = await makeScene({}, echo());
  const caller = scene.connect();
  const trailers: FieldPairs = [
    ["x-sum", "1"],
    ["x-more", "a, b"],
  ];
  const answer = await caller.ask(post(), { body: "hello", trailers });
  expect([answer.status, answer.body, answer.trailers]).toEqual([200, "hello", trailers]);
  expect(scene.service.last.trailers).toEqual(trailers);
  const bodiless = await caller.ask(post(), { trailers });
  expect([bodiless.body, bodiless.trailers]).toEqual(["", trailers]);
});

test("trailers wait behind a body that waits for its window", async () => {
  await using scene = await memoryH2Scene(
    {},
    { request: (stream) => stream.reply(200, big(100), [], [["x-sum", "1"]]) },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = caller.request(get());
  scene.world.settle();
  stream.grant(99);
  scene.world.settle();
  expect([stream.bodyBytes, stream.trailers]).toEqual([99, null]);
  stream.grant(1);
  scene.world.settle();
  expect([stream.bodyBytes, stream.trailer("x-sum")]).toEqual([100, "1"]);
});

test("trailers that decide framing, routing or context do not pass", async () => {
  await using scene = await memoryH2Scene({}, echo());
  const trailers: FieldPairs = [
    ["content-length", "5"],
    ["host", "x"],
    ["l5d-dtab", "/a=>/b"],
    ["x-sum", "1"],
  ];
  const answer = await scene.connect().ask(post(), { body: "a", trailers });
  expect(scene.service.last.trailers).toEqual([["x-sum", "1"]]);
  expect(answer.trailers).toEqual([["x-sum", "1"]]);
});

test("a gRPC call passes with its messages and its status", async () => {
  await using scene = await memoryH2Scene({}, grpcAnswer("hello", 5));
  const answer = await scene.connect().ask(call(), { body: grpcMessage("hi") });
  expect(scene.service.last.body).toBe(grpcMessage("hi").toString("latin1"));
  expect(answer.body).toBe(grpcMessage("hello").toString("latin1"));
  expect([answer.status, answer.trailer("grpc-status")]).toEqual([200, "5"]);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, cause: "" });
});

test("a gRPC answer in one header block passes as one", async () => {
  await using scene = await memoryH2Scene({}, trailersOnly(12));
  const answer = await scene.connect().ask(call(), { body: grpcMessage("hi") });
  expect([answer.value("grpc-status"), answer.trailers, answer.bodyBytes]).toEqual(["12", null, 0]);
});

test("messages of a stream in both directions pass as they come", async () => {
  await using scene = await memoryH2Scene(
    {},
    { request: (stream) => stream.write("", { trailers: [["grpc-status", "0"]] }) },
  );
  const caller = scene.connect();
  const stream = caller.request(call(), { end: false });
  scene.world.settle();
  const peer = scene.service.heads[0]!;
  peer.sendHead([
    [":status", "200"],
    ["content-type", "application/grpc"],
  ]);
  let expected = "";
  for (let i = 0; i < 20; i++) {
    const message = grpcMessage(`message ${i}`);
    expected += message.toString("latin1");
    stream.write(message);
    scene.world.settle();
    expect(peer.body).toBe(expected);
    peer.write(message);
    scene.world.settle();
    expect(stream.body).toBe(expected);
  }
  stream.write("", { end: true });
  await caller.finished(stream);
  expect(stream.trailer("grpc-status")).toBe("0");
});

test("interim answers pass as they come, in order and without context", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      head: (stream) => stream.sendHead([[":status", "100"]]),
      request(stream) {
        stream.sendHead([
          [":status", "103"],
          ["link", "</a>"],
        ]);
        stream.reply(200, "ok");
      },
    },
  );
  const caller = scene.connect();
  const stream = caller.request(post("/", [["expect", "100-continue"]]), { end: false });
  scene.world.settle();
  expect(stream.interim.map(([status]) => status)).toEqual([[":status", "100"]]);
  stream.write("body", { end: true });
  await caller.finished(stream);
  expect(stream.interim[1]).toEqual([
    [":status", "103"],
    ["link", "</a>"],
    ["via", "h2 fairlead"],
  ]);
  expect([stream.status, stream.body]).toEqual([200, "ok"]);
});

test("the answer to HEAD has the length of a body, and none", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  const answer = await caller.ask(request("HEAD"));
  expect([answer.status, answer.value("content-length"), answer.bodyBytes]).toEqual([200, "2", 0]);
  expect((await caller.ask(get())).body).toBe("ok");
});

test.each([204, 304])("%d passes without a body", async (status) => {
  await using scene = await memoryH2Scene({}, answers(status, "", status === 304 ? [["content-length", "10"]] : []));
  const answer = await scene.connect().ask(get());
  expect([answer.status, answer.bodyBytes, answer.ended]).toEqual([status, 0, true]);
});

test("padding of heads and bodies does not pass, and neither does priority", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream) {
        stream.sendHead([[":status", "200"]], { padding: 20, priority: true });
        stream.data("he", false, 0);
        stream.data("llo", false, 255);
        stream.data("", true, 7);
      },
    },
  );
  const caller = scene.connect();
  const stream = caller.request(post(), { end: false, padding: 9, priority: true });
  stream.data("ab", false, 3);
  stream.data("c", true, 200);
  await caller.finished(stream);
  expect([stream.status, stream.body, scene.service.last.body]).toEqual([200, "hello", "abc"]);
});

test.each([1, 100, 16_000])("heads in pieces of %d octets pass both ways", async (pieceBytes) => {
  const fields: FieldPairs = [["x-long", big(pieceBytes === 1 ? 20 : 3000)]];
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream) {
        stream.sendHead([[":status", "200"], ...fields], { pieceBytes: Math.max(8, pieceBytes) });
        stream.write("ok", { trailers: fields });
      },
    },
  );
  const stream = await scene.connect().ask(get("/", fields), { pieceBytes: Math.max(8, pieceBytes) });
  expect(stream.value("x-long")).toBe(fields[0]?.[1]);
  expect(stream.trailers).toEqual(fields);
  expect(scene.service.last.value("x-long")).toBe(fields[0]?.[1]);
});

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s heads and trailers beyond one frame go on in CONTINUATION, both ways", async (_, makeScene) => {
  const bounds = { maxHeaderListBytes: 200_000 };
  const fields: FieldPairs = Array.from({ length: 12 }, (__, i) => [`x-part-${i}`, big(8000 + i)]);
  await using scene = await makeScene(
    { server: bounds, client: bounds },
    { request: (stream) => stream.reply(200, "ok", fields, fields) },
  );
  const caller = scene.connect();
  for (let i = 0; i < 2; i++) {
    const stream = await caller.ask(post("/", fields), { body: "a", trailers: fields });
    for (const pair of fields) {
      expect(stream.head).toContainEqual(pair);
      expect(scene.service.last.head).toContainEqual(pair);
    }
    expect(stream.trailers).toEqual(fields);
    expect(scene.service.last.trailers).toEqual(fields);
  }
  expect(caller.framesOf(Type.continuation, 1).length).toBeGreaterThan(5);
  expect(scene.service.connections[0]?.framesOf(Type.continuation, 1).length).toBeGreaterThan(5);
});

test("CONNECT with a :protocol is a tunnel to a service that takes it (RFC 8441), and refused for one that does not", async () => {
  const tunnel: FieldPairs = [[":method", "CONNECT"], [":protocol", "websocket"], ...get("/chat").slice(1)];
  for (const takes of [true, false]) {
    await using scene = await memoryH2Scene(
      {},
      {
        settings: takes ? [[Set.connectProtocol, 1]] : [],
        head: (stream) => {
          if (stream.value(":method") === "CONNECT") stream.sendHead([[":status", "200"]]);
        },
      },
    );
    const caller = scene.connect();
    await caller.ask(get()); // the service's settings are known from here on
    expect(caller.settings.get(Set.connectProtocol)).toBe(1);
    const stream = caller.request(tunnel, { end: false });
    scene.world.settle();
    if (takes) {
      const peer = scene.service.heads[1]!;
      expect(peer.head?.slice(0, 5)).toEqual(expect.arrayContaining(tunnel.map((pair) => [...pair])));
      stream.write("up");
      peer.write("down");
      scene.world.settle();
      expect([peer.body, stream.body]).toEqual(["up", "down"]);
      stream.sendReset(Code.cancel);
      scene.world.settle();
    } else {
      await caller.finished(stream);
      expect([stream.status, stream.cause]).toEqual([501, "downstream.http.method-unsupported"]);
    }
  }
});

test("cookies in crumbs, empty values and many fields pass in order", async () => {
  await using scene = await memoryH2Scene(
    {},
    answers(200, "", [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]),
  );
  const fields: FieldPairs = [
    ["cookie", "a=1"],
    ["cookie", "b=2"],
    ["x-empty", ""],
    ["authorization", "secret"],
    ["x-latin", "\u00e4"],
  ];
  const answer = await scene.connect().ask(get("/", fields));
  expect(scene.service.last.head?.slice(4, 9)).toEqual(fields);
  expect(answer.head?.filter(([name]) => name === "set-cookie")).toEqual([
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
});

test("heads from the caller's compression table pass, and each connection has its own", async () => {
  await using scene = await memoryH2Scene();
  for (const caller of [
    scene.connect({ encoder: new StoryEncoder() }),
    scene.connect({ encoder: new StoryEncoder() }),
  ]) {
    for (let i = 0; i < 100; i++) {
      const path = `/path/${i % 7}`;
      expect((await caller.ask(get(path, [["x-metadata", `value-${i % 40}`.padEnd(90, ".")]]))).status).toBe(200);
      expect(scene.service.last.path).toBe(path);
      expect(scene.service.last.value("x-metadata")?.startsWith(`value-${i % 40}.`)).toBe(true);
    }
  }
});

test("an answer that comes before the end of the request is passed, and both sides stop sending", async () => {
  await using scene = await memoryH2Scene({}, earlyAnswer(413, "too much"));
  const caller = scene.connect();
  const stream = caller.request(post(), { body: big(20_000), end: false });
  await caller.finished(stream);
  scene.world.settle();
  expect([stream.status, stream.body, stream.ended, stream.reset]).toEqual([413, "too much", true, Code.none]);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 413, cause: "" });
  expect((await caller.ask(post(), { body: "x" })).status).toBe(413);
});

test("a service that has answered and wants no more of the request says so without harm to the answer", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      head(stream) {
        stream.reply(200, big(30_000));
        stream.sendReset(Code.none);
      },
      settings: [[Set.initialWindow, 10]],
    },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = caller.request(post(), { body: big(40_000), end: false });
  scene.world.settle();
  stream.grant(100_000);
  await caller.finished(stream);
  expect([stream.status, stream.bodyBytes, stream.ended]).toEqual([200, 30_000, true]);
});

// What waits for the connection's window is still sent when that opens; a strict service ends the connection for it (RFC 9113 §5.1).
test("after a service has reset a stream it has answered, nothing more is sent on it", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      head(stream) {
        if (stream.path !== "/early") return;
        stream.sendHead([[":status", "200"]]);
        stream.data(big(100));
        stream.data(big(100), true);
        stream.sendReset(Code.none);
      },
      request: () => undefined,
      settings: [[Set.initialWindow, 200_000]],
    },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  caller.request(get("/warm")).sendReset(Code.cancel); // the service's settings are known from here on
  scene.world.settle();
  const filler = caller.request(post("/fill"), { body: big(70_000), end: false });
  scene.world.settle();
  const early = caller.request(post("/early"), { body: big(30_000), end: false });
  scene.world.settle();
  const peer = scene.service.heads.find(({ path }) => path === "/early")!;
  expect([scene.service.connection.receiveWindow, peer.bodyBytes]).toEqual([0, 0]);
  scene.service.connection.grant(500_000);
  scene.world.settle();
  expect([peer.bodyBytes, peer.lateFrames]).toEqual([0, 0]);
  early.grant(1000);
  await caller.finished(early);
  expect([early.bodyBytes, early.ended]).toEqual([200, true]);
  filler.sendReset(Code.cancel);
  scene.world.settle();
});

test("a field that must never be indexed is not indexed on the way either (RFC 7541 §7.1.3)", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  // Never indexed, with the name from the static table (23): 0x1f 0x08.
  const secret = Buffer.concat([Buffer.from([0x1f, 0x08, 6]), Buffer.from("secret")]);
  const streams = [1, 2].map(() => caller.requestBlock(Buffer.concat([literalBlock(get()), secret])));
  await caller.finished(...streams);
  for (const id of [1, 3]) {
    const [head] = scene.service.connection.framesOf(Type.headers, id);
    expect(head?.payload.includes(Buffer.from([0x1f, 0x08]))).toBe(true);
  }
  expect(scene.service.last.value("authorization")).toBe("secret");
});
