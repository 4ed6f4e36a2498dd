import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Log } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { AccessLogs } from "./access-logs.ts";
import { loadConfig, type RouterConfig } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-logs-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function routerTo(path: string): Promise<RouterConfig> {
  const router = { protocol: "http", httpAccessLog: path, dtab: "/svc => /$/nil", servers: [{ port: 0 }] };
  const loaded = await loadConfig(JSON.stringify({ routers: [router] }), { file: "test", environment: {} });
  return loaded.config?.routers[0] ?? expect.fail(JSON.stringify(loaded.problems));
}

function setUp() {
  const env = new ManualEnv();
  const logger = new Log(env.clock, () => undefined).logger("access-log");
  const scope = new MetricsRegistry(env).root;
  const logs = new AccessLogs({ env, loop: new DataLoop(env), logger, scope });
  const closers: (() => void)[] = [];
  return {
    env,
    logs,
    /** A router that logs there; what is returned ends it. */
    async begin(path: string): Promise<() => void> {
      logs.of(await routerTo(path), (act) => closers.push(act));
      return closers.at(-1) ?? expect.fail("nothing to do at its end");
    },
    append: (path: string, text: string) => logs.append(path, Buffer.from(`${text}\n`), env.clock.epochMs(), 1),
    /** The files that are open. */
    open: async () => (await logs.reopen()).map(({ path }) => path),
  };
}

test("A file is open as long as a router writes to it", async () => {
  const { begin, logs, open } = setUp();
  const [one, two] = [join(folder, "one.log"), join(folder, "two.log")];
  const ends = [await begin(one), await begin(one), await begin(two)];
  expect(await open()).toEqual([one, two]);
  ends[0]?.();
  expect(await open()).toEqual([one, two]);
  ends[1]?.();
  expect(await open()).toEqual([two]);
  ends[2]?.();
  expect(await open()).toEqual([]);
  await logs.close();
});

test("A file of workers' routers that are no longer configured is closed when no line has come for a minute", async () => {
  const { append, env, logs, open } = setUp();
  const path = join(folder, "workers.log");
  logs.expect([await routerTo(path)]);
  append(path, "first");
  env.advance(120_000);
  expect(await open()).toEqual([path]);
  logs.expect([]);
  env.advance(59_000);
  append(path, "still in progress");
  env.advance(59_000);
  expect(await open()).toEqual([path]);
  env.advance(1_000);
  expect(await open()).toEqual([]);
  append(path, "the end of a tunnel");
  expect(await open()).toEqual([path]);
  env.advance(60_000);
  expect(await open()).toEqual([]);
  await logs.close();
  expect(readFileSync(path, "utf8")).toBe("first\nstill in progress\nthe end of a tunnel\n");
});

test("A file that is configured again in time stays open", async () => {
  const { env, logs, open } = setUp();
  const path = join(folder, "again.log");
  const router = await routerTo(path);
  logs.expect([router]);
  logs.expect([]);
  env.advance(30_000);
  logs.expect([router]);
  env.advance(120_000);
  expect(await open()).toEqual([path]);
  await logs.close();
});
