// POST /admin/restart as a caller, a service manager and a container see it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { whyBound } from "../../src/app/successor.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { NodeService } from "../support/h2-load.ts";
import { openDescriptors } from "../support/process-state.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";
import { childrenOf, Line, runs } from "../support/restarting.ts";
import { tcpWorld } from "../support/world.ts";

const LARGEST_ID = 2 ** 31 - 1;
const GRACE_MS = 2500;
const web = { Host: "web" };
const folder = mkdtempSync(join(tmpdir(), "fairlead-succession-"));
/** Agrees to every upgrade and gives back what it hears; other requests are answered at once. */
const backend = http.createServer((_, response) => void response.end("ok"));
let dtab = "";

beforeAll(async () => {
  backend.on("upgrade", (_, socket: net.Socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((done) => void backend.listen(0, "127.0.0.1", done));
  dtab = `/svc/web => /$/inet/127.0.0.1/${(backend.address() as AddressInfo).port}`; // it listens on a port
});

afterAll(() => {
  backend.close();
  backend.closeAllConnections();
  rmSync(folder, { recursive: true });
});

function answers(socketPath: string): Promise<number> {
  return new Promise((done, reject) => {
    const asking = http.get({ socketPath, headers: web, agent: false }, (answer) => {
      answer.resume().on("end", () => done(answer.statusCode ?? 0));
    });
    asking.on("error", reject);
  });
}

test.each([1, 2])(
  "a caller of HTTP/2 sees GOAWAY with the largest id, then with its last stream, which the old process finishes (%i worker(s))",
  async (workers) => {
    const held: ServerHttp2Stream[] = [];
    await using service = await NodeService.start((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("first");
      held.push(stream);
    });
    const [port = 0] = await freePorts(1);
    await using line = await Line.start(() => ({
      workers,
      routers: [{ protocol: "h2", dtab: `/svc/web => /$/inet/127.0.0.1/${service.port}`, servers: [{ port }] }],
    }));
    await using world = tcpWorld();
    const caller = new H2Caller(world, port);
    const fields = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "web"],
    ] as const;
    const stream = caller.request(fields);
    await until(
      () => held.length === 1,
      () => "the stream to begin",
    );
    const former = await line.restart();
    await until(
      () => caller.goaways.length === 2,
      () => `two GOAWAY; ${JSON.stringify(caller.goaways)}`,
    );
    expect(caller.goaways).toEqual([
      { lastId: LARGEST_ID, code: 0 },
      { lastId: stream.id, code: 0 },
    ]);
    expect(runs(former)).toBe(true);
    held[0]?.end(" and last");
    await caller.finished(stream);
    expect(stream.body).toBe("first and last");
    expect(stream.state).toContain('"ended":true,"reset":null');
    await caller.released();
    await line.ended(former);
    expect(line.program.err).toContain("stopped; everything in progress was finished");
    await line.stop();
  },
);

test("a WebSocket lives on in the old process until the limit of its drain", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  await using line = await Line.start(() => ({
    fairlead: 1,
    admin: { port: adminPort, shutdownGraceMs: GRACE_MS },
    routers: [{ protocol: "http", dtab, servers: [{ port }] }],
  }));
  line.adminPort = adminPort;
  const socket = net.connect(port, "127.0.0.1");
  let heard = "";
  let closed = false;
  socket.setEncoding("utf8").on("data", (text: string) => (heard += text));
  socket.on("close", () => (closed = true)).on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await until(
    () => heard.includes("101 Switching"),
    () => `an upgrade; ${heard}`,
  );
  const former = await line.restart();
  const sinceMs = performance.now();
  expect((await ask(port, web)).text).toBe("ok");
  socket.write("still there");
  await until(
    () => heard.endsWith("still there"),
    () => `an echo; ${heard}`,
  );
  expect([closed, runs(former)]).toEqual([false, true]);
  await line.ended(former);
  expect(performance.now() - sinceMs).toBeGreaterThan(GRACE_MS - 200);
  expect(closed).toBe(true);
  expect(line.program.child.exitCode).toBe(0);
  expect(line.program.err).toContain("stopped; what was still in progress was ended");
  await line.stop();
});

/** The fewest descriptors it has open within half a second: those of a request and of files being read come and go. */
async function atRest(pid: number): Promise<number> {
  let fewest = openDescriptors(pid);
  for (let i = 0; i < 20; i++) {
    await sleep(25);
    fewest = Math.min(fewest, openDescriptors(pid));
  }
  return fewest;
}

test("a configuration that came from standard input is passed on, and an idle process goes at once", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const input = JSON.stringify({
    admin: { port: adminPort },
    routers: [{ protocol: "http", dtab, servers: [{ port }] }],
  });
  const program = new Program(["run", "-"], { input });
  await using line = Line.of(program, adminPort);
  await program.said("is ready");
  const open: number[] = [];
  for (let i = 0; i < 3; i++) {
    const former = await line.restart();
    const sinceMs = performance.now();
    await line.ended(former);
    expect(performance.now() - sinceMs).toBeLessThan(3000); // where a request was under way, it would have 5 s
    expect((await ask(port, web)).text).toBe("ok");
    open.push(await atRest(line.pid));
  }
  expect(open[2]).toBeLessThanOrEqual(open[0] ?? 0); // nothing is passed on for ever
  await line.stop();
});

test("a process that dies while its successor starts is succeeded all the same", async () => {
  const [port = 0] = await freePorts(1);
  await using line = await Line.start(() => ({ routers: [{ protocol: "http", dtab, servers: [{ port }] }] }));
  const asked = line.ask().catch(() => undefined);
  await until(
    () => childrenOf(line.pid).length > 0,
    () => "the new process to begin",
  );
  const [child = 0] = childrenOf(line.pid);
  process.kill(line.pid, "SIGKILL");
  line.pids.push(child);
  await line.program.said(`is ready (process ${child},`);
  await asked;
  expect((await ask(port, web)).text).toBe("ok");
  await line.stop();
});

/** Makes the first process of a chain believe that it is an old Node, so that it starts the pinned one. */
function pretend(): string {
  const file = join(folder, "pretend.cjs");
  writeFileSync(
    file,
    `if (process.env.PRETENDED === undefined) {
      process.env.PRETENDED = "1";
      Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });
    }`,
  );
  return file;
}

test("where the launcher of an old Node started the pinned one, a new process takes over, and the launcher ends", async () => {
  const [port = 0] = await freePorts(1);
  await using line = await Line.start(() => ({ routers: [{ protocol: "http", dtab, servers: [{ port }] }] }), {
    command: [process.execPath, "--require", pretend()],
  });
  expect(line.pid).not.toBe(line.program.pid);
  await line.ended(await line.restart());
  await line.ended(line.program.pid);
  expect(line.program.child.exitCode).toBe(0);
  expect((await ask(port, web)).text).toBe("ok");
  await line.ended(await line.restart());
  expect((await ask(port, web)).text).toBe("ok");
  await line.stop();
});

const activates = spawnSync("which", ["systemd-socket-activate"]).status === 0;

test.runIf(activates)("what systemd-socket-activate opened is handed over, and its file stays its own", async () => {
  const socket = join(folder, "activated.sock");
  const [adminPort = 0] = await freePorts(1);
  const file = join(folder, "activated.json");
  const routers = [{ protocol: "http", label: "web", dtab, servers: [{ socket }] }];
  writeFileSync(file, JSON.stringify({ fairlead: 1, admin: { port: adminPort }, routers }));
  const activator = ["systemd-socket-activate", "--listen", socket, "--fdname", "web"];
  const program = new Program(["run", file], { through: activator });
  await using line = Line.of(program, adminPort);
  await program.said("Listening on");
  expect(await answers(socket)).toBe(200); // this is what starts it
  await program.said("is ready");
  expect(program.err).toContain(`serving http on unix:${socket} (inherited)`);
  for (let i = 0; i < 2; i++) {
    await line.ended(await line.restart());
    expect(await answers(socket)).toBe(200);
  }
  await line.stop();
  expect(existsSync(socket)).toBe(true);
});

const namespaces = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;

test.runIf(namespaces)(
  "as process 1 it reloads by SIGHUP, and refuses to be replaced; as a child of one, too",
  async () => {
    for (const launched of [false, true]) {
      const [port = 0, adminPort = 0] = await freePorts(2);
      const file = join(folder, `first-${launched}.json`);
      const text = (servers: object[]) =>
        JSON.stringify({ admin: { port: adminPort }, routers: [{ protocol: "http", dtab, servers }] });
      writeFileSync(file, text([{ port: await freePort() }]));
      const node = launched ? [process.execPath, "--require", pretend()] : [process.execPath];
      await using program = new Program(["run", file], {
        command: ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", ...node],
      });
      await program.said("is ready (process ");
      expect(program.err.includes("is ready (process 1,")).toBe(!launched);
      writeFileSync(file, text([{ port }]));
      process.kill(firstChildOf(program.pid), "SIGHUP");
      await program.said("is in force");
      expect((await ask(port, web)).text).toBe("ok");
      const { status, text: said } = await ask(adminPort, {}, "/admin/restart", "POST");
      expect(status).toBe(500);
      expect(said).toContain("cannot be replaced: the container ends with it");
      expect((await ask(port, web)).text).toBe("ok");
      process.kill(firstChildOf(program.pid), "SIGTERM");
      expect(await program.end()).toBe(0);
    }
  },
);

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function firstChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ")[0]);
}

test("who would take its successor along is refused: the first process of a container, and what that has started", () => {
  expect(whyBound(1, 0, () => "node")).toContain("process 1 of a container");
  expect(whyBound(7, 0, () => "pause")).toContain("that a container was started with");
  expect(whyBound(7, 1, () => "tini")).toContain("here tini");
  for (const name of ["systemd", "init", null]) expect(whyBound(700, 1, () => name)).toBe(null);
  expect(whyBound(700, 650, () => "tini")).toBe(null);
});
