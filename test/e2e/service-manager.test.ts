// What a service manager hears of the program, by a real datagram socket and the real systemd-notify; and the program as the first process
// of a container.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ServiceManager } from "../../src/app/service-manager.ts";
import { systemEnv } from "../../src/base/env.ts";
import { monotonicUs, systemClock } from "../../src/base/clock.ts";
import { Log } from "../../src/telemetry/log.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";
import { Line } from "../support/restarting.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-notify-"));
const ears: Ear[] = [];
const possible = ["systemd-notify", "python3"].every((name) => spawnSync("which", [name]).status === 0);

afterAll(() => {
  for (const ear of ears) ear.child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Hears datagrams. */
class Ear {
  readonly path: string;
  readonly child: ChildProcess;
  /** The messages so far; what only shows that one was read is left out. */
  readonly heard: string[] = [];
  #listening = false;

  constructor(name: string) {
    this.path = join(folder, name);
    this.child = spawn("python3", [resolve("test/support/notify-socket.py"), this.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let rest = "";
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    });
    ears.push(this);
  }

  #take(line: string): void {
    if (line === "listening") this.#listening = true;
    else if (line !== '"BARRIER=1"') this.heard.push((JSON.parse(line) as string).trim());
  }

  static async open(name: string): Promise<Ear> {
    const ear = new Ear(name);
    await until(
      () => ear.#listening,
      () => "the ear to listen",
    );
    return ear;
  }

  async hears(words: string): Promise<string> {
    const found = () => this.heard.find((message) => message.includes(words));
    await until(
      () => found() !== undefined,
      () => `"${words}" among ${JSON.stringify(this.heard)}`,
    );
    return found() ?? "";
  }
}

async function config(name: string, workers = 1): Promise<{ file: string; adminPort: number }> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, `${name}.json`);
  const routers = [{ protocol: "http", label: "edge", dtab: "", servers: [{ port }] }];
  writeFileSync(file, JSON.stringify({ admin: { port: adminPort, shutdownGraceMs: 1000 }, workers, routers }));
  return { file, adminPort };
}

test.runIf(possible)(
  "The service manager hears READY, then WATCHDOG at half its interval, then STOPPING, and the exit code is 0",
  async () => {
    const ear = await Ear.open("whole");
    const { file } = await config("whole");
    const environment = { NOTIFY_SOCKET: ear.path, WATCHDOG_USEC: "400000" };
    await using program = new Program(["run", file], { environment });
    expect(await ear.hears("READY=1")).toBe("READY=1\nSTATUS=serving edge");
    const sinceMs = performance.now();
    await until(
      () => ear.heard.filter((message) => message === "WATCHDOG=1").length >= 5,
      () => `five signs of life among ${JSON.stringify(ear.heard)}`,
    );
    expect(performance.now() - sinceMs).toBeGreaterThan(3 * 200); // the first may have been under way
    program.signal("SIGTERM");
    expect(await ear.hears("STOPPING=1")).toBe("STOPPING=1\nSTATUS=finishing what is in progress");
    expect(await program.end()).toBe(0);
    expect(ear.heard.indexOf(await ear.hears("READY=1"))).toBe(0);
    expect(program.err).not.toContain("service-manager");
  },
);

test.runIf(possible)(
  "A stop that was asked for on the admin port is told, too; a watchdog that is meant for another process is not served",
  async () => {
    const ear = await Ear.open("admin");
    const { adminPort, file } = await config("admin", 2);
    const environment = { NOTIFY_SOCKET: ear.path, WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" };
    await using program = new Program(["run", file], { environment });
    expect(await ear.hears("READY=1")).toBe("READY=1\nSTATUS=serving edge"); // whichever threads serve it
    await ear.hears("READY=1");
    expect((await ask(adminPort, {}, "/admin/shutdown", "POST")).status).toBe(200);
    await ear.hears("STOPPING=1");
    expect(await program.end()).toBe(0);
    expect(ear.heard.length).toBe(2);
  },
);

test.runIf(possible)(
  "Messages arrive in order, a reload with its moment, and a replaced process says nothing more",
  async () => {
    const ear = await Ear.open("order");
    const lines: string[] = [];
    const logger = new Log(systemClock, (line) => void lines.push(line)).logger("service-manager");
    using manager = new ServiceManager({ ...process.env, NOTIFY_SOCKET: ear.path }, systemEnv(), logger);
    const beforeUs = monotonicUs();
    manager.reloading();
    manager.ready("two\nlines");
    await manager.replacedBy(4711);
    manager.stopping("not heard");
    await manager.notify("STATUS=not heard");
    await ear.hears("MAINPID");
    const [reloading = "", ...others] = ear.heard;
    const [, moment = "0"] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading) ?? [];
    expect(BigInt(moment) - beforeUs).toBeLessThan(1_000_000n);
    expect(BigInt(moment)).toBeGreaterThanOrEqual(beforeUs);
    expect(others).toEqual(["READY=1\nSTATUS=two lines", "MAINPID=4711"]);
    expect(lines).toEqual([]);
  },
);

test.runIf(possible)(
  "A reload is told with its READY; of a restart the new process's READY and its number, and of the old one's end nothing",
  async () => {
    const ear = await Ear.open("restart");
    const { adminPort, file } = await config("restart");
    const environment = { NOTIFY_SOCKET: ear.path, WATCHDOG_USEC: "400000" };
    const program = new Program(["run", file], { environment });
    await using line = Line.of(program, adminPort);
    await ear.hears("READY=1");
    writeFileSync(file, readFileSync(file, "utf8").replace('"edge"', '"brink"'));
    program.signal("SIGHUP");
    await ear.hears("READY=1\nSTATUS=serving brink");
    const news = () => ear.heard.filter((message) => message !== "WATCHDOG=1");
    expect(news().at(-2)).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);

    const before = news().length;
    await line.ended(await line.restart());
    await ear.hears(`MAINPID=${line.pid}`);
    await until(
      () => news().length === before + 2,
      () => `both processes to speak: ${JSON.stringify(news())}`,
    );
    const both = new Set(news().slice(before)); // each speaks for itself: in which order is the system's matter
    expect(both).toEqual(new Set(["READY=1\nSTATUS=serving brink", `MAINPID=${line.pid}`]));
    const signs = ear.heard.length;
    await until(
      () => ear.heard.length > signs + 1,
      () => "the new process to say that it is alive",
    );
    await line.stop();
    expect(news().at(-1)).toBe("STOPPING=1\nSTATUS=finishing what is in progress");
    expect(news().length).toBe(before + 3);
  },
);

test("Without systemd-notify the log says so once, and the proxy serves all the same", async () => {
  const { adminPort, file } = await config("absent");
  const environment = { NOTIFY_SOCKET: join(folder, "nobody"), PATH: folder };
  await using program = new Program(["run", file], { environment });
  await program.said("there is no program systemd-notify in PATH");
  expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(200);
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(program.err.split("systemd-notify in PATH").length).toBe(2);
});

test.runIf(possible)("A service manager that does not listen is a warning", async () => {
  const { file } = await config("deaf");
  await using program = new Program(["run", file], { environment: { NOTIFY_SOCKET: join(folder, "deaf") } });
  await program.said("the service manager was not told READY=1 STATUS=serving edge: systemd-notify ended with 1");
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
});

const namespaces = spawnSync("unshare", ["--pid", "--fork", "--kill-child", "true"]).status === 0;

test.runIf(namespaces)("As the first process of a container it stops by SIGTERM, also while it starts", async () => {
  const { adminPort, file } = await config("first");
  const command: [string, ...string[]] = ["unshare", "--pid", "--fork", "--kill-child", process.execPath];
  await using program = new Program(["run", file], { command });
  await program.said("is ready (process 1,");
  expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(200);
  process.kill(firstChildOf(program.pid), "SIGTERM");
  expect(await program.end()).toBe(0);
  expect(program.err).toContain("SIGTERM: stopping");

  // The same launcher with a program that has no handlers yet.
  cpSync("bin", join(folder, "clone/bin"), { recursive: true });
  mkdirSync(join(folder, "clone/src/cli"), { recursive: true });
  const main = `export const main = () => new Promise(() => setInterval(() => console.log("starting"), 20));`;
  writeFileSync(join(folder, "clone/src/cli/main.ts"), main);
  const starting = spawn("unshare", [...command.slice(1), join(folder, "clone/bin/fairlead")]);
  const { promise, resolve: ended } = Promise.withResolvers<number | null>();
  starting.once("close", ended);
  starting.stdout.once("data", () => process.kill(firstChildOf(starting.pid ?? 0), "SIGTERM"));
  expect(await promise).toBe(143);
});

test.runIf(namespaces)(
  "The launcher as the first process of a container passes signals on, and ends as the program does",
  async () => {
    const { file } = await config("launched");
    const pretend = join(folder, "pretend.cjs");
    writeFileSync(
      pretend,
      `if (process.env.PRETENDED === undefined) {
      process.env.PRETENDED = "1";
      Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });
    }`,
    );
    const flags = ["--pid", "--fork", "--kill-child", process.execPath, "--require", pretend];
    await using program = new Program(["run", file], { command: ["unshare", ...flags] });
    await program.said("is ready (process ");
    expect(program.err).not.toContain("is ready (process 1,");
    process.kill(firstChildOf(program.pid), "SIGTERM");
    expect(await program.end()).toBe(0);
    expect(program.err).toContain("everything in progress was finished");
  },
);

function firstChildOf(pid: number): number {
  const { stdout } = spawnSync("cat", [`/proc/${pid}/task/${pid}/children`], { encoding: "utf8" });
  return Number(stdout.trim().split(" ")[0]);
}
