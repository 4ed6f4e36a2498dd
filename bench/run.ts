// `npm run bench`: starts the proxies, measures row after row, prints and keeps the result. See bench/README.md.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Bench, type Row } from "./load/bench.ts";
import { versionOf } from "./load/compile.ts";
import { fairleadKind, ROOT } from "./load/fairlead.ts";
import { Generator } from "./load/generator.ts";
import type { Family } from "./load/families.ts";
import { direct, haproxy, nginx, nginxTwin, otherPeers, relay } from "./load/peers.ts";
import { envoy } from "./load/peers-envoy.ts";
import { http2Peers } from "./load/peers-http2.ts";
import { findPorts } from "./load/ports.ts";
import { GENERATOR_CORE, stopEverything } from "./load/processes.ts";
import { progressOn } from "./load/progress.ts";
import type { Proxy, ProxyKind, Site } from "./load/proxy.ts";
import { probeForeign, waitForQuiet } from "./load/quiet.ts";
import { type MeasuredRow, summary } from "./load/report.ts";
import { commitOf, machineOf, type Run, updateReadme, writeRun } from "./load/results.ts";
import { changeRows } from "./load/rows/changes.ts";
import { gaugeRows } from "./load/rows/gauges.ts";
import { http2Rows } from "./load/rows/http2.ts";
import { latencyRows } from "./load/rows/latency.ts";
import { lookupRows } from "./load/rows/lookup.ts";
import { memoryHttp2Rows } from "./load/rows/memory-http2.ts";
import { memoryRows } from "./load/rows/memory.ts";
import { quotaRows } from "./load/rows/quota.ts";
import { startRows } from "./load/rows/start.ts";
import { trafficRows } from "./load/rows/traffic.ts";
import { refusalRows } from "./load/rows/refusal.ts";
import { resilienceRows } from "./load/rows/resilience.ts";
import { tunnelRows } from "./load/rows/tunnels.ts";
import { twoWorkersRows } from "./load/rows/two-workers.ts";
import { seededRandom } from "./load/statistics.ts";
import { validate } from "./load/validate.ts";
import { validateHttp2 } from "./load/validate-http2.ts";
import { matches, type Options, parseOptions, USAGE } from "./options.ts";

const ROWS: readonly Row[] = [
  ...trafficRows,
  ...http2Rows,
  ...latencyRows,
  ...twoWorkersRows,
  ...resilienceRows,
  ...refusalRows,
  ...tunnelRows,
  ...lookupRows,
  ...changeRows,
  ...gaugeRows,
  ...memoryRows,
  ...memoryHttp2Rows,
  ...startRows,
  ...quotaRows,
];
const QUIET_SHARE = 0.1;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Rows that compare a peer with itself, and the families whose figures stand on that. */
const CALIBRATIONS: readonly { readonly row: string; readonly peer: string; readonly families: readonly Family[] }[] = [
  { row: "nginx-nginx", peer: "nginx", families: ["h1"] },
  { row: "nghttpx-nghttpx", peer: "nghttpx", families: ["h2", "h2-groups", "h2-h1", "h1-h2"] },
];

/** The kinds of proxies that rows compare. */
const familiesOf = (rows: readonly Row[]): Set<Family> =>
  new Set(rows.filter((row) => row.peers).map((row) => row.family ?? "h1"));

/** The rows asked for. A peer against itself comes first whenever it is compared. Throws on an unknown name. */
function choose(options: Options): Row[] {
  for (const pattern of options.rows) {
    if (!ROWS.some((row) => matches([pattern], row.name))) throw new Error(`no row ${pattern}; see --list`);
  }
  const asked = (row: Row): boolean =>
    options.rows.length > 0 ? matches(options.rows, row.name) : !options.quick || row.quick;
  const chosen = ROWS.filter((row) => asked(row) && !CALIBRATIONS.some((one) => one.row === row.name));
  const families = familiesOf(chosen);
  const needed = CALIBRATIONS.filter(
    (one) =>
      one.families.some((family) => families.has(family)) &&
      (options.proxies.length === 0 || options.proxies.includes(one.peer)),
  );
  return ROWS.filter((row) => chosen.includes(row) || needed.some((one) => one.row === row.name));
}

/** fairlead of this tree and, when asked for, of another, in a family. */
function fairleads(options: Options, family: Family): ProxyKind[] {
  const portOf = ({ ports }: Site): number => (family === "h1" ? ports.fairlead : ports.families[family].fairlead);
  const ours = fairleadKind("fairlead", ROOT, portOf, family);
  if (!options.base) return [ours];
  return [ours, fairleadKind("base", resolve(options.base), (site) => portOf(site) + 2, family)];
}

function kinds(options: Options, families: ReadonlySet<Family>): ProxyKind[] {
  const peers = [nginx, nginxTwin, haproxy, relay, ...http2Peers].filter((kind) => families.has(kind.family));
  const all = [...peers, ...[...families].flatMap((family) => [envoy(family), ...fairleads(options, family)])];
  const wanted = (kind: ProxyKind): boolean => options.proxies.includes(kind.name.replace("-twin", ""));
  return options.proxies.length === 0 ? all : all.filter(wanted);
}

/** Starts what is installed; what is not, or does not start, is absent with a reason. */
async function startAll(site: Site, wanted: readonly ProxyKind[], absent: Record<string, string>): Promise<Proxy[]> {
  const proxies = (["h1", "h2"] as const).map((family) => direct(site, family));
  for (const kind of wanted) {
    try {
      if (!kind.version()) throw new Error("not installed");
      proxies.push(await kind.start(site));
    } catch (error) {
      const name = kind.family === "h1" ? kind.name : `${kind.name} (${kind.family})`;
      absent[name] = error instanceof Error ? error.message : String(error);
      say(`${name} is absent: ${absent[name]}`);
    }
  }
  return proxies;
}

async function measureRow(bench: Bench, row: Row): Promise<MeasuredRow> {
  bench.progress.row(row.name);
  try {
    return { name: row.name, says: row.says, ...(await row.measure(bench)) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { name: row.name, says: row.says, figures: [], raw: {}, notes: [`not measured: ${why}`] };
  }
}

/** Refuses a loaded box, unless forced. Answers the share of a core that others used. */
async function checkQuiet(options: Options): Promise<number> {
  const share = options.waitS > 0 ? await waitForQuiet(QUIET_SHARE, options.waitS * 1000) : await probeForeign();
  const text = `other processes use ${Math.round(share * 100)} % of a core`;
  if (share > QUIET_SHARE && !options.force)
    throw new Error(`${text}: the box is loaded; --wait S waits, --force measures all the same`);
  if (share > QUIET_SHARE) say(`${text}; measuring all the same, as asked`);
  return share;
}

/** Rows that need the same proxies, together: what is up besides the proxy measured takes its part of the processor's caches. */
function byFamilies(rows: readonly Row[]): Row[][] {
  const groups = Map.groupBy(rows, (row) => [...familiesOf([row])].toSorted().join());
  return [...groups.values()];
}

async function measureAll(options: Options, site: Site, rows: readonly Row[], foreignShare: number): Promise<Run> {
  const startedAt = new Date().toISOString();
  const absent: Record<string, string> = otherPeers();
  const versions: Record<string, string> = { node: process.version, gcc: versionOf("gcc", "--version") ?? "absent" };
  const groups = byFamilies(rows);
  const names = groups.flat().map((row) => row.name);
  const progress = progressOn(
    process.stderr,
    names,
    (name) => rows.find((row) => row.name === name)?.seconds(bench) ?? 0,
  );
  const random = seededRandom(options.seed);
  let bench = new Bench(options, site, [], random, progress);
  const measured: MeasuredRow[] = [];
  for (const group of groups) {
    const wanted = kinds(options, familiesOf(group));
    const proxies = await startAll(site, wanted, absent);
    bench = new Bench(options, site, proxies, random, progress);
    for (const row of group) {
      measured.push(await measureRow(bench, row));
      progress.done();
      say(summary(measured.at(-1)!)); // just pushed
    }
    for (const { name, family } of proxies) {
      const kind = wanted.find((one) => one.name === name && one.family === family);
      if (kind && !name.endsWith("-twin")) versions[name] = kind.version() ?? "absent";
    }
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  }
  return {
    startedAt,
    commit: commitOf(),
    machine: machineOf(),
    versions,
    absent,
    options,
    foreignShare,
    rows: measured,
  };
}

/** What the bench cannot do without, said before anything is started. */
function checkMachine(): void {
  if (process.platform !== "linux") throw new Error("the bench reads /proc and pins processes: it needs Linux");
  if (availableParallelism() < 2) throw new Error("the bench needs two cores: one for the proxy, one for the load");
  if (!versionOf("taskset", "--version")) throw new Error("taskset is absent (package util-linux)");
}

async function measureOrValidate(options: Options, site: Site, rows: readonly Row[]): Promise<void> {
  if (options.validate) {
    await validate(site);
    return validateHttp2(site);
  }
  const run = await measureAll(options, site, rows, await checkQuiet(options));
  const complete = !options.quick && options.rows.length === 0 && options.proxies.length === 0;
  say(`\nkept in ${writeRun(run, site.folder, { complete, keep: options.save || complete })}`);
  if (options.readme) updateReadme(run);
}

async function main(options: Options): Promise<void> {
  const rows = choose(options);
  if (options.help) return say(USAGE);
  if (options.list) return rows.forEach((row) => say(`${row.name.padEnd(22)} ${row.says}`));
  checkMachine();
  execFileSync("taskset", ["-pc", String(GENERATOR_CORE), String(process.pid)], { stdio: "ignore" });
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  process.once("exit", () => {
    stopEverything();
    rmSync(folder, { recursive: true, force: true });
  });
  const ports = await findPorts();
  const generator = await Generator.start(options.validate ? [] : ports.backends);
  await measureOrValidate(options, { folder, ports, generator, shared: options.sharedUpstream }, rows);
  await generator.stop();
}

// A signal may come twice, from the terminal and passed on by the launcher: a second one must not cut the ending short.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

try {
  await main(parseOptions(process.argv.slice(2), Math.floor(Date.now() / 1000)));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
