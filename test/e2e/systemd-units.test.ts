// The units in examples/systemd: their commands are run as they are written, but for paths; and what they say agrees with the program.
// What systemd itself says of them, and how it runs them: test/interop/cases/systemd{,-live}.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { startingFile } from "../../src/app/starting-points.ts";
import { ask, freePorts, Program } from "../support/program.ts";

const PROGRAM = "/usr/local/bin/fairlead";
const FILE = "/etc/fairlead/fairlead.yaml";

const folder = mkdtempSync(join(tmpdir(), "fairlead-systemd-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The settings of a unit; a key that is written twice has two values. */
function unit(name: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of readFileSync(join("examples/systemd", name), "utf8").split("\n")) {
    if (line === "" || /^[#[]/.test(line)) continue;
    const [, key = "", value = ""] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? expect.fail(`${name}: ${line}`);
    settings.set(key, [...(settings.get(key) ?? []), value]);
  }
  return settings;
}

const service = unit("fairlead.service");
const only = (key: string, from = service): string => {
  const values = from.get(key) ?? [];
  expect(values, key).toHaveLength(1);
  return values[0] ?? "";
};

/** The arguments of one of its commands, with a file of ours. */
function argumentsOf(key: string, file: string): string[] {
  const [program, ...args] = only(key).split(" ");
  expect(program).toBe(PROGRAM);
  expect(args).toContain(FILE);
  return args.map((arg) => (arg === FILE ? file : arg));
}

test("the unit's commands check a file and serve it, and the signal of a stop ends that in time", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, "fairlead.yaml");
  const text = startingFile("schema")
    .replace("port: 4140", `port: ${port}`)
    .replace("port: 9990", `port: ${adminPort}`);
  writeFileSync(file, text);
  const environment = Object.fromEntries(
    only("Environment")
      .split(" ")
      .map((pair) => pair.replace("/var/cache", folder).split("=") as [string, string]),
  );

  await using check = new Program(argumentsOf("ExecStartPre", file), { environment });
  expect([await check.end(), check.out]).toEqual([0, expect.stringContaining("can be used")]);

  await using run = new Program(argumentsOf("ExecStart", file), { environment });
  await run.said("is ready");
  expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(200);
  expect((await ask(port, { Host: "nobody.invalid" })).status).toBe(502);
  run.signal("SIGTERM");
  expect(await run.end()).toBe(0);
});

test("a file that cannot be used keeps the unit from starting, and says why", async () => {
  const file = join(folder, "broken.yaml");
  writeFileSync(file, "routers: nonsense\n");
  await using check = new Program(argumentsOf("ExecStartPre", file));
  expect(await check.end()).toBe(1);
  expect(check.out + check.err).toContain("broken.yaml:1");
});

test("the unit waits longer for the end than the program does for requests in progress", async () => {
  const { config } = await loadConfig(startingFile("schema"), { file: "fairlead.yaml", environment: {} });
  const [, seconds] = /^(\d+)s$/.exec(only("TimeoutStopSec")) ?? [];
  expect(Number(seconds) * 1000).toBeGreaterThanOrEqual((config?.admin.shutdownGraceMs ?? Infinity) + 5000);
});

test("the unit notifies, reloads by SIGHUP, waits for its end, restarts, and leaves V8 its writable code", () => {
  const settings = ["Type", "NotifyAccess", "ExecReload", "Restart", "KillMode", "MemoryDenyWriteExecute"];
  expect(settings.map((key) => only(key))).toEqual([
    "notify",
    "all",
    "/bin/kill -HUP $MAINPID",
    "always",
    "control-group",
    "no",
  ]);
  expect(service.get("ExecStop")).toEqual([
    "-/bin/kill -TERM $MAINPID",
    "-/usr/bin/tail --sleep-interval=0.1 --pid=${MAINPID} -f /dev/null",
  ]);
});

test("the socket unit opens the port that `fairlead init` writes, under the name of its service", async () => {
  const { config } = await loadConfig(startingFile("schema"), { file: "fairlead.yaml", environment: {} });
  const servers = config?.routers.flatMap((router) => router.servers.map(({ ip, port }) => `${ip}:${port}`));
  const socket = unit("fairlead.socket");
  expect(socket.get("ListenStream")).toEqual(servers);
  expect(only("FileDescriptorName", socket)).toBe("fairlead");
  expect(only("Wants")).toBe("fairlead.socket");
});
