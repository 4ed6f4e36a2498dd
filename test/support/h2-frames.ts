// HTTP/2 frames as tests see them, by a second, independent hand (RFC 9113 §4, §6): slow, plain, and without a line of the proxy's own codec.

/** One frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** A field list: names in lower case, pseudo-header fields first. */
export type FieldPairs = readonly (readonly [name: string, value: string])[];

export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;

export const Code = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  refused: 7,
  cancel: 8,
  calm: 11,
} as const;

export const Set = {
  tableBytes: 1,
  push: 2,
  maxStreams: 3,
  initialWindow: 4,
  maxFrame: 5,
  maxHeaderList: 6,
  connectProtocol: 8,
} as const;

export const CLIENT_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES = 9;

/** Any frame, right or wrong. */
export function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function settingsFrame(entries: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * entries.length);
  entries.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  });
  return frame(Type.settings, 0, 0, payload);
}

/** @param padding octets of padding, -1 for a frame without. */
export function dataFrame(id: number, data: Buffer, end = false, padding = -1): Buffer {
  const flags = (end ? END_STREAM : 0) | (padding >= 0 ? PADDED : 0);
  return frame(Type.data, flags, id, padded(data, padding));
}

function padded(content: Buffer, padding: number): Buffer {
  return padding < 0 ? content : Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)]);
}

/** How a header block is put into frames. */
export interface BlockForm {
  readonly end?: boolean;
  readonly padding?: number;
  readonly priority?: boolean;
  /** Octets of the block in each frame. */
  readonly pieceBytes?: number;
}

export function headerFrames(id: number, block: Buffer, form: BlockForm = {}): Buffer {
  const { end = false, padding = -1, pieceBytes = 16_000, priority = false } = form;
  const pieces: Buffer[] = [];
  for (let at = 0; at < block.length || at === 0; at += pieceBytes) pieces.push(block.subarray(at, at + pieceBytes));
  return Buffer.concat(
    pieces.map((piece, i) => {
      const last = i === pieces.length - 1 ? END_HEADERS : 0;
      if (i > 0) return frame(Type.continuation, last, id, piece);
      const flags = last | (end ? END_STREAM : 0) | (padding >= 0 ? PADDED : 0) | (priority ? PRIORITY : 0);
      const content = priority ? Buffer.concat([uint32(0), Buffer.from([15]), piece]) : piece;
      return frame(Type.headers, flags, id, padded(content, padding));
    }),
  );
}

export function resetFrame(id: number, code: number): Buffer {
  return frame(Type.reset, 0, id, uint32(code));
}

export function goawayFrame(lastId: number, code: number): Buffer {
  return frame(Type.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(code)]));
}

export function windowFrame(id: number, increment: number): Buffer {
  return frame(Type.windowUpdate, 0, id, uint32(increment));
}

/** @param content eight characters. */
export function pingFrame(content: string, ack = false): Buffer {
  return frame(Type.ping, ack ? ACK : 0, 0, Buffer.from(content, "latin1"));
}

/** A header block of literals that nobody indexes and Huffman has not touched (RFC 7541 §6.2.2). */
export function literalBlock(fields: FieldPairs): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), ...literalString(name), ...literalString(value)]),
  );
}

function literalString(text: string): Buffer[] {
  const length: number[] = [];
  let rest = text.length;
  if (rest < 127) length.push(rest);
  else {
    length.push(127);
    for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return [Buffer.from(length), Buffer.from(text, "latin1")];
}

/** Cuts a flow of bytes into frames. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      if (this.#rest.length < HEAD_BYTES) return frames;
      const end = HEAD_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return frames;
      frames.push({
        type: this.#rest[3] as number, // there are nine octets
        flags: this.#rest[4] as number,
        id: this.#rest.readUInt32BE(5) & 0x7fff_ffff,
        payload: this.#rest.subarray(HEAD_BYTES, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** What a frame holds besides padding and priority. */
export function contentOf({ flags, payload, type }: Frame): Buffer {
  let [start, end] = [0, payload.length];
  if (type !== Type.data && type !== Type.headers) return payload;
  if ((flags & PADDED) !== 0) {
    start = 1;
    end -= payload[0] as number; // a padded frame begins with a length
  }
  if (type === Type.headers && (flags & PRIORITY) !== 0) start += 5;
  if (start > end) throw new Error("more padding than payload");
  return payload.subarray(start, end);
}
