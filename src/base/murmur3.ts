// MurmurHash3, x86 32-bit (Austin Appleby, public domain), in the pieces that Scala's library has: hashes agree with those of Finagle.
// All numbers are signed 32-bit.

/** Takes in one block. */
function mix(hash: number, block: number): number {
  const mixed = rotated(mixLast(hash, block), 13);
  return (Math.imul(mixed, 5) + 0xe6546b64) | 0;
}

/** Takes in the last, perhaps incomplete block. */
export function mixLast(hash: number, block: number): number {
  return hash ^ Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

/** Ends a hash of so many octets, or elements. */
export function finalize(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export function hashOctets(octets: Uint8Array, seed: number): number {
  const whole = octets.length & ~3;
  let hash = seed;
  for (let at = 0; at < whole; at += 4) hash = mix(hash, littleEndian(octets.subarray(at, at + 4)));
  if (whole < octets.length) hash = mixLast(hash, littleEndian(octets.subarray(whole)));
  return finalize(hash, octets.length);
}

/** A hash of numbers in their order (Scala's `orderedHash`). */
export function hashOrdered(elements: readonly number[], seed: number): number {
  return finalize(elements.reduce(mix, seed), elements.length);
}

function littleEndian(octets: Uint8Array): number {
  return octets.reduce((block, octet, at) => block | (octet << (8 * at)), 0);
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
