// The C programs of the bench, compiled with the system's gcc into a cache that is never committed.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

const FOLDER = import.meta.dirname;
/** Where programs are kept that the bench makes or fetches. */
export const CACHE: string = join(FOLDER, "../../node_modules/.cache/fairlead-bench");
const FLAGS = ["-O2", "-g", "-std=gnu17", "-Wall", "-Wextra", "-Werror"];

/** First line of what a command says about its version, or undefined when it is not installed. */
export function versionOf(command: string, ...args: string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  // nginx answers on standard error, and wrk with an exit code of 1.
  return error ? undefined : (stdout || stderr).trim().split("\n")[0];
}

function compile(name: string, sources: readonly string[], dependencies: readonly string[]): string {
  const hash = createHash("sha256").update(FLAGS.join(" "));
  for (const file of dependencies) hash.update(readFileSync(file));
  const program = join(CACHE, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(program)) return program;
  if (!versionOf("gcc", "--version")) throw new Error("gcc is absent: the load generator is a C program and needs it");
  mkdirSync(CACHE, { recursive: true });
  execFileSync("gcc", [...FLAGS, "-o", `${program}.${process.pid}`, ...sources], { stdio: "inherit" });
  renameSync(`${program}.${process.pid}`, program);
  return program;
}

/** Path of the compiled load generator. Throws when gcc is missing or refuses. */
export function compileGenerator(): string {
  const folder = join(FOLDER, "generator");
  const files = readdirSync(folder)
    .toSorted()
    .map((name) => join(folder, name));
  const sources = files.filter((file) => file.endsWith(".c"));
  return compile("loadgen", sources, files);
}

/** Path of the compiled relay that parses nothing. */
export function compileRelay(): string {
  const source = join(FOLDER, "relay.c");
  return compile("relay", [source], [source]);
}
