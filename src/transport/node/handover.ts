// Passing listening sockets on to a child process that replaces this one. Both accept from the same queue until this one closes its own
// descriptors: whoever is connecting meanwhile is neither refused nor reset.
import type { Listener } from "../../core/byte-stream.ts";
import { HANDOVER } from "./inherited-sockets.ts";

/** A listener and what its successor knows it by. */
export interface Named {
  readonly name: string;
  readonly listener: Listener;
}

/** What `spawn` is to be told. */
export interface Handover {
  /** To follow the three of standard input, output and error in `stdio`. */
  readonly stdio: readonly number[];
  /** To be added to the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Those that were passed on; tell each to `leaveFile` when the child serves. */
  readonly listeners: readonly Listener[];
}

/** By the protocol of sd_listen_fds(3), but for the number of the child, which nobody knows before there is one: it is told ours instead. */
export function handover(named: readonly Named[]): Handover {
  const passed = named.flatMap(({ name, listener }) => {
    const { descriptor } = listener;
    return descriptor === null ? [] : [{ name: name.replaceAll(":", "_"), listener, descriptor }];
  });
  const pid = String(process.pid);
  return {
    stdio: passed.map(({ descriptor }) => descriptor),
    environment: {
      LISTEN_FDS: String(passed.length),
      LISTEN_PID: pid,
      LISTEN_FDNAMES: passed.map(({ name }) => name).join(":"),
      [HANDOVER]: pid,
      WATCHDOG_PID: "", // whoever is the service by then
    },
    listeners: passed.map(({ listener }) => listener),
  };
}
