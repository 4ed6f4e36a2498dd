// Listening sockets from whoever started this process, and for whoever replaces it. How servers are matched with them: by address, or by
// the label of the server or of its router, or as `admin`.
import { IDENTIFIER_SOCKET } from "../admin/identifier-server.ts";
import { addressText } from "../core/socket-address.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Listener } from "../core/byte-stream.ts";
import type { OwnSocket } from "../transport/node/handover.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import type { Planes } from "./planes.ts";

/** What the admin server's socket is called. */
export const ADMIN_SOCKET = "admin";

/** Where a listener listens, for the log. */
export function placeOf(listener: Listener): string {
  return `${addressText(listener)}${listener.inherited ? " (inherited)" : ""}`;
}

/**
 * Says what was passed to this process in vain. A service manager keeps its sockets open: nobody answers there, and connections wait. The
 * process that we replace does not.
 */
export function tellLeftovers(inherited: InheritedSockets, logger: Logger): void {
  for (const problem of inherited.problems) logger.warn(`inherited sockets: ${problem}`);
  if (inherited.handedOver) {
    for (const { address } of inherited.closeLeftovers()) {
      if (address !== null) logger.info(`${addressText(address)} is served no longer`);
    }
    return;
  }
  for (const { address, descriptor, name } of inherited.leftovers()) {
    const called = name === "" ? "" : ` "${name}"`;
    const where = address === null ? "at an unknown address" : `on ${addressText(address)}`;
    logger.warn(
      `inherited socket${called} (descriptor ${descriptor}, ${where}) is used by no server: none has that address, or that name as its label or its router's`,
    );
  }
}

interface Listening {
  readonly planes: Planes;
  readonly admin: { readonly listener: Listener } | null;
  readonly identifier: { readonly listener: Listener } | null;
}

/** The sockets of a proxy, for a child that shall find them. */
export async function socketsOf({ admin, identifier, planes }: Listening): Promise<readonly OwnSocket[]> {
  return [
    ...(await planes.sockets()),
    ...ownSocket(ADMIN_SOCKET, admin?.listener),
    ...ownSocket(IDENTIFIER_SOCKET, identifier?.listener),
  ];
}

function ownSocket(name: string, listener: Listener | undefined): readonly OwnSocket[] {
  const { descriptor = null, managed = false } = listener ?? {};
  return descriptor === null ? [] : [{ name, descriptor, managed, worker: null }];
}
