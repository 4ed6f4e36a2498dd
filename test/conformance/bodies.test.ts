// Bodies: streamed both ways, held back by whoever is slow, cut off when one side is gone.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { BackendConnection } from "../support/backend.ts";
import type { HttpClient } from "../support/http-client.ts";
import { get, memoryScene, post, type Scene, sceneIn } from "../support/scene.ts";
import { memoryWorld, tcpWorld, type World } from "../support/world.ts";

const MB = 1024 * 1024;

/** Bytes that differ from place to place, so that a chunk lost, doubled or swapped shows. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let i = 0; i + 4 <= bytes; i += 4) buffer.writeUInt32LE((i * 2654435761) >>> 0, i);
  return buffer;
}

function hash(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

/** Hands out a buffer in portions. */
function portions(buffer: Buffer, size: number, frame = (chunk: Buffer): Buffer => chunk): () => Buffer | null {
  let at = 0;
  return () => {
    if (at >= buffer.length) return null;
    const chunk = buffer.subarray(at, at + size);
    at += size;
    return frame(chunk);
  };
}

function asChunk(chunk: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]);
}

const worlds: readonly (readonly [string, () => World])[] = [
  ["in memory", () => memoryWorld()],
  ["in memory, byte-poor", () => memoryWorld({ capacityBytes: 3000, readBytes: (n) => Math.min(n, 1700) })],
  ["on sockets", () => tcpWorld()],
];

test.each(worlds)(
  "large bodies arrive as they were sent, both ways, of told length and chunked, %s",
  async (_, make) => {
    const body = pattern(2 * MB + 13);
    const expected = hash(body.toString("latin1"));
    await using scene = await sceneIn(
      make(),
      { reuse: true },
      {
        request(request, connection) {
          const text = hash(request.body) === expected ? "same" : "different";
          connection.send(`HTTP/1.1 200 ${text}\r\n`);
          if (request.target === "/chunked") {
            connection.send("Transfer-Encoding: chunked\r\n\r\n");
            connection.peer.pour(portions(Buffer.from(request.body, "latin1"), 70_001, asChunk), "0\r\n\r\n");
          } else {
            connection.send(`Content-Length: ${request.body.length}\r\n\r\n`);
            connection.peer.pour(portions(Buffer.from(request.body, "latin1"), 70_001));
          }
        },
      },
    );
    const client = scene.connect();
    for (const target of ["/length", "/chunked"]) {
      const framing = target === "/chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
      client.send(`POST ${target} HTTP/1.1\r\nHost: web\r\n${framing}\r\n\r\n`);
      if (target === "/chunked") client.peer.pour(portions(body, 50_021, asChunk), "0\r\n\r\n");
      else client.peer.pour(portions(body, 50_021));
      await client.answered(target === "/chunked" ? 2 : 1);
      const answer = client.answers.at(-1);
      expect(answer?.line).toBe("HTTP/1.1 200 same");
      expect(hash(answer?.body ?? "")).toBe(expected);
    }
    expect(scene.backend.connections).toHaveLength(1);
    expect(scene.proxy.lastRecord).toMatchObject({ requestBytes: body.length, responseBytes: body.length });
  },
);

test("a service that does not read holds its caller back, and only a bounded number of bytes is on the way", async () => {
  await using scene = await memoryScene({}, { connected: (connection) => connection.peer.stream.pause() });
  const client = scene.connect();
  const body = pattern(4 * MB);
  let sent = 0;
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${body.length}\r\n\r\n`);
  client.peer.pour(() => {
    sent += 16_384;
    return sent > body.length ? null : body.subarray(sent - 16_384, sent);
  });
  scene.world.settle();
  expect(sent).toBeLessThan(MB);
  scene.backend.connections[0]?.peer.stream.resume();
  await client.answered(1);
  expect(hash(scene.backend.last.body)).toBe(hash(body.toString("latin1")));
});

test("a caller that does not read holds the service back, and only a bounded number of bytes is on the way", async () => {
  const body = pattern(4 * MB);
  let sent = 0;
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        connection.peer.pour(() => {
          sent += 16_384;
          return sent > body.length ? null : body.subarray(sent - 16_384, sent);
        });
      },
    },
  );
  const client = scene.connect();
  client.send(get());
  client.peer.stream.pause();
  scene.world.settle();
  expect(sent).toBeLessThan(MB);
  client.peer.stream.resume();
  await client.answered(1);
  expect(hash(client.answers[0]?.body ?? "")).toBe(hash(body.toString("latin1")));
});

test("a request behind a body whose last bytes are slow to leave does not spoil them", async () => {
  const sizes = [2, 3, 4].flatMap((times) => [1, 31, 211, 481, 661].map((less) => times * 65_536 - less));
  for (const size of sizes) {
    await using scene = await memoryScene({}, { head: (_, connection) => connection.peer.stream.pause() });
    const client = scene.connect();
    client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${size}\r\n\r\n`);
    scene.world.settle();
    const body = pattern(size);
    client.send(`${body.toString("latin1")}${get("/next")}`, "GET");
    scene.world.settle();
    scene.backend.behaviour = {};
    const { stream } = scene.backend.open[0]!.peer;
    for (let i = 0; i < 100 && client.answers.length < 2; i++) {
      stream.resume();
      for (let turns = 0; turns < 3; turns++) scene.world.network.turn();
      stream.pause();
      for (let turns = 0; turns < 3; turns++) scene.world.network.turn();
    }
    stream.resume();
    await client.answered(2);
    expect(scene.backend.requests.map(({ target }) => target)).toEqual(["/", "/next"]);
    expect(hash(scene.backend.requests[0]!.body)).toBe(hash(body.toString("latin1")));
  }
});

test("a slow caller does not hold up another one", async () => {
  const body = pattern(MB);
  await using scene = await memoryScene(
    {},
    {
      request(request, connection) {
        if (request.target === "/small") return connection.reply(200, "small");
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        connection.peer.pour(portions(body, 65_536));
        return undefined;
      },
    },
  );
  const slow: HttpClient[] = [];
  for (let i = 0; i < 50; i++) {
    const client = scene.connect();
    client.send(get("/large"));
    client.peer.stream.pause();
    slow.push(client);
  }
  scene.world.settle();
  expect((await scene.connect().ask(get("/small"))).body).toBe("small");
  for (const client of slow) client.peer.stream.resume();
  for (const client of slow) await client.answered(1);
  expect(slow.every((client) => hash(client.answers[0]?.body ?? "") === hash(body.toString("latin1")))).toBe(true);
});

// Cancelling: what a caller no longer wants, nobody works on.

async function cancelled(
  scene: Scene,
  connection: () => BackendConnection | undefined,
  leave: () => void,
): Promise<void> {
  leave();
  await scene.world.until("the service's connection to be closed", () => connection()?.closed === true);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "downstream.connection.gone", outcome: "ignorable" });
}

test.each(["reset", "end", "destroy"] as const)("a caller that goes away (%s) cancels its request", async (way) => {
  await using scene = await memoryScene({}, { request: () => undefined });
  const client = scene.connect();
  client.send(get());
  await scene.backend.received(1);
  await cancelled(
    scene,
    () => scene.backend.connections[0],
    () => client.peer[way](),
  );
  expect(scene.proxy.lastRecord.status).toBe(499);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
});

test("a caller that goes away in its own body, or in the answer's, cancels the request", async () => {
  await using scene = await memoryScene(
    {},
    {
      request: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
    },
  );
  const sending = scene.connect();
  sending.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\npart");
  scene.world.settle();
  await cancelled(
    scene,
    () => scene.backend.connections[0],
    () => sending.peer.reset(),
  );
  const reading = scene.connect();
  reading.send(get());
  await scene.world.until("part of the answer", () => reading.partialBody === "part");
  await cancelled(
    scene,
    () => scene.backend.connections[1],
    () => reading.peer.reset(),
  );
  expect(scene.proxy.lastRecord.status).toBe(200);
});

test("a caller that goes away while it pipelines cancels what is in progress and starts nothing more", async () => {
  await using scene = await memoryScene({}, { request: () => undefined });
  const client = scene.connect();
  client.send(get("/1") + get("/2"));
  await scene.backend.received(1);
  await cancelled(
    scene,
    () => scene.backend.connections[0],
    () => client.peer.reset(),
  );
  expect(scene.backend.requests).toHaveLength(1);
});

test("a caller that goes away while its request waits for a connection is not served any more", async () => {
  await using scene = await memoryScene(
    { client: { hostConnectionPool: { maxSize: 1 } } },
    { request: () => undefined },
  );
  const [first, second] = [scene.connect(), scene.connect()];
  first.send(get("/1"));
  scene.world.settle();
  second.send(get("/2"));
  scene.world.settle();
  second.peer.reset();
  scene.world.settle();
  expect(scene.proxy.records.map((r) => r.cause)).toEqual(["downstream.connection.gone"]);
  scene.backend.connections[0]?.reply(200, "done");
  await first.answered(1);
  expect(scene.backend.requests.map((r) => r.target)).toEqual(["/1"]);
});

test("a caller on a socket that goes away cancels its request within a turn or two", async () => {
  await using scene = await sceneIn(tcpWorld(), {}, { request: () => undefined });
  const client = scene.connect();
  client.send(get());
  await scene.backend.received(1);
  await cancelled(
    scene,
    () => scene.backend.connections[0],
    () => client.peer.reset(),
  );
});

test("a service that goes away in the answer's body cuts the caller off, visibly", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        connection.peer.reset();
      },
    },
  );
  const client = scene.connect();
  client.send(get());
  await client.released();
  expect(client.answers).toHaveLength(0);
  expect(client.partialBody).toBe("part");
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, cause: "upstream.http.truncated", outcome: "failure" });
});

test("an answer that is complete before the service resets its connection is whole", async () => {
  await using scene = await memoryScene(
    {},
    {
      request(_, connection) {
        connection.reply(200, "whole");
        connection.peer.reset();
      },
    },
  );
  const client = scene.connect();
  expect((await client.ask(get())).body).toBe("whole");
  expect((await client.ask(post("x"))).body).toBe("whole");
});
