// Plug-ins in a proxy that changes while it runs, with one event loop and with several: every thread loads them for itself.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program, until } from "../support/program.ts";

const REQUESTS = 40;
/** The file is watched, too: then nothing is left to do. */
const IN_FORCE = /in force|the file is as it was/;

let folder: string;
let service: http.Server;
let redis: net.Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-plugin-reload-"));
  service = http.createServer((_, answer) => answer.end("served"));
  // Answers every command, each in a chunk of its own, with OK.
  redis = net.createServer((socket) => socket.on("data", () => socket.write("+OK\r\n")).on("error", () => undefined));
  for (const server of [service, redis]) {
    await new Promise<void>((listening) => {
      server.listen(0, "127.0.0.1", listening);
    });
  }
});
afterAll(() => {
  service.close();
  redis.close();
  rmSync(folder, { recursive: true });
});

const portOf = (server: net.Server) => (server.address() as AddressInfo).port;

/** A filter that says with every answer which thread it runs in, and counts. */
const STAMP = `import { addField, counter, defineFilter, definePlugin, text } from "fairlead/plugin";
import { threadId } from "node:worker_threads";
export const plugin = definePlugin({ name: "stamp", filters: { "stamp.thread": defineFilter({
  doc: "Says where it runs.",
  keys: { word: text({ doc: "A word.", default: "in" }) },
  metrics: { stamped: counter("Answers with a stamp.") },
  make: ({ word }, { metrics }) => ({
    up(ex, head) {
      if (head === null) return;
      metrics.stamped.inc();
      addField(head, "x-thread", word + " " + threadId);
    },
  }),
}) } });`;

interface Setup {
  readonly workers?: number;
  readonly plugins: readonly string[];
  readonly filters?: readonly object[];
  readonly resp?: object;
  readonly respServer?: object;
}

function config({ filters = [], plugins, resp, respServer, workers = 1 }: Setup): string {
  const tenant = { kind: "acme.tenant", known: ["blue"] };
  const routers: object[] = [
    {
      protocol: "http",
      identifier: [tenant],
      dtab: `/svc/tenants/blue => /$/inet/127.0.0.1/${portOf(service)}`,
      servers: [{ port: 0 }],
      filters,
    },
  ];
  if (resp !== undefined)
    routers.push({
      protocol: "resp",
      dtab: `/svc/redis => /$/inet/127.0.0.1/${portOf(redis)}`,
      servers: [{ port: 0, ...respServer }],
      ...resp,
    });
  return JSON.stringify({ fairlead: 1, workers, admin: { port: 0 }, plugins, routers });
}

/** A proxy with a configuration that can be changed. */
class Changing extends Program {
  readonly #file: string;

  private constructor(file: string) {
    super(["run", file]);
    this.#file = file;
  }

  static async start(name: string, setup: Setup): Promise<Changing> {
    mkdirSync(join(folder, name));
    const file = join(folder, name, "c.json");
    writeFileSync(file, config(setup));
    const program = new Changing(file);
    await program.said("is ready");
    return program;
  }

  port(words: string): number {
    return Number(new RegExp(`${words} 127\\.0\\.0\\.1:(\\d+)`).exec(this.err)?.[1]);
  }

  async admin(path: string, method = "GET"): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port("admin: listening on")}${path}`, { method })).text();
  }

  /** Puts another configuration in force; returns what the admin server says of it. */
  change(setup: Setup): Promise<string> {
    writeFileSync(`${this.#file}.new`, config(setup));
    renameSync(`${this.#file}.new`, this.#file);
    return this.admin("/admin/reload", "POST");
  }
}

const acme = resolve("examples/plugins/acme/index.ts");
const resp = resolve("examples/plugins/resp/index.ts");

/** Asks on a new connection, which may come to any of the threads. */
function ask(port: number): Promise<http.IncomingMessage> {
  return new Promise((answered, failed) => {
    const headers = { "x-tenant": "blue", connection: "close" };
    http
      .get({ host: "127.0.0.1", port, headers, agent: false }, (answer) => answered(answer.resume()))
      .on("error", failed);
  });
}

function askAll(port: number): Promise<http.IncomingMessage[]> {
  return Promise.all(Array.from({ length: REQUESTS }, () => ask(port)));
}

/** A caller that sends commands one after the other. */
class Caller implements Disposable {
  readonly #socket: net.Socket;
  #heard = "";
  closed = false;

  constructor(port: number) {
    this.#socket = net.connect(port, "127.0.0.1");
    this.#socket.setEncoding("utf8").on("data", (text: string) => (this.#heard += text));
    this.#socket.on("close", () => (this.closed = true)).on("error", () => undefined);
  }

  async get(key: string): Promise<string> {
    this.#heard = "";
    this.#socket.write(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`);
    await until(
      () => this.#heard.endsWith("\r\n") || this.closed,
      () => "an answer",
    );
    return this.#heard;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

async function stopped(program: Program): Promise<void> {
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(program.err).not.toMatch(/ ERROR (?!config)/);
}

for (const workers of [1, 2]) {
  test(`A reload that adds a plug-in and its filter, with workers: ${workers}`, async () => {
    const name = `adds-${workers}`;
    await using program = await Changing.start(name, { workers, plugins: [acme] });
    const port = program.port("serving http on");
    for (const answer of await askAll(port)) {
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["x-thread"]).toBeUndefined();
    }
    writeFileSync(join(folder, name, "stamp.ts"), STAMP);
    const plugins = [acme, "./stamp.ts"];
    expect(await program.change({ workers, plugins, filters: [{ kind: "stamp.thread" }] })).toMatch(IN_FORCE);
    const threads = new Set<unknown>();
    for (const answer of await askAll(port)) {
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["x-thread"]).toMatch(workers === 1 ? /^in 0$/ : /^in [1-9]\d*$/);
      threads.add(answer.headers["x-thread"]);
    }
    expect(threads.size).toBe(workers);
    const metrics = await program.admin("/metrics");
    expect(metrics).toContain("Answers with a stamp.");
    expect(metrics).toContain(`fairlead_router_filter_stamp_thread_stamped_total{router="http"} ${REQUESTS}`);
    // Its keys are read by its own schema, and what is wrong with them leaves everything as it was.
    const wrong = await program.change({ workers, plugins, filters: [{ kind: "stamp.thread", word: 7 }] });
    expect(wrong).toContain("routers[0].filters[0].word");
    const other = await program.change({ workers, plugins, filters: [{ kind: "stamp.thread", word: "at" }] });
    expect(other).toMatch(IN_FORCE);
    expect((await ask(port)).headers["x-thread"]).toMatch(/^at /);
    await stopped(program);
  });

  test(`A router whose protocol a plug-in brings goes on through reloads, with workers: ${workers}`, async () => {
    const plugins = [acme, resp];
    await using program = await Changing.start(`resp-${workers}`, { workers, plugins, resp: {} });
    const port = program.port("serving resp on");
    using before = new Caller(port);
    expect(await before.get("user:1")).toBe("+OK\r\n");
    // The router is made anew; how its connections are treated is not changed.
    expect(await program.change({ workers, plugins, resp: { client: { failFast: true } } })).toMatch(IN_FORCE);
    expect(await before.get("user:1")).toBe("+OK\r\n");
    // Now they are treated otherwise: callers go with their next answer, others come to the same socket.
    const strict = { workers, plugins, resp: {}, respServer: { maxArguments: 1 } };
    expect(await program.change(strict)).toMatch(IN_FORCE);
    using after = new Caller(port);
    expect(await after.get("user:1")).toContain("-ERR Protocol error");
    expect(await before.get("user:1")).toBe("+OK\r\n");
    await until(
      () => before.closed,
      () => "the former connection to go",
    );
    // And there is no such router any more.
    expect(await program.change({ workers, plugins: [acme] })).toMatch(IN_FORCE);
    using gone = new Caller(port);
    await until(
      () => gone.closed,
      () => "the socket to be closed",
    );
    expect((await askAll(program.port("serving http on"))).every(({ statusCode }) => statusCode === 200)).toBe(true);
    await stopped(program);
  });
}

test("A worker that is replaced has the plug-ins of the configuration in force", async () => {
  await using program = await Changing.start("replaced", { workers: 2, plugins: [acme] });
  writeFileSync(join(folder, "replaced", "stamp.ts"), STAMP);
  await program.change({ workers: 2, plugins: [acme, "./stamp.ts"], filters: [{ kind: "stamp.thread" }] });
  for (const index of [0, 1]) {
    await program.admin(`/admin/workers/replace?worker=${index}`, "POST");
    await program.said(`worker ${index} serves again`);
  }
  for (const answer of await askAll(program.port("serving http on")))
    expect(answer.headers["x-thread"]).toMatch(/^in [1-9]/);
});
