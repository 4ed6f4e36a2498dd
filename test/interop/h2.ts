// fairlead with routers of protocol h2: one for each name, which it takes all its requests to, and one by path.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BIN, Discovery } from "./fairlead.ts";
import { freePort, listening, type Running } from "./processes.ts";
import type { Stage } from "./stage.ts";

/** What stands between callers and services of HTTP/2. */
export interface H2Proxy {
  /** host:port where every request goes to this name. */
  of(name: string): string;
  /** host:port where the first segment of the path is the name. */
  readonly byPath: string;
  readonly processes: readonly Running[];
  /** And not what stands in for it. */
  readonly isFairlead: boolean;
}

/** Names and the ports they lead to. */
export type Routes = Readonly<Record<string, number>>;

/** To tell a fault of fairlead from one of a peer: `nghttpx` stands in for it, or `none` has callers ask services directly. */
const PROXY = process.env["INTEROP_H2_PROXY"] ?? "fairlead";

/** Starts a proxy; `label` names what it writes. */
export function startH2(stage: Stage, label: string, routes: Routes): Promise<H2Proxy> {
  if (PROXY === "none") return Promise.resolve({ of: at(routes), byPath: "", processes: [], isFairlead: false });
  return PROXY === "nghttpx" ? startNghttpx(stage, label, routes) : startFairlead(stage, label, routes);
}

/** Takes the proxy away, and says whether it had an error of its own and stopped as it was told. */
export async function stopH2(
  { report }: Stage,
  { isFairlead, processes }: Pick<H2Proxy, "isFairlead" | "processes">,
): Promise<void> {
  for (const running of processes) {
    running.signal("SIGTERM");
    const code = await running.ended;
    if (!isFairlead) continue;
    await report.case(`${running.name} has logged no error of its own, and stops with exit code 0`, () => {
      const said = running.said();
      if (code !== 0 || / ERROR /.test(said)) throw new Error(`exit code ${code}: ${said.slice(-2000)}`);
    });
  }
}

async function startFairlead(stage: Stage, label: string, routes: Routes): Promise<H2Proxy> {
  const directory = stage.directory(label);
  const disco = new Discovery(join(directory, "disco"));
  for (const [name, port] of Object.entries(routes)) disco.put(name, [port]);
  const names = Object.keys(routes);
  const [admin, byPath] = [await freePort(), await freePort()];
  const ports = await portsFor(names);
  const routers = names.map((name) => router(`h2-${name}`, `/#/io.l5d.fs/${name}`, ports[name] ?? 0));
  const file = join(directory, "h2.yaml");
  writeFileSync(file, head(admin, disco) + routers.join("") + router("h2-by-path", "/#/io.l5d.fs", byPath));
  const running = stage.processes.start(label, process.execPath, [BIN, "run", file]);
  for (const port of [byPath, ...Object.values(ports)]) await listening(running, port);
  return { of: at(ports), byPath: `127.0.0.1:${byPath}`, processes: [running], isFairlead: true };
}

function head(admin: number, { directory }: Discovery): string {
  return `admin: { ip: 127.0.0.1, port: ${admin} }
usage: { enabled: false }
namers:
  - kind: io.l5d.fs
    rootDir: ${directory}
routers:
`;
}

function router(label: string, to: string, port: number): string {
  return `  - protocol: h2
    label: ${label}
    identifier:
      kind: io.l5d.header.path
      segments: 1
    dtab: |
      /svc => ${to} ;
    servers:
      - port: ${port}
        ip: 127.0.0.1
`;
}

/** One process for each name, since a frontend of nghttpx has no backends of its own. */
async function startNghttpx(stage: Stage, label: string, routes: Routes): Promise<H2Proxy> {
  const directory = stage.directory(label);
  mkdirSync(directory, { recursive: true });
  const processes: Running[] = [];
  const start = async (name: string, port: number, backends: readonly string[]) => {
    const options = ["--conf=/dev/null", "--workers=1", "--accesslog-file=/dev/null", `-f127.0.0.1,${port};no-tls`];
    const running = stage.processes.start(`${label}-${name}`, "nghttpx", [...options, ...backends]);
    await listening(running, port);
    processes.push(running);
  };
  const ports = await portsFor(Object.keys(routes));
  for (const [name, port] of Object.entries(routes)) {
    await start(name, ports[name] ?? 0, [`-b127.0.0.1,${port};;proto=h2`]);
  }
  const byPath = await freePort();
  const all = Object.entries(routes).map(([name, port]) => `-b127.0.0.1,${port};/${name}/;proto=h2`);
  await start("by-path", byPath, [...all, "-b127.0.0.1,9;;proto=h2"]);
  return { of: at(ports), byPath: `127.0.0.1:${byPath}`, processes, isFairlead: false };
}

async function portsFor(names: readonly string[]): Promise<Routes> {
  const ports: Record<string, number> = {};
  for (const name of names) ports[name] = await freePort();
  return ports;
}

function at(ports: Routes): (name: string) => string {
  return (name) => `127.0.0.1:${ports[name]}`;
}
