// R17: name resolution fails, and later does not answer at all. What was resolved before is served on; names that are new fail in bounded time
// and are served when resolution is back. A mount name space gives the proxy an /etc/hosts and an /etc/resolv.conf of the test's own.
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ask, type Fetched, freePorts, Program, unsharedShell, until } from "../support/program.ts";

/** Names are looked up again after 5 s. */
const REFRESH_MS = 5_000;
const BINDING_TIMEOUT_MS = 1_000;
const NAMES = 6;
const known = "127.0.0.1 localhost web.test";

const folder = mkdtempSync(join(tmpdir(), "fairlead-dns-"));
afterAll(() => rmSync(folder, { recursive: true }));
const namespace = unsharedShell(
  `mount --bind ${folder}/hosts /etc/hosts; mount --bind ${folder}/resolv.conf /etc/resolv.conf`,
);

const pause = (ms: number) =>
  new Promise((later) => {
    setTimeout(later, ms);
  });

/** A name server that hears questions and never answers; null where port 53 may not be used. */
async function silentNameServer(): Promise<{ asked(): number; close(): void; address: string } | null> {
  const address = "127.0.0.53";
  const socket = createSocket("udp4");
  let questions = 0;
  socket.on("message", () => questions++);
  const bound = await new Promise<boolean>((done) => {
    socket.on("error", () => done(false));
    socket.bind(53, address, () => done(true));
  });
  if (!bound) return null;
  return { asked: () => questions, close: () => socket.close(), address };
}

test.skipIf(namespace === null)(
  "names that were resolved are served on while DNS is down, first refusing and then silent; new ones fail in time and come back",
  async () => {
    const server = http.createServer((_request, response) => void response.end("ok"));
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const at = (server.address() as AddressInfo).port; // it listens on a port
    writeFileSync(join(folder, "hosts"), `${known}\n`);
    writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n"); // nobody is there
    const [port = 0, admin = 0] = await freePorts(2);
    const log = join(folder, "access.log");
    await using program = new Program(["run", "-"], {
      through: namespace ?? [],
      input: JSON.stringify({
        admin: { port: admin },
        routers: [
          {
            protocol: "http",
            dtab: "/svc => /$/inet",
            identifier: { kind: "io.l5d.path", segments: 2 },
            servers: [{ port }],
            bindingTimeoutMs: BINDING_TIMEOUT_MS,
            httpAccessLog: log,
          },
        ],
      }),
    });
    await program.said("is ready");
    const get = (host: string): Promise<Fetched> => ask(port, {}, `/${host}/${at}/`);
    const served = async () => {
      for (let i = 0; i < 10; i++) expect((await get("web.test")).status).toBe(200);
    };
    const failsInTime = async (host: string) => {
      const fromMs = performance.now();
      const { status, text } = await get(host);
      expect([status, text]).toEqual([
        expect.toSatisfy((code: number) => code === 502 || code === 503),
        expect.anything(),
      ]);
      expect(performance.now() - fromMs).toBeLessThan(2 * BINDING_TIMEOUT_MS);
    };
    await served();

    writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost\n"); // from now on only DNS could tell
    await pause(REFRESH_MS + 1_000);
    await served();
    await failsInTime("new.test");

    const silent = await silentNameServer();
    if (silent !== null) {
      writeFileSync(join(folder, "resolv.conf"), `nameserver ${silent.address}\n`);
      const asking = Array.from({ length: NAMES }, (_, i) => failsInTime(`silent${i}.test`));
      await Promise.all(asking);
      await until(
        () => silent.asked() > 0,
        () => "a question to the name server",
      );
      await pause(REFRESH_MS + 1_000);
      await served();
      // Look-ups that hang do not take the threads that files need.
      await until(
        () => readFileSync(log, "latin1").split("\n").length > 10 + 10 + 1 + NAMES + 10,
        () => "lines of the access log",
      );
    }

    writeFileSync(join(folder, "hosts"), `${known} new.test\n`);
    writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
    let status = 0;
    for (let i = 0; i < 60 && status !== 200; i++) {
      ({ status } = await get("new.test"));
      await pause(500);
    }
    expect(status).toBe(200);
    await served();
    silent?.close();
    server.close();
    server.closeAllConnections();
  },
  90_000,
);

test.skipIf(namespace === null)(
  "while a name server is silent telemeters hold up neither requests, nor look-ups of services, nor the end of the process",
  async ({ skip }) => {
    const silent = await silentNameServer();
    if (silent === null) return skip("port 53 may not be used here");
    writeFileSync(join(folder, "hosts"), `${known}\n`);
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${silent.address}\noptions timeout:30 attempts:2\n`);
    const [port = 0, admin = 0] = await freePorts(2);
    await using program = new Program(["run", "-"], {
      through: namespace ?? [],
      input: JSON.stringify({
        admin: { port: admin },
        telemetry: [
          { kind: "io.l5d.statsd", hostname: "statsd.test", gaugeIntervalMs: 100 },
          { kind: "io.zipkin.http", host: "zipkin.test:9411", initialSampleRate: 1 },
        ],
        routers: [
          {
            protocol: "http",
            dtab: "/svc => /$/inet; /svc/web => /$/io.buoyant.http.status/204",
            identifier: { kind: "io.l5d.path", segments: 2 },
            bindingTimeoutMs: 2000,
            servers: [{ port }],
          },
        ],
      }),
    });
    await program.said("is ready");
    for (let i = 0; i < 200; i++) expect((await ask(port, { Host: "web" }, "/web/1")).status).toBe(204);
    await until(
      () => silent.asked() >= 1,
      () => "a question to the name server",
    );
    await pause(1500); // by then each telemeter has asked for its host
    expect((await ask(port, { Host: "web" }, `/web.test/${admin}`)).status).toBe(403);
    const beganMs = performance.now();
    program.signal("SIGTERM");
    expect(await program.end()).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    expect(program.err).toContain("stopped; everything in progress was finished");
    expect(program.out).toBe("");
    silent.close();
  },
  60_000,
);
