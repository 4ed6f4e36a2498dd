// Request heads as server halves have them: of HTTP/1 from text, also one that was given up in the middle; of HTTP/2 from fields.
import { fieldIdOf } from "../../src/protocols/http/field-names.ts";
import { HttpHead } from "../../src/protocols/http/head.ts";
import type { HttpMessage } from "../../src/protocols/http/message.ts";
import { Parse, parseRequestHead } from "../../src/protocols/http1/codec/parse-head.ts";
import type { LineBuffer } from "../../src/telemetry/line-buffer.ts";

const LIMITS = { maxLineBytes: 4096, maxFieldsBytes: 8192, maxFields: 100 };

/** Parses as far as it goes. */
export function requestHead(text: string): HttpHead {
  const head = new HttpHead();
  const bytes = Buffer.from(text, "latin1");
  head.reset();
  head.begin(bytes, 0);
  if (parseRequestHead(head, bytes.length, LIMITS) === Parse.done) head.adopt();
  return head;
}

/** The least that is an HTTP/2 request: fields as text, names in lower case. */
export class PlainHttp2Request implements HttpMessage {
  readonly version = "HTTP/2.0";
  readonly status = 0;
  readonly absolute = false;
  readonly method: string;
  readonly #path: string;
  readonly #authority: string;
  readonly #fields: [string, string][];
  newTarget: string | null = null;
  newHost: string | null = null;
  clearContext = false;
  otherBaggage: string | null = null;
  ownBaggage = false;

  constructor(method: string, path: string, authority: string, fields: readonly (readonly [string, string])[] = []) {
    this.method = method;
    this.#path = path;
    this.#authority = authority;
    this.#fields = fields.map(([name, value]) => [name, value]);
  }

  get count(): number {
    return this.#fields.length;
  }

  get target(): string {
    return this.newTarget ?? this.#path;
  }

  get host(): string {
    return this.newHost ?? this.#authority;
  }

  id(field: number): number {
    return fieldIdOf(this.name(field));
  }

  name(field: number): string {
    return this.#fields[field]?.[0] ?? "";
  }

  value(field: number): string {
    return this.#fields[field]?.[1] ?? "";
  }

  find(id: number): number {
    return this.findNext(id, -1);
  }

  findNext(id: number, field: number): number {
    return this.#fields.findIndex((_, i) => i > field && this.id(i) === id);
  }

  kept(): this {
    return this; // it lasts as it is
  }

  get(name: string): string | undefined {
    return this.#fields.find(([known]) => known === name)?.[1];
  }

  each(visit: (name: string, value: string) => void): void {
    for (const [name, value] of this.#fields) visit(name, value);
  }

  addField(name: string, value: string): void {
    this.#fields.push([name.toLowerCase(), value]);
  }

  readonly hasAdded = false;

  eachAdded(): void {}

  putLine(): void {}

  putMethod(line: LineBuffer): boolean {
    return put(line, this.method);
  }

  putTarget(line: LineBuffer): boolean {
    return put(line, this.#path);
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
