// The port of `admin.httpIdentifierPort`: what each router would call a request, through reloads, restarts and with several workers.
import { once } from "node:events";
import net from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { HttpClient } from "../support/http-client.ts";
import { compose } from "../support/http-text.ts";
import { ask, freePorts, until } from "../support/program.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { Line } from "../support/restarting.ts";
import { WorkerSite } from "../support/worker-site.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const ROUTERS = [
  { protocol: "http", label: "by-host", dtab: "/svc => /#/io.l5d.fs; /svc/web => /svc/other", servers: [{ port: 0 }] },
  {
    protocol: "http",
    label: "by-path",
    dstPrefix: "/http",
    identifier: { kind: "io.l5d.path", segments: 2, consume: true },
    servers: [{ port: 0 }],
  },
  {
    protocol: "http",
    label: "by-tenant",
    identifier: [{ kind: "acme.tenant", known: ["blue"] }, { kind: "io.l5d.methodAndHost" }],
    servers: [{ port: 0 }],
  },
  { protocol: "h2", label: "grpc", identifier: { kind: "io.l5d.header.path", segments: 1 }, servers: [{ port: 0 }] },
];
const PLUGINS = ["./examples/plugins/acme/index.ts", "./examples/plugins/resp/index.ts"];

function setup(admin: object = {}, routers: readonly object[] = ROUTERS): ProxySetup {
  const resp = { protocol: "resp", label: "redis", servers: [{ port: 0 }] };
  const text = { plugins: PLUGINS, admin: { port: 0, httpIdentifierPort: 0, ...admin }, routers: [...routers, resp] };
  return { text: JSON.stringify(text) };
}

interface Site extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly proxy: Proxy;
  connect(): HttpClient;
  ask(line: string, fields?: Readonly<Record<string, string>>, body?: string): Promise<Record<string, unknown>>;
}

async function site(admin: object = {}): Promise<Site> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(memoryWorld());
  const proxy = stack.use(await Proxy.start(world, setup(admin)));
  const connect = () =>
    new HttpClient(world, proxy.linker.identifier?.listener.port ?? expect.fail("there is no identifier"));
  return {
    world,
    proxy,
    connect,
    async ask(line, fields = {}, body = "") {
      const answer = await connect().ask(compose(`${line} HTTP/1.1`, { Host: "web", ...fields }, body));
      expect([answer.status, answer.fields.find(([name]) => name.toLowerCase() === "content-type")?.[1]]).toEqual([
        200,
        "application/json; charset=utf-8",
      ]);
      return JSON.parse(answer.body) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const HOST_DTAB = "/svc=>/#/io.l5d.fs;/svc/web=>/svc/other";

test("each router of HTTP says what it would call a request, by its own identifiers, those of plug-ins among them", async () => {
  await using s = await site();
  expect(await s.ask("GET /users.Users/Get?x=1", { "X-Tenant": "blue" })).toEqual({
    "by-host": { path: "/svc/web", dtab: HOST_DTAB },
    "by-path": { path: "/http/users.Users/Get", dtab: "" },
    "by-tenant": { path: "/svc/tenants/blue", dtab: "" },
    grpc: { path: "/svc/users.Users", dtab: "" },
  });
  expect(await s.ask("POST /only", { Host: "Shop:8080", "X-Tenant": "red" }, "a body")).toEqual({
    "by-host": { path: "/svc/Shop:8080", dtab: HOST_DTAB },
    "by-path": {
      error: "Unknown destination: no identifier of router by-path applies to the request (io.l5d.path)",
    },
    "by-tenant": { path: "/svc/1.1/POST/shop:8080", dtab: "" },
    grpc: { path: "/svc/only", dtab: "" },
  });
});

test("a request in the absolute form is called by its target, as routers have it, and one without a host by what else there is", async () => {
  await using s = await site();
  expect((await s.ask("GET http://shop/a/b"))["by-host"]).toMatchObject({ path: "/svc/shop" });
  const answer = await s.connect().ask("GET /a/b HTTP/1.0\r\n\r\n");
  const { "by-host": byHost, "by-path": byPath } = JSON.parse(answer.body) as Record<string, object>;
  expect(byHost).toHaveProperty("error");
  expect(byPath).toMatchObject({ path: "/http/a/b" });
});

test("dtab is that of the router and then that of the request, which wins", async () => {
  await using s = await site();
  const override = { "l5d-ctx-dtab": "/svc/a => /svc/b", "l5d-dtab": "/svc/web => /svc/c;" };
  const named = await s.ask("GET /a/b", override);
  expect(named["by-host"]).toEqual({ path: "/svc/web", dtab: `${HOST_DTAB};/svc/a=>/svc/b;/svc/web=>/svc/c` });
  expect(named["by-path"]).toEqual({ path: "/http/a/b", dtab: "/svc/a=>/svc/b;/svc/web=>/svc/c" });
  const refused = await s.ask("GET /a/b", { "l5d-dtab": "nonsense" });
  for (const label of ["by-host", "by-path", "by-tenant", "grpc"])
    expect(refused[label]).toEqual({
      error: expect.stringMatching(/^The override does not parse: l5d-dtab.*begins with/) as string,
    });
});

test("nothing is sent anywhere, and no request of a router is counted", async () => {
  await using s = await site();
  const client = s.connect();
  for (let i = 0; i < 3; i++) await client.ask(compose("GET /a/b HTTP/1.1", { Host: "web" }));
  expect(s.proxy.records).toEqual([]);
  client.send(compose("HEAD / HTTP/1.1", { Host: "web" }), "HEAD");
  await client.answered(4);
  expect(client.answers[3]).toMatchObject({ status: 200, body: "" });
});

test("without diagnostics nothing is answered, nor to pages of other sites", async () => {
  await using open = await site();
  const foreign = await open.connect().ask(compose("GET / HTTP/1.1", { Host: "web", Origin: "http://evil.example" }));
  expect([foreign.status, foreign.body]).toEqual([403, expect.stringContaining("evil.example")]);
  await using shut = await site({ security: { diagnosticsEnabled: false } });
  const answer = await shut.connect().ask(compose("GET / HTTP/1.1", { Host: "web" }));
  expect([answer.status, answer.body]).toEqual([404, expect.stringContaining("diagnosticsEnabled")]);
});

test("a reload takes it away, brings it, moves it, and tells what is in force", async () => {
  await using s = await site();
  const old = s.connect();
  await old.ask(compose("GET /a/b HTTP/1.1", { Host: "web" }));
  const [first, second, third, fourth] = ROUTERS;
  await s.proxy.reload(setup({}, [{ ...first, dtab: "/svc => /$/inet/127.0.0.1/80" }, second!, third!, fourth!]));
  expect((await s.ask("GET /a/b"))["by-host"]).toEqual({ path: "/svc/web", dtab: "/svc=>/$/inet/127.0.0.1/80" });
  expect(old.over).toBe(false);
  await s.proxy.reload(setup({}, [second!]));
  expect(Object.keys(await s.ask("GET /a/b"))).toEqual(["by-path"]);

  await s.proxy.reload(setup({ httpIdentifierPort: 9991 }));
  expect(s.proxy.linker.identifier?.listener.port).toBe(9991);
  expect(Object.keys(await s.ask("GET /"))).toEqual(["by-host", "by-path", "by-tenant", "grpc"]);
  await old.ask(compose("GET /a/b HTTP/1.1", { Host: "web" })).catch(() => undefined);
  await s.world.until("the connection of before to go", () => old.over);

  await s.proxy.reload(setup({ httpIdentifierPort: undefined }));
  expect(s.proxy.linker.identifier).toBeNull();
  const refused = new HttpClient(s.world, 9991);
  await s.world.until("a refusal", () => refused.over);
  await s.proxy.reload(setup({ httpIdentifierPort: 9991 }));
  expect(Object.keys(await s.ask("GET /"))).toHaveLength(4);
});

test("a port that is taken refuses the reload, and all stays as it was", async () => {
  await using s = await site();
  const { port = 0 } = s.proxy.linker.admin?.listener ?? {};
  const reload = s.proxy.reload(setup({ httpIdentifierPort: port, port: 0 }, []));
  await expect(reload).rejects.toThrow("choose another admin.httpIdentifierPort");
  expect(Object.keys(await s.ask("GET /"))).toHaveLength(4);
});

test("it has the figures and the socket options of the admin server", async () => {
  await using s = await site({ socketOptions: { readTimeoutMs: 1000 } });
  const client = s.connect();
  await client.ask(compose("GET / HTTP/1.1", { Host: "web" }));
  expect(s.proxy.linker.metrics.find("admin", "connections")).toMatchObject({ value: 1 });
  await s.world.pass(1200);
  expect(client.over).toBe(true);
});

test("with workers one of them answers for all", async () => {
  const [port = 0] = await freePorts(1);
  await using line = await WorkerSite.start({ rest: { admin: { port: 0, httpIdentifierPort: port } } });
  const { text } = await ask(port, { Host: "web" }, "/a");
  expect(JSON.parse(text)).toEqual({
    http: { path: "/svc/web", dtab: expect.stringContaining("/svc/web=>") as string },
  });
  await line.program.said("is ready");
});

/** Connects early, asks later. @returns all that comes back */
async function young(port: number): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  await sleep(25);
  socket.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
  return text(socket);
}

test.each([1, 2])("a restart hands its socket over (%i worker(s))", async (workers) => {
  const [port = 0, adminPort = 0, identifierPort = 0] = await freePorts(3);
  await using line = await Line.start(() => ({
    workers,
    admin: { port: adminPort, httpIdentifierPort: identifierPort },
    routers: [{ protocol: "http", dtab: "/svc => /$/inet/127.0.0.1/1", servers: [{ port }] }],
  }));
  line.adminPort = adminPort;
  const names = async () => JSON.parse((await ask(identifierPort, { Host: "web" })).text) as object;
  const named = { http: { path: "/svc/web", dtab: "/svc=>/$/inet/127.0.0.1/1" } };
  expect(await names()).toEqual(named);
  const told: string[] = [];
  let over = false;
  const asking = async () => {
    while (!over) told.push(await young(identifierPort));
  };
  const callers = Array.from({ length: 4 }, asking);
  await line.ended(await line.restart());
  over = true;
  await Promise.all(callers);
  expect(told.length).toBeGreaterThan(20);
  expect(told.filter((answer) => !answer.includes('"path": "/svc/web"'))).toEqual([]);
  expect(await names()).toEqual(named);
  await until(
    () => line.program.err.includes(`telling how requests are named on 127.0.0.1:${identifierPort} (inherited)`),
    () => line.program.err,
  );
  await line.stop();
});
