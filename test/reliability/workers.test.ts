// R14: one worker of two throws, exhausts its heap, hangs or is terminated. The other is untouched, another takes its place within a second,
// and no figure falls.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Mishap } from "../support/mishaps.ts";
import { until } from "../support/program.ts";
import { type Connection, WorkerSite } from "../support/worker-site.ts";

/** A heap that is full soon; V8 takes the flag for every thread. */
const SMALL_HEAP = ["--max-old-space-size=64"];
/** R14, and what a busy machine may add. */
const REPLACED_MS = 1000 + 2000;

/** Asks over and over on connections that shall not notice anything. */
class Bystanders {
  readonly #connections: readonly Connection[];
  #going = true;
  readonly #loops: Promise<void>[];
  asked = 0;
  readonly failures: string[] = [];

  constructor(connections: readonly Connection[]) {
    this.#connections = connections;
    this.#loops = connections.map((connection) => this.#loop(connection));
  }

  async #loop(connection: Connection): Promise<void> {
    while (this.#going) {
      this.asked++;
      try {
        const { status, text } = await connection.ask(`/${this.asked}`);
        if (status !== 200) this.failures.push(`${status} ${text}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#loops);
    for (const { sockets } of this.#connections) if (sockets.size > 1) this.failures.push("a connection was closed");
  }
}

const GROWS = /\/(?:requests|success|connects|closes|sent_bytes|received_bytes)$/;

test.each<[string, Mishap | "replace", RegExp]>([
  ["is ended by the admin side", "replace", /worker 0 is gone: Error: it was ended/],
  ["throws", "throw", /worker 0 is gone: Error: thrown for the test/],
  ["leaves a rejection to nobody", "reject", /worker 0 is gone: Error: rejected for the test/],
  ["ends itself", "exit", /worker 0 is gone: Error: it ended with 3/],
  ["exhausts its heap", "exhaust", /worker 0 is gone: .*ERR_WORKER_OUT_OF_MEMORY/],
])("One of two workers %s: the other goes on, another takes its place, counters stay", async (_, mishap, told) => {
  await using site = await WorkerSite.start({ flags: mishap === "exhaust" ? SMALL_HEAP : [] });
  const [dying, living] = await site.connections(3);
  const bystanders = new Bystanders(living);
  for (const connection of dying) for (let i = 0; i < 10; i++) expect((await connection.ask()).status).toBe(200);
  const before = await site.metrics();
  if (mishap === "replace") expect((await site.admin("/admin/workers/replace?worker=0", "POST")).status).toBe(200);
  else site.cause(0, mishap);
  await until(
    () => told.test(site.program.err),
    () => `${told}; it said ${site.program.err}`,
  );
  const beganMs = performance.now();
  const between = await site.metrics();
  await until(
    () => site.program.err.includes("worker 0 serves again"),
    () => `worker 0 to serve again; it said ${site.program.err}`,
  );
  const tookMs = performance.now() - beganMs;
  await site.replaced(0, 1);
  await bystanders.stop();
  expect(bystanders.failures).toEqual([]);
  expect(bystanders.asked).toBeGreaterThan(20);
  expect(tookMs).toBeLessThan(REPLACED_MS);
  const after = await site.metrics();
  for (const [name, value] of Object.entries(before)) {
    if (!GROWS.test(name)) continue;
    expect(between[name], name).toBeGreaterThanOrEqual(value);
    expect(after[name], name).toBeGreaterThanOrEqual(between[name] ?? Number.NaN);
  }
  expect(after["workers/restarts"]).toBe(1);
  expect(after["workers/serving"]).toBe(2);
  const [fresh] = await site.connections(1); // the new one takes connections
  expect((await fresh[0]?.ask("/fresh"))?.text).toBe("/fresh");
  expect(site.program.ended).toBe(null);
});

test("A worker that hangs is ended after ten seconds, and figures are there meanwhile", async () => {
  await using site = await WorkerSite.start();
  const [stuck, living] = await site.connections(1);
  const bystanders = new Bystanders(living);
  const before = (await site.metrics())[site.name("requests")] ?? Number.NaN;
  site.cause(0, "loop");
  await sleep(100);
  const waiting = stuck[0]?.ask("/waits").then(
    () => "answered",
    () => "cut off",
  );
  const beganMs = performance.now();
  expect((await site.metrics())[site.name("requests")]).toBeGreaterThanOrEqual(before);
  expect((await site.admin("/client_state.json")).text).toContain('"worker": 1');
  expect(performance.now() - beganMs).toBeLessThan(6000);
  await until(
    () => site.program.err.includes("has not been heard of for 1"),
    () => `the end of worker 0; it said ${site.program.err}`,
  );
  expect(performance.now() - beganMs).toBeGreaterThan(8000);
  await site.replaced(0, 1);
  expect(await waiting).toBe("cut off");
  await bystanders.stop();
  expect(bystanders.failures).toEqual([]);
}, 40_000);

test("Workers of a process that stood still for longer than that are not taken for hanging", async () => {
  await using site = await WorkerSite.start();
  const connection = site.connect();
  await connection.ask();
  site.program.signal("SIGSTOP");
  await sleep(12_000);
  site.program.signal("SIGCONT");
  await sleep(2500);
  expect((await connection.ask("/awake")).text).toBe("/awake");
  expect(connection.sockets.size).toBe(1);
  expect((await site.workers()).map(({ restarts }) => restarts)).toEqual([0, 0]);
}, 40_000);

test("A worker that dies again and again is waited for a little longer each time, and both may die at once", async () => {
  await using site = await WorkerSite.start();
  for (let round = 1; round <= 3; round++) {
    for (const worker of [0, 1]) await site.admin(`/admin/workers/replace?worker=${worker}`, "POST");
    await site.replaced(0, round);
    await site.replaced(1, round);
    expect((await site.connect().ask("/again")).text).toBe("/again");
  }
  const waits = [...site.program.err.matchAll(/worker 0 is replaced in (\d+) ms/g)].map(([, ms]) => Number(ms));
  expect(waits).toEqual([100, 200, 400]);
});

test("A worker that cannot begin is tried again after longer and longer waits, and the other one has all totals meanwhile", async () => {
  await using site = await WorkerSite.start();
  const service = `/$/inet/127.0.0.1/${site.servicePort}`;
  site.cause(0, "stillborn");
  await site.admin("/admin/workers/replace?worker=0", "POST");
  await site.program.said("worker 0 is replaced in 1600 ms");
  // A configuration that changes meanwhile is in force, also in the one that comes back.
  site.write({}, { dtab: `/svc/later => ${service}` });
  expect((await site.admin("/admin/reload", "POST")).text).toContain("in force");
  expect((await site.workers())[0]?.state).not.toBe("serving");
  site.spare(0);
  await site.program.said("worker 0 serves again");
  const waits = [...site.program.err.matchAll(/worker 0 is replaced in (\d+) ms/g)].map(([, ms]) => Number(ms));
  expect(waits).toEqual([100, 200, 400, 800, 1600]);
  expect(site.program.err).toContain("stillborn for the test");
  for (const [connection] of await site.connections(1))
    expect((await connection?.ask("/", { Host: "later" }))?.status).toBe(200);
});

test("Workers that cannot begin at the start end the process with the reason", async () => {
  await expect(WorkerSite.start({ mishap: "stillborn" })).rejects.toThrow(
    /it ended with 1: .*no worker lives long enough to serve: .*stillborn for the test/s,
  );
});
