// @hot Text of byte ranges that come again and again, such as host names: made once, and found by its bytes from then on. That saves
// making the string, hashing it, and comparing it where it is looked up.
import { latin1 } from "./bytes.ts";

const SLOTS = 1024;
const MAX_BYTES = 64;

/** A bounded memory of short texts. Text that shares its slot with another replaces it. */
export class InternedText {
  readonly #texts: string[] = new Array<string>(SLOTS).fill("");

  /** `buffer[start, end)` as text, one character per byte. */
  of(buffer: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > MAX_BYTES) return latin1(buffer, start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (buffer[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 11) ^ (hash >>> 22)) & (SLOTS - 1);
    const known = this.#texts[slot] as string;
    if (known.length === length && isText(buffer, start, known)) return known;
    return (this.#texts[slot] = latin1(buffer, start, end));
  }
}

function isText(buffer: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (buffer[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
