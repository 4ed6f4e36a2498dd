// @hot What is known of the peer of a connection: what its settings ask for, whether it is there, and whether it takes and sends fast enough
// (RFC 9113 §6.5, §6.7, §6.8).
//
// The third of the four classes of a connection (`connection-output`): the frames of the connection as a whole are read here.
import type { ByteStream } from "../../core/byte-stream.ts";
import { readUint32 } from "./codec/frame-reader.ts";
import { putPing, putSettings } from "./codec/frame-writer.ts";
import {
  DEFAULT_WINDOW,
  ErrorCode,
  LARGEST_MAX_FRAME,
  LARGEST_WINDOW,
  Setting,
  SMALLEST_MAX_FRAME,
} from "./codec/frames.ts";
import type { ConnectionWindows } from "./connection-output.ts";
import { ConnectionStreams } from "./connection-streams.ts";
import type { Http2Context } from "./context.ts";
import { Verdict } from "./streams/ledger.ts";
import type { Http2Stream } from "./streams/stream.ts";

/** So many settings in a frame count as one cheap frame. */
const SETTINGS_PER_FRAME = 16;
const PING_PAYLOAD = Buffer.from("fairlead", "latin1");

/** A connection as its two ends see each other. */
export abstract class ConnectionPeer<S extends Http2Stream> extends ConnectionStreams<S> {
  protected peerMaxStreams = LARGEST_WINDOW;
  protected peerTakesConnect = false;

  // What was heard last, and whether a PING is out (§6.7).
  protected heardMs: number;
  protected pingSentMs = -1;
  #onPong: (() => void) | null = null;
  #pinged = false;
  /** Since when a frame, or a header block, is incomplete; -1 when none is. */
  protected partialSinceMs = -1;
  /** Since when the peer takes nothing, -1 when it does; and how much was left then. */
  protected stalledSinceMs = -1;
  #stalledBytes = 0;

  constructor(stream: ByteStream, context: Http2Context, windows: ConnectionWindows) {
    super(stream, context, windows);
    this.heardMs = context.shared.loop.nowMs;
  }

  /** The peer's settings have arrived. */
  protected abstract settled(): void;
  /** SETTINGS_ENABLE_PUSH has come. */
  protected abstract pushSetting(value: number): number;
  /** The peer will open or answer no stream beyond `lastId`. */
  protected abstract peerLeaves(lastId: number, code: number): void;

  // ---- Settings ----------------------------------------------------------------------------------------------------

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
        this.peerMaxFrame = value;
        return ErrorCode.noError;
      case Setting.enableConnectProtocol:
        if (value > 1 || (value === 0 && this.peerTakesConnect)) return ErrorCode.protocolError;
        this.peerTakesConnect = value === 1;
        return ErrorCode.noError;
      default:
        return ErrorCode.noError; // §6.5.2: unknown ones, and one that is only advice, are ignored
    }
  }

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
    if (this.acknowledged) return this.cheapFrame();
    this.acknowledged = true;
    const { headerTableBytes, initialStreamWindowBytes } = this.context.settings;
    this.decoder.allow(headerTableBytes);
    if (initialStreamWindowBytes >= DEFAULT_WINDOW) return ErrorCode.noError;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as S;
      this.ledger.shrink(stream.account, DEFAULT_WINDOW - initialStreamWindowBytes);
      this.noteCredit(stream);
    }
    return ErrorCode.noError;
  }

  // ---- Is it there, and does it stay? ------------------------------------------------------------------------------

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

  /** Sends a PING and calls `pong` when it is answered. */
  protected sendPing(pong: (() => void) | null): void {
    this.#onPong = pong;
    this.#pinged = true;
    putPing(this.outbox, false, PING_PAYLOAD, 0);
  }

  /** Asks a silent peer whether it is there; false when it did not answer the last time. */
  protected checkAlive(): boolean {
    const { pingIntervalMs, pingTimeoutMs } = this.context.limits;
    if (pingIntervalMs === 0) return true;
    const { nowMs } = this;
    if (this.pingSentMs >= 0) return nowMs - this.pingSentMs < pingTimeoutMs;
    if (nowMs - this.heardMs < pingIntervalMs) return true;
    this.pingSentMs = nowMs;
    this.sendPing(this.#onPong);
    return true;
  }

  /** What was sent came to nothing: the peer is gone, and where nothing is read we may never hear of it. */
  protected get refused(): boolean {
    return this.stream.refused;
  }

  goaway(lastId: number, code: number): number {
    this.context.stats.goawaysReceived.inc();
    this.peerLeaves(lastId, code);
    return this.cheapFrame();
  }

  // ---- Is it fast enough? ------------------------------------------------------------------------------------------

  protected noteStall(): void {
    this.stalledSinceMs = this.nowMs;
    this.#stalledBytes = this.stream.unsentBytes;
  }

  /** Has the peer taken nothing of what it was sent for longer than is allowed? */
  protected get stalled(): boolean {
    const { writeStallTimeoutMs } = this.context.limits;
    if (writeStallTimeoutMs === 0 || !this.outbox.blocked || this.stalledSinceMs < 0) return false;
    if (this.nowMs - this.stalledSinceMs < writeStallTimeoutMs) return false;
    if (this.stream.unsentBytes >= this.#stalledBytes) return true;
    this.noteStall(); // slow, but not stalled
    return false;
  }

  /** Is the peer too slow with a frame or a header block? */
  protected get dribbles(): boolean {
    const { headerTimeoutMs } = this.context.limits;
    return headerTimeoutMs > 0 && this.partialSinceMs >= 0 && this.nowMs - this.partialSinceMs >= headerTimeoutMs;
  }
}
