// Listening sockets from whoever started this process, and for whoever replaces it. How servers are matched with them: by address, or by
// the label of the server or of its router, or as `admin`.
import { addressText } from "../core/socket-address.ts";
import type { Logger } from "../telemetry/log.ts";
import { type Handover, handover, type Named } from "../transport/node/handover.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import type { LinkerConfig } from "./config.ts";
import type { RunningRouter } from "./router.ts";

/** What the admin server's socket is called. */
const ADMIN_SOCKET = "admin";

/** Where a listener listens, for the log. */
export function placeOf(listener: Named["listener"]): string {
  return `${addressText(listener)}${listener.inherited ? " (inherited)" : ""}`;
}

/** Says what was passed to this process in vain: nobody answers there, and connections wait. */
export function tellLeftovers(inherited: InheritedSockets, logger: Logger): void {
  for (const problem of inherited.problems) logger.warn(`inherited sockets: ${problem}`);
  for (const { address, descriptor, name } of inherited.leftovers()) {
    const called = name === "" ? "" : ` "${name}"`;
    const where = address === null ? "at an unknown address" : `on ${addressText(address)}`;
    logger.warn(
      `inherited socket${called} (descriptor ${descriptor}, ${where}) is used by no server: none has that address, or that name as its label or its router's`,
    );
  }
}

interface Listening {
  readonly config: LinkerConfig;
  readonly routers: readonly RunningRouter[];
  readonly admin: { readonly listener: Named["listener"] } | null;
}

/** What a child is to be started with so that it finds the sockets of this proxy. */
export function handoverOf({ admin, routers }: Listening): Handover {
  const servers = routers.flatMap(({ config, servers: opened }) =>
    opened.flatMap(({ listener }, i) =>
      listener === null ? [] : [{ name: config.servers[i]?.label ?? config.label, listener }],
    ),
  );
  return handover(admin === null ? servers : [...servers, { name: ADMIN_SOCKET, listener: admin.listener }]);
}
