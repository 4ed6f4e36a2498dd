// The demo, on free ports: what it promises, and that nothing is left of it.
import { spawnSync } from "node:child_process";
import http from "node:http";
import http2 from "node:http2";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { ask, freePorts, Program, until } from "../support/program.ts";

const OVERRIDE = "/svc/users => /svc/users-v2";

interface Running {
  readonly program: Program;
  readonly port: number;
  readonly adminPort: number;
  readonly children: readonly number[];
  readonly folder: string;
}

async function started(): Promise<Running> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const program = new Program(["demo", "--port", String(port), "--admin-port", String(adminPort)]);
  await program.said("Ctrl-C ends all of it");
  const config = /^Read +(\S+)$/m.exec(program.out)?.[1] ?? "";
  return { program, port, adminPort, children: childrenOf(program.pid), folder: dirname(config) };
}

/** One request over HTTP/2, with prior knowledge. */
async function askHttp2(port: number, fields: http2.OutgoingHttpHeaders) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request(fields).end();
  let head: http2.IncomingHttpHeaders = {};
  stream.on("response", (fields) => (head = fields));
  const chunks: Buffer[] = await stream.toArray();
  session.close();
  return { head, text: Buffer.concat(chunks).toString() };
}

/** Asks for `search`, which the demo's own caller has left once, and leaves when all three services work. */
function leaveSearch(port: number): Promise<void> {
  return new Promise((left, reject) => {
    const options = { host: "127.0.0.1", port, headers: { Host: "search" }, agent: false };
    const request = http.get(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text !== "search works\nindex works\nshard works\n") return;
        request.destroy();
        left();
      });
      answer.on("error", () => undefined); // cut off, since we left
    });
    request.on("error", reject);
  });
}

/** How long each service of the chain says that it worked, in the order in which they said so. */
function givenBack(out: string, rest: string): Map<string, number> {
  const lines = out.matchAll(new RegExp(`^ *(search|index|shard) worked (\\d+) ms of 5000${rest}$`, "gm"));
  return new Map(Array.from(lines, ([, name = "", ms]) => [name, Number(ms)]));
}

function childrenOf(pid: number): number[] {
  return processes()
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child);
}

/** Every process and its parent. */
function processes(): [pid: number, parent: number][] {
  if (existsSync("/proc/self/stat")) {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.map((name) => [Number(name), parentOf(name)]);
  }
  const listed = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).stdout.trim().split("\n");
  return listed.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]); // two columns were asked for
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0; // it has ended meanwhile
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone({ children, port, adminPort }: Running): Promise<void> {
  await until(
    () => !children.some(alive),
    () => `the children to end: ${children.filter(alive).join(", ")}`,
  );
  for (const at of [port, adminPort]) await expect(ask(at)).rejects.toThrow("ECONNREFUSED");
}

test("The lines do what they say, and Ctrl-C ends all of it", async () => {
  const demo = await started();
  await using program = demo.program;
  expect(demo.children).toHaveLength(8);

  const plain = await ask(demo.port, { Host: "web" });
  expect(plain.status).toBe(200);
  expect(plain.text).toMatch(/^Hello, Ada!\n {2}says users v1 on port \d+\n {2}says web on port \d+\n$/);

  const overridden = await ask(demo.port, { Host: "web", "l5d-dtab": OVERRIDE });
  expect(overridden.text).toMatch(/^Hello, Countess Ada Lovelace!\n {2}says users v2 on port \d+\n {2}says web/);

  const overHttp2 = await askHttp2(demo.port, { ":authority": "web" });
  expect(overHttp2.head[":status"]).toBe(200);
  expect(overHttp2.text).toMatch(/^Hello, Ada!\n {2}says users v1 on port \d+\n {2}says web on port \d+\n$/);

  const grpc = { ":authority": "nobody", ":path": "/shop.Orders/Last", "content-type": "application/grpc" };
  const failed = await askHttp2(demo.port, { ":method": "POST", ...grpc });
  expect(failed.head).toMatchObject({
    ":status": 200,
    "grpc-status": "14",
    "fairlead-cause": "proxy.bind.no-such-name;service=/svc/nobody",
  });

  const explain = (...more: string[]) =>
    spawnSync(
      process.execPath,
      [
        "bin/fairlead",
        "dtab",
        "explain",
        "--admin",
        `127.0.0.1:${demo.adminPort}`,
        "--router",
        "http",
        ...more,
        "/svc/users",
      ],
      {
        encoding: "utf8",
      },
    );
  expect(explain()).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringMatching(/^> .*bound: \/#\/io\.l5d\.fs\/users, /m),
  });
  expect(explain("--override", OVERRIDE).stdout).toMatch(/^> .*bound: \/#\/io\.l5d\.fs\/users-v2, /m);

  expect((await ask(demo.adminPort, { Host: `127.0.0.1:${demo.adminPort}` })).text).toContain("<html");
  expect(program.out).toContain(`curl -H 'Host: web' 127.0.0.1:${demo.port}`);
  expect(program.out).toContain(`curl -H 'Host: web' -H 'l5d-dtab: ${OVERRIDE}' 127.0.0.1:${demo.port}`);
  expect(program.out).toContain(`curl -i --http2-prior-knowledge -H 'Host: web' 127.0.0.1:${demo.port}`);
  program.signal("SIGINT");
  expect(await program.end()).toBe(0);
  expect(program.err).toBe("");
  await gone(demo);
  expect(existsSync(demo.folder)).toBe(false);
});

test("When a caller leaves, three services in a row stop, and the terminal says how long each had worked", async () => {
  const demo = await started();
  await using program = demo.program;
  const atStart = givenBack(program.out, "");
  expect([...atStart.keys()]).toEqual(["search", "index", "shard"]);
  // Timers of two processes: one may round down what the other rounds up.
  expect(Math.min(...atStart.values())).toBeGreaterThanOrEqual(290);
  await leaveSearch(demo.port);
  const now = () => givenBack(program.out, ": its caller left");
  await until(
    () => now().size === 3,
    () => `all three to stop; the demo said ${program.out}`,
  );
  for (const workedMs of [...atStart.values(), ...now().values()]) expect(workedMs).toBeLessThan(4000);
  program.signal("SIGINT");
  expect(await program.end()).toBe(0);
  await gone(demo);
});

test("However its first process ends, the others do not outlive it", async () => {
  const demo = await started();
  await using program = demo.program;
  program.signal("SIGKILL");
  expect(await program.end()).toBe("SIGKILL");
  await gone(demo);
  rmSync(demo.folder, { recursive: true }); // which it could not do any more
});

test("When one of its processes ends the demo says so and ends", async () => {
  const demo = await started();
  await using program = demo.program;
  const [child = 0] = demo.children;
  process.kill(child, "SIGTERM");
  expect(await program.end()).toBe(1);
  expect(program.err).toMatch(/^fairlead: (?:web|users|users-v2|proxy) has ended, so the demo ends/);
  await gone(demo);
});

test.each(["--port", "--admin-port"])("A taken port is told in one line: %s", async (option) => {
  const [taken = 0, free = 0] = await freePorts(2);
  const squatter = net.createServer().listen(taken, "127.0.0.1");
  await until(
    () => squatter.listening,
    () => "the port to be taken",
  );
  const other = option === "--port" ? "--admin-port" : "--port";
  await using program = new Program(["demo", option, String(taken), other, String(free)]);
  expect(await program.end()).toBe(1);
  const told = `127.0.0.1:${taken} is already in use; stop what listens there, or choose another port with ${option}`;
  expect(program.err).toBe(`fairlead: ${told}\n`);
  expect(program.out).toBe("");
  squatter.close();
});

test.each([
  [["--port", "0"], "--port 0: write a port from 1 to 65535"],
  [["--port", "x"], "--port x: write a port from 1 to 65535"],
  [["--port", "5000", "--admin-port", "5000"], "--port and --admin-port must differ"],
])("%j makes no sense, and it is said why", async (args, words) => {
  await using program = new Program(["demo", ...args]);
  expect(await program.end()).toBe(2);
  expect(program.err).toBe(`fairlead: ${words}\n`);
});
