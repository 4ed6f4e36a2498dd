// A protocol from outside of src/ (examples/plugins/resp) in a whole proxy: named, balanced, judged, retried and counted as HTTP is.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Listener } from "../../src/core/byte-stream.ts";
import { undeclaredMetrics } from "../support/undeclared-metrics.ts";
import { exposition } from "../../src/exporters/openmetrics/exposition.ts";
import { OPEN_METRICS } from "../../src/exporters/openmetrics/format.ts";
import { readMetrics } from "../support/metrics-lint.ts";
import { Peer } from "../support/peer.ts";
import { Proxy } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-resp-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Answering = (command: string, peer: Peer) => string | null;

/** A service that keeps what it is asked. A command that begins within a chunk ends within it. */
class Service {
  readonly asked: string[] = [];
  readonly peers: Peer[] = [];
  answer: Answering;
  #listener: Listener | null = null;

  private constructor(answer: Answering) {
    this.answer = answer;
  }

  static async start(world: MemoryWorld, answer: Answering): Promise<Service> {
    const service = new Service(answer);
    service.#listener = await world.transport.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
      const peer = new Peer(() => stream);
      peer.onChunk = (chunk) => service.#take(chunk, peer);
      peer.onPeerEnd = () => peer.end();
      service.peers.push(peer);
      stream.attach(peer);
    });
    world.atEnd(async () => {
      for (const peer of service.peers) peer.destroy();
      await service.#listener?.close();
    });
    return service;
  }

  #take(chunk: string, peer: Peer): void {
    const command = [...chunk.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, arg]) => arg).join(" ");
    this.asked.push(command);
    const answer = this.answer(command, peer);
    if (answer !== null) peer.send(answer);
  }

  get name(): string {
    return `/$/inet/127.0.0.1/${this.#listener?.port}`;
  }
}

function command(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

interface Setup {
  readonly router?: object;
  readonly server?: object;
  readonly dtab?: (a: string, b: string) => string;
  /** Further keys of the file. */
  readonly rest?: object;
  /** Both services as `/#/acme.hosts/a`. */
  readonly pool?: boolean;
}

async function site(setup: Setup = {}) {
  const world = memoryWorld();
  const a = await Service.start(world, () => "$1\r\na\r\n");
  const b = await Service.start(world, () => "$1\r\nb\r\n");
  const dtab = setup.dtab?.(a.name, b.name) ?? `/svc/redis/a => ${a.name}; /svc/redis/b => ${b.name}`;
  const file = join(folder, "hosts.json");
  writeFileSync(file, JSON.stringify({ a: [a, b].map(({ name }) => name.split("/").slice(-2).join(":")) }));
  const text = JSON.stringify({
    plugins: ["./examples/plugins/resp/index.ts", "./examples/plugins/acme/index.ts"],
    admin: { port: 0 },
    ...(setup.pool === true ? { namers: [{ kind: "acme.hosts", file }] } : {}),
    routers: [{ protocol: "resp", dtab, servers: [{ port: 0, ...setup.server }], ...setup.router }],
    ...setup.rest,
  });
  const stack = new AsyncDisposableStack();
  stack.use(world);
  const proxy = stack.use(await Proxy.start(world, { text }));
  return {
    world,
    a,
    b,
    proxy,
    connect: () => Peer.connect(world, proxy.port()),
    async ask(peer: Peer, ...args: readonly string[]) {
      peer.take();
      peer.send(command(...args));
      await world.until("an answer", () => peer.received !== "" || peer.closed);
      world.settle();
      return peer.take();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("The beginning of a key decides the service, and the service's figures are those of every protocol", async () => {
  await using s = await site();
  const peer = s.connect();
  expect(await s.ask(peer, "GET", "a:1")).toBe("$1\r\na\r\n");
  expect(await s.ask(peer, "get", "b:1")).toBe("$1\r\nb\r\n");
  expect([s.a.asked, s.b.asked]).toEqual([["GET a:1"], ["get b:1"]]);
  expect(s.proxy.metric("service", "svc/redis/a", "requests")).toBe(1);
  expect(s.proxy.metric("client", s.b.name.slice(1), "success")).toBe(1);
  expect(s.proxy.serverMetric("requests")).toBe(2);
  peer.destroy();
});

test("Telemeters that trace tell of its requests, without the words of HTTP", async () => {
  await using s = await site({ rest: { telemetry: [{ kind: "io.l5d.recentRequests", sampleRate: 1 }] } });
  const peer = s.connect();
  await s.ask(peer, "GET", "a:1");
  expect(s.proxy.linker.telemeters.recent).toEqual([
    expect.objectContaining({
      router: "resp",
      method: "",
      uri: "",
      service: "/svc/redis/a",
      endpoint: s.a.name.split("/").slice(-2).join(":"),
      outcome: "success",
    }),
  ]);
  peer.destroy();
});

for (const reply of [
  "+OK\r\n",
  "-ERR no\r\n",
  ":-42\r\n",
  "$5\r\nhe\r\no\r\n",
  "$-1\r\n",
  "*3\r\n:1\r\n*2\r\n+x\r\n$-1\r\n$0\r\n\r\n",
  `$100000\r\n${"x".repeat(100_000)}\r\n`,
]) {
  test(`An answer passes as it is, whole or byte by byte: ${JSON.stringify(reply.slice(0, 40))}`, async () => {
    await using s = await site();
    const peer = s.connect();
    s.a.answer = () => reply;
    peer.send(command("GET", "a:1"));
    await s.world.until("the answer", () => peer.received.length === reply.length);
    expect(peer.take()).toBe(reply);
    if (reply.length > 1000) {
      peer.destroy();
      return;
    }
    s.a.answer = (_, service) => {
      for (const byte of reply) service.send(byte);
      return null;
    };
    peer.send(command("GET", "a:2"));
    await s.world.until("the answer", () => peer.received.length === reply.length);
    expect(peer.take()).toBe(reply);
    expect(s.a.peers).toHaveLength(1); // the connection was used again
    peer.destroy();
  });
}

test("Commands sent ahead are answered in their order, however long each takes", async () => {
  await using s = await site();
  s.a.answer = (_, peer) => {
    void s.world.pass(50).then(() => peer.send("+slow\r\n"));
    return null;
  };
  const peer = s.connect();
  peer.send(command("GET", "a:1") + command("GET", "b:1") + command("PING") + command("GET", "a:2"));
  await s.world.until("the first", () => peer.received.includes("slow"));
  await s.world.pass(200);
  await s.world.until("all", () => peer.received.endsWith("+PONG\r\n+slow\r\n"));
  expect(peer.received).toBe("+slow\r\n$1\r\nb\r\n+PONG\r\n+slow\r\n");
  peer.destroy();
});

test("A caller that has said all it has to say gets all its answers, and then the end", async () => {
  await using s = await site();
  const peer = s.connect();
  peer.send(command("GET", "a:1") + command("GET", "b:1"));
  peer.end();
  await s.world.until("the end", () => peer.ended);
  expect(peer.received).toBe("$1\r\na\r\n$1\r\nb\r\n");
});

test("What concerns the connection is answered here, and what would keep it is refused with a reason", async () => {
  await using s = await site();
  const peer = s.connect();
  const answers: readonly (readonly [string[], string | RegExp])[] = [
    [["PING"], "+PONG\r\n"],
    [["PING", "x"], "$1\r\nx\r\n"],
    [["ECHO", "hello"], "$5\r\nhello\r\n"],
    [["SELECT", "0"], "+OK\r\n"],
    [["SELECT", "1"], "-ERR DB index is out of range\r\n"],
    [["HELLO", "3"], /^-NOPROTO/],
    [["CLIENT", "SETINFO", "lib-name", "x"], "+OK\r\n"],
    [["MULTI"], /^-ERR 'multi' is not passed on: transactions/],
    [["SUBSCRIBE", "x"], /publish and subscribe/],
    [["BLPOP", "a:1", "0"], /blocking commands/],
    [["NOSUCH\r\n+OK"], /^-ERR unknown command 'nosuch\?\?\+ok'\r\n$/],
    [["MGET", "a:1", "b:1"], /^-CROSSSLOT /],
  ];
  for (const [args, told] of answers) {
    const answer = await s.ask(peer, ...args);
    if (typeof told === "string") expect(answer).toBe(told);
    else expect(answer).toMatch(told);
  }
  expect([...s.a.asked, ...s.b.asked]).toEqual([]);
  expect([s.proxy.metric("protocol", "resp", "local"), s.proxy.metric("protocol", "resp", "refused")]).toEqual([7, 4]);
  expect(await s.ask(peer, "QUIT")).toBe("+OK\r\n");
  await s.world.until("the end", () => peer.ended);
});

test("The number of the selected database is a name where the configuration says so", async () => {
  await using s = await site({
    router: { identifier: { kind: "resp.database" }, databases: 2 },
    dtab: (a, b) => `/svc/redis/0 => ${a}; /svc/redis/1 => ${b}`,
  });
  const peer = s.connect();
  expect(await s.ask(peer, "GET", "x")).toBe("$1\r\na\r\n");
  await s.ask(peer, "SELECT", "1");
  expect(await s.ask(peer, "GET", "x")).toBe("$1\r\nb\r\n");
  expect(await s.ask(s.connect(), "GET", "x")).toBe("$1\r\na\r\n");
  expect(await s.ask(peer, "SELECT", "2")).toBe("-ERR DB index is out of range\r\n");
});

test("What is too long or no RESP ends the connection with a reason, and no other", async () => {
  await using s = await site({ server: { maxCommandBytes: 100, maxArguments: 3, stallTimeoutMs: 500 } });
  const neighbour = s.connect();
  await s.ask(neighbour, "GET", "a:1");
  for (const [bytes, told] of [
    ["*2\r\n$3\r\nGET\r\n$200\r\n", "the command is too long"],
    ["*4\r\n", "invalid multibulk length"],
    ["GET / HTTP/1.1\r\n\r\n", "expected '*', got 'G'"],
  ] as const) {
    const peer = s.connect();
    peer.send(bytes);
    await s.world.until("the end", () => peer.ended);
    expect(peer.received).toBe(`-ERR Protocol error: ${told}\r\n`);
  }
  expect(s.proxy.metric("protocol", "resp", "malformed")).toBe(3);
  const slow = s.connect();
  slow.send("*2\r\n$3\r\nG");
  await s.world.pass(2000);
  expect(slow.closed).toBe(true);
  expect(await s.ask(neighbour, "GET", "a:1")).toBe("$1\r\na\r\n");
});

// ---- Judgement ---------------------------------------------------------------------------------------------------------

test("Errors of a command are the caller's, redirects are counted, and neither counts against the service", async () => {
  await using s = await site();
  const peer = s.connect();
  s.a.answer = (asked) => (asked.startsWith("LPUSH") ? "-WRONGTYPE no list\r\n" : "-MOVED 3999 10.0.0.1:6381\r\n");
  expect(await s.ask(peer, "LPUSH", "a:1", "x")).toBe("-WRONGTYPE no list\r\n");
  expect(await s.ask(peer, "GET", "a:2")).toBe("-MOVED 3999 10.0.0.1:6381\r\n");
  const client = ["client", s.a.name.slice(1)];
  expect([s.proxy.metric(...client, "failures"), s.proxy.metric(...client, "success")]).toEqual([0, 2]);
  expect([s.proxy.metric(...client, "status", "400"), s.proxy.metric(...client, "status", "302")]).toEqual([1, 1]);
  expect(s.proxy.metric("protocol", "resp", "redirects")).toBe(1);
  peer.destroy();
});

const LOADING = "-LOADING Redis is loading the dataset in memory\r\n";

test("A service that is loading has done nothing: another endpoint is asked, even to increment", async () => {
  // Two plug-ins in one proxy: the endpoints come from the namer of the other.
  await using s = await site({ dtab: () => "/svc/redis/a => /#/acme.hosts/a", pool: true });
  s.a.answer = () => LOADING;
  const peer = s.connect();
  for (let times = 0; times < 20; times++) expect(await s.ask(peer, "INCR", "a:1")).toBe("$1\r\nb\r\n");
  expect(s.a.asked.length).toBeGreaterThan(0);
  expect(s.proxy.metric("client", "#/acme.hosts/a", "retries", "requeues")).toBe(s.a.asked.length);
  expect(s.a.peers.every(({ closed, ended }) => !closed && !ended)).toBe(true);
  peer.destroy();
});

test("Where there is no other endpoint the caller reads what the service said", async () => {
  await using s = await site();
  s.a.answer = () => LOADING;
  const peer = s.connect();
  expect(await s.ask(peer, "INCR", "a:1")).toBe(LOADING);
  expect(s.proxy.metric("client", s.a.name.slice(1), "status", "503")).toBe(s.a.asked.length);
  peer.destroy();
});

test("A read whose connection breaks is sent again, an increment is not, and the caller is told why", async () => {
  await using s = await site();
  const peer = s.connect();
  let broken = 0;
  s.a.answer = (_, service) => {
    if (broken++ > 0) return "+again\r\n";
    service.destroy();
    return null;
  };
  expect(await s.ask(peer, "GET", "a:1")).toBe("+again\r\n");
  expect(s.proxy.metric("service", "svc/redis/a", "retries", "total")).toBe(1);
  broken = 0;
  await s.ask(peer, "GET", "a:1");
  s.a.answer = (_, service) => {
    service.destroy();
    return null;
  };
  expect(await s.ask(peer, "INCR", "a:n")).toMatch(/^-ERR .*\(upstream\.connection\./);
  expect(await s.ask(peer, "GET", "b:1")).toBe("$1\r\nb\r\n"); // nothing else is harmed
  peer.destroy();
});

test("An answer that is none, or more than one, fails the command, and the connection is not used again", async () => {
  await using s = await site();
  const peer = s.connect();
  for (const answer of ["?what\r\n", "+OK\r\n+OK\r\n", "$3\r\nabcdef\r\n"]) {
    s.a.answer = () => answer;
    expect(await s.ask(peer, "INCR", "a:1")).toMatch(/^-ERR .*\(upstream\.protocol\.malformed;/);
  }
  expect(s.a.peers.filter(({ ended, closed }) => !ended && !closed)).toEqual([]);
  s.a.answer = () => "+OK\r\n";
  expect(await s.ask(peer, "INCR", "a:1")).toBe("+OK\r\n");
  peer.destroy();
});

test("An answer that breaks off ends the caller's connection, so that the next is not taken for its rest", async () => {
  await using s = await site();
  const peer = s.connect();
  s.a.answer = (_, service) => {
    service.send("$10\r\nhalf");
    service.destroy();
    return null;
  };
  peer.send(command("INCR", "a:1") + command("GET", "b:1"));
  await s.world.until("the end", () => peer.closed);
  expect(peer.received).not.toContain("$1\r\nb");
  expect(s.b.asked).toEqual([]);
});

test("A name without a service and a refused connection are told with their causes", async () => {
  await using s = await site({ dtab: () => "/svc/redis/gone => /$/inet/127.0.0.1/1" });
  const peer = s.connect();
  expect(await s.ask(peer, "GET", "nobody:1")).toMatch(/^-ERR .*\(proxy\.bind\./);
  expect(await s.ask(peer, "GET", "gone:1")).toMatch(/^-ERR .*\(upstream\.connect\.refused;/);
  peer.destroy();
});

// ---- Coming and going --------------------------------------------------------------------------------------------------

test("A caller that leaves is told to the service by the end of its connection", async () => {
  await using s = await site();
  s.a.answer = () => null;
  const peer = s.connect();
  peer.send(command("GET", "a:1"));
  await s.world.until("the command", () => s.a.asked.length === 1);
  peer.reset();
  await s.world.until("the end", () => s.a.peers[0]?.closed === true || s.a.peers[0]?.ended === true);
  await s.proxy.recorded(1);
  expect(s.proxy.lastRecord).toMatchObject({ cause: "downstream.connection.gone", outcome: "ignorable" });
});

test("What is in progress when the proxy stops is finished, and idle connections end", async () => {
  await using s = await site();
  let service: Peer | null = null;
  s.a.answer = (_, peer) => {
    service = peer;
    return null;
  };
  const [busy, idle] = [s.connect(), s.connect()];
  await s.ask(idle, "GET", "b:1");
  busy.send(command("GET", "a:1"));
  await s.world.until("the command", () => service !== null);
  const progress = s.proxy.stop(5000);
  await s.world.until("the end of the idle one", () => idle.ended);
  expect(busy.ended).toBe(false);
  (service as Peer | null)?.send("+done\r\n");
  await s.world.until("the end", () => busy.ended);
  expect(busy.received).toBe("+done\r\n");
  for (const peer of [busy, idle]) peer.end();
  await s.world.until("the stop", () => progress.done);
  expect(progress.clean).toBe(true);
});

test("A deadline of the server answers in the protocol's own words", async () => {
  await using s = await site({ server: { timeoutMs: 300 } });
  s.a.answer = () => null;
  const peer = s.connect();
  peer.send(command("GET", "a:1"));
  await s.world.pass(500);
  await s.world.until("the answer", () => peer.received !== "");
  expect(peer.take()).toMatch(/^-ERR .*\(proxy\.timeout\.server;/);
  expect(await s.ask(peer, "GET", "b:1")).toBe("$1\r\nb\r\n");
  peer.destroy();
});

test("Every metric of such a router has its sentence", async () => {
  await using s = await site();
  const peer = s.connect();
  await s.ask(peer, "GET", "a:1");
  const { declared, root } = s.proxy.linker.metrics;
  const written = [...exposition(root, OPEN_METRICS, declared)].join("");
  expect(readMetrics(written, true).problems).toEqual([]);
  expect(written).toContain('fairlead_router_protocol_resp_redirects_total{router="resp"} 0');
  const undeclared = undeclaredMetrics(root).filter((name) => !name.includes("/protocol/resp/"));
  expect(undeclared).toEqual([]);
  peer.destroy();
});

test("Socket timeouts of its servers and clients hold whatever the protocol does", async () => {
  const socketOptions = { readTimeoutMs: 1000 };
  await using s = await site({
    server: { socketOptions },
    router: { client: { socketOptions: { readTimeoutMs: 400 } } },
  });
  const [quiet, busy] = [s.connect(), s.connect()];
  for (let i = 0; i < 3; i++) {
    expect(await s.ask(busy, "GET", "a:1")).toBe("$1\r\na\r\n");
    await s.world.pass(600);
  }
  expect([quiet.ended, busy.ended]).toEqual([true, false]);
  expect(s.a.peers).toHaveLength(3); // each had been quiet for too long when the next command came
  busy.destroy();
  quiet.destroy();
});
