// R4: a proxy that stops lets everything finish that it has begun.
import { expect, test } from "vitest";
import { causeOf } from "../support/http-client.ts";
import { valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { get, memoryScene, post, sceneIn } from "../support/scene.ts";
import { memoryWorld, tcpWorld, turn, type World } from "../support/world.ts";

const IN_FLIGHT = 100;
const WORK_MS = 200;

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
  await scene.world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(true);
});
