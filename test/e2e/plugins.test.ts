// Kinds of a plug-in outside of src/ (examples/plugins/acme) in a whole proxy, and what becomes of the errors that plug-ins throw.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exposition } from "../../src/exporters/openmetrics/exposition.ts";
import { OPEN_METRICS } from "../../src/exporters/openmetrics/format.ts";
import { get as h2Get, memoryH2Scene, post as h2Post } from "../support/h2-scene.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Backend } from "../support/backend.ts";
import { causeOf } from "../support/http-client.ts";
import { valueOf } from "../support/http-text.ts";
import { readMetrics } from "../support/metrics-lint.ts";
import { Proxy } from "../support/proxy.ts";
import { get, post } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const ACME = "./examples/plugins/acme/index.ts";
const FAULTY = "./test/plugin/faulty.ts";
const folder = mkdtempSync(join(tmpdir(), "fairlead-plugins-"));
afterAll(() => rmSync(folder, { recursive: true }));

function text(plugin: string, router: object, rest: object = {}): string {
  return JSON.stringify({
    plugins: [plugin],
    admin: { port: 0 },
    ...rest,
    routers: [{ protocol: "http", servers: [{ port: 0 }], ...router }],
  });
}

async function site(plugin: string, router: (backend: Backend) => object, rest: object = {}) {
  const world = memoryWorld();
  const stack = new AsyncDisposableStack();
  stack.use(world);
  const backend = await Backend.start(world, {});
  const proxy = stack.use(await Proxy.start(world, { text: text(plugin, router(backend), rest) }));
  return { world, backend, proxy, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Takes the errors out of the log: the test has asked for them. */
function errorsIn(proxy: Proxy): string[] {
  const errors = proxy.logLines.filter((line) => line.includes(" ERROR "));
  for (const line of errors) proxy.logLines.splice(proxy.logLines.indexOf(line), 1);
  return errors;
}

// ---- The four kinds ----------------------------------------------------------------------------------------------------

test("An identifier of a plug-in names requests, with its configuration typed and its defaults filled in", async () => {
  await using s = await site(ACME, (backend) => ({
    identifier: [{ kind: "acme.tenant", known: ["blue"] }, { kind: "io.l5d.header.token" }],
    dtab: `/svc/tenants/blue => ${backend.name}; /svc/web => ${backend.name}`,
  }));
  const caller = s.proxy.connect();
  expect((await caller.ask(get("/", { "X-Tenant": "blue" }))).status).toBe(200);
  expect(s.proxy.lastRecord.service).toBe("/svc/tenants/blue");
  await caller.ask(get("/", { "X-Tenant": "red" }));
  expect(s.proxy.lastRecord.service).toBe("/svc/web");
  expect(s.proxy.metric("identifier", "acme.tenant", "strangers")).toBe(1);
  caller.close();
});

test("A namer of a plug-in finds endpoints, follows its source, and tells a name it does not have from one it has", async () => {
  const file = join(folder, "hosts.json");
  writeFileSync(file, "{}");
  await using s = await site(ACME, () => ({ dtab: "/svc => /#/acme.hosts" }), {
    namers: [{ kind: "acme.hosts", file, pollMs: 100 }],
  });
  const caller = s.proxy.connect();
  expect(causeOf(await caller.ask(get()))).toMatch(/^proxy\.bind/);
  writeFileSync(file, JSON.stringify({ web: [s.backend.name.replace(/^.*inet\/(.*)\/(\d+)$/, "$1:$2")] }));
  let status = 0;
  for (let tries = 0; tries < 50 && status !== 200; tries++) {
    await s.world.pass(100);
    status = (await caller.ask(get())).status;
  }
  expect(status).toBe(200);
  expect(s.proxy.lastRecord.client).toBe("/#/acme.hosts/web");
  expect(s.proxy.linker.metrics.find("namer", "acme.hosts", "acme.hosts", "reads")).toMatchObject({ kind: "counter" });
  caller.close();
});

test("An accrual policy of a plug-in takes an endpoint out of use after a burst of failures, for as long as its backoff says", async () => {
  await using s = await site(ACME, (backend) => ({
    dtab: `/svc/web => ${backend.name}`,
    client: { failureAccrual: { kind: "acme.bursts", failures: 2, backoff: { kind: "constant", ms: 700 } } },
  }));
  s.backend.behaviour = { request: (_, connection) => connection.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") };
  const caller = s.proxy.connect();
  await caller.ask(get());
  await s.world.pass(1500); // too long ago to count
  await caller.ask(get());
  const scope = ["client", s.backend.name.slice(1), "failure_accrual"];
  expect(s.proxy.metric(...scope, "removals")).toBe(0);
  await caller.ask(get());
  expect(s.proxy.metric(...scope, "removals")).toBe(1);
  expect(s.proxy.metric(...scope, "removed_for_ms")).toBe(700);
  expect(s.proxy.metric(...scope, "acme.bursts", "bursts")).toBe(1);
  caller.close();
});

test("A request filter of a plug-in refuses on the way down, adds to answers on the way up, and counts", async () => {
  await using s = await site(ACME, (backend) => ({
    filters: [{ kind: "acme.tickets" }],
    dtab: `/svc/web => ${backend.name}`,
  }));
  const caller = s.proxy.connect();
  const refused = await caller.ask(get());
  expect(refused.status).toBe(403);
  expect(refused.body).toBe("no x-ticket\n");
  expect(valueOf(refused, "fairlead-cause")).toBe("proxy.plugin.refused;status=403;kind=acme.tickets");
  expect(s.backend.requests).toEqual([]);
  s.backend.behaviour = {
    request: (_, connection) =>
      void s.world.pass(40).then(() => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
  };
  const served = await caller.ask(get("/", { "X-Ticket": "1" }));
  expect([served.status, served.body, valueOf(served, "x-took-ms")]).toEqual([200, "ok", "40"]);
  expect(s.proxy.metric("filter", "acme.tickets", "missing")).toBe(1);
  expect(s.proxy.serverMetric("failures", "proxy.plugin.refused")).toBe(1);
  caller.close();
});

test("What a plug-in counts is at /metrics with its sentence, under a name made of its kind", async () => {
  await using s = await site(ACME, (backend) => ({
    filters: [{ kind: "acme.tickets" }],
    dtab: `/svc/web => ${backend.name}`,
  }));
  const caller = s.proxy.connect();
  await caller.ask(get());
  await caller.ask(get("/", { "X-Ticket": "1" }));
  const { declared, root } = s.proxy.linker.metrics;
  const written = [...exposition(root, OPEN_METRICS, declared)].join("");
  expect(readMetrics(written, true).problems).toEqual([]);
  expect(written).toContain("# HELP fairlead_router_filter_acme_tickets_missing Requests without a ticket.");
  expect(written).toContain('fairlead_router_filter_acme_tickets_missing_total{router="http"} 1');
  expect(written).toContain('fairlead_router_filter_acme_tickets_in_time_seconds_count{router="http"} 1');
  caller.close();
});

test("The stack that the admin server shows has the filter with its sentence and its parameters", async () => {
  await using s = await site(ACME, () => ({ filters: [{ kind: "acme.tickets", header: "X-Pass" }] }));
  const filters = s.proxy.linker.routers[0]?.stacks[0]?.view() ?? [];
  expect(filters.at(-1)).toMatchObject({
    name: "acme.tickets",
    doc: expect.stringContaining("Refuses requests without a ticket"),
    params: { header: "X-Pass", tookHeader: "x-took-ms" },
  });
});

// ---- Filters that wait -------------------------------------------------------------------------------------------------

function lateSite(server: object = {}, afterMs = 100) {
  return site(FAULTY, (backend) => ({
    dtab: `/svc/web => ${backend.name}`,
    filters: [
      { kind: "faulty.late", afterMs },
      { kind: "faulty.filter", at: "down" },
    ],
    servers: [{ port: 0, ...server }],
  }));
}

/** Sends, lets the filter make up its mind, and gives the answer. */
async function waited(s: Awaited<ReturnType<typeof lateSite>>, text: string) {
  const caller = s.proxy.connect();
  caller.send(text);
  await s.world.pass(50);
  expect(caller.answers).toEqual([]);
  await s.world.pass(100);
  await caller.answered(1);
  caller.close();
  return caller.answers[0];
}

test("A filter that returns a promise keeps the request, with its body, until it has made up its mind", async () => {
  await using s = await lateSite();
  expect((await waited(s, post("a body", { "x-mind": "pass" })))?.status).toBe(200);
  expect(s.backend.requests[0]?.body).toBe("a body");
  const refusal = await waited(s, get("/", { "x-mind": "429" }));
  expect([refusal?.status, refusal?.body]).toEqual([429, "not you\n"]);
  expect(valueOf(refusal!, "fairlead-cause")).toBe("proxy.plugin.refused;status=429;kind=faulty.late");
  expect((await waited(s, get("/", { "x-mind": "throw" })))?.body).toContain("a bug in its mind");
  expect((await waited(s, get("/", { "x-mind": "200" })))?.body).toContain("a status from 400 to 599, not 200");
  // The next filter throws when it is its turn.
  expect((await waited(s, get("/", { "x-mind": "pass", "x-bug": "1" })))?.body).toContain("a bug in down");
  errorsIn(s.proxy);
});

test("A request whose caller leaves, or whose time is up, while a filter waits is over, whatever the filter says then", async () => {
  await using s = await lateSite({ timeoutMs: 50 }, 2000);
  const leaving = s.proxy.connect();
  leaving.send(get("/", { "x-mind": "pass" }));
  await s.world.pass(10);
  leaving.close();
  const caller = s.proxy.connect();
  caller.send(get("/", { "x-mind": "429" }));
  await s.world.pass(500);
  await caller.answered(1);
  expect(causeOf(caller.answers[0]!)).toBe("proxy.timeout.server");
  expect((await caller.ask(get())).status).toBe(200); // the exchange is used again meanwhile
  await s.world.pass(3000);
  expect(s.backend.requests).toHaveLength(1);
  expect(s.proxy.records.map(({ status }) => status)).toEqual([499, 503, 200]);
  caller.close();
});

// ---- HTTP/2 ------------------------------------------------------------------------------------------------------------

const TICKETS = { plugins: [ACME], router: { filters: [{ kind: "acme.tickets" }] } };

test("A request filter adds to answers of HTTP/2, and refuses gRPC callers with a status of gRPC", async () => {
  await using s = await memoryH2Scene(TICKETS);
  const caller = s.connect();
  const served = await caller.ask(h2Get("/", [["x-ticket", "1"]]));
  expect([served.status, served.value("x-took-ms")]).toEqual([200, "0"]);
  const refused = await caller.ask(h2Get());
  expect([refused.status, refused.value("fairlead-cause")]).toEqual([
    403,
    "proxy.plugin.refused;status=403;kind=acme.tickets",
  ]);
  const called = await caller.ask(
    h2Post("/", [
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ]),
  );
  expect([called.status, called.value("grpc-status")]).toEqual([200, "7"]);
});

test("A filter that throws on the way up makes a failure of an answer of HTTP/2, and other streams go on", async () => {
  await using s = await memoryH2Scene({
    plugins: [FAULTY],
    router: { filters: [{ kind: "faulty.filter", at: "up" }] },
  });
  const caller = s.connect();
  for (let times = 1; times <= 3; times++) {
    const [broken, served] = await Promise.all([caller.ask(h2Get("/", [["x-bug", "1"]])), caller.ask(h2Get())]);
    expect([broken.status, broken.value("fairlead-cause")]).toEqual([502, "proxy.plugin.error;kind=faulty.filter"]);
    expect(served.status).toBe(200);
  }
  errorsIn(s.proxy);
});

test("A filter adds to an answer on its way from one version of HTTP to the other", async () => {
  const world = memoryWorld();
  await using stack = new AsyncDisposableStack();
  stack.use(world);
  const backend = await Backend.start(world, {});
  const router = { ...TICKETS.router, protocol: "h2", client: { protocol: "http/1.1" } };
  const proxy = stack.use(await Proxy.start(world, { plugins: [ACME], dtab: `/svc/web => ${backend.name}`, router }));
  const caller = new H2Caller(world, proxy.port());
  const served = await caller.ask(h2Get("/", [["x-ticket", "1"]]));
  expect([served.status, served.value("x-took-ms")]).toEqual([200, "0"]);
  caller.close();
});

// ---- Errors ------------------------------------------------------------------------------------------------------------

const bug = (target = "/") => get(target, { "x-bug": "1" });

async function expectOnlyTheOne(plugin: object, told: RegExp, method: string): Promise<void> {
  const kind = "filters" in plugin ? "faulty.filter" : "faulty.identifier";
  await using s = await site(FAULTY, (backend) => ({ dtab: `/svc/web => ${backend.name}`, ...plugin }));
  const caller = s.proxy.connect();
  const neighbour = s.proxy.connect();
  expect((await neighbour.ask(get())).status).toBe(200);
  for (let times = 1; times <= 3; times++) {
    const answer = await caller.ask(bug());
    expect(answer.status).toBe(502);
    expect(valueOf(answer, "fairlead-cause")).toBe(`proxy.plugin.error;kind=${kind}`);
    expect(answer.body).toMatch(told);
    expect(s.proxy.metric("plugin_errors", kind)).toBe(times);
    expect(s.proxy.serverMetric("failures", "proxy.plugin.error")).toBe(times);
    expect((await neighbour.ask(get())).status).toBe(200);
  }
  const errors = errorsIn(s.proxy); // three errors, one line
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(method);
  await s.world.pass(11_000);
  await caller.ask(bug());
  expect(errorsIn(s.proxy)[0]).toContain(`plug-in kind ${kind} threw an error (2 more since the last such line)`);
  expect((await caller.ask(get())).status).toBe(200);
  caller.close();
  neighbour.close();
}

const TOKEN = { kind: "io.l5d.header.token" };

for (const at of ["key", "path", "apply"]) {
  test(`An identifier that throws in ${at} fails the request alone`, () =>
    expectOnlyTheOne(
      { identifier: [{ kind: "faulty.identifier", at }, TOKEN] },
      new RegExp(`a bug in ${at}`),
      `a bug in ${at}`,
    ));
}

test("An identifier that makes no path of a key fails the request alone", () =>
  expectOnlyTheOne(
    { identifier: [{ kind: "faulty.identifier", at: "syntax" }, TOKEN] },
    /"no path" is no path/,
    "TypeError",
  ));

test("A filter that throws on the way down fails the request alone", () =>
  expectOnlyTheOne({ filters: [{ kind: "faulty.filter", at: "down" }] }, /a bug in down/, "a bug in down"));

test("A filter that answers without a failure fails the request alone", () =>
  expectOnlyTheOne(
    { filters: [{ kind: "faulty.filter", at: "answered" }] },
    /answered without a failure/,
    "TypeError",
  ));

test("A filter that throws on the way up makes a failure of the answer, and the service's connection is no other request's", () =>
  expectOnlyTheOne({ filters: [{ kind: "faulty.filter", at: "up" }] }, /a bug in up/, "a bug in up"));

test("A filter that throws when all is over is counted, and harms nothing", async () => {
  await using s = await site(FAULTY, (backend) => ({
    dtab: `/svc/web => ${backend.name}`,
    filters: [{ kind: "faulty.filter", at: "end" }],
  }));
  const caller = s.proxy.connect();
  for (let times = 1; times <= 2; times++) {
    expect((await caller.ask(bug())).status).toBe(200);
    expect(s.proxy.metric("plugin_errors", "faulty.filter")).toBe(times);
  }
  expect(errorsIn(s.proxy)).toHaveLength(1);
  caller.close();
});

test("A filter that throws on the way up while a request with a body is retried, failed or unidentified leaves nothing behind", async () => {
  await using s = await site(FAULTY, (backend) => ({
    dtab: `/svc/web => ${backend.name}; /svc/down => /$/inet/127.0.0.1/1`,
    filters: [{ kind: "faulty.filter", at: "up" }],
    service: { responseClassifier: { kind: "io.l5d.http.retryableAll5XX" } },
  }));
  const caller = s.proxy.connect();
  const sick = {
    request: (_: unknown, connection: { send(text: string): void }) =>
      connection.send("HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nsad"),
  };
  s.backend.behaviour = sick;
  expect(causeOf(await caller.ask(post("a body", { "x-bug": "1" })))).toMatch(/^proxy\.plugin\.error/);
  // What fails already keeps its cause.
  expect(causeOf(await s.proxy.connect().ask(get("/", { Host: "down", "x-bug": "1" })))).toMatch(/^upstream\.connect/);
  expect(causeOf(await s.proxy.connect().ask(get("/", { Host: "nowhere", "x-bug": "1" })))).toMatch(/^proxy\.bind/);
  expect(s.proxy.metric("plugin_errors", "faulty.filter")).toBe(3);
  errorsIn(s.proxy);
});

for (const at of ["succeeded", "failed", "nonsense"]) {
  test(`An accrual policy that is broken (${at}) is counted, and its endpoint stays in use`, async () => {
    await using s = await site(FAULTY, (backend) => ({
      dtab: `/svc/web => ${backend.name}`,
      client: { failureAccrual: { kind: "faulty.accrual", at } },
    }));
    const status = at === "succeeded" ? 200 : 500;
    s.backend.behaviour = {
      request: (_, connection) => connection.send(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`),
    };
    const caller = s.proxy.connect();
    for (let times = 1; times <= 3; times++) {
      expect((await caller.ask(get())).status).toBe(status);
      expect(s.proxy.metric("plugin_errors", "faulty.accrual")).toBe(times);
    }
    expect(errorsIn(s.proxy)).toHaveLength(1);
    expect(s.proxy.metric("client", s.backend.name.slice(1), "endpoints", "alive")).toBe(1);
    caller.close();
  });
}

test("A policy that cannot be made is counted, and its endpoint is served", async () => {
  await using s = await site(FAULTY, (backend) => ({
    dtab: `/svc/web => ${backend.name}`,
    client: { failureAccrual: { kind: "faulty.accrual", at: "make" } },
  }));
  const caller = s.proxy.connect();
  expect((await caller.ask(get())).status).toBe(200);
  expect(s.proxy.metric("plugin_errors", "faulty.accrual")).toBe(1);
  errorsIn(s.proxy);
  caller.close();
});

test("A filter that cannot be made keeps the proxy from starting, and says which it is", async () => {
  await using world = memoryWorld();
  const router = { filters: [{ kind: "faulty.filter", at: "make" }] };
  await expect(Proxy.start(world, { plugins: [FAULTY], router })).rejects.toThrow(
    "plug-in kind faulty.filter could not be made: a bug in make",
  );
});

test("A namer that throws makes a name that cannot be bound, and says why", async () => {
  await using s = await site(
    FAULTY,
    (backend) => ({ dtab: `/svc/bug => /#/faulty.namer/bug; /svc/web => ${backend.name}` }),
    { namers: [{ kind: "faulty.namer" }] },
  );
  const caller = s.proxy.connect();
  const answer = await caller.ask(get("/", { Host: "bug" }));
  expect([answer.status, causeOf(answer)]).toEqual([502, expect.stringMatching(/^proxy\.bind\.error/)]);
  expect(answer.body).toContain("a bug in lookup");
  expect(s.proxy.linker.metrics.find("namer", "faulty.namer", "errors")).toMatchObject({ value: 1 });
  expect((await caller.ask(get())).status).toBe(200);
  errorsIn(s.proxy);
  caller.close();
});
