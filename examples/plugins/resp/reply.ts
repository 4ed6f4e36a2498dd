// An answer: its five types (`+` `-` `:` `$` `*`), and where it ends; its bytes are passed on as they come.
import type { MessageHead } from "fairlead/plugin";
import { lengthIn } from "./command.ts";

const LF = 10;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const BULK = 36;
const ARRAY = 42;
/** A line longer than this is no line of Redis. */
const MAX_LINE_BYTES = 64 * 1024;
const MAX_BULK_BYTES = 512 * 1024 * 1024;
const MAX_DEPTH = 32;

/** The beginning of an answer. */
export class Reply implements MessageHead {
  /** `+`, `-`, `:`, `$` or `*`. */
  readonly type: string;
  /** The first word of an error, such as `ERR` or `MOVED`; empty of all else. */
  readonly error: string;
  readonly status: number;

  constructor(type: string, error: string) {
    this.type = type;
    this.error = error;
    this.status = type === "-" ? statusOf(error) : 200;
  }

  get(name: string): string | undefined {
    if (name === "type") return this.type;
    return name === "error" && this.error !== "" ? this.error : undefined;
  }

  each(visit: (name: string, value: string) => void): void {
    visit("type", this.type);
    if (this.error !== "") visit("error", this.error);
  }

  kept(): MessageHead {
    return this;
  }
}

/** The service can not do it at the moment, and has done nothing of it: another one may. */
const NOT_NOW = new Set([
  "LOADING",
  "BUSY",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "READONLY",
  "OOM",
  "MISCONF",
  "NOREPLICAS",
]);
/** The keys are elsewhere, says a cluster; its client has to follow. */
const ELSEWHERE = new Set(["MOVED", "ASK"]);

/** Answers in terms of statuses, by which figures and classifiers go: errors of the command are the caller's. */
function statusOf(error: string): number {
  if (NOT_NOW.has(error)) return 503;
  return ELSEWHERE.has(error) ? 302 : 400;
}

/** What `scan` says besides a position. */
export const BAD = -2;

/** Finds the end of one answer in bytes that arrive in pieces. Keeps lines that are cut, and nothing of bulk strings. */
export class ReplyScanner {
  /** The beginning of the answer, once its first line is there. */
  head: Reply | null = null;
  /** A line of which the end has not arrived. */
  #line: Buffer = Buffer.alloc(0);
  /** Bytes of a bulk string still to come, its CRLF among them. */
  #bulkLeft = 0;
  /** Elements to come of the arrays that are open; the answer itself is the only element of the outermost. */
  #open: number[] = [1];

  reset(): void {
    this.head = null;
    this.#line = Buffer.alloc(0);
    this.#bulkLeft = 0;
    this.#open = [1];
  }

  /** Takes bytes. @returns where the answer ends in them, -1 when it does not, or `BAD`. */
  scan(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#bulkLeft > 0) {
        const taken = Math.min(this.#bulkLeft, end - at);
        this.#bulkLeft -= taken;
        at += taken;
        if (this.#bulkLeft > 0) return -1;
        if (this.#closed()) return at;
        continue;
      }
      const lf = buffer.indexOf(LF, at);
      if (lf < 0 || lf >= end) return this.#keep(buffer, at, end) ? -1 : BAD;
      const cut = this.#line.length > 0;
      const line = cut ? Buffer.concat([this.#line, buffer.subarray(at, lf + 1)]) : buffer.subarray(at, lf + 1);
      if (cut) this.#line = Buffer.alloc(0);
      at = lf + 1;
      const step = this.#take(line);
      if (step === "bad") return BAD;
      if (step === "done") return at;
    }
    return -1;
  }

  #keep(buffer: Buffer, at: number, end: number): boolean {
    this.#line = Buffer.concat([this.#line, buffer.subarray(at, end)]);
    return this.#line.length <= MAX_LINE_BYTES;
  }

  #take(line: Buffer): "more" | "done" | "bad" {
    const type = line[0] ?? 0;
    const simple = type === PLUS || type === MINUS;
    if (!simple && type !== COLON && type !== BULK && type !== ARRAY) return "bad";
    if (line.length < 3 || line.length > MAX_LINE_BYTES || line.at(-2) !== 13) return "bad";
    this.head ??= new Reply(String.fromCharCode(type), type === MINUS ? firstWord(line) : "");
    if (simple || type === COLON) return this.#closed() ? "done" : "more";
    const length = lengthIn(line, 1, line.length - 1);
    if (length === null || length < -1) return "bad";
    return type === BULK ? this.#beginBulk(length) : this.#beginArray(length);
  }

  #beginBulk(length: number): "more" | "done" | "bad" {
    if (length > MAX_BULK_BYTES) return "bad";
    if (length < 0) return this.#closed() ? "done" : "more";
    this.#bulkLeft = length + 2;
    return "more";
  }

  #beginArray(length: number): "more" | "done" | "bad" {
    if (length <= 0) return this.#closed() ? "done" : "more";
    if (this.#open.length > MAX_DEPTH) return "bad";
    this.#open.push(length);
    return "more";
  }

  // One element is complete, and with it perhaps what it was the last of.
  #closed(): boolean {
    for (;;) {
      const left = (this.#open.pop() ?? 1) - 1;
      if (left > 0) {
        this.#open.push(left);
        return false;
      }
      if (this.#open.length === 0) return true;
    }
  }
}

function firstWord(line: Buffer): string {
  return /^[A-Z]+/.exec(line.toString("latin1", 1, Math.min(line.length, 32)))?.[0] ?? "ERR";
}
