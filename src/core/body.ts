// A body is a flow of chunks from a source to a sink, with back-pressure: HTTP/1 pauses a socket, HTTP/2 withholds credit,
// Mux (whole messages) never pauses. The two codecs are joined directly; nothing stands between them.
import type { Failure } from "./failure.ts";
import type { MessageHead } from "./message-head.ts";

/** Fields after a body (RFC 9110 §6.5): gRPC says there how a call ended. */
export type Trailers = MessageHead;

/** Where a body goes: the connection (or stream) that writes it out. */
export interface BodySink {
  /**
   * Takes a chunk, valid only during the call unless it is `lendable`. False: stop; the source's `resume` follows, and a
   * lendable chunk must stay untouched until then.
   */
  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean;
  /** The body is complete. */
  end(trailers: Trailers | null): void;
  /** The body will never be complete; the sink makes that visible to its peer. */
  abort(failure: Failure): void;
}

/** Where a body comes from: the connection (or stream) that reads it in. */
export interface BodySource {
  /** The sink has room again; or an attempt begins, which hears the body from its beginning. */
  resume(): void;
  /** The sink is full after all (it learnt so when it sent what it had composed). */
  pause(): void;
}
