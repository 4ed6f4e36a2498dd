// @hot A field as it came from HPACK. Fields that come again are one object each, found by their octets as received: nothing about them is
// decoded or checked twice, and they are sent on in the very form they had (data-path §5).
import { copyBytes, latin1, putLatin1 } from "../../../base/bytes.ts";
import type { Scratch } from "../../../base/scratch.ts";
import { type FieldName, holds, ownName, Rule } from "./field-name.ts";
import { STATIC_TABLE } from "./static-table.ts";
import {
  copyHuffman,
  decodeHuffman,
  encodeHuffman,
  forbiddenLength,
  huffmanLength,
  MALFORMED,
  measureHuffman,
} from "./huffman.ts";

/** What the sender wants of the tables (RFC 7541 §6.2); we keep to it. */
export const Indexing = { incremental: 0, without: 1, never: 2 } as const;
export type Indexing = (typeof Indexing)[keyof typeof Indexing];

const NO_BYTES = Buffer.alloc(0);
/** The three integers of a literal with a name of its own. */
const INTEGERS_BYTES = 16;

/** A name and a value. */
export class HeaderField {
  name: FieldName;
  indexing: Indexing = Indexing.without;
  /** Distinguishes fields in the tables of encoders; 0 for one that is not remembered. */
  number = 0;
  /** Index in the static table when the whole field stands there. */
  staticIndex = 0;
  /** Is the value in Huffman code? */
  huffman = false;
  /** The value as it is sent, one octet per character; null for a field that is not remembered: then it is `bytes[start, end)`. */
  raw: string | null = null;
  bytes: Buffer = NO_BYTES;
  /** 0, and the length of `raw`, for one that is remembered. */
  start = 0;
  end = 0;
  /** Octets of the value, decoded. */
  length = 0;
  /** What it counts in a table and in a list (RFC 7541 §4.1). */
  size = 0;
  /** The value may not stand in a message. */
  malformed = false;
  /** `:status`, `content-length` and `grpc-status` as a number, -1 for others. */
  code = -1;
  #text: string | null = null;
  #line: string | null = null;

  constructor(name: FieldName) {
    this.name = name;
  }

  /** Octets of the value as sent. */
  get rawLength(): number {
    return this.end - this.start;
  }

  /** Octets it may need in a block. */
  get room(): number {
    return this.name.octets.length + this.end - this.start + INTEGERS_BYTES;
  }

  /** The value, one character per octet. */
  get value(): string {
    return (this.#text ??= this.#decode());
  }

  #decode(): string {
    if (!this.huffman) return this.raw ?? latin1(this.bytes, this.start, this.end);
    const source = this.raw === null ? this.bytes : Buffer.from(this.raw, "latin1");
    const start = this.raw === null ? this.start : 0;
    const end = this.raw === null ? this.end : source.length;
    const decoded = Buffer.allocUnsafe(this.length);
    decodeHuffman(source, start, end, decoded, 0);
    return decoded.toString("latin1");
  }

  /** Writes it as a line of HTTP/1. */
  putLine(scratch: Scratch): void {
    const { line } = this.name;
    if (this.raw !== null) {
      scratch.appendText((this.#line ??= `${line}${this.value}\r\n`)); // remembered: it is worth the string
      return;
    }
    scratch.reserve(line.length + this.length + 2);
    const { buffer } = scratch;
    let at = putLatin1(buffer, scratch.length, line);
    if (this.huffman) at = decodeHuffman(this.bytes, this.start, this.end, buffer, at);
    else {
      this.bytes.copy(buffer, at, this.start, this.end);
      at += this.length;
    }
    buffer[at] = 13;
    buffer[at + 1] = 10;
    scratch.length = at + 2;
  }

  /** Points a field that is not remembered at its octets. */
  point(name: FieldName, indexing: Indexing, huffman: boolean, bytes: Buffer, start: number, end: number): void {
    this.name = name;
    this.indexing = indexing;
    this.huffman = huffman;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#text = null;
    this.malformed = false;
    this.code = -1;
  }

  /** Makes `raw` its value as sent, for good. */
  remember(raw: string): void {
    this.raw = raw;
    this.end = raw.length;
  }

  /** Sends its value, which is remembered, in Huffman code. */
  encode(): void {
    this.remember(encodeHuffman(this.value));
    this.huffman = true;
  }

  /** Points it at nothing: its octets are somebody else's from now on. */
  forget(): void {
    this.bytes = NO_BYTES;
    this.#text = null;
  }

  /** Writes the value as it is sent; returns the position after it. */
  putRaw(buffer: Buffer, at: number): number {
    if (this.raw !== null) return putLatin1(buffer, at, this.raw);
    return copyBytes(this.bytes, this.start, this.end, buffer, at);
  }
}

let nextNumber = 1;

// A field made to be remembered. It is checked as it reads, not as it is sent: that needs no decoder, whose tables take time and memory.
function remembered(name: FieldName, indexing: Indexing, value: string): HeaderField {
  const field = new HeaderField(name);
  field.indexing = indexing;
  field.remember(value);
  field.number = nextNumber++;
  const bytes = Buffer.from(value, "latin1");
  check(field, bytes, 0, bytes.length);
  return field;
}

/** A field of ours, in the shorter of its two forms. */
export function ownField(name: string, value: string, indexing: Indexing): HeaderField {
  const field = remembered(ownName(name), indexing, value);
  if (huffmanLength(value) < value.length) field.encode();
  const inTable = STATIC_TABLE.findIndex(([n, v]) => n === name && v === value); // cold: fields that are made once
  if (inTable >= 0 && value !== "") field.staticIndex = inTable + 1;
  return field;
}

/** A field of ours whose value is sent as it is: for values that are not worth coding. */
export function plainField(name: string, value: string, indexing: Indexing): HeaderField {
  return remembered(ownName(name), indexing, value);
}

const SPACE = 32;
const TAB = 9;

/**
 * Finds out the length of a value, and whether it may stand in a message.
 * @returns false when it is no Huffman code at all.
 */
export function check(field: HeaderField, bytes: Buffer, start: number, end: number): boolean {
  if (field.huffman) return judgeCode(field, measureHuffman(bytes, start, end));
  judge(field, end - start, !isPlain(bytes, start, end));
  return true;
}

/** The same for a value that is also copied to `into[to, …)`. */
export function checkAndCopy(
  field: HeaderField,
  bytes: Buffer,
  start: number,
  end: number,
  into: Buffer,
  to: number,
): boolean {
  if (field.huffman) return judgeCode(field, copyHuffman(bytes, start, end, into, to));
  copyBytes(bytes, start, end, into, to);
  judge(field, end - start, !isPlain(bytes, start, end));
  return true;
}

function judgeCode(field: HeaderField, measured: number): boolean {
  if (measured === MALFORMED) return false;
  judge(field, measured < 0 ? forbiddenLength(measured) : measured, measured < 0); // tables count it all the same
  return true;
}

function judge(field: HeaderField, length: number, malformed: boolean): void {
  const { name } = field;
  field.length = length;
  field.size = name.cost + length;
  field.malformed = malformed || (name.rule !== Rule.any && !obeys(field, name.rule, field.value));
}

// RFC 9113 §8.2.1, RFC 9110 §5.5: no controls but HTAB, and no blank at either end.
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  if (end === start) return true;
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  if (first === SPACE || first === TAB || last === SPACE || last === TAB) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if ((byte < SPACE && byte !== TAB) || byte === 127) return false;
  }
  return true;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
/** What RFC 3986 §3.2 allows in a host and a port, but for the comma, at which lists are cut. */
const HOST = /^[A-Za-z0-9._~!$&'()*+;=%:[\]-]*$/;
/** A raw `#`, `\`, blank or control in a target is read in different ways by different programs. */
const NO_PATH = /[\0-\x20#\\\x7f]/;
const DIGITS = /^\d{1,15}$/;
const STATUS = /^[1-9]\d\d$/;
const GRPC_STATUS = /^\d{1,3}$/;

function obeys(field: HeaderField, rule: number, text: string): boolean {
  switch (rule) {
    case Rule.method:
      return TOKEN.test(text);
    case Rule.scheme:
      return SCHEME.test(text);
    case Rule.authority:
    case Rule.host:
      return HOST.test(text);
    case Rule.path:
      return (text.startsWith("/") || text === "*") && !NO_PATH.test(text);
    case Rule.status:
      if (!STATUS.test(text)) return false;
      field.code = Number(text);
      return true;
    case Rule.te:
      return text.toLowerCase() === "trailers";
    case Rule.length:
      if (!DIGITS.test(text)) return false;
      field.code = Number(text);
      return true;
    case Rule.grpcTimeout:
      return true; // a malformed one is no timeout
    default:
      field.code = GRPC_STATUS.test(text) ? Number(text) : -1;
      return true;
  }
}

/** Slots of the memory of fields: pairs of neighbours, the one used last first. */
const SETS = 8192;
/** Longer values are not remembered beyond their message. */
const MAX_REMEMBERED_BYTES = 512;

/** Fields by their octets as received. Bounded: of three that share a set, the one not used longest is forgotten. */
export class HeaderFields {
  readonly #slots: (HeaderField | null)[] = new Array<HeaderField | null>(2 * SETS).fill(null);

  /**
   * The field with the value `buffer[start, end)`, made when it is not known.
   * @returns null when the value is no Huffman code.
   */
  of(
    name: FieldName,
    indexing: Indexing,
    huffman: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): HeaderField | null {
    if (end - start > MAX_REMEMBERED_BYTES || (indexing === Indexing.incremental && name.seemsUnique))
      return made(name, indexing, huffman, buffer, start, end);
    let hash = (name.number << 3) ^ (indexing << 1) ^ (huffman ? 1 : 0);
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (buffer[at] as number)) | 0;
    const slot = ((hash ^ (hash >>> 12) ^ (hash >>> 24)) & (SETS - 1)) << 1;
    const slots = this.#slots;
    const first = slots[slot] as HeaderField | null;
    if (first !== null && is(first, name, indexing, huffman, buffer, start, end)) {
      name.met(true);
      return first;
    }
    const second = slots[slot + 1] as HeaderField | null;
    if (second !== null && is(second, name, indexing, huffman, buffer, start, end)) {
      slots[slot] = second;
      slots[slot + 1] = first;
      name.met(true);
      return second;
    }
    name.met(false);
    const field = made(name, indexing, huffman, buffer, start, end);
    if (field === null) return null;
    slots[slot] = field;
    slots[slot + 1] = first;
    return field;
  }
}

function is(
  field: HeaderField,
  name: FieldName,
  indexing: Indexing,
  huffman: boolean,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  return (
    field.name === name &&
    field.indexing === indexing &&
    field.huffman === huffman &&
    holds(buffer, start, end, field.raw as string)
  );
}

function made(
  name: FieldName,
  indexing: Indexing,
  huffman: boolean,
  buffer: Buffer,
  start: number,
  end: number,
): HeaderField | null {
  const field = new HeaderField(name);
  field.indexing = indexing;
  field.huffman = huffman;
  field.remember(latin1(buffer, start, end));
  field.number = nextNumber++;
  return check(field, buffer, start, end) ? field : null;
}
