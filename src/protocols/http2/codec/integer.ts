// @hot Integers with a prefix (RFC 7541 §5.1).

/** The largest integer read: no length or index of ours is larger, and it cannot overflow. */
const LARGEST = 0x0fff_ffff;

/** Reads integers one after another from a block. */
export class IntegerReader {
  /** The position after what was read last; -1 when the block ended in the middle of it, or it is too large. */
  next = 0;

  /** Reads an integer whose first octet, at `at`, holds `bits` bits of it. */
  read(buffer: Buffer, at: number, end: number, bits: number): number {
    const most = (1 << bits) - 1;
    let value = (buffer[at] as number) & most;
    if (value < most) {
      this.next = at + 1;
      return value;
    }
    for (let i = at + 1, shift = 0; i < end && shift <= 28; i++, shift += 7) {
      const byte = buffer[i] as number;
      value += (byte & 127) * 2 ** shift;
      if (value > LARGEST) break;
      if (byte < 128) {
        this.next = i + 1;
        return value;
      }
    }
    this.next = -1;
    return 0;
  }
}

/** Writes `value` with `first` in the bits before its prefix; returns the position after it. */
export function putInteger(buffer: Buffer, at: number, first: number, bits: number, value: number): number {
  const most = (1 << bits) - 1;
  if (value < most) {
    buffer[at] = first | value;
    return at + 1;
  }
  buffer[at] = first | most;
  let rest = value - most;
  let out = at + 1;
  while (rest >= 128) {
    buffer[out++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[out] = rest;
  return out + 1;
}
