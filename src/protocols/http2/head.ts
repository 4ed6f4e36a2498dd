// @hot A head or a trailer section of HTTP/2: a list of fields, and what the pseudo-header fields among them say (RFC 9113 §8.3).
import type { Reusable } from "../../base/pool.ts";
import type { Scratch } from "../../base/scratch.ts";
import type { LineBuffer } from "../../telemetry/line-buffer.ts";
import { Field, fieldIdOf } from "../http/field-names.ts";
import type { HttpMessage } from "../http/message.ts";
import { FieldList } from "./codec/field-list.ts";
import { Pseudo, Rule } from "./codec/field-name.ts";
import type { HeaderField } from "./codec/header-field.ts";

/** What a header block is. */
export const Part = { request: 0, answer: 1, trailers: 2 } as const;
export type Part = (typeof Part)[keyof typeof Part];

const REQUEST_FIELDS = Pseudo.method | Pseudo.scheme | Pseudo.path;

/** Request head, answer head, or trailers. */
export class Http2Head implements HttpMessage, Reusable {
  readonly list = new FieldList();
  readonly version = "HTTP/2.0";
  readonly absolute = false;
  methodField: HeaderField | null = null;
  schemeField: HeaderField | null = null;
  authorityField: HeaderField | null = null;
  pathField: HeaderField | null = null;
  protocolField: HeaderField | null = null;
  statusField: HeaderField | null = null;
  status = 0;
  /** Length of the body as it was told, -1 when it was not. */
  contentLength = -1;
  grpcTimeout: HeaderField | null = null;
  /** `grpc-status`, -1 when there is none. */
  grpcStatus = -1;
  newTarget: string | null = null;
  newHost: string | null = null;
  clearContext = false;
  otherBaggage: string | null = null;
  ownBaggage = false;
  /** Fields of the proxy's own. */
  added: (readonly [name: string, value: string])[] | null = null;

  /** How many pseudo-header fields stand before the others. */
  #first = 0;
  // Which known fields there are, by id.
  #low = 0;
  #high = 0;

  reset(): void {
    this.list.clear();
    this.methodField = null;
    this.schemeField = null;
    this.authorityField = null;
    this.pathField = null;
    this.protocolField = null;
    this.statusField = null;
    this.status = 0;
    this.contentLength = -1;
    this.grpcStatus = -1;
    this.grpcTimeout = null;
    this.newTarget = null;
    this.newHost = null;
    this.clearContext = false;
    this.otherBaggage = null;
    this.ownBaggage = false;
    this.added = null;
    this.#first = 0;
    this.#low = 0;
    this.#high = 0;
  }

  /**
   * Looks through the fields once, after decoding.
   * @returns what is wrong with the message, or null: RFC 9113 §8.1.1 calls it malformed then.
   */
  read(part: Part): string | null {
    const { fields, count } = this.list;
    let pseudo = 0;
    for (let i = 0; i < count; i++) {
      const field = fields[i] as HeaderField;
      const { name } = field;
      if (name.malformed) return "a field name that is not allowed";
      if (field.malformed) return "a field value that is not allowed";
      if (name.pseudo !== Pseudo.none) {
        if (this.#first !== i) return "a pseudo-header field after others";
        if ((pseudo & name.pseudo) !== 0) return "a pseudo-header field twice";
        pseudo |= name.pseudo;
        this.#first = i + 1;
        this.#keepPseudo(name.pseudo, field);
      } else if (name.id !== Field.other) {
        if (name.id === Field.contentLength && !this.#readLength(field)) return "content-length twice";
        if (name.id === Field.host && !this.#agrees(field)) return "host and :authority differ";
        if (name.id < 32) this.#low |= 1 << name.id;
        else this.#high |= 1 << (name.id - 32);
      } else if (name.rule === Rule.grpcStatus) {
        this.grpcStatus = field.code;
      } else if (name.rule === Rule.grpcTimeout) {
        this.grpcTimeout = field;
      }
    }
    if (part === Part.request) return this.#requestProblem(pseudo);
    if (part === Part.answer) return pseudo === Pseudo.status ? null : "pseudo-header fields other than :status";
    return pseudo === Pseudo.none ? null : "pseudo-header fields among trailers";
  }

  #keepPseudo(pseudo: number, field: HeaderField): void {
    switch (pseudo) {
      case Pseudo.method:
        this.methodField = field;
        break;
      case Pseudo.scheme:
        this.schemeField = field;
        break;
      case Pseudo.authority:
        this.authorityField = field;
        break;
      case Pseudo.path:
        this.pathField = field;
        break;
      case Pseudo.protocol:
        this.protocolField = field;
        break;
      default:
        this.statusField = field;
        this.status = field.code;
    }
  }

  #readLength(field: HeaderField): boolean {
    const length = field.code;
    if (this.contentLength >= 0 && this.contentLength !== length) return false;
    this.contentLength = length;
    return true;
  }

  // Two names for one request would be routed by one and served by the other.
  #agrees(host: HeaderField): boolean {
    if (this.find(Field.host) >= 0) return false;
    return this.authorityField === null || this.authorityField.value.toLowerCase() === host.value.toLowerCase();
  }

  // RFC 9113 §8.3.1, §8.5; RFC 8441 §4.
  #requestProblem(pseudo: number): string | null {
    if ((pseudo & Pseudo.status) !== 0) return ":status in a request";
    if (this.methodField === null) return "no :method";
    if (this.protocolField !== null) {
      const whole = (pseudo & REQUEST_FIELDS) === REQUEST_FIELDS && this.authorityField !== null;
      return whole && this.method === "CONNECT" ? null : ":protocol without what belongs to it";
    }
    if (this.methodField.length === 7 && this.method === "CONNECT") {
      return pseudo === (Pseudo.method | Pseudo.authority) ? null : "CONNECT with :scheme or :path";
    }
    if ((pseudo & REQUEST_FIELDS) !== REQUEST_FIELDS) return "a pseudo-header field is missing";
    if ((this.pathField as HeaderField).length === 1 && this.target === "*" && this.method !== "OPTIONS") {
      return "* is a target for OPTIONS only";
    }
    return null;
  }

  kept(): Http2Head {
    const copy = new Http2Head();
    copy.copyFrom(this);
    return copy;
  }

  /** Takes over an answer or trailers from another head, which may then be used again. */
  copyFrom(other: Http2Head): void {
    this.reset();
    this.list.copyFrom(other.list);
    if (other.statusField !== null) this.statusField = this.list.fields[0] as HeaderField; // it stands before all others (§8.3)
    this.status = other.status;
    this.contentLength = other.contentLength;
    this.#first = other.#first;
    this.#low = other.#low;
    this.#high = other.#high;
    this.grpcStatus = other.grpcStatus;
  }

  // ---- As every version of HTTP sees it ----------------------------------------------------------------------------

  get count(): number {
    return this.list.count - this.#first;
  }

  /** A field, pseudo-header fields not counted. */
  at(field: number): HeaderField {
    return this.list.fields[this.#first + field] as HeaderField;
  }

  id(field: number): number {
    return this.at(field).name.id;
  }

  name(field: number): string {
    return this.at(field).name.text;
  }

  value(field: number): string {
    return this.at(field).value;
  }

  find(id: number): number {
    const there = id < 32 ? this.#low & (1 << id) : this.#high & (1 << (id - 32));
    return there === 0 ? -1 : this.findNext(id, -1);
  }

  findNext(id: number, field: number): number {
    const { count } = this;
    for (let i = field + 1; i < count; i++) if (this.id(i) === id) return i;
    return -1;
  }

  get method(): string {
    return this.methodField?.value ?? "";
  }

  get target(): string {
    return this.newTarget ?? this.pathField?.value ?? "";
  }

  get host(): string {
    if (this.newHost !== null) return this.newHost;
    if (this.authorityField !== null) return this.authorityField.value;
    const field = this.find(Field.host);
    return field < 0 ? "" : this.value(field);
  }

  addField(name: string, value: string): void {
    (this.added ??= []).push([name, value]);
  }

  get hasAdded(): boolean {
    return this.added !== null;
  }

  eachAdded(visit: (name: string, value: string) => void): void {
    if (this.added === null) return;
    for (let i = 0; i < this.added.length; i++) {
      const [name, value] = this.added[i] as readonly [string, string];
      visit(name, value);
    }
  }

  each(visit: (name: string, value: string) => void): void {
    for (let i = 0; i < this.count; i++) visit(this.name(i), this.value(i));
  }

  get(name: string): string | undefined {
    if (name === "host") return this.host === "" ? undefined : this.host;
    const id = fieldIdOf(name);
    if (id !== Field.other) {
      const field = this.find(id);
      return field < 0 ? undefined : this.value(field);
    }
    for (let i = 0; i < this.count; i++) {
      const field = this.at(i);
      if (field.name.text === name) return field.value;
    }
    return undefined;
  }

  putLine(scratch: Scratch, field: number): void {
    this.at(field).putLine(scratch);
  }

  putMethod(line: LineBuffer): boolean {
    return put(line, this.method);
  }

  putTarget(line: LineBuffer): boolean {
    return put(line, this.pathField?.value ?? "");
  }

  putHost(line: LineBuffer): boolean {
    return put(line, this.host);
  }

  putValue(line: LineBuffer, field: number): boolean {
    return put(line, this.value(field));
  }
}

function put(line: LineBuffer, text: string): boolean {
  if (text === "") return false;
  line.text(text);
  return true;
}
