// One health check: a connection of its own, and at most one question on it. Of the answer the status line is read, and no more.
import type { ByteStream, ConnectOptions, Connector, Transport } from "../../core/byte-stream.ts";

/** What is asked once the connection stands. */
export interface Question {
  /** The request. It stays as it is, for it may be sent many times at once. */
  readonly bytes: Buffer;
  readonly minStatus: number;
  readonly maxStatus: number;
}

/** As long as `HTTP/1.1 200` and what ends it. */
const STATUS_LINE_BYTES = 13;
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})[ \r\n]/;

/** A GET in HTTP/1.1, after which the connection is closed. */
export function httpQuestion(
  path: string,
  host: string,
  statuses: { readonly minStatus: number; readonly maxStatus: number },
): Question {
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, "User-Agent: fairlead-health-check", "Connection: close"];
  const { maxStatus, minStatus } = statuses;
  return { bytes: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), minStatus, maxStatus };
}

/** Connects, asks, and tells once how that went. */
export class Probe implements Connector {
  readonly #question: Question | null;
  readonly #done: (problem: string | null) => void;
  readonly #stream: ByteStream;
  #answer = "";
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
    if (this.#over || this.#question === null) return false;
    const missing = STATUS_LINE_BYTES - this.#answer.length;
    this.#answer += buffer.toString("latin1", start, Math.min(end, start + missing));
    if (this.#answer.length < STATUS_LINE_BYTES) return true;
    const status = Number(STATUS_LINE.exec(this.#answer)?.[1]);
    const { maxStatus, minStatus } = this.#question;
    if (Number.isNaN(status)) this.#end("it does not answer in HTTP/1.x");
    else this.#end(status >= minStatus && status <= maxStatus ? null : `it answers with status ${status}`);
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
