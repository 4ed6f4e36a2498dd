// Telemeters on a bad day: the process has no descriptor left for a while, a receiver says anything but what it should.
import dgram from "node:dgram";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { KeptCaller } from "../support/kept-caller.ts";
import { openDescriptors } from "../support/process-state.ts";
import { type Connection, WorkerSite } from "../support/worker-site.ts";
import { ask, freePorts, Program, shell, until } from "../support/program.ts";

const LIMIT = 120;

function keepAlive(): http.Agent & Disposable {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

/** All metrics, on a connection that is kept. */
function metricsBy(agent: http.Agent, port: number): Promise<Record<string, number>> {
  return new Promise((done, reject) => {
    http
      .get({ host: "127.0.0.1", port, path: "/admin/metrics.json", agent }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => done(JSON.parse(text) as Record<string, number>)); // a flat object of numbers
        answer.on("error", reject);
      })
      .on("error", reject);
  });
}

test.skipIf(process.platform !== "linux")(
  "without a descriptor no metrics are sent to StatsD; they are, and nothing of them is lost, as soon as there is one again",
  async () => {
    const lines: string[] = [];
    const statsd = dgram.createSocket("udp4");
    statsd.on("message", (message) => lines.push(...message.toString().split("\n")));
    await new Promise<void>((done) => void statsd.bind(0, "127.0.0.1", done));
    const [port = 0, admin = 0] = await freePorts(2);
    await using program = new Program(["run", "-"], {
      through: shell(`ulimit -n ${LIMIT}`),
      input: JSON.stringify({
        admin: { port: admin },
        telemetry: [
          {
            kind: "io.l5d.statsd",
            hostname: "127.0.0.1",
            port: statsd.address().port,
            prefix: "l",
            gaugeIntervalMs: 100,
          },
        ],
        routers: [{ protocol: "http", dtab: "/svc/web => /$/io.buoyant.http.status/204", servers: [{ port }] }],
      }),
    });
    await program.said("is ready");
    const requests = () =>
      lines.reduce(
        (sum, line) => sum + Number(/^l\.rt\.http\.server\.[^:]+\.requests:(\d+)\|c$/.exec(line)?.[1] ?? 0),
        0,
      );
    expect((await ask(port, { Host: "web" })).status).toBe(204);
    await until(
      () => requests() === 1,
      () => "the first request to be told",
    );

    const kept = new KeptCaller(port);
    expect(await kept.ask()).toBe("204");
    using agent = keepAlive();
    const watching = () => metricsBy(agent, admin);
    await watching();
    const hogs = Array.from({ length: LIMIT }, () => new KeptCaller(admin));
    await until(
      () => program.err.includes("metrics cannot be sent"),
      () => `metrics that cannot be sent; ${program.err}`,
    );
    for (let i = 0; i < 3; i++) expect(await kept.ask()).toBe("204");
    // What is measured with files, too, stands as it was.
    const metrics = await watching();
    expect(metrics["process/memory/rss_bytes"]).toBeGreaterThan(1_000_000);
    expect(metrics["telemeter/io.l5d.statsd/failures"]).toBeGreaterThan(0);
    for (const hog of hogs) hog.close();
    await until(
      () => openDescriptors(program.pid) < LIMIT / 2,
      () => "descriptors to be closed",
    );
    expect((await ask(port, { Host: "web" })).status).toBe(204);
    await until(
      () => program.err.includes("is sent metrics again"),
      () => `metrics that are sent again; ${program.err}`,
    );
    await until(
      () => requests() === 6,
      () => `6 requests to be told, not ${requests()}`,
    );
    kept.close();
    await new Promise<void>((done) => void statsd.close(done));
  },
  60_000,
);

test.each([1, 2])(
  "a log that nobody reads fills no memory, and says how much is missing when somebody does (%i event loop(s))",
  async (workers) => {
    await using site = await WorkerSite.start({ workers, rest: { telemetry: [{ kind: "io.l5d.tracelog" }] } });
    const { program } = site;
    program.child.stderr?.pause();
    const connections = Array.from({ length: 8 }, () => site.connect());
    const asking = async (connection: Connection) => {
      for (let i = 0; i < 500; i++) expect((await connection.ask(`/${"x".repeat(1000)}`)).status).toBe(200);
    };
    await Promise.all(connections.map(asking));
    program.child.stderr?.resume();
    const missing = (): number => {
      const told = program.err.matchAll(/ WARN {2}log: (\d+) lines are missing here: nobody read them\n/g);
      return told.reduce((sum, [, lines]) => sum + Number(lines), 0); // a reader that is slow may lose some more than once
    };
    const accounted = async (): Promise<number> => {
      const { "telemeter/io.l5d.tracelog/dropped": dropped = 0 } = await site.metrics(); // by workers that had too many
      return program.err.split(" io.l5d.tracelog: ").length - 1 + missing() + dropped;
    };
    let asked = connections.length * 500;
    for (let i = 0; i < 500 && (await accounted()) !== asked; i++) {
      if (i % 10 === 0) {
        await connections[0]?.ask("/once-more"); // what is missing is told with the next line
        asked++;
      }
      await new Promise((later) => setTimeout(later, 10));
    }
    expect(missing()).toBeGreaterThan(1000);
    expect(await accounted()).toBe(asked);
    expect(program.err.length).toBeLessThan(3_000_000);
  },
  30_000,
);

const NOISE = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255));
const MUCH = Buffer.alloc(1024 * 1024, "x");

function pour(socket: net.Socket): void {
  while (socket.write(MUCH)) continue;
}

/** What a receiver of spans does with a connection instead of answering. */
const RECEIVERS: Readonly<Record<string, (socket: net.Socket) => void>> = {
  "is silent": (socket) => void socket.resume(),
  "does not read": (socket) => void socket.pause(),
  "says anything": (socket) => void socket.resume().write(NOISE),
  "says much": (socket) => {
    socket
      .resume()
      .on("drain", () => pour(socket))
      .write("HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n");
    pour(socket);
  },
  drips: (socket) => {
    const drops = setInterval(() => socket.write("H"), 100);
    socket.resume().on("close", () => clearInterval(drops));
  },
  "breaks off": (socket) =>
    void socket.once("data", () => void socket.write("HTTP/1.1 2", () => socket.resetAndDestroy())),
  "hangs up": (socket) => void socket.destroy(),
};

async function receivers(): Promise<{ readonly ports: readonly number[] } & AsyncDisposable> {
  const servers = Object.values(RECEIVERS).map((receive) =>
    net.createServer((socket) => receive(socket.on("error", () => undefined))),
  );
  for (const server of servers) await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port), // they listen on ports
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
    },
  };
}

test(`a receiver of spans that ${Object.keys(RECEIVERS).join(", ")}: each span is lost and counted, nobody waits, and the stop is in time`, async () => {
  await using bad = await receivers();
  const telemetry = bad.ports.flatMap((port) => [
    { kind: "io.zipkin.http", host: `127.0.0.1:${port}`, initialSampleRate: 1 },
    { kind: "io.l5d.zipkin", host: "127.0.0.1", port, sampleRate: 1 },
  ]);
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  const connections = Array.from({ length: 10 }, () => site.connect());
  let slowestMs = 0;
  const asking = async (connection: Connection) => {
    for (let i = 0; i < 250; i++) {
      const beganMs = performance.now();
      expect((await connection.ask(`/${i}`)).status).toBe(200);
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    }
  };
  await Promise.all(connections.map(asking));
  expect(slowestMs).toBeLessThan(1000);
  const metrics = await site.metrics();
  for (const kind of ["io.zipkin.http", "io.l5d.zipkin"]) {
    expect(metrics[`telemeter/${kind}/sent`]).toBe(0);
    // Of 2500 requests, two spans each, a thousand may wait and a hundred be under way.
    expect(metrics[`telemeter/${kind}/dropped`]).toBeGreaterThanOrEqual(2 * 1400 * bad.ports.length);
  }
  for (const connection of connections) connection[Symbol.dispose]();
  const beganMs = performance.now();
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
  expect(performance.now() - beganMs).toBeLessThan(5000);
  expect(site.program.err).not.toMatch(/ ERROR |\n {4}at /);
}, 60_000);

test("telemeters that come and go while two workers serve, one of which dies, cost nobody a request", async () => {
  await using bad = await receivers();
  const kinds = [
    { kind: "io.l5d.recentRequests", sampleRate: 1, capacity: 100 },
    { kind: "io.l5d.tracelog", level: "DEBUG" },
    ...bad.ports.map((port) => ({ kind: "io.zipkin.http", host: `127.0.0.1:${port}`, initialSampleRate: 1 })),
    { kind: "io.l5d.statsd", port: bad.ports[0], gaugeIntervalMs: 100 },
    { kind: "io.l5d.zipkin", host: "127.0.0.1", port: bad.ports[1], sampleRate: 1 },
  ];
  await using site = await WorkerSite.start({ rest: { telemetry: [] } });
  const [ofFirst, ofSecond] = await site.connections(3);
  let going = true;
  const asking = async (connection: Connection) => {
    let asked = 0;
    for (; going; asked++) expect((await connection.ask(`/${asked}`)).status).toBe(200);
    return asked;
  };
  const others = ofSecond.map(asking);
  const first = Promise.allSettled(ofFirst.map(asking)); // some of its connections go with it
  for (let round = 0; round < 12; round++) {
    site.write({ telemetry: kinds.filter((_, n) => round % 3 === 0 || (n + round) % 3 === 0) });
    expect((await site.admin("/admin/reload", "POST")).status).toBe(200);
    await new Promise((later) => setTimeout(later, 50));
  }
  site.write({ telemetry: kinds });
  expect((await site.admin("/admin/reload", "POST")).status).toBe(200);
  site.cause(0, "exit");
  await site.replaced(0, 1);
  const [fresh] = await site.connections(1);
  going = false;
  await first;
  for (const asked of await Promise.all(others)) expect(asked).toBeGreaterThan(50);
  let uris: string[] = [];
  for (let i = 0; i < 200 && !uris.includes("/after"); i++) {
    await fresh[0]?.ask("/after"); // again and again: what the other worker has to tell, in one batch, may be all that is kept
    const { text } = await site.admin("/requests.json");
    uris = (JSON.parse(text) as { uri: string }[]).map(({ uri }) => uri); // as documented
    if (!uris.includes("/after")) await new Promise((later) => setTimeout(later, 20));
  }
  expect(uris).toContain("/after");
  site.write({ telemetry: [] });
  expect((await site.admin("/admin/reload", "POST")).status).toBe(200);
  expect((await site.admin("/requests.json")).status).toBe(404);
}, 60_000);
