// Whatever a caller sends: no crash, no stall, no growth, and the service sees exactly the requests that the proxy counted.
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCuts, anyScraps, cut, damaged } from "../support/arbitrary-bytes.ts";
import type { BackendConnection, Behaviour, Received } from "../support/backend.ts";
import { requestVectors } from "../support/golden.ts";
import { heapInUse } from "../support/heap.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import type { MemoryWorld } from "../support/world.ts";

const STALL_MS = 500;
const GROWTH_BYTES = 8 * 1024 * 1024;
const WARM_UP = 300;

const vectors = requestVectors().map(({ input }) => input.join(""));
const texts = fc.oneof({ weight: 6, arbitrary: damaged(vectors) }, { weight: 1, arbitrary: anyScraps });

/** Answers with the body of the request. */
const echo: Behaviour = {
  request: (request: Received, connection: BackendConnection) =>
    connection.reply(200, request.method === "HEAD" ? "" : request.body),
};

function inUse(scene: Scene<MemoryWorld>): Record<string, number> {
  const { attempts = 0, exchanges = 0, heads = 0 } = scene.proxy.inUse();
  return { attempts, exchanges, heads };
}

function check(scene: Scene<MemoryWorld>, parts: readonly string[]): void {
  const { backend, proxy, world } = scene;
  backend.problems.length = 0; // of the case before, while a failure is made smaller
  const requests = backend.requests.length;
  const records = proxy.records.length;
  const before = performance.now();
  const client = scene.connect();
  for (const part of parts) {
    client.peer.send(part);
    world.settle();
  }
  expect(performance.now() - before).toBeLessThan(STALL_MS);
  // A text with HEAD in it may ask for answers whose framing only the service and the proxy know.
  if (!parts.join("").includes("HEAD")) expect(client.problem).toBeNull();
  client.close();
  world.settle();

  expect(world.thrown).toEqual([]);
  expect(backend.problems).toEqual([]);
  const forwarded = backend.requests.slice(requests);
  const counted = proxy.records.slice(records);
  expect(forwarded.length).toBeLessThanOrEqual(counted.filter(({ attempts }) => attempts > 0).length);
  const bytes = counted.reduce((sum, record) => sum + record.requestBytes, 0);
  if (counted.length > 0) expect(scene.proxy.linker.telemeters.recent?.length).toBeGreaterThan(0);
  expect(forwarded.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(bytes);
  expect(inUse(scene)).toEqual({ attempts: 0, exchanges: 0, heads: 0 });

  const after = scene.connect();
  after.send(get("/after"));
  world.settle();
  expect(after.answers[0]?.status).toBe(200);
  expect(backend.last.target).toBe("/after");
  after.close();
  world.settle();
  // Tests remember everything; here that would be the growth.
  backend.requests.length = 0;
  proxy.records.length = 0;
  for (const list of [backend.connections])
    list.splice(0, list.length, ...list.filter((connection) => !connection.closed));
}

test(
  "whatever a caller sends",
  async () => {
    const telemetry = [{ kind: "io.l5d.recentRequests", sampleRate: 1 }]; // looks at whatever there is of each
    await using scene = await memoryScene({ reuse: true, server: { maxCallDepth: 5 }, telemetry }, echo);
    let cases = 0;
    let heap = 0;
    fc.assert(
      fc.property(texts, anyCuts, (text, cuts) => {
        check(scene, cut(text, cuts));
        if (++cases === WARM_UP) heap = heapInUse();
      }),
      fuzzing(3000),
    );
    expect(heapInUse() - heap).toBeLessThan(GROWTH_BYTES);
  },
  fuzzLimitMs,
);
