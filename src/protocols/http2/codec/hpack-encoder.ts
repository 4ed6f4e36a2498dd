// @hot HPACK, the encoder (RFC 7541). It keeps to the choice of whoever sent a field: what was indexed is indexed, what must never be is never.
// The table is two arrays keyed by the number of a field: a collision costs a literal, nothing more.
import { copyBytes } from "../../../base/bytes.ts";
import { ENTRY_OVERHEAD, type FieldName } from "./field-name.ts";
import { type HeaderField, Indexing } from "./header-field.ts";
import { putInteger } from "./integer.ts";
import { FIRST_DYNAMIC } from "./static-table.ts";

const SLOTS = 256;
const MASK = SLOTS - 1;
/** We use no more of a peer's table: a larger one only costs both memory. */
const MOST_BYTES = 4096;
/** No table of ours has more entries. A power of two. */
const RING: number = MOST_BYTES / ENTRY_OVERHEAD;

const NO_SLOTS = new Int32Array(0);
const NO_SIZES = new Uint16Array(0);

const FIRST_BITS = { incremental: 0x40, without: 0, never: 0x10 } as const;

/** The encoding half of one connection. */
export class HpackEncoder {
  // By `number & MASK`: whose slot it is, and as which insertion it stands in the table.
  // They are made with the first entry: a connection that has not answered yet has none.
  #fields = NO_SLOTS;
  #fieldAt = NO_SLOTS;
  #names = NO_SLOTS;
  #nameAt = NO_SLOTS;
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
    const slot = field.number & MASK;
    if (this.#fields[slot] === field.number) {
      const back = this.#inserted - (this.#fieldAt[slot] as number);
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
    const slot = name.number & MASK;
    if (this.#names[slot] === name.number) {
      const back = this.#inserted - (this.#nameAt[slot] as number);
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
    if (this.#inserted === 0) this.#makeSlots();
    this.#evict(size);
    const at = ++this.#inserted;
    this.#sizes[at & (RING - 1)] = size;
    this.#count++;
    this.#bytes += size;
    const slot = field.number & MASK;
    this.#fields[slot] = field.number;
    this.#fieldAt[slot] = at;
    const nameSlot = field.name.number & MASK;
    this.#names[nameSlot] = field.name.number;
    this.#nameAt[nameSlot] = at;
  }

  #makeSlots(): void {
    this.#fields = new Int32Array(SLOTS);
    this.#fieldAt = new Int32Array(SLOTS);
    this.#names = new Int32Array(SLOTS);
    this.#nameAt = new Int32Array(SLOTS);
    this.#sizes = new Uint16Array(RING);
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#bytes + room > this.#maxBytes) {
      const oldest = this.#inserted - this.#count + 1;
      this.#bytes -= this.#sizes[oldest & (RING - 1)] as number;
      this.#count--;
    }
  }
}
