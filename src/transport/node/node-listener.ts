// A listening socket of `node:net`: bound here, or inherited.
import net from "node:net";
import type { ByteStream, Listener, ListenOptions } from "../../core/byte-stream.ts";
import { isUnixPath, type SocketAddress } from "../../core/socket-address.ts";
import type { InheritedSocket, InheritedSockets } from "./inherited-sockets.ts";
import { boundName, listenProblem, makeWay, PublishedPath } from "./unix-path.ts";

/** Gives the streams that come from now on to another. */
export type Redirect = (accept: (stream: ByteStream) => void) => void;

/** Listens until it is closed. */
export class NodeListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly inherited: boolean;
  readonly managed: boolean;
  readonly redirect: Redirect;
  readonly #server: net.Server;
  /** The file that is to be removed at the end. */
  #file: PublishedPath | null;
  #closed: Promise<void> | null = null;

  constructor(
    server: net.Server,
    { host, port }: SocketAddress,
    file: PublishedPath | null,
    taken: InheritedSocket | null,
    redirect: Redirect,
  ) {
    this.redirect = redirect;
    this.host = host;
    this.port = port;
    this.inherited = taken !== null;
    this.managed = taken?.managed ?? false;
    this.#server = server;
    this.#file = file;
  }

  get descriptor(): number | null {
    // Internal, but there is no other way to the number; without it a successor binds the address itself.
    const { fd } = (this.#server as unknown as { _handle: { fd?: number } | null })._handle ?? {};
    return fd === undefined || fd < 0 ? null : fd;
  }

  leaveFile(): void {
    this.#file = null;
  }

  // The listening handle is closed as soon as its queue is empty; 'close' itself waits for every connection, which is not what is asked here.
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#file?.remove(); // first, so that whoever comes now is told that nobody is there
    // The kernel resets what still waits when the handle is closed. It was connected before we decided to go, so it is accepted: the loop
    // looks at all its sockets once between two turns.
    await nextTurn();
    await nextTurn();
    this.#server.close();
    await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Makes a server listen, on a socket that was inherited for it if there is one. */
export async function openListener(
  server: net.Server,
  options: ListenOptions,
  inherited: InheritedSockets | null,
  redirect: Redirect,
): Promise<NodeListener> {
  const taken = inherited?.take(options);
  if (taken !== undefined) return openInherited(server, options, taken, redirect);
  if (isUnixPath(options.host)) return openUnix(server, options, redirect);
  const { alone, host, port, reusePort } = options;
  if (alone === true) await nobodyListens(host, port);
  await listening(server, { host, port, ...backlogOf(options), ...(reusePort === true ? { reusePort: true } : {}) });
  return new NodeListener(server, { host, port: tcpAddressOf(server)?.port ?? port }, null, null, redirect);
}

/** A port that is to be shared is had even where others share it already, unless somebody asks for it alone. */
async function nobodyListens(host: string, port: number): Promise<void> {
  const probe = net.createServer();
  await listening(probe, { host, port });
  await new Promise((done) => void probe.close(done));
}

async function openInherited(
  server: net.Server,
  options: ListenOptions,
  taken: InheritedSocket,
  redirect: Redirect,
): Promise<NodeListener> {
  await listening(server, taken.listenable, options.backlog);
  const tcp = tcpAddressOf(server);
  if (tcp !== null) return new NodeListener(server, tcp, null, taken, redirect);
  const path = pathOf(taken, options);
  const file = taken.managed ? null : new PublishedPath(path);
  return new NodeListener(server, { host: path, port: 0 }, file, taken, redirect);
}

/** The path that callers use; where the system does not tell it, what its owner may look at. */
function pathOf({ address, descriptor }: InheritedSocket, { host }: ListenOptions): string {
  if (isUnixPath(host) && (address === null || address.host === boundName(host))) return host;
  return address?.host ?? `/dev/fd/${descriptor}`;
}

async function openUnix(server: net.Server, options: ListenOptions, redirect: Redirect): Promise<NodeListener> {
  const { host, mode } = options;
  try {
    await makeWay(host);
    await listening(server, { path: boundName(host), ...backlogOf(options) });
    return new NodeListener(server, { host, port: 0 }, PublishedPath.publish(host, mode), null, redirect);
  } catch (error) {
    if (server.listening) server.close();
    throw listenProblem(host, error);
  }
}

function backlogOf({ backlog }: ListenOptions): { readonly backlog?: number } {
  return backlog === undefined ? {} : { backlog };
}

function tcpAddressOf(server: net.Server): SocketAddress | null {
  const address = server.address();
  return address === null || typeof address === "string" ? null : { host: address.address, port: address.port };
}

function listening(server: net.Server, where: net.ListenOptions | net.Socket | { fd: number }, backlog?: number) {
  return new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", resolve);
    server.listen(where, backlog);
  });
}
