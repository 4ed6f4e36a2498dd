// What a caller sends, and what the service then gets: every golden request through a whole proxy.
import { expect, test } from "vitest";
import type { Backend } from "../support/backend.ts";
import { requestVectors, type RequestVector } from "../support/golden.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { everySplit } from "../support/http1-reader.ts";
import { valueOf } from "../support/http-text.ts";
import { memoryScene, type Scene, sceneIn, tcpScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const vectors = requestVectors();

const STATUS_BY_CAUSE: Readonly<Record<string, number>> = {
  "downstream.http.line-too-long": 414,
  "downstream.http.head-too-large": 431,
  "downstream.http.method-unsupported": 501,
  "downstream.http.version": 505,
};

/** What came of a vector: the messages the service got, and the answers the caller got. */
function outcome(client: HttpClient, backend: Backend, from: number): string {
  const forwarded = backend.requests.slice(from).map((r) => [r.line, r.body, r.trailers]);
  const answers = client.answers.map((a) => [a.status, causeOf(a)]);
  return JSON.stringify({ forwarded, answers, released: client.over });
}

function expected({ messages, refusal, kept }: RequestVector): string {
  const forwarded = messages.map((m) => [`${m.method} ${m.target} HTTP/${m.version}`, m.body ?? "", m.trailers ?? []]);
  const answers: [number, string][] = messages.map(() => [200, ""]);
  if (refusal !== undefined) answers.push([STATUS_BY_CAUSE[refusal] ?? 400, refusal]);
  const released = refusal === undefined ? messages.at(-1)?.version === "1.0" : kept !== true;
  return JSON.stringify({ forwarded, answers, released });
}

function run(scene: Scene<MemoryWorld>, parts: readonly string[]): string {
  const from = scene.backend.requests.length;
  const client = scene.connect();
  for (const part of parts) {
    client.peer.send(part);
    scene.world.settle();
  }
  const result = outcome(client, scene.backend, from);
  client.close();
  scene.world.settle();
  return client.problem ?? result;
}

test.each(vectors)("$name ($why)", async (vector) => {
  await using scene = await memoryScene();
  const { backend, world } = scene;
  const client = scene.connect();
  client.peer.send(vector.input.join(""));
  world.settle();
  expect(client.problem).toBeNull();
  expect(outcome(client, backend, 0)).toBe(expected(vector));
  expect(backend.problems).toEqual([]);
  for (const [i, { fields = {} }] of vector.messages.entries()) {
    for (const [name, value] of Object.entries(fields)) {
      expect(valueOf(backend.requests[i] ?? { fields: [] }, name), name).toBe(value);
    }
  }
  for (const connection of backend.connections) {
    if (vector.begun === undefined) expect(connection.reader.midway).toBe(false);
    else expect(vector.begun.startsWith(connection.reader.partialBody)).toBe(true);
  }
});

test("every vector comes to the same, byte by byte and cut at every place", async () => {
  await using scene = await memoryScene({ reuse: true });
  const different: string[] = [];
  for (const { input, name } of vectors) {
    const text = input.join("");
    const whole = run(scene, [text]);
    for (const parts of everySplit(text)) {
      const result = run(scene, parts);
      if (result !== whole) different.push(`${name}, cut behind ${parts[0]?.length}: ${result} instead of ${whole}`);
    }
  }
  expect(different).toEqual([]);
});

test("a connection to the service is used again after good requests, and none is left over after bad ones", async () => {
  await using scene = await memoryScene();
  for (const { input } of vectors) run(scene, [input.join("")]);
  const { backend } = scene;
  const bodiesBrokenOff = vectors.filter((v) => v.begun !== undefined).length;
  expect(backend.connections.length).toBeLessThanOrEqual(1 + bodiesBrokenOff);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0 });
});

test("a network that delivers byte by byte, both ways, changes nothing", async () => {
  await using scene = await sceneIn(memoryWorld({ readBytes: () => 1 }), { reuse: true });
  for (const vector of vectors) {
    expect(run(scene, [vector.input.join("")]), vector.name).toBe(expected(vector));
  }
});

test("real sockets change nothing", async () => {
  await using scene = await tcpScene();
  for (const vector of vectors) {
    const from = scene.backend.requests.length;
    const client = scene.connect();
    client.peer.send(vector.input.join(""));
    await client.answered(vector.messages.length + (vector.refusal === undefined ? 0 : 1));
    if (expected(vector).includes('"released":true')) await client.released();
    expect(outcome(client, scene.backend, from), vector.name).toBe(expected(vector));
    client.close();
  }
});

test("headers that matter are found behind however many others", async () => {
  await using scene = await memoryScene({ server: { limits: { maxHeaders: 1000 }, clearContext: true } });
  for (const others of [254, 255, 256, 511]) {
    const padding = "a:b\r\n".repeat(others - 1);
    const client = scene.connect();
    await client.ask(`GET / HTTP/1.1\r\nHost: web\r\n${padding}baggage: x=y,fairlead-dtab=/a%3D>/b\r\n\r\n`);
    expect(valueOf(scene.backend.last, "baggage")).toBe("x=y");
    const twice = `Content-Length: 1\r\nContent-Length: 2\r\n\r\n12`;
    client.send(`POST / HTTP/1.1\r\nHost: web\r\n${padding}${twice}`);
    await client.answered(2);
    expect(client.answers.map(({ status }) => status)).toEqual([200, 400]);
  }
});
