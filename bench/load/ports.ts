// A block of free ports below the ephemeral range, so that no outgoing connection of the bench can sit on one.
import { createServer } from "node:net";

const FIRST = 18000;
const LAST = 31900;
const STEP = 100;

/** Every port the bench uses on 127.0.0.1. */
export interface Ports {
  readonly backends: readonly number[];
  readonly nginx: number;
  readonly nginxTwin: number;
  readonly haproxy: number;
  readonly relay: number;
  readonly fairlead: number;
  /** First of a small range for further fairlead processes: traffic and admin ports alternate. */
  readonly extra: number;
}

function block(base: number): Ports {
  return {
    backends: [base + 1, base + 2, base + 3],
    nginx: base + 10,
    nginxTwin: base + 11,
    haproxy: base + 12,
    relay: base + 13,
    fairlead: base + 20,
    extra: base + 30,
  };
}

function isFree(port: number): Promise<boolean> {
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
    const wanted = [...ports.backends, ports.nginx, ports.haproxy, ports.fairlead, ports.fairlead + 1, ports.extra];
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no block of free ports between ${FIRST} and ${LAST} on 127.0.0.1`);
}
