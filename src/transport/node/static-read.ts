// Reading into a buffer of our own on sockets that the server accepted: with `direct-write`, one of the two files that know internals of `node:net`.
//
// Node offers this (`onread`) only for sockets one creates. For accepted ones the read is redirected in place, which spares
// an allocation of 64 kB per read (data-path §2: 1.06 against 1.26 of nginx). A self-test at start proves that it works on
// this Node; when it does not, streams fall back to 'data' events and the log says so.
import net from "node:net";
import { systemTimers } from "../../base/timers.ts";

/** Called on the socket with the number of bytes read; false stops reading until `resume`. */
type ReadCallback = (this: net.Socket, bytes: number) => boolean;

interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

interface Redirectable {
  _handle: { useUserBuffer(buffer: Buffer): void } | null;
  [key: symbol]: unknown;
}

function findInternals(): Internals | null {
  const probe = new net.Socket();
  const symbols = Object.getOwnPropertySymbols(probe);
  const named = (name: string) => symbols.find((s) => s.description === name);
  const buffer = named("kBuffer");
  const callback = named("kBufferCb");
  const generator = named("kBufferGen");
  probe.destroy();
  if (buffer === undefined || callback === undefined || generator === undefined) return null;
  return { buffer, callback, generator };
}

/** A way to read into given buffers, proven to work by `proveStaticRead`. */
export class StaticRead {
  readonly #internals: Internals;

  constructor(internals: Internals) {
    this.#internals = internals;
  }

  /** Redirects all further reads of `socket` into `buffer`. Needs one `resume()` afterwards the first time. */
  install(socket: net.Socket, buffer: Buffer, callback: ReadCallback): void {
    const inner = socket as unknown as Redirectable; // the internals named above are not in the types
    inner[this.#internals.callback] = callback;
    this.useBuffer(socket, buffer);
  }

  /** Asks `next` after every read which buffer the following ones go to; undefined means the same. */
  offerBuffers(socket: net.Socket, next: () => Buffer | undefined): void {
    (socket as unknown as Redirectable)[this.#internals.generator] = next; // as above
  }

  /**
   * Changes the buffer outside a read. Each call leaves a few dozen bytes behind until the socket is closed, so this is for
   * the rare change that cannot wait; `offerBuffers` is for the others.
   */
  useBuffer(socket: net.Socket, buffer: Buffer): void {
    const inner = socket as unknown as Redirectable; // as above
    inner[this.#internals.buffer] = buffer;
    inner._handle?.useUserBuffer(buffer);
  }
}

/**
 * Tries the redirection on a loopback pair: bytes must arrive in our buffer, returning false must stop reading, both ways of
 * changing the buffer must work, the end must be seen. Resolves to null when any of it fails, or does not happen within a second.
 */
export async function proveStaticRead(): Promise<StaticRead | null> {
  const internals = findInternals();
  if (internals === null) return null;
  const candidate = new StaticRead(internals);
  try {
    return (await trial(candidate)) ? candidate : null;
  } catch {
    return null;
  }
}

async function trial(candidate: StaticRead): Promise<boolean> {
  const buffer = Buffer.alloc(64);
  const second = Buffer.alloc(64);
  const third = Buffer.alloc(64);
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = net.createServer((socket) => {
    socket.on("data", () => resolve(false));
    socket.on("error", () => resolve(false));
    socket.on("end", () => resolve(seen.join("|") === "one|two|three"));
    candidate.install(socket, buffer, (bytes) => {
      const source = seen.length === 0 ? buffer : seen.length === 1 ? second : third;
      seen.push(source.toString("latin1", 0, bytes));
      if (seen.length === 2) client.end("three");
      if (seen.length > 1) return true;
      setImmediate(() => {
        if (seen.length !== 1) return resolve(false);
        candidate.useBuffer(socket, second);
        return socket.resume();
      });
      client.write("two");
      return false;
    });
    candidate.offerBuffers(socket, () => (seen.length === 2 ? third : undefined));
    socket.resume();
  });
  server.on("error", () => resolve(false));
  const client = new net.Socket();
  client.on("error", () => resolve(false));
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") return resolve(false);
    client.connect(address.port, "127.0.0.1", () => client.write("one"));
    return undefined;
  });
  const limit = systemTimers.after(1000, () => resolve(false));
  try {
    return await promise;
  } finally {
    limit.cancel();
    client.destroy();
    server.close();
  }
}
