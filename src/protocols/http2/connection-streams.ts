// @hot The streams of a connection and the frames that belong to one: HEADERS, DATA, PRIORITY, RST_STREAM, WINDOW_UPDATE (RFC 9113 §5.1, §6).
//
// The second of the four classes of a connection (`connection-output`). What a header block means, and what follows from the end of a stream,
// is the business of the sides: `server` and `client`.
import type { ByteStream } from "../../core/byte-stream.ts";
import { DEFAULT_WINDOW, ErrorCode } from "./codec/frames.ts";
import { HpackDecoder } from "./codec/hpack-decoder.ts";
import { ConnectionOutput, type ConnectionWindows } from "./connection-output.ts";
import type { Http2Context } from "./context.ts";
import type { Http2Head } from "./head.ts";
import { Glitches } from "./streams/glitches.ts";
import { Verdict } from "./streams/ledger.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { ClosedStreams, Ending, StreamTable } from "./streams/stream-table.ts";

/** SETTINGS_HEADER_TABLE_SIZE as long as nothing else was said. */
const DEFAULT_TABLE_BYTES = 4096;
/** For so many frames a head stands, besides its octets. */
const WORK_PER_HEAD = 10;
/** Filled in for each block: the bounds are different for servers and clients. */
const blockLimits = { maxFields: 0, maxBytes: 0 };

/** A connection as the bearer of streams. */
export abstract class ConnectionStreams<S extends Http2Stream> extends ConnectionOutput<S> {
  protected readonly streams = new StreamTable<S>();
  protected readonly gone = new ClosedStreams();
  protected readonly decoder: HpackDecoder;
  protected readonly glitches: Glitches;
  /** The last stream the peer opened. */
  protected lastPeerId = 0;
  /** The peer has acknowledged our settings. */
  protected acknowledged = false;

  // The DATA frame in progress.
  #dataStream: S | null = null;
  #dataGeneration = 0;
  #dataLength = 0;

  constructor(stream: ByteStream, context: Http2Context, windows: ConnectionWindows) {
    super(stream, context, windows);
    const { limits, settings, shared } = context;
    this.decoder = new HpackDecoder(shared.memory, Math.max(settings.headerTableBytes, DEFAULT_TABLE_BYTES));
    this.glitches = new Glitches(limits.maxResetsPerMinute, shared.loop.nowMs);
  }

  /** A whole, decoded header block of a stream that is not open. */
  protected abstract opens(id: number, head: Http2Head, endStream: boolean, selfish: boolean): number;
  /** The same for one that is. */
  protected abstract continues(stream: S, head: Http2Head, endStream: boolean): number;
  /** Was this id never used? Frames other than HEADERS are an error there (§5.1). */
  protected abstract isIdle(id: number): boolean;
  /** The peer reset a stream. */
  protected abstract peerReset(stream: S, code: number): void;
  /** We reset a stream for something the peer did. */
  protected abstract broke(stream: S, code: number, why: string): void;
  /** Something was done that costs as much as so many frames. */
  abstract tookWork(frames: number): void;

  /** Streams open at the moment. */
  get openStreams(): number {
    return this.streams.size;
  }

  // ---- Their life --------------------------------------------------------------------------------------------------

  /** A stream begins: its windows are opened, and it is found by its id. */
  protected enter(stream: S): void {
    const { initialStreamWindowBytes } = this.context.settings;
    const early = !this.acknowledged && initialStreamWindowBytes < DEFAULT_WINDOW;
    this.ledger.open(stream.account, early ? DEFAULT_WINDOW : initialStreamWindowBytes);
    this.streams.add(stream);
  }

  /** Resets a stream for something its peer did. */
  protected breakStream(stream: S, code: number, why: string): void {
    const { id } = stream;
    this.context.stats.malformed.inc();
    this.sendReset(id, code);
    this.broke(stream, code, why);
  }

  /** A stream is over, on our side at least: forgets it. */
  protected forget(stream: S, ending: Ending): void {
    this.ledger.close(stream.account);
    if (this.ledger.connectionUpdateDue) this.outbox.wake();
    this.streams.remove(stream);
    this.gone.note(stream.id, ending);
    if (stream.queued) this.ready.remove(stream);
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------

  headers(id: number, endStream: boolean, selfish: boolean, block: Buffer, start: number, end: number): number {
    const { limits, settings } = this.context;
    this.tookWork(WORK_PER_HEAD + ((end - start) >> 6));
    const head = this.takeHead();
    blockLimits.maxFields = limits.maxFields;
    blockLimits.maxBytes = settings.maxHeaderListBytes;
    if (!this.decoder.decode(block, start, end, head.list, blockLimits)) {
      this.giveHead(head);
      return ErrorCode.compressionError;
    }
    const stream = this.streams.get(id);
    return stream === null ? this.opens(id, head, endStream, selfish) : this.continues(stream, head, endStream);
  }

  dataBegins(id: number, length: number): number {
    const code = this.#dataBegins(id, length);
    // Held or dropped, it opens the connection's window again, so that other streams can go on.
    if (this.ledger.connectionUpdateDue) this.outbox.wake();
    return code;
  }

  #dataBegins(id: number, length: number): number {
    const stream = this.streams.get(id);
    this.#dataStream = null;
    if (stream === null) {
      if (this.isIdle(id)) return ErrorCode.protocolError;
      if (this.gone.how(id) === Ending.complete || this.gone.how(id) === Ending.resetByPeer)
        return ErrorCode.streamClosed;
      return this.ledger.received(null, length) === Verdict.fine ? this.cheapFrame() : ErrorCode.flowControlError;
    }
    if (stream.peerDone) {
      this.breakStream(stream, ErrorCode.streamClosed, "DATA after the end of the stream");
      return this.ledger.received(null, length) === Verdict.fine ? ErrorCode.noError : ErrorCode.flowControlError;
    }
    const verdict = this.ledger.received(stream.account, length);
    if (verdict === Verdict.connectionError) return ErrorCode.flowControlError;
    const problem = stream.dataProblem(length);
    if (problem !== null) {
      this.breakStream(stream, ErrorCode.protocolError, problem);
    } else if (verdict === Verdict.streamError) {
      this.breakStream(stream, ErrorCode.flowControlError, "more DATA than the window allowed");
    } else {
      this.#dataStream = stream;
      this.#dataGeneration = stream.generation;
      this.#dataLength = length;
    }
    return ErrorCode.noError;
  }

  /** The stream of the DATA frame in progress, unless it has ended meanwhile. */
  #receiving(): S | null {
    const stream = this.#dataStream;
    return stream !== null && stream.generation === this.#dataGeneration ? stream : null;
  }

  data(buffer: Buffer, start: number, end: number): void {
    const stream = this.#receiving();
    if (stream === null) return;
    if (!stream.received(buffer, start, end)) {
      this.breakStream(stream, ErrorCode.protocolError, "more DATA than content-length says");
    }
  }

  dataEnds(endStream: boolean, padding: number): number {
    const stream = this.#receiving();
    this.#dataStream = null;
    if (stream === null) return ErrorCode.noError;
    if (padding > 0) this.credit(stream, padding);
    const empty = this.#dataLength === padding;
    if (!empty) this.glitches.usefulFrame();
    if (endStream) this.peerEnded(stream, null);
    else if (empty) return this.cheapFrame();
    return ErrorCode.noError;
  }

  /** The peer has said all on this stream. */
  protected peerEnded(stream: S, trailers: Http2Head | null): void {
    if (stream.ended(trailers)) return;
    this.breakStream(stream, ErrorCode.protocolError, "less DATA than content-length says");
  }

  // ---- Other frames ------------------------------------------------------------------------------------------------

  priority(id: number, selfish: boolean, wrongLength: boolean): number {
    const stream = this.streams.get(id);
    const code = wrongLength ? ErrorCode.frameSizeError : selfish ? ErrorCode.protocolError : ErrorCode.noError;
    if (code !== ErrorCode.noError) {
      if (stream === null) this.sendReset(id, code);
      else this.breakStream(stream, code, "a PRIORITY frame that is wrong");
    }
    return this.cheapFrame(); // RFC 9113 §5.3.2: what it says is ignored
  }

  reset(id: number, code: number): number {
    const stream = this.streams.get(id);
    if (stream === null) {
      if (this.isIdle(id)) return ErrorCode.protocolError;
      this.gone.note(id, Ending.resetByPeer); // whatever it sends on that stream from now on is an error
      return this.cheapFrame();
    }
    this.context.stats.resetsReceived.inc();
    this.peerReset(stream, code);
    return ErrorCode.noError;
  }

  windowUpdate(id: number, increment: number): number {
    if (id === 0) {
      if (increment === 0) return ErrorCode.protocolError;
      if (this.ledger.connectionGranted(increment) !== Verdict.fine) return ErrorCode.flowControlError;
      if (this.ready.length > 0) this.outbox.wake();
      return this.#granted();
    }
    const stream = this.streams.get(id);
    if (stream === null) {
      if (this.isIdle(id)) return ErrorCode.protocolError;
      return increment === 0 ? ErrorCode.protocolError : this.cheapFrame();
    }
    if (increment === 0) {
      this.breakStream(stream, ErrorCode.protocolError, "WINDOW_UPDATE of nothing");
    } else if (this.ledger.granted(stream.account, increment) !== Verdict.fine) {
      this.breakStream(stream, ErrorCode.flowControlError, "a window beyond 2^31-1");
    } else {
      if (stream.bytesWaiting > 0) this.wait(stream);
      return this.#granted();
    }
    return ErrorCode.noError;
  }

  // Whoever opens windows although nothing was sent is playing.
  #granted(): number {
    if (this.grants === 0) return this.cheapFrame();
    this.grants--;
    return ErrorCode.noError;
  }

  cheapFrame(): number {
    return this.glitches.cheapFrame(this.nowMs) ? ErrorCode.noError : ErrorCode.enhanceYourCalm;
  }
}
