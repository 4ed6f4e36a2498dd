// Two proxies in a row, as beside a caller and beside its service.
import { expect, test } from "vitest";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, Type } from "../support/h2-frames.ts";
import { call, get, type H2Scene, memoryH2Scene, post, startH2Proxy } from "../support/h2-scene.ts";
import { echo, grpcMessage, type H2Behaviour, silent } from "../support/h2-service.ts";
import type { Proxy, ProxySetup } from "../support/proxy.ts";
import type { MemoryWorld } from "../support/world.ts";

/** A scene with one more proxy before its own. */
interface Chain extends AsyncDisposable {
  readonly scene: H2Scene<MemoryWorld>;
  readonly outer: Proxy;
  connect(): H2Caller;
}

async function chain(behaviour: H2Behaviour, inner: ProxySetup = {}): Promise<Chain> {
  const scene = await memoryH2Scene(inner, behaviour);
  const outer = await startH2Proxy(scene.world, { dtab: `/svc => /$/inet/127.0.0.1/${scene.proxy.port()};` });
  return {
    scene,
    outer,
    connect: () => new H2Caller(scene.world, outer.port(), { refill: true }),
    async [Symbol.asyncDispose]() {
      await using _scene = scene;
      await using _outer = outer;
    },
  };
}

test("a call passes both, body and trailers, and the second goes on with the first one's trace", async () => {
  await using both = await chain(echo());
  const caller = both.connect();
  const body = Buffer.alloc(300_000, "0123456789");
  const stream = await caller.ask(call([["grpc-timeout", "5S"]]), { body, trailers: [["x-sum", "1"]] });
  expect([stream.body === body.toString("latin1"), stream.trailer("x-sum")]).toEqual([true, "1"]);
  const { last } = both.scene.service;
  expect(last.value("via")).toBe("h2 fairlead, h2 fairlead");
  const trace = Buffer.from(last.value("l5d-ctx-trace") ?? "", "base64").toString("hex");
  expect(trace.slice(0, 16)).not.toBe(trace.slice(16, 32));
  expect(trace.slice(32, 48)).toBe(last.value("l5d-reqid"));
  expect(stream.value("via")).toBe("h2 fairlead, h2 fairlead");
  expect(caller.problems).toEqual([]);
});

test("a failure at the second proxy is told by it alone, also to a gRPC caller, and not repeated by the first", async () => {
  await using both = await chain({}, { dtab: "/svc/fail => !;" });
  const caller = both.connect();
  const fields = [["l5d-dtab", "/svc/web => /svc/fail"]] as const;
  const plain = await caller.ask(get("/", fields));
  expect([plain.status, plain.cause]).toEqual([502, "proxy.bind.fail"]);
  expect(plain.head?.filter(([name]) => name === "fairlead-cause" || name === "l5d-err")).toHaveLength(2);
  const grpc = await caller.ask(call(fields));
  expect([grpc.status, grpc.value("grpc-status"), grpc.cause]).toEqual([200, "14", "proxy.bind.fail"]);
  expect(both.scene.proxy.records).toHaveLength(2);
  expect(both.outer.records.map(({ attempts }) => attempts)).toEqual([1, 1]);
});

test("a caller that cancels ends the work through both", async () => {
  await using both = await chain(silent());
  const caller = both.connect();
  const stream = caller.request(post(), { body: "x", end: false });
  await both.scene.service.begun(1);
  stream.sendReset(Code.cancel);
  both.scene.world.settle();
  expect(both.scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(both.scene.proxy.lastRecord.cause).toBe("downstream.h2.reset");
});

test("a service that resets a gRPC call in its answer ends it in trailers through both", async () => {
  await using both = await chain({
    request(stream) {
      stream.sendHead([
        [":status", "200"],
        ["content-type", "application/grpc"],
      ]);
      stream.write(grpcMessage("begun"));
      stream.sendReset(Code.calm);
    },
  });
  const stream = await both.connect().ask(call(), { body: grpcMessage("x") });
  expect([stream.reset, stream.trailer("grpc-status"), stream.cause]).toEqual([null, "8", "upstream.h2.reset"]);
});

test("a second proxy that stops while it is used costs the first no request that it has accepted", async () => {
  await using both = await chain({});
  const caller = both.connect();
  await caller.ask(get());
  both.scene.service.behaviour = silent();
  const streams = Array.from({ length: 10 }, (_, i) => caller.request(get(`/${i}`)));
  await both.scene.service.begun(11);
  both.scene.proxy.stop(10_000);
  await both.scene.world.pass(100);
  for (const stream of both.scene.service.requests.slice(1)) stream.reply(200, stream.path);
  await caller.finished(...streams);
  expect(streams.map(({ body }) => body)).toEqual(streams.map((_, i) => `/${i}`));
  expect(caller.framesOf(Type.goaway, 0)).toEqual([]);
});
