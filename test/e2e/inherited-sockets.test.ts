// Listening sockets that the program inherits: from a service manager, through the launcher, and from the process that it replaces.
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { socketsOf } from "../../src/app/inherited-sockets.ts";
import { handover } from "../../src/transport/node/handover.ts";
import { Linker } from "../../src/app/linker.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Log } from "../../src/telemetry/log.ts";
import { activated } from "../support/activation.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-inherited-"));
const backend = http.createServer((_, response) => void response.end("ok"));
let dtab = "";
/** Makes the first process of a chain believe that it is an old Node, so that it starts the pinned one. */
const pretend = join(folder, "pretend.cjs");

beforeAll(async () => {
  await new Promise<void>((done) => void backend.listen(0, "127.0.0.1", done));
  dtab = `/svc/web => /$/inet/127.0.0.1/${(backend.address() as AddressInfo).port}`; // it listens on a port
  writeFileSync(
    pretend,
    `if (process.env.PRETENDED === undefined) {
      process.env.PRETENDED = "1";
      Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });
    }`,
  );
});

afterAll(() => {
  backend.close();
  backend.closeAllConnections();
  rmSync(folder, { recursive: true });
});

interface Setup {
  readonly admin?: object;
  readonly server: object;
  readonly router?: object;
}

function config(name: string, { admin = { port: 0 }, router = {}, server }: Setup): string {
  const file = join(folder, `${name}.json`);
  const routers = [{ protocol: "http", dtab, servers: [server], ...router }];
  writeFileSync(file, JSON.stringify({ fairlead: 1, admin, routers }));
  return file;
}

const local = { host: "127.0.0.1", port: 0 };
const web = { Host: "web" };

/** One request as `curl --unix-socket` makes it. */
function askPath(socketPath: string): Promise<number> {
  return new Promise((done, reject) => {
    http
      .get({ socketPath, headers: web, agent: false }, (answer) => {
        answer.resume();
        answer.on("end", () => done(answer.statusCode ?? 0));
      })
      .on("error", reject);
  });
}

test("A connection that was made before the program was there is served by it, on the socket with the server's address", async () => {
  const [port = 0] = await freePorts(1);
  const { program } = await activated(
    [{ at: { host: "127.0.0.1", port } }],
    ["run", config("early", { server: { port } })],
  );
  await using _ = program;
  expect(await ask(port, web)).toEqual({ status: 200, text: "ok" });
  await program.said("is ready");
  expect(program.err).toContain(`serving http on 127.0.0.1:${port} (inherited)`);
  expect(program.err).not.toContain("used by no server");
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
});

test("Servers are found by the labels of themselves or their router, the admin server as admin, whatever the configuration says of ports", async () => {
  const admin = { at: local, name: "admin" };
  const byRouter = { at: local, name: "edge" };
  const byServer = { at: local, name: "inner" };
  const stranger = { at: local, name: "metrics" };
  const servers = [{ port: 0, label: "inner" }, { port: 0 }];
  const file = config("names", { server: {}, router: { label: "edge", servers } });
  const { ports, program } = await activated([admin, byRouter, byServer, stranger], ["run", file]);
  await using _ = program;
  await program.said("is ready");
  const [adminPort = 0, edge = 0, inner = 0, unused = 0] = ports;
  expect((await ask(adminPort, {}, "/admin/ping")).status).toBe(200);
  for (const port of [edge, inner]) expect((await ask(port, web)).status).toBe(200);
  expect(program.err).toContain(
    `inherited socket "metrics" (descriptor 6, on 127.0.0.1:${unused}) is used by no server: none has that address, or that name as its label or its router's`,
  );
});

test("A socket for IPv6 and IPv4, as ListenStream=PORT makes it, serves a server on 0.0.0.0", async () => {
  const [port = 0] = await freePorts(1);
  const file = config("dual", { server: { ip: "0.0.0.0", port } });
  const { program } = await activated([{ at: { host: "::", port } }], ["run", file]);
  await using _ = program;
  await program.said("is ready");
  expect(program.err).toContain(`serving http on [::]:${port} (inherited)`);
  expect((await ask(port, web)).status).toBe(200);
});

test("An inherited unix socket is found by its path, and its file stays: it is the service manager's", async () => {
  const path = join(folder, "managed.sock");
  const { program } = await activated(
    [{ at: { path }, name: "any" }],
    ["run", config("path", { server: { socket: path } })],
  );
  await using _ = program;
  expect(await askPath(path)).toBe(200);
  await program.said("is ready");
  expect(program.err).toContain(`serving http on unix:${path} (inherited)`);
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(existsSync(path)).toBe(true);
});

test("Sockets that are meant for another process are left alone", async () => {
  const [port = 0] = await freePorts(1);
  const { program } = await activated([{ at: local, name: "http" }], ["run", config("other", { server: { port } })], {
    pid: "1",
  });
  await using _ = program;
  await program.said("is ready");
  expect(program.err).toContain(`serving http on 127.0.0.1:${port}\n`);
  expect((await ask(port, web)).status).toBe(200);
});

test("What is no socket is told of by its number and name, and the program serves all the same", async () => {
  const [port = 0] = await freePorts(1);
  const file = config("regular", { server: { port } });
  const environment = { LISTEN_FDS: "1", LISTEN_FDNAMES: "paper" };
  const descriptor = openSync(file, "r");
  await using program = new Program(["run", file], {
    environment,
    descriptors: [descriptor],
    command: ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", process.execPath],
  });
  closeSync(descriptor);
  await program.said("is ready");
  expect(program.err).toContain("inherited sockets: descriptor 3 (paper) is no stream socket");
  expect((await ask(port, web)).status).toBe(200);
});

test("The launcher of an old Node passes sockets on to the pinned one, and ends as it ends", async () => {
  const [port = 0] = await freePorts(1);
  const file = config("launched", { server: { port } });
  const options = { node: ["--require", pretend] };
  const { program } = await activated([{ at: { host: "127.0.0.1", port } }], ["run", file], options);
  await using _ = program;
  expect((await ask(port, web)).status).toBe(200);
  await program.said("is ready");
  expect(program.err).toContain(`serving http on 127.0.0.1:${port} (inherited)`);
  expect(program.err).not.toContain(`(process ${program.pid},`); // it is a child that serves
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(program.err).toContain("everything in progress was finished");
});

/** A proxy in this process, which is to be replaced. */
async function parent(file: string): Promise<Linker> {
  const { config: loaded } = await loadConfig(readFileSync(file, "utf8"), { file, environment: {} });
  if (loaded === null) throw new Error("the configuration is good");
  return Linker.start(loaded, { log: new Log(systemClock, () => undefined) });
}

/** Calls again and again, each time on a connection of its own, with a few at a time; remembers whatever goes wrong. */
class Callers {
  served = 0;
  readonly problems: string[] = [];
  readonly #ended: Promise<unknown>;
  #over = false;

  constructor(call: () => Promise<number>, count: number) {
    this.#ended = Promise.all(Array.from({ length: count }, () => this.#run(call)));
  }

  async #run(call: () => Promise<number>): Promise<void> {
    while (!this.#over) {
      try {
        const status = await call();
        if (status === 200) this.served++;
        else this.problems.push(String(status));
      } catch (error) {
        this.problems.push(String(error));
      }
    }
  }

  async more(count: number): Promise<void> {
    const enough = this.served + count;
    await until(
      () => this.served >= enough || this.problems.length > 0,
      () => "callers to be served",
    );
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#ended;
  }
}

test.each(["a port", "a unix socket"])(
  "A child takes over %s from its parent, and no caller is refused or reset",
  async (what) => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const socket = join(folder, "handed.sock");
    const unix = what !== "a port";
    const server = unix ? { socket } : { port };
    const admin = { port: adminPort };
    const log = join(folder, `child-${unix ? "unix" : "tcp"}.log`);
    const old = await parent(config("parent", { admin, server }));
    const callers = new Callers(async () => (unix ? askPath(socket) : (await ask(port, web)).status), 8);
    await callers.more(50);

    const { environment, stdio } = handover(await socketsOf(old));
    expect(stdio.length).toBe(2);
    await using child = new Program(["run", config("child", { admin, server, router: { httpAccessLog: log } })], {
      environment,
      descriptors: stdio,
    });
    await child.said("is ready");
    expect(child.err).toContain(`serving http on ${unix ? `unix:${socket}` : `127.0.0.1:${port}`} (inherited)`);
    expect(child.err).toContain(`listening on 127.0.0.1:${adminPort} (inherited)`);
    const before = { parent: servedBy(old), child: linesOf(log) };
    await until(
      () => (servedBy(old) > before.parent && linesOf(log) > before.child) || callers.problems.length > 0,
      () => "both to serve",
    );

    expect(await old.stepAside(5000)).toBe(true);
    const atTheEnd = servedBy(old);
    await callers.more(500);
    await callers.stop();
    expect(callers.problems).toEqual([]);
    expect(servedBy(old)).toBe(atTheEnd);
    expect((await ask(adminPort, {}, "/admin/ping")).status).toBe(200);

    child.signal("SIGTERM");
    expect(await child.end()).toBe(0);
    expect(linesOf(log) + atTheEnd).toBe(callers.served); // each was served once, by one of the two
    if (unix) expect(existsSync(socket)).toBe(false); // the file became the child's own
  },
);

function servedBy(linker: Linker): number {
  const [server] = linker.metrics.root.existing("rt")?.existing("http")?.existing("server")?.children ?? [];
  const found = linker.metrics.find("rt", "http", "server", server?.segment ?? "", "requests");
  return found?.kind === "counter" ? found.value : 0;
}

function linesOf(path: string): number {
  return existsSync(path) ? readFileSync(path, "latin1").split("\n").length - 1 : 0;
}
