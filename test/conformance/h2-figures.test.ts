// What an operator sees of HTTP/2: metrics of servers and clients, and the access log.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { Linker } from "../../src/app/linker.ts";
import { Log } from "../../src/telemetry/log.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, post, request } from "../support/h2-scene.ts";
import { grpcMessage, H2Service } from "../support/h2-service.ts";
import { memoryWorld } from "../support/world.ts";

test("requests, outcomes, statuses and connections are counted under rt/h2/server and rt/h2/client", async () => {
  await using scene = await memoryH2Scene(
    {},
    { request: (stream) => stream.reply(stream.path === "/bad" ? 500 : 200, "ok") },
  );
  const caller = scene.connect();
  for (let i = 0; i < 3; i++) await caller.ask(get());
  await caller.ask(get("/bad"));
  await caller.ask(request("GET", "/", [], "nobody"));
  const client = ["client", scene.service.name.slice(1)];
  const { proxy } = scene;
  expect(proxy.serverMetric("requests")).toBe(5);
  expect(proxy.serverMetric("success")).toBe(3);
  expect(proxy.serverMetric("failures")).toBe(2);
  expect(proxy.serverMetric("status", "200")).toBe(3);
  expect(proxy.serverMetric("status", "5XX")).toBe(2);
  expect(proxy.serverMetric("connects")).toBe(1);
  expect(proxy.serverMetric("connections")).toBe(1);
  expect(proxy.serverMetric("failures", "proxy.bind.no-such-name")).toBe(1);
  expect(proxy.metric(...client, "requests")).toBe(4);
  expect(proxy.metric(...client, "success")).toBe(3);
  expect(proxy.metric(...client, "status", "500")).toBe(1);
  expect(proxy.metric(...client, "connects")).toBe(1);
  expect(proxy.metric(...client, "connections")).toBe(1);
  expect(proxy.metric(...client, "service", "svc/web", "requests")).toBe(4);
  expect(proxy.metric("service", "svc/web", "requests")).toBe(4);
});

test("the gauges of streams in progress rise and fall", async () => {
  await using scene = await memoryH2Scene({}, { request: () => undefined });
  const caller = scene.connect();
  const streams = [caller.request(get()), caller.request(get())];
  await scene.service.begun(2);
  expect(scene.proxy.serverMetric("load")).toBe(2);
  for (const stream of scene.service.requests) stream.reply(200);
  await caller.finished(...streams);
  expect(scene.proxy.serverMetric("load")).toBe(0);
});

test("resets, GOAWAYs, errors and malformed messages are counted on the side they came from", async () => {
  await using scene = await memoryH2Scene({}, { request: () => undefined });
  const client = ["client", scene.service.name.slice(1), "h2"];
  const caller = scene.connect();
  const streams = [caller.request(get()), caller.request(get()), caller.request(get())];
  await scene.service.begun(3);
  streams[0]?.sendReset(Code.cancel);
  scene.service.requests[1]?.sendReset(Code.internal);
  scene.world.settle();
  scene.service.requests[2]?.sendHead([["X", "y"]]);
  await caller.finished(...streams.slice(1));
  expect(scene.proxy.serverMetric("h2", "resets_received")).toBe(1);
  expect(scene.proxy.metric(...client, "resets_received")).toBe(1);
  expect(scene.proxy.metric(...client, "resets_sent")).toBe(2);
  expect(scene.proxy.metric(...client, "malformed")).toBe(1);
  await caller.ask([[":method", "GET"]]);
  expect(scene.proxy.serverMetric("h2", "malformed")).toBe(1);
  expect(scene.proxy.serverMetric("h2", "resets_sent")).toBe(1);
  caller.send(Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0]));
  await caller.released();
  expect(scene.proxy.serverMetric("h2", "connection_errors")).toBe(1);
  expect(scene.proxy.serverMetric("h2", "goaways_sent")).toBe(1);
});

test("bytes of bodies are counted for the log of exchanges", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, "12345") });
  await scene.connect().ask(post(), { body: "123" });
  expect(scene.proxy.lastRecord).toMatchObject({ requestBytes: 3, responseBytes: 5 });
});

test("h2AccessLog has a line for every request, also for those that the proxy answers itself", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-h2-log-"));
  const world = memoryWorld();
  world.atEnd(() => rmSync(directory, { recursive: true }));
  await using _world = world;
  const file = join(directory, "access.log");
  const service = await H2Service.start(world, {
    request: (stream) => stream.reply(200, "12345", [], [["grpc-status", "0"]]),
  });
  const router = { protocol: "h2", dtab: `/svc/web => ${service.name};`, servers: [{ port: 0 }], h2AccessLog: file };
  const config = { admin: { port: 0 }, routers: [router] };
  const loaded = await loadConfig(JSON.stringify(config), { file: "test", environment: {} });
  const linker = await Linker.start(loaded.config!, {
    log: new Log(world.env.clock, () => undefined),
    env: world.env,
    transport: (loop) => world.proxyTransport(loop),
  });
  const caller = new H2Caller(world, linker.routers[0]!.servers[0]!.listener!.port);
  await caller.ask(get("/path?q=1", [["user-agent", "test/1"]]));
  await caller.ask(call(), { body: grpcMessage("hi") });
  await caller.ask(request("GET", "/", [], "nobody"));
  let stopped = false;
  void linker.stop(1000).then(() => {
    stopped = true;
  });
  await world.pass(50);
  await world.until("the proxy to stop", () => stopped);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('"GET /path?q=1 HTTP/2.0" 200 5');
  expect(lines[0]).toContain("test/1");
  expect(lines[1]).toContain('"POST /echo.Echo/Say HTTP/2.0" 200 5');
  expect(lines[2]).toContain('"GET / HTTP/2.0" 502');
});
