// Configuration of sockets (reference §1.5) and of TLS.
import { resolve } from "node:path";
import type { StreamTimeouts } from "../core/stream-timeout.ts";
import { bool, fileMode, int, object, socketPath, unavailable } from "../config/schema.ts";

/** TLS of the admin server, of servers and of clients. */
export const tls = unavailable(
  "Encrypts connections.",
  "remove it, and let another process encrypt, or talk plain text on a network you trust",
);

/** Keys of everything that may listen on a unix socket. @param mode who may connect, unless the file says otherwise. */
export function unixSocketKeys(mode: string) {
  return {
    socket: socketPath({
      doc: "Listens on this unix socket instead of ip and port. A file that a dead process left there is replaced; ours is removed at the stop. A relative path belongs to the working directory.",
      origin: "fairlead",
    }),
    socketMode: fileMode({
      doc: "Permissions of the socket's file, in octal and in quotes: who may write to it may connect.",
      default: mode,
      origin: "fairlead",
    }),
  };
}

/** Where a server listens. */
export interface ListenPlace {
  readonly ip: string;
  readonly port: number;
  readonly socket?: string | undefined;
  readonly socketMode: string;
}

/** The same as the transport takes it. */
export function listenAddress({ ip, port, socket, socketMode }: ListenPlace) {
  return socket === undefined
    ? { host: ip, port }
    : { host: resolve(socket), port: 0, mode: Number.parseInt(socketMode, 8) };
}

const noDelay = bool({ doc: "Sends small messages at once (TCP_NODELAY).", default: true });
const keepAlive = bool({ doc: "Lets the kernel probe idle connections (SO_KEEPALIVE).", default: false });
const readTimeoutMs = int({
  doc: "Closes a connection from which nothing was read for this long, whatever it is doing: idle, waiting for an answer, or held back because the other side is slow.",
  unit: "ms",
  min: 1,
  defaultDoc: "no limit",
  example: 300_000,
});
const writeTimeoutMs = int({
  doc: "Closes a connection when something that was written to it is not taken by the kernel, whole, within this time.",
  unit: "ms",
  min: 1,
  defaultDoc: "no limit",
  example: 60_000,
});

/** The timeouts among socket options; null when there are none. */
export function socketTimeouts(options: {
  readonly readTimeoutMs?: number | undefined;
  readonly writeTimeoutMs?: number | undefined;
}): StreamTimeouts | null {
  const { readTimeoutMs: readMs = 0, writeTimeoutMs: writeMs = 0 } = options;
  return readMs === 0 && writeMs === 0 ? null : { readMs, writeMs };
}

/** Options of listening sockets and of the connections they accept. */
export const serverSocketOptions = object(
  { doc: "Options of the listening socket and of accepted connections.", default: {} },
  {
    noDelay,
    reuseAddr: bool({
      doc: "Listens although connections of an earlier process linger (SO_REUSEADDR).",
      default: true,
      refuse: {
        shown: "false",
        when: (on) => !on,
        because: "cannot be switched off: the runtime always sets it",
        instead: "remove it",
      },
    }),
    reusePort: bool({
      doc: "Lets several processes listen on one port (SO_REUSEPORT), for restarts without a gap.",
      default: false,
    }),
    readTimeoutMs,
    writeTimeoutMs,
    keepAlive,
    backlog: int({
      doc: "Connections the kernel holds until they are accepted.",
      min: 1,
      unit: "connections",
      defaultDoc: "the system's",
      example: 511,
    }),
  },
);

const noEffect = "has no effect on connections that go out";

/** Options of connections to endpoints. */
export const clientSocketOptions = object(
  { doc: "Options of connections to endpoints.", default: {} },
  {
    noDelay,
    reuseAddr: bool({ doc: "Of listening sockets only.", accepted: noEffect }),
    reusePort: bool({ doc: "Of listening sockets only.", accepted: noEffect }),
    readTimeoutMs,
    writeTimeoutMs,
    keepAlive,
    backlog: int({ doc: "Of listening sockets only.", min: 1, accepted: noEffect }),
  },
);
