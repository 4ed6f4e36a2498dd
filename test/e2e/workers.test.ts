// Two worker threads in a real process: who listens where, what is counted, logged and shown of both together, totals, reload, stop.
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import http from "node:http";
import { mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readMetrics } from "../support/metrics-lint.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";
import { type Connection, WorkerSite } from "../support/worker-site.ts";

const web = { Host: "web" };
const REQUESTS = "requests";

/** Waits, asking over and over. */
async function untilTrue(what: string, look: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 10_000;
  while (!(await look())) {
    if (performance.now() > giveUpMs) throw new Error(`waited in vain for ${what}`);
    await sleep(30);
  }
}

test("Both serve, and what each counts adds up to what is shown of both, in every format", async () => {
  await using site = await WorkerSite.start();
  const [first, second] = await site.connections(2);
  for (const [i, connection] of [...first, ...second].entries())
    for (let j = 0; j <= i; j++) expect((await connection.ask(`/${j}`)).text).toBe(`/${j}`);
  const [own0, own1, all] = [await site.metrics(0), await site.metrics(1), await site.metrics()];
  for (const metric of [REQUESTS, "success", "connects", "sent_bytes", "status/200", "request_latency_ms.count"]) {
    const name = site.name(metric);
    expect(own0[name], name).toBeGreaterThan(0);
    expect(own1[name], name).toBeGreaterThan(0);
    expect((own0[name] ?? 0) + (own1[name] ?? 0), name).toBe(all[name]);
  }
  const latency = (of: Record<string, number>, field: string) => of[site.name(`request_latency_ms.${field}`)] ?? -1;
  expect(latency(all, "max")).toBe(Math.max(latency(own0, "max"), latency(own1, "max")));
  expect(latency(all, "min")).toBe(Math.min(latency(own0, "min"), latency(own1, "min")));
  expect(latency(all, "sum")).toBeCloseTo(latency(own0, "sum") + latency(own1, "sum"), 6);
  expect(latency(all, "p50")).toBeGreaterThanOrEqual(Math.min(latency(own0, "p50"), latency(own1, "p50")));
  expect(latency(all, "p50")).toBeLessThanOrEqual(Math.max(latency(own0, "p50"), latency(own1, "p50")));
  const client = `rt/http/client/$/inet/127.0.0.1/${site.servicePort}`;
  expect(all[`${client}/loadbalancer/size`]).toBe(1); // the same endpoint for both
  expect(all[`${client}/nack_admission_control/ema_value`]).toBe(1);
  expect(Object.entries(all).filter(([name, value]) => name.includes("algorithm/") && value !== 1)).toEqual([]);
  for (const accept of ["", "application/openmetrics-text; version=1.0.0"]) {
    const { text } = await ask(site.adminPort, accept === "" ? {} : { Accept: accept }, "/metrics");
    const { problems, samples } = readMetrics(text, accept !== "");
    expect(problems).toEqual([]);
    const count = samples.find(
      ({ labels, name }) =>
        name === "fairlead_server_request_duration_seconds_count" ||
        (name.includes("requests_total") && labels.has("server")),
    );
    expect(count?.value, text.slice(0, 500)).toBeGreaterThan(0);
  }
  expect((await site.admin("/admin/metrics.json?worker=2")).status).toBe(404);
  expect((await site.admin("/admin/workers/replace?worker=2", "POST")).status).toBe(404);
  expect((await site.admin("/admin/workers/replace?worker=1e0", "POST")).status).toBe(404);
});

test("Names of metrics are those of one worker, besides the workers' own", async () => {
  const names = async (workers: number) => {
    await using site = await WorkerSite.start({ workers });
    for (let i = 0; i < 20; i++) await ask(site.port, web);
    const keys = Object.keys(await site.metrics()).map((name) =>
      name.replace(`/${site.port}/`, "/P/").replace(`/${site.servicePort}/`, "/B/"),
    );
    return [...new Set(keys.map((name) => name.replace(/\.(?:count|sum|min|max|avg|p\d+)$/, "")))].sort();
  };
  const [one, two] = [await names(1), await names(2)];
  expect(two.filter((name) => !name.startsWith("workers/"))).toEqual(one);
}, 30_000);

test("Every line of the access log is there once, those of the last moment before the stop included", async () => {
  const router = (folder: string) => ({
    httpAccessLog: join(folder, "access.log"),
    httpAccessLogFormat: { kind: "template", template: "%{uri}" },
  });
  await using site = await WorkerSite.start();
  site.write({}, router(site.folder));
  expect((await site.admin("/admin/reload", "POST")).text).toContain("in force");
  const [first, second] = await site.connections(2);
  const asked: string[] = [];
  let going = true;
  const callers = [...first, ...second].map(async (connection, c) => {
    for (let i = 0; going; i++) {
      const uri = `/${c}-${i}`;
      const answer = await connection.ask(uri).catch(() => null);
      if (answer !== null) asked.push(uri);
      else await sleep(1); // the proxy is going
    }
  });
  await sleep(500);
  site.program.signal("SIGTERM");
  await site.program.said("SIGTERM: stopping");
  going = false;
  await Promise.allSettled(callers);
  expect(await site.program.end()).toBe(0);
  const lines = readFileSync(join(site.folder, "access.log"), "utf8").trimEnd().split("\n");
  const seen = lines.filter((line) => line !== "/whose");
  expect(seen.length).toBe(new Set(seen).size);
  expect(asked.filter((uri) => !seen.includes(uri))).toEqual([]);
  expect(seen.length).toBeGreaterThan(50);
});

test("Log levels reach the workers, also those that come later, and what workers log comes out", async () => {
  await using site = await WorkerSite.start({ router: { dtab: "/svc/web => /$/inet/127.0.0.1/1" } });
  const lines = () => site.program.err.split("router.http: ").length - 1;
  for (const connection of (await site.connections(1)).flat()) for (let i = 0; i < 8; i++) await connection.ask("/");
  await until(
    () => site.program.err.split(" marked endpoint 127.0.0.1:1 dead").length > 2,
    () => `a line of both; they said ${site.program.err}`,
  );
  expect((await site.admin("/logging.json?logger=router.http&level=OFF", "POST")).status).toBe(200);
  await site.admin("/admin/workers/replace?worker=0", "POST");
  const before = lines();
  await site.replaced(0, 1);
  expect(lines()).toBe(before); // the new one does not say where it serves
});

test("What admin shows of routers and clients comes from both", async () => {
  await using site = await WorkerSite.start();
  const [first, second] = await site.connections(1);
  await first[0]?.ask();
  await second[0]?.ask();
  const state = JSON.parse((await site.admin("/client_state.json")).text) as Record<string, never>;
  const [[, client] = []] = Object.entries(state) as [string, { routers: Record<string, { endpoints: object[] }> }][];
  expect(client?.routers["http"]?.endpoints).toMatchObject([
    { worker: 0, health: "alive", pool: { size: 1 } },
    { worker: 1, health: "alive", pool: { size: 1 } },
  ]);
  const stack = JSON.parse((await site.admin("/routers/http/stack.json")).text) as Record<string, unknown[]>;
  expect(stack).toMatchObject({ label: "http", servers: [{ address: `127.0.0.1:${site.port}` }] });
  expect(stack["paths"]).toHaveLength(1);
  expect(stack["clients"]).toHaveLength(1);
  expect((await site.admin("/delegator.json?path=/svc/web")).text).toContain(`/$/inet/127.0.0.1/${site.servicePort}`);
  expect((await site.admin("/admin/ready")).status).toBe(200);
});

test("An override is bound in both", async () => {
  await using site = await WorkerSite.start();
  const elsewhere = http.createServer((_, answer) => void answer.end("elsewhere")).listen(0, "127.0.0.1");
  await until(
    () => elsewhere.listening,
    () => "a service",
  );
  const dtab = `/svc/web => /$/inet/127.0.0.1/${(elsewhere.address() as AddressInfo).port}`;
  for (const [connection] of await site.connections(1)) {
    expect((await connection?.ask("/", { "l5d-dtab": dtab }))?.text).toBe("elsewhere");
    expect((await connection?.ask("/here"))?.text).toBe("/here");
  }
  elsewhere.close();
  elsewhere.closeAllConnections();
});

/** Answers when it is told to. */
class Held {
  readonly waiting: http.ServerResponse[] = [];
  most = 0;
  readonly serve: http.RequestListener = (request, answer) => {
    if (request.url !== "/held") return void answer.end(request.url);
    this.most = Math.max(this.most, this.waiting.push(answer));
    return undefined;
  };

  release(): void {
    for (const answer of this.waiting.splice(0)) answer.end("held");
  }
}

test("maxConcurrentRequests is a total of the process, with both workers and while one is gone", async () => {
  const held = new Held();
  await using site = await WorkerSite.start({ serve: held.serve, server: { maxConcurrentRequests: 11 } });
  const [first, second] = await site.connections(15);
  const burst = async (connections: readonly Connection[]): Promise<number[]> => {
    const asked = connections.map((connection) => connection.ask("/held"));
    let refused = 0;
    for (const each of asked)
      void each.then(({ status }) => (refused += status === 503 ? 1 : 0)).catch(() => undefined);
    await until(
      () => held.waiting.length + refused === connections.length,
      () => `all to be held or refused; ${held.waiting.length} and ${refused}`,
    );
    const count = held.waiting.length;
    held.release();
    await Promise.allSettled(asked);
    return [count, refused];
  };
  expect(await burst([...first, ...second])).toEqual([11, 19]);
  expect(await burst(first)).toEqual([6, 9]);
  expect(await burst(second)).toEqual([5, 10]);
  site.cause(0, "throw");
  await site.program.said("worker 0 is gone");
  expect(await burst(second)).toEqual([11, 4]);
  await site.replaced(0, 1);
  const [one, other] = await site.connections(15);
  const [count = 0] = await burst([...one, ...other]);
  expect(count).toBe(11);
}, 30_000);

test("A port that is left to the system is the same for both, and for the successor of either", async () => {
  await using site = await WorkerSite.start({ server: { port: 0 } });
  const ports = () => [...site.program.err.matchAll(/serving http on 127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
  const [port] = ports();
  expect(ports()).toEqual([port, port]);
  await site.admin("/admin/workers/replace?worker=0", "POST");
  await site.replaced(0, 1);
  expect(ports()).toEqual([port, port, port]);
  for (let i = 0; i < 10; i++) expect((await ask(Number(port), web, "/any")).text).toBe("/any");
});

test("A configuration is reloaded in both, a successor has the new one, and one that cannot be had changes nothing", async () => {
  await using site = await WorkerSite.start();
  const [port = 0, taken = 0] = await freePorts(2);
  const service = `/$/inet/127.0.0.1/${site.servicePort}`;
  const [first, second] = await site.connections(1);
  const all = [...first, ...second];
  const reload = () => site.admin("/admin/reload", "POST");
  site.write({}, { dtab: `/svc/web => ${service} ; /svc/more => ${service}` });
  expect((await reload()).text).toContain("in force");
  for (const connection of all) expect((await connection.ask("/", { Host: "more" })).status).toBe(200);
  expect(all.map(({ sockets }) => sockets.size)).toEqual([1, 1]);
  // Another address.
  site.write({}, { servers: [{ port: site.port }, { port }] });
  expect((await reload()).text).toContain("in force");
  for (let i = 0; i < 10; i++) expect((await ask(port, web)).status).toBe(200);
  // One that somebody has: first worker 0 is refused it.
  const squatter = net.createServer().listen(taken, "127.0.0.1");
  await until(
    () => squatter.listening,
    () => "the port to be taken",
  );
  site.write({}, { servers: [{ port: site.port, maxConcurrentRequests: 7 }, { port: taken }] });
  const refused = await reload();
  expect(refused.status).toBe(422);
  expect(refused.text).toContain(`127.0.0.1:${taken} is already in use`);
  squatter.close();
  for (let i = 0; i < 10; i++) expect((await ask(port, web)).status).toBe(200);
  // What several threads cannot have together.
  site.write({}, { servers: [{ port: site.port }, { socket: join(site.folder, "sock") }] });
  expect((await reload()).text).toContain("a unix socket cannot be shared between threads");
  site.write({ workers: 3 });
  expect((await reload()).text).toContain("in force");
  expect(site.program.err).toContain("workers has changed, which takes effect with the next start");
  expect(await site.workers()).toHaveLength(2);
  // A successor begins with what is in force.
  site.write({}, { dtab: `/svc/late => ${service}` });
  expect((await reload()).text).toContain("in force");
  for (const worker of [0, 1]) await site.admin(`/admin/workers/replace?worker=${worker}`, "POST");
  await site.replaced(0, 1);
  await site.replaced(1, 1);
  for (let i = 0; i < 10; i++) expect((await ask(site.port, { Host: "late" })).status).toBe(200);
});

test("Reloads while workers are replaced: afterwards all have what was written last", async () => {
  await using site = await WorkerSite.start();
  const service = `/$/inet/127.0.0.1/${site.servicePort}`;
  for (let round = 0; round < 12; round++) {
    const change = round % 2 === 0 ? { servers: [{ port: site.port, maxConcurrentRequests: 100 + round }] } : {};
    site.write({}, { ...change, dtab: `/svc/round${round} => ${service}` });
    await site.admin(`/admin/workers/replace?worker=${round % 2}`, "POST");
    const reloaded = site.admin("/admin/reload", "POST");
    await sleep(round * 25);
    const { status, text } = await reloaded;
    expect(status, text).toBe(200);
  }
  await untilTrue("both workers", async () => (await site.workers()).every(({ state }) => state === "serving"));
  for (let i = 0; i < 24; i++) {
    expect((await ask(site.port, { Host: "round11" })).status).toBe(200);
    expect((await ask(site.port, { Host: "round10" })).status).toBe(502);
  }
}, 30_000);

test("SIGTERM lets requests in both workers finish", async () => {
  const held = new Held();
  await using site = await WorkerSite.start({ serve: held.serve });
  const asked = (await site.connections(2)).flat().map((connection) => connection.ask("/held"));
  await until(
    () => held.waiting.length === 4,
    () => "four requests",
  );
  const active = async () => (await site.workers()).reduce((sum, worker) => sum + worker.active, 0);
  await untilTrue("the workers to tell how many", async () => (await active()) === 4);
  site.program.signal("SIGTERM");
  await site.program.said("SIGTERM: stopping");
  const ready = await site.admin("/admin/ready");
  expect(ready).toMatchObject({ status: 503, text: "not ready: stopping, 4 requests in progress\n" });
  await expect(ask(site.port, web)).rejects.toThrow("ECONNREFUSED");
  held.release();
  expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(["held", "held", "held", "held"]);
  expect(await site.program.end()).toBe(0);
  expect(site.program.err).toContain("everything in progress was finished");
});

test("What is in progress when the time to stop is over is ended with its cause, in both", async () => {
  const held = new Held();
  const [adminPort] = await freePorts(1);
  await using site = await WorkerSite.start({
    serve: held.serve,
    rest: { admin: { port: adminPort, shutdownGraceMs: 700 } },
  });
  const ended = (await site.connections(1)).flat().map((connection) => connection.ask("/held"));
  await until(
    () => held.waiting.length === 2,
    () => "two requests",
  );
  const before = performance.now();
  site.program.signal("SIGTERM");
  const answers = await Promise.all(ended);
  for (const { text } of answers) expect(text).toContain("did not finish within shutdownGraceMs");
  expect(await site.program.end()).toBe(0);
  expect(performance.now() - before).toBeLessThan(5000);
}, 30_000);

test("A stop while a worker is being replaced ends cleanly", async () => {
  for (const waitMs of [0, 60, 150, 250, 350]) {
    await using site = await WorkerSite.start();
    await site.admin("/admin/workers/replace?worker=1", "POST");
    await sleep(waitMs);
    site.program.signal("SIGTERM");
    expect(await site.program.end()).toBe(0);
    expect(site.program.err).not.toContain("cannot serve");
  }
}, 30_000);

test.each([false, true])(
  "A port that another process has is told as with one worker; the other one has workers: %s",
  async (workers) => {
    await using site = await WorkerSite.start({ workers: workers ? 2 : 1 });
    const [adminPort] = await freePorts(1);
    const text = JSON.stringify({
      admin: { port: adminPort },
      workers: 2,
      routers: [{ protocol: "http", dtab: "/svc => /nowhere", servers: [{ port: site.port }] }],
    });
    await using program = new Program(["run", "-", "--log-level", "off"], { input: text });
    expect(await program.end()).toBe(1);
    expect(program.err).toBe(
      `fairlead: 127.0.0.1:${site.port} is already in use; stop what listens there, or choose another port at routers[0].servers[0].port\n`,
    );
  },
);

test("HTTP/2 connections are shared out, too", async () => {
  await using site = await WorkerSite.start({
    router: { protocol: "http", client: { kind: "io.l5d.global" } },
    server: { http2: true },
    rest: { fairlead: 1 },
  });
  const get = (session: http2.ClientHttp2Session, path: string) =>
    new Promise<string>((done, reject) => {
      let text = "";
      const stream = session.request({ ":path": path, ":authority": "web" });
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      stream.on("end", () => done(text)).on("error", reject);
    });
  const sessions = Array.from({ length: 16 }, () => http2.connect(`http://127.0.0.1:${site.port}`));
  for (const session of sessions) for (let i = 0; i < 5; i++) expect(await get(session, `/${i}`)).toBe(`/${i}`);
  const counts = await Promise.all(
    [0, 1].map(async (worker) => (await site.metrics(worker))[site.name(REQUESTS)] ?? 0),
  );
  expect(counts[0]! + counts[1]!).toBe(80);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  for (const session of sessions) session.destroy();
});

test("An endpoint that failure accrual takes out in one worker gets nothing from the other", async () => {
  const seen = { bad: 0, good: 0 };
  const bad = http.createServer((_, answer) => {
    seen.bad++;
    answer.writeHead(500).end();
  });
  const good = http.createServer((_, answer) => {
    seen.good++;
    answer.end("good");
  });
  for (const server of [bad, good]) await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const [badPort, goodPort] = [bad, good].map((server) => (server.address() as AddressInfo).port);
  await using site = await WorkerSite.start({
    router: {
      dtab: "/svc => /#/fairlead.static",
      client: {
        kind: "io.l5d.global",
        failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 5, backoff: { kind: "constant", ms: 60_000 } },
      },
    },
    rest: {
      namers: [{ kind: "fairlead.static", names: { web: [`127.0.0.1:${badPort}`, `127.0.0.1:${goodPort}`] } }],
    },
  });
  const [[first], [second]] = await site.connections(1);
  seen.bad = 0;
  await second?.ask(); // so that it knows the client
  for (let i = 0; i < 60 && !site.program.err.includes("marked endpoint"); i++) await first?.ask();
  await until(
    () => site.program.err.split("marked endpoint").length > 2, // both say so
    () => `both workers to take it out: ${site.program.err}`,
  );
  const before = seen.bad;
  for (let i = 0; i < 40; i++) expect((await second?.ask())?.text).toBe("good");
  expect(seen.bad).toBe(before);
  const all = await site.metrics(1);
  expect(Object.entries(all).find(([name]) => name.endsWith("failure_accrual/removals"))?.[1]).toBe(1);
  for (const server of [bad, good]) {
    server.close();
    server.closeAllConnections();
  }
});

test("Discovery runs once per process: as many files are watched as with one worker", async () => {
  const watches = async (workers: number): Promise<number> => {
    await using site = await WorkerSite.start({
      workers,
      router: { dtab: "/svc => /#/io.l5d.fs" },
      rest: { namers: [{ kind: "io.l5d.fs", rootDir: discoOf() }] },
    });
    for (let i = 0; i < 20; i++) expect((await ask(site.port, web)).status).toBe(200);
    const { pid } = site.program;
    return readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`).includes("inotify");
        } catch {
          return false;
        }
      })
      .map((fd) => readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8").split("inotify wd:").length - 1)
      .reduce((sum, count) => sum + count, 0);
  };
  const service = http.createServer((_, answer) => void answer.end()).listen(0, "127.0.0.1");
  await until(
    () => service.listening,
    () => "a service",
  );
  const folder = join(process.env["TMPDIR"] ?? "/tmp", `fairlead-disco-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "web"), `127.0.0.1 ${(service.address() as AddressInfo).port}\n`);
  function discoOf(): string {
    return folder;
  }
  const one = await watches(1);
  expect(one).toBeGreaterThan(0);
  expect(await watches(2)).toBe(one);
  service.close();
  service.closeAllConnections();
}, 30_000);

test("auto is what the scheduler leaves the process: pinned to one processor, there is one event loop", async () => {
  await using site = await WorkerSite.start({ workers: "auto", command: ["taskset", "-c", "0", process.execPath] });
  expect(await site.workers()).toEqual([]);
  expect((await ask(site.port, web, "/one")).text).toBe("/one");
});
