// Compares the load generator with wrk on the same server: `npm run bench -- --validate`. The server is nginx with the
// backends of a second load generator behind it, all on the proxy's core, so that neither client is the bottleneck.
// Figures of a run are quoted in bench/README.md.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { versionOf } from "./compile.ts";
import { nginx } from "./peers.ts";
import { GENERATOR_CORE, PROXY_CORE } from "./processes.ts";
import { speaking } from "./families.ts";
import { Generator, type RunPlan } from "./generator.ts";
import type { ProxyKind, Site } from "./proxy.ts";
import { countForeign, cpuMsOf, waitForQuiet } from "./quiet.ts";
import { spread } from "./statistics.ts";

const ROUNDS = 7;
const MOST_ROUNDS = 25;
export const SECONDS = 3;
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

/** What a program says of a few seconds; what it does not say is left out. */
export interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly meanUs?: number;
}

export type Clients = Readonly<Record<string, () => Promise<Sample>>>;

export function toUs(text: string | undefined): number {
  const [, value, unit] = /([\d.]+)(us|ms|s)/.exec(text ?? "") ?? [];
  return Number(value) * (unit === "s" ? 1e6 : unit === "ms" ? 1000 : 1);
}

export const cpuMs = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);

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

/** Our own program with this load. */
export async function withOurs(site: Site, server: readonly number[], load: Omit<RunPlan, "seconds">): Promise<Sample> {
  const plan = { seconds: SECONDS, warmup: 1000, watch: server, ...load };
  const result = await site.generator.run(plan);
  const seconds = (result.endNs - result.startNs) / 1e9;
  return {
    perSecond: result.ok / seconds,
    cpuUs: result.proxyCpuNs / 1000 / result.ok,
    p50Us: result.p50 / 1000,
    p99Us: result.p99 / 1000,
    meanUs: result.mean / 1000,
  };
}

function print(name: string, samples: readonly Sample[]): void {
  const of = (label: string, key: keyof Sample, unit: string): string => {
    const values = samples.map((sample) => sample[key]).filter((value) => value !== undefined);
    if (values.length === 0) return "";
    const { median, min, max } = spread(values);
    return `  ${label}${median.toFixed(1)} [${min.toFixed(1)}–${max.toFixed(1)}] ${unit}`;
  };
  const rate = of("", "perSecond", "requests/s") + of("server ", "cpuUs", "µs/request");
  const latency = of("mean ", "meanUs", "µs") + of("p50 ", "p50Us", "µs") + of("p99 ", "p99Us", "µs");
  process.stdout.write(`${name}:${rate}${latency}\n`);
}

/** One measurement of each client, or undefined when foreign processes had a share in it. */
async function undisturbed(clients: readonly (() => Promise<Sample>)[]): Promise<Sample[] | undefined> {
  await waitForQuiet(QUIET_SHARE, PATIENCE_MS);
  const foreign = countForeign();
  const samples: Sample[] = [];
  for (const client of clients) samples.push(await client());
  return foreign() > QUIET_SHARE * clients.length * SECONDS * 1000 ? undefined : samples;
}

/** Measures the programs in rounds that take turns, and prints what each says. */
export async function compareClients(clients: Clients): Promise<void> {
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
}

/** A server on the proxy's core with the backends of a second load generator behind it, also there, and all its processes. */
export async function withServer(
  site: Site,
  kind: ProxyKind,
  body: (port: number, server: readonly number[]) => Promise<void>,
): Promise<void> {
  const backends = await Generator.start(site.ports.backends, PROXY_CORE);
  try {
    backends.answers(speaking(kind.family));
    const proxy = await kind.start(site);
    await body(proxy.port, [...proxy.pids(), backends.pid]);
    await proxy.stop();
  } finally {
    await backends.stop();
  }
}

/** Prints the figures of wrk and ours. Throws when wrk is not installed. */
export async function validate(site: Site): Promise<void> {
  if (!versionOf("wrk", "-v")) throw new Error("wrk is absent: nothing to compare with");
  await withServer(site, nginx, (port, server) => {
    const load = { target: port, connections: CONNECTIONS };
    return compareClients({
      "wrk              ": () => withWrk(port, server),
      "loadgen, sleeping": () => withOurs(site, server, { ...load, spin: 0 }),
      "loadgen, spinning": () => withOurs(site, server, load),
    });
  });
}
