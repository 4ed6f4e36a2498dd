// @hot Names of fields, each one object for as long as it is in use: everything that depends on the name alone is found out once.
import { latin1, putLatin1 } from "../../../base/bytes.ts";
import { Field, fieldIdOf } from "../../http/field-names.ts";
import { B3, DROPPED_FROM_ANSWER, DROPPED_FROM_REQUEST, PROTECTED } from "../../http/hop-by-hop.ts";
import { decodeHuffman, encodeHuffman, forbiddenLength, huffmanLength, MALFORMED, measureHuffman } from "./huffman.ts";
import { STATIC_TABLE } from "./static-table.ts";

/** Pseudo-header fields (RFC 9113 §8.3), as bits. */
export const Pseudo = { none: 0, method: 1, scheme: 2, authority: 4, path: 8, protocol: 16, status: 32 } as const;

/** What the value of a field must look like beyond what holds for all fields. */
export const Rule = {
  any: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  status: 5,
  te: 6,
  length: 7,
  host: 8,
  grpcStatus: 9,
  grpcTimeout: 10,
} as const;

const PSEUDO_BITS: ReadonlyMap<string, number> = new Map([
  [":method", Pseudo.method],
  [":scheme", Pseudo.scheme],
  [":authority", Pseudo.authority],
  [":path", Pseudo.path],
  [":protocol", Pseudo.protocol],
  [":status", Pseudo.status],
]);

const RULES: ReadonlyMap<string, number> = new Map([
  [":method", Rule.method],
  [":scheme", Rule.scheme],
  [":authority", Rule.authority],
  [":path", Rule.path],
  [":status", Rule.status],
  ["te", Rule.te],
  ["content-length", Rule.length],
  ["host", Rule.host],
  ["grpc-status", Rule.grpcStatus],
  ["grpc-timeout", Rule.grpcTimeout],
]);

/** Fields of HTTP/1 connections, which may not stand in a message of HTTP/2 (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

const SECRETS = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);
const CHANGING = new Set([
  ":path",
  "content-length",
  "etag",
  "last-modified",
  "if-none-match",
  "if-modified-since",
  "location",
  "age",
]);
const TELLING = new Set(["fairlead-cause", "l5d-err", "l5d-success-class"]);

/** What an entry of a table costs beyond its octets (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** The name of a field, as it was received. */
export class FieldName {
  readonly text: string;
  /** How a line of HTTP/1 begins. */
  readonly line: string;
  /** One of `Field`; 0 for a name the proxy does not look at. */
  readonly id: number;
  /** One of `Pseudo`. */
  readonly pseudo: number;
  /** One of `Rule`. */
  readonly rule: number;
  /** It may not stand in a message: empty, in upper case, not a token, of a connection, or an unknown pseudo-header field. */
  readonly malformed: boolean;
  /** It stops at a proxy, or is written anew there. */
  readonly endsInRequest: boolean;
  readonly endsInAnswer: boolean;
  /** `l5d-*` and `fairlead-*`. */
  readonly mesh: boolean;
  /** `x-b3-*` and `b3`. */
  readonly b3: boolean;
  /** A field of this name that comes from HTTP/1 is a secret, which stays out of every table (RFC 7541 §7.1.3), or changes from message to message. */
  readonly secret: boolean;
  readonly changing: boolean;
  /** It may stand among trailers: it decides neither framing nor routing nor context. What an inner proxy says of a failure may. */
  readonly trails: boolean;
  /** First index in the static table, 0 when it is not there. */
  readonly staticIndex: number;
  /** The octets to send. */
  readonly octets: Buffer;
  /** What a field of this name counts in a table besides its value (RFC 7541 §4.1). */
  readonly cost: number;
  readonly huffman: boolean;
  /** Distinguishes names in the tables of encoders. */
  readonly number: number;
  // How often its values were met again lately, within bounds; below zero they are taken to be unique.
  #familiar = FIRST_FAMILIAR;
  #glances = 0;

  constructor(text: string, raw: string, huffman: boolean) {
    this.text = text;
    this.line = `${text}: `;
    this.id = fieldIdOf(text);
    this.pseudo = PSEUDO_BITS.get(text) ?? Pseudo.none;
    this.rule = RULES.get(text) ?? Rule.any;
    this.malformed = CONNECTION_FIELDS.has(text) || (text.startsWith(":") ? this.pseudo === 0 : !isLowerToken(text));
    // `TE: trailers`, the only form that HTTP/2 has, may travel on.
    this.endsInRequest = DROPPED_FROM_REQUEST[this.id] === 1 && this.id !== Field.te;
    this.endsInAnswer = DROPPED_FROM_ANSWER[this.id] === 1;
    this.mesh = text.startsWith("l5d-") || text.startsWith("fairlead-");
    this.b3 = B3[this.id] === 1;
    this.secret = SECRETS.has(text);
    this.changing = CHANGING.has(text);
    this.trails = TELLING.has(text) || !(DROPPED_FROM_REQUEST[this.id] === 1 || PROTECTED[this.id] === 1 || this.mesh);
    this.staticIndex = STATIC_NAMES.get(text) ?? 0;
    this.octets = Buffer.allocUnsafeSlow(raw.length); // not from the pool: a name may be kept for ever, and would keep 64 kB
    putLatin1(this.octets, 0, raw);
    this.cost = text.length + ENTRY_OVERHEAD;
    this.huffman = huffman;
    this.number = nextNumber++;
  }

  /** Do its values hardly ever come twice (ids, times, traces)? Remembering them would only push out others. */
  get unique(): boolean {
    return this.#familiar < 0;
  }

  /** The same for a value just received. Of those that are taken to be unique, a few are remembered all the same, to see whether that is still so. */
  get seemsUnique(): boolean {
    return this.#familiar < 0 && (++this.#glances & GLANCE_MASK) !== 0;
  }

  /** A value was looked for among those that are remembered. */
  met(known: boolean): void {
    if (known) {
      if (this.#familiar < MOST_FAMILIAR) this.#familiar += this.#familiar < 0 ? REHABILITATION : 1;
    } else if (this.#familiar > -MOST_FAMILIAR) {
      this.#familiar--;
    }
  }
}

/** One of 64 values of a unique kind is remembered to learn from. */
const GLANCE_MASK = 63;
const MOST_FAMILIAR = 64;
/** So much is believed of a name that is new. */
const FIRST_FAMILIAR = 16;
/** A value that comes again although it was only one of few that are remembered says more. */
const REHABILITATION = 64;

let nextNumber = 1;

const STATIC_NAMES = new Map<string, number>();
for (let index = STATIC_TABLE.length; index > 0; index--) {
  STATIC_NAMES.set((STATIC_TABLE[index - 1] as readonly [string, string])[0], index);
}

// RFC 9113 §8.2.1 allows more octets in a name than RFC 9110 §5.6.2; whoever sends those means no good.
const LOWER_TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

function isLowerToken(text: string): boolean {
  return LOWER_TOKEN.test(text);
}

/** A name of our own, in the shorter of its two forms. */
export function ownName(text: string): FieldName {
  const known = OWN.get(text);
  if (known !== undefined) return known;
  const huffman = huffmanLength(text) < text.length;
  const name = new FieldName(text, huffman ? encodeHuffman(text) : text, huffman);
  if (OWN.size < MOST_OWN) OWN.set(text, name);
  return name;
}

const OWN = new Map<string, FieldName>();
const MOST_OWN = 512;
const SLOTS = 1024;
const MAX_REMEMBERED_BYTES = 64;

/** Names by their octets as received. A name that shares its slot with another replaces it. */
export class FieldNames {
  readonly #slots: (FieldName | null)[] = new Array<FieldName | null>(SLOTS).fill(null);

  /** The name in `buffer[start, end)`; null when it is not even a Huffman code. */
  of(buffer: Buffer, start: number, end: number, huffman: boolean): FieldName | null {
    let hash = huffman ? 1 : 0;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (buffer[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 11) ^ (hash >>> 22)) & (SLOTS - 1);
    const known = this.#slots[slot] as FieldName | null;
    if (known !== null && known.huffman === huffman && holdsOctets(buffer, start, end, known.octets)) return known;
    const name = makeName(buffer, start, end, huffman);
    if (name !== null && end - start <= MAX_REMEMBERED_BYTES) this.#slots[slot] = name;
    return name;
  }
}

function makeName(buffer: Buffer, start: number, end: number, huffman: boolean): FieldName | null {
  const raw = latin1(buffer, start, end);
  if (!huffman) return new FieldName(raw, raw, false);
  const measured = measureHuffman(buffer, start, end);
  if (measured === MALFORMED) return null;
  const text = Buffer.allocUnsafe(measured < 0 ? forbiddenLength(measured) : measured); // what is forbidden in values is none in names
  decodeHuffman(buffer, start, end, text, 0);
  return new FieldName(text.toString("latin1"), raw, true);
}

function holdsOctets(buffer: Buffer, start: number, end: number, octets: Buffer): boolean {
  const { length } = octets;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) if (buffer[start + i] !== octets[i]) return false;
  return true;
}

/** Is `buffer[start, end)` what `raw` says, one octet per character? */
export function holds(buffer: Buffer, start: number, end: number, raw: string): boolean {
  if (raw.length !== end - start) return false;
  for (let i = 0; i < raw.length; i++) if (buffer[start + i] !== raw.charCodeAt(i)) return false;
  return true;
}
