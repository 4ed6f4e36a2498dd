// @hot What has to be done once at the end of a turn of the event loop, however often it was asked for within the turn.
import type { Timers } from "./timers.ts";

/** Whoever has something to do then. */
export interface AtTurnEnd {
  turnEnded(): void;
}

/** The end of the current turn of one event loop. */
export class TurnEnd {
  readonly #timers: Timers;
  readonly #failed: (error: unknown) => void;
  #due: AtTurnEnd[] = [];
  #spare: AtTurnEnd[] = [];
  #scheduled = false;
  readonly #run = (): void => this.run();

  /** @param failed hears of errors; the others get their turn all the same. */
  constructor(timers: Timers, failed: (error: unknown) => void) {
    this.#timers = timers;
    this.#failed = failed;
  }

  /** `subject` is told when the turn ends; whoever asks twice is told twice. */
  add(subject: AtTurnEnd): void {
    this.#due.push(subject);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.soon(this.#run);
  }

  /** Ends the turn now. What is added meanwhile belongs to the next one. */
  run(): void {
    const due = this.#due;
    this.#due = this.#spare;
    this.#spare = due;
    this.#scheduled = false;
    for (let i = 0; i < due.length; i++) {
      try {
        (due[i] as AtTurnEnd).turnEnded();
      } catch (error) {
        this.#failed(error);
      }
    }
    due.length = 0;
  }
}
