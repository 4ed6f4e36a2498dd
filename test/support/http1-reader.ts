// Drives the proxy's own codec over a flow of bytes that arrives in parts, the way the two halves do, and writes down what
// it found. Nothing here knows HTTP: a wrong result is the codec's.
import { type Cause, causes } from "../../src/core/cause.ts";
import { Framing, HttpHead } from "../../src/protocols/http/head.ts";
import { BodyReader, BodyStep } from "../../src/protocols/http1/body-reader.ts";
import {
  answerFraming,
  type HeadLimits,
  Parse,
  parseAnswerHead,
  parseRequestHead,
} from "../../src/protocols/http1/codec/parse-head.ts";

const DEFAULT_LIMITS: HeadLimits = { maxLineBytes: 4096, maxFieldsBytes: 8192, maxFields: 128 };

/** A message as the codec saw it. */
export interface Seen {
  /** Method and target, or status and reason. */
  readonly line: string;
  readonly minor: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: Framing;
  body: string;
  trailers: readonly (readonly [name: string, value: string])[];
  complete: boolean;
}

const REQUEST_PROBLEMS = { chunk: causes.requestChunk, trailer: causes.requestTrailer };
const ANSWER_PROBLEMS = { chunk: causes.answerChunk, trailer: causes.answerChunk };

/** Reads messages from parts. Each part comes in a buffer of its own, which is overwritten afterwards. */
export class Http1Reader {
  readonly seen: Seen[] = [];
  problem: Cause | null = null;
  readonly #request: boolean;
  readonly #methods: string[];
  readonly #limits: HeadLimits;
  readonly #body: BodyReader;
  #head: HttpHead | null = null;
  #message: Seen | null = null;

  /** @param methods for answers: the methods they answer; GET when there are no more. */
  constructor(kind: "request" | "answer", methods: readonly string[] = [], limits: HeadLimits = DEFAULT_LIMITS) {
    this.#request = kind === "request";
    this.#methods = [...methods];
    this.#limits = limits;
    this.#body = new BodyReader(this.#request ? REQUEST_PROBLEMS : ANSWER_PROBLEMS, limits);
  }

  /** Has a message begun that is not complete? */
  get midway(): boolean {
    return this.#head !== null || this.#message !== null;
  }

  push(text: string): void {
    const margin = 3;
    const buffer = Buffer.from("\0".repeat(margin) + text, "latin1");
    let at = margin;
    while (at < buffer.length && this.problem === null) {
      at = this.#message === null ? this.#readHead(buffer, at) : this.#readBody(buffer, at, this.#message);
    }
    buffer.fill(0xdb);
  }

  /** No more bytes will come. */
  finish(): void {
    if (this.#message?.framing === Framing.untilClose) this.#end(this.#message);
  }

  #readHead(buffer: Buffer, at: number): number {
    if (this.#head === null && this.#request && (buffer[at] === 13 || buffer[at] === 10)) return at + 1;
    const fresh = this.#head === null;
    const head = this.#head ?? new HttpHead();
    const before = head.accumulated;
    if (fresh) head.begin(buffer, at);
    else head.accumulate(buffer, at, buffer.length);
    const end = fresh ? buffer.length : head.accumulated;
    const verdict = this.#parse(head, end);
    if (verdict === Parse.incomplete) {
      if (fresh) head.accumulate(buffer, at, buffer.length);
      this.#head = head;
      return buffer.length;
    }
    this.#head = null;
    if (verdict === Parse.bad) {
      this.problem = head.problem;
      return buffer.length;
    }
    this.#begin(head);
    return at + head.length - before;
  }

  #parse(head: HttpHead, end: number): Parse {
    if (this.#request) return parseRequestHead(head, end, this.#limits);
    const verdict = parseAnswerHead(head, end, this.#limits);
    if (verdict !== Parse.done || head.status < 200)
      return verdict === Parse.done ? answerFraming(head, false) : verdict;
    return answerFraming(head, (this.#methods.shift() ?? "GET") === "HEAD");
  }

  #begin(head: HttpHead): void {
    const message: Seen = {
      line: this.#request ? `${head.method} ${head.target}` : `${head.status} ${head.reason}`.trimEnd(),
      minor: head.minor,
      fields: fieldsOf(head),
      framing: head.framing,
      body: "",
      trailers: [],
      complete: false,
    };
    this.seen.push(message);
    if (head.framing === Framing.none) {
      message.complete = true;
      return;
    }
    this.#message = message;
    this.#body.begin(head.framing, head.contentLength);
  }

  #readBody(buffer: Buffer, from: number, message: Seen): number {
    let at = from;
    for (;;) {
      const step = this.#body.next(buffer, at, buffer.length);
      at = this.#body.position;
      if (step === BodyStep.data) message.body += buffer.toString("latin1", this.#body.start, this.#body.end);
      else if (step === BodyStep.needMore) return buffer.length;
      else if (step === BodyStep.end) {
        this.#end(message);
        return at;
      } else {
        this.problem = this.#body.problem;
        return buffer.length;
      }
    }
  }

  #end(message: Seen): void {
    const trailers = this.#body.trailers;
    if (trailers !== null) message.trailers = fieldsOf(trailers as HttpHead); // both halves of this codec are HTTP/1
    message.complete = true;
    this.#message = null;
  }
}

function fieldsOf(head: HttpHead): [string, string][] {
  const fields: [string, string][] = [];
  head.each((name, value) => fields.push([name, value]));
  return fields;
}

const LONG = 2000;
const ENDS = 200;
const STRIDE = 61;

/** Every way to cut a text in two, the text as a whole, and the text byte by byte. The middle of a long text is cut here and there. */
export function* everySplit(text: string): Generator<string[]> {
  yield [text];
  for (let at = 1; at < text.length; at++) {
    const inside = at > ENDS && at < text.length - ENDS;
    if (text.length <= LONG || !inside || at % STRIDE === 0) yield [text.slice(0, at), text.slice(at)];
  }
  yield [...text];
}
