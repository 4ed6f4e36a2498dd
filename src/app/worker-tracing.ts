// Traced requests of a worker thread: they go to control in batches, where the telemeters are.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { TracedRequest } from "../telemetry/traced-request.ts";
import type { FromWorker } from "./worker-messages.ts";

/** How old one may become before it is handed over. */
const FLUSH_MS = 100;
/** Of one batch: what is beyond is dropped, so that control is never sent more than it can take. */
const MAX_REQUESTS = 1000;

/** Gathers them. */
export class TracedBatches {
  readonly #env: Env;
  readonly #post: (message: FromWorker) => void;
  #requests: TracedRequest[] = [];
  #dropped = 0;
  #due: Timer | null = null;

  constructor(env: Env, post: (message: FromWorker) => void) {
    this.#env = env;
    this.#post = post;
  }

  add(request: TracedRequest): void {
    this.#due ??= this.#env.timers.after(FLUSH_MS, () => this.flush());
    if (this.#requests.length < MAX_REQUESTS) this.#requests.push(request);
    else this.#dropped++;
  }

  /** Hands over what is left. */
  flush(): void {
    if (this.#due === null) return;
    this.#due.cancel();
    this.#due = null;
    this.#post({ type: "traced", requests: this.#requests, dropped: this.#dropped });
    this.#requests = [];
    this.#dropped = 0;
  }
}
