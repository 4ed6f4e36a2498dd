// R17: the wall clock is set an hour forward, or back. Whatever measures a length goes by the monotonic clock and notices nothing: time-outs,
// deadlines of requests under way, idle connections, dead endpoints. Deadlines of callers whose own clock was not set look an hour late then: as
// with any clock that goes wrong, at most one in six of them is refused.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { causes } from "../../src/core/cause.ts";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { deadlineIn } from "../support/hops.ts";
import { causeOf } from "../support/http-client.ts";
import { KeptCaller } from "../support/kept-caller.ts";
import { usedMs } from "../support/process-state.ts";
import { Proxy } from "../support/proxy.ts";
import { ask, freePorts, Program } from "../support/program.ts";
import { get, memoryScene } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const HOUR_S = 3_600;
const jumps = [
  { name: "forward", ms: HOUR_MS },
  { name: "back", ms: -HOUR_MS },
];
const pause = (ms: number) =>
  new Promise((later) => {
    setTimeout(later, ms);
  });

// ---- In simulated time -----------------------------------------------------------------------------------------------

test.each(jumps)("$name: a request under way keeps the time it was given, no more and no less", async ({ ms }) => {
  await using scene = await memoryScene({ modern: true });
  const { backend, world } = scene;
  backend.behaviour = { request: () => undefined };
  const [patient, late] = [scene.connect(), scene.connect()];
  for (const caller of [patient, late]) caller.send(get("/", { "l5d-ctx-deadline": deadlineIn(world, 1_000) }));
  await backend.received(2);
  await world.pass(500);
  world.env.jump(ms);
  await world.pass(400);
  backend.open[0]?.reply(200, "in time");
  world.settle();
  expect(patient.answers[0]?.status).toBe(200);
  expect(late.answers).toHaveLength(0);
  await world.pass(150);
  expect(causeOf(late.answers[0]!)).toBe(causes.deadlinePassed.token);
});

test.each(jumps)("$name: time-outs, idle connections and dead endpoints go by the other clock", async ({ ms }) => {
  const world = memoryWorld();
  await using _world = world;
  const [good, bad] = [await Backend.start(world), await Backend.start(world, { request: (_, c) => c.reply(500) })];
  const disco = new Disco(world);
  disco.write("web", [good, bad]);
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    service: { totalTimeoutMs: 1_000 },
    client: {
      failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 1, backoff: { kind: "constant", ms: 10_000 } },
      hostConnectionPool: { idleTimeMs: 5_000 },
    },
  });
  const metric = (...name: string[]) => proxy.metric("client", "#/io.l5d.fs/web", ...name);
  const caller = proxy.connect();
  for (let i = 0; i < 20; i++) await caller.ask(get());
  expect(metric("failure_accrual", "removals")).toBe(1);
  expect(good.open).toHaveLength(1);
  world.env.jump(ms);
  for (let i = 0; i < 20; i++) expect((await caller.ask(get())).status).toBe(200); // the bad one is dead still
  expect(good.open).toHaveLength(1);
  await world.pass(5_500);
  expect(good.open).toHaveLength(0); // idle for 5 s, and not before
  await world.pass(5_000);
  for (let i = 0; i < 20; i++) await caller.ask(get());
  expect(metric("failure_accrual", "probes")).toBe(1); // its 10 s are over
  good.behaviour = { request: () => undefined };
  bad.behaviour = { request: () => undefined };
  caller.send(get("/silent"));
  world.settle();
  world.env.jump(-ms);
  await world.pass(900);
  const before = caller.answers.length;
  await world.pass(200);
  expect(caller.answers).toHaveLength(before + 1);
  expect(causeOf(caller.answers.at(-1)!)).toBe(causes.totalTimeout.token);
});

// ---- A real process --------------------------------------------------------------------------------------------------

const folder = mkdtempSync(join(tmpdir(), "fairlead-clock-"));
const library = join(folder, "jumping-clock.so");
const built =
  process.platform === "linux" &&
  spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, "test/support/jumping-clock.c"]).status === 0;

function setAhead(seconds: number): void {
  const bytes = Buffer.alloc(8);
  if (endianness() === "LE") bytes.writeBigInt64LE(BigInt(seconds));
  else bytes.writeBigInt64BE(BigInt(seconds));
  writeFileSync(join(folder, "ahead"), bytes, { flag: "r+" });
}

test.skipIf(!built)(
  "a process whose clock is set forward and back serves everybody, loses nothing that is under way, and rests",
  async () => {
    writeFileSync(join(folder, "ahead"), Buffer.alloc(8));
    const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
      setTimeout(() => response.end("ok"), request.headers["x-slow"] === undefined ? 0 : 700);
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const [port = 0, admin = 0] = await freePorts(2);
    const log = join(folder, "access.log");
    await using program = new Program(["run", "-"], {
      environment: { LD_PRELOAD: library, FAIRLEAD_TEST_CLOCK: join(folder, "ahead") },
      input: JSON.stringify({
        fairlead: 1,
        admin: { port: admin },
        routers: [
          {
            protocol: "http",
            dtab: `/svc/web => /$/inet/127.0.0.1/${(server.address() as AddressInfo).port}`, // it listens on a port
            servers: [{ port }],
            httpAccessLog: log,
          },
        ],
      }),
    });
    await program.said("is ready");
    const uptimeMs = async () => {
      const { text } = await ask(admin, {}, "/admin/metrics.json");
      return (JSON.parse(text) as Record<string, number>)["process/uptime_ms"] ?? Number.NaN;
    };
    const callers = Array.from({ length: 8 }, () => new KeptCaller(port));
    const due = (ms: number, aheadMs = 0) =>
      `l5d-ctx-deadline: ${systemClock.epochMs() + aheadMs}000000 ${systemClock.epochMs() + aheadMs + ms}000000\r\n`;
    let aheadMs = 0;
    const lost: string[] = [];
    let expired = 0;
    let served = 0;
    const ask100 = async (caller: KeptCaller) => {
      for (let i = 0; i < 100; i++) {
        const said = await caller.ask("web", due(2_000));
        if (said === "200") served++;
        else if (said === `503 ${causes.deadlineExpired.token}`) expired++;
        else lost.push(said);
      }
    };
    const round = () => Promise.all(callers.map(ask100));
    await round();
    expect([served, expired, lost]).toEqual([800, 0, []]);
    const beganMs = await uptimeMs();
    const at = performance.now();
    for (const seconds of [HOUR_S, 0, -HOUR_S, 0]) {
      // Of callers on the same machine, with the same clock.
      const underWay = callers.map((caller) => caller.ask("web", `x-slow: 1\r\n${due(1_500, aheadMs)}`));
      await pause(200);
      setAhead(seconds);
      aheadMs = seconds * 1000;
      expect(new Set(await Promise.all(underWay))).toEqual(new Set(["200"]));
      await round(); // of callers elsewhere, whose clocks were not set
    }
    expect(lost).toEqual([]);
    expect(expired).toBeGreaterThan(0); // the clock was ahead for a while
    expect(expired).toBeLessThan((2 * 800 + 16) / 6 + 20); // of all so far when the clock was set back
    expect(served + expired).toBe(5 * 800);
    expect((await uptimeMs()) - beganMs).toBeLessThan(performance.now() - at + 100);
    const hours = new Set(readFileSync(log, "latin1").match(/(?<=:)\d\d(?=:\d\d:\d\d )/g));
    expect(hours.size).toBeGreaterThan(1); // the wall clock that it saw did jump
    const used = usedMs(program.pid);
    await pause(1_500);
    expect(usedMs(program.pid) - used).toBeLessThan(300);
    expect(program.err).not.toMatch(/WARN|ERROR/);
    for (const caller of callers) caller.close();
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  },
  60_000,
);
