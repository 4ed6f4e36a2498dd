// Three fairleads in a row, as beside a caller, beside a service it asks, and beside the service that one asks.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BIN, Discovery } from "./fairlead.ts";
import { freePort, listening, type Running } from "./processes.ts";
import type { Stage } from "./stage.ts";

/** What speaks which version of HTTP; every hop has a router for each. */
export type Version = "http" | "h2";

/** Where callers ask: names lead to services behind one hop, or behind three. */
export interface Chain {
  readonly disco: Discovery;
  readonly processes: readonly Running[];
  /** host:port of the first of so many hops. */
  at(version: Version, hops: 1 | 3): string;
}

type Ports = Readonly<Record<Version, number>>;

export async function startChain(stage: Stage): Promise<Chain> {
  const directory = stage.directory("chain");
  const disco = new Discovery(join(directory, "disco"));
  const last = await startHop(stage, directory, 3, disco, { http: "/#/io.l5d.fs", h2: "/#/io.l5d.fs" });
  const middle = await startHop(stage, directory, 2, disco, onTo(last.ports));
  const first = await startHop(stage, directory, 1, disco, onTo(middle.ports));
  return {
    disco,
    processes: [first.running, middle.running, last.running],
    at: (version, hops) => `127.0.0.1:${(hops === 3 ? first : last).ports[version]}`,
  };
}

function onTo(ports: Ports): Record<Version, string> {
  return { http: `/$/inet/127.0.0.1/${ports.http}`, h2: `/$/inet/127.0.0.1/${ports.h2}` };
}

async function startHop(
  stage: Stage,
  directory: string,
  hop: number,
  { directory: rootDir }: Discovery,
  to: Readonly<Record<Version, string>>,
): Promise<{ readonly running: Running; readonly ports: Ports }> {
  const ports = { http: await freePort(), h2: await freePort() };
  const routers = (["http", "h2"] as const).map((protocol) => ({
    protocol,
    dtab: `/svc => ${to[protocol]};`,
    servers: [{ ip: "127.0.0.1", port: ports[protocol] }],
  }));
  const config = {
    admin: { ip: "127.0.0.1", port: await freePort() },
    usage: { enabled: false },
    namers: [{ kind: "io.l5d.fs", rootDir }],
    routers,
  };
  const file = join(directory, `hop-${hop}.json`);
  writeFileSync(file, JSON.stringify(config));
  const running = stage.processes.start(`chain-hop-${hop}`, process.execPath, [BIN, "run", file]);
  for (const port of Object.values(ports)) await listening(running, port);
  return { running, ports };
}
