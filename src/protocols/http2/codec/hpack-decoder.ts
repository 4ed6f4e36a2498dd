// @hot HPACK, the decoder (RFC 7541). It must read every block to its end, also of messages that are refused: the tables of both sides
// would differ from then on.
import type { FieldList } from "./field-list.ts";
import { type FieldName, type FieldNames, Rule } from "./field-name.ts";
import { type HeaderField, type HeaderFields, Indexing, plainField } from "./header-field.ts";
import { IntegerReader } from "./integer.ts";
import { FIRST_DYNAMIC, STATIC_TABLE } from "./static-table.ts";

// The static table as fields.
const STATIC_FIELDS: readonly HeaderField[] = STATIC_TABLE.map(([name, value], i) => {
  const field = plainField(name, value, Indexing.incremental);
  field.staticIndex = i + 1;
  return field;
}); // cold: once

/** Names and fields that were seen before; one memory serves all connections of an event loop. */
export interface FieldMemory {
  readonly names: FieldNames;
  readonly fields: HeaderFields;
}

/** Bounds on what one block may hold. */
export interface BlockLimits {
  readonly maxFields: number;
  readonly maxBytes: number;
}

const FIRST_ENTRIES = 16;

/** The decoding half of one connection. */
export class HpackDecoder {
  readonly #memory: FieldMemory;
  readonly #integer = new IntegerReader();
  /** What we allow: SETTINGS_HEADER_TABLE_SIZE as the peer has acknowledged it. */
  #allowedBytes: number;
  /** What the peer uses of it. */
  #maxBytes: number;
  #bytes = 0;
  // The dynamic table as a ring, newest first: `#newest` is the place of index 62.
  #ring: (HeaderField | null)[];
  #newest = 0;
  #count = 0;
  /** A block must begin by saying that the table is smaller now (§4.2). */
  #mustShrink = false;

  // The value being read.
  #huffman = false;
  #valueStart = 0;
  #valueEnd = 0;

  constructor(memory: FieldMemory, allowedBytes: number) {
    this.#memory = memory;
    this.#allowedBytes = allowedBytes;
    this.#maxBytes = allowedBytes;
    this.#ring = new Array<HeaderField | null>(FIRST_ENTRIES).fill(null);
  }

  /** Octets in the dynamic table. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /** The peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE. */
  allow(bytes: number): void {
    this.#allowedBytes = bytes;
    if (bytes < this.#maxBytes) this.#mustShrink = true;
  }

  /**
   * Decodes a whole header block into `list`, which keeps what `limits` allow.
   * @returns false when the block is malformed: COMPRESSION_ERROR, the connection cannot go on.
   */
  decode(block: Buffer, start: number, end: number, list: FieldList, limits: BlockLimits): boolean {
    let at = start;
    let begun = false;
    while (at < end) {
      const first = block[at] as number;
      if (first < 32 || first >= 64) {
        if (this.#mustShrink) return false;
        begun = true;
      }
      if (first >= 128) at = this.#indexed(block, at, end, list, limits);
      else if (first >= 64) at = this.#literal(block, at, end, 6, Indexing.incremental, list, limits);
      else if (first >= 32) at = begun ? -1 : this.#resize(block, at, end);
      else if (first >= 16) at = this.#literal(block, at, end, 4, Indexing.never, list, limits);
      else at = this.#literal(block, at, end, 4, Indexing.without, list, limits);
      if (at < 0) return false;
    }
    return true;
  }

  #indexed(block: Buffer, at: number, end: number, list: FieldList, limits: BlockLimits): number {
    const field = this.#entry(this.#integer.read(block, at, end, 7));
    if (field === null || this.#integer.next < 0) return -1;
    if (field.staticIndex === 0) field.name.met(true);
    list.add(field, limits.maxFields, limits.maxBytes);
    return this.#integer.next;
  }

  #entry(index: number): HeaderField | null {
    if (index < FIRST_DYNAMIC) return index === 0 ? null : (STATIC_FIELDS[index - 1] as HeaderField);
    const back = index - FIRST_DYNAMIC;
    if (back >= this.#count) return null;
    return this.#ring[(this.#newest - back) & (this.#ring.length - 1)] as HeaderField;
  }

  // §6.3: only up to what is allowed.
  #resize(block: Buffer, at: number, end: number): number {
    const bytes = this.#integer.read(block, at, end, 5);
    if (this.#integer.next < 0 || bytes > this.#allowedBytes) return -1;
    this.#maxBytes = bytes;
    this.#mustShrink = false;
    this.#evict(0);
    return this.#integer.next;
  }

  #literal(
    block: Buffer,
    at: number,
    end: number,
    bits: number,
    indexing: Indexing,
    list: FieldList,
    limits: BlockLimits,
  ): number {
    const index = this.#integer.read(block, at, end, bits);
    let next = this.#integer.next;
    if (next < 0) return -1;
    let name: FieldName | null;
    if (index > 0) name = this.#entry(index)?.name ?? null;
    else {
      next = this.#string(block, next, end);
      if (next < 0) return -1;
      name = this.#memory.names.of(block, this.#valueStart, this.#valueEnd, this.#huffman);
    }
    if (name === null) return -1;
    next = this.#string(block, next, end);
    if (next < 0) return -1;
    return this.#take(name, indexing, block, list, limits) ? next : -1;
  }

  #take(name: FieldName, indexing: Indexing, block: Buffer, list: FieldList, limits: BlockLimits): boolean {
    const start = this.#valueStart;
    const valueEnd = this.#valueEnd;
    const huffman = this.#huffman;
    const { maxFields, maxBytes } = limits;
    // To find a value again costs more than to carry it along, unless somebody reads it or a table has it: what was met last may be far away in
    // memory, while the message is near.
    if (
      indexing === Indexing.never ||
      (indexing === Indexing.without && (name.rule === Rule.any || name.seemsUnique))
    ) {
      return list.addOwn(name, indexing, huffman, block, start, valueEnd, maxFields, maxBytes);
    }
    const field = this.#memory.fields.of(name, indexing, huffman, block, start, valueEnd);
    if (field === null) return false;
    if (indexing === Indexing.incremental) this.#insert(field);
    list.add(field, maxFields, maxBytes);
    return true;
  }

  #string(block: Buffer, at: number, end: number): number {
    if (at >= end) return -1;
    this.#huffman = (block[at] as number) >= 128;
    const length = this.#integer.read(block, at, end, 7);
    const start = this.#integer.next;
    if (start < 0 || start + length > end) return -1;
    this.#valueStart = start;
    this.#valueEnd = start + length;
    return start + length;
  }

  // §4.4: what does not fit at all empties the table, and is no error.
  #insert(field: HeaderField): void {
    const size = field.size;
    this.#evict(size);
    if (size > this.#maxBytes) return;
    if (this.#count === this.#ring.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1);
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#bytes += size;
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#bytes + room > this.#maxBytes) {
      const oldest = (this.#newest - this.#count + 1) & (this.#ring.length - 1);
      this.#bytes -= (this.#ring[oldest] as HeaderField).size;
      this.#ring[oldest] = null;
      this.#count--;
    }
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<HeaderField | null>(old.length * 2).fill(null);
    for (let back = 0; back < this.#count; back++) {
      ring[this.#count - 1 - back] = old[(this.#newest - back) & (old.length - 1)] as HeaderField;
    }
    this.#ring = ring;
    this.#newest = this.#count - 1;
  }
}
