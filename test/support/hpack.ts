// HPACK as tests see it: lists of names and values in and out.
import { FieldList } from "../../src/protocols/http2/codec/field-list.ts";
import { FieldNames } from "../../src/protocols/http2/codec/field-name.ts";
import { type HeaderField, HeaderFields, Indexing, ownField } from "../../src/protocols/http2/codec/header-field.ts";
import { HpackDecoder } from "../../src/protocols/http2/codec/hpack-decoder.ts";
import { HpackEncoder } from "../../src/protocols/http2/codec/hpack-encoder.ts";

const NO_LIMITS = { maxFields: 10_000, maxBytes: 10_000_000 };

/** Decodes blocks of one connection. */
export class StoryDecoder {
  readonly #decoder: HpackDecoder;
  readonly #list = new FieldList();

  constructor(maxTableBytes = 4096) {
    this.#decoder = new HpackDecoder({ names: new FieldNames(), fields: new HeaderFields() }, maxTableBytes);
  }

  get tableBytes(): number {
    return this.#decoder.tableBytes;
  }

  /** @throws for a malformed block. */
  decode(wire: Buffer): [string, string][] {
    this.#list.clear();
    if (!this.#decoder.decode(wire, 0, wire.length, this.#list, NO_LIMITS)) throw new Error("malformed block");
    return this.#list.fields.slice(0, this.#list.count).map((field) => [field.name.text, field.value]);
  }

  setMaxTableBytes(bytes: number): void {
    this.#decoder.allow(bytes);
  }
}

/** Encodes blocks of one connection; everything is indexed. */
export class StoryEncoder {
  readonly #encoder: HpackEncoder;
  readonly #known = new Map<string, HeaderField>();

  constructor(maxTableBytes = 4096) {
    this.#encoder = new HpackEncoder(maxTableBytes);
  }

  encode(headers: readonly (readonly [string, string])[]): Buffer {
    const fields = headers.map(([name, value]) => this.#field(name, value));
    const room = fields.reduce((sum, field) => sum + field.room, HpackEncoder.BEGIN_BYTES);
    const block = Buffer.alloc(room);
    let at = this.#encoder.begin(block, 0);
    for (const field of fields) at = this.#encoder.field(block, at, field);
    return block.subarray(0, at);
  }

  setMaxTableBytes(bytes: number): void {
    this.#encoder.allow(bytes);
  }

  #field(name: string, value: string): HeaderField {
    const key = `${name}\0${value}`;
    const known = this.#known.get(key) ?? ownField(name, value, Indexing.incremental);
    this.#known.set(key, known);
    return known;
  }
}
