// @hot The fields of one header block, in order. Values that are not remembered stand in the list's own memory, so that a list outlives
// the buffer it was read from, and a secret is gone when the list is used again.
import { shortBuffer, wipe } from "../../../base/bytes.ts";
import type { FieldName } from "./field-name.ts";
import { checkAndCopy, HeaderField, Indexing } from "./header-field.ts";
import { MALFORMED, measureHuffman } from "./huffman.ts";

const NO_BYTES = Buffer.alloc(0);
const FIRST_BYTES = 256;
/** Memory beyond this goes back when a list is used again. */
const KEPT_BYTES = 4096;
const KEPT_FIELDS = 64;
/** A request of gRPC with what a mesh adds, and some metadata. */
const FIRST_FIELDS = 24;
/** Of these so many are new with every request. */
const FIRST_OWN = 8;

/** Fields of a message, with bounds on their number and size. */
export class FieldList {
  // Arrays that grow by themselves grow by much: ten thousand open streams have one of these each.
  readonly fields = new Array<HeaderField>(FIRST_FIELDS);
  count = 0;
  /** Octets as RFC 9113 §6.5.2 (SETTINGS_MAX_HEADER_LIST_SIZE) counts them. */
  size = 0;
  /** Octets they may need in a block. */
  room = 0;
  /** There were more fields or octets than allowed; the rest is not kept. */
  tooLarge = false;
  #bytes: Buffer = NO_BYTES;
  #used = 0;
  /** The last secret in it ends here. */
  #secretEnd = 0;
  readonly #own: HeaderField[] = new Array<HeaderField>(FIRST_OWN);
  #ownMade = 0;
  #ownUsed = 0;

  clear(): void {
    for (let i = 0; i < this.#ownUsed; i++) (this.#own[i] as HeaderField).forget();
    if (this.#secretEnd > 0) wipe(this.#bytes, this.#secretEnd);
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = NO_BYTES;
    if (this.fields.length > KEPT_FIELDS) this.fields.length = KEPT_FIELDS;
    if (this.#ownMade > KEPT_FIELDS) {
      this.#own.length = KEPT_FIELDS;
      this.#ownMade = KEPT_FIELDS;
    }
    this.count = 0;
    this.size = 0;
    this.room = 0;
    this.tooLarge = false;
    this.#used = 0;
    this.#secretEnd = 0;
    this.#ownUsed = 0;
  }

  /** Adds a field that is remembered elsewhere. */
  add(field: HeaderField, maxFields: number, maxBytes: number): void {
    this.size += field.size;
    if (this.size > maxBytes || this.count >= maxFields) {
      this.tooLarge = true;
      return;
    }
    this.room += field.room;
    this.fields[this.count++] = field;
  }

  /**
   * Adds a field whose value is kept here.
   * @returns false when the value is no Huffman code.
   */
  addOwn(
    name: FieldName,
    indexing: Indexing,
    huffman: boolean,
    source: Buffer,
    start: number,
    end: number,
    maxFields: number,
    maxBytes: number,
  ): boolean {
    if (this.tooLarge) return !huffman || measureHuffman(source, start, end) !== MALFORMED;
    const field = this.#take(name);
    const at = this.#used;
    const needed = at + end - start;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#used = needed;
    if (indexing === Indexing.never || name.secret) this.#secretEnd = needed;
    field.point(name, indexing, huffman, this.#bytes, at, needed);
    if (!checkAndCopy(field, source, start, end, this.#bytes, at)) return false;
    this.add(field, maxFields, maxBytes);
    return true;
  }

  #take(name: FieldName): HeaderField {
    if (this.#ownUsed === this.#ownMade) this.#own[this.#ownMade++] = new HeaderField(name);
    return this.#own[this.#ownUsed++] as HeaderField;
  }

  // Fields before go with it: the old memory would last as long as they do, and a secret in it for as long as it pleases the heap.
  #grow(needed: number): void {
    const grown = shortBuffer(Math.max(FIRST_BYTES, needed * 2));
    this.#bytes.copy(grown, 0, 0, this.#used);
    for (let i = 0; i < this.#ownUsed; i++) (this.#own[i] as HeaderField).bytes = grown;
    if (this.#secretEnd > 0) wipe(this.#bytes, this.#secretEnd);
    this.#bytes = grown;
  }

  /** Takes over the fields of another list, which may then be used again. */
  copyFrom(other: FieldList): void {
    this.clear();
    for (let i = 0; i < other.count; i++) {
      const field = other.fields[i] as HeaderField;
      if (field.number > 0) this.add(field, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      else {
        const { name, indexing, huffman, bytes, start, end } = field;
        const infinite = Number.POSITIVE_INFINITY;
        this.addOwn(name, indexing, huffman, bytes, start, end, infinite, infinite);
      }
    }
    this.tooLarge = other.tooLarge;
  }
}
