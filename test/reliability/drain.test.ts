// R4: a proxy that stops lets everything finish that it has begun.
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { H2Caller } from "../support/h2-caller.ts";
import { CLIENT_PREFACE, FrameCutter, Type } from "../support/h2-frames.ts";
import { causeOf } from "../support/http-client.ts";
import { valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";
import { get, memoryScene, post, sceneIn } from "../support/scene.ts";
import { memoryWorld, tcpWorld, turn, type World } from "../support/world.ts";

const IN_FLIGHT = 100;
const WORK_MS = 200;
/** How long a connection is left open after it was used, because its next request may be under way; and a little more. */
const QUIET_MS = 700;

const worlds: readonly (readonly [string, () => World])[] = [
  ["in memory", () => memoryWorld()],
  ["on sockets", () => tcpWorld()],
];

test.each(worlds)("requests in flight and a long stream all complete, %s", async (_, make) => {
  const world = make();
  await using scene = await sceneIn(
    world,
    {},
    {
      request(request, connection) {
        if (request.target === "/stream") {
          connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
          const beats = world.env.timers.every(WORK_MS / 4, () => connection.send("4\r\nbeat\r\n"));
          world.env.timers.after(WORK_MS * 2, () => {
            beats.cancel();
            connection.send("0\r\n\r\n");
          });
        } else {
          world.env.timers.after(WORK_MS, () => connection.reply(200, "done"));
        }
      },
    },
  );
  const idle = scene.connect();
  idle.send(get("/idle"));
  await world.pass(WORK_MS * 1.5);
  await idle.answered(1);
  const clients = Array.from({ length: IN_FLIGHT }, (_client, i) => {
    const client = scene.connect();
    client.send(i % 2 === 0 ? get() : post("body"));
    return client;
  });
  const stream = scene.connect();
  stream.send(get("/stream"));
  await scene.backend.received(IN_FLIGHT + 2);
  const port = scene.proxy.port();

  const stopping = scene.proxy.stop(10_000);
  expect(scene.proxy.linker.ready).toBe(false);
  await world.pass(QUIET_MS); // by then it has not been used for so long that nothing of it can be under way
  await idle.released();
  const refused = Peer.connect(world, port);
  await world.until("the refusal of a new connection", () => refused.closed);
  expect(refused.errorCode).toBe("ECONNREFUSED");
  expect(stopping.done).toBe(false);

  await world.pass(WORK_MS * 2.5);
  await world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(true);
  for (const client of clients) {
    expect(client.answers[0]).toMatchObject({ status: 200, body: "done" });
    expect(valueOf(client.answers[0]!, "connection")).toBe("close");
  }
  expect(stream.answers[0]?.body).toMatch(/^(beat){7,8}$/);
  expect(scene.proxy.records).toHaveLength(IN_FLIGHT + 2);
  expect(scene.proxy.records.every((r) => r.status === 200 && r.cause === "")).toBe(true);
});

test("what is not done at the limit ends with proxy.drain.limit, and a stream in its middle is cut off visibly", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(request, connection) {
        if (request.target === "/stream") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
      },
    },
  );
  const [waiting, streaming] = [scene.connect(), scene.connect()];
  waiting.send(get());
  streaming.send(get("/stream"));
  scene.world.settle();
  const stopping = scene.proxy.stop(1000);
  await scene.world.pass(900);
  expect(stopping.done).toBe(false);
  await scene.world.pass(300);
  await scene.world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(false);
  expect(waiting.answers[0]?.status).toBe(502);
  expect(causeOf(waiting.answers[0]!)).toBe("proxy.drain.limit");
  expect(streaming.answers).toHaveLength(0);
  expect(streaming.over).toBe(true);
  expect(scene.proxy.records.map((r) => r.cause)).toEqual(["proxy.drain.limit", "proxy.drain.limit"]);
  expect(scene.backend.open).toHaveLength(0);
});

test("requests that were pipelined behind one in flight are not answered by a proxy that stops, and not forwarded either", async () => {
  await using scene = await memoryScene({}, { request: () => undefined });
  const client = scene.connect();
  client.send(get("/1") + get("/2"));
  scene.world.settle();
  const stopping = scene.proxy.stop(5000);
  await turn();
  scene.backend.connections[0]?.reply(200, "one");
  await scene.world.until("the stop", () => stopping.done);
  expect(client.answers.map((a) => a.body)).toEqual(["one"]);
  expect(client.over).toBe(true);
  expect(scene.backend.requests.map((r) => r.target)).toEqual(["/1"]);
});

test("a head that has begun to arrive is still served by a proxy that stops", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  client.peer.send("GET / HTTP/1.1\r\nHo");
  scene.world.settle();
  const stopping = scene.proxy.stop(5000);
  scene.world.settle();
  client.peer.send("st: web\r\n\r\n");
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
  await scene.world.pass(QUIET_MS);
  await scene.world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(true);
});

test("requests that are on their way when a proxy stops are served: of a young connection, of one that was used a moment ago, of HTTP/2", async () => {
  const world = memoryWorld();
  await using scene = await sceneIn(world, { server: { http2: true } }, {});
  const kept = scene.connect();
  await kept.ask(get("/before"));
  const young = scene.connect();
  const quiet = scene.connect();
  world.settle();
  await world.pass(300);
  const second = new H2Caller(world, scene.proxy.port());
  const early = Peer.connect(world, scene.proxy.port());
  const cutter = new FrameCutter();
  let heard = "";
  early.onChunk = (chunk) => (heard += chunk);
  early.onGone = world.atEnd(() => early.destroy());
  world.settle();

  const stopping = scene.proxy.stop(10_000);
  const stream = second.request([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/h2"],
    [":authority", "web"],
  ]);
  await world.pass(100);
  expect([kept, young, quiet].map(({ over }) => over)).toEqual([false, false, false]);
  kept.send(get("/kept"));
  young.send(post("young"));
  early.send(CLIENT_PREFACE);
  await Promise.all([kept.answered(2), young.answered(1), second.finished(stream)]);
  expect([kept.answers[1]?.status, young.answers[0]?.status]).toEqual([200, 200]);
  for (const { answers } of [kept, young]) expect(valueOf(answers.at(-1)!, "connection")).toBe("close");
  expect([stream.status, second.goaways[0]]).toEqual([200, { lastId: 2 ** 31 - 1, code: 0 }]);
  expect(cutter.push(Buffer.from(heard, "latin1")).map(({ type }) => type)).toContain(Type.goaway);
  expect([stopping.done, early.ended]).toEqual([false, false]);

  await world.pass(1200); // an answer to the PING that goes with GOAWAY is waited for a second
  await world.until("the stop", () => stopping.done);
  expect([stopping.clean, quiet.over, early.ended]).toEqual([true, true, true]);
  expect(quiet.answers).toEqual([]);
});

test("a proxy whose connections have been quiet for a while stops at once", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(get());
  await scene.world.pass(QUIET_MS);
  const stopping = scene.proxy.stop(10_000);
  await scene.world.until("the stop, without any time", () => stopping.done);
  expect([stopping.clean, client.over]).toEqual([true, true]);
});

test("an answer that promised to keep the connection before the stop began is followed by one more", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(request, connection) {
        if (request.target === "/long") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
        else connection.reply(200, "next");
      },
    },
  );
  const client = scene.connect();
  client.send(get("/long"));
  scene.world.settle();
  const stopping = scene.proxy.stop(10_000);
  await scene.world.pass(1500);
  scene.backend.connections[0]?.send("half");
  await client.answered(1);
  expect(client.over).toBe(false);
  await scene.world.pass(100);
  client.send(get("/next"));
  await client.answered(2);
  expect(valueOf(client.answers[1]!, "connection")).toBe("close");
  await scene.world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(true);
});

const SLOW_MS = 2000;
const MIN_DRAIN_MS = 700;

/** Answers `/slow` after 2 s, `/stream` with beats until `release`, everything else at once. */
class Service implements AsyncDisposable {
  readonly server = http.createServer((request, response) => {
    if (request.url === "/slow") setTimeout(() => void response.end("slow"), SLOW_MS);
    else if (request.url !== "/stream") response.end("ok");
    else {
      const beats = setInterval(() => response.write("beat"), 100);
      this.release = () => {
        clearInterval(beats);
        response.end("last");
      };
    }
    this.asked++;
  });
  asked = 0;
  release: () => void = () => undefined;

  static async start(): Promise<Service> {
    const service = new Service();
    await once(service.server.listen(0, "127.0.0.1"), "listening");
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.server.close();
    this.server.closeAllConnections();
  }
}

async function program(service: Service, workers: number, admin: object) {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const dtab = `/svc/web => /$/inet/127.0.0.1/${(service.server.address() as AddressInfo).port}`; // it listens
  const routers = [{ protocol: "http", dtab, servers: [{ port }] }];
  const input = JSON.stringify({ workers, admin: { port: adminPort, ...admin }, routers });
  const running = new Program(["run", "-"], { input });
  await running.said("is ready");
  return { running, port, adminPort };
}

const web = { Host: "web" };

test.each([1, 2])(
  "SIGTERM, with %i worker(s): readiness fails first, all is served meanwhile, then nobody new, what is in flight completes, and 0",
  async (workers) => {
    await using service = await Service.start();
    const { adminPort, port, running } = await program(service, workers, {
      minDrainMs: MIN_DRAIN_MS,
      shutdownGraceMs: 8000,
    });
    await using _running = running;
    const slow = Array.from({ length: IN_FLIGHT }, () => ask(port, web, "/slow"));
    const stream = ask(port, web, "/stream");
    await until(
      () => service.asked === IN_FLIGHT + 1,
      () => `all requests to arrive; ${service.asked} have`,
    );
    running.signal("SIGTERM");
    const sinceMs = performance.now();
    await running.said("SIGTERM: stopping");
    const ready = await ask(adminPort, {}, "/admin/ready");
    expect(ready.status).toBe(503);
    expect(ready.text).toContain("not ready: stopping");
    let served = 0;
    while (performance.now() - sinceMs < MIN_DRAIN_MS - 300) {
      expect((await ask(port, web)).text).toBe("ok");
      served++;
    }
    expect(served).toBeGreaterThan(3);
    await sleep(600);
    await expect(ask(port, web)).rejects.toThrow("ECONNREFUSED");
    expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(503);
    expect(running.ended).toBe(null);
    expect(new Set((await Promise.all(slow)).map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set(["200 slow"]),
    );
    expect(running.ended).toBe(null);
    service.release();
    expect((await stream).text).toMatch(/^(beat)+last$/);
    expect(await running.end()).toBe(0);
    expect(running.err.indexOf("SIGTERM: stopping")).toBeLessThan(
      running.err.indexOf("stopped; everything in progress was finished"),
    );
  },
);

test.each([1, 2])(
  "what is not done at the limit ends, with %i worker(s): 502 and proxy.drain.limit, a stream is cut off, and the exit code is 0",
  async (workers) => {
    await using service = await Service.start();
    const { port, running } = await program(service, workers, { shutdownGraceMs: 800 });
    await using _running = running;
    const slow = Array.from({ length: 20 }, () => ask(port, web, "/slow"));
    const stream = ask(port, web, "/stream").catch((error: unknown) => String(error));
    await until(
      () => service.asked === 21,
      () => `all requests to arrive; ${service.asked} have`,
    );
    running.signal("SIGTERM");
    for (const { status, text } of await Promise.all(slow)) {
      expect(status).toBe(502);
      expect(text).toContain("did not finish within shutdownGraceMs");
    }
    expect(await stream).toContain("aborted");
    expect(await running.end()).toBe(0);
    expect(running.err).toContain("stopped; what was still in progress was ended");
  },
);
