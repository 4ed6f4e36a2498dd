// The transport as protocols see it: about ten calls. TCP, in-memory pipes and later TLS fit under it.
import type { StreamTimeouts } from "./stream-timeout.ts";

/** Whoever reads a stream. A chunk is valid only until the callback returns. */
export interface ByteReader {
  /**
   * Bytes `buffer[start, end)` arrived. `lendable` says that they stand in a buffer nobody else reads into, so it may be
   * handed to another stream's `write`. Return false to stop reading until `resume`.
   */
  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean;
  /** The peer finished sending. */
  onEnd(): void;
  /** The stream is gone; `error` when it broke. Exactly once, and the last call. */
  onClose(error: Error | null): void;
  /** A write that was lent has left: its buffer belongs to the writer again. */
  onWritten(): void;
}

/** A reader that also waits for its connection to be established. */
export interface Connector extends ByteReader {
  onConnect(): void;
}

/** A connected, bidirectional flow of bytes. */
export interface ByteStream {
  /** `host:port` of the other end; `unix:` for a caller on a unix socket, who has no address. */
  readonly remote: string;
  /** Hands over reading: before the first byte, or from one reader to another that speaks a different protocol. */
  attach(reader: ByteReader): void;
  /**
   * Sends `buffer[start, end)`. True: taken, the buffer may be reused at once. False: lent, it must not be touched until
   * `onWritten`. Writing while a buffer is lent is allowed and queues.
   */
  write(buffer: Buffer, start: number, end: number): boolean;
  /** Is a buffer lent at the moment? */
  readonly lent: boolean;
  /** Bytes of lent buffers that have not left yet. */
  readonly unsentBytes: number;
  /** The last write came to nothing: not one byte of it left. What the peer has sent before may still arrive; then `onClose` follows. */
  readonly refused: boolean;
  /** Reads again after `onBytes` returned false or `pause` was called. */
  resume(): void;
  pause(): void;
  /**
   * Gives the stream a private read buffer (large bodies), or takes it back. `lentOut` says that a chunk of it is still with
   * a writer, so that it must not be used again.
   */
  usePrivateBuffer(on: boolean, lentOut?: boolean): void;
  /** From now on the end of what the peer sends leaves our side open, as it always does on streams that were accepted. */
  keepHalfOpen(): void;
  /** Sends what was written, then finishes our side; the stream closes when the peer has finished too. */
  end(): void;
  /** Drops the connection at once; `reset` sends RST where there is one: not on unix sockets. */
  destroy(reset?: boolean): void;
}

/** Options of a listening socket (linkerd1 §1.5). */
export interface ListenOptions {
  /** An address of this machine, or the absolute path of a unix socket (`socket-address`). */
  readonly host: string;
  /** 0 = any free port; also 0 for a unix socket. */
  readonly port: number;
  /** Permissions of a unix socket's file; what the umask leaves by default. */
  readonly mode?: number | undefined;
  /** What a socket that this process has inherited may be called to be used instead of a new one; by its address it is found anyway. */
  readonly names?: readonly string[] | undefined;
  readonly backlog?: number | undefined;
  readonly reusePort?: boolean | undefined;
  /** With `reusePort`: nobody may listen there yet, as without it. */
  readonly alone?: boolean | undefined;
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  /** Of the connections it accepts; whoever accepts them sees to these (`transport/timed-stream`). */
  readonly timeouts?: StreamTimeouts | null | undefined;
  /** Its callers are taken also while descriptors run out: whoever looks after the proxy. */
  readonly reserved?: boolean | undefined;
}

/** A bound listener. */
export interface Listener {
  readonly host: string;
  /** The real one; 0 for a unix socket. */
  readonly port: number;
  /** Whether it was there before this process: then its address may be another than was asked for. */
  readonly inherited: boolean;
  /** Whether it was opened by a service manager, whose the file of a unix socket is then. */
  readonly managed: boolean;
  /** The number by which a child process inherits it; null where there is none. */
  readonly descriptor: number | null;
  /** Gives the streams that come from now on to another: the socket stays open throughout, so that no caller is refused in between. */
  redirect(accept: (stream: ByteStream) => void): void;
  /** The file of a unix socket is to stay when the listener closes, because another process serves there by now. */
  leaveFile(): void;
  /** Stops accepting; established streams live on. Resolves when the port is free, and the file of a unix socket gone. */
  close(): Promise<void>;
}

/** Options of an outgoing connection. */
export interface ConnectOptions {
  /** A host, or the absolute path of a unix socket (`socket-address`). */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  /** Whoever connects sees to these (`transport/timed-stream`). */
  readonly timeouts?: StreamTimeouts | null | undefined;
}

/** Listens anew, or takes a listener over from whoever had it. */
export async function listenAt(
  transport: Transport,
  where: ListenOptions | Listener,
  accept: (stream: ByteStream) => void,
): Promise<Listener> {
  if (!("redirect" in where)) return transport.listen(where, accept);
  where.redirect(accept);
  return where;
}

/** How a transport stands with the file descriptors of its process. */
export interface DescriptorFigures {
  /** How many the process may have; Infinity when that is not known. */
  readonly limit: number;
  /** Connections open at the moment. */
  readonly sockets: number;
  /** Callers whose connection was closed at once because few were left. */
  readonly turnedAway: number;
  /** Connections that failed because none was left. */
  readonly failures: number;
}

/** Where streams come from. */
export interface Transport {
  /** Absent where streams take no descriptors. */
  readonly descriptors?: DescriptorFigures;
  listen(options: ListenOptions, accept: (stream: ByteStream) => void): Promise<Listener>;
  /** Begins connecting; `connector.onConnect` or `onClose(error)` follows, never before this call has returned. */
  connect(options: ConnectOptions, connector: Connector): ByteStream;
}
