// One attempt: over the network to an instance, and what came of it back again, unless the client stopped waiting.
import type { EventHandler } from "./event-queue.ts";
import type { Answer, Instance, Work } from "./instance.ts";
import { Happening, type Wires } from "./wires.ts";

export class Attempt implements EventHandler, Work {
  readonly startMs: number;
  readonly sizeMs: number;
  abandoned = false;
  stalledMs = 0;
  rifBefore = 0;
  arrivedMs = 0;
  lost = false;
  readonly #wires: Wires;
  readonly #instance: Instance;
  #hear: ((answer: Answer | null) => void) | null;
  #answer: Answer = 0;

  /** @param hear is told once; null when no answer came in time. */
  constructor(
    wires: Wires,
    instance: Instance,
    startMs: number,
    sizeMs: number,
    hear: (answer: Answer | null) => void,
  ) {
    this.#wires = wires;
    this.#instance = instance;
    this.startMs = startMs;
    this.sizeMs = sizeMs;
    this.#hear = hear;
  }

  send(): void {
    this.#wires.timeout.push(this);
    this.#wires.there.push(this);
  }

  doneIn(delayMs: number): void {
    this.#wires.queue.after(delayMs, this, Happening.served);
  }

  failIn(delayMs: number): void {
    this.#wires.queue.after(delayMs, this, Happening.failed);
  }

  answer(what: Answer): void {
    this.#answer = what;
    this.#wires.back.push(this);
  }

  on(event: Happening): void {
    switch (event) {
      case Happening.arrived:
        return this.#instance.receive(this);
      case Happening.served:
        return this.#instance.served(this);
      case Happening.failed:
        return this.answer(1);
      case Happening.answered:
        return this.#over(this.#answer);
      case Happening.timedOut:
        return this.#over(null);
    }
  }

  #over(answer: Answer | null): void {
    const hear = this.#hear;
    if (hear === null) return;
    this.#hear = null;
    this.abandoned = true;
    hear(answer);
  }
}
