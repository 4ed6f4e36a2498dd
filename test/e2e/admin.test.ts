// The admin server of a whole proxy: in simulated time where time or failures matter, on real sockets for what callers see.
import { createHash } from "node:crypto";
import http from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { Linker } from "../../src/app/linker.ts";
import { systemClock } from "../../src/base/clock.ts";
import { documentedRoutes, methodsOf } from "../../src/admin/routes.ts";
import { Log } from "../../src/telemetry/log.ts";
import { type Answer, HttpClient } from "../support/http-client.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { readMetrics } from "../support/metrics-lint.ts";
import type { ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, type Scene, tcpScene } from "../support/scene.ts";

/** A caller of a proxy's admin server. */
class Admin {
  readonly client: HttpClient;

  constructor(scene: Scene) {
    const port = scene.proxy.linker.admin?.listener.port ?? expect.fail("there is no admin server");
    this.client = new HttpClient(scene.world, port);
  }

  send(line: string, fields: Readonly<Record<string, string>> = {}, body = ""): Promise<Answer> {
    return this.client.ask(compose(`${line} HTTP/1.1`, { Host: "localhost", ...fields }, body));
  }

  get(target: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send(`GET ${target}`, fields);
  }

  async json(target: string): Promise<unknown> {
    return JSON.parse((await this.get(target)).body);
  }
}

/** A proxy that has served one request. */
async function usedScene(setup: ProxySetup = {}) {
  const scene = await memoryScene(setup);
  const caller = scene.connect();
  await caller.ask(get());
  caller.close();
  return { scene, admin: new Admin(scene) };
}

test("every endpoint answers GET with what it says, and HEAD with the same head", async () => {
  const { scene, admin } = await usedScene({
    namers: [{ kind: "io.l5d.fs", rootDir: "examples/disco" }],
    telemetry: [
      { kind: "io.l5d.prometheus" },
      { kind: "io.l5d.influxdb" },
      { kind: "io.l5d.recentRequests", sampleRate: 1 },
    ],
  });
  await using _ = scene;
  const names: Readonly<Record<string, string>> = { "<prefix>": "io.l5d.fs", "<label>": "http" };
  for (const route of documentedRoutes.filter(({ get: answers }) => answers !== undefined)) {
    const path = route.path.replace(/<.*>/, (name) => names[name] ?? name);
    const target = path === "/delegator.json" ? `${path}?path=/svc/web` : path;
    const answer = await admin.get(target);
    expect([target, answer.status, answer.body]).toEqual([target, 200, expect.stringMatching(/./)]);
    if (path.endsWith(".json")) JSON.parse(answer.body);
    const head = await admin.send(`HEAD ${target}`);
    expect([head.status, head.body, valueOf(head, "content-type")]).toEqual([200, "", valueOf(answer, "content-type")]);
    expect(valueOf(answer, "cache-control")).toBe("no-store");
    expect(valueOf(answer, "x-content-type-options")).toBe("nosniff");
  }
});

test("metrics for InfluxDB are there when they are asked for, with the Host as it was asked for", async () => {
  const { scene, admin } = await usedScene({ telemetry: [{ kind: "io.l5d.influxdb" }] });
  await using _ = scene;
  const answer = await admin.get("/admin/metrics/influxdb", { Host: "localhost:9990" });
  expect([answer.status, valueOf(answer, "content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  const line = answer.body.split("\n").find((each) => each.startsWith("rt:service,")) ?? "";
  expect(line).toMatch(/^rt:service,host=localhost:9990,rt=http,service=svc\/web failures=0,.*\brequests=1\b/);
  expect((await admin.get("/admin")).body).toContain("/admin/metrics/influxdb");
  await using other = await memoryScene();
  const none = await new Admin(other).get("/admin/metrics/influxdb");
  expect([none.status, none.body]).toEqual([404, expect.stringContaining("kind: io.l5d.influxdb")]);
});

test("ping, readiness and the list are plain text", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  expect((await admin.get("/admin/ping")).body).toBe("pong");
  expect((await admin.get("/admin/ready")).body).toBe("ready\n");
  const list = (await admin.get("/admin")).body;
  expect(list).toMatch(/^GET +\/ +A page/);
  expect(list).not.toContain("prometheus");
  expect(list).not.toContain("influxdb");
  expect((await admin.get("/admin/index.txt")).body).toBe(list);
});

test("an unknown path is answered with what there is, a wrong method with the right ones", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const unknown = await admin.get("/admin/pong?x=1");
  expect(unknown.status).toBe(404);
  expect(unknown.body).toMatch(/^there is no \/admin\/pong here; there is:\n\nGET +\/ /);
  for (const route of documentedRoutes) {
    const allowed = methodsOf(route);
    for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"].filter(
      (name) => !allowed.includes(name),
    )) {
      const answer = await admin.send(`${method} ${route.path.replace(/<.*>/, "x")}`);
      expect([method, answer.status, valueOf(answer, "allow")]).toEqual([method, 405, allowed.join(", ")]);
    }
  }
});

test("problems of JSON endpoints are JSON", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const answer = await admin.get("/metrics.json?tree=maybe");
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toEqual({
    error: 'the parameter "tree" is "maybe"; write 1 or true, or leave it out',
  });
  expect(JSON.parse((await admin.send("DELETE /config.json")).body)).toEqual({
    error: "/config.json does not take DELETE; it takes GET, HEAD",
  });
});

test("a request for a foreign host or from a foreign page is refused", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const rebound = await admin.get("/config.json", { Host: "evil.example" });
  expect([rebound.status, JSON.parse(rebound.body)]).toEqual([
    403,
    { error: 'requests for Host "evil.example" are refused: use localhost or an address of this machine' },
  ]);
  const absolute = await admin.get("http://evil.example/admin/ping", { Host: "localhost" });
  expect(absolute.status).toBe(403);
  const foreign = await new Admin(scene).send("POST /admin/shutdown", { Origin: "http://evil.example" }, "x=1");
  expect([foreign.status, foreign.body]).toEqual([
    403,
    'requests from the site "http://evil.example" are refused: only pages of this server itself may ask\n',
  ]);
  expect((await admin.get("/admin/ready", { Origin: "http://localhost" })).status).toBe(200);
});

test("metrics come flat, as a tree, filtered and indented, under three paths", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const name = "rt/http/server/127.0.0.1/0/requests";
  for (const path of ["/admin/metrics.json", "/admin/metrics", "/metrics.json"]) {
    expect(await admin.json(`${path}?q=rt/http/server`)).toMatchObject({ [name]: 1 });
  }
  expect(Object.keys((await admin.json(`/metrics.json?q=${name}`)) as object)).toEqual([name]);
  expect(await admin.json("/metrics.json?tree=1&q=rt")).toMatchObject({
    rt: { http: { server: { "127.0.0.1/0": { requests: { counter: 1 } } } } },
  });
  expect((await admin.get(`/metrics.json?pretty=true&q=${name}`)).body).toBe(`{\n  "${name}": 1\n}\n`);
});

test("/metrics is there without configuration, as OpenMetrics for those who accept that", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const plain = await admin.get("/metrics");
  expect(valueOf(plain, "content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(valueOf(plain, "vary")).toBe("Accept");
  expect(plain.body).toContain('\nfairlead_server_requests_total{router="http",server="127.0.0.1/0"} 1\n');
  const open = await admin.get("/metrics", { Accept: "application/openmetrics-text;version=1.0.0,*/*;q=0.1" });
  expect(valueOf(open, "content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(open.body).toMatch(/\n# UNIT fairlead_process_uptime_seconds seconds\n[^]*\n# EOF\n$/);
  for (const { body } of [plain, open]) expect(readMetrics(body, body === open.body).problems).toEqual([]);
});

test("metrics for Prometheus are where the telemeter says, under its prefix", async () => {
  const telemetry = [{ kind: "io.l5d.prometheus", path: "/metrics", prefix: "l5d_" }];
  const routers = [{ protocol: "http", servers: [{ port: 0 }] }];
  await using scene = await memoryScene({ text: JSON.stringify({ admin: { port: 0 }, telemetry, routers }) });
  const admin = new Admin(scene);
  const answer = await admin.get("/metrics");
  expect(valueOf(answer, "content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(answer.body).toContain('\nl5d_rt:server:requests{rt="http", server="127.0.0.1/0"} 0\n');
  expect((await admin.get("/admin")).body).toContain("/metrics ");
  const elsewhere = await admin.get("/admin/metrics/prometheus");
  expect([elsewhere.status, elsewhere.body]).toEqual([404, "the metrics are at /metrics, as the configuration says\n"]);
});

test("without the telemeter the answer says how to configure it; fairlead: 1 has it", async () => {
  await using old = await memoryScene();
  const missing = await new Admin(old).get("/admin/metrics/prometheus");
  expect([missing.status, missing.body]).toEqual([
    404,
    expect.stringContaining("\ntelemetry:\n- kind: io.l5d.prometheus\n"),
  ]);
  await using modern = await memoryScene({ modern: true });
  expect((await new Admin(modern).get("/admin/metrics/prometheus")).status).toBe(200);
});

test("the configuration is shown as it was written", async () => {
  const text = JSON.stringify({
    admin: { port: 0 },
    routers: [{ protocol: "http", label: "in", servers: [{ port: 0 }] }],
  });
  await using scene = await memoryScene({ text });
  expect(await new Admin(scene).json("/config.json")).toEqual(JSON.parse(text));
});

test("names are explained by query, form and JSON", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const bound = {
    type: "delegate",
    path: "/svc/web",
    delegate: { type: "leaf", bound: { id: scene.backend.name, path: "/" } },
  };
  expect(await admin.json("/delegator.json?path=/svc/web&namespace=http")).toMatchObject(bound);
  const asked = { path: "/svc/web", dtab: "/svc => /$/inet/127.0.0.1/1" };
  const other = { type: "delegate", delegate: { bound: { id: "/$/inet/127.0.0.1/1", path: "/web" } } };
  const asJson = await admin.send(
    "POST /delegator.json",
    { "Content-Type": "application/json" },
    JSON.stringify(asked),
  );
  expect(JSON.parse(asJson.body)).toMatchObject(other);
  const form = new URLSearchParams(asked).toString();
  const asForm = await admin.send(
    "POST /delegator.json",
    { "Content-Type": "application/x-www-form-urlencoded" },
    form,
  );
  expect(JSON.parse(asForm.body)).toEqual(JSON.parse(asJson.body));
  const mixed = await admin.send("POST /delegator.json?path=/svc/web", {}, `{"dtab": "/svc =>"}`);
  expect([mixed.status, mixed.body]).toEqual([400, expect.stringContaining("dtab, line 1, column 8")]);
});

test("client state tells health, load and connections of each endpoint", async () => {
  const { scene, admin } = await usedScene({
    client: { failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 2 } },
  });
  await using _ = scene;
  const state = async () => (await admin.json("/client_state.json")) as Record<string, unknown>;
  const pool = { size: 1, idle: 1, waiters: 0 };
  const endpoint = { address: scene.backend.address, health: "alive", weight: 1, load: 0, pending: 0, pool };
  const client = { state: "bound", addresses: [scene.backend.address], routers: { http: { endpoints: [endpoint] } } };
  expect(await state()).toEqual({ [scene.backend.name]: client });
  scene.backend.behaviour = { request: (_request, connection) => connection.reply(500) };
  const caller = scene.connect();
  await caller.ask(get());
  await caller.ask(get());
  expect(await state()).toMatchObject({
    [scene.backend.name]: { routers: { http: { endpoints: [{ health: "dead" }] } } },
  });
  expect(await admin.json(`/metrics.json?q=rt/http/client/${scene.backend.name.slice(1)}/endpoints`)).toEqual({
    [`rt/http/client/${scene.backend.name.slice(1)}/endpoints/alive`]: 0,
    [`rt/http/client/${scene.backend.name.slice(1)}/endpoints/dead`]: 1,
    [`rt/http/client/${scene.backend.name.slice(1)}/endpoints/probing`]: 0,
  });
});

test("a client that two routers use is told once, with both", async () => {
  const dtab = "/svc => /$/inet/127.0.0.1/1";
  const routers = ["a", "b"].map((label) => ({ protocol: "http", label, dtab, servers: [{ port: 0 }] }));
  await using scene = await memoryScene({ text: JSON.stringify({ admin: { port: 0 }, routers }) });
  for (const router of [0, 1]) await scene.proxy.connect(router).ask(get());
  const state = await new Admin(scene).json("/client_state.json");
  const endpoints = [expect.objectContaining({ address: "127.0.0.1:1" })];
  expect(state).toMatchObject({
    "/$/inet/127.0.0.1/1": { state: "bound", routers: { a: { endpoints }, b: { endpoints } } },
  });
});

test("stacks name each filter, what it is for and how it is set", async () => {
  const { scene, admin } = await usedScene({ server: { maxConcurrentRequests: 5 }, service: { totalTimeoutMs: 900 } });
  await using _ = scene;
  const filter = (name: string, params = {}) =>
    expect.objectContaining({ name, doc: expect.stringMatching(/\.$/), params });
  expect(await admin.json("/routers/http/stack.json")).toEqual({
    label: "http",
    protocol: "http",
    servers: [
      {
        address: `127.0.0.1:${scene.proxy.port()}`,
        filters: [
          filter("server-stats"),
          filter("deadline", { deadlines: "report" }),
          filter("max-concurrent-requests", { maxConcurrentRequests: 5 }),
        ],
      },
    ],
    paths: [
      {
        path: "/svc/web",
        waiting: 0,
        filters: [
          filter("service-stats"),
          filter("total-timeout", { totalTimeoutMs: 900 }),
          filter("retries", expect.objectContaining({ classifier: "io.l5d.http.nonRetryable5XX", ttlSecs: 10 })),
        ],
      },
    ],
    clients: [
      {
        id: scene.backend.name,
        client: [
          filter("client-service-stats"),
          filter("requeue", { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 }),
        ],
        endpoint: [
          filter("load"),
          filter("client-stats"),
          filter("failure-accrual", { kind: "io.l5d.consecutiveFailures", failures: 5 }),
        ],
      },
    ],
  });
  const unknown = await admin.get("/routers/a%20b/stack.json");
  expect([unknown.status, JSON.parse(unknown.body)]).toEqual([
    404,
    { error: 'there is no router labelled "a b"; there are: http' },
  ]);
});

test("namers tell the names they know and what they watch", async () => {
  const namers = [{ kind: "io.l5d.fs", rootDir: "examples/disco" }];
  const { scene, admin } = await usedScene({ namers });
  await using _ = scene;
  expect(await admin.json("/bound-names.json")).toEqual(
    expect.arrayContaining(["/#/io.l5d.fs/users", "/#/io.l5d.fs/web"]),
  );
  expect(await admin.json("/namer_state/io.l5d.fs.json")).toMatchObject({
    rootDir: expect.stringMatching(/examples\/disco$/),
  });
  const unknown = await admin.get("/namer_state/io.l5d.consul.json");
  expect([unknown.status, JSON.parse(unknown.body)]).toEqual([
    404,
    { error: 'no namer with the prefix "io.l5d.consul" tells its state; those that do: /namer_state/io.l5d.fs.json' },
  ]);
});

test("a namer that cannot list its names is named", async () => {
  const { scene, admin } = await usedScene({ namers: [{ kind: "io.l5d.fs", rootDir: "no/such/directory" }] });
  await using _ = scene;
  const answer = await admin.get("/bound-names.json");
  expect([answer.status, answer.body]).toEqual([
    503,
    expect.stringContaining("/#/io.l5d.fs cannot list its names: ENOENT"),
  ]);
});

test("log levels are read and set, for programs and on a page", async () => {
  const { scene, admin } = await usedScene();
  await using _ = scene;
  const levels = async () => (await admin.json("/logging.json")) as { logger: string; level: string }[];
  expect(await levels()).toContainEqual({ logger: "root", level: "INFO" });
  const logger = "router.http";
  const changed = await admin.send("POST /logging.json", {}, `logger=${logger}&level=warning`);
  expect(JSON.parse(changed.body)).toContainEqual({ logger, level: "WARN" });
  const page = await admin.send(
    "POST /logging",
    { "Content-Type": "application/x-www-form-urlencoded" },
    `logger=${logger}&level=DEBUG`,
  );
  expect([page.status, valueOf(page, "location")]).toEqual([303, "/logging"]);
  expect(await levels()).toContainEqual({ logger, level: "DEBUG" });
  expect((await admin.get("/logging")).body).toContain(`<tr><td>${logger}<td>`);
  const noLevel = await admin.send("POST /logging.json?logger=root&level=loud");
  expect([noLevel.status, noLevel.body]).toEqual([
    400,
    expect.stringContaining('there is no level \\"loud\\"; write one of TRACE, '),
  ]);
  const noLogger = await admin.send("POST /logging.json?logger=nobody&level=WARN");
  expect([noLogger.status, noLogger.body]).toEqual([
    404,
    expect.stringContaining('there is no logger \\"nobody\\"; there are: root, '),
  ]);
});

test("the overview shows every server, service and client in a table", async () => {
  const { scene, admin } = await usedScene({ router: { label: "<in>" } });
  await using _ = scene;
  const answer = await admin.get("/");
  expect(valueOf(answer, "content-security-policy")).toMatch(
    /^default-src 'none';.*script-src 'sha256-[^']+'.*connect-src 'self'$/,
  );
  const [, script = ""] = /<script>(.*)<\/script>/s.exec(answer.body) ?? [];
  expect(valueOf(answer, "content-security-policy")).toContain(
    `'sha256-${createHash("sha256").update(script, "latin1").digest("base64")}'`,
  );
  const rows = answer.body.split("\n").filter((line) => line.startsWith("<tr>"));
  expect(rows.map((row) => row.split("<td>").slice(0, 4).join(" "))).toEqual([
    "<tr><th>127.0.0.1/0 1  100.00 %",
    "<tr><th>svc/web 1  100.00 %",
    `<tr><th>${scene.backend.name.slice(1)} 1  100.00 %`,
  ]);
  expect(rows[2]).toMatch(/<td>0<td>1<td>1<td>0<td>0<\/tr>$/);
  expect(answer.body).not.toContain("<in>");
});

test("after POST /admin/shutdown readiness fails first, what is in progress ends well, and the admin server goes last", async () => {
  const scene = await memoryScene({}, { request: () => undefined });
  await using _ = scene;
  const { linker } = scene.proxy;
  const caller = scene.connect();
  caller.send(get());
  await scene.backend.received(1);
  const admin = new Admin(scene);
  const stopping = await admin.send("POST /admin/shutdown");
  expect([stopping.status, stopping.body]).toEqual([200, "stopping; requests in progress have 10000 ms to finish\n"]);
  await scene.world.pass(10);
  const notReady = await admin.get("/admin/ready");
  expect([notReady.status, notReady.body]).toEqual([503, "not ready: stopping, 1 request in progress\n"]);
  const refused = scene.connect();
  refused.send(get());
  await refused.released();
  expect((await admin.send("POST /admin/shutdown")).status).toBe(200);
  scene.backend.connections[0]?.reply(200, "done");
  await caller.answered(1);
  expect(caller.answers[0]?.body).toBe("done");
  expect(linker.admin?.connections).toBe(1);
  await scene.world.pass(3000);
  expect(await linker.stopped).toBe(true);
  await admin.client.released();
});

test("what does not end within shutdownGraceMs is cut off, and readiness tells how much there is", async () => {
  const scene = await memoryScene({ admin: { shutdownGraceMs: 500 } }, { request: () => undefined });
  await using _ = scene;
  const callers = [scene.connect(), scene.connect()];
  for (const caller of callers) caller.send(get());
  await scene.backend.received(2);
  const admin = new Admin(scene);
  await admin.send("POST /admin/shutdown");
  await scene.world.pass(400);
  expect((await admin.get("/admin/ready")).body).toBe("not ready: stopping, 2 requests in progress\n");
  await scene.world.pass(1500);
  expect(await scene.proxy.linker.stopped).toBe(false);
  for (const caller of callers)
    expect(valueOf(caller.answers[0] ?? expect.fail("no answer"), "fairlead-cause")).toMatch(/^proxy\.drain\.limit/);
});

test("no target, however odd, is answered with a server error or without words", async () => {
  const { scene } = await usedScene();
  await using _ = scene;
  const pieces = fc.constantFrom(
    "/",
    "?",
    "&",
    "=",
    "%",
    "%zz",
    "%00",
    "+",
    ";",
    "..",
    "admin",
    "metrics.json",
    "q",
    "tree",
    "delegator.json",
    "path",
    "dtab",
    "routers",
    "http",
    "stack.json",
    "namer_state",
    "logging.json",
    "level",
    "__proto__",
  );
  const targets = fc.array(
    fc.oneof(
      pieces,
      fc.string({ unit: fc.integer({ min: 33, max: 126 }).map((c) => String.fromCharCode(c)), maxLength: 5 }),
    ),
    { maxLength: 12 },
  );
  const method = fc.constantFrom("GET", "POST");
  await fc.assert(
    fc.asyncProperty(method, targets, fc.string({ unit: "binary-ascii", maxLength: 20 }), async (verb, words, body) => {
      fc.pre(!words.join("").includes("#") && !words.join("").startsWith("admin/shutdown"));
      const answer = await new Admin(scene).send(`${verb} /${words.join("")}`, {}, verb === "POST" ? body : "");
      expect(answer.status).toBeLessThan(500);
      expect(answer.body).not.toBe("");
    }),
    { numRuns: 300 },
  );
});

// ---- On real sockets -------------------------------------------------------------------------------------------------

const quiet = new Log(systemClock, () => undefined);

async function configOf(text: unknown) {
  const { config } = await loadConfig(JSON.stringify(text), { file: "test", environment: {} });
  return config ?? expect.fail("a configuration of the test is wrong");
}

function fetchText(
  port: number,
  path: string,
  options: http.RequestOptions = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end();
  });
}

test("Node's own client reads a large scrape over a kept connection while requests are proxied", async () => {
  await using scene = await tcpScene();
  const { linker } = scene.proxy;
  const port = linker.admin?.listener.port ?? expect.fail("there is no admin server");
  for (let i = 0; i < 5_000; i++)
    linker.metrics.root.scope("rt", "http", "service", `svc/s${i}`).counter("requests").inc();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const caller = scene.connect();
    const [scrape, proxied] = await Promise.all([fetchText(port, "/admin/metrics.json", { agent }), caller.ask(get())]);
    expect(proxied.status).toBe(200);
    expect(
      Object.keys(JSON.parse(scrape.body) as object).filter((name) => name.startsWith("rt/http/service/svc/s")),
    ).toHaveLength(5_000);
    expect((await fetchText(port, "/admin/ping", { agent })).body).toBe("pong");
    expect((await fetchText(port, "/admin/shutdown", { agent })).status).toBe(405);
    expect(linker.admin?.connections).toBe(1);
  } finally {
    agent.destroy();
  }
});

test("a process that was asked to stop closes all its ports", async () => {
  const linker = await Linker.start(
    await configOf({ admin: { port: 0 }, routers: [{ protocol: "http", servers: [{ port: 0 }] }] }),
    { log: quiet },
  );
  const port = linker.admin?.listener.port ?? 0;
  expect((await fetchText(port, "/admin/shutdown", { method: "POST" })).status).toBe(200);
  expect(await linker.stopped).toBe(true);
  await expect(fetchText(port, "/admin/ping")).rejects.toThrow("ECONNREFUSED");
});

test("an admin port that is taken keeps the process from starting, in words, and nothing stays open", async () => {
  const first = await Linker.start(
    await configOf({ admin: { port: 0 }, routers: [{ protocol: "http", servers: [{ port: 0 }] }] }),
    { log: quiet },
  );
  try {
    const port = first.admin?.listener.port ?? 0;
    const lines: string[] = [];
    const log = new Log(systemClock, (line) => void lines.push(line));
    const second = Linker.start(
      await configOf({ admin: { port }, routers: [{ protocol: "http", servers: [{ port: 0 }] }] }),
      { log },
    );
    await expect(second).rejects.toThrow(
      `the admin server cannot listen on 127.0.0.1:${port}: another process listens there; stop it, or choose another admin.port`,
    );
    const served = Number(/serving http on 127\.0\.0\.1:(\d+)/.exec(lines.join(""))?.[1]);
    await expect(fetchText(served, "/")).rejects.toThrow("ECONNREFUSED");
  } finally {
    await first.stop(0);
  }
});
