// How many worker threads there shall be, and can be.
import type { Logger } from "../telemetry/log.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import type { LinkerConfig } from "./config.ts";
import { IDENTIFIER_SOCKET } from "../admin/identifier-server.ts";
import { ADMIN_SOCKET } from "./inherited-sockets.ts";
import { processors as processorsHere } from "./processors.ts";

/** Systems whose kernel shares connections out to all who listen on a port (libuv 1.49). */
const SHARES_PORTS: readonly string[] = ["linux", "freebsd"];

interface Surroundings {
  readonly inherited?: InheritedSockets;
  /** Handed in by tests, whose connections no thread could accept. */
  readonly transport?: unknown;
  /** What this process runs on. */
  readonly platform?: string;
  /** Processors it may use: what the scheduler and the quota of a container leave it. */
  readonly processors?: number;
}

/** One, and a line why, where more are asked for than can be. */
export function workersOf({ admin, routers, workers }: LinkerConfig, around: Surroundings, logger: Logger): number {
  const { inherited, platform = process.platform, processors = processorsHere(), transport } = around;
  const asked = workers === 0 ? processors : workers;
  if (asked === 1) return 1;
  const forServers = (inherited?.leftovers() ?? []).filter(
    ({ address, name }) =>
      name !== ADMIN_SOCKET &&
      name !== IDENTIFIER_SOCKET &&
      (address === null || (address.port !== admin.port && address.port !== admin.httpIdentifierPort)),
  );
  const why = whyOne(routers, forServers.length > 0, platform, transport);
  if (why === null) return asked;
  logger.warn(`one worker instead of ${asked}: ${why}`);
  return 1;
}

function whyOne(
  routers: LinkerConfig["routers"],
  inherited: boolean,
  platform: string,
  transport: unknown,
): string | null {
  if (transport !== undefined) return "connections do not come from the system";
  if (!SHARES_PORTS.includes(platform)) return `${platform} does not share a port between threads`;
  const problem = unsharable(routers);
  if (problem !== null) return problem;
  if (inherited) return "sockets that were inherited cannot be shared between threads";
  return null;
}

/** What servers want that several threads cannot have together; null if nothing. */
export function unsharable(routers: LinkerConfig["routers"]): string | null {
  const found = routers.some(({ servers }) => servers.some(({ socket }) => socket !== undefined));
  return found ? "a unix socket cannot be shared between threads" : null;
}

/** The number of threads is settled when the process starts. */
export function tellOtherCount(before: LinkerConfig, now: LinkerConfig, logger: Logger): void {
  if (before.workers !== now.workers) logger.warn("workers has changed, which takes effect with the next start");
}
