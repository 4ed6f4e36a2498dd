// @hot HPACK, the encoder (RFC 7541). It keeps to the choice of whoever sent a field: what was indexed is indexed, what must never be is never.
// The table is two arrays keyed by the numbers of fields and names: a collision costs a literal, nothing more.
import { copyBytes } from "../../../base/bytes.ts";
import { ENTRY_OVERHEAD, type FieldName } from "./field-name.ts";
import { type HeaderField, Indexing } from "./header-field.ts";
import { putInteger } from "./integer.ts";
import { FIRST_DYNAMIC } from "./static-table.ts";

/** Slots of a table at first, enough for what a service says of itself, and at most. Powers of two. */
const FIRST_SLOTS = 64;
const MOST_SLOTS = 256;
/** We use no more of a peer's table: a larger one only costs both memory. */
const MOST_BYTES = 4096;
/** No table of ours has more entries. A power of two. */
const RING: number = MOST_BYTES / ENTRY_OVERHEAD;

const NO_SLOTS = new Int32Array(0);
const NO_SIZES = new Uint16Array(0);

const FIRST_BITS = { incremental: 0x40, without: 0, never: 0x10 } as const;

/** The encoding half of one connection. */
export class HpackEncoder {
  // By the lower bits of a number, pairs: whose slot it is, and as which insertion it stands in the table.
  // They are made with the first entry, and grow: a connection that has not answered yet has none, and most need few.
  #fields = NO_SLOTS;
  #names = NO_SLOTS;
  #mask = 0;
  #sizes = NO_SIZES;
  #inserted = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;
  /** Sizes to announce at the beginning of the next block (§4.2): the smallest since the last one, and the one that holds. */
  #smallest = -1;

  /** @param peerBytes the peer's SETTINGS_HEADER_TABLE_SIZE. */
  constructor(peerBytes = MOST_BYTES) {
    this.#maxBytes = Math.min(peerBytes, MOST_BYTES);
    if (peerBytes < MOST_BYTES) this.#smallest = this.#maxBytes;
  }

  /** Octets in the dynamic table. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /** The peer has changed its SETTINGS_HEADER_TABLE_SIZE. */
  allow(peerBytes: number): void {
    const bytes = Math.min(peerBytes, MOST_BYTES);
    if (bytes === this.#maxBytes) return;
    this.#smallest = this.#smallest < 0 ? Math.min(bytes, this.#maxBytes) : Math.min(bytes, this.#smallest);
    this.#maxBytes = bytes;
    this.#evict(0);
  }

  /** Bytes that `begin` may need. */
  static readonly BEGIN_BYTES = 8;

  /** Begins a block; returns the position after what must stand there. */
  begin(buffer: Buffer, at: number): number {
    if (this.#smallest < 0) return at;
    let out = at;
    if (this.#smallest < this.#maxBytes) out = putInteger(buffer, out, 0x20, 5, this.#smallest);
    out = putInteger(buffer, out, 0x20, 5, this.#maxBytes);
    this.#smallest = -1;
    return out;
  }

  /** Writes a field; returns the position after it. `field.room` octets must be there. */
  field(buffer: Buffer, at: number, field: HeaderField): number {
    if (field.staticIndex > 0) {
      buffer[at] = 0x80 | field.staticIndex;
      return at + 1;
    }
    // A value that never comes again would only push others out, whatever its sender thinks.
    if (field.indexing !== Indexing.incremental || field.name.unique) {
      const first = field.indexing === Indexing.never ? FIRST_BITS.never : FIRST_BITS.without;
      return this.#value(buffer, this.#name(buffer, at, first, 4, field.name), field);
    }
    const slot = (field.number & this.#mask) << 1;
    if (this.#fields[slot] === field.number) {
      const back = this.#inserted - (this.#fields[slot + 1] as number);
      if (back < this.#count) return putInteger(buffer, at, 0x80, 7, FIRST_DYNAMIC + back);
    }
    const size = field.size;
    if (size > this.#maxBytes)
      return this.#value(buffer, this.#name(buffer, at, FIRST_BITS.without, 4, field.name), field);
    const out = this.#value(buffer, this.#name(buffer, at, FIRST_BITS.incremental, 6, field.name), field);
    this.#insert(field, size);
    return out;
  }

  /** Writes a literal that is not indexed, up to its value; the caller writes the value's length (7 bits, no Huffman code) and octets. */
  literalName(buffer: Buffer, at: number, name: FieldName): number {
    return this.#name(buffer, at, FIRST_BITS.without, 4, name);
  }

  #name(buffer: Buffer, at: number, first: number, bits: number, name: FieldName): number {
    if (name.staticIndex > 0) return putInteger(buffer, at, first, bits, name.staticIndex);
    const slot = (name.number & this.#mask) << 1;
    if (this.#names[slot] === name.number) {
      const back = this.#inserted - (this.#names[slot + 1] as number);
      if (back < this.#count) return putInteger(buffer, at, first, bits, FIRST_DYNAMIC + back);
    }
    buffer[at] = first;
    const { octets } = name;
    const { length } = octets;
    return copyBytes(octets, 0, length, buffer, putInteger(buffer, at + 1, name.huffman ? 0x80 : 0, 7, length));
  }

  #value(buffer: Buffer, at: number, field: HeaderField): number {
    return field.putRaw(buffer, putInteger(buffer, at, field.huffman ? 0x80 : 0, 7, field.rawLength));
  }

  #insert(field: HeaderField, size: number): void {
    this.#evict(size);
    if (4 * this.#count >= this.#mask && this.#mask < MOST_SLOTS - 1) this.#grow();
    const at = ++this.#inserted;
    this.#sizes[at & (RING - 1)] = size;
    this.#count++;
    this.#bytes += size;
    this.#put(this.#fields, field.number, at);
    this.#put(this.#names, field.name.number, at);
  }

  #put(slots: Int32Array, number: number, at: number): void {
    const slot = (number & this.#mask) << 1;
    slots[slot] = number;
    slots[slot + 1] = at;
  }

  #grow(): void {
    if (this.#inserted === 0) this.#sizes = new Uint16Array(RING);
    const slots = this.#mask === 0 ? FIRST_SLOTS : Math.min(4 * (this.#mask + 1), MOST_SLOTS);
    this.#mask = slots - 1;
    this.#fields = this.#spread(this.#fields, slots);
    this.#names = this.#spread(this.#names, slots);
  }

  #spread(before: Int32Array, slots: number): Int32Array<ArrayBuffer> {
    const pairs = new Int32Array(2 * slots);
    for (let i = 0; i < before.length; i += 2) {
      const number = before[i] as number;
      if (number > 0) this.#put(pairs, number, before[i + 1] as number);
    }
    return pairs;
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#bytes + room > this.#maxBytes) {
      const oldest = this.#inserted - this.#count + 1;
      this.#bytes -= this.#sizes[oldest & (RING - 1)] as number;
      this.#count--;
    }
  }
}
