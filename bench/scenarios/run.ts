// `npm run scenarios`: takes each proxy through each scenario, prints the figures and keeps them. See bench/README.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stopEverything } from "../load/processes.ts";
import { type Progress, progressOn } from "../load/progress.ts";
import { countForeign, waitForQuiet } from "../load/quiet.ts";
import { commitOf, machineOf } from "../load/results.ts";
import { seededRandom, shuffled } from "../load/statistics.ts";
import { startChain } from "./chain.ts";
import { writeDocuments } from "./documents.ts";
import { figuresOf } from "./measure.ts";
import { offer } from "./offer.ts";
import { chosen, type Options, parseOptions, USAGE } from "./options.ts";
import { type Protocol, PROTOCOLS, type Scenario, SCENARIOS, type Timeline, timelineOf, victimsOf } from "./plan.ts";
import { KINDS } from "./proxies/kinds.ts";
import type { ProxyKind } from "./proxies/proxy.ts";
import { warnings } from "./proxies/warnings.ts";
import { keep, type Report, type Result } from "./result.ts";
import { lineOf } from "./table.ts";

/** Beyond the time it takes by plan, a run gets this long. */
const PATIENCE_MS = 60_000;
const STARTING_S = 3;
/** A run while other programs used more than this share of a core is repeated. It waits so long for less before it begins. */
const BUSY = 0.8;
const WAIT_MS = 5_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** One run by name. */
interface Run {
  readonly name: string;
  readonly protocol: Protocol;
  readonly scenario: Scenario;
}

const RUNS: readonly Run[] = PROTOCOLS.flatMap((protocol) =>
  SCENARIOS.map((scenario) => ({ name: `${protocol}-${scenario.name}`, protocol, scenario })),
);

type Measured = Required<Pick<Result, "figures" | "foreignShare">>;

/** Starts a chain, offers load, does harm, mends it, and looks what came of it. */
async function measure(kind: ProxyKind, { protocol, scenario }: Run, options: Options): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-scenario-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    await using chain = await startChain(kind, protocol, folder);
    const { rate, seconds, seed } = options;
    const timeline = timelineOf(seconds);
    await offer(chain.caller, { rate, forMs: timeline.warmUpMs, prefix: "warm-up-" });
    const victims = victimsOf(scenario, seed);
    const countedMs = countForeign();
    const [asked] = await Promise.all([
      offer(chain.caller, { rate, forMs: timeline.endMs, prefix: "" }),
      doHarm(timeline, (fault) => chain.backends.become(fault ? scenario.fault : "none", victims)),
    ]);
    const foreignShare = Number((countedMs() / timeline.endMs).toFixed(2));
    return { figures: figuresOf(asked, await chain.backends.journal(), timeline), foreignShare };
  } finally {
    remove();
    process.off("exit", remove);
  }
}

async function doHarm(timeline: Timeline, become: (faulty: boolean) => void): Promise<void> {
  await sleep(timeline.faultMs);
  become(true);
  await sleep(timeline.mendedMs - timeline.faultMs);
  become(false);
}

/** A run that hangs is ended with all it has started: nothing else is running at that time. */
async function bounded(work: Promise<Measured>, ms: number): Promise<Measured> {
  const patience = new AbortController();
  const tooLong = sleep(ms, undefined, { signal: patience.signal }).then(() => {
    stopEverything();
    throw new Error(`took longer than ${ms / 1000} s`);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    patience.abort();
    tooLong.catch(() => undefined); // nobody waits for it any more
  }
}

/** The calmest of a few runs: as a rule the first, since it is calm enough. */
async function calmest(kind: ProxyKind, run: Run, options: Options): Promise<Result> {
  let best: Result | undefined;
  for (let times = 0; times <= options.repeat; times++) {
    await waitForQuiet(BUSY, WAIT_MS);
    const result = await resultOf(kind, run, options);
    if (best === undefined || (result.foreignShare ?? Infinity) < (best.foreignShare ?? Infinity)) best = result;
    if (best.foreignShare === undefined || best.foreignShare <= BUSY) return best;
  }
  return best as Result; // it ran once at least
}

async function resultOf(kind: ProxyKind, run: Run, options: Options): Promise<Result> {
  const what = { protocol: run.protocol, scenario: run.scenario.name, proxy: kind.name };
  const { endMs, warmUpMs } = timelineOf(options.seconds);
  try {
    if (kind.version() === undefined) throw new Error("not installed");
    return { ...what, ...(await bounded(measure(kind, run, options), endMs + warmUpMs + PATIENCE_MS)) };
  } catch (error) {
    return { ...what, figures: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

async function measureAll(runs: readonly Run[], kinds: readonly ProxyKind[], options: Options): Promise<Report> {
  const startedAt = new Date().toISOString();
  const timeline = timelineOf(options.seconds);
  const seconds = (timeline.warmUpMs + timeline.endMs) / 1000 + STARTING_S;
  const names = runs.map(({ name }) => name);
  const progress = progressOn(process.stderr, names, () => seconds * kinds.length);
  const random = seededRandom(options.seed);
  const results: Result[] = [];
  for (const run of runs) {
    progress.row(run.name);
    for (const kind of shuffled(kinds, random)) results.push(await told(progress, calmest(kind, run, options)));
  }
  progress.done();
  const versions = kinds.map((kind) => [kind.name, kind.version() ?? "absent"] as const);
  return {
    startedAt,
    commit: commitOf(),
    machine: machineOf(),
    versions: { node: process.version, ...Object.fromEntries(versions) },
    rate: options.rate,
    seed: options.seed,
    timeline,
    warnings: warnings(),
    results,
  };
}

async function told(progress: Progress, pending: Promise<Result>): Promise<Result> {
  const result = await pending;
  progress.note(lineOf(result));
  return result;
}

async function main(options: Options): Promise<void> {
  if (options.help) return say(USAGE);
  if (options.list) return RUNS.forEach(({ name, scenario }) => say(`${name.padEnd(16)} ${scenario.says}`));
  const wanted = chosen(
    "scenario",
    RUNS.map(({ name }) => name),
    options.only,
  );
  const compared = chosen(
    "proxy",
    KINDS.map(({ name }) => name),
    options.proxies,
  );
  const report = await measureAll(
    RUNS.filter(({ name }) => wanted.includes(name)),
    KINDS.filter(({ name }) => compared.includes(name)),
    options,
  );
  for (const result of report.results) say(lineOf(result));
  if (options.save) keep(report);
  if (options.docs) writeDocuments(report);
  if (report.results.some(({ figures }) => figures === null || figures.crossed > 0)) process.exitCode = 1;
}

process.once("exit", stopEverything);
// A signal may come twice, from the terminal and passed on by the launcher: a second one must not cut the ending short.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`scenarios: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
