// @hot What a connection sends: frames are composed in the outbox as far as the peer's windows allow, and leave when the event loop's turn ends.
//
// A connection is one object in four classes that build on each other: what it sends (here), its streams and their frames
// (`connection-streams`), what is known of its peer (`connection-peer`), and what it reads, its turns and its end (`connection`).
//
// While the peer does not take what it was sent, no DATA is composed.
import type { AtTurnEnd } from "../../base/turn-end.ts";
import { Ring } from "../../base/ring.ts";
import type { Trailers } from "../../core/body.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import type { HttpMessage } from "../http/message.ts";
import { readUint32 } from "./codec/frame-reader.ts";
import { Flag, FrameType, HEADER_BYTES, SMALLEST_MAX_FRAME } from "./codec/frames.ts";
import {
  putDataHeader,
  putFrameHeader,
  putGoaway,
  putReset,
  putSettings,
  putWindowUpdate,
  splitBlock,
} from "./codec/frame-writer.ts";
import { HpackEncoder } from "./codec/hpack-encoder.ts";
import type { Http2Context } from "./context.ts";
import type { Http2Head } from "./head.ts";
import { Outbox } from "./outbox.ts";
import { Ledger } from "./streams/ledger.ts";
import type { Carrier, Http2Stream } from "./streams/stream.ts";
import { putTrailers } from "./write-head.ts";

/** A frame of DATA that we send may be answered by the opening of two windows: its stream's and the connection's. */
const GRANTS_PER_FRAME = 2;
const MOST_GRANTS = 10_000;

/** How large the windows of a connection as a whole are; see `Ledger`. */
export interface ConnectionWindows {
  readonly connectionBytes: number;
  readonly allowanceBytes: number;
  /** So much is done for one connection before others get their turn, in frames. */
  readonly workPerTurn: number;
}

/** A connection as its streams use it to send. */
export abstract class ConnectionOutput<S extends Http2Stream> implements Carrier, AtTurnEnd {
  protected readonly context: Http2Context;
  protected readonly stream: ByteStream;
  protected readonly ledger: Ledger;
  protected readonly outbox: Outbox;
  protected readonly encoder = new HpackEncoder();
  /** It is given up: nothing further is composed, and what still comes is thrown away. */
  protected closing = false;
  protected peerMaxFrame = SMALLEST_MAX_FRAME;
  /** How often the peer may open windows for what it was sent. */
  protected grants = 0;

  /** Streams with bytes to send whose windows are open. */
  protected readonly ready = new Ring<S>();
  /** Streams whose windows may have to be announced. */
  readonly #credited: S[] = [];

  constructor(stream: ByteStream, context: Http2Context, windows: ConnectionWindows) {
    const { settings, shared, stats } = context;
    this.context = context;
    this.stream = stream;
    this.ledger = new Ledger({
      streamBytes: settings.initialStreamWindowBytes,
      connectionBytes: windows.connectionBytes,
      allowanceBytes: windows.allowanceBytes,
      updateRatio: settings.windowUpdateRatio,
    });
    this.outbox = new Outbox(stream, shared.buffers, shared.loop.turn, this, stats.sentBytes);
  }

  abstract turnEnded(): void;

  get nowMs(): number {
    return this.context.shared.loop.nowMs;
  }

  takeHead(): Http2Head {
    return this.context.shared.heads.take();
  }

  giveHead(head: Http2Head): void {
    this.context.shared.heads.give(head);
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------

  /** A header block stands behind nine free octets at `at`: makes a frame of it, or several. */
  protected sendBlock(id: number, at: number, endStream: boolean): void {
    const { outbox } = this;
    const length = outbox.length - at - HEADER_BYTES;
    outbox.lastFrame = at;
    const flags = endStream ? Flag.endStream : 0;
    if (length <= this.peerMaxFrame) {
      putFrameHeader(outbox.buffer, at, length, FrameType.headers, flags | Flag.endHeaders, id);
    } else {
      splitBlock(outbox, at, this.peerMaxFrame, flags, id); // cold: heads beyond 16 kB
    }
    if (outbox.full) this.#sendNow();
  }

  sendData(stream: Http2Stream, buffer: Buffer, start: number, end: number): number {
    const { ledger, outbox } = this;
    let at = start;
    while (at < end && !outbox.blocked && !this.closing) {
      const bytes = Math.min(ledger.allowance(stream.account), end - at, SMALLEST_MAX_FRAME);
      if (bytes === 0) break;
      ledger.sent(stream.account, bytes);
      putDataHeader(outbox, stream.id, bytes);
      buffer.copy(outbox.buffer, outbox.length, at, at + bytes);
      outbox.length += bytes;
      at += bytes;
      if (this.grants < MOST_GRANTS) this.grants += GRANTS_PER_FRAME;
      if (outbox.full) this.#sendNow();
    }
    return at;
  }

  sendEnd(stream: Http2Stream): void {
    if (this.closing) return;
    const { outbox } = this;
    const at = outbox.lastFrame;
    if (at >= 0 && readUint32(outbox.buffer, at + 5) === stream.id) {
      outbox.buffer[at + 4] = (outbox.buffer[at + 4] as number) | Flag.endStream;
      return;
    }
    putDataHeader(outbox, stream.id, 0);
    outbox.buffer[outbox.lastFrame + 4] = Flag.endStream;
  }

  sendTrailers(stream: Http2Stream, trailers: Trailers): void {
    if (this.closing) return;
    const { encoder, outbox } = this;
    const at = putTrailers(outbox, encoder, trailers as HttpMessage);
    this.sendBlock(stream.id, at, true);
  }

  #sendNow(): void {
    if (!this.outbox.blocked) this.outbox.flushNow();
  }

  // ---- What waits for a window -------------------------------------------------------------------------------------

  wait(stream: Http2Stream): void {
    if (stream.queued) return;
    stream.queued = true;
    this.ready.push(stream as S); // streams of this connection
    this.outbox.wake();
  }

  // What waits is sent in turns, a frame of each stream.
  protected sendWaiting(): void {
    const ready = this.ready;
    while (ready.length > 0 && !this.outbox.blocked && this.ledger.sendWindow > 0) {
      const stream = ready.shift() as S;
      stream.queued = false;
      if (stream.carrier === null || stream.bytesWaiting === 0) continue;
      if (stream.flush() && stream.carrier !== null && stream.bytesWaiting > 0) this.wait(stream);
    }
  }

  /** May nothing of what waits on this stream be sent, for want of a window? */
  windowShut(stream: Http2Stream): boolean {
    return this.ledger.allowance(stream.account) === 0;
  }

  // ---- Windows of ours ---------------------------------------------------------------------------------------------

  credit(stream: Http2Stream, bytes: number): void {
    this.ledger.forwarded(stream.account, bytes);
    this.noteCredit(stream as S); // streams of this connection
  }

  protected noteCredit(stream: S): void {
    if (stream.credited || stream.peerDone) return;
    stream.credited = true;
    this.#credited.push(stream);
    this.outbox.wake();
  }

  protected announce(): void {
    const credited = this.#credited;
    for (let i = 0; i < credited.length; i++) {
      const stream = credited[i] as S;
      if (!stream.credited || stream.carrier !== this) continue; // it has ended, and may be another connection's by now
      stream.credited = false;
      if (stream.peerDone) continue;
      const increment = this.ledger.streamUpdate(stream.account);
      if (increment > 0) putWindowUpdate(this.outbox, stream.id, increment);
    }
    credited.length = 0;
    this.#announceConnection();
  }

  #announceConnection(): void {
    if (this.closing) return;
    const increment = this.ledger.connectionUpdate();
    if (increment > 0) putWindowUpdate(this.outbox, 0, increment);
  }

  // ---- Frames of other kinds ---------------------------------------------------------------------------------------

  /** Announces what we are; the first frame of either side. */
  protected sendSettings(entries: readonly (readonly [id: number, value: number])[]): void {
    putSettings(this.outbox, false, entries);
    this.#announceConnection();
  }

  sendReset(id: number, code: number): void {
    if (this.closing) return;
    this.context.stats.resetsSent.inc();
    putReset(this.outbox, id, code);
  }

  protected sendGoaway(lastId: number, code: number): void {
    this.context.stats.goawaysSent.inc();
    putGoaway(this.outbox, lastId, code);
  }
}
