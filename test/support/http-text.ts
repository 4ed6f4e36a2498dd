// HTTP/1.1 messages as text, read by a second, independent hand: strict, slow, and in the fewest words. What the proxy sent
// is judged by this reader, never by the proxy's own parser.

/** One whole message. */
export interface Message {
  /** The request or status line. */
  readonly line: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Without the transfer coding. */
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** All bytes of it. */
  readonly raw: string;
}

export type Fields = Message["fields"];

/** All values of a field. */
export function valuesOf(message: { readonly fields: Fields }, name: string): string[] {
  return message.fields.filter(([known]) => known === name).map(([, value]) => value);
}

/** The only value of a field, `undefined` when there is none; several are joined. */
export function valueOf(message: { readonly fields: Fields }, name: string): string | undefined {
  const values = valuesOf(message, name);
  return values.length === 0 ? undefined : values.join(", ");
}

/** The status of an answer. */
export function statusOf(answer: { readonly line: string }): number {
  return Number(answer.line.slice(9, 12));
}

export function methodOf(request: { readonly line: string }): string {
  return request.line.slice(0, request.line.indexOf(" "));
}

export function targetOf(request: { readonly line: string }): string {
  return request.line.split(" ")[1] ?? "";
}

/** The text of a message, framed by Content-Length when it has a body. */
export function compose(line: string, fields: Readonly<Record<string, string>> = {}, body = ""): string {
  let text = `${line}\r\n`;
  for (const [name, value] of Object.entries(fields)) text += `${name}: ${value}\r\n`;
  if (body !== "") text += `Content-Length: ${body.length}\r\n`;
  return `${text}\r\n${body}`;
}

/** Chunks as the chunked coding has them, the last one included. */
export function chunked(...chunks: readonly string[]): string {
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("")}0\r\n\r\n`;
}

/** A head, before its body is complete. */
export interface Head {
  readonly line: string;
  readonly fields: Fields;
}

type Framing = { at: "none" } | { at: "length"; left: number } | { at: "chunked" } | { at: "until-close" };

/** Bytes that are not as RFC 9112 has them. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Cuts a flow of bytes into messages. @throws Malformed at the first byte that does not fit. */
export class MessageReader {
  readonly #kind: "request" | "answer";
  readonly #onMessage: (message: Message) => void;
  readonly #onHead: (head: Head) => void;
  /** For answers: the methods they answer, in order. */
  readonly methods: string[] = [];
  #text = "";
  #raw = "";
  #head: Head | null = null;
  #framing: Framing = { at: "none" };
  #body: string[] = [];
  #inChunk = 0;

  constructor(
    kind: "request" | "answer",
    onMessage: (message: Message) => void,
    onHead: (head: Head) => void = () => undefined,
  ) {
    this.#kind = kind;
    this.#onMessage = onMessage;
    this.#onHead = onHead;
  }

  /** Has a message begun that is not complete? */
  get midway(): boolean {
    return this.#head !== null || this.#text !== "";
  }

  /** What has arrived of the body in progress. */
  get partialBody(): string {
    return this.#body.join("");
  }

  push(text: string): void {
    this.#text += text;
    while (this.#step());
  }

  /** The flow has ended; false when that was in the middle of a message. */
  finish(): boolean {
    if (this.#head !== null && this.#framing.at === "until-close") {
      this.#done([]);
      return true;
    }
    return !this.midway;
  }

  #step(): boolean {
    if (this.#head === null) return this.#readHead();
    const framing = this.#framing;
    if (framing.at === "length") return this.#readLength(framing);
    if (framing.at === "chunked") return this.#readChunk();
    if (framing.at === "until-close") {
      this.#takeBody(this.#text.length);
      return false;
    }
    this.#done([]);
    return true;
  }

  #readHead(): boolean {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const text = this.#consume(end + 4);
    const [line = "", ...rest] = text.slice(0, -4).split("\r\n");
    const shape =
      this.#kind === "request" ? /^[!-~]+ [!-~\x80-\xff]+ HTTP\/1\.[01]$/ : /^HTTP\/1\.[01] [1-5]\d\d [^\r\n]*$/;
    if (!shape.test(line)) throw new Malformed(`not a ${this.#kind} line: ${JSON.stringify(line)}`);
    this.#head = { line, fields: parseFields(rest) };
    this.#framing = this.#kind === "request" ? lengthOf(this.#head) : this.#answerFraming(this.#head);
    this.#onHead(this.#head);
    return true;
  }

  #answerFraming(head: Head): Framing {
    const status = statusOf(head);
    if (status < 200) return { at: "none" };
    const toHead = (this.methods.shift() ?? "GET") === "HEAD";
    if (toHead || status === 204 || status === 304) return { at: "none" };
    const framing = lengthOf(head);
    const told = valueOf(head, "content-length") !== undefined;
    return framing.at === "none" && !told ? { at: "until-close" } : framing;
  }

  #readLength(framing: { left: number }): boolean {
    framing.left -= this.#takeBody(framing.left);
    if (framing.left > 0) return false;
    this.#done([]);
    return true;
  }

  #readChunk(): boolean {
    if (this.#inChunk > 0) {
      if (this.#inChunk > 2) this.#inChunk -= this.#takeBody(this.#inChunk - 2);
      if (this.#inChunk > 2 || this.#text.length < 2) return false;
      if (this.#consume(2) !== "\r\n") throw new Malformed("a chunk does not end in CRLF");
      this.#inChunk = 0;
      return true;
    }
    const end = this.#text.indexOf("\r\n");
    if (end < 0) return false;
    const size = this.#text.slice(0, end);
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new Malformed(`not a chunk size: ${JSON.stringify(size)}`);
    if (Number.parseInt(size, 16) === 0) return this.#readTrailers(end + 2);
    this.#consume(end + 2);
    this.#inChunk = Number.parseInt(size, 16) + 2;
    return true;
  }

  #readTrailers(from: number): boolean {
    if (this.#text.startsWith("\r\n", from)) {
      this.#consume(from + 2);
      this.#done([]);
      return true;
    }
    const end = this.#text.indexOf("\r\n\r\n", from);
    if (end < 0) return false;
    const text = this.#consume(end + 4).slice(from, -4);
    this.#done(parseFields(text.split("\r\n")));
    return true;
  }

  #takeBody(wanted: number): number {
    const part = this.#consume(Math.min(wanted, this.#text.length));
    if (part !== "") this.#body.push(part);
    return part.length;
  }

  #consume(length: number): string {
    const part = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    this.#raw += part;
    return part;
  }

  #done(trailers: Fields): void {
    const { line, fields } = this.#head as Head; // a message is done only when it has begun
    const message = { line, fields, body: this.#body.join(""), trailers, raw: this.#raw };
    this.#head = null;
    this.#body = [];
    this.#raw = "";
    this.#onMessage(message);
  }
}

function parseFields(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$/.exec(line);
    if (match === null) throw new Malformed(`not a field line: ${JSON.stringify(line)}`);
    return [(match[1] as string).toLowerCase(), match[2] as string]; // both groups take part in every match
  });
}

function lengthOf(head: Head): Framing {
  const codings = valuesOf(head, "transfer-encoding");
  const lengths = valuesOf(head, "content-length");
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0] !== "chunked" || lengths.length > 0)
      throw new Malformed("contradictory framing");
    return { at: "chunked" };
  }
  if (lengths.length === 0) return { at: "none" };
  if (lengths.length > 1 || !/^\d{1,16}$/.test(lengths[0] as string)) throw new Malformed("a bad Content-Length");
  const left = Number(lengths[0]);
  return left === 0 ? { at: "none" } : { at: "length", left };
}
