// What worker threads have counted: what each told last, and what those that are gone leave behind. Put together, counters never fall.
import { lasting, MergedTree, type Snapshot } from "../telemetry/snapshot.ts";

/** Figures of workers by their number. */
export class WorkerFigures {
  readonly #known = new Map<number, Snapshot>();
  /** What threads that are gone have counted, added up: it must not grow with every one that dies. */
  #departed: Snapshot | null = null;

  /** A worker told of all it has counted since it began. */
  take(worker: number, figures: Snapshot): void {
    this.#known.set(worker, figures);
  }

  /** Its thread is gone; the next one of this number counts from zero. */
  leave(worker: number): void {
    const known = this.#known.get(worker);
    if (known === undefined) return;
    this.#known.delete(worker);
    const departed = this.#departed === null ? [] : [this.#departed];
    this.#departed = new MergedTree([...departed, lasting(known)]).plain();
  }

  /** Of one worker, since its thread began. */
  of(worker: number): MergedTree {
    return new MergedTree([this.#known.get(worker) ?? NOTHING]);
  }

  /** Of all there are and were, and of control's own. Both kinds are read at one moment: who leaves is in one of them, never in both. */
  total(own: Snapshot): MergedTree {
    const departed = this.#departed === null ? [] : [this.#departed];
    return new MergedTree([own, ...this.#known.values(), ...departed]);
  }
}

const NOTHING: Snapshot = { segment: "" };
