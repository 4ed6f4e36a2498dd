// The access log of a whole proxy: one line per exchange, whatever became of it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { Linker } from "../../src/app/linker.ts";
import { Log } from "../../src/telemetry/log.ts";
import { Backend, type Behaviour } from "../support/backend.ts";
import { HttpClient } from "../support/http-client.ts";
import { get, post } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-access-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Play = (connect: () => HttpClient, backend: Backend, world: MemoryWorld) => Promise<void>;

/** A service that answers everything but `/hang`. */
const mostly: Behaviour = {
  request: (received, connection) => {
    if (received.target !== "/hang") connection.reply(200, "ok");
  },
};

/** Runs `play` against a proxy that logs to a file, and returns the lines of the file after the proxy has stopped. */
async function linesOf(file: string, format: object, play: Play): Promise<string[]> {
  const path = join(folder, file);
  await using world = memoryWorld();
  const backend = await Backend.start(world, mostly);
  const router = { protocol: "http", servers: [{ port: 0 }], httpAccessLog: path, httpAccessLogFormat: format };
  const routers = [{ ...router, dtab: `/svc/web => ${backend.name}` }];
  const loaded = await loadConfig(JSON.stringify({ admin: { port: 0 }, routers }), { file: "test", environment: {} });
  if (loaded.config === null) throw new Error(JSON.stringify(loaded.problems));
  const log = new Log(world.env.clock, () => undefined);
  const linker = await Linker.start(loaded.config, {
    log,
    env: world.env,
    transport: (loop) => world.proxyTransport(loop),
  });
  const port = linker.routers[0]?.servers[0]?.listener?.port ?? 0;
  await play(() => new HttpClient(world, port), backend, world);
  let stopped = false;
  void linker.stop(0).then(() => (stopped = true));
  await world.pass(1);
  await world.until("the proxy to stop", () => stopped);
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

test("Every exchange makes one line: answered, unroutable, refused, abandoned by its caller", async () => {
  const lines = await linesOf("all.json", { kind: "json" }, async (connect, backend, world) => {
    const client = connect();
    await client.ask(post("hello", { "l5d-dtab": "/svc/x => /svc/web" }, "/first"));
    await client.ask(get("/second", { Host: "nowhere" }));
    await connect().ask(get("/third", { "l5d-dtab": "nonsense" }));
    const garbage = connect();
    garbage.send("\x16\x03\x01 garbage\r\n\r\n", "GET");
    await garbage.released();
    const impatient = connect();
    impatient.send(get("/hang"));
    await world.until("the request to arrive", () => backend.requests.at(-1)?.target === "/hang");
    impatient.close();
    await world.pass(50);
  });
  expect(lines.length).toBe(5);
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    {
      method: "POST",
      uri: "/first",
      status: 200,
      requestBytes: 5,
      service: "/svc/web",
      attempts: 1,
      override: "/svc/x=>/svc/web",
      cause: null,
      endpoint: expect.stringMatching(/:\d+$/),
      requestId: expect.stringMatching(/^[0-9a-f]{16}$/),
      remote: expect.stringMatching(/:\d+$/),
    },
    {
      uri: "/second",
      status: 502,
      service: "/svc/nowhere",
      endpoint: null,
      attempts: 0,
      cause: expect.stringMatching(/^proxy\.bind\./),
    },
    { uri: "/third", status: 400, service: null, cause: expect.stringMatching(/^downstream\.context\.bad-dtab;at=/) },
    { uri: null, method: null, status: 400, cause: "downstream.http.request-line" },
    { uri: "/hang", status: 499, responseBytes: 0, latencyMs: null, attempts: 1, cause: "downstream.connection.gone" },
  ]);
});

test("Lines of one request after another say what each was, not what the one before was", async () => {
  const lines = await linesOf("combined.log", { kind: "combined" }, async (connect) => {
    const client = connect();
    await client.ask(get("/long/target/of/the/first", { Referer: "r", "User-Agent": "u" }));
    await client.ask(get("/2"));
    client.send("\0\r\n\r\n", "GET");
    await client.released();
  });
  const time = "\\[\\d\\d/\\d\\d/\\d{4}:\\d\\d:\\d\\d:\\d\\d UTC\\]";
  expect(lines[0]).toMatch(
    new RegExp(`^web \\S+ - - ${time} "GET /long/target/of/the/first HTTP/1.1" 200 \\d+ "r" "u"$`),
  );
  expect(lines[1]).toMatch(new RegExp(`^web \\S+ - - ${time} "GET /2 HTTP/1.1" 200 \\d+ "-" "-"$`));
  expect(lines[2]).toMatch(new RegExp(`^- \\S+ - - ${time} "- - -" 400 \\d+ "-" "-"$`));
});
