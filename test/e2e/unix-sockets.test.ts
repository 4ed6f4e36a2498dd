// Unix sockets as callers and services meet them: a proxy in a process of its own, node:http and node:http2 at both ends.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fetched, Program, until } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-unix-"));
const disco = join(folder, "disco");
const sockets = join(folder, "sockets");
const closers: (() => void)[] = [];
/** The heads that services saw last. */
let seen: http.IncomingHttpHeaders = {};

beforeAll(async () => {
  for (const directory of [disco, sockets]) mkdirSync(directory);
  for (const name of ["one", "two"]) await httpService(join(sockets, name), name);
  await http2Service(join(sockets, "grpc"));
  writeFileSync(join(disco, "web"), `unix:${join(sockets, "one")}\nunix:${join(sockets, "two")} * 1\n`);
  writeFileSync(join(disco, "gone"), `unix:${join(sockets, "gone")}\n`);
});

afterAll(() => {
  for (const close of closers) close();
  rmSync(folder, { recursive: true });
});

async function httpService(path: string, name: string): Promise<void> {
  const server = http.createServer((request, response) => {
    seen = request.headers;
    response.end(`${name} got ${request.headers.host ?? "no host"}`);
  });
  await new Promise<void>((done) => void server.listen(path, done));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
}

async function http2Service(path: string): Promise<void> {
  const server = http2.createServer();
  const open = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => open.add(session));
  server.on("stream", (stream: http2.ServerHttp2Stream, head: http2.IncomingHttpHeaders) => {
    stream.respond({ ":status": 200 });
    stream.end(`h2 got ${head[":authority"] ?? "nothing"}`);
  });
  await new Promise<void>((done) => void server.listen(path, done));
  closers.push(() => {
    server.close();
    for (const session of open) session.destroy();
  });
}

function config(name: string, servers: object, more: { admin?: object; router?: object } = {}): string {
  const file = join(folder, `${name}.json`);
  const namers = [
    { kind: "io.l5d.fs", rootDir: disco },
    { kind: "io.l5d.fs", prefix: "/here", rootDir: sockets },
  ];
  const dtab = "/svc => /#/here | /#/io.l5d.fs";
  const routers = [{ protocol: "http", dtab, servers: [servers], ...more.router }];
  writeFileSync(file, JSON.stringify({ fairlead: 1, admin: more.admin ?? { port: 0 }, namers, routers }));
  return file;
}

/** One request as `curl --unix-socket` makes it. */
function askUnix(socketPath: string, host: string, path = "/", headers: Record<string, string> = {}): Promise<Fetched> {
  return new Promise((done, reject) => {
    http
      .request({ socketPath, path, headers: { Host: host, ...headers }, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode ?? 0, text }));
      })
      .on("error", reject)
      .end();
  });
}

async function askHttp2(path: string, authority: string): Promise<Fetched> {
  const session = http2.connect(`http://${authority}`, { createConnection: () => net.connect(path) });
  try {
    return await new Promise<Fetched>((done, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":path": "/", ":authority": authority });
      let status = 0;
      let text = "";
      stream.on("response", (head) => (status = head[":status"] ?? 0));
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      stream.on("end", () => done({ status, text }));
      stream.on("error", reject);
      stream.end();
    });
  } finally {
    session.destroy();
  }
}

test("A server and the admin server listen on unix sockets; services on them are balanced, measured and logged", async () => {
  const socket = join(folder, "web.sock");
  const adminSocket = join(folder, "admin.sock");
  const accessLog = join(folder, "access.log");
  const file = config(
    "whole",
    { socket, addForwardedHeader: { by: { kind: "ip:port" }, for: { kind: "ip" } } },
    { admin: { socket: adminSocket }, router: { httpAccessLog: accessLog } },
  );
  await using program = new Program(["run", file]);
  await program.said("is ready");
  expect(program.err).toContain(`serving http on unix:${socket}`);
  expect(program.err).toContain(`listening on unix:${adminSocket}`);
  expect(statSync(socket).mode & 0o777).toBe(0o660);
  expect(statSync(adminSocket).mode & 0o777).toBe(0o600);

  const answers = new Set<string>();
  for (let i = 0; i < 40; i++) answers.add((await askUnix(socket, "web")).text);
  expect([...answers].sort()).toEqual(["one got web", "two got web"]); // Host is the caller's, whatever carries it
  expect(seen.forwarded).toBe("by=unknown;for=unknown;host=web");
  expect((await askUnix(socket, "one")).text).toBe("one got one"); // a socket in the directory is a service
  expect(await askUnix(socket, "nobody")).toMatchObject({ status: 502 });
  expect((await askUnix(socket, "gone")).text).toContain(`connection to unix:${join(sockets, "gone")} (ENOENT)`);

  const metrics = await askUnix(adminSocket, "localhost", "/admin/metrics.json");
  const figures = JSON.parse(metrics.text) as Record<string, number>;
  expect(figures[`rt/http/server/unix:${socket}/requests`]).toBe(43);
  const prometheus = await askUnix(adminSocket, "localhost", "/admin/metrics/prometheus");
  expect(prometheus.text).toContain(`rt:server:requests{rt="http", server="unix:${socket}"} 43`);
  const open = await askUnix(adminSocket, "localhost", "/metrics");
  expect(open.text).toContain(`router="http",server="unix:${socket}"`);
  const state = await askUnix(adminSocket, "localhost", "/client_state.json");
  expect(state.text).toContain(`unix:${join(sockets, "one")}`);
  const explained = await askUnix(adminSocket, "localhost", "/delegator.json?path=/svc/web");
  const { bound } = (JSON.parse(explained.text) as { alt: { bound?: { addr: object } }[] }).alt[1] ?? {};
  expect(bound?.addr).toMatchObject({ addrs: [{ ip: join(sockets, "one"), port: 0 }, { ip: join(sockets, "two") }] });
  expect((await askUnix(adminSocket, "evil.example", "/admin/ping")).status).toBe(403);

  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect([socket, adminSocket].map(existsSync)).toEqual([false, false]);
  expect(readFileSync(accessLog, "latin1").split("\n")[0]).toMatch(/^web unix - - \[/);
});

test("HTTP/2 goes over unix sockets on both sides, by prior knowledge on the port of an http router too", async () => {
  const socket = join(folder, "h2.sock");
  const file = config("h2", { socket }, { router: { protocol: "h2", label: "h2" } });
  await using program = new Program(["run", file]);
  await program.said("is ready");
  expect(await askHttp2(socket, "grpc")).toEqual({ status: 200, text: "h2 got grpc" });
  const shared = join(folder, "both.sock");
  await using both = new Program(["run", config("both", { socket: shared })]);
  await both.said("is ready");
  expect((await askHttp2(shared, "web")).text).toMatch(/^(one|two) got web$/);
});

test("A socket that appears in the directory is a service from then on, and one that goes is none", async () => {
  const socket = join(folder, "live.sock");
  await using program = new Program(["run", config("live", { socket })]);
  await program.said("is ready");
  expect((await askUnix(socket, "late")).status).toBe(502);
  const late = http.createServer((_, response) => void response.end("late"));
  await new Promise<void>((done) => void late.listen(join(sockets, "late"), done));
  await eventually(async () => (await askUnix(socket, "late")).text === "late");
  late.close();
  late.closeAllConnections();
  await eventually(async () => (await askUnix(socket, "late")).status === 502);
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  let held = false;
  const looking = (async () => {
    while (!held) held = await holds();
  })();
  await until(
    () => held,
    () => "it to hold",
  );
  await looking;
}

test("The file of a dead process is replaced, a relative path belongs to the working directory, and the mode is as written", async () => {
  const socket = join(folder, "stale.sock");
  const stopped = new Program(["run", config("stale", { socket, socketMode: "0606" })]);
  await stopped.said("is ready");
  stopped.signal("SIGKILL");
  expect(await stopped.end()).toBe("SIGKILL");
  expect(statSync(socket).isSocket()).toBe(true);
  const written = relative(process.cwd(), socket);
  await using program = new Program(["run", config("stale", { socket: written, socketMode: "0606" })]);
  await program.said("is ready");
  expect(statSync(socket).mode & 0o777).toBe(0o606);
  expect((await askUnix(socket, "one")).status).toBe(200);
  // Another one took the place: it is not removed.
  rmSync(socket);
  writeFileSync(socket, "mine");
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(readFileSync(socket, "utf8")).toBe("mine");
});

test("A path that another process serves, or that is no socket, is refused in words, and left alone", async () => {
  const socket = join(folder, "taken.sock");
  const file = config("taken", { socket });
  await using first = new Program(["run", file]);
  await first.said("is ready");
  await using second = new Program(["run", file]);
  expect(await second.end()).toBe(1);
  expect(second.err).toContain(
    `${socket} cannot be listened on: process ${first.pid} (${nameOf(first.pid)}) listens there; stop it; or choose another path at routers[0].servers[0].socket`,
  );
  expect((await askUnix(socket, "one")).status).toBe(200);
  const regular = join(folder, "regular");
  writeFileSync(regular, "keep me");
  await using third = new Program(["run", config("regular", { port: 0 }, { admin: { socket: regular } })]);
  expect(await third.end()).toBe(1);
  expect(third.err).toContain("there is a file by that name that is no socket; remove it");
  expect(third.err).toContain("admin.socket");
  expect(readFileSync(regular, "utf8")).toBe("keep me");
  await using fourth = new Program(["run", config("nowhere", { socket: join(folder, "no/such/dir.sock") })]);
  expect(await fourth.end()).toBe(1);
  expect(fourth.err).toContain("there is no such directory; make it first (systemd: RuntimeDirectory=)");
});

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

test.each([
  [{ socket: `/run/${"x".repeat(104)}` }, "the path has 109 bytes, and the system takes at most 107"],
  [{ socket: "@abstract" }, "abstract sockets, which have no file and no permissions, are not used here"],
  [{ socket: "/run/a/" }, "this is the path of a directory"],
  [{ socket: "/run/a", port: 4140 }, "has no effect beside socket"],
  [{ socket: "/run/a", ip: "127.0.0.1" }, "has no effect beside socket"],
  [{ port: 4140, socketMode: "0660" }, "is about the file of a unix socket, and there is none here"],
  [{ socket: "/run/a", socketMode: "0999" }, "not well-formed as permissions: these are three octal digits"],
])("%j is a problem of the configuration", async (server, problem) => {
  await using program = new Program(["check", config("bad", server)]);
  expect(await program.end()).toBe(1);
  expect(program.out + program.err).toContain(problem);
});

test("Two listeners on one path are a problem of the configuration", async () => {
  const socket = join(folder, "same.sock");
  await using program = new Program(["check", config("same", { socket }, { admin: { socket } })]);
  expect(await program.end()).toBe(1);
  expect(program.out + program.err).toContain(`unix:${socket} is already taken by admin`);
});

test("curl --unix-socket is answered", async () => {
  const socket = join(folder, "curl.sock");
  await using program = new Program(["run", config("curl", { socket })]);
  await program.said("is ready");
  const curl = spawn("curl", ["-s", "--max-time", "5", "--unix-socket", socket, "http://two/"]);
  let out = "";
  curl.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  expect(await new Promise((done) => curl.once("close", done))).toBe(0);
  expect(out).toBe("two got two");
});

test.skipIf(process.getuid?.() === 0)(
  "A service whose socket this user (root may) is not allowed to write to is a failed connect, said with its path",
  async () => {
    chmodSync(join(sockets, "two"), 0o000);
    const socket = join(folder, "denied.sock");
    await using program = new Program(["run", config("denied", { socket })]);
    await program.said("is ready");
    expect((await askUnix(socket, "two")).text).toContain("(EACCES)");
  },
);
