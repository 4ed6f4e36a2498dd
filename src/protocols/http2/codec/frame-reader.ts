// @hot Bytes into frames (RFC 9113 §4.1, §6). Frames are handed on where they stand in the read buffer; only what a read cuts in two is held
// back, and DATA not even then. What can be wrong with a frame by itself is found here; what it means for a stream is the connection's business.
import { ErrorCode, Flag, FrameType, HEADER_BYTES, LARGEST_WINDOW, SMALLEST_MAX_FRAME } from "./frames.ts";

/** Whoever is told of frames. Every call returns an error code for the whole connection; `noError` to go on. */
export interface FrameHandler {
  /** A DATA frame begins: `length` octets of the windows, padding included. */
  dataBegins(id: number, length: number): number;
  /** Some of its data. */
  data(buffer: Buffer, start: number, end: number): void;
  /** It is complete; `padding` octets of it were none. */
  dataEnds(endStream: boolean, padding: number): number;
  /** A whole header block; `selfish` when the frame says that the stream depends on itself. */
  headers(id: number, endStream: boolean, selfish: boolean, block: Buffer, start: number, end: number): number;
  priority(id: number, selfish: boolean, wrongLength: boolean): number;
  reset(id: number, code: number): number;
  settings(buffer: Buffer, start: number, end: number): number;
  settingsAcknowledged(): number;
  ping(ack: boolean, buffer: Buffer, start: number): number;
  goaway(lastId: number, code: number): number;
  windowUpdate(id: number, increment: number): number;
  /** A frame that costs the peer little: empty, unknown, or a piece of a header block. */
  cheapFrame(): number;
}

/** So many pieces may a header block have. */
const MOST_CONTINUATIONS = 64;
const SPARE_BYTES = HEADER_BYTES + SMALLEST_MAX_FRAME;
const spares: Buffer[] = [];
const MOST_SPARES = 16;

function takeBuffer(bytes: number): Buffer {
  if (bytes > SPARE_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return spares.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
}

function giveBuffer(buffer: Buffer): void {
  if (buffer.length === SPARE_BYTES && spares.length < MOST_SPARES) spares.push(buffer);
}

/** Reads the frames of one connection. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxFrameBytes: number;
  readonly #maxBlockBytes: number;
  /** The first frame must be SETTINGS (§3.4). */
  #begun = false;
  #stopped = false;
  /** Frames begun so far; and those after which nothing was left to come. */
  frames = 0;
  wholes = 0;
  /** Work done, in frames; whoever is told of one that costs more adds to it. Reading stops at `mostWork`. */
  work = 0;
  mostWork = Number.POSITIVE_INFINITY;
  /** How far the last read came. */
  at = 0;

  // The frame being read.
  #length = 0;
  #type = 0;
  #flags = 0;
  #id = 0;

  // A frame that a read has cut in two, from its header on.
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  #held: Buffer | null = null;
  #heldLength = 0;

  // A DATA frame in progress.
  #dataLeft = -1;
  #padding = 0;
  #padLengthNext = false;

  // A header block that CONTINUATION frames go on with.
  #block: Buffer | null = null;
  #blockLength = 0;
  #blockId = 0;
  #blockEndsStream = false;
  #blockSelfish = false;
  #continuations = 0;

  /**
   * @param maxFrameBytes our SETTINGS_MAX_FRAME_SIZE.
   * @param maxBlockBytes bound on a header block as it comes.
   */
  constructor(handler: FrameHandler, maxFrameBytes: number, maxBlockBytes: number) {
    this.#handler = handler;
    this.#maxFrameBytes = maxFrameBytes;
    this.#maxBlockBytes = maxBlockBytes;
  }

  /** Reads `buffer[start, end)`; returns the error code that ends the connection, or `noError`. */
  read(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#stopped && this.work < this.mostWork) {
      if (this.#dataLeft >= 0) {
        at = this.#readData(buffer, at, end);
      } else if (this.#held !== null) {
        at = this.#fillHeld(buffer, at, end);
      } else if (this.#headerLength > 0 || end - at < HEADER_BYTES) {
        at = this.#fillHeader(buffer, at, end);
      } else {
        at = this.#begin(buffer, at, end);
      }
      if (at < 0) return -at;
    }
    this.at = at;
    // A DATA frame without octets left is complete although nothing came after it.
    if (this.#dataLeft === 0) return this.#endData();
    return ErrorCode.noError;
  }

  /** Has a frame other than DATA begun, or a header block, that is not complete? */
  get partial(): boolean {
    return this.#block !== null || this.#held !== null || this.#headerLength > 0;
  }

  /** What is left, also of the read in progress, is of no interest. */
  stop(): void {
    this.#stopped = true;
  }

  /** Lets go of memory. */
  close(): void {
    if (this.#held !== null) giveBuffer(this.#held);
    this.#held = null;
    this.#block = null;
  }

  // A whole frame header stands at `at`.
  #begin(buffer: Buffer, at: number, end: number): number {
    const problem = this.#readHeader(buffer, at);
    if (problem !== ErrorCode.noError) return -problem;
    const payload = at + HEADER_BYTES;
    if (this.#type === FrameType.data) return this.#beginData(payload);
    const next = payload + this.#length;
    if (next > end) {
      this.#held = takeBuffer(this.#length);
      this.#heldLength = 0;
      return payload;
    }
    const code = this.#frame(buffer, payload, next);
    return code === ErrorCode.noError ? next : -code;
  }

  #fillHeader(buffer: Buffer, at: number, end: number): number {
    const bytes = Math.min(HEADER_BYTES - this.#headerLength, end - at);
    buffer.copy(this.#header, this.#headerLength, at, at + bytes);
    this.#headerLength += bytes;
    if (this.#headerLength < HEADER_BYTES) return at + bytes;
    this.#headerLength = 0;
    const problem = this.#readHeader(this.#header, 0);
    if (problem !== ErrorCode.noError) return -problem;
    if (this.#type === FrameType.data) return this.#beginData(at + bytes);
    if (this.#length === 0) {
      const code = this.#frame(this.#header, 0, 0);
      return code === ErrorCode.noError ? at + bytes : -code;
    }
    this.#held = takeBuffer(this.#length);
    this.#heldLength = 0;
    return at + bytes;
  }

  #fillHeld(buffer: Buffer, at: number, end: number): number {
    const held = this.#held as Buffer;
    const bytes = Math.min(this.#length - this.#heldLength, end - at);
    buffer.copy(held, this.#heldLength, at, at + bytes);
    this.#heldLength += bytes;
    if (this.#heldLength < this.#length) return at + bytes;
    this.#held = null;
    const code = this.#frame(held, 0, this.#length);
    giveBuffer(held);
    return code === ErrorCode.noError ? at + bytes : -code;
  }

  #readHeader(buffer: Buffer, at: number): number {
    this.frames++;
    this.work++;
    const length = ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number);
    const type = buffer[at + 3] as number;
    this.#length = length;
    this.#type = type;
    this.#flags = buffer[at + 4] as number;
    this.#id = readUint31(buffer, at + 5);
    if (length > this.#maxFrameBytes) return ErrorCode.frameSizeError;
    if (!this.#begun) {
      if (type !== FrameType.settings || (this.#flags & Flag.ack) !== 0) return ErrorCode.protocolError;
      this.#begun = true;
    }
    if (this.#block !== null && (type !== FrameType.continuation || this.#id !== this.#blockId)) {
      return ErrorCode.protocolError; // §6.10: nothing may come between the pieces of a header block
    }
    return ErrorCode.noError;
  }

  // ---- DATA --------------------------------------------------------------------------------------------------------

  #beginData(next: number): number {
    if (this.#id === 0) return -ErrorCode.protocolError;
    const padded = (this.#flags & Flag.padded) !== 0;
    if (padded && this.#length === 0) return -ErrorCode.frameSizeError;
    const code = this.#handler.dataBegins(this.#id, this.#length);
    if (code !== ErrorCode.noError) return -code;
    this.#dataLeft = this.#length;
    this.#padding = 0;
    this.#padLengthNext = padded;
    return next;
  }

  #readData(buffer: Buffer, at: number, end: number): number {
    let from = at;
    if (this.#padLengthNext) {
      this.#padLengthNext = false;
      const padding = buffer[from++] as number;
      this.#dataLeft--;
      if (padding > this.#dataLeft) return -ErrorCode.protocolError;
      this.#padding = padding + 1;
      this.#dataLeft -= padding; // what is left of data; the padding is skipped behind it
    }
    const trailing = this.#padding > 0 ? this.#padding - 1 : 0;
    const bytes = Math.min(this.#dataLeft, end - from);
    if (bytes > 0) {
      this.#handler.data(buffer, from, from + bytes);
      this.#dataLeft -= bytes;
      from += bytes;
    }
    if (this.#dataLeft > 0) return from;
    const code = this.#endData();
    if (code !== ErrorCode.noError) return -code;
    if (trailing === 0) return from;
    return this.#skipPadding(from, end, trailing);
  }

  // Padding may be cut in two as well: what is left of it is skipped as a frame of unknown type.
  #skipPadding(from: number, end: number, trailing: number): number {
    const here = Math.min(trailing, end - from);
    if (here < trailing) {
      this.#type = PADDING;
      this.#length = trailing - here;
      this.#flags = 0;
      this.#held = takeBuffer(this.#length);
      this.#heldLength = 0;
    }
    return from + here;
  }

  #endData(): number {
    this.#dataLeft = -1;
    return this.#handler.dataEnds((this.#flags & Flag.endStream) !== 0, this.#padding);
  }

  // ---- All others --------------------------------------------------------------------------------------------------

  #frame(buffer: Buffer, start: number, end: number): number {
    if (this.#type !== FrameType.continuation) this.wholes++;
    switch (this.#type) {
      case FrameType.headers:
        return this.#headers(buffer, start, end);
      case FrameType.continuation:
        return this.#continuation(buffer, start, end);
      case FrameType.windowUpdate:
        return this.#windowUpdate(buffer, start);
      case FrameType.rstStream:
        if (this.#length !== 4) return ErrorCode.frameSizeError;
        return this.#id === 0 ? ErrorCode.protocolError : this.#handler.reset(this.#id, readUint32(buffer, start));
      case FrameType.settings:
        return this.#settings(buffer, start, end);
      case FrameType.ping:
        if (this.#id !== 0) return ErrorCode.protocolError;
        if (this.#length !== 8) return ErrorCode.frameSizeError;
        return this.#handler.ping((this.#flags & Flag.ack) !== 0, buffer, start);
      case FrameType.goaway:
        if (this.#id !== 0) return ErrorCode.protocolError;
        if (this.#length < 8) return ErrorCode.frameSizeError;
        return this.#handler.goaway(readUint31(buffer, start), readUint32(buffer, start + 4));
      case FrameType.priority:
        return this.#priority(buffer, start);
      case FrameType.pushPromise:
        return ErrorCode.protocolError; // clients may not push, and we tell servers not to (§8.4)
      case PADDING:
        return ErrorCode.noError;
      default:
        return this.#handler.cheapFrame(); // §4.1: unknown types are ignored
    }
  }

  #headers(buffer: Buffer, start: number, end: number): number {
    if (this.#id === 0) return ErrorCode.protocolError;
    let from = start;
    let to = end;
    if ((this.#flags & Flag.padded) !== 0) {
      if (from === to) return ErrorCode.frameSizeError;
      to -= buffer[from++] as number;
    }
    let selfish = false;
    if ((this.#flags & Flag.priority) !== 0) {
      if (to - from < 5) return from + 5 > end ? ErrorCode.frameSizeError : ErrorCode.protocolError;
      selfish = readUint31(buffer, from) === this.#id;
      from += 5;
    }
    if (to < from) return ErrorCode.protocolError;
    const endStream = (this.#flags & Flag.endStream) !== 0;
    if ((this.#flags & Flag.endHeaders) !== 0) {
      return this.#handler.headers(this.#id, endStream, selfish, buffer, from, to);
    }
    this.#block = Buffer.allocUnsafeSlow(Math.max(1024, 2 * (to - from))); // cold: blocks in pieces are rare
    buffer.copy(this.#block, 0, from, to);
    this.#blockLength = to - from;
    this.#blockId = this.#id;
    this.#blockEndsStream = endStream;
    this.#blockSelfish = selfish;
    this.#continuations = 0;
    return ErrorCode.noError;
  }

  #continuation(buffer: Buffer, start: number, end: number): number {
    let block = this.#block;
    if (block === null) return ErrorCode.protocolError;
    const needed = this.#blockLength + end - start;
    if (needed > this.#maxBlockBytes || ++this.#continuations > MOST_CONTINUATIONS) return ErrorCode.enhanceYourCalm;
    const code = this.#handler.cheapFrame();
    if (code !== ErrorCode.noError) return code;
    if (needed > block.length) {
      const grown = Buffer.allocUnsafeSlow(2 * needed);
      block.copy(grown, 0, 0, this.#blockLength);
      block = grown;
      this.#block = grown;
    }
    buffer.copy(block, this.#blockLength, start, end);
    this.#blockLength = needed;
    if ((this.#flags & Flag.endHeaders) === 0) return ErrorCode.noError;
    this.#block = null;
    return this.#handler.headers(this.#blockId, this.#blockEndsStream, this.#blockSelfish, block, 0, needed);
  }

  #windowUpdate(buffer: Buffer, start: number): number {
    if (this.#length !== 4) return ErrorCode.frameSizeError;
    return this.#handler.windowUpdate(this.#id, readUint31(buffer, start));
  }

  #settings(buffer: Buffer, start: number, end: number): number {
    if (this.#id !== 0) return ErrorCode.protocolError;
    if ((this.#flags & Flag.ack) !== 0) {
      return this.#length === 0 ? this.#handler.settingsAcknowledged() : ErrorCode.frameSizeError;
    }
    return this.#length % 6 === 0 ? this.#handler.settings(buffer, start, end) : ErrorCode.frameSizeError;
  }

  #priority(buffer: Buffer, start: number): number {
    if (this.#id === 0) return ErrorCode.protocolError;
    if (this.#length !== 5) return this.#handler.priority(this.#id, false, true);
    return this.#handler.priority(this.#id, readUint31(buffer, start) === this.#id, false);
  }
}

/** Stands for the rest of a DATA frame's padding; no type of the wire has more than eight bits. */
const PADDING = 256;

export function readUint32(buffer: Buffer, at: number): number {
  return (
    (((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)) >>>
    0
  );
}

/** 31 bits; the first is reserved and ignored. */
function readUint31(buffer: Buffer, at: number): number {
  return readUint32(buffer, at) & LARGEST_WINDOW;
}
