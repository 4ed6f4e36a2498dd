// @hot Frames as they are sent (RFC 9113 §4.1, §6).
import type { Outbox } from "../outbox.ts";
import { Flag, FrameType, HEADER_BYTES } from "./frames.ts";

/** Writes the nine octets in front of a payload. */
export function putFrameHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  id: number,
): void {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  putUint32(buffer, at + 5, id);
}

function putUint32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

// Begins a frame and makes room for its payload; returns where that begins.
function begin(outbox: Outbox, length: number, type: number, flags: number, id: number): number {
  const buffer = outbox.reserve(HEADER_BYTES + length);
  const at = outbox.length;
  putFrameHeader(buffer, at, length, type, flags, id);
  outbox.length = at + HEADER_BYTES + length;
  return at + HEADER_BYTES;
}

/** The header of a DATA frame, and room for `length` octets behind it, which the caller writes. */
export function putDataHeader(outbox: Outbox, id: number, length: number): void {
  const buffer = outbox.reserve(HEADER_BYTES + length);
  putFrameHeader(buffer, outbox.length, length, FrameType.data, 0, id);
  outbox.lastFrame = outbox.length;
  outbox.length += HEADER_BYTES;
}

export function putReset(outbox: Outbox, id: number, code: number): void {
  const at = begin(outbox, 4, FrameType.rstStream, 0, id);
  putUint32(outbox.buffer, at, code);
}

/** @param entries null for an acknowledgement. */
export function putSettings(
  outbox: Outbox,
  ack: boolean,
  entries: readonly (readonly [id: number, value: number])[] | null,
): void {
  const list = entries ?? [];
  let at = begin(outbox, 6 * list.length, FrameType.settings, ack ? Flag.ack : 0, 0);
  for (let i = 0; i < list.length; i++) {
    const [id, value] = list[i] as readonly [number, number];
    outbox.buffer[at] = id >>> 8;
    outbox.buffer[at + 1] = id;
    putUint32(outbox.buffer, at + 2, value);
    at += 6;
  }
}

/** @param payload eight octets from `from` on. */
export function putPing(outbox: Outbox, ack: boolean, payload: Buffer, from: number): void {
  const at = begin(outbox, 8, FrameType.ping, ack ? Flag.ack : 0, 0);
  payload.copy(outbox.buffer, at, from, from + 8);
}

export function putGoaway(outbox: Outbox, lastId: number, code: number): void {
  const at = begin(outbox, 8, FrameType.goaway, 0, 0);
  putUint32(outbox.buffer, at, lastId);
  putUint32(outbox.buffer, at + 4, code);
}

/** @param id 0 for the connection. */
export function putWindowUpdate(outbox: Outbox, id: number, increment: number): void {
  const at = begin(outbox, 4, FrameType.windowUpdate, 0, id);
  putUint32(outbox.buffer, at, increment);
}

/** Makes HEADERS and CONTINUATION frames of a block that stands behind nine free octets at `at` and ends the outbox. */
export function splitBlock(outbox: Outbox, at: number, maxFrameBytes: number, flags: number, id: number): void {
  const block = Buffer.from(outbox.buffer.subarray(at + HEADER_BYTES, outbox.length));
  const frames = Math.ceil(block.length / maxFrameBytes);
  outbox.length = at; // making room may send what is composed, and half a block must not be among it
  outbox.reserve(block.length + frames * HEADER_BYTES);
  let out = outbox.length;
  outbox.lastFrame = out;
  for (let i = 0; i < frames; i++) {
    const part = block.subarray(i * maxFrameBytes, (i + 1) * maxFrameBytes);
    const type = i === 0 ? FrameType.headers : FrameType.continuation;
    const last = i === frames - 1 ? Flag.endHeaders : 0;
    putFrameHeader(outbox.buffer, out, part.length, type, (i === 0 ? flags : 0) | last, id);
    part.copy(outbox.buffer, out + HEADER_BYTES);
    out += HEADER_BYTES + part.length;
  }
  outbox.length = out;
}
