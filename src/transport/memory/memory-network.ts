// A network in memory: every event waits in one queue and is told in order, so that a whole proxy with its callers and
// services runs in one thread, in simulated time, the same way every time.
import { invariant } from "../../base/invariant.ts";
import type {
  ByteStream,
  Connector,
  ConnectOptions,
  Listener,
  ListenOptions,
  Transport,
} from "../../core/byte-stream.ts";
import { isUnixPath, plainAddressText, UNIX } from "../../core/socket-address.ts";
import { type MemoryHost, MemoryStream, readBuffer, type StreamWorld } from "./memory-stream.ts";
import { systemError } from "./system-error.ts";

/** How the network behaves. */
export interface MemoryNetworkOptions {
  /** Bytes one direction of a connection holds before a writer's buffer is lent; 64 kB by default. */
  readonly capacityBytes?: number;
  /** How many of the available bytes one read delivers; all of them by default. */
  readonly readBytes?: (available: number) => number;
  /** Whether the ends that connect may send on after the other end has finished, as accepted ones may. Default: no, as with sockets of Node. */
  readonly halfOpen?: boolean;
}

const CAPACITY_BYTES = 64 * 1024;
const FIRST_EPHEMERAL_PORT = 49_152;
const FIRST_FREE_PORT = 10_000;

interface Listening {
  accept: (stream: ByteStream) => void;
  readonly host: MemoryHost;
}

/** Addresses, and the connections between them. */
export class MemoryNetwork implements StreamWorld {
  readonly capacityBytes: number;
  readonly shared: Buffer = readBuffer();
  readonly #readBytes: (available: number) => number;
  readonly #halfOpen: boolean;
  readonly #queue: MemoryStream[] = [];
  readonly #listening = new Map<string, Listening>();
  /** Addresses that do not connect: with which error, or null when they never answer. */
  readonly #faults = new Map<string, string | null>();
  readonly #open = new Set<MemoryStream>();
  #nextEphemeral = FIRST_EPHEMERAL_PORT;
  #nextFree = FIRST_FREE_PORT;

  constructor(options: MemoryNetworkOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? CAPACITY_BYTES;
    this.#halfOpen = options.halfOpen ?? false;
    this.#readBytes = options.readBytes ?? ((available) => available);
  }

  /** Ends of connections that are not closed yet, both sides counted. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * The network as one party sees it.
   * @param from the address its connections come from.
   */
  transport(host: MemoryHost, from = "127.0.0.1"): Transport {
    return {
      listen: (options, accept) => this.#listen(options, { accept, host }),
      connect: (options, connector) => this.#connect(options, connector, host, from),
    };
  }

  /** Connections to this address are never answered. */
  silence(address: string): void {
    this.#faults.set(address, null);
  }

  /** Connections to this address fail with a code of the system (`EHOSTUNREACH`). */
  fail(address: string, code: string): void {
    this.#faults.set(address, code);
  }

  /** Connections to this address succeed again. */
  heal(address: string): void {
    this.#faults.delete(address);
  }

  /** Tells one event; false when there is none. */
  turn(): boolean {
    const stream = this.#queue.shift();
    if (stream === undefined) return false;
    stream.scheduled = false;
    stream.turn();
    return true;
  }

  /**
   * Tells events until there are none.
   * @throws when it does not come to rest within `maxTurns`: two parties that answer each other for ever.
   */
  settle(maxTurns = 1_000_000): void {
    for (let turns = 0; this.turn(); turns++) {
      invariant(turns < maxTurns, "parties of a test come to rest when nothing new happens to them");
    }
  }

  // What streams need of their network.

  readBytes(available: number): number {
    return this.#readBytes(available);
  }

  schedule(stream: MemoryStream): void {
    if (stream.scheduled) return;
    stream.scheduled = true;
    this.#queue.push(stream);
  }

  closed(stream: MemoryStream): void {
    this.#open.delete(stream);
  }

  async #listen(options: ListenOptions, listening: Listening): Promise<Listener> {
    const unix = isUnixPath(options.host);
    const port = options.port === 0 && !unix ? this.#nextFree++ : options.port;
    const address = plainAddressText({ host: options.host, port });
    if (this.#listening.has(address)) throw systemError("EADDRINUSE", "listen");
    this.#listening.set(address, listening);
    return {
      host: options.host,
      port,
      redirect: (to) => {
        listening.accept = to;
      },
      inherited: false,
      managed: false,
      descriptor: null,
      leaveFile: () => undefined,
      close: async () => {
        if (this.#listening.get(address) === listening) this.#listening.delete(address);
      },
    };
  }

  #connect(options: ConnectOptions, connector: Connector, host: MemoryHost, from: string): ByteStream {
    const unix = isUnixPath(options.host);
    const address = plainAddressText(options);
    const asking = new MemoryStream(address, this.#halfOpen, host, this);
    asking.await(connector);
    this.#open.add(asking);
    const fault = this.#faults.get(address);
    const listening = this.#listening.get(address) ?? this.#listening.get(`0.0.0.0:${options.port}`);
    if (fault === null) return asking;
    if (fault !== undefined || listening === undefined) {
      asking.refuse(fault ?? "ECONNREFUSED");
      return asking;
    }
    const accepted = new MemoryStream(unix ? UNIX : `${from}:${this.#nextEphemeral++}`, true, listening.host, this);
    this.#open.add(accepted);
    MemoryStream.join(asking, accepted, listening.accept);
    return asking;
  }
}
