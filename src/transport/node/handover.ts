// Passing listening sockets on to a child process that replaces this one. Both accept from the same queue until this one closes its own
// descriptors: whoever is connecting meanwhile is neither refused nor reset.
import { HANDOVER, handedOverName } from "./inherited-sockets.ts";

/** A listening socket of this process. */
export interface OwnSocket {
  /** What its successor knows it by. */
  readonly name: string;
  readonly descriptor: number;
  /** See `Listener.managed`. */
  readonly managed: boolean;
  /** Which worker listens there; null for the main thread. */
  readonly worker: number | null;
}

/** What `spawn` is to be told. */
export interface Handover {
  /** To follow the three of standard input, output and error in `stdio`. */
  readonly stdio: readonly number[];
  /** To be added to the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** By the protocol of sd_listen_fds(3), but for the number of the child, which nobody knows before there is one: it is told ours instead. */
export function handover(sockets: readonly OwnSocket[]): Handover {
  const pid = String(process.pid);
  return {
    stdio: sockets.map(({ descriptor }) => descriptor),
    environment: {
      LISTEN_FDS: String(sockets.length),
      LISTEN_PID: pid,
      LISTEN_FDNAMES: sockets.map(handedOverName).join(":"),
      [HANDOVER]: pid,
      WATCHDOG_PID: "", // whoever is the service by then
    },
  };
}
