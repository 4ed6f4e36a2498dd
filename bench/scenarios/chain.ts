// Caller, proxy, service A, proxy, service B, proxy, ten backends: started, and ended by pid.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isFree } from "../load/ports.ts";
import type { Started } from "../load/processes.ts";
import { type Caller, callerOf } from "./callers.ts";
import { BACKENDS, type Protocol } from "./plan.ts";
import type { Hop, ProxyKind } from "./proxies/proxy.ts";
import { Remote } from "./remote.ts";

/** Ports stay below the range for outgoing connections: one that a stopped backend has left is not taken by chance. */
const FIRST_PORT = 22_000;
const LAST_PORT = 31_900;
const PORTS = 2 * BACKENDS;
const INSTANCES = 2;
const READY_WITHIN_MS = 15_000;
const LOOK_MS = 50;

/** What is called at each hop, and how long its proxy waits for one attempt and for all of them. */
const HOPS = [
  { name: "a", attemptMs: 1200, totalMs: 1500 },
  { name: "b", attemptMs: 1000, totalMs: 1200 },
  { name: "items", attemptMs: 300, totalMs: 900 },
] as const;

export interface Chain extends AsyncDisposable {
  readonly caller: Caller;
  readonly backends: Remote;
  /** The proxies, for looking at them. */
  readonly adminPorts: readonly number[];
}

/** Starts a chain in `folder` and waits for the first answer through all of it. */
export async function startChain(kind: ProxyKind, protocol: Protocol, folder: string): Promise<Chain> {
  await using started = new AsyncDisposableStack();
  const [ports, adminPorts] = await freePorts();
  const [at1 = 0, at2 = 0, at3 = 0, ...rest] = ports;
  const [a, b] = [rest.slice(0, INSTANCES), rest.slice(INSTANCES, 2 * INSTANCES)];
  const items = rest.slice(2 * INSTANCES, 2 * INSTANCES + BACKENDS);
  const keep = (remote: Remote): Remote => started.adopt(remote, (one) => one.stop());
  const [backends] = await Promise.all([
    Remote.start("backends", [protocol, ...items.map(String)]).then(keep),
    Remote.start("relay", [protocol, HOPS[1].name, String(at2), ...a.map(String)]).then(keep),
    Remote.start("relay", [protocol, HOPS[2].name, String(at3), ...b.map(String)]).then(keep),
  ]);
  const endpoints = [a, b, items];
  const proxies = HOPS.map(async (hop, i) => {
    const place = { ...hop, port: ports[i] ?? 0, adminPort: adminPorts[i] ?? 0, endpoints: endpoints[i] ?? [] };
    return started.adopt(await startHop(kind, protocol, place, join(folder, hop.name)), (one) => one.stop());
  });
  const complaints = (await Promise.all(proxies)).map((one) => () => one.complaint());
  const caller = started.adopt(callerOf(protocol, at1, HOPS[0].name), (one) => one.close());
  await ready(caller, () => `${kind.name}: ${complaints.map((complaint) => complaint()).join("\n")}`);
  const owned = started.move();
  return { caller, backends, adminPorts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function startHop(kind: ProxyKind, protocol: Protocol, hop: Omit<Hop, "folder">, folder: string): Promise<Started> {
  mkdirSync(folder, { recursive: true });
  return kind.start(protocol, { ...hop, folder });
}

async function ready(caller: Caller, complaint: () => string): Promise<void> {
  const giveUpMs = performance.now() + READY_WITHIN_MS;
  for (let i = 0; ; i++) {
    const problem = await caller.ask(`ready-${i}`, false);
    if (problem === "") return;
    if (performance.now() > giveUpMs) throw new Error(`no answer through the chain (${problem}); ${complaint()}`);
    await sleep(LOOK_MS);
  }
}

/** Ports for traffic and ports for admin servers, from the first block nobody listens in. */
async function freePorts(): Promise<[number[], number[]]> {
  const blocks = Math.floor((LAST_PORT - FIRST_PORT) / (PORTS + HOPS.length));
  // Two runs at once should not look at the same blocks in the same order.
  const first = process.pid % blocks;
  for (let i = 0; i < blocks; i++) {
    const base = FIRST_PORT + ((first + i + claimed) % blocks) * (PORTS + HOPS.length);
    const block = Array.from({ length: PORTS + HOPS.length }, (_, at) => base + at);
    if (!(await Promise.all(block.map(isFree))).every(Boolean)) continue;
    claimed += i + 1;
    return [block.slice(0, PORTS), block.slice(PORTS)];
  }
  throw new Error(`no block of ${PORTS} free ports between ${FIRST_PORT} and ${LAST_PORT} on 127.0.0.1`);
}

/** Blocks given out by this process so far: chains that are being started do not listen yet. */
let claimed = 0;
