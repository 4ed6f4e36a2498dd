// Starts the program with listening sockets that it inherits, as a service manager does: it never accepts on them itself.
import { linkSync, renameSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { Program } from "./program.ts";

export interface Passed {
  /** Where it listens: host and port, or a path. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly name?: string;
}

export interface Activated {
  readonly program: Program;
  /** The ports, in order; 0 for paths. */
  readonly ports: readonly number[];
}

export interface ActivationOptions {
  /** Arguments to Node before the program's own. */
  readonly node?: readonly string[];
  /** The process the sockets are meant for; by default the one that is started. */
  readonly pid?: string;
  readonly environment?: Record<string, string>;
}

/** LISTEN_PID is the number of the process itself, which only the process before it knows. */
export async function activated(
  passed: readonly Passed[],
  args: readonly string[],
  { environment = {}, node = [], pid = "$$" }: ActivationOptions = {},
): Promise<Activated> {
  const servers = await Promise.all(passed.map(listening));
  const ports = servers.map((server) => (server.address() as AddressInfo).port ?? 0); // undefined of a path
  const program = new Program(args, {
    environment: {
      LISTEN_FDS: String(passed.length),
      LISTEN_FDNAMES: passed.map(({ name }) => name ?? "unknown").join(":"),
      ...environment,
    },
    command: ["/bin/sh", "-c", `LISTEN_PID=${pid} exec "$@"`, "sh", process.execPath, ...node],
    descriptors: servers.map((server) => (server as unknown as { _handle: { fd: number } })._handle.fd),
  });
  // In the turn in which they were opened to others: not one connection was accepted here.
  for (const [i, server] of servers.entries()) close(server, passed[i]?.at);
  return { program, ports };
}

async function listening({ at }: Passed): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy(new Error("accepted by the service manager")));
  await new Promise<void>((done) => void server.listen(at, done));
  return server;
}

/** Node removes the file of a unix socket when it closes its own descriptor; a service manager does not. */
function close(server: net.Server, at: Passed["at"] | undefined): void {
  if (at === undefined || !("path" in at)) return void server.close();
  linkSync(at.path, `${at.path}.kept`);
  server.close();
  return renameSync(`${at.path}.kept`, at.path);
}
