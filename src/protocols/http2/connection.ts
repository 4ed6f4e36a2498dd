// @hot One HTTP/2 connection, as both sides have it: frames in and out, settings, windows, and the streams' life and death (RFC 9113 §3–6).
// What a header block means is the business of the sides: `server` and `client`.
//
// One long file, because it is one state machine: every frame may end a stream, open a window or end the connection, and who reads one handler
// has to see the others. What could be taken out has been: frames, windows, tables, bodies, the outbox.
//
// Everything that is sent is composed in the outbox and leaves when the event loop's turn ends. While the peer does not take what it was sent,
// no DATA is composed; when even the answers to its frames pile up, nothing more is read from it.
import { WheelTimer } from "../../base/timer-wheel.ts";
import { Ring } from "../../base/ring.ts";
import type { AtTurnEnd } from "../../base/turn-end.ts";
import type { Trailers } from "../../core/body.ts";
import type { ByteReader, ByteStream } from "../../core/byte-stream.ts";
import type { Failure } from "../../core/failure.ts";
import type { HttpMessage } from "../http/message.ts";
import { type FrameHandler, FrameReader, readUint32 } from "./codec/frame-reader.ts";
import {
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FrameType,
  HEADER_BYTES,
  LARGEST_MAX_FRAME,
  LARGEST_WINDOW,
  Setting,
  SMALLEST_MAX_FRAME,
} from "./codec/frames.ts";
import {
  putDataHeader,
  putFrameHeader,
  putGoaway,
  putPing,
  putReset,
  putSettings,
  putWindowUpdate,
  splitBlock,
} from "./codec/frame-writer.ts";
import { HpackDecoder } from "./codec/hpack-decoder.ts";
import { HpackEncoder } from "./codec/hpack-encoder.ts";
import type { Http2Context } from "./context.ts";
import type { Http2Head } from "./head.ts";
import { Outbox } from "./outbox.ts";
import { Glitches } from "./streams/glitches.ts";
import { Ledger, Verdict } from "./streams/ledger.ts";
import type { Carrier, Http2Stream } from "./streams/stream.ts";
import { ClosedStreams, Ending, StreamTable } from "./streams/stream-table.ts";
import { putTrailers } from "./write-head.ts";

/** From so much on that the peer does not take, nothing more is read from it. */
const PAUSE_BYTES = 64 * 1024;
/** How long a connection that is given up is still read, so that what we said last arrives. */
const LINGER_MS = 1000;
/** SETTINGS_HEADER_TABLE_SIZE as long as nothing else was said. */
const DEFAULT_TABLE_BYTES = 4096;
/** Header blocks may be larger on the wire than decoded only by a little. */
const BLOCK_SLACK_BYTES = 4096;

/** How large the windows of a connection as a whole are; see `Ledger`. */
export interface ConnectionWindows {
  readonly connectionBytes: number;
  readonly allowanceBytes: number;
  /** So much is done for one connection before others get their turn, in frames. */
  readonly workPerTurn: number;
}

/** One connection and its streams. */
export abstract class Http2Connection<S extends Http2Stream> implements ByteReader, FrameHandler, Carrier, AtTurnEnd {
  protected readonly context: Http2Context;
  protected readonly stream: ByteStream;
  protected readonly streams = new StreamTable<S>();
  protected readonly gone = new ClosedStreams();
  protected readonly ledger: Ledger;
  protected readonly outbox: Outbox;
  protected readonly encoder = new HpackEncoder();
  protected readonly decoder: HpackDecoder;
  protected readonly glitches: Glitches;
  protected readonly timer = new WheelTimer(this);
  readonly #reader: FrameReader;
  /** The last stream the peer opened. */
  protected lastPeerId = 0;
  protected closing = false;
  protected closed = false;
  protected peerMaxStreams = LARGEST_WINDOW;
  protected peerTakesConnect = false;
  #peerMaxFrame = SMALLEST_MAX_FRAME;
  #paused = false;
  /** The peer has acknowledged our settings. */
  #acknowledged = false;

  /** Streams with bytes to send whose windows are open. */
  readonly #ready = new Ring<S>();
  /** Streams whose windows may have to be announced. */
  readonly #credited: S[] = [];

  // The DATA frame in progress.
  #dataStream: S | null = null;
  #dataGeneration = 0;
  #dataLength = 0;

  /** Since when a frame, or a header block, is incomplete; -1 when none is. */
  protected partialSinceMs = -1;
  #wholesBefore = 0;
  // What was heard last, and whether a PING is out (§6.7).
  protected heardMs: number;
  /** Reads so far: whether anything has come since some moment. */
  reads = 0;
  /** How often the peer may open windows for what it was sent. */
  #grants = 0;
  /** What has been read and waits for the next turn, so that others get theirs. */
  #rest: Buffer | null = null;
  #again = false;
  #reading = false;
  #pingSentMs = -1;
  #onPong: (() => void) | null = null;
  #pinged = false;
  /** Since when the peer takes nothing, -1 when it does; and how much was left then. */
  #stalledSinceMs = -1;
  #stalledBytes = 0;

  constructor(stream: ByteStream, context: Http2Context, windows: ConnectionWindows) {
    const { limits, settings, shared, stats } = context;
    this.context = context;
    this.stream = stream;
    this.ledger = new Ledger({
      streamBytes: settings.initialStreamWindowBytes,
      connectionBytes: windows.connectionBytes,
      allowanceBytes: windows.allowanceBytes,
      updateRatio: settings.windowUpdateRatio,
    });
    this.outbox = new Outbox(stream, shared.buffers, shared.loop.turn, this, stats.sentBytes);
    this.decoder = new HpackDecoder(shared.memory, Math.max(settings.headerTableBytes, DEFAULT_TABLE_BYTES));
    this.glitches = new Glitches(limits.maxResetsPerMinute, shared.loop.nowMs);
    this.#reader = new FrameReader(this, settings.maxFrameBytes, settings.maxHeaderListBytes + BLOCK_SLACK_BYTES);
    this.#reader.mostWork = windows.workPerTurn;
    this.heardMs = shared.loop.nowMs;
  }

  get nowMs(): number {
    return this.context.shared.loop.nowMs;
  }

  /** Streams open at the moment. */
  get openStreams(): number {
    return this.streams.size;
  }

  takeHead(): Http2Head {
    return this.context.shared.heads.take();
  }

  giveHead(head: Http2Head): void {
    this.context.shared.heads.give(head);
  }

  // ---- What the sides do -------------------------------------------------------------------------------------------

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
  /** The peer will open or answer no stream beyond `lastId`. */
  protected abstract peerLeaves(lastId: number, code: number): void;
  /** The connection is gone or given up: what is left of its streams ends. */
  protected abstract abandoned(code: number, error: Error | null): void;
  /** The peer's settings have arrived. */
  protected abstract settled(): void;

  // ---- Reading -----------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, _lendable: boolean): boolean {
    const { shared, stats } = this.context;
    this.heardMs = shared.loop.tick();
    this.reads++;
    this.#pingSentMs = -1;
    stats.receivedBytes.add(end - start);
    if (this.closing) return !this.closed;
    this.readFrames(buffer, start, end);
    if (this.closed) return false;
    if (this.outbox.blocked && this.outbox.length > PAUSE_BYTES) return this.#pause();
    if (this.#rest === null) return true;
    this.outbox.wake();
    return this.#pause();
  }

  #pause(): false {
    this.#paused = true;
    this.watch(); // a stream that is not read does not tell of its end
    return false;
  }

  #resume(): void {
    if (!this.#paused || (this.#rest !== null && !this.closing)) return;
    this.#paused = false;
    this.stream.resume();
  }

  protected readFrames(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    const code = reader.read(buffer, start, end);
    if (code !== ErrorCode.noError && !this.closing) this.giveUp(code);
    if (!this.closing && reader.work >= reader.mostWork) this.#setAside(buffer, reader.at, end);
    this.#notePartial();
  }

  // A frame that a read has cut in two is looked at anew with each that is complete.
  #notePartial(): void {
    const { partial, wholes } = this.#reader;
    if (!partial) this.partialSinceMs = -1;
    else if (this.partialSinceMs < 0 || wholes !== this.#wholesBefore) {
      this.#wholesBefore = wholes;
      this.partialSinceMs = this.nowMs;
      if (!this.closing) this.watch();
    }
  }

  /** Something may be due earlier than was thought. */
  protected abstract watch(): void;

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

  /** May nothing of what waits on this stream be sent, for want of a window? */
  windowShut(stream: Http2Stream): boolean {
    return this.ledger.allowance(stream.account) === 0;
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
      if (this.#ready.length > 0) this.outbox.wake();
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
    if (this.#grants === 0) return this.cheapFrame();
    this.#grants--;
    return ErrorCode.noError;
  }

  settings(buffer: Buffer, start: number, end: number): number {
    const code = this.readSettings(buffer, start, end);
    if (code !== ErrorCode.noError) return code;
    putSettings(this.outbox, true, null);
    this.settled();
    return this.cheapFrame();
  }

  // Of several windows in one frame only the last has to be gone through all streams with.
  protected readSettings(buffer: Buffer, start: number, end: number): number {
    let windowBytes = -1;
    for (let at = start; at < end; at += 6) {
      const id = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
      const value = readUint32(buffer, at + 2);
      const code = this.#setting(id, value);
      if (code !== ErrorCode.noError) return code;
      if (id === Setting.initialWindowSize) windowBytes = value;
      if ((at - start) % (6 * SETTINGS_PER_FRAME) === 0 && at > start) {
        const many = this.cheapFrame();
        if (many !== ErrorCode.noError) return many;
      }
    }
    return windowBytes < 0 ? ErrorCode.noError : this.#changeWindows(windowBytes);
  }

  #setting(id: number, value: number): number {
    switch (id) {
      case Setting.headerTableSize:
        this.encoder.allow(value);
        return ErrorCode.noError;
      case Setting.enablePush:
        return this.pushSetting(value);
      case Setting.maxConcurrentStreams:
        this.peerMaxStreams = value;
        return ErrorCode.noError;
      case Setting.initialWindowSize:
        return value > LARGEST_WINDOW ? ErrorCode.flowControlError : ErrorCode.noError;
      case Setting.maxFrameSize:
        if (value < SMALLEST_MAX_FRAME || value > LARGEST_MAX_FRAME) return ErrorCode.protocolError;
        this.#peerMaxFrame = value;
        return ErrorCode.noError;
      case Setting.enableConnectProtocol:
        if (value > 1 || (value === 0 && this.peerTakesConnect)) return ErrorCode.protocolError;
        this.peerTakesConnect = value === 1;
        return ErrorCode.noError;
      default:
        return ErrorCode.noError; // §6.5.2: unknown ones, and one that is only advice, are ignored
    }
  }

  /** SETTINGS_ENABLE_PUSH has come. */
  protected abstract pushSetting(value: number): number;

  #changeWindows(bytes: number): number {
    const change = this.ledger.initialSendChanged(bytes);
    if (change === 0) return ErrorCode.noError;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as S;
      if (this.ledger.adjust(stream.account, change) !== Verdict.fine) return ErrorCode.flowControlError;
      if (stream.bytesWaiting > 0) this.wait(stream);
    }
    return ErrorCode.noError;
  }

  // Until now the peer has gone by the values that hold without any settings (§6.5.2).
  settingsAcknowledged(): number {
    if (this.#acknowledged) return this.cheapFrame();
    this.#acknowledged = true;
    const { headerTableBytes, initialStreamWindowBytes } = this.context.settings;
    this.decoder.allow(headerTableBytes);
    if (initialStreamWindowBytes >= DEFAULT_WINDOW) return ErrorCode.noError;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as S;
      this.ledger.shrink(stream.account, DEFAULT_WINDOW - initialStreamWindowBytes);
      this.#noteCredit(stream);
    }
    return ErrorCode.noError;
  }

  /** A stream begins: its windows are opened, and it is found by its id. */
  protected enter(stream: S): void {
    const { initialStreamWindowBytes } = this.context.settings;
    const early = !this.#acknowledged && initialStreamWindowBytes < DEFAULT_WINDOW;
    this.ledger.open(stream.account, early ? DEFAULT_WINDOW : initialStreamWindowBytes);
    this.streams.add(stream);
  }

  ping(ack: boolean, buffer: Buffer, start: number): number {
    if (!ack) {
      putPing(this.outbox, true, buffer, start);
      return this.cheapFrame();
    }
    const pong = this.#onPong;
    this.#onPong = null;
    if (pong === null && !this.#pinged) return this.cheapFrame();
    this.#pinged = false;
    if (pong !== null) pong();
    return ErrorCode.noError;
  }

  goaway(lastId: number, code: number): number {
    this.context.stats.goawaysReceived.inc();
    this.peerLeaves(lastId, code);
    return this.cheapFrame();
  }

  cheapFrame(): number {
    return this.glitches.cheapFrame(this.nowMs) ? ErrorCode.noError : ErrorCode.enhanceYourCalm;
  }

  // ---- Writing -----------------------------------------------------------------------------------------------------

  /** Announces what we are; the first frame of either side. */
  protected sendSettings(entries: readonly (readonly [id: number, value: number])[]): void {
    putSettings(this.outbox, false, entries);
    this.#announceConnection();
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
      if (this.#grants < MOST_GRANTS) this.#grants += GRANTS_PER_FRAME;
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

  /** A header block stands behind nine free octets at `at`: makes a frame of it, or several. */
  protected sendBlock(id: number, at: number, endStream: boolean): void {
    const { outbox } = this;
    const length = outbox.length - at - HEADER_BYTES;
    outbox.lastFrame = at;
    const flags = endStream ? Flag.endStream : 0;
    if (length <= this.#peerMaxFrame) {
      putFrameHeader(outbox.buffer, at, length, FrameType.headers, flags | Flag.endHeaders, id);
    } else {
      splitBlock(outbox, at, this.#peerMaxFrame, flags, id); // cold: heads beyond 16 kB
    }
    if (outbox.full) this.#sendNow();
  }

  sendReset(id: number, code: number): void {
    if (this.closing) return;
    this.context.stats.resetsSent.inc();
    putReset(this.outbox, id, code);
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
    if (stream.queued) this.#ready.remove(stream);
  }

  credit(stream: Http2Stream, bytes: number): void {
    this.ledger.forwarded(stream.account, bytes);
    this.#noteCredit(stream as S); // streams of this connection
  }

  #noteCredit(stream: S): void {
    if (stream.credited || stream.peerDone) return;
    stream.credited = true;
    this.#credited.push(stream);
    this.outbox.wake();
  }

  wait(stream: Http2Stream): void {
    if (stream.queued) return;
    stream.queued = true;
    this.#ready.push(stream as S); // streams of this connection
    this.outbox.wake();
  }

  turnEnded(): void {
    try {
      this.#reader.work = 0;
      if (this.#rest !== null) this.#readRest();
      if (!this.closed) {
        this.#sendWaiting(); // it may lead to credit, which is announced behind it
        this.#announce();
      }
    } catch (error) {
      this.destroy(true); // an error of ours; half a turn's frames are of no use to anybody
      throw error;
    } finally {
      this.outbox.flush();
    }
    if (this.#again) {
      this.#again = false;
      this.outbox.wake();
    }
    if (this.outbox.blocked && this.#stalledSinceMs < 0) this.#noteStall();
  }

  /** Something was done that costs as much as so many frames. */
  tookWork(frames: number): void {
    this.#reader.work += frames;
  }

  // Copied once: what is left of it the next time is ours already.
  #setAside(buffer: Buffer, start: number, end: number): void {
    const rest = buffer.subarray(start, end);
    this.#rest = this.#reading ? rest : Buffer.from(rest); // cold: once per turn of a connection that is too busy
  }

  #readRest(): void {
    if (this.outbox.blocked && this.outbox.length > PAUSE_BYTES) return; // `onWritten` wakes the outbox
    const rest = this.#rest as Buffer;
    this.#rest = null;
    if (this.closing) return;
    this.#reading = true;
    this.readFrames(rest, 0, rest.length);
    this.#reading = false;
    if (this.#rest !== null) this.#again = true;
    else if (!this.closing) this.#resume();
  }

  // What waits is sent in turns, a frame of each stream.
  #sendWaiting(): void {
    const ready = this.#ready;
    while (ready.length > 0 && !this.outbox.blocked && this.ledger.sendWindow > 0) {
      const stream = ready.shift() as S;
      stream.queued = false;
      if (stream.carrier === null || stream.bytesWaiting === 0) continue;
      if (stream.flush() && stream.carrier !== null && stream.bytesWaiting > 0) this.wait(stream);
    }
  }

  #announce(): void {
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

  #sendNow(): void {
    if (!this.outbox.blocked) this.outbox.flushNow();
  }

  onWritten(): void {
    this.context.shared.loop.tick();
    this.outbox.written();
    this.#stalledSinceMs = -1;
    if (this.closed) return;
    this.outbox.wake();
    this.#resume();
    this.unblocked();
  }

  /** The peer has taken what it was sent. */
  protected abstract unblocked(): void;

  // ---- Ending ------------------------------------------------------------------------------------------------------

  protected sendGoaway(lastId: number, code: number): void {
    this.context.stats.goawaysSent.inc();
    putGoaway(this.outbox, lastId, code);
  }

  /** The whole connection is of no use any more (§5.4.1). */
  protected giveUp(code: number): void {
    if (this.closing) return;
    if (code !== ErrorCode.noError) this.context.stats.connectionErrors.inc();
    this.sendGoaway(this.lastPeerId, code);
    this.closing = true;
    this.#reader.stop();
    this.abandoned(code, null);
    this.endSending();
  }

  /** Says good-bye: what was composed leaves, what still comes is thrown away for a while. */
  protected endSending(): void {
    this.closing = true;
    this.#reader.stop();
    this.outbox.flushNow();
    this.stream.end();
    this.#resume();
    this.context.shared.loop.wheel.arm(this.timer, LINGER_MS);
  }

  onEnd(): void {
    this.context.shared.loop.tick();
    if (this.closed) return;
    if (!this.closing) {
      this.closing = true;
      this.abandoned(ErrorCode.noError, null);
    }
    this.endSending();
  }

  onClose(error: Error | null): void {
    const { loop } = this.context.shared;
    loop.tick();
    this.closed = true;
    this.#rest = null;
    loop.wheel.cancel(this.timer);
    if (!this.closing) {
      this.closing = true;
      this.abandoned(ErrorCode.noError, error);
    }
    this.outbox.written();
    this.outbox.close();
    this.#reader.close();
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  /** Sends a PING and calls `pong` when it is answered. */
  protected sendPing(pong: (() => void) | null): void {
    this.#onPong = pong;
    this.#pinged = true;
    putPing(this.outbox, false, PING_PAYLOAD, 0);
  }

  #noteStall(): void {
    this.#stalledSinceMs = this.nowMs;
    this.#stalledBytes = this.stream.unsentBytes;
  }

  /** Has the peer taken nothing of what it was sent for longer than is allowed? */
  protected get stalled(): boolean {
    const { writeStallTimeoutMs } = this.context.limits;
    if (writeStallTimeoutMs === 0 || !this.outbox.blocked || this.#stalledSinceMs < 0) return false;
    if (this.nowMs - this.#stalledSinceMs < writeStallTimeoutMs) return false;
    if (this.stream.unsentBytes >= this.#stalledBytes) return true;
    this.#noteStall(); // slow, but not stalled
    return false;
  }

  /** What was sent came to nothing: the peer is gone, and where nothing is read we may never hear of it. */
  protected get refused(): boolean {
    return this.stream.refused;
  }

  /** Is the peer too slow with a frame or a header block? */
  protected get dribbles(): boolean {
    const { headerTimeoutMs } = this.context.limits;
    return headerTimeoutMs > 0 && this.partialSinceMs >= 0 && this.nowMs - this.partialSinceMs >= headerTimeoutMs;
  }

  /** Asks a silent peer whether it is there; false when it did not answer the last time. */
  protected checkAlive(): boolean {
    const { pingIntervalMs, pingTimeoutMs } = this.context.limits;
    if (pingIntervalMs === 0) return true;
    const { nowMs } = this;
    if (this.#pingSentMs >= 0) return nowMs - this.#pingSentMs < pingTimeoutMs;
    if (nowMs - this.heardMs < pingIntervalMs) return true;
    this.#pingSentMs = nowMs;
    this.sendPing(this.#onPong);
    return true;
  }

  abstract onTimer(): void;

  /** Drops the connection at once. */
  protected destroy(reset: boolean): void {
    this.closing = true;
    this.#reader.stop();
    this.stream.destroy(reset);
  }

  /** Ends everything with a failure of ours. */
  abstract abandon(failure: Failure): void;
}

/** A frame of DATA that we send may be answered by the opening of two windows: its stream's and the connection's. */
const GRANTS_PER_FRAME = 2;
const MOST_GRANTS = 10_000;
/** For so many frames a head stands, besides its octets. */
const WORK_PER_HEAD = 10;
/** So many settings in a frame count as one cheap frame. */
const SETTINGS_PER_FRAME = 16;
const PING_PAYLOAD = Buffer.from("fairlead", "latin1");
/** Filled in for each block: the bounds are different for servers and clients. */
const blockLimits = { maxFields: 0, maxBytes: 0 };
