// fairlead as the bench starts it: from this tree, or from another checkout to compare with.
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { versionOf } from "./compile.ts";
import { callersOf, type Family, serversOf } from "./families.ts";
import { sharesUpstream } from "./peers-http2.ts";
import { launch, type Proxy, type ProxyKind, SERVICES, type Site, writeConfig } from "./proxy.ts";

export const ROOT: string = resolve(import.meta.dirname, "../..");

const GAUGE = join(import.meta.dirname, "gauge.ts");

/** One fairlead process of the bench. */
export interface FairleadSetup {
  readonly name?: string;
  /** What comes in and goes out. Default: HTTP/1.1. */
  readonly family?: Family;
  readonly port?: number;
  /** Today's defaults also where the original's are compared with the peers (HTTP/1.1). */
  readonly modern?: boolean;
  /** Event loops that share the traffic port. Default: one. */
  readonly workers?: number;
  /** Checkout to run. Default: this one. */
  readonly root?: string;
  readonly dtab?: string;
  /** Keys added to the router, as YAML lines indented by two. */
  readonly routerKeys?: string;
  /** Keys added to the server, as YAML lines indented by four. */
  readonly serverKeys?: string;
  /** Run compiled code from `dist`. */
  readonly dist?: boolean;
  /** File for the readings of gauge.ts. */
  readonly gaugeFile?: string;
  /** Discovery folder inside the site. Default: `disco`. */
  readonly disco?: string;
  readonly host?: string;
}

/** Discovery files: one service name per file, one `host port` per line (io.l5d.fs). */
export function writeDisco(site: Site, folder: string, files: Readonly<Record<string, readonly number[]>>): void {
  mkdirSync(join(site.folder, folder), { recursive: true });
  for (const [name, ports] of Object.entries(files)) writeDiscoFile(site, folder, name, ports);
}

/** Replaces one file in one step, as deployment tools do. */
export function writeDiscoFile(site: Site, folder: string, name: string, ports: readonly number[]): void {
  replaceFile(join(site.folder, folder, name), ports.map((port) => `127.0.0.1 ${port}\n`).join(""));
}

/** Writes beside and renames: a reader sees the old text or the new one. The temporary name is outside the folder watched. */
export function replaceFile(path: string, text: string): void {
  const beside = `${join(path, "..")}.${process.pid}.new`;
  writeFileSync(beside, text);
  renameSync(beside, path);
}

function standardDisco(site: Site): void {
  const files = Array.from({ length: SERVICES }, (_, i) => [`svc${i}`, site.ports.backends] as const);
  writeDisco(site, "disco", Object.fromEntries(files));
}

/** As a YAML block; nothing when the names come from elsewhere. */
function dtabKey(dtab: string): string {
  return dtab === "" ? "" : `  dtab: |\n${dtab.replace(/^/gm, "    ")}\n`;
}

/** Names come from the authority, as they come from Host in HTTP/1.1. */
const H2_IDENTIFIER = `  identifier:
    kind: io.l5d.header.token
    header: ":authority"
`;

/** The router but its servers and names. */
function routerText(family: Family): string {
  const callers = callersOf(family) === "h2" ? "h2" : "http";
  const client = serversOf(family) === "h2" ? "h2" : "http/1.1";
  const identifier = callers === "h2" ? H2_IDENTIFIER : "";
  const translates = (client === "h2") !== (callers === "h2");
  return `- protocol: ${callers}
  label: ${callers}
${identifier}${translates ? `  client:\n    protocol: ${client}\n` : ""}`;
}

function configText(setup: FairleadSetup, port: number): string {
  const family = setup.family ?? "h1";
  return `${family === "h1" && setup.modern !== true ? "" : "fairlead: 1\n"}${setup.workers === undefined ? "" : `workers: ${setup.workers}\n`}admin:
  ip: 127.0.0.1
  port: ${port + 1}
telemetry:
- kind: io.l5d.prometheus
namers:
- kind: io.l5d.fs
  rootDir: ${setup.disco ?? "disco"}
routers:
${routerText(family)}  servers:
  - ip: 127.0.0.1
    port: ${port}
${setup.serverKeys ?? ""}${setup.routerKeys ?? ""}${dtabKey(setup.dtab ?? "/svc => /#/io.l5d.fs ;")}`;
}

/** The program, run by the Node that runs the bench. */
function commandOf(root: string): string[] {
  return [process.execPath, join(root, "bin", "fairlead"), "run"];
}

function environmentOf(setup: FairleadSetup): Record<string, string> {
  return {
    ...(setup.dist && { FAIRLEAD_DIST: "1" }),
    ...(setup.gaugeFile && { NODE_OPTIONS: `--import=${GAUGE}`, BENCH_GAUGE_FILE: setup.gaugeFile }),
  };
}

/** Starts fairlead and waits for its first answer. Throws with what it said when it does not get there. */
export async function startFairlead(site: Site, setup: FairleadSetup = {}): Promise<{ proxy: Proxy; firstMs: number }> {
  const name = setup.name ?? "fairlead";
  const port = setup.port ?? site.ports.fairlead;
  if (setup.disco === undefined) standardDisco(site);
  const family = setup.family ?? "h1";
  const file = writeConfig(site, `${name}${family === "h1" ? "" : `-${family}`}.yaml`, configText(setup, port));
  const command = [...commandOf(setup.root ?? ROOT), file];
  return launch(site, {
    name,
    family,
    command,
    port,
    env: environmentOf(setup),
    ...(setup.host && { host: setup.host }),
  });
}

/** True when compiled code is there to be measured. */
export function hasDist(root: string = ROOT): boolean {
  return existsSync(join(root, "dist", "cli", "main.js"));
}

export const SHARED_DTAB = "/svc/* => /#/io.l5d.fs/svc0 ;";

/** fairlead of a checkout among the proxies compared. */
export function fairleadKind(
  name: string,
  root: string,
  portOf: (site: Site) => number,
  family: Family = "h1",
): ProxyKind {
  return {
    name,
    family,
    version: () => versionOf("git", "-C", root, "describe", "--always", "--dirty") || "no git",
    async start(site) {
      const shared = sharesUpstream(site, family);
      const setup = { name, root, family, port: portOf(site), ...(shared && { dtab: SHARED_DTAB }) };
      return (await startFairlead(site, setup)).proxy;
    },
  };
}
