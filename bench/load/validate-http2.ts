// Compares the HTTP/2 side of the load generator with h2load on the same nghttpx: `npm run bench -- --validate`. h2load sends
// one and the same id and authority, so its requests cost the server less; throughput, latency and streams must agree in each line.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { versionOf } from "./compile.ts";
import { speaking } from "./families.ts";
import { http2Peers } from "./peers-http2.ts";
import { GENERATOR_CORE } from "./processes.ts";
import type { Site } from "./proxy.ts";
import { compareClients, cpuMs, type Sample, SECONDS, toUs, withOurs, withServer } from "./validate.ts";

const CONNECTIONS = 8;
const STREAMS = 32;
const PATHS = 1000;
const MESSAGE_BYTES = 105;
/** Requests per second of the open loop, and a stop of the server in it: a tenth of the window. */
const RATE = 10_000;
const STOP_MS = SECONDS * 100;

/** Fields of a generated call, with values of about the same lengths. */
const FIELDS = [
  "te: trailers",
  "content-type: application/grpc",
  "grpc-accept-encoding: identity, deflate, gzip",
  "grpc-timeout: 14S",
  "user-agent: bench-caller/1.2 (linux)",
  `authorization: Bearer ${"a".repeat(80)}`,
  "x-tenant: tenant-07000021",
  "x-bench-id: 00000000deadbeef",
];

interface Files {
  readonly message: string;
  readonly addresses: string;
}

function writeFiles(site: Site, port: number): Files {
  const files = { message: join(site.folder, "h2load.message"), addresses: join(site.folder, "h2load.addresses") };
  const message = Buffer.alloc(5 + MESSAGE_BYTES, "m");
  message.writeUIntBE(MESSAGE_BYTES, 0, 5); // gRPC: not compressed, and the length
  writeFileSync(files.message, message);
  const paths = Array.from(
    { length: PATHS },
    (_, i) => `http://127.0.0.1:${port}/shop.Orders.v1.OrdersService/Get${i}\n`,
  );
  writeFileSync(files.addresses, paths.join(""));
  return files;
}

async function withH2load(files: Files, server: readonly number[]): Promise<Sample> {
  const load = ["-t1", `-c${CONNECTIONS}`, `-m${STREAMS}`, `-D${SECONDS}`];
  const what = [...FIELDS.flatMap((field) => ["-H", field]), "-d", files.message, "-i", files.addresses];
  const before = cpuMs(server);
  const command = ["-c", String(GENERATOR_CORE), "h2load", ...load, ...what];
  const { stdout } = await promisify(execFile)("taskset", command);
  const requests = Number(/(\d+) 2xx/.exec(stdout)?.[1]);
  const [, , , mean] = /time for request:\s+(\S+)\s+(\S+)\s+(\S+)/.exec(stdout) ?? [];
  return {
    perSecond: requests / SECONDS,
    cpuUs: ((cpuMs(server) - before) * 1000) / requests,
    meanUs: toUs(mean),
  };
}

/**
 * Stops the server once while it is measured. What was due meanwhile waited for the rest of the stop, whether or not it could be
 * sent, so the p99 must be nine tenths of it: a generator that counts from sending would see the few that were in flight.
 */
async function withStop<T>(pid: number, measure: () => Promise<T>): Promise<T> {
  const measured = measure();
  await sleep((SECONDS * 1000) / 2);
  process.kill(pid, "SIGSTOP");
  await sleep(STOP_MS);
  process.kill(pid, "SIGCONT");
  return measured;
}

/** Prints the figures of h2load and ours. Says so when h2load or nghttpx is not installed. */
export async function validateHttp2(site: Site): Promise<void> {
  const nghttpx = http2Peers.find((kind) => kind.name === "nghttpx" && kind.family === "h2");
  if (!nghttpx?.version() || !versionOf("h2load", "--version")) {
    process.stdout.write("h2load or nghttpx is absent: HTTP/2 is not compared\n");
    return;
  }
  await withServer(site, nghttpx, (port, server) => {
    const files = writeFiles(site, port);
    const load = { target: port, connections: CONNECTIONS, streams: STREAMS, steady: 1, ...speaking("h2") } as const;
    return compareClients({
      "h2load           ": () => withH2load(files, server),
      "loadgen, sleeping": () => withOurs(site, server, { ...load, spin: 0 }),
      "loadgen, spinning": () => withOurs(site, server, load),
      "loadgen, open    ": () => withOurs(site, server, { ...load, rate: RATE }),
      "loadgen, stopped ": () => withStop(server[0]!, () => withOurs(site, server, { ...load, rate: RATE })), // the proxy is the first
    });
  });
}
