// @hot Text in buffers. The request path is bytes; text is made only when somebody needs a string.

/** `buffer[start, end)` as text, one character per byte. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return buffer.toString("latin1", start, end);
}

/** Writes text whose characters are all below 256; returns the position after it. */
export function putLatin1(buffer: Buffer, at: number, text: string): number {
  return at + buffer.write(text, at, "latin1");
}

/** Does `buffer[start, end)` equal `text` (which is in lower case), whatever the case of the bytes? */
export function equalsLower(buffer: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = buffer[start + i] as number;
    const lower = byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}
