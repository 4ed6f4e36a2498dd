import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Log } from "../telemetry/log.ts";
import { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { loadConfig } from "./config.ts";
import { processors } from "./processors.ts";
import { unsharable, workersOf } from "./worker-count.ts";

async function counted(workers: number | "auto", around: Parameters<typeof workersOf>[1], server = "port: 0") {
  const text = `workers: ${workers}\nrouters:\n- protocol: http\n  dtab: /svc => /nowhere\n  servers:\n  - ${server}\n`;
  const { config } = await loadConfig(text, { file: "test.yaml", environment: {}, expandEnv: false });
  if (config === null) throw new Error("a configuration that cannot be used");
  const lines: string[] = [];
  const log = new Log(new ManualEnv().clock, (line) => void lines.push(line));
  return { count: workersOf(config, around, log.logger("workers")), lines: lines.join("") };
}

test("So many as are written; auto is as many as there are processors", async () => {
  expect(await counted(3, { platform: "linux", processors: 2 })).toEqual({ count: 3, lines: "" });
  expect(await counted("auto", { platform: "linux", processors: 2 })).toEqual({ count: 2, lines: "" });
  expect(await counted("auto", { platform: "freebsd", processors: 4 })).toEqual({ count: 4, lines: "" });
  expect(await counted("auto", { platform: "linux", processors: 1 })).toEqual({ count: 1, lines: "" });
  expect((await counted("auto", { platform: "linux" })).count).toBe(processors());
});

test.each([
  ["darwin does not share a port between threads", { platform: "darwin" }, "port: 0"],
  ["win32 does not share a port between threads", { platform: "win32" }, "port: 0"],
  ["connections do not come from the system", { platform: "linux", transport: {} }, "port: 0"],
  ["a unix socket cannot be shared between threads", { platform: "linux" }, "socket: /tmp/fairlead-test.sock"],
])("One worker, and one line that says why: %s", async (why, around, server) => {
  const { count, lines } = await counted(2, around, server);
  expect(count).toBe(1);
  expect(lines.match(/\n/g)).toHaveLength(1);
  expect(lines).toContain(` WARN  workers: one worker instead of 2: ${why}\n`);
  // Who wants only one anyway is told nothing.
  expect(await counted(1, around, server)).toEqual({ count: 1, lines: "" });
  expect(await counted("auto", { ...around, processors: 1 }, server)).toEqual({ count: 1, lines: "" });
});

test("Without inherited sockets nothing is in the way", async () => {
  const inherited = InheritedSockets.from({});
  expect(await counted(2, { platform: "linux", inherited })).toEqual({ count: 2, lines: "" });
  expect(unsharable([])).toBe(null);
});

test("What the system calls available is what the scheduler leaves a process", () => {
  const told = execFileSync("taskset", ["-c", "0", process.execPath, "-p", "os.availableParallelism()"], {
    encoding: "utf8",
  });
  expect(told.trim()).toBe("1");
});
