// Retries where the caller speaks one version of HTTP and the service another.
import { expect, test } from "vitest";
import { Backend, type BackendConnection, type Received } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code } from "../support/h2-frames.ts";
import { call, post, startH2Proxy } from "../support/h2-scene.ts";
import { grpcMessage, H2Service } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { HttpClient } from "../support/http-client.ts";
import { chunked, compose } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const noAccrual = { failureAccrual: { kind: "none" } };
const h2Kind = (name: string) => ({ responseClassifier: { kind: `io.l5d.h2.${name}` } });
const HI = grpcMessage("hi").toString("latin1");
const ALL = { responseClassifier: { kind: "io.l5d.http.retryableAll5XX" } };

type Act = (request: Received, connection: BackendConnection) => void;

/** A caller of HTTP/2 before services of HTTP/1.1. */
async function down(world: MemoryWorld, service: NonNullable<ProxySetup["service"]>, ...acts: readonly Act[]) {
  let turn = 0;
  const backend = await Backend.start(world, {
    request: (received, connection) => acts[Math.min(turn++, acts.length - 1)]?.(received, connection),
  });
  const client = { protocol: "http/1.1", ...noAccrual };
  const proxy = await startH2Proxy(world, { dtab: `/svc/web => ${backend.name};`, client, service });
  return { backend, proxy, caller: new H2Caller(world, proxy.port()) };
}

/** A gRPC answer in chunks. */
const tells =
  (status: number, message: string): Act =>
  (_, connection) => {
    const body = grpcMessage(message).toString("latin1");
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\ngrpc-status: ${status}\r\n\r\n`;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
  };

test("an answer of HTTP/1.1 is held back until its trailers, and the next try goes out on the same connection", async () => {
  const world = memoryWorld();
  await using _world = world;
  const { backend, caller, proxy } = await down(
    world,
    h2Kind("grpc.alwaysRetryable"),
    tells(14, "one"),
    tells(13, "two"),
    tells(0, "three"),
  );
  await using _proxy = proxy;
  const stream = await caller.ask(call(), { body: HI });
  expect([stream.body, stream.trailer("grpc-status")]).toEqual([grpcMessage("three").toString("latin1"), "0"]);
  expect(backend.requests.map(({ body, connection }) => [body, connection])).toEqual([
    [HI, 0],
    [HI, 0],
    [HI, 0],
  ]);
  expect([caller.problems, backend.problems]).toEqual([[], []]);
});

test("an answer of HTTP/1.1 that breaks off while it is held back is never seen", async () => {
  const world = memoryWorld();
  await using _world = world;
  const broken: Act = (_, connection) => {
    connection.send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlost\r\n",
    );
    connection.peer.end();
  };
  const { backend, caller, proxy } = await down(world, h2Kind("grpc.alwaysRetryable"), broken, tells(0, "whole"));
  await using _proxy = proxy;
  const stream = await caller.ask(call(), { body: HI });
  expect([stream.body, stream.trailer("grpc-status")]).toEqual([grpcMessage("whole").toString("latin1"), "0"]);
  expect(backend.requests).toHaveLength(2);
});

test.each(["", "abc", "1e300", "0x0", "-0", "0.0", "+0", "0000", "Infinity"])(
  "a grpc-status of %j in HTTP/1.1 was not told",
  async (value) => {
    const world = memoryWorld();
    await using _world = world;
    const trailers = `grpc-status: ${value}\r\n`;
    const { caller, proxy } = await down(world, h2Kind("grpc.default"), (_, connection) =>
      connection.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${trailers}\r\n`),
    );
    await using _proxy = proxy;
    await caller.ask(call(), { body: HI });
    await proxy.recorded(1);
    expect(proxy.lastRecord).toMatchObject({ callStatus: -1, outcome: "failure" });
  },
);

test("a body of HTTP/2 without a length is sent again in chunks", async () => {
  const world = memoryWorld();
  await using _world = world;
  const bad: Act = (_, connection) => connection.reply(503, "bad");
  const ok: Act = ({ body }, connection) => connection.reply(200, body);
  const { backend, caller, proxy } = await down(world, h2Kind("retryableAll5XX"), bad, bad, ok);
  await using _proxy = proxy;
  const stream = await caller.ask(post(), { body: "a body" });
  expect([stream.status, stream.body]).toEqual([200, "a body"]);
  expect(backend.requests.map(({ body }) => body)).toEqual(["a body", "a body", "a body"]);
  expect(backend.problems).toEqual([]);
});

test("a caller of HTTP/1.1 sees nothing of tries at a service of HTTP/2", async () => {
  const world = memoryWorld();
  await using _world = world;
  const acts = [
    (stream: H2Stream) => stream.reply(503, "bad"),
    (stream: H2Stream) => stream.sendReset(Code.internal),
    (stream: H2Stream) => stream.reply(503, "nack", [["finagle-http-nack", "true"]]),
    (stream: H2Stream) => stream.reply(500),
    (stream: H2Stream) => stream.reply(200, stream.body),
  ];
  let turn = 0;
  const service = await H2Service.start(world, { request: (stream) => acts[turn++ % acts.length]?.(stream) });
  const client = { protocol: "h2", ...noAccrual };
  await using proxy = await Proxy.start(world, { dtab: `/svc/web => ${service.name};`, client, service: ALL });
  const caller = proxy.connect();
  for (let i = 0; i < 5; i++) {
    const answer = await caller.ask(compose("POST / HTTP/1.1", { Host: "web" }, `body ${i}`));
    expect([answer.status, answer.body]).toEqual([200, `body ${i}`]);
  }
  expect([caller.answers.length, caller.over, service.requests.length]).toEqual([5, false, 25]);
  expect(proxy.records.map((r) => [r.attempts, r.retries])).toEqual(Array(5).fill([5, 3]));
  expect(service.problems).toEqual([]);
});

test("a chunked body of HTTP/1.1 is not sent again to a service of HTTP/2 either", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world, { request: (stream) => stream.reply(503, "bad") });
  const client = { protocol: "h2", ...noAccrual };
  await using proxy = await Proxy.start(world, { dtab: `/svc/web => ${service.name};`, client, service: ALL });
  const text = `POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("body")}`;
  expect((await proxy.connect().ask(text)).status).toBe(503);
  expect(service.requests).toHaveLength(1);
});

test.each([false, true])(
  "a caller of HTTP/1.1 that takes its time gets all of an answer that was held back; with a slow service: %s",
  async (slow) => {
    const world = memoryWorld({ capacityBytes: 10_000 });
    await using _world = world;
    const body = "0123456789".repeat(30_000);
    const service = await H2Service.start(world, {
      request: (st) => {
        st.sendHead([
          [":status", "200"],
          ["content-type", "application/grpc"],
        ]);
        st.write(body);
        if (slow)
          world.env.timers.after(400, () =>
            st.write(body, {
              trailers: [
                ["grpc-status", "0"],
                ["x-sum", "1"],
              ],
            }),
          );
        else
          st.write("", {
            trailers: [
              ["grpc-status", "0"],
              ["x-sum", "1"],
            ],
          });
      },
    });
    await using proxy = await startH2Proxy(world, {
      dtab: `/svc/web => ${service.name};`,
      server: { http1: true },
      client: noAccrual,
      service: {
        ...h2Kind("grpc.alwaysRetryable"),
        retryBufferSize: { responseBytes: 1_000_000 },
        classificationTimeoutMs: 200,
      },
    });
    const client = new HttpClient(world, proxy.port());
    world.settle();
    client.peer.stream.pause();
    client.send(compose("POST / HTTP/1.1", { Host: "web", TE: "trailers" }, "hi"));
    await world.pass(1000);
    expect(client.answers).toEqual([]);
    client.peer.stream.resume();
    await world.pass(1000);
    await client.answered(1);
    expect(client.answers[0]?.body === (slow ? body + body : body)).toBe(true);
    expect(client.answers[0]?.trailers).toContainEqual(["grpc-status", "0"]);
    expect([client.over, client.problem, service.problems]).toEqual([false, null, []]);
  },
);
