// R10: thousands of idle connections, and thousands that come and go, cost the busy ones next to nothing and leave no descriptor behind.
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { sized } from "../support/long.ts";
import { openDescriptors, residentBytes } from "../support/process-state.ts";
import { freePorts, Program, until } from "../support/program.ts";

// This process holds the callers' ends, and must stay within the usual limit of descriptors.
const IDLE = sized(2_000, 9_000);
const ACTIVE = 20;
const REQUESTS_EACH = sized(150, 1_000);
const COMERS = sized(2_000, 20_000);
/** The promise is 1.2; the rest is for a machine that does other things meanwhile. */
const SLOWER = 1.2;
const GRACE_MS = 3;

const REQUEST = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/** A connection that has been used once and then says nothing more. */
function idleCaller(port: number): Promise<net.Socket> {
  return new Promise((done, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(REQUEST));
    socket.on("error", reject);
    socket.once("data", () => done(socket));
  });
}

/** Uses a connection for one request and closes it. */
async function comer(port: number): Promise<void> {
  const socket = await idleCaller(port);
  socket.destroy();
}

/** Latencies of one request after the other on each of a number of connections, in order of size. */
async function latencies(port: number): Promise<number[]> {
  const taken: number[] = [];
  const ask = (socket: net.Socket) =>
    new Promise<void>((done) => {
      const from = performance.now();
      socket.once("data", () => {
        taken.push(performance.now() - from);
        done();
      });
      socket.write(REQUEST);
    });
  const callers = await Promise.all(Array.from({ length: ACTIVE }, () => idleCaller(port)));
  await Promise.all(
    callers.map(async (socket) => {
      for (let i = 0; i < REQUESTS_EACH; i++) await ask(socket);
      socket.destroy();
    }),
  );
  return taken.toSorted((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

async function inBatches(count: number, run: () => Promise<unknown>): Promise<void> {
  for (let left = count; left > 0; left -= 100) {
    await Promise.all(Array.from({ length: Math.min(left, 100) }, run));
  }
}

test.skipIf(process.platform !== "linux")(
  "thousands of idle connections and thousands that come and go do not slow the others, and none is left over",
  async () => {
    const service = http.createServer((_request, response) => void response.end("ok"));
    service.keepAliveTimeout = 0;
    await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
    const [port = 0, admin = 0] = await freePorts(2);
    await using program = new Program(["run", "-"], {
      input: JSON.stringify({
        admin: { port: admin },
        routers: [
          {
            protocol: "http",
            dtab: `/svc/web => /$/inet/127.0.0.1/${(service.address() as AddressInfo).port}`, // it listens on a port
            servers: [{ port }],
            client: { hostConnectionPool: { idleTimeMs: 500 } }, // what a burst needed is closed soon after
          },
        ],
      }),
    });
    await program.said("is ready");
    await latencies(port); // compiles what is used
    const descriptors = openDescriptors(program.pid);
    const alone = await latencies(port);

    const memory = residentBytes(program.pid);
    const idle: net.Socket[] = [];
    await inBatches(IDLE, async () => idle.push(await idleCaller(port)));
    const each = (residentBytes(program.pid) - memory) / IDLE;
    const churn = inBatches(COMERS, () => comer(port));
    const beside = await latencies(port);
    await churn;
    const between = await latencies(port);
    console.log(
      `p50 and p90 alone ${at(alone, 0.5).toFixed(2)} and ${at(alone, 0.9).toFixed(2)} ms, beside ${IDLE} idle connections ` +
        `${at(between, 0.5).toFixed(2)} and ${at(between, 0.9).toFixed(2)} ms, while ${COMERS} come and go ` +
        `${at(beside, 0.5).toFixed(2)} and ${at(beside, 0.9).toFixed(2)} ms; ${each.toFixed(0)} bytes each`,
    );
    expect(at(between, 0.5)).toBeLessThan(at(alone, 0.5) * SLOWER + GRACE_MS);
    expect(at(between, 0.9)).toBeLessThan(at(alone, 0.9) * SLOWER + GRACE_MS);
    expect(openDescriptors(program.pid)).toBeGreaterThanOrEqual(descriptors + IDLE);

    for (const socket of idle) socket.destroy();
    await until(
      () => openDescriptors(program.pid) <= descriptors,
      () => `${openDescriptors(program.pid)} descriptors to become ${descriptors}`,
    );
    service.close();
    service.closeAllConnections();
  },
  sized(60_000, 300_000),
);
