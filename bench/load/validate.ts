// Compares the load generator with wrk on the same server: `npm run bench -- --validate`. The server is nginx with the
// backends of a second load generator behind it, all on the proxy's core, so that neither client is the bottleneck.
// Figures of a run are quoted in bench/README.md.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { compileGenerator, versionOf } from "./compile.ts";
import { nginx } from "./peers.ts";
import { GENERATOR_CORE, PROXY_CORE, start } from "./processes.ts";
import type { Site } from "./proxy.ts";
import { countForeign, cpuMsOf, waitForQuiet } from "./quiet.ts";
import { spread } from "./statistics.ts";

const ROUNDS = 7;
const MOST_ROUNDS = 25;
const SECONDS = 3;
const CONNECTIONS = 64;
const QUIET_SHARE = 0.05;
const PATIENCE_MS = 60_000;

/** The fields of a generated request, with values of about the same lengths. */
const FIELDS = [
  "User-Agent: bench/1.77 (linux)",
  "Accept: */*",
  `X-Session: ${"s".repeat(28)}`,
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-GB,en;q=0.5",
  `Cookie: ${"c".repeat(90)}`,
  "Referer: https://shop500.example/list?page=50",
  `Authorization: ${"a".repeat(44)}`,
  "Cache-Control: max-age=1800",
  `X-Tenant: ${"t".repeat(12)}`,
  "X-Bench-Id: 00000000deadbeef",
];

interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

function toUs(text: string | undefined): number {
  const [, value, unit] = /([\d.]+)(us|ms|s)/.exec(text ?? "") ?? [];
  return Number(value) * (unit === "s" ? 1e6 : unit === "ms" ? 1000 : 1);
}

const cpuMs = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);

async function withWrk(port: number, server: readonly number[]): Promise<Sample> {
  const headers = FIELDS.flatMap((field) => ["-H", field]);
  const url = `http://127.0.0.1:${port}/api/orders/123456/users12/carts7?page=250&id=00000000deadbeef`;
  const before = cpuMs(server);
  const command = [
    "-c",
    String(GENERATOR_CORE),
    "wrk",
    "-t1",
    `-c${CONNECTIONS}`,
    `-d${SECONDS}s`,
    "--latency",
    ...headers,
    url,
  ];
  const { stdout } = await promisify(execFile)("taskset", command);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    cpuUs: ((cpuMs(server) - before) * 1000) / requests,
    p50Us: toUs(/50%\s+(\S+)/.exec(stdout)?.[1]),
    p99Us: toUs(/99%\s+(\S+)/.exec(stdout)?.[1]),
  };
}

async function withOurs(site: Site, port: number, server: readonly number[], spin: 0 | 1): Promise<Sample> {
  const plan = { target: port, connections: CONNECTIONS, seconds: SECONDS, warmup: 1000, watch: server, spin };
  const result = await site.generator.run(plan);
  const seconds = (result.endNs - result.startNs) / 1e9;
  return {
    perSecond: result.ok / seconds,
    cpuUs: result.proxyCpuNs / 1000 / result.ok,
    p50Us: result.p50 / 1000,
    p99Us: result.p99 / 1000,
  };
}

function print(name: string, samples: readonly Sample[]): void {
  const of = (key: keyof Sample): string => {
    const { median, min, max } = spread(samples.map((sample) => sample[key]));
    return `${median.toFixed(1)} [${min.toFixed(1)}–${max.toFixed(1)}]`;
  };
  process.stdout.write(
    `${name}: ${of("perSecond")} requests/s, server ${of("cpuUs")} µs/request, p50 ${of("p50Us")} µs, p99 ${of("p99Us")} µs\n`,
  );
}

/** One measurement of each client, or undefined when foreign processes had a share in it. */
async function undisturbed(clients: readonly (() => Promise<Sample>)[]): Promise<Sample[] | undefined> {
  await waitForQuiet(QUIET_SHARE, PATIENCE_MS);
  const foreign = countForeign();
  const samples: Sample[] = [];
  for (const client of clients) samples.push(await client());
  return foreign() > QUIET_SHARE * clients.length * SECONDS * 1000 ? undefined : samples;
}

/** Prints the figures of both programs. Throws when wrk is not installed. */
export async function validate(site: Site): Promise<void> {
  if (!versionOf("wrk", "-v")) throw new Error("wrk is absent: nothing to compare with");
  const backends = await start([compileGenerator(), ...site.ports.backends.map(String)], { core: PROXY_CORE });
  const proxy = await nginx.start(site);
  const server = [...proxy.pids(), backends.pid];
  const clients: Readonly<Record<string, () => Promise<Sample>>> = {
    "wrk              ": () => withWrk(proxy.port, server),
    "loadgen, sleeping": () => withOurs(site, proxy.port, server, 0),
    "loadgen, spinning": () => withOurs(site, proxy.port, server, 1),
  };
  const rounds: Sample[][] = [];
  for (let tries = 0; tries < MOST_ROUNDS && rounds.length < ROUNDS; tries++) {
    const round = await undisturbed(Object.values(clients));
    if (round) rounds.push(round);
  }
  process.stdout.write(`${rounds.length} undisturbed rounds of ${SECONDS} s each\n`);
  for (const [i, name] of Object.keys(clients).entries())
    print(
      name,
      rounds.map((round) => round[i]!),
    ); // one per client
  await Promise.all([proxy.stop(), backends.stop()]);
}
