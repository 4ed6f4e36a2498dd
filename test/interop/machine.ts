// What is on this machine, what can be put on it, and when an absence is a failure.
import { spawnSync } from "node:child_process";
import { delimiter } from "node:path";

/** A command that must succeed for a peer to run, and the Debian packages that bring it. */
export interface Need {
  /** Any one of them is enough. */
  readonly probes: readonly (readonly [command: string, ...args: string[]])[];
  readonly packages: readonly string[];
  /** Brings what Debian has not; the packages are what it may need for that. */
  readonly fetch?: () => void;
}

const INSTALL_LIMIT_MS = 300_000;

// Daemons and Go lie where not every PATH looks.
process.env["PATH"] = [process.env["PATH"], "/usr/sbin", "/usr/local/go/bin"].join(delimiter);

const canInstall = process.getuid?.() === 0 && succeeds(["apt-get", "--version"]);

/** On a machine of ours, or in CI, the absence of a peer that an issue names is a failure. */
export const ours = canInstall || process.env["CI"] === "true";

function succeeds([command, ...args]: readonly string[]): boolean {
  return command !== undefined && spawnSync(command, args, { stdio: "ignore", timeout: 20_000 }).status === 0;
}

/** The command with which a need is met, or null. */
export function found(need: Need): string | null {
  return need.probes.find(succeeds)?.[0] ?? null;
}

/** Installs what all needs that are not met ask for, if that can be done here. */
export function install(needs: readonly Need[]): void {
  fetch(needs);
  installPackages(needs);
  fetch(needs);
}

function fetch(needs: readonly Need[]): void {
  if (!ours) return;
  for (const need of needs) if (need.fetch !== undefined && found(need) === null) need.fetch();
}

function installPackages(needs: readonly Need[]): void {
  const packages = [...new Set(needs.filter((need) => found(need) === null).flatMap((need) => need.packages))];
  if (packages.length === 0 || !canInstall) return;
  console.log(`installing ${packages.join(" ")}`);
  // All at once if it can be, else what can be: one package that is not to be had does not cost the others.
  if (aptInstall(packages)) return;
  apt(["update"]);
  if (!aptInstall(packages)) for (const name of packages) aptInstall([name]);
}

function aptInstall(packages: readonly string[]): boolean {
  return apt(["install", "-y", "--no-install-recommends", ...packages]);
}

function apt(args: readonly string[]): boolean {
  const run = spawnSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: INSTALL_LIMIT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (run.status !== 0) console.log(`apt-get ${args.join(" ")}: ${run.stderr}`);
  return run.status === 0;
}
