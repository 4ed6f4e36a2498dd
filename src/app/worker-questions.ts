// What worker threads are asked about for people and monitoring. Whoever does not answer in time is passed over.
import type { WorkerSubject } from "../admin/subject.ts";
import type { Timers } from "../base/timers.ts";
import { within } from "../base/within.ts";
import type { Identified } from "./identify.ts";
import { type RouterState, stateOf } from "./planes.ts";
import type { WorkerFigures } from "./worker-figures.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { Answer } from "./worker-messages.ts";

/** A worker as it is at the moment. */
export interface AskedWorker {
  readonly index: number;
  readonly state: WorkerSubject["state"];
  /** Null while there is no thread. */
  readonly link: WorkerLink | null;
}

const ANSWER_MS = 2000;

/** Asks all workers, or the first that serves. */
export class WorkerQuestions {
  readonly #workers: readonly AskedWorker[];
  readonly #figures: WorkerFigures;
  readonly #timers: Timers;

  /** @param figures of those that do not answer stay what they were. */
  constructor(workers: readonly AskedWorker[], figures: WorkerFigures, timers: Timers) {
    this.#workers = workers;
    this.#figures = figures;
    this.#timers = timers;
  }

  /** Brings the figures up to date: those of one worker, or all. */
  async metrics(index?: number): Promise<void> {
    const asked = index === undefined ? this.#workers : this.#workers.slice(index, index + 1);
    await Promise.all(
      asked.map(async (worker) => {
        const { link } = worker;
        const answer = await this.#answered(worker, "metrics");
        if (answer?.to === "metrics" && link === worker.link) this.#figures.take(worker.index, answer.tree);
      }),
    );
  }

  /** What admin pages show of routers, by key, all workers together. */
  async routers(): Promise<ReadonlyMap<string, RouterState>> {
    const answers = await Promise.all(this.#workers.map((worker) => this.#answered(worker, "routers")));
    const dumps = answers.flatMap((answer) => (answer?.to === "routers" ? answer.dumps : []));
    const keys = new Set(dumps.map(({ key }) => key));
    return new Map([...keys].flatMap((key) => stateOf(key, dumps)));
  }

  /** See `identify`. All have the same routers; the first that answers will do. */
  async identify(head: string): Promise<readonly Identified[]> {
    for (const worker of this.#workers) {
      if (worker.state !== "serving") continue;
      const answer = await this.#inTime(worker, (link) => link.identify(head));
      if (answer?.to === "identify") return answer.names;
    }
    return [];
  }

  #answered(worker: AskedWorker, question: "metrics" | "routers") {
    return this.#inTime(worker, (link) => link.ask(question));
  }

  async #inTime({ link }: AskedWorker, ask: (link: WorkerLink) => Promise<Answer>): Promise<Answer | null> {
    if (link === null) return null;
    const answer = ask(link).catch(() => null);
    return within(this.#timers, ANSWER_MS, answer, null);
  }
}
