// A running `fairlead` whose configuration file changes: every way in which files change, every way to ask, and what it says of a broken one.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, freePorts, Program, until } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-reload-"));
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const tunnels = new Set<Duplex>();

/** Says its name, and sends the bytes of a WebSocket's first message back as they come. */
function service(name: string) {
  const server = createServer((_, response) => response.end(name));
  server.on("upgrade", (request, socket) => {
    tunnels.add(socket);
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("data", (chunk: Buffer) => socket.write(unmasked(chunk)));
    socket.on("error", () => undefined);
  });
  return server;
}

/** A short text frame of a client as one of a server (RFC 6455 §5.2). */
function unmasked(frame: Buffer): Buffer {
  const size = frame[1]! & 127;
  const payload = Buffer.from(frame.subarray(6, 6 + size));
  for (let i = 0; i < size; i++) payload[i]! ^= frame[2 + (i & 3)]!;
  return Buffer.concat([Buffer.from([frame[0]!, size]), payload]);
}

const [a, b] = [service("a"), service("b")];

beforeAll(() => Promise.all([a, b].map((each) => new Promise<void>((done) => void each.listen(0, "127.0.0.1", done)))));

afterAll(() => {
  for (const tunnel of tunnels) tunnel.destroy();
  for (const server of [a, b]) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true });
});

function portOf(server: typeof a): number {
  return (server.address() as AddressInfo).port; // it listens on a port
}

interface Site extends AsyncDisposable {
  readonly program: Program;
  readonly file: string;
  readonly port: number;
  readonly adminPort: number;
  /** A text of the file, leading to a service. */
  text(to: typeof a, more?: string): string;
  /** Who answers. */
  answer(): Promise<string>;
  /** Waits until this one does. */
  answers(name: string): Promise<void>;
  admin(path: string, method?: string): Promise<{ status: number; text: string }>;
  metric(name: string): Promise<number>;
}

/** @param place puts the text where the program will find it, and returns the path. */
async function site(name: string, place?: (text: string) => string): Promise<Site> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const text: Site["text"] = (to, more = "") =>
    `fairlead: 1\nadmin:\n  port: ${adminPort}\nrouters:\n- protocol: http\n  label: out\n  servers:\n  - port: ${port}\n  dtab: /svc => /$/inet/127.0.0.1/${portOf(to)}\n${more}`;
  const file = place === undefined ? join(folder, `${name}.yaml`) : place(text(a));
  if (place === undefined) writeFileSync(file, text(a));
  const program = new Program(["run", file]);
  await program.said("is ready");
  const answer = async () => (await ask(port, { Host: "web" })).text;
  const found: Site = {
    program,
    file,
    port,
    adminPort,
    text,
    answer,
    async answers(wanted) {
      const giveUpMs = performance.now() + 15_000;
      while ((await answer()) !== wanted)
        if (performance.now() > giveUpMs) throw new Error(`not ${wanted}: ${program.err}`);
    },
    admin: (path, method) => ask(adminPort, {}, path, method),
    async metric(metric) {
      const all = JSON.parse((await ask(adminPort, {}, "/admin/metrics.json")).text) as Record<string, number>;
      return all[metric] ?? Number.NaN;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
  return found;
}

test("a file that changes in place, by a rename, or goes and comes back is put in force each time", async () => {
  await using s = await site("changes");
  expect(await s.answer()).toBe("a");
  writeFileSync(s.file, s.text(b));
  await s.answers("b");
  const draft = `${s.file}.draft`;
  writeFileSync(draft, s.text(a));
  renameSync(draft, s.file);
  await s.answers("a");
  unlinkSync(s.file);
  await s.program.said("is gone; what was read from it stays in force");
  expect(await s.answer()).toBe("a");
  writeFileSync(s.file, s.text(b));
  await s.answers("b");
  expect([await s.metric("config/reloads"), await s.metric("config/reload_failures")]).toEqual([3, 0]);
  expect(s.program.err).not.toContain("ERROR");
});

test("a ConfigMap of Kubernetes is followed: its links are swapped, the file itself never changes", async () => {
  const mount = join(folder, "mounted");
  const write = (version: string, text: string) => {
    mkdirSync(join(mount, version), { recursive: true });
    writeFileSync(join(mount, version, "fairlead.yaml"), text);
    symlinkSync(version, join(mount, "..data_tmp"));
    renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
  };
  await using s = await site("configmap", (text) => {
    write("..2026_1", text);
    symlinkSync(join("..data", "fairlead.yaml"), join(mount, "fairlead.yaml"));
    return join(mount, "fairlead.yaml");
  });
  expect(await s.answer()).toBe("a");
  write("..2026_2", s.text(b));
  await s.answers("b");
  write("..2026_3", s.text(a));
  await s.answers("a");
});

test("POST /admin/reload and SIGHUP put a file in force, and say what became of it", async () => {
  await using s = await site("asked");
  writeFileSync(s.file, s.text(b));
  const first = await s.admin("/admin/reload", "POST");
  expect([first.status, await s.answer()]).toEqual([200, "b"]);
  const again = await s.admin("/admin/reload", "POST");
  expect([again.status, again.text]).toEqual([200, expect.stringContaining("nothing has changed")]);
  writeFileSync(s.file, s.text(a));
  s.program.signal("SIGHUP");
  await s.answers("a");
  expect((await s.admin("/admin/reload")).status).toBe(405);
  expect(await s.metric("config/reloads")).toBe(2);
});

test("without a file there is nothing to read again", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const input = JSON.stringify({ admin: { port: adminPort }, routers: [{ protocol: "http", servers: [{ port }] }] });
  await using program = new Program(["run", "-"], { input });
  await program.said("is ready");
  expect((await ask(adminPort, {}, "/admin/reload", "POST")).status).toBe(409);
  program.signal("SIGHUP");
  await program.said("there is no file to read again");
  expect((await ask(adminPort, {}, "/admin/ping")).text).toBe("pong");
});

test("a broken file leaves the one before in force, and the log, readiness, metrics and whoever asked say why", async () => {
  await using s = await site("broken");
  expect(await s.metric("config/in_force")).toBe(1);
  writeFileSync(s.file, s.text(b, "  bindingTimeoutMs: soon\n"));
  await s.program.said("cannot be used; the configuration before it stays in force");
  const asked = await s.admin("/admin/reload", "POST");
  expect(asked.status).toBe(422);
  const ready = await s.admin("/admin/ready");
  expect(ready.status).toBe(200);
  for (const text of [s.program.err, asked.text, ready.text]) {
    expect(text).toContain("broken.yaml:10:");
    expect(text).toContain("bindingTimeoutMs");
  }
  expect([await s.answer(), await s.metric("config/in_force")]).toEqual(["a", 0]);
  expect(await s.metric("config/reload_failures")).toBeGreaterThanOrEqual(2);
  // The file as it is in force is no change, but it is in order again.
  writeFileSync(s.file, s.text(a));
  await s.program.said("is again as it is in force");
  expect([(await s.admin("/admin/ready")).text.trim(), await s.metric("config/in_force")]).toEqual(["ready", 1]);
  writeFileSync(s.file, s.text(b));
  await s.answers("b");
});

test.each([
  ["no YAML", "routers: [", "YAML|flow"],
  ["nothing", " ", "routers"],
  ["bytes", "\0\xff\xfe\0", ""],
  [
    "a bomb",
    `a: &a [x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `${"bcdefghijklm"[i]}: &${"bcdefghijklm"[i]} [${Array.from({ length: 8 }, () => `*${"abcdefghijkl"[i]}`).join()}]`).join("\n")}\n`,
    "",
  ],
])("%s in the file is refused, and the next file is none the worse", async (name, text, words) => {
  await using s = await site(name.replaceAll(" ", "-"));
  writeFileSync(s.file, text);
  const asked = await s.admin("/admin/reload", "POST");
  expect([asked.status, asked.text]).toEqual([422, expect.stringMatching(words)]);
  expect(await s.answer()).toBe("a");
  writeFileSync(s.file, s.text(b));
  expect((await s.admin("/admin/reload", "POST")).status).toBe(200);
  expect(await s.answer()).toBe("b");
});

test("a directory in the place of the file is said to be one", async () => {
  await using s = await site("replaced");
  unlinkSync(s.file);
  mkdirSync(s.file);
  await s.program.said("cannot be used");
  expect((await s.admin("/admin/ready")).text).toContain("EISDIR");
  rmSync(s.file, { recursive: true });
  writeFileSync(s.file, s.text(b));
  await s.answers("b");
});

test("a port that is taken is named with its key, and everything serves on", async () => {
  await using s = await site("taken");
  writeFileSync(s.file, s.text(b, `- protocol: http\n  label: second\n  servers:\n  - port: ${portOf(a)}\n`));
  const asked = await s.admin("/admin/reload", "POST");
  expect([asked.status, asked.text]).toEqual([422, expect.stringContaining("routers[1].servers[0].port")]);
  expect([await s.answer(), JSON.parse((await s.admin("/config.json")).text).routers.length]).toEqual(["a", 1]);
  writeFileSync(s.file, s.text(b));
  await s.answers("b");
});

test("the admin server moves with the file that its own caller asks to be put in force", async () => {
  await using s = await site("moves");
  const [elsewhere = 0] = await freePorts(1);
  writeFileSync(s.file, s.text(b).replace(`port: ${s.adminPort}`, `port: ${elsewhere}`));
  expect((await s.admin("/admin/reload", "POST")).status).toBe(200);
  expect((await ask(elsewhere, {}, "/admin/ping")).text).toBe("pong");
  await expect(s.admin("/admin/ping")).rejects.toThrow("ECONNREFUSED");
  writeFileSync(s.file, s.text(b, "  bindingTimeoutMs: 5000\n"));
  expect((await ask(elsewhere, {}, "/admin/reload", "POST")).status).toBe(200);
  expect((await s.admin("/admin/ping")).text).toBe("pong");
});

test("a stop in the middle of reloads is a stop like any other", async () => {
  await using s = await site("stopped");
  for (let i = 0; i < 5; i++) {
    writeFileSync(s.file, s.text(i % 2 === 0 ? b : a, `  bindingTimeoutMs: ${5000 + i}\n`));
    s.program.signal("SIGHUP");
    await new Promise((go) => setTimeout(go, i));
  }
  s.program.signal("SIGTERM");
  expect(await s.program.end()).toBe(0);
  expect(s.program.err).not.toMatch(/ERROR|cannot be used/);
});

test("a WebSocket lives through reloads of its router and of others", async () => {
  await using s = await site("websocket");
  const socket = new WebSocket(`ws://127.0.0.1:${s.port}/`);
  const heard: string[] = [];
  socket.addEventListener("message", ({ data }) => void heard.push(String(data)));
  let over = "";
  socket.addEventListener("close", ({ code }) => (over = `closed with ${code}`));
  await until(
    () => socket.readyState === WebSocket.OPEN,
    () => "the WebSocket",
  );
  const [other = 0] = await freePorts(1);
  const second = `- protocol: http\n  label: second\n  servers:\n  - port: ${other}\n`;
  const changes = [
    s.text(b),
    s.text(b, "  bindingTimeoutMs: 4000\n"),
    s.text(b, `  bindingTimeoutMs: 4000\n${second}`),
    s.text(b, `  maxHeadersKB: 4\n${second}`),
    s.text(a, second).replace("label: out", "label: renamed"),
  ];
  for (const [i, text] of changes.entries()) {
    writeFileSync(s.file, text);
    expect((await s.admin("/admin/reload", "POST")).status).toBe(200);
    socket.send(`message ${i}`);
    await until(
      () => heard.includes(`message ${i}`) || over !== "",
      () => `message ${i}`,
    );
  }
  expect([heard.length, over]).toEqual([changes.length, ""]);
  expect(await s.answer()).toBe("a");
  socket.close();
});

test("with workers a change holds in all of them or in none", async () => {
  await using s = await site("workers", (text) => {
    const file = join(folder, "workers.yaml");
    writeFileSync(file, `${text}workers: 2\n`);
    return file;
  });
  const [other = 0] = await freePorts(1);
  const put = async (text: string) => {
    writeFileSync(s.file, `${text}workers: 2\n`);
    return (await s.admin("/admin/reload", "POST")).status;
  };
  /** Each question is a connection of its own: the system spreads them over both workers. */
  const everywhere = async (port: number, host = "web") => {
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(port, { Host: host })));
    return [...new Set(all.map(({ text }) => text))];
  };
  expect(await everywhere(s.port)).toEqual(["a"]);
  expect([await put(s.text(b)), await everywhere(s.port)]).toEqual([200, ["b"]]);
  const changed = s.text(a, "  bindingTimeoutMs: 4000\n");
  expect([await put(changed), await everywhere(s.port)]).toEqual([200, ["a"]]);
  const second = (port: number) =>
    `- protocol: http\n  label: second\n  dtab: /svc => /$/inet/127.0.0.1/${portOf(b)}\n  servers:\n  - port: ${port}\n`;
  for (let again = 0; again < 3; again++) {
    const taken = s.text(b, `  bindingTimeoutMs: ${3000 + again}\n${second(portOf(a))}`);
    expect([await put(taken), await everywhere(s.port)]).toEqual([422, ["a"]]);
    const noAdmin = s.text(b, second(other)).replace(`port: ${s.adminPort}`, `port: ${portOf(a)}`);
    expect([await put(noAdmin), await everywhere(s.port)]).toEqual([422, ["a"]]);
    await expect(ask(other)).rejects.toThrow("ECONNREFUSED");
    // Names that nobody has asked for yet show that control still answers.
    expect(await everywhere(s.port, `never-seen-${again}`)).toEqual(["a"]);
  }
  expect(await put(`${changed}${second(other)}`)).toBe(200);
  expect([await everywhere(s.port), await everywhere(other)]).toEqual([["a"], ["b"]]);
  expect(await put(changed)).toBe(200);
  await expect(ask(other)).rejects.toThrow("ECONNREFUSED");
  expect(s.program.err.match(/ERROR.*/g)?.filter((line) => !line.includes("cannot be used"))).toEqual([]);
});
