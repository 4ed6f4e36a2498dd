// One health check: a connection of its own, and at most one question on it.
import type { ByteStream, ConnectOptions, Connector, Transport } from "../../core/byte-stream.ts";
import { isExhaustion } from "../../core/exhaustion.ts";
import type { Judge, Question } from "./question.ts";

/** This proxy could not ask: it has no descriptors left. */
export const NOT_ASKED: unique symbol = Symbol("not asked");
/** What was wrong, or null. */
export type Finding = string | null | typeof NOT_ASKED;

/** Connects, asks, and tells once how that went. */
export class Probe implements Connector {
  readonly #question: Question | null;
  readonly #judge: Judge | null;
  readonly #done: (problem: Finding) => void;
  readonly #stream: ByteStream;
  #over = false;

  /**
   * @param question null when a connection is all that is wanted.
   * @param done hears what was found; not before this constructor has returned, and not after `cancel`.
   */
  constructor(
    transport: Transport,
    endpoint: ConnectOptions,
    question: Question | null,
    done: (problem: Finding) => void,
  ) {
    this.#question = question;
    this.#judge = question === null ? null : question.judge();
    this.#done = done;
    this.#stream = transport.connect(endpoint, this);
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    this.#over = true;
    this.#stream.destroy();
  }

  onConnect(): void {
    if (this.#over) return;
    if (this.#question === null) this.#end(null);
    else this.#stream.write(this.#question.bytes, 0, this.#question.bytes.length);
  }

  onBytes(buffer: Buffer, start: number, end: number): boolean {
    if (this.#over || this.#judge === null) return false;
    const verdict = this.#judge.read(Buffer.from(buffer.subarray(start, end)));
    if (verdict === undefined) return true;
    this.#end(verdict);
    return false;
  }

  onEnd(): void {
    this.#end("it closed the connection without an answer");
  }

  onClose(error: Error | null): void {
    if (error === null) this.#end("it closed the connection without an answer");
    else this.#end(isExhaustion(error) ? NOT_ASKED : `the connection failed (${error.message})`);
  }

  onWritten(): void {}

  #end(problem: Finding): void {
    if (this.#over) return;
    this.cancel();
    this.#done(problem);
  }
}
