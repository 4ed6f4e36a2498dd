// Stands in for an attempt whose answer nobody wants any longer: the rest of it is read and thrown away, so that the connection can be
// used again (linkerd1 §2.1.5: "unread response bodies are drained on retry").
import { Attempt, type AttemptOwner } from "../../core/attempt.ts";
import type { BodySink } from "../../core/body.ts";

/** Reading more than this costs more than a new connection. */
export const MOST_DISCARDED_BYTES = 64 * 1024;

const nobody: AttemptOwner = {
  answered: () => null,
  failed: () => undefined,
  finished: () => undefined,
  broke: () => undefined,
};

/** One for all: nothing is kept in it. */
export const discarded: Attempt = new Attempt();
discarded.owner = nobody;

/** Swallows an answer, up to a limit. */
export class Discard implements BodySink {
  readonly #tooMuch: () => void;
  #leftBytes = MOST_DISCARDED_BYTES;

  /** @param tooMuch is called when the answer is longer than it is worth. */
  constructor(tooMuch: () => void) {
    this.#tooMuch = tooMuch;
  }

  write(_buffer: Buffer, start: number, end: number): boolean {
    this.#leftBytes -= end - start;
    if (this.#leftBytes < 0) this.#tooMuch();
    return true;
  }

  end(): void {
    // The session has been told before.
  }

  abort(): void {
    // Nobody waits for the rest.
  }
}
