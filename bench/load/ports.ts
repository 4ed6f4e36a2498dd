// A block of free ports below the ephemeral range, so that no outgoing connection of the bench can sit on one.
import { createServer } from "node:net";
import type { Family } from "./families.ts";

const FIRST = 18000;
const LAST = 31900;
const STEP = 100;

/** Ports of the proxies that one kind of HTTP/2 row compares. */
export interface FamilyPorts {
  readonly nghttpx: number;
  readonly nghttpxTwin: number;
  readonly haproxy: number;
  readonly envoy: number;
  /** Its admin port is the next one; fairlead of another checkout has the two after that. */
  readonly fairlead: number;
}

/** Every port the bench uses on 127.0.0.1. */
export interface Ports {
  readonly backends: readonly number[];
  readonly families: Readonly<Record<Exclude<Family, "h1">, FamilyPorts>>;
  readonly nginx: number;
  readonly nginxTwin: number;
  readonly haproxy: number;
  readonly envoy: number;
  readonly relay: number;
  readonly fairlead: number;
  /** First of a small range for further fairlead processes: traffic and admin ports alternate. */
  readonly extra: number;
}

function familyPorts(base: number): FamilyPorts {
  return { nghttpx: base, nghttpxTwin: base + 1, haproxy: base + 2, envoy: base + 3, fairlead: base + 4 };
}

function block(base: number): Ports {
  return {
    families: {
      h2: familyPorts(base + 50),
      "h2-groups": familyPorts(base + 60),
      "h2-h1": familyPorts(base + 70),
      "h1-h2": familyPorts(base + 80),
    },
    backends: [base + 1, base + 2, base + 3],
    nginx: base + 10,
    nginxTwin: base + 11,
    haproxy: base + 12,
    relay: base + 13,
    envoy: base + 14,
    fairlead: base + 20,
    extra: base + 30,
  };
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The first block in which nobody listens. Another bench on the same box gets another one. */
export async function findPorts(): Promise<Ports> {
  for (let base = FIRST; base <= LAST; base += STEP) {
    const ports = block(base);
    const one = [ports.nginx, ports.haproxy, ports.envoy, ports.fairlead, ports.fairlead + 1, ports.extra];
    const two = Object.values(ports.families).flatMap((family) => [...Object.values(family), family.fairlead + 1]);
    const wanted = [...ports.backends, ...one, ...two];
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no block of free ports between ${FIRST} and ${LAST} on 127.0.0.1`);
}
