// Randomness as a parameter: seeded in tests, so that statistics repeat.

/** A source of pseudo-random numbers; not for secrets. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number, uniform in [0, bound). */
  int(bound: number): number;
  /** 32 random bits, as an unsigned number. */
  bits32(): number;
}

/**
 * sfc32, a small fast counting generator (Chris Doty-Humphrey, PractRand): four 32-bit words of state, no allocation per number.
 * @param seed any whole number; equal seeds give equal sequences.
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = (seed / 0x1_0000_0000) | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  // A signed number: it fits a small integer, so that a call which is not inlined allocates nothing.
  const step = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t;
  };
  for (let round = 0; round < 12; round++) step();
  return {
    bits32: () => step() >>> 0,
    next: () => (step() >>> 0) / 0x1_0000_0000,
    int: (bound) => Math.floor(((step() >>> 0) / 0x1_0000_0000) * bound),
  };
}

/** A generator with an unpredictable seed. */
export function systemRandom(): Random {
  return seededRandom(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
}
