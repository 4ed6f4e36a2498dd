// Whatever a service answers: no crash, no stall, no growth, and none of it reaches the caller of another request.
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCuts, anyScraps, cut, damaged } from "../support/arbitrary-bytes.ts";
import type { BackendConnection, Behaviour, Received } from "../support/backend.ts";
import { answerVectors } from "../support/golden.ts";
import { heapInUse } from "../support/heap.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import type { MemoryWorld } from "../support/world.ts";

const STALL_MS = 500;
const GROWTH_BYTES = 8 * 1024 * 1024;
const WARM_UP = 300;

const vectors = answerVectors()
  .filter(({ method = "GET" }) => method === "GET")
  .map(({ input }) => input.join(""));
const texts = fc.oneof({ weight: 6, arbitrary: damaged(vectors) }, { weight: 1, arbitrary: anyScraps });

/** Remembers who asked for `/fuzz`, and answers everything else with its target. */
class Waiting implements Behaviour {
  asked: BackendConnection | null = null;

  request(request: Received, connection: BackendConnection): void {
    if (request.target === "/fuzz") this.asked = connection;
    else connection.reply(200, request.target);
  }
}

function check(
  scene: Scene<MemoryWorld>,
  service: Waiting,
  parts: readonly string[],
  end: boolean,
  number: number,
): void {
  const { backend, proxy, world } = scene;
  backend.problems.length = 0; // of the case before, while a failure is made smaller
  const client = scene.connect();
  client.send(get("/fuzz"));
  world.settle();
  const { asked } = service;
  if (asked === null) throw new Error("the service was not asked");
  const before = performance.now();
  for (const part of parts) {
    if (asked.closed) break;
    asked.send(part);
    world.settle();
  }
  if (end && !asked.closed) asked.peer.end();
  world.settle();
  expect(performance.now() - before).toBeLessThan(STALL_MS);
  expect(client.problem).toBeNull();
  expect(client.answers.length).toBeLessThanOrEqual(1);

  // On the same connection of the caller, if it is still good, and on another: nobody gets what was left over.
  for (const next of client.over || client.answers.length === 0 ? [scene.connect()] : [client, scene.connect()]) {
    const already = next.answers.length;
    next.send(get(`/after/${number}`));
    world.settle();
    expect(next.answers[already]?.body).toBe(`/after/${number}`);
    next.close();
  }
  client.close();
  world.settle();

  expect(world.thrown).toEqual([]);
  expect(backend.problems).toEqual([]);
  const { attempts, exchanges, heads } = proxy.inUse();
  expect({ attempts, exchanges, heads }).toEqual({ attempts: 0, exchanges: 0, heads: 0 });
  backend.requests.length = 0;
  proxy.records.length = 0;
  backend.connections.splice(0, backend.connections.length, ...backend.open);
}

test(
  "whatever a service answers",
  async () => {
    const service = new Waiting();
    await using scene = await memoryScene({ reuse: true, client: { failureAccrual: { kind: "none" } } }, service);
    let cases = 0;
    let heap = 0;
    fc.assert(
      fc.property(texts, anyCuts, fc.boolean(), (text, cuts, end) => {
        check(scene, service, cut(text, cuts), end, cases);
        if (++cases === WARM_UP) heap = heapInUse();
      }),
      fuzzing(3000),
    );
    expect(heapInUse() - heap).toBeLessThan(GROWTH_BYTES);
  },
  fuzzLimitMs,
);
