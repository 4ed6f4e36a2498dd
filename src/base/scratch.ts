// @hot One buffer per event loop in which messages are composed, so that each message leaves in one write and nothing is
// allocated for it (data-path §2: two writes per message cost 46 % more, a buffer per message 5 %).

import { putLatin1 } from "./bytes.ts";

/** Whoever is composing a message in the scratch buffer. */
export interface Composer {
  /** Sends `scratch.buffer[0, scratch.length)`; true when the buffer may be reused at once, false when it was lent. */
  sendScratch(buffer: Buffer, length: number): boolean;
}

const SIZE = 160 * 1024;
/** From so many lent buffers on, messages are copied before sending: many stuck peers must not hold a buffer of this size each. */
const MAX_LENT = 32;
/** Buffers that were lent are kept: dropping one only to make another makes garbage that the collector does not see as large. */
const KEPT = MAX_LENT;

/**
 * The loop's composing buffer. At most one composer holds it; whoever claims it next first sends what the previous one
 * has composed. The transport flushes it after every read callback, so protocols need not remember to.
 */
export class Scratch {
  buffer: Buffer = Buffer.allocUnsafeSlow(SIZE);
  /** Bytes composed so far. */
  length = 0;
  #owner: Composer | null = null;
  readonly #spare: Buffer[] = [];
  #lent = 0;

  /** Is `composer` in the middle of a message? */
  heldBy(composer: Composer): boolean {
    return this.#owner === composer;
  }

  /** Makes `composer` the holder; appends if it already is. */
  claim(composer: Composer): void {
    if (this.#owner === composer) return;
    if (this.#owner !== null) this.flush();
    this.#owner = composer;
    this.length = 0;
  }

  /** Makes room for `bytes` more, growing the buffer when a single message is larger than it. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  /** Appends a range of another buffer. */
  append(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.buffer, this.length, start, end);
    this.length += end - start;
  }

  /** Appends text whose characters are all below 256. */
  appendText(text: string): void {
    this.reserve(text.length);
    this.length = putLatin1(this.buffer, this.length, text);
  }

  /** Sends what is composed and lets go. */
  flush(): void {
    const owner = this.#owner;
    if (owner === null) return;
    this.#owner = null;
    const length = this.length;
    this.length = 0;
    if (length === 0) return;
    const buffer = this.buffer;
    if (this.#lent >= MAX_LENT) {
      const copy = Buffer.allocUnsafeSlow(length);
      buffer.copy(copy, 0, 0, length);
      if (!owner.sendScratch(copy, length) && length >= SIZE) this.#lent++; // `recycle` cannot tell it from the others
      return;
    }
    if (owner.sendScratch(buffer, length)) return;
    this.#lent++;
    this.buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(SIZE);
  }

  /** Drops what `composer` had composed, when its stream is gone. */
  abandon(composer: Composer): void {
    if (this.#owner !== composer) return;
    this.#owner = null;
    this.length = 0;
  }

  /** Takes back a buffer that was lent. */
  recycle(buffer: Buffer): void {
    if (buffer.length < SIZE) return; // a copy, see flush
    this.#lent--;
    if (buffer.length === SIZE && this.#spare.length < KEPT) this.#spare.push(buffer);
  }
}
