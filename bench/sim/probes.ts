// Asking instances how they are. They answer at once, but not while they stand still, and not at all when nobody is there.
import type { SimulatedEndpoint } from "./endpoint.ts";
import type { EventHandler, EventQueue } from "./event-queue.ts";
import type { Condition, Probe } from "./rivals/prequal.ts";

export function proberOver(queue: EventQueue, oneWayMs: number): Probe<SimulatedEndpoint> {
  const there = queue.lane(oneWayMs, ARRIVED);
  const back = queue.lane(oneWayMs, ANSWERED);

  class Question implements EventHandler {
    readonly #endpoint: SimulatedEndpoint;
    readonly #hear: (condition: Condition) => void;
    #condition: Condition = { rif: 0, latencyMs: 0 };

    constructor(endpoint: SimulatedEndpoint, hear: (condition: Condition) => void) {
      this.#endpoint = endpoint;
      this.#hear = hear;
    }

    on(event: number): void {
      if (event === ANSWERED) return this.#hear(this.#condition);
      const { instance } = this.#endpoint;
      if (instance.refuses) return;
      if (instance.pausedForMs > 0) return queue.after(instance.pausedForMs, this, ARRIVED);
      this.#condition = { rif: instance.rif, latencyMs: instance.book?.estimate(instance.rif, queue.nowMs) ?? 0 };
      back.push(this);
    }
  }

  return (endpoint, hear) => there.push(new Question(endpoint, hear));
}

const ARRIVED = 0;
const ANSWERED = 1;
