// Writing to a socket without the writable stream on top of it: with `static-read`, one of the two files that know internals of `node:net`.
//
// We keep no queue of our own and need none of the stream's: the kernel takes a message at once, or it is lent until the kernel has it.
// That saves the stream's book-keeping and a tick per message, about 4 % of a request. A self-test at start proves that it works on this
// Node; when it does not, writes go through the stream and the log says so.
import net from "node:net";
import { getSystemErrorName } from "node:util";
import { systemTimers } from "../../base/timers.ts";

/** Told when a lent buffer has left, or why it never will. */
export interface WriteOwner {
  /** @param bytes what was lent. */
  wroteOut(error: Error | null, bytes: Uint8Array): void;
}

/** A write under way, as the handle returns it. */
interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  /** Set when the write ended before `oncomplete` could be. */
  readonly writeStatus: number | null;
  handle: unknown;
  owner: WriteOwner;
  /** Keeps the memory alive while the kernel is to read it. */
  buffer: Uint8Array;
}

interface Handle {
  /** Bytes that wait for the kernel. */
  readonly writeQueueSize: number;
  writeBuffer(request: null, buffer: Uint8Array): number | WriteRequest;
}

/** What became of a write; any other number is the code of a system error, and nothing was sent. */
export const Written = { taken: 0, lent: 1, nowhere: 2 } as const;

/** Writes straight to the handles of sockets; proven to work by `proveDirectWrite`. */
export class DirectWrite {
  /**
   * Sends a buffer. Taken: the kernel has it. Lent: until the owner is told. Nowhere: the socket is gone. Writes leave in order, and
   * `socket.end()` waits for them. After an error it is for the caller to destroy the socket.
   */
  write(socket: net.Socket, buffer: Uint8Array, owner: WriteOwner): number {
    const handle = handleOf(socket);
    if (handle === null) return Written.nowhere;
    const result = handle.writeBuffer(null, buffer);
    if (typeof result === "number") return result;
    result.handle = handle;
    result.owner = owner;
    result.buffer = buffer;
    result.oncomplete = onComplete;
    if (result.writeStatus !== null) result.oncomplete(result.writeStatus);
    return Written.lent;
  }

  /** Bytes that the kernel has not taken yet. */
  unsentBytes(socket: net.Socket): number {
    return handleOf(socket)?.writeQueueSize ?? 0;
  }
}

function handleOf(socket: net.Socket): Handle | null {
  return (socket as unknown as { _handle: Handle | null })._handle; // internal, see above
}

function onComplete(this: WriteRequest, status: number): void {
  this.owner.wroteOut(status >= 0 ? null : writeError(status), this.buffer);
}

/** The error the stream would give. */
export function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: "write" });
}

const PROOF_BYTES = 256 * 1024;
const PROOF_STEP = 4096;
const PROOF_LIMIT_MS = 1000;
const MOST_PROOFS = 64;

/**
 * Tries it on a loopback pair: a small write is taken at once; large ones to a peer that does not read are lent, are reported when they
 * have left, and arrive whole, in order and before the end of the connection. Resolves to null when any of it fails or takes a second.
 */
export async function proveDirectWrite(): Promise<DirectWrite | null> {
  const candidate = new DirectWrite();
  try {
    return (await trial(candidate)) ? candidate : null;
  } catch {
    return null;
  }
}

// The server writes in one go until the kernel takes no more; only then can the client begin to read.
async function trial(candidate: DirectWrite): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // Every step of the pattern is another byte, so that parts which are lost or out of order show.
  const pattern = Buffer.alloc(PROOF_BYTES);
  for (let at = 0; at < PROOF_BYTES; at += PROOF_STEP) pattern.fill(at / PROOF_STEP, at, at + PROOF_STEP);
  let sent = 0;
  let received = 0;
  let lent = 0;
  let reported = 0;
  const owner: WriteOwner = {
    wroteOut(error) {
      reported++;
      if (error !== null) resolve(false);
    },
  };
  const server = net.createServer((socket) => {
    socket.on("error", () => resolve(false));
    const send = (): number => {
      sent += PROOF_BYTES;
      return candidate.write(socket, pattern, owner);
    };
    if (send() !== Written.taken) return resolve(false);
    for (let i = 0; i < MOST_PROOFS && lent < 2; i++) if (send() === Written.lent) lent++;
    if (candidate.unsentBytes(socket) < PROOF_BYTES) return resolve(false); // the second one lent, at least
    return void socket.end();
  });
  const receive = (bytes: number, buffer: Uint8Array): boolean => {
    for (
      let at = received % PROOF_STEP === 0 ? 0 : PROOF_STEP - (received % PROOF_STEP);
      at < bytes;
      at += PROOF_STEP
    ) {
      if (buffer[at] !== pattern[(received + at) % PROOF_BYTES]) resolve(false);
    }
    received += bytes;
    return true;
  };
  server.on("error", () => resolve(false));
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") return resolve(false);
    const onread = { buffer: Buffer.alloc(PROOF_BYTES), callback: receive };
    const client = net.connect({ port: address.port, host: "127.0.0.1", onread });
    client.on("error", () => resolve(false));
    client.on("end", () => resolve(received === sent && lent === 2 && reported === lent));
    void promise.finally(() => client.destroy());
    return undefined;
  });
  const limit = systemTimers.after(PROOF_LIMIT_MS, () => resolve(false));
  try {
    return await promise;
  } finally {
    limit.cancel();
    server.close();
  }
}
