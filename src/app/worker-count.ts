// How many worker threads there shall be, and can be.
import { availableParallelism } from "node:os";
import type { Logger } from "../telemetry/log.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import type { LinkerConfig } from "./config.ts";
import { ADMIN_SOCKET } from "./inherited-sockets.ts";

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
  const { inherited, platform = process.platform, processors = availableParallelism(), transport } = around;
  const asked = workers === 0 ? processors : workers;
  if (asked === 1) return 1;
  const forServers = (inherited?.leftovers() ?? []).filter(
    ({ address, name }) => name !== ADMIN_SOCKET && (address === null || address.port !== admin.port),
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
  if (routers.some(({ servers }) => servers.some(({ socket }) => socket !== undefined)))
    return "a unix socket cannot be shared between threads";
  if (inherited) return "sockets that were inherited cannot be shared between threads";
  return null;
}
