// What is kept of a run: JSON with everything, the table, and the configurations beside them.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Options } from "../options.ts";
import { ROOT } from "./fairlead.ts";
import { calibrationOf, type MeasuredRow, notes, replaceBetween, table } from "./report.ts";

const KEPT = join(ROOT, "bench/results");
const SCRATCH = join(ROOT, "node_modules/.cache/fairlead-bench");
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

/** A whole run, as it is written to JSON. */
export interface Run {
  readonly startedAt: string;
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly kernel: string;
    readonly memoryMB: number;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, string>>;
  readonly options: Options;
  /** Share of a core that other processes used before the start. */
  readonly foreignShare: number;
  readonly rows: readonly MeasuredRow[];
}

function git(...args: string[]): string {
  try {
    return execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

/** Short hash of the commit, with a plus when the tree differs from it. */
export function commitOf(): string {
  return `${git("rev-parse", "--short", "HEAD") || "nogit"}${git("status", "--porcelain") ? "+" : ""}`;
}

export function machineOf(): Run["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    kernel: `${process.platform} ${release()}`,
    memoryMB: Math.round(totalmem() / 2 ** 20),
  };
}

function header(run: Run): string {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const absent = Object.entries(run.absent).map(([name, why]) => `${name} (${why})`);
  return [
    `${run.startedAt.slice(0, 10)}, commit ${run.commit}, ${run.machine.cores} × ${run.machine.cpu}, ${run.machine.kernel}.`,
    `${run.options.rounds} rounds, seed ${run.options.seed}; ${calibrationOf(run.rows)}.`,
    ...(run.options.force
      ? [`Forced: other processes used ${Math.round(run.foreignShare * 100)} % of a core before the start.`]
      : []),
    `Versions: ${versions.join("; ")}.`,
    ...(absent.length > 0 ? [`Not in the table: ${absent.join("; ")}.`] : []),
  ].join("\n");
}

/** The report as Markdown. */
function markdown(run: Run): string {
  return `# Benchmark\n\n${header(run)}\n\n${table(run.rows)}\n\n${notes(run.rows)}\n`;
}

const CONFIGURATIONS = /\.(conf|cfg|yaml)$/;

function keepConfigurations(site: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(site).filter((file) => CONFIGURATIONS.test(file)))
    copyFileSync(join(site, name), join(folder, name));
}

/**
 * Writes the run where it belongs: kept results into the tree, trials into the cache. In the tree the table is that of the last complete run.
 * @returns the JSON's path
 */
export function writeRun(run: Run, site: string, { complete, keep }: { complete: boolean; keep: boolean }): string {
  const stem = `${run.startedAt.slice(0, 16).replace(/[T:]/g, "-")}-${run.commit.replace("+", "-dirty")}`;
  const folder = keep ? KEPT : SCRATCH;
  mkdirSync(folder, { recursive: true });
  keepConfigurations(site, join(folder, stem));
  const path = join(folder, `${stem}.json`);
  writeFileSync(path, `${JSON.stringify(run).replaceAll('{"event":', '\n{"event":')}\n`); // one window per line
  if (complete || !keep) writeFileSync(join(folder, "latest.md"), markdown(run));
  return path;
}

/** Puts the rows that have a target into README.md, between its two markers. */
export function updateReadme(run: Run): void {
  const path = join(ROOT, "README.md");
  if (!existsSync(path)) throw new Error("there is no README.md to update");
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    replaceBetween(text, BEGIN, END, `\n${header(run)}\n\n${table(run.rows, "those with a target")}\n`),
  );
}
