// The telemeter io.l5d.statsd of a real process with two workers: what arrives by UDP, and a host that is not there.
import dgram from "node:dgram";
import { expect, test } from "vitest";
import { sendDatagrams } from "../../src/transport/node/datagrams.ts";
import { ask, until } from "../support/program.ts";
import { WorkerSite } from "../support/worker-site.ts";

/** A StatsD that keeps what it gets. */
class Statsd implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #socket = dgram.createSocket("udp4");

  static async start(): Promise<Statsd> {
    const statsd = new Statsd();
    statsd.#socket.on("message", (message) => statsd.lines.push(...message.toString().split("\n")));
    await new Promise<void>((done) => void statsd.#socket.bind(0, "127.0.0.1", done));
    return statsd;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What a counter has come to. */
  counted(name: string): number {
    return this.values(name, "c").reduce((sum, value) => sum + value, 0);
  }

  values(name: string, type: string): number[] {
    return this.lines.flatMap((line) => {
      const found = /^([^:]+):(-?[\d.]+)\|(\w+)/.exec(line);
      return found?.[1] === name && found[3] === type ? [Number(found[2])] : [];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((done) => void this.#socket.close(done));
  }
}

test("What both workers count arrives once, in deltas; what was left at the stop, too", async () => {
  await using statsd = await Statsd.start();
  const telemetry = [{ kind: "io.l5d.statsd", port: statsd.port, prefix: "mesh", gaugeIntervalMs: 200, sampleRate: 1 }];
  await using site = await WorkerSite.start({ rest: { telemetry } });
  const server = `mesh.rt.http.server.127_0_0_1.${site.port}`;
  for (let i = 0; i < 20; i++) await ask(site.port, { Host: "web" });
  await until(
    () => statsd.counted(`${server}.requests`) >= 20,
    () => `20 requests, not ${statsd.counted(`${server}.requests`)}`,
  );
  await until(
    () => statsd.values(`${server}.request_latency_ms`, "ms").length >= 20, // another datagram
    () => "the times of 20 requests",
  );
  expect(statsd.values(`${server}.request_latency_ms`, "ms").length).toBe(20);
  expect(statsd.values("mesh.workers.serving", "g").at(-1)).toBe(2);
  expect((await site.metrics())["telemeter/io.l5d.statsd/sent"]).toBeGreaterThan(0);
  for (let i = 0; i < 5; i++) await ask(site.port, { Host: "web" });
  site.program.signal("SIGTERM");
  await site.program.end();
  await until(
    () => statsd.counted(`${server}.requests`) >= 25,
    () => `25 requests, not ${statsd.counted(`${server}.requests`)}`,
  );
  expect(statsd.counted(`${server}.requests`)).toBe(25);
  expect(statsd.lines.every((line) => /^[\w.]+:-?[\d.]+\|(?:c|g|ms(?:\|@[\d.]+)?)$/.test(line))).toBe(true);
}, 30_000);

test("A host that does not exist is counted and told of once; requests are served, and the stop is not held up", async () => {
  const telemetry = [{ kind: "io.l5d.statsd", hostname: "statsd.invalid", gaugeIntervalMs: 100 }];
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  const failures = async () => (await site.metrics())["telemeter/io.l5d.statsd/failures"] ?? 0;
  let seen = 0;
  for (let i = 0; i < 200 && seen < 2; i++) {
    expect((await ask(site.port, { Host: "web" })).status).toBe(200);
    seen = await failures();
    await new Promise((done) => setTimeout(done, 20));
  }
  expect(seen).toBeGreaterThanOrEqual(2);
  const beganMs = performance.now();
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
  expect(performance.now() - beganMs).toBeLessThan(6000);
  expect(site.program.err.match(/metrics cannot be sent to statsd\.invalid:8125/g)?.length).toBe(1);
}, 30_000);

test("Nobody who listens costs nothing: datagrams are sent all the same", async () => {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((done) => void socket.bind(0, "127.0.0.1", done));
  const { port } = socket.address();
  await new Promise<void>((done) => void socket.close(done));
  const result = await sendDatagrams("localhost", port, [Buffer.from("a:1|c"), Buffer.from("b:1|c")]);
  expect(result.sent + result.failed).toBeGreaterThanOrEqual(2);
  await expect(sendDatagrams("nobody.invalid", port, [])).rejects.toThrow("nobody.invalid");
});
