// Listening sockets that this process was started with, by the protocol of sd_listen_fds(3): from a service manager that holds them, so that
// no connection is refused while we start, or from the process that we replace (`handover`).
//
//   LISTEN_FDS      how many, from descriptor 3 on
//   LISTEN_PID      for whom: variables are inherited further than descriptors are
//   LISTEN_FDNAMES  what they are called, separated by colons: FileDescriptorName= of a socket unit
import { closeSync, readlinkSync } from "node:fs";
import net from "node:net";
import { isUnixPath, type SocketAddress } from "../../core/socket-address.ts";
import { unixSockets } from "./unix-owner.ts";
import { boundName } from "./unix-path.ts";

const FIRST_DESCRIPTOR = 3;
/** More is a mistake: systemd itself passes 4096 at most. */
const MOST_DESCRIPTORS = 4096;

type Variables = Record<string, string | undefined>;

/** One of them. */
export interface InheritedSocket {
  readonly descriptor: number;
  /** `""` where the service manager gave none. */
  readonly name: string;
  /** Where it listens; null if that cannot be found out. */
  readonly address: SocketAddress | null;
  /** See `Listener.managed`. */
  readonly managed: boolean;
  /** What `net.Server.listen` takes. */
  readonly listenable: net.Socket | { readonly fd: number };
}

/** What a server that looks for its socket is. */
export interface Wanted extends SocketAddress {
  readonly names?: readonly string[] | undefined;
}

/** The variable that says that LISTEN_PID is the parent, because a parent cannot know the number of a child that it is about to start. */
export const HANDOVER = "FAIRLEAD_HANDOVER";

/**
 * Names of sockets that one process hands over to the next say more: which worker thread listened there, because each of several has a socket
 * of its own, and whether a service manager had opened it.
 */
const HANDED_OVER_NAME = /^fairlead-(?:(managed)|worker-(\d+))-(.*)$/;

export function handedOverName(socket: {
  readonly name: string;
  readonly worker: number | null;
  readonly managed: boolean;
}): string {
  const name = socket.name.replaceAll(":", "_");
  if (socket.worker !== null) return `fairlead-worker-${socket.worker}-${name}`;
  return socket.managed ? `fairlead-managed-${name}` : name;
}

/** A socket that a worker thread shall listen on. */
export interface WorkerSocket {
  readonly name: string;
  readonly descriptor: number;
}

/** A table of them; each is taken once. */
export class InheritedSockets {
  /** What could not be understood, in words. */
  readonly problems: readonly string[];
  /** They come from a process like this one that ends soon. The files of unix sockets are ours from then on, if they were its own. */
  readonly handedOver: boolean;
  #waiting: readonly InheritedSocket[];
  /** Of worker threads, by the number of the worker. */
  readonly forWorkers = new Map<number, WorkerSocket[]>();

  constructor(sockets: readonly InheritedSocket[], handedOver = false, problems: readonly string[] = []) {
    this.#waiting = sockets;
    this.handedOver = handedOver;
    this.problems = problems;
  }

  /** Reads the variables and removes them, so that they reach no child of ours. */
  static from(environment: Variables, pid = process.pid, parent = process.ppid, runs = isRunning): InheritedSockets {
    const { LISTEN_FDS: count, LISTEN_PID: owner, LISTEN_FDNAMES: names = "", [HANDOVER]: handedOverBy } = environment;
    for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", HANDOVER]) delete environment[name];
    // A parent that has died meanwhile needs its successor all the more.
    const ours = handedOverBy === String(parent) || !runs(Number(handedOverBy));
    const handedOver = handedOverBy !== undefined && owner === handedOverBy && ours;
    if (count === undefined || (owner !== String(pid) && !handedOver)) return new InheritedSockets([]);
    const number = /^\d{1,5}$/.test(count) ? Number(count) : -1;
    if (number < 0 || number > MOST_DESCRIPTORS)
      return new InheritedSockets([], false, [`LISTEN_FDS is "${count}", which is no number of descriptors`]);
    const sockets: InheritedSocket[] = [];
    const problems: string[] = [];
    const forWorkers: [worker: number, socket: WorkerSocket][] = [];
    for (const [i, name] of named(names, number).entries()) {
      const [, managed, worker, own = name] = (handedOver ? HANDED_OVER_NAME.exec(name) : null) ?? [];
      if (worker !== undefined) {
        forWorkers.push([Number(worker), { name: own, descriptor: FIRST_DESCRIPTOR + i }]);
        continue;
      }
      const socket = inherited(FIRST_DESCRIPTOR + i, own, !handedOver || managed !== undefined);
      if (typeof socket === "string") problems.push(socket);
      else sockets.push(socket);
    }
    const all = new InheritedSockets(sockets, handedOver, problems);
    for (const [worker, socket] of forWorkers) {
      all.forWorkers.set(worker, [...(all.forWorkers.get(worker) ?? []), socket]);
    }
    return all;
  }

  /** Those of one worker, in its thread. */
  static ofWorker(sockets: readonly WorkerSocket[]): InheritedSockets {
    const opened = sockets.map(({ descriptor, name }) => inherited(descriptor, name, false));
    return new InheritedSockets(
      opened.filter((socket) => typeof socket !== "string"),
      true,
      opened.filter((socket) => typeof socket === "string"),
    );
  }

  /** There were several workers and is one now: what the first of them listened on is for the main thread. */
  unite(): void {
    const [first] = [...this.forWorkers.keys()].toSorted((a, b) => a - b);
    if (first === undefined) return;
    const own = InheritedSockets.ofWorker(this.forWorkers.get(first) ?? []);
    this.#waiting = [...this.#waiting, ...own.leftovers()];
    this.forWorkers.delete(first);
  }

  /**
   * The socket for a server, if there is one: with its address, or else with one of its names. systemd's `ListenStream=4140` is one socket
   * for IPv6 and IPv4, and good for a server that wants all of IPv4. A process that replaces another may have a new configuration: for it a
   * name alone means a socket only where no address is written down.
   */
  take(wanted: Wanted): InheritedSocket | undefined {
    const found =
      this.#waiting.find(({ address }) => address !== null && isSame(address, wanted)) ??
      this.#waiting.find(
        ({ address }) => address?.host === "::" && wanted.host === "0.0.0.0" && address.port === wanted.port,
      ) ??
      this.#called(wanted);
    this.#waiting = this.#waiting.filter((socket) => socket !== found);
    return found;
  }

  /** By the first name that one has: a server's own label comes before its router's. */
  #called(wanted: Wanted): InheritedSocket | undefined {
    const possible = this.handedOver ? this.#waiting.filter((socket) => leavesOpen(socket, wanted)) : this.#waiting;
    for (const name of wanted.names ?? []) {
      const found = name === "" ? undefined : possible.find((socket) => socket.name === name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Those that nobody has taken. */
  leftovers(): readonly InheritedSocket[] {
    return this.#waiting;
  }

  /** Closes those that nobody has taken, so that nobody is left waiting there; whoever handed them over has its own. */
  closeLeftovers(): readonly InheritedSocket[] {
    const left = this.#waiting;
    this.#waiting = [];
    for (const { descriptor, listenable } of left) {
      if (listenable instanceof net.Socket) listenable.destroy();
      else closeSync(descriptor);
    }
    for (const sockets of this.forWorkers.values()) for (const { descriptor } of sockets) closeSync(descriptor);
    this.forWorkers.clear();
    return left;
  }
}

/** Where the configuration leaves the address to the system, or the system does not tell that of the socket. */
function leavesOpen({ address, managed }: InheritedSocket, wanted: Wanted): boolean {
  if (managed) return true; // by name, as in the process before
  if (address === null) return isUnixPath(wanted.host);
  return wanted.port === 0 && !isUnixPath(wanted.host) && address.host === wanted.host;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** One name for each; those that are missing are empty. */
function named(names: string, count: number): readonly string[] {
  const given = names === "" ? [] : names.split(":");
  return Array.from({ length: count }, (_, i) => given[i] ?? "");
}

function isSame(address: SocketAddress, wanted: SocketAddress): boolean {
  if (isUnixPath(wanted.host)) return address.host === wanted.host || address.host === boundName(wanted.host);
  return wanted.port !== 0 && address.port === wanted.port && address.host === wanted.host;
}

/** A descriptor as it can be listened on, or why it cannot. */
function inherited(descriptor: number, name: string, managed: boolean): InheritedSocket | string {
  const path = unixPathOf(descriptor);
  if (path !== undefined)
    return { descriptor, name, managed, address: { host: path, port: 0 }, listenable: { fd: descriptor } };
  let socket: net.Socket;
  try {
    // Opened to ask for its address, never read; a server takes the handle over.
    socket = new net.Socket({ fd: descriptor, readable: false, writable: false });
  } catch (error) {
    return `descriptor ${descriptor} (${name === "" ? "without a name" : name}) is no stream socket: ${String(error)}`;
  }
  const { localAddress, localPort } = socket;
  const address =
    localAddress === undefined || localPort === undefined ? null : { host: localAddress, port: localPort };
  return { descriptor, name, managed, address, listenable: address === null ? { fd: descriptor } : socket };
}

/** The path of a unix socket, which Node does not tell; undefined for other sockets, and without Linux's /proc. */
function unixPathOf(descriptor: number): string | undefined {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`)) ?? [];
    return unixSockets().find((socket) => socket.inode === inode)?.path;
  } catch {
    return undefined;
  }
}
