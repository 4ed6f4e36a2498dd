// How long what a plug-in makes lives: through reloads, as long as its router, and no longer.
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { ConfigReader } from "../../src/app/config-reading.ts";
import { systemEnv } from "../../src/base/env.ts";
import { Backend } from "../support/backend.ts";
import { until } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-plugin-lives-"));
/** Until what a reload has replaced is drained. */
const GONE_MS = 31_000;
afterAll(() => rmSync(folder, { recursive: true }));

function plugin(name: string, parts: string): string {
  const file = join(folder, `${name}.ts`);
  writeFileSync(
    file,
    `import * as f from "fairlead/plugin";
export const plugin = f.definePlugin({ name: ${JSON.stringify(name)}, ${parts} });`,
  );
  return file;
}

const BEATS = plugin(
  "beats",
  `filters: { "beats.filter": f.defineFilter({
    doc: "Beats while it lives.",
    keys: { everyMs: f.int({ doc: "How often.", default: 100 }) },
    metrics: { beats: f.counter("Beats."), closed: f.counter("Ends."), seen: f.stat("Requests seen before.") },
    make({ everyMs }, { atClose, env, metrics, slot }) {
      const mine = slot(0);
      const timer = env.timers.every(everyMs, () => metrics.beats.inc());
      atClose(() => { timer.cancel(); metrics.closed.inc(); });
      return { down(ex) { metrics.seen.record(mine.get(ex)); mine.set(ex, 1); return undefined; } };
    },
  }) }`,
);

const WORDS = plugin(
  "words",
  `protocols: { words: f.defineProtocol({
    doc: "Nothing but a socket.", port: 0, identifiers: { "words.none": f.defineIdentifier({ doc: "None.", keys: {}, make: () => ({ key: () => null, path: (key) => key }) }) },
    defaultIdentifier: { kind: "words.none" },
    routerKeys: { fails: f.bool({ doc: "Cannot listen.", default: false }) }, serverKeys: {}, clientKeys: {}, serviceKeys: {},
    make({ fails }, { transport }) {
      return {
        async listen(_, options) {
          const listener = await transport.listen(options, (stream) => stream.destroy());
          if (fails) throw new Error("cannot be listened on");
          return { listener, connections: 0, drain: () => listener.close(), abandon() {} };
        },
        connector: () => { throw new Error("nothing is connected to"); },
        classifier: () => { throw new Error("nothing is classified"); },
      };
    },
  }) }`,
);

async function site(plugins: readonly string[], router: object) {
  const world = memoryWorld();
  const stack = new AsyncDisposableStack();
  stack.use(world);
  const backend = await Backend.start(world, {});
  const text = (more: object, of = plugins) =>
    JSON.stringify({
      admin: { port: 0 },
      plugins: of,
      routers: [{ protocol: "http", dtab: `/svc => ${backend.name}`, servers: [{ port: 0 }], ...router, ...more }],
    });
  const proxy = stack.use(await Proxy.start(world, { text: text({}) }));
  const reload = async (more: object, of = plugins) => {
    const { config, problems } = await loadConfig(text(more, of), { file: "test", environment: {} });
    expect(problems).toEqual([]);
    const before = proxy.logLines.length;
    if (config !== null) await proxy.linker.reload(config);
    return proxy.logLines.slice(before);
  };
  return { world, backend, proxy, reload, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("A filter ends what it has begun when its router is replaced, and places in exchanges are used again", async () => {
  await using s = await site([BEATS], { filters: [{ kind: "beats.filter" }] });
  const figure = (name: string) => s.proxy.metric("filter", "beats.filter", name);
  const caller = s.proxy.connect();
  for (let i = 1; i <= 5; i++) {
    await s.reload({ filters: [{ kind: "beats.filter", everyMs: 100 + i }] });
    expect((await caller.ask(get())).status).toBe(200);
    expect(figure("closed")).toBe(i);
  }
  const before = figure("beats");
  await s.world.pass(1000);
  expect(figure("beats") - before).toBe(9); // of one timer: every 105 ms
  // Every exchange began with the initial value, although others had the place before.
  expect(s.proxy.linker.metrics.find("rt", "http", "filter", "beats.filter", "seen")).toMatchObject({
    totalCount: 5,
    totalSum: 0,
  });
  const places: number[] = [];
  s.proxy.linker.loop.slots.make(0, places);
  expect(places[0]).toBeLessThan(6); // two for the filter, twice: the next router is made before the former goes
  caller.close();
});

test("Routers that are written as before keep their filters while plug-ins come and go", async () => {
  const other = plugin("other", "filters: {}");
  await using s = await site([BEATS], { filters: [{ kind: "beats.filter" }] });
  const [router] = s.proxy.linker.routers;
  await s.reload({}, [BEATS, other]);
  expect(s.proxy.linker.routers[0]).toBe(router);
  // The same name, from elsewhere: another kind.
  const copy = plugin(
    "copy",
    'filters: { "beats.filter": f.defineFilter({ doc: "Another.", keys: {}, make: () => ({}) }) }',
  );
  await s.reload({}, [copy]);
  expect(s.proxy.linker.routers[0]).not.toBe(router);
  expect(s.proxy.metric("filter", "beats.filter", "closed")).toBe(1);
});

test("A maker that throws leaves everything as it was, and what others had begun for the new router ends", async () => {
  const faulty = plugin(
    "faulty",
    `filters: { "faulty.make": f.defineFilter({ doc: "Throws.", keys: {}, make: () => { throw new Error("a bug") } }) }`,
  );
  await using s = await site([BEATS, faulty], {});
  const caller = s.proxy.connect();
  const filters = [{ kind: "beats.filter" }, { kind: "faulty.make" }];
  await expect(s.reload({ filters })).rejects.toThrow("plug-in kind faulty.make could not be made: a bug");
  expect(s.proxy.metric("filter", "beats.filter", "closed")).toBe(1);
  expect((await caller.ask(get())).status).toBe(200);
  await s.world.pass(1000);
  expect(s.proxy.metric("filter", "beats.filter", "beats")).toBe(0);
  caller.close();
});

test("A namer goes on through a reload as long as it is written as before", async () => {
  const namers = plugin(
    "names",
    `namers: { "names.counted": f.defineNamer({ doc: "Counts.", keys: {}, metrics: { made: f.counter("Times made.") },
      make: (_, { metrics }) => { metrics.made.inc(); return { lookup: () => f.Activity.ok(f.neg) }; } }) }`,
  );
  const world = memoryWorld();
  await using stack = new AsyncDisposableStack();
  stack.use(world);
  const text = (plugins: readonly string[], prefix: string) =>
    JSON.stringify({
      admin: { port: 0 },
      plugins,
      namers: [{ kind: "names.counted", prefix }],
      routers: [{ protocol: "http", servers: [{ port: 0 }] }],
    });
  const proxy = stack.use(await Proxy.start(world, { text: text([namers], "/a") }));
  const made = (prefix: string) => proxy.linker.metrics.find("namer", prefix, "names.counted", "made");
  const reload = async (written: string) => {
    const { config } = await loadConfig(written, { file: "test", environment: {} });
    expect(config).not.toBeNull();
    if (config !== null) await proxy.linker.reload(config);
  };
  await reload(text([namers, BEATS], "/a"));
  expect(made("a")).toMatchObject({ value: 1 });
  await reload(text([namers], "/b"));
  expect(made("b")).toMatchObject({ value: 1 });
});

test("A reload tells of a plug-in whose file has changed since it was loaded", async () => {
  const file = plugin("changing", "filters: {}");
  await using s = await site([file], {});
  expect(await s.reload({ label: "one" })).not.toContainEqual(expect.stringContaining("has changed"));
  utimesSync(file, 1, 1);
  expect(await s.reload({ label: "http" })).toContainEqual(
    expect.stringContaining(`plugins: ${file} has changed since it was loaded`),
  );
  await s.world.pass(GONE_MS);
});

test("A configuration with plug-ins crosses threads, and what a plug-in has begun in the one that reads it ends with it", async () => {
  const beat = join(folder, "beat");
  plugin("restless", 'filters: { "restless.filter": f.defineFilter({ doc: "Rests.", keys: {}, make: () => ({}) }) }');
  writeFileSync(
    join(folder, "restless-index.ts"),
    `import { appendFileSync } from "node:fs";
export { plugin } from "./restless.ts";
setInterval(() => appendFileSync(${JSON.stringify(beat)}, "."), 5);
await new Promise((begun) => setTimeout(begun, 50));`,
  );
  const text = JSON.stringify({
    plugins: ["./restless-index.ts"],
    routers: [{ protocol: "http", servers: [{ port: 0 }], filters: [{ kind: "restless.filter" }] }],
  });
  using reader = new ConfigReader(systemEnv());
  const read = await reader.read(text, { file: join(folder, "c.json"), environment: {} });
  expect(read.told).toBe("");
  expect(read.config?.plugins).toEqual({ directory: folder, specifiers: ["./restless-index.ts"] });
  expect(read.config?.routers[0]?.filters).toEqual([{ kind: "restless.filter" }]);
  let size = -1;
  await until(
    () => size === (size = statSync(beat).size), // looked at every 20 ms
    () => "the thread to end",
  );
  expect(size).toBeGreaterThan(0);
});

test("services concern routers of HTTP, and leave those of plug-ins alone", async () => {
  const text = JSON.stringify({
    fairlead: 1,
    plugins: [WORDS],
    services: { users: { to: "127.0.0.1:1" } },
    routers: [
      { protocol: "words", servers: [{ port: 0 }] },
      { protocol: "http", servers: [{ port: 0 }] },
    ],
  });
  const { config, problems } = await loadConfig(text, { file: "test", environment: {} });
  expect(problems).toEqual([]);
  const [words, http] = config?.routers ?? [];
  expect([words?.identifier, words?.dtab]).toEqual([[{ kind: "words.none" }], ""]);
  expect(http?.dtab).toContain("users");
});

test("A server of a plug-in that cannot take a socket over leaves it with the one that had it", async () => {
  await using s = await site([WORDS], { protocol: "words", label: "words", servers: [{ port: 0 }] });
  const { listener } = s.proxy.linker.routers[0]!.servers[0]!;
  const port = listener!.port;
  const told = await s.reload({ protocol: "words", fails: true });
  expect(told).toContainEqual(expect.stringContaining("stays as it was"));
  s.proxy.logLines.splice(0);
  expect(s.proxy.linker.routers[0]!.servers[0]!.listener).toBe(listener);
  await s.reload({ protocol: "words" });
  expect(s.proxy.linker.routers[0]!.servers[0]!.listener?.port).toBe(port);
  await s.world.pass(GONE_MS);
});
