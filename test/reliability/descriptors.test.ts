// R17: file descriptors run out. Callers that come too late are turned away, those that are there are served on, no endpoint is blamed, the
// processor rests, and when callers have gone all is as it was.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { KeptCaller } from "../support/kept-caller.ts";
import { openDescriptors, usedMs } from "../support/process-state.ts";
import { ask, freePorts, Program, shell, until } from "../support/program.ts";

const LIMIT = 140;
const COMERS = 300;
const REST_MS = 1_500;
/** Processor time that a process which has nothing to do may use meanwhile: timers, garbage collection. */
const IDLE_MS = 300;

interface Service extends AsyncDisposable {
  readonly port: number;
  readonly connections: number;
}

/** Answers after a moment, so that requests of many callers are under way at once. */
async function service(afterMs: number): Promise<Service> {
  let connections = 0;
  const server = http.createServer({ keepAliveTimeout: 0 }, (_request, response) => {
    setTimeout(() => response.end("ok"), afterMs);
  });
  server.on("connection", (socket) => {
    connections++;
    socket.on("close", () => connections--);
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => void server.close(done));
    },
  };
}

interface Running extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  readonly admin: number;
  readonly one: Service;
  metrics(): Promise<Record<string, number>>;
}

async function limited(afterMs: number): Promise<Running> {
  const [one, other] = [await service(afterMs), await service(afterMs)];
  const [port = 0, admin = 0] = await freePorts(2);
  const inet = ({ port: at }: Service) => `/$/inet/127.0.0.1/${at}`;
  const program = new Program(["run", "-"], {
    through: shell(`ulimit -n ${LIMIT}`),
    input: JSON.stringify({
      admin: { port: admin },
      routers: [
        {
          protocol: "http",
          dtab: `/svc/web => ${inet(one)} & ${inet(other)}; /svc/other => ${inet(other)}; /svc/silent => /$/inet/127.0.0.1/1;`,
          servers: [{ port }],
          client: {
            failFast: true,
            failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 1 },
            hostConnectionPool: { idleTimeMs: 1_000 },
          },
        },
      ],
    }),
  });
  await program.said("is ready");
  return {
    program,
    port,
    admin,
    one,
    async metrics() {
      const { text } = await ask(admin, {}, "/admin/metrics.json");
      return JSON.parse(text) as Record<string, number>;
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
}

const complaints = (program: Program) => program.err.split("\n").filter((line) => line.includes("file descriptors"));
const blamed = (program: Program) =>
  program.err.split("\n").filter((line) => /takes endpoint|marked endpoint/.test(line));
const some = (callers: readonly KeptCaller[]) => callers.filter(({ gone }) => !gone);

async function restingMs(pid: number): Promise<number> {
  const before = usedMs(pid);
  await new Promise((later) => {
    setTimeout(later, REST_MS);
  });
  return usedMs(pid) - before;
}

test.skipIf(process.platform !== "linux")(
  "callers beyond what descriptors allow are turned away, all others are served on, and it is over when they have gone",
  async () => {
    await using running = await limited(30);
    const { program, port } = running;
    const descriptors = openDescriptors(program.pid);
    const callers = Array.from({ length: COMERS }, () => new KeptCaller(port));
    await Promise.all(callers.map((caller) => caller.ask()));
    await until(
      () => callers.filter(({ gone }) => gone).length > 0,
      () => "callers to be turned away",
    );
    const taken = some(callers);
    expect(taken.length).toBeGreaterThan(30);
    expect(taken.length).toBeLessThan(LIMIT);
    for (let round = 0; round < 10; round++) {
      const late = Array.from({ length: 20 }, () => new KeptCaller(port));
      const said = await Promise.all(taken.map((caller) => caller.ask()));
      expect(new Set(said)).toEqual(new Set(["200"]));
      expect(new Set(await Promise.all(late.map((caller) => caller.ask())))).toEqual(new Set(["gone"]));
    }
    expect(await restingMs(program.pid)).toBeLessThan(IDLE_MS);
    const metrics = await running.metrics(); // admin finds a descriptor all the same
    expect(metrics["process/descriptors/limit"]).toBe(LIMIT);
    // Others met a proxy without any descriptor, where the event loop itself closes what it cannot accept.
    expect(metrics["process/descriptors/turned_away"]).toBeGreaterThan(COMERS / 3);
    expect(complaints(program)).toHaveLength(1);
    expect(blamed(program)).toEqual([]);

    for (const caller of taken) caller.close();
    await until(
      () => openDescriptors(program.pid) <= descriptors + 1,
      () => `${openDescriptors(program.pid)} descriptors to become ${descriptors}`,
    );
    const fresh = Array.from({ length: 30 }, () => new KeptCaller(port));
    expect(new Set(await Promise.all(fresh.map((caller) => caller.ask())))).toEqual(new Set(["200"]));
    for (const caller of fresh) caller.close();
  },
  60_000,
);

test.skipIf(process.platform !== "linux")(
  "with not one descriptor left what is kept open is used on, new connections fail with a cause of their own, and no endpoint is blamed",
  async () => {
    await using running = await limited(1);
    const { admin, one, port, program } = running;
    const callers = Array.from({ length: 10 }, () => new KeptCaller(port));
    const ofOther = new KeptCaller(port);
    await Promise.all(callers.map((caller) => caller.ask()));
    // Admin may use the last descriptor; what comes then is closed by the event loop itself.
    const hogs = Array.from({ length: LIMIT }, () => new KeptCaller(admin));
    await until(
      () => hogs.filter(({ gone }) => gone).length > 0,
      () => "a caller that found no descriptor",
    );
    // A service nobody has asked yet, and connections of the two that are asked all the time.
    for (let i = 0; i < 5; i++) {
      expect(await ofOther.ask("silent")).toBe("503 proxy.limit.descriptors");
      expect(await callers[0]?.ask()).toBe("200");
    }
    const said = await Promise.all(callers.map((caller) => caller.ask()));
    expect(new Set(said)).toEqual(new Set(["200"]));
    expect(one.connections).toBeGreaterThan(0);
    expect(await restingMs(program.pid)).toBeLessThan(IDLE_MS);
    expect(complaints(program)).toHaveLength(1);
    expect(blamed(program)).toEqual([]);

    for (const hog of hogs) hog.close();
    await until(
      () => openDescriptors(program.pid) < LIMIT / 2,
      () => "descriptors to be closed",
    );
    expect(await ofOther.ask("silent")).toBe("502 upstream.connect.refused");
    expect(await ofOther.ask("other")).toBe("200");
    const metrics = await running.metrics();
    expect(metrics["process/descriptors/failures"]).toBeGreaterThanOrEqual(5);
    expect(Object.entries(metrics).filter(([name, value]) => name.endsWith("marked_dead") && value > 0)).toEqual([]);
    for (const caller of [...callers, ofOther]) caller.close();
  },
  60_000,
);
