// Requests that telemeters want to know of, in a real process with two workers: both tell control, through reloads and the stop.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { WorkerSite } from "../support/worker-site.ts";

interface Shown {
  readonly uri: string;
  readonly remote: string;
  readonly service: string;
  readonly status: number;
  readonly endpoint: string;
}

async function recent(site: WorkerSite): Promise<Shown[]> {
  const { text } = await site.admin("/requests.json");
  return JSON.parse(text) as Shown[]; // as documented
}

/** Asks until a request for this is there. */
async function untilKept(site: WorkerSite, uri: string): Promise<Shown[]> {
  for (let tries = 0; ; tries++) {
    const found = await recent(site);
    if (found.some((each) => each.uri === uri)) return found;
    if (tries > 300) throw new Error(`${uri} is not among ${JSON.stringify(found)}`);
    await sleep(20);
  }
}

test("Both workers tell of their requests, and a third that takes the place of one does", async () => {
  const telemetry = [{ kind: "io.l5d.recentRequests", sampleRate: 1, capacity: 50 }];
  await using site = await WorkerSite.start({ rest: { telemetry } });
  const [[first], [second]] = await site.connections(1);
  await first?.ask("/of-first");
  await second?.ask("/of-second");
  await untilKept(site, "/of-first");
  const told = await untilKept(site, "/of-second");
  for (const { endpoint, remote, service, status } of told) {
    expect({ endpoint, service, status }).toEqual({
      endpoint: `127.0.0.1:${site.servicePort}`,
      service: "/svc/web",
      status: 200,
    });
    expect(remote).toMatch(/^127\.0\.0\.1:\d+$/);
  }
  await site.admin("/admin/workers/replace?worker=0", "POST");
  await site.replaced(0, 1);
  const [[third]] = await site.connections(1);
  await third?.ask("/of-third");
  await untilKept(site, "/of-third");
}, 30_000);

test("A reload brings a telemeter to workers that run, and takes it away", async () => {
  await using site = await WorkerSite.start();
  const connection = site.connect();
  await connection.ask("/before");
  expect((await site.admin("/requests.json")).status).toBe(404);
  site.write({ telemetry: [{ kind: "io.l5d.recentRequests", sampleRate: 1 }] });
  expect((await site.admin("/admin/reload", "POST")).status).toBe(200);
  await connection.ask("/traced");
  await site.connect().ask("/new-connection");
  const [latest, first] = await untilKept(site, "/new-connection");
  expect([latest?.uri, first?.uri]).toEqual(["/new-connection", "/traced"]);
  expect(latest?.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(first?.remote).toBe(""); // it was not asked for when the connection came
  site.write({});
  expect((await site.admin("/admin/reload", "POST")).status).toBe(200);
  await connection.ask("/after");
  expect((await site.admin("/requests")).status).toBe(404);
}, 30_000);

test("The log has a line of every request of both workers, those of the last moment before the stop included", async () => {
  await using site = await WorkerSite.start({ rest: { telemetry: [{ kind: "io.l5d.tracelog" }] } });
  const [[first], [second]] = await site.connections(1);
  for (let i = 0; i < 10; i++) await (i % 2 === 0 ? first : second)?.ask(`/line-${i}`);
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
  const lines = site.program.err.split("\n").filter((line) => line.includes(" io.l5d.tracelog: "));
  for (let i = 0; i < 10; i++) expect(lines.filter((line) => line.includes(` uri=/line-${i} `)).length).toBe(1);
}, 30_000);
