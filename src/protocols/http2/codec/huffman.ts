// @hot The Huffman code of RFC 7541 Appendix B. The code is canonical, so the lengths of its words are all there is to know; the words
// and the decoder's automaton follow from them.

/** Length in bits of the word of each octet, and of EOS (256). */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
] as const;
const EOS = 256;

const LONGEST = 30;

// Canonical: words of one length follow each other in the order of their octets, and the first of a length follows the last of the one before.
function canonicalWords(): Uint32Array {
  const count = new Uint16Array(LONGEST + 1);
  for (let octet = 0; octet < LENGTHS.length; octet++) count[LENGTHS[octet] as number]!++;
  const next = new Uint32Array(LONGEST + 1);
  for (let length = 1; length <= LONGEST; length++) {
    next[length] = ((next[length - 1] as number) + (count[length - 1] as number)) << 1;
  }
  const words = new Uint32Array(LENGTHS.length);
  for (let octet = 0; octet < LENGTHS.length; octet++) words[octet] = next[LENGTHS[octet] as number]!++;
  return words;
}

const WORDS = canonicalWords();

// The automaton reads four bits at a time. An entry holds the state that follows, the octet that a word ended with, and flags. The shortest
// word has five bits, so four bits end at most one.
const EMITS = 1 << 8;
const FAILS = 1 << 9;
/** The octet may not stand in a field value (RFC 9113 §8.2.1). */
const FORBIDS = 1 << 10;
const STATE_SHIFT = 16;

/** Inner nodes of the code's tree, which are the states: one less than it has words. */
const NODES = EOS;

/** By node and bit: the next node, or `-1 - octet`, or 0 for none. */
function buildTree(): Int16Array {
  const next = new Int16Array(2 * NODES);
  let nodes = 1;
  for (let octet = 0; octet <= EOS; octet++) {
    const length = LENGTHS[octet] as number;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const at = 2 * node + (((WORDS[octet] as number) >>> bit) & 1);
      if (bit === 0) next[at] = -1 - octet;
      else if (next[at] === 0) next[at] = nodes++;
      node = next[at] as number;
    }
  }
  return next;
}

// RFC 9113 §8.2.1 names NUL, CR and LF; RFC 9110 §5.5 allows no control at all but HTAB.
function isForbidden(octet: number): boolean {
  return (octet < 32 && octet !== 9) || octet === 127;
}

function buildAutomaton(tree: Int16Array): Int32Array {
  const table = new Int32Array(NODES * 16);
  for (let node = 0; node < NODES; node++) {
    for (let nibble = 0; nibble < 16; nibble++) table[node * 16 + nibble] = step(tree, node, nibble);
  }
  return table;
}

function step(tree: Int16Array, from: number, nibble: number): number {
  let node = from;
  let entry = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[2 * node + ((nibble >>> bit) & 1)] as number;
    if (next >= 0) {
      node = next;
      continue;
    }
    const octet = -1 - next;
    if (octet === EOS) return FAILS;
    entry |= EMITS | octet | (isForbidden(octet) ? FORBIDS : 0);
    node = 0;
  }
  return entry | (node << STATE_SHIFT);
}

/** States in which a text may end: fewer than eight bits of padding, all ones (RFC 7541 §5.2). */
const MAY_END = new Uint8Array(NODES);

function markEnds(tree: Int16Array): void {
  for (let node = 0, depth = 0; depth < 8; depth++) {
    MAY_END[node] = 1;
    node = tree[2 * node + 1] as number;
  }
}

/** What `measureHuffman` says of what is no code. */
export const MALFORMED = -1;

/** The length that a negative answer of `measureHuffman` other than `MALFORMED` stands for: of a text that is no field value. */
export function forbiddenLength(measured: number): number {
  return -2 - measured;
}

function isBlank(octet: number): boolean {
  return octet === 32 || octet === 9;
}

// The automatons proper read a whole octet at a time, which ends one word or two at most. They are made when the first text comes: a proxy that
// never meets HTTP/2 has neither their memory nor that of the compiler which so many steps would call.

/** Calls `take` with every state and octet, and the entries of the automaton above for both halves of the octet. */
function forEachOctet(take: (index: number, high: number, low: number) => void): void {
  const tree = buildTree();
  const automaton = buildAutomaton(tree);
  markEnds(tree);
  for (let state = 0; state < NODES; state++) {
    for (let octet = 0; octet < 256; octet++) {
      const high = automaton[(state << 4) | (octet >>> 4)] as number;
      take((state << 8) | octet, high, automaton[((high >>> STATE_SHIFT) << 4) | (octet & 15)] as number);
    }
  }
}

// What measuring asks for has room in 16 bits: how many octets are decoded, whether the code is broken, one of them forbidden or the last one a
// blank, and the state that follows where the index needs it. Every value that is not remembered is measured, and each step waits for the one
// before: half the memory is found twice as near.
const COUNT = 3;
const BROKEN = 1 << 2;
const FORBIDDEN = 1 << 3;
const BLANK = 1 << 4;
const NEXT = 0xff00;
let measuring: Uint16Array | null = null;

function makeMeasuring(): Uint16Array {
  const table = new Uint16Array(NODES * 256);
  forEachOctet((index, high, low) => {
    const count = ((high & EMITS) === 0 ? 0 : 1) + ((low & EMITS) === 0 ? 0 : 1);
    const broken = ((high | low) & FAILS) === 0 ? 0 : BROKEN;
    const forbidden = ((high | low) & FORBIDS) === 0 ? 0 : FORBIDDEN;
    const blank = isBlank(((low & EMITS) === 0 ? high : low) & 255) ? BLANK : 0;
    table[index] = count | broken | forbidden | blank | ((low >>> STATE_SHIFT) << 8);
  });
  return table;
}

/**
 * Length in octets of the text coded in `buffer[start, end)`, without decoding it. Negative when it is no code at all (`MALFORMED`), or no
 * field value (`forbiddenLength`): it holds a control, or has a blank at an end (RFC 9113 §8.2.1).
 */
export function measureHuffman(buffer: Buffer, start: number, end: number): number {
  const table = (measuring ??= makeMeasuring());
  let state = 0;
  let length = 0;
  let flags = 0;
  let last = 0;
  for (let at = start; at < end; at++) {
    const entry = table[state | (buffer[at] as number)] as number;
    state = entry & NEXT;
    flags |= entry;
    const count = entry & COUNT;
    length += count;
    if (count !== 0) last = entry;
  }
  return verdict(state, flags, length, last, length > 0 && beginsBlank(buffer, start, end));
}

/**
 * The same, and copies the code to `into[to, …)`. Measuring waits for memory at every step: the copy is made meanwhile.
 */
export function copyHuffman(buffer: Buffer, start: number, end: number, into: Buffer, to: number): number {
  const table = (measuring ??= makeMeasuring());
  let state = 0;
  let length = 0;
  let flags = 0;
  let last = 0;
  for (let at = start, out = to; at < end; at++, out++) {
    const octet = buffer[at] as number;
    into[out] = octet;
    const entry = table[state | octet] as number;
    state = entry & NEXT;
    flags |= entry;
    const count = entry & COUNT;
    length += count;
    if (count !== 0) last = entry;
  }
  return verdict(state, flags, length, last, length > 0 && beginsBlank(buffer, start, end));
}

function verdict(state: number, flags: number, length: number, last: number, startsBlank: boolean): number {
  if ((flags & BROKEN) !== 0 || MAY_END[state >>> 8] === 0) return MALFORMED;
  const blank = startsBlank || (last & BLANK) !== 0;
  return (flags & FORBIDDEN) === 0 && !blank ? length : -2 - length;
}

// The words of SP (six bits) and of HTAB (24 bits).
function beginsBlank(buffer: Buffer, start: number, end: number): boolean {
  const first = buffer[start] as number;
  if (first >>> 2 === 0x14) return true;
  return first === 255 && end - start > 2 && buffer[start + 1] === 255 && buffer[start + 2] === 0xea;
}

// For decoding: the last octet decoded, the one before it, how many there are, and the state that follows.
const FIRST_SHIFT = 8;
const COUNT_SHIFT = 16;
const NEXT_SHIFT = 20;
let decoding: Int32Array | null = null;

function makeDecoding(): Int32Array {
  const table = new Int32Array(NODES * 256);
  forEachOctet((index, high, low) => {
    const count = ((high & EMITS) === 0 ? 0 : 1) + ((low & EMITS) === 0 ? 0 : 1);
    const last = ((low & EMITS) === 0 ? high : low) & 255;
    table[index] =
      last | ((high & 255) << FIRST_SHIFT) | (count << COUNT_SHIFT) | ((low >>> STATE_SHIFT) << NEXT_SHIFT);
  });
  return table;
}

/** Decodes a text that `measureHuffman` found well-formed into `into`; returns the position after it. */
export function decodeHuffman(buffer: Buffer, start: number, end: number, into: Buffer, at: number): number {
  const table = (decoding ??= makeDecoding());
  let state = 0;
  let out = at;
  for (let i = start; i < end; i++) {
    const entry = table[(state << 8) | (buffer[i] as number)] as number;
    state = entry >>> NEXT_SHIFT;
    const count = (entry >>> COUNT_SHIFT) & 3;
    if (count === 1) into[out++] = entry & 255;
    else if (count === 2) {
      into[out] = (entry >>> FIRST_SHIFT) & 255;
      into[out + 1] = entry & 255;
      out += 2;
    }
  }
  return out;
}

/** Length in octets of `text` (characters below 256) when it is coded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 255] as number;
  return (bits + 7) >>> 3;
}

/** `text` coded, one character per octet. Not for every request: what is sent often is coded once. */
export function encodeHuffman(text: string): string {
  const bytes = Buffer.allocUnsafe(huffmanLength(text));
  let at = 0;
  let held = 0; // bits that do not fill an octet yet: at most 7 + 30
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 255;
    const length = LENGTHS[octet] as number;
    held = held * 2 ** length + (WORDS[octet] as number);
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      const top = Math.floor(held / 2 ** bits);
      bytes[at++] = top;
      held -= top * 2 ** bits;
    }
  }
  if (bits > 0) bytes[at] = held * 2 ** (8 - bits) + (2 ** (8 - bits) - 1);
  return bytes.toString("latin1");
}
