// One health check: a connection of its own, and at most one question on it.
import type { ByteStream, ConnectOptions, Connector, Transport } from "../../core/byte-stream.ts";
import type { Judge, Question } from "./question.ts";

/** Connects, asks, and tells once how that went. */
export class Probe implements Connector {
  readonly #question: Question | null;
  readonly #judge: Judge | null;
  readonly #done: (problem: string | null) => void;
  readonly #stream: ByteStream;
  #over = false;

  /**
   * @param question null when a connection is all that is wanted.
   * @param done hears what was wrong, or null; not before this constructor has returned, and not after `cancel`.
   */
  constructor(
    transport: Transport,
    endpoint: ConnectOptions,
    question: Question | null,
    done: (problem: string | null) => void,
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
    this.#end(
      error === null ? "it closed the connection without an answer" : `the connection failed (${error.message})`,
    );
  }

  onWritten(): void {}

  #end(problem: string | null): void {
    if (this.#over) return;
    this.cancel();
    this.#done(problem);
  }
}
