// R7: services close kept connections at random moments around their reuse. What may be sent again is, and nobody sees it; what may not
// is never delivered twice.
import { expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import * as faults from "../support/faults.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { compose } from "../support/http-text.ts";
import { sized } from "../support/long.ts";
import { sceneIn } from "../support/scene.ts";
import { memoryWorld, tcpWorld, type World } from "../support/world.ts";

const SEED = 7;
const CLIENTS = 10;
const SHARE = 0.04;
const WITHIN_MS = 4;
/** Those of RFC 9110 §9.2.2, and one that is not. */
const METHODS = ["GET", "PUT", "DELETE", "POST"] as const;

const worlds: readonly (readonly [string, () => World, number])[] = [
  ["in memory", () => memoryWorld(), sized(30_000, 1_000_000)],
  ["on sockets", () => tcpWorld(), sized(6_000, 100_000)],
];

interface Tally {
  /** How often the service read each request. */
  readonly read: Map<string, number>;
  readonly wrong: string[];
  /** Requests that were not to be repeated and so ended in the race. */
  lost: number;
}

/** One request on a kept connection, and what must be true of its answer. */
async function askOnce(client: HttpClient, id: string, method: string, tally: Tally): Promise<void> {
  const body = method === "PUT" || method === "POST" ? `body of ${id}` : "";
  const answer = await client.ask(compose(`${method} /${id} HTTP/1.1`, { Host: "web" }, body));
  const told = `${id} ${method}: ${answer.status} ${causeOf(answer)} ${answer.body}`;
  if (answer.status === 200) {
    if (answer.body !== id) tally.wrong.push(told);
  } else if (method === "POST" && causeOf(answer) === "upstream.connection.stale") {
    tally.lost++;
    if (tally.read.has(id)) tally.wrong.push(`${told}, although the service had it`);
  } else {
    tally.wrong.push(told);
  }
}

test.each(worlds)(
  `the race for a kept connection is lost in silence, %s (seed ${SEED})`,
  async (_, make, requests) => {
    const random = seededRandom(SEED);
    const world = make();
    const tally: Tally = { read: new Map(), wrong: [], lost: 0 };
    const service = faults.losesRaces(world, random, SHARE, WITHIN_MS, (request, connection) => {
      const id = request.target.slice(1);
      tally.read.set(id, (tally.read.get(id) ?? 0) + 1);
      connection.reply(200, id);
    });
    await using scene = await sceneIn(world, { reuse: true }, service);
    const clients = Array.from({ length: CLIENTS }, () => scene.connect());
    for (let round = 0; round < requests / CLIENTS; round++) {
      const asked = clients.map((client, i) =>
        askOnce(client, `${round}-${i}`, METHODS[random.int(METHODS.length)] ?? "GET", tally),
      );
      await Promise.all(asked);
      await world.pass(random.int(4));
      for (const client of clients) client.answers.length = 0;
      scene.backend.requests.length = 0;
      scene.proxy.records.length = 0;
    }
    expect(tally.wrong).toEqual([]);
    expect([...tally.read].filter(([, times]) => times > 1)).toEqual([]);
    const requeues = scene.proxy.metric("client", scene.backend.name.slice(1), "retries", "requeues");
    console.log(`${requests} requests, ${requeues} sent again in silence, ${tally.lost} POSTs lost`);
    expect(requeues).toBeGreaterThan(requests * SHARE * 0.1);
  },
  sized(60_000, 3_600_000),
);
