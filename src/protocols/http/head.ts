// @hot A parsed message head: one buffer and a table of offsets. Strings are made only when asked for.
import { latin1 } from "../../base/bytes.ts";
import { InternedText } from "../../base/interned-text.ts";
import type { Reusable } from "../../base/pool.ts";
import type { Scratch } from "../../base/scratch.ts";
import type { Cause } from "../../core/cause.ts";
import type { LineBuffer } from "../../telemetry/line-buffer.ts";
import { Field, FIELD_COUNT, fieldIdOf } from "./field-names.ts";
import type { HttpMessage } from "./message.ts";

/** Integers per header line in `HttpHead.table`: id, name start, name end, value start, value end. */
export const STRIDE = 5;

/** How the length of a body is told (RFC 9112 §6.3). */
export const Framing = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** What a `Connection` header asked for, as bits. */
export const ConnectionFlag = { close: 1, keepAlive: 2, named: 4, upgrade: 8 } as const;

const FIRST_FIELDS = 32;
const OWN_BYTES = 2048;
const KEPT_BYTES = 32 * 1024;
const BLANK = 32;

/**
 * HTTP/1 request or answer head. All offsets are relative to `base` in `bytes`; after `adopt` the bytes are the head's own and
 * outlive the read callback.
 */
export class HttpHead implements HttpMessage, Reusable {
  bytes: Buffer = EMPTY;
  base = 0;
  table = new Int32Array(FIRST_FIELDS * STRIDE);
  count = 0;
  /** Field number + 1 of the first line with a known id. */
  readonly first = new Uint16Array(FIELD_COUNT);
  /** Offset of the first header line, and of the empty line that ends the head. */
  fieldsStart = 0;
  fieldsEnd = 0;
  /** Length of the whole head, the empty line included. */
  length = 0;

  // Request line.
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Status code of an answer. */
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor = 1;

  framing: Framing = Framing.none;
  contentLength = -1;
  chunked = false;
  connection = 0;
  expectContinue = false;
  upgrade = false;

  // What the server half decided to change before the head is forwarded.
  /** Replaces the target: an absolute URI brought to origin form, or a path whose first segments an identifier consumed. */
  newTarget: string | null = null;
  /** Replaces Host: the authority of an absolute URI. */
  newHost: string | null = null;
  /** Whole lines to add (Forwarded, timestamp), each ending in CRLF. */
  extraLines = "";
  /** The protocols that the service may switch to, as its `Upgrade` line, in lower case; `""` when none are offered to it. */
  offer = "";
  /** Edge mode: `l5d-*` lines of the message are not forwarded. */
  clearContext = false;
  otherBaggage: string | null = null;
  ownBaggage = false;

  /** Where parsing stopped for want of bytes: an offset at the start of a line. */
  scan = 0;
  started = false;
  /** Why the head was refused. */
  problem: Cause | null = null;

  #own: Buffer = EMPTY;
  #ownLength = 0;

  reset(): void {
    this.bytes = EMPTY;
    this.base = 0;
    this.count = 0;
    this.first.fill(0);
    this.length = 0;
    this.methodEnd = 0; // a head that is refused early must not show the request line of the one before
    this.targetStart = 0;
    this.targetEnd = 0;
    this.status = 0;
    this.framing = Framing.none;
    this.contentLength = -1;
    this.chunked = false;
    this.connection = 0;
    this.expectContinue = false;
    this.upgrade = false;
    this.newTarget = null;
    this.newHost = null;
    this.offer = "";
    this.extraLines = "";
    this.clearContext = false;
    this.otherBaggage = null;
    this.ownBaggage = false;
    this.scan = 0;
    this.started = false;
    this.problem = null;
    this.#ownLength = 0;
    if (this.#own.length > KEPT_BYTES) this.#own = EMPTY;
    if (this.table.length > 128 * STRIDE) this.table = new Int32Array(FIRST_FIELDS * STRIDE);
  }

  /** Makes room for one more header line. */
  growTable(): void {
    const grown = new Int32Array(this.table.length * 2);
    grown.set(this.table);
    this.table = grown;
  }

  /** Points the head at a read buffer, before parsing. */
  begin(buffer: Buffer, start: number): void {
    this.bytes = buffer;
    this.base = start;
  }

  /** Copies the head's bytes out of a read buffer, so that they stay. */
  adopt(): void {
    if (this.bytes === this.#own) return;
    const length = this.length;
    if (this.#own.length < length) this.#own = Buffer.allocUnsafeSlow(Math.max(OWN_BYTES, length * 2));
    this.bytes.copy(this.#own, 0, this.base, this.base + length);
    this.bytes = this.#own;
    this.base = 0;
  }

  /** Appends bytes of an unfinished head to the head's own buffer and parses from there on. */
  accumulate(buffer: Buffer, start: number, end: number): void {
    const needed = this.#ownLength + (end - start);
    if (this.#own.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(OWN_BYTES, needed * 2));
      this.#own.copy(grown, 0, 0, this.#ownLength);
      this.#own = grown;
    }
    buffer.copy(this.#own, this.#ownLength, start, end);
    this.#ownLength = needed;
    this.bytes = this.#own;
    this.base = 0;
  }

  /** Bytes accumulated of an unfinished head. */
  get accumulated(): number {
    return this.#ownLength;
  }

  id(field: number): number {
    return this.table[field * STRIDE] as number;
  }

  nameStart(field: number): number {
    return this.table[field * STRIDE + 1] as number;
  }

  nameEnd(field: number): number {
    return this.table[field * STRIDE + 2] as number;
  }

  valueStart(field: number): number {
    return this.table[field * STRIDE + 3] as number;
  }

  valueEnd(field: number): number {
    return this.table[field * STRIDE + 4] as number;
  }

  /** Offset just after the line of a field. */
  lineEnd(field: number): number {
    return field + 1 < this.count ? this.nameStart(field + 1) : this.fieldsEnd;
  }

  /** Number of the first field with a known id, or -1. */
  find(id: number): number {
    return (this.first[id] as number) - 1;
  }

  /** Number of the next field with this id after `field`, or -1. */
  findNext(id: number, field: number): number {
    for (let i = field + 1; i < this.count; i++) if (this.id(i) === id) return i;
    return -1;
  }

  text(start: number, end: number): string {
    return latin1(this.bytes, this.base + start, this.base + end);
  }

  value(field: number): string {
    return this.text(this.valueStart(field), this.valueEnd(field));
  }

  name(field: number): string {
    return this.text(this.nameStart(field), this.nameEnd(field));
  }

  get method(): string {
    return this.text(0, this.methodEnd);
  }

  /** The target to forward. */
  get target(): string {
    return this.newTarget ?? this.text(this.targetStart, this.targetEnd);
  }

  get version(): string {
    if (!this.started) return "";
    return this.minor === 0 ? "HTTP/1.0" : "HTTP/1.1";
  }

  get absolute(): boolean {
    return this.newHost !== null;
  }

  get reason(): string {
    return this.text(this.reasonStart, this.reasonEnd);
  }

  /** The Host to route by and to forward; `""` when there is none. */
  get host(): string {
    if (this.newHost !== null) return this.newHost;
    const field = this.find(Field.host);
    if (field < 0) return "";
    return HOSTS.of(this.bytes, this.base + this.valueStart(field), this.base + this.valueEnd(field));
  }

  kept(): HttpHead {
    const copy = new HttpHead();
    copy.bytes = Buffer.from(this.bytes.subarray(this.base, this.base + this.length)); // cold: answers that are held back
    copy.table = this.table.slice();
    copy.count = this.count;
    copy.first.set(this.first);
    copy.fieldsStart = this.fieldsStart;
    copy.fieldsEnd = this.fieldsEnd;
    copy.length = this.length;
    copy.status = this.status;
    copy.reasonStart = this.reasonStart;
    copy.reasonEnd = this.reasonEnd;
    copy.minor = this.minor;
    copy.framing = this.framing;
    copy.contentLength = this.contentLength;
    copy.chunked = this.chunked;
    copy.connection = this.connection;
    copy.started = this.started;
    return copy;
  }

  addField(name: string, value: string): void {
    this.extraLines += `${name}: ${value}\r\n`;
  }

  get hasAdded(): boolean {
    return this.extraLines !== "";
  }

  eachAdded(visit: (name: string, value: string) => void): void {
    const lines = this.extraLines.split("\r\n");
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      const colon = line.indexOf(": ");
      if (colon > 0) visit(line.slice(0, colon), line.slice(colon + 2));
    }
  }

  putLine(scratch: Scratch, field: number): void {
    scratch.append(this.bytes, this.base + this.nameStart(field), this.base + this.lineEnd(field));
  }

  putMethod(line: LineBuffer): boolean {
    if (this.methodEnd === 0) return false;
    line.range(this.bytes, this.base, this.base + this.methodEnd);
    return true;
  }

  /** The target of the request line, whatever it was changed into. */
  putTarget(line: LineBuffer): boolean {
    if (this.targetEnd === 0) return false;
    line.range(this.bytes, this.base + this.targetStart, this.base + this.targetEnd);
    return true;
  }

  putHost(line: LineBuffer): boolean {
    if (this.newHost !== null) {
      if (this.newHost === "") return false;
      line.text(this.newHost);
      return true;
    }
    const field = this.find(Field.host);
    return field >= 0 && !this.#hasBlanks(field) && this.putValue(line, field);
  }

  #hasBlanks(field: number): boolean {
    const end = this.base + this.valueEnd(field);
    for (let at = this.base + this.valueStart(field); at < end; at++)
      if ((this.bytes[at] as number) <= BLANK) return true;
    return false;
  }

  putValue(line: LineBuffer, field: number): boolean {
    const start = this.valueStart(field);
    const end = this.valueEnd(field);
    if (end === start) return false;
    line.range(this.bytes, this.base + start, this.base + end);
    return true;
  }

  each(visit: (name: string, value: string) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.name(i).toLowerCase(), this.value(i));
  }

  get(name: string): string | undefined {
    if (name === "host") return this.host === "" ? undefined : this.host;
    const id = fieldIdOf(name);
    if (id !== 0) {
      const field = this.find(id);
      return field < 0 ? undefined : this.value(field);
    }
    for (let i = 0; i < this.count; i++) {
      if (
        this.id(i) === 0 &&
        this.nameEnd(i) - this.nameStart(i) === name.length &&
        this.name(i).toLowerCase() === name
      ) {
        return this.value(i);
      }
    }
    return undefined;
  }
}

const EMPTY = Buffer.alloc(0);
const HOSTS = new InternedText();
